// The hypergradient through the training of a real network against central differences of whole trainings.

#include <mesaopt/mesaopt.hpp>

#include <mesaopt/core/random.hpp>
#include <mesaopt/models/mlp_training.hpp>

#include "support/catch.hpp"

using namespace mesaopt;
using Vector = Eigen::VectorXd;

namespace {

struct Data {
  Eigen::MatrixXd inputs;
  std::vector<int> labels;
};

/// Three overlapping classes in five dimensions.
Data draw(std::uint64_t seed, Eigen::Index examples) {
  Random random{.seed = seed};
  Data data{Eigen::MatrixXd(5, examples), std::vector<int>(std::size_t(examples))};
  random.fill_normal(data.inputs);
  for (Eigen::Index i = 0; i < examples; ++i) {
    const int label = int(i % 3);
    data.labels[std::size_t(i)] = label;
    data.inputs(label, i) += 1.5;
    data.inputs(3, i) += 0.5 * label;
  }
  return data;
}

const std::vector<Eigen::Index> widths{5, 4, 3};
const Search polish{Newton{}, GradientBelow{1e-14} || MaxIterations{200}};

auto problem(const Vector& from, Implicit implicit) {
  const Data train = draw(1, 60), held = draw(2, 45);
  const models::MlpTraining<double> training({widths}, train.inputs, train.labels);
  const models::MlpLoss<double> holdout({widths}, held.inputs, held.labels);
  return nested(of_solution(holdout), response(family(training), polish, from), implicit);
}

}  // namespace

TEST_CASE("the hypergradient through a trained network agrees with central differences") {
  Vector x(4);
  x << -3, -4, -3.5, -4.5;  // a log penalty for every weight matrix and bias vector
  const Vector w0 = models::initial_weights<double>(widths, 3);

  // Reach the basin by L-BFGS, then polish.
  const Data train = draw(1, 60);
  const models::MlpTraining<double> training({widths}, train.inputs, train.labels);
  const Vector near = minimize(At<models::MlpTraining<double>, Vector>{training, x}, w0, Lbfgs{},
                               GradientBelow{1e-6} || MaxIterations{5000})
                          .x;

  for (const Eigen::Index dense_limit : {256, 0}) {
    const auto f = problem(near, Implicit{.dense_limit = dense_limit});
    Calls<Vector, MemoryOf<decltype(f), Vector>> calls;
    Vector gradient(4);
    const auto evaluation = calls.gradient(f, x, gradient);
    REQUIRE(evaluation.verdict == Verdict::fine);
    CHECK(evaluation.certificate.stationarity <= 1e-14);

    // Differences start at the base solution, so that both ends stay in its basin.
    const Vector base = best_point(calls.slot.record.response.run);
    const auto from_base = problem(base, Implicit{});
    Calls<Vector, MemoryOf<decltype(from_base), Vector>> shifted;
    const double h = 1e-4;
    Vector differences(4);
    for (Eigen::Index j = 0; j < 4; ++j) {
      Vector above = x, below = x;
      above[j] += h;
      below[j] -= h;
      differences[j] = (shifted.value(from_base, above).value - shifted.value(from_base, below).value) / (2 * h);
    }
    CHECK((gradient - differences).norm() <= 1e-6 * differences.norm());
  }
}
