#include <mesaopt/bayes/aligned_tasks.hpp>

#include <cmath>
#include <stdexcept>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/bayes/kernels.hpp>
#include <mesaopt/core/search.hpp>
#include <mesaopt/core/sobol.hpp>
#include <mesaopt/core/stopping.hpp>
#include <mesaopt/gradient/lbfgsb.hpp>

#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::MatrixXd, Eigen::VectorXd;
using K = kernels::SquaredExponential;

namespace {

double wave(double u, double v) { return std::sin(5 * u) + std::cos(4 * v) + u * v; }

using Fit = Search<LbfgsB, decltype(GradientBelow{} || MaxEvaluations{})>;
const Fit fit{LbfgsB{}, GradientBelow{1e-2} || MaxEvaluations{60}};
const GaussianProcess<K> blank(K{VectorXd{{0.5, 0.5}}}, GaussianProcessSettings<double>{.noise = 1e-6});
const DimensionScaledPriors exact{.length_scale_deviation = 3, .noise_location = -14, .noise_deviation = 4};
const std::vector<bool> movable{true, true};

Observations seen(Eigen::Index count, std::uint64_t seed, double shift, double stretch) {
  Observations all(2);
  MatrixXd X(2, count);
  Sobol{.dimension = 2, .seed = seed}.fill(X);
  for (Eigen::Index i = 0; i < count; ++i) all.add(X.col(i), 3 + stretch * wave(X(0, i) + shift, X(1, i) - shift));
  return all;
}
EarlierTask<K> task(std::uint64_t seed, double shift, double stretch) {
  EarlierTask<K> out;
  out.learn(seen(30, seed, shift, stretch));
  out.model.follow(out.observations, {}, blank, exact, fit);
  return out;
}

}  // namespace

TEST_CASE(
    "a task that is shifted, stretched and lifted is found out from 7 observations, and one upside down is not "
    "heeded",
    "[bayes][aligned_tasks]") {
  const Observations all = seen(7, 1, 0, 1);
  Surrogate<K> current;
  current.follow(all, {}, blank, exact, fit);
  std::vector<EarlierTask<K>> tasks{task(2, 0.08, -1), task(3, -0.1, 20)};
  const AlignedTasks aligned;
  Random random{.seed = 1};
  auto process = aligned.follow(tasks, all, current, blank, movable, exact, fit, random);
  REQUIRE(process);
  CHECK(tasks[1].weight > 0);
  CHECK(tasks[1].weight > tasks[0].weight);
  CHECK(tasks[1].alignment.shift[0] == Approx(0.1).margin(0.01));
  CHECK(tasks[1].alignment.shift[1] == Approx(-0.1).margin(0.01));
  AlignedPrediction there;
  process->predict(MatrixXd{{0.3, 0.75}, {0.2, 0.6}}, there);
  CHECK(current.scale.value(there.mean[0]) == Approx(3 + wave(0.3, 0.2)).margin(0.02));
  CHECK(current.scale.value(there.mean[1]) == Approx(3 + wave(0.75, 0.6)).margin(0.02));

  tasks.pop_back();
  CHECK_FALSE(aligned.follow(tasks, all, current, blank, movable, exact, fit, random));
}

TEST_CASE("alike tasks are joined, one that is upside down stays by itself", "[bayes][aligned_tasks]") {
  std::vector<EarlierTask<K>> tasks{task(2, 0, 1), task(3, 0.05, -1), task(4, -0.05, 5)};
  Random random{.seed = 1};
  AlignedTasks{}.gather(tasks, blank, movable, exact, fit, random);
  REQUIRE(tasks.size() == 2);
  CHECK(tasks[0].observations.size() == 60);
  CHECK(tasks[1].observations.size() == 30);
  Prediction<double> there;
  tasks[0].model.process.predict(MatrixXd{{0.3}, {0.2}}, there);
  CHECK(tasks[0].model.scale.value(there.mean[0]) == Approx(3 + wave(0.3, 0.2)).margin(0.01));
}

TEST_CASE("settings of aligned tasks out of their range are refused", "[bayes][aligned_tasks]") {
  CHECK_NOTHROW(AlignedTasks{}.check());
  CHECK_THROWS_AS((AlignedTasks{{}, -1}.check()), std::invalid_argument);
  CHECK_THROWS_AS((AlignedTasks{{}, 0, 0}.check()), std::invalid_argument);
  CHECK_THROWS_AS((AlignedTasks{{}, 0, 1, 0}.check()), std::invalid_argument);
}
