#include <mesaopt/evolution/two_point.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/bytes.hpp>
#include <mesaopt/core/fields.hpp>
#include <mesaopt/core/minimize.hpp>
#include <mesaopt/evolution/cma_es.hpp>
#include <mesaopt/evolution/natural_evolution.hpp>

#include "support/allocations.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::VectorXd;

namespace {
struct Any {
  std::function<double(const VectorXd&)> f;
  double operator()(const VectorXd& x) const { return f(x); }
};
const Any sphere{[](const VectorXd& x) { return x.squaredNorm(); }};
const Any rosenbrock{[](const VectorXd& x) {
  double sum = 0;
  for (Eigen::Index i = 0; i + 1 < x.size(); ++i)
    sum += 100 * std::pow(x[i + 1] - x[i] * x[i], 2) + std::pow(1 - x[i], 2);
  return sum;
}};

double median_evaluations(const Any& f, const VectorXd& x0, CmaEs es) {
  std::vector<double> all;
  for (es.seed = 1; es.seed <= 9; ++es.seed) {
    const auto s = minimize(f, x0, es, TargetReached{1e-8} || MaxEvaluations{100'000});
    all.push_back(s.status == Status::target_reached ? double(s.counts[0].evaluations()) : INFINITY);
  }
  std::sort(all.begin(), all.end());
  return all[4];
}
}  // namespace

TEST_CASE("two points adapt the step size as well as pycma's do on Rosenbrock's function", "[two_point]") {
  // An example of pycma's TPA: from 0.2 in 10 variables, with step size 0.1, it typically takes less than 5500
  // evaluations to 1e-8, never more than 6500.
  CHECK(median_evaluations(rosenbrock, VectorXd::Constant(10, 0.2), {.step_size = 0.1, .two_point = true}) < 6500);
  const VectorXd x0 = VectorXd::Ones(10);
  CHECK(median_evaluations(sphere, x0, {.two_point = true}) < 1.4 * median_evaluations(sphere, x0, {}));
}

TEST_CASE("the two points lie on the line of the latest step, as far on as back", "[two_point]") {
  const CmaEs es{.two_point = true};
  CmaEs::State<VectorXd> state;
  es.init(rosenbrock, VectorXd(VectorXd::Zero(5)), state);
  for (int i = 0; i < 30; ++i) es.step(rosenbrock, state);
  const VectorXd before = state.mean;
  es.step(rosenbrock, state);
  const VectorXd step = state.mean - before, middle = state.mean;
  const auto batch = es.ask(state);
  const VectorXd on = batch.points.col(6) - middle, back = batch.points.col(7) - middle;
  CHECK((on + back).norm() <= 1e-12 * on.norm());
  CHECK(on.normalized().dot(step.normalized()) == Approx(1).epsilon(1e-9));
}

TEST_CASE("mirrored draws come in pairs, of which one recombines", "[two_point]") {
  const CmaEs es{.population = 9, .mirrored = true};
  CmaEs::State<VectorXd> state;
  es.init(sphere, VectorXd(VectorXd::Ones(5)), state);
  es.step(sphere, state);
  const VectorXd middle = state.mean;
  const auto batch = es.ask(state);
  for (Eigen::Index k = 0; k < 4; ++k)
    CHECK((batch.points.col(k) + batch.points.col(k + 4) - 2 * middle).norm() <= 1e-12);
  const VectorXd x0 = VectorXd::Ones(10);
  // Auger, Brockhoff and Hansen (2011): with pairwise selection mirrored draws converge no more slowly.
  CHECK(median_evaluations(sphere, x0, {.mirrored = true}) < 1.1 * median_evaluations(sphere, x0, {}));
  CHECK(median_evaluations(rosenbrock, VectorXd::Zero(6), {.mirrored = true}) < 10'000);
}

TEST_CASE("runs with two points and mirrors saved and loaded go on with the same bits, and allocate nothing",
          "[two_point]") {
  const CmaEs es{.mirrored = true, .two_point = true};
  CmaEs::State<VectorXd> straight, loaded;
  es.init(rosenbrock, VectorXd(VectorXd::Zero(5)), straight);
  for (int i = 0; i < 20; ++i) es.step(rosenbrock, straight);
  es.ask(straight);
  load(save(straight), loaded);
  const long before = allocations();
  for (int i = 0; i < 20; ++i) es.step(sphere, straight);
  CHECK(allocations() == before);
  for (int i = 0; i < 20; ++i) es.step(sphere, loaded);
  CHECK(identical(straight, loaded));
  CHECK_THROWS_WITH(minimize(sphere, VectorXd(VectorXd::Ones(2)), Xnes{.two_point = true}),
                    Catch::Contains("Xnes::two_point"));
}
