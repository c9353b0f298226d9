// What does one implicit hypergradient cost beside the inner solve that it goes with?
//
// Inner problems are solved by L-BFGS to a gradient of 1e-8, from the solution at the outer point before. The outer
// points are those that an outer L-BFGS run accepts. At each of them two things are timed with the same memory of the
// point before: F alone, the warm inner solve with the outer value, and F with its hypergradient. The least of some
// repetitions in turns counts; medians over the points of a run, then over 20 instances.
//
// "ridge" is that of ridge_ladder.cpp: 20 weights with a log penalty each, 1000 examples, "scaled" with columns over
// 1.5 decades. "logistic" is softmax regression of 10 features in 3 classes, 33 weights, a log penalty a feature and
// one for the biases, 200 examples, 200 to validate, labels drawn from the model's probabilities. Instance s is drawn
// by Random{.seed = s}.
//
// "added" is what the hypergradient adds to the solve, and "with" both, over the solve alone: in gradients, where a
// Hessian product, a Hessian, a factorization counts as many gradients as it takes time, and in time. "per outer" is
// how many inner gradients the whole outer run made for each of its evaluations.
//   hypergradient_cost [--quick] [--seeds FIRST COUNT]

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include <Eigen/Cholesky>
#include <Eigen/Core>

#include <mesaopt/core/random.hpp>
#include <mesaopt/mesaopt.hpp>
#include <mesaopt/models/ridge.hpp>
#include <mesaopt/models/softmax_regression.hpp>
#include <mesaopt/objective/in_box.hpp>

#include "ridge_tuning.hpp"

namespace {

using namespace mesaopt;
using Vector = Eigen::VectorXd;
using Matrix = Eigen::MatrixXd;

template <class Training, class Validation>
struct Instance {
  Training training;
  Validation validation;
  Eigen::Index penalties;
  Vector start;
};

auto ridge(std::uint64_t seed, bool scaled) {
  const auto [training, validation] = ridge_tuning(seed, scaled);
  using I = Instance<models::RidgeTraining<double>, models::RidgeValidation<double>>;
  return I{training, validation, RidgeTuning::weights, Vector::Zero(RidgeTuning::weights)};
}

auto logistic(std::uint64_t seed) {
  constexpr Eigen::Index features = 10, classes = 3, weights = (features + 1) * classes;
  Random random{.seed = seed};
  Matrix truth(classes, features);
  random.fill_normal(truth);
  for (Eigen::Index j = 1; j < features; j += 2) truth.col(j).setZero();
  const auto draw = [&](Eigen::Index examples) {
    Matrix X(features, examples);
    random.fill_normal(X);
    std::vector<int> labels;
    for (Eigen::Index i = 0; i < examples; ++i) {
      const Eigen::ArrayXd odds = (truth * X.col(i)).array().exp();
      double left = random.uniform() * odds.sum();
      int label = 0;
      while (label + 1 < classes && (left -= odds[label]) > 0) ++label;
      labels.push_back(label);
    }
    return std::pair{X, labels};
  };
  const auto [X, labels] = draw(200);
  const auto [Xv, labels_v] = draw(200);
  std::vector<int> groups = models::softmax_feature_groups(features, classes);
  for (int& group : groups)
    if (group < 0) group = int(features);
  using I = Instance<models::SoftmaxRegression<double>, models::SoftmaxLoss<double>>;
  return I{{X, labels, classes, groups}, {Xv, labels_v, classes}, features + 1, Vector::Zero(weights)};
}

template <class Function>
double seconds(int repetitions, const Function& function) {
  const auto began = std::chrono::steady_clock::now();
  for (int i = 0; i < repetitions; ++i) function();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count() / repetitions;
}
/// How many gradients of the inner objective other things are worth.
struct Prices {
  double product = 0, hessian = 0, factorization = 0;
  [[nodiscard]] double of(const Counts& c) const {
    return double(c.gradients) + product * double(c.hessian_products) + hessian * double(c.hessians) +
           factorization * double(c.factorizations);
  }
};
template <class I>
Prices price(const I& instance) {
  const Vector x = Vector::Constant(instance.penalties, -1), y = Vector::LinSpaced(instance.start.size(), -0.1, 0.1);
  const auto place = family(instance.training);
  const auto f = detail::placed(place, x);
  Calls<Vector, MemoryOf<std::remove_const_t<decltype(f)>, Vector>> calls;
  Vector out = y;
  Matrix H;
  calls.hessian(f, y, H);
  Matrix L = H;
  const auto solve = [&] {
    L = H;
    Eigen::LLT<Eigen::Ref<Matrix>> llt(L);
  };
  Prices prices{1e9, 1e9, 1e9};
  double gradient = 1e9;
  for (int i = 0; i < 30; ++i) {  // in turns, as others may be at work on the machine
    gradient = std::min(gradient, seconds(10, [&] { calls.gradient(f, y, out); }));
    prices.product = std::min(prices.product, seconds(10, [&] { calls.hessian_product(f, y, y, out); }));
    prices.hessian = std::min(prices.hessian, seconds(2, [&] { calls.hessian(f, y, H); }));
    prices.factorization = std::min(prices.factorization, seconds(10, solve));
  }
  for (double* price : {&prices.product, &prices.hessian, &prices.factorization}) *price /= gradient;
  return prices;
}

double median(std::vector<double> v) {
  if (v.empty()) return std::nan("");
  std::sort(v.begin(), v.end());
  const auto m = v.size() / 2;
  return v.size() % 2 == 1 ? v[m] : (v[m - 1] + v[m]) / 2;
}

struct Cost {
  double gradients = 0, products = 0, factorizations = 0;  ///< of the solve, and what the hypergradient adds to it
  double added = 0, with = 0, added_time = 0, with_time = 0;
  double microseconds = 0, outer = 0, per_outer = 0;
};

template <class I, class Start, class Hypergradient>
Cost cost(const I& instance, const Start& start, const Hypergradient& hypergradient, int repetitions) {
  const auto F =
      nested(of_solution(instance.validation),
             response(family(instance.training), Search{Lbfgs{}, GradientBelow{1e-8} || MaxIterations{10000}}, start),
             hypergradient);
  const Prices prices = price(instance);
  const Box<Vector> box{Vector::Constant(instance.penalties, -12), Vector::Constant(instance.penalties, 6)};
  const auto free = in_box(F, box);
  std::vector<Vector> points;
  const auto run = minimize(free, free.from_box(Vector(Vector::Zero(instance.penalties))), Lbfgs{},
                            GradientBelow{1e-4} || MaxEvaluations{40},
                            [&](const auto& state, const Progress&) { points.push_back(free.to_box(state.x)); });
  Cost all;
  all.outer = double(run.counts[0].evaluations());
  all.per_outer = double(run.counts[1].gradients) / all.outer;

  std::vector<Cost> each;
  Calls<Vector, MemoryOf<decltype(F), Vector>> calls;
  Vector gradient(instance.penalties);
  calls.gradient(F, points.front(), gradient);
  calls.accept();
  for (std::size_t k = 1; k < points.size(); ++k) {
    if (points[k] == points[k - 1]) continue;
    const auto counted = [&](const auto& call) {
      calls.counts = {};
      call();
      return calls.counts[1];
    };
    const auto solve = [&] { calls.value(F, points[k]); };
    const auto whole = [&] { calls.gradient(F, points[k], gradient); };
    const Counts alone = counted(solve), both = counted(whole);
    double plain = 1e9, with = 1e9;
    const int at_once = seconds(1, solve) < 1e-3 ? 20 : 1;
    for (int i = 0; i < (at_once > 1 ? repetitions : 2); ++i) {
      plain = std::min(plain, seconds(at_once, solve));
      with = std::min(with, seconds(at_once, whole));
    }
    Cost c;
    c.gradients = double(alone.evaluations());
    c.products = double(both.hessian_products - alone.hessian_products);
    c.factorizations = double(both.factorizations - alone.factorizations);
    c.with = prices.of(both) / prices.of(alone);
    c.added = c.with - 1;
    c.with_time = with / plain;
    c.added_time = c.with_time - 1;
    c.microseconds = 1e6 * plain;
    each.push_back(c);
    calls.gradient(F, points[k], gradient);
    calls.accept();
  }
  for (const auto member : {&Cost::gradients, &Cost::products, &Cost::factorizations, &Cost::added, &Cost::with,
                            &Cost::added_time, &Cost::with_time, &Cost::microseconds}) {
    std::vector<double> v;
    for (const Cost& c : each) v.push_back(c.*member);
    all.*member = median(v);
  }
  return all;
}

template <class I, class Start, class Hypergradient>
void row(const char* name, const std::vector<I>& instances, Start start, Hypergradient hypergradient, int repetitions) {
  std::vector<Cost> costs;
  for (const I& instance : instances) costs.push_back(cost(instance, start(instance), hypergradient, repetitions));
  const auto of = [&](auto member) {
    std::vector<double> v;
    for (const Cost& c : costs) v.push_back(c.*member);
    return median(v);
  };
  std::printf("| %s | %.0f | %.1f | %.0f | %.0f | %.0f | %.2f | %.2f | %.2f | %.2f | %.2f |\n", name, of(&Cost::outer),
              of(&Cost::microseconds), of(&Cost::gradients), of(&Cost::products), of(&Cost::factorizations),
              of(&Cost::added), of(&Cost::with), of(&Cost::added_time), of(&Cost::with_time), of(&Cost::per_outer));
  std::fflush(stdout);
}

const auto from_warm = [](const auto& instance) { return warm(instance.start); };
const auto from_tangent = [](const auto& instance) { return tangent(instance.start); };
const auto from_newton = [](const auto& instance) { return newton_corrected(instance.start); };

}  // namespace

int main(int argc, char** argv) {
  std::uint64_t first = 1, count = 20;
  int repetitions = 5;
  for (int i = 1; i < argc; ++i) {
    if (std::string(argv[i]) == "--quick") count = 4, repetitions = 2;
    if (std::string(argv[i]) == "--seeds" && i + 2 < argc) {
      first = std::strtoull(argv[++i], nullptr, 10);
      count = std::strtoull(argv[++i], nullptr, 10);
    }
  }
  std::printf(
      "| problem, inner start, adjoint | outer evaluations | a solve, µs | gradients | products added | factorizations "
      "added | added, in gradients | with | added, in time | with | per outer |\n"
      "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n");
  const Implicit by_products{.dense_limit = 0};
  for (const bool scaled : {false, true}) {
    std::vector<decltype(ridge(1, false))> instances;
    for (std::uint64_t seed = first; seed < first + count; ++seed) instances.push_back(ridge(seed, scaled));
    const std::string name = scaled ? "ridge, scaled" : "ridge";
    row((name + ", warm, conjugate gradients").c_str(), instances, from_warm, by_products, repetitions);
    row((name + ", warm, Cholesky").c_str(), instances, from_warm, Implicit{}, repetitions);
    row((name + ", tangent, Cholesky").c_str(), instances, from_tangent, Implicit{}, repetitions);
    row((name + ", Newton-corrected, Cholesky").c_str(), instances, from_newton, Implicit{}, repetitions);
  }
  std::vector<decltype(logistic(1))> instances;
  for (std::uint64_t seed = first; seed < first + count; ++seed) instances.push_back(logistic(seed));
  row("logistic, warm, conjugate gradients", instances, from_warm, by_products, repetitions);
  row("logistic, warm, Cholesky", instances, from_warm, Implicit{}, repetitions);
  row("logistic, tangent, Cholesky", instances, from_tangent, Implicit{}, repetitions);
  row("logistic, Newton-corrected, Cholesky", instances, from_newton, Implicit{}, repetitions);
}
