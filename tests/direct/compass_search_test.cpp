#include <mesaopt/direct/compass_search.hpp>

#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <stdexcept>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/bytes.hpp>
#include <mesaopt/core/fields.hpp>
#include <mesaopt/core/minimize.hpp>
#include <mesaopt/objective/bounds.hpp>

#include "support/allocations.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::VectorXd;

namespace {

struct Any {
  std::function<double(const VectorXd&)> f;
  double operator()(const VectorXd& x) const { return f(x); }
};
using State = CompassSearch::State<VectorXd>;

VectorXd all(Eigen::Index n, double value) { return VectorXd::Constant(n, value); }
const Any rosenbrock{[](const VectorXd& x) {
  double value = 0;
  for (Eigen::Index i = 0; i + 1 < x.size(); ++i)
    value += 100 * std::pow(x[i + 1] - x[i] * x[i], 2) + std::pow(1 - x[i], 2);
  return value;
}};
const Any sphere{[](const VectorXd& x) { return x.squaredNorm(); }};

struct Bowl {
  template <Point X>
  ScalarOf<X> operator()(const X& x) const {
    return (x.array() - 1).matrix().squaredNorm();
  }
};

}  // namespace

static_assert(OptimizerFor<CompassSearch, Any, VectorXd> &&
              OptimizerFor<CompassSearch, Within<Any, VectorXd>, VectorXd>);

TEST_CASE("compass search visits the points that the method prescribes", "[direct][compass_search]") {
  // By hand, from (0, 0) with steps of 1 to the minimum at (2, 0.5).
  std::vector<std::vector<double>> visited;
  const Any f{[&](const VectorXd& x) {
    visited.push_back({x[0], x[1]});
    return std::pow(x[0] - 2, 2) + std::pow(x[1] - 0.5, 2);
  }};
  State state;
  const CompassSearch optimizer{.step_size = 1};
  optimizer.init(f, all(2, 0), state);
  for (int k = 0; k < 4; ++k) optimizer.step(f, state);
  const std::vector<std::vector<double>> expected{{0, 0}, {1, 0},  {2, 0},   {3, 0},   {1, 0},
                                                  {2, 1}, {2, -1}, {2.5, 0}, {1.5, 0}, {2, 0.5}};
  CHECK(visited == expected);
  CHECK(state.value == 0);
  CHECK(state.steps == all(2, 0.5));
}

TEST_CASE("compass search finds minima of smooth functions", "[direct][compass_search]") {
  const auto round = minimize(sphere, VectorXd{{3, -1, 0.3, 7}}, CompassSearch{});
  CHECK(round.value < 1e-14);
  CHECK(round.status == Status::converged);
  const auto valley = minimize(rosenbrock, VectorXd{{-1.2, 1}}, CompassSearch{}, MaxEvaluations{200000});
  CHECK(valley.value < 1e-9);
  const auto floats = minimize(Bowl{}, Eigen::Vector3f(3, -1, 2), CompassSearch{.step_tolerance = 0});
  CHECK(floats.status == Status::stalled);
  CHECK(floats.value < 1e-12f);
}

TEST_CASE("compass search keeps bounds, and finds minima on them", "[direct][compass_search]") {
  const Box<VectorXd> box{VectorXd{{-2, -2, 0.3}}, VectorXd{{0.5, 2, 0.3}}};
  const Any watched{[&](const VectorXd& x) {
    if (!box.contains(x)) throw std::runtime_error("outside");
    return rosenbrock(x.head(2)) + x[2];
  }};
  const auto solution = minimize(within(watched, box), VectorXd{{-1, 2, 0.3}}, CompassSearch{.step_size = 5});
  CHECK(solution.value == Approx(0.55));
  CHECK(solution.x[0] == Approx(0.5));
  State state;
  CHECK_THROWS_WITH(CompassSearch{}.init(within(watched, box), VectorXd{{0.6, 0, 0.3}}, state),
                    Catch::Contains("start: coordinate 0"));
}

TEST_CASE("compass search takes no step to where f has no value", "[direct][compass_search]") {
  const Any cliff{[](const VectorXd& x) { return x[0] < 0.25 ? std::nan("") : x[1] > 2 ? HUGE_VAL : sphere(x); }};
  const auto solution = minimize(cliff, VectorXd{{3, 2}}, CompassSearch{});
  CHECK(solution.x[0] == Approx(0.25));
  CHECK(solution.value == Approx(0.0625));
  const auto bad = minimize(cliff, all(2, 0), CompassSearch{});
  CHECK(bad.status == Status::bad_start);
  CHECK(bad.counts[0].values == 1);
}

TEST_CASE("limits, exceptions and being saved do not change the course of compass search", "[direct][compass_search]") {
  const CompassSearch optimizer{.step_tolerance = 1e-3};
  const VectorXd x0{{-1.2, 1, 0.5}};
  State whole;
  optimizer.init(rosenbrock, x0, whole);
  const long before = allocations();
  while (whole.status == Status::running) optimizer.step(rosenbrock, whole);
  CHECK(allocations() == before);

  State state;
  optimizer.init(rosenbrock, x0, state);
  while (state.status == Status::running) {
    state.calls.limit = state.calls.counts[0].evaluations() + 2;
    const auto used = state.calls.counts[0].evaluations();
    optimizer.step(rosenbrock, state);
    CHECK(state.calls.counts[0].evaluations() <= used + 2);
    state = load<State>(save(state));
  }
  CHECK(identical(state.x, whole.x));
  CHECK(state.calls.counts[0].evaluations() == whole.calls.counts[0].evaluations());

  int calls = 0;
  const Any sometimes{[&](const VectorXd& x) {
    if (++calls % 7 == 0) throw std::runtime_error("now and then");
    return rosenbrock(x);
  }};
  state = {};
  optimizer.init(sometimes, x0, state);
  while (state.status == Status::running) {
    try {
      optimizer.step(sometimes, state);
    } catch (const std::runtime_error&) {
      CHECK(state.value == rosenbrock(state.x));
    }
  }
  CHECK(identical(state.x, whole.x));
  const long later = allocations();
  optimizer.init(rosenbrock, x0, state);
  CHECK(allocations() == later);
}

TEST_CASE("settings of compass search out of their range are refused", "[direct][compass_search]") {
  State state;
  CHECK_THROWS_WITH(CompassSearch{.step_size = -1}.check(), Catch::Contains("CompassSearch::step_size"));
  CHECK_THROWS_WITH(CompassSearch{.step_tolerance = -1}.check(), Catch::Contains("CompassSearch::step_tolerance"));
  CHECK_THROWS_AS(CompassSearch{}.init(sphere, VectorXd(), state), std::invalid_argument);
}
