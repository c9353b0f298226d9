#include <mesaopt/gradient/sqp.hpp>

#include <cmath>
#include <functional>
#include <limits>

#include <mesaopt/core/minimize.hpp>

#include "support/allocations.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {
/// Any constrained objective, so that all cases share their code.
struct Any {
  std::function<double(const VectorXd&, VectorXd&)> f;
  std::function<void(const VectorXd&, VectorXd&, MatrixXd&)> c;
  Eigen::Index equal, unequal;
  VectorXd lower, upper;
  struct Bounds {
    const VectorXd& lower;
    const VectorXd& upper;
  };

  double operator()(const VectorXd& x, VectorXd& gradient) const { return f(x, gradient); }
  [[nodiscard]] Eigen::Index equalities() const { return equal; }
  [[nodiscard]] Eigen::Index inequalities() const { return unequal; }
  [[nodiscard]] Bounds box() const { return {lower, upper}; }
  void constraints(const VectorXd& x, VectorXd& out) const {
    MatrixXd J(out.size(), x.size());
    c(x, out, J);
  }
  void constraints(const VectorXd& x, VectorXd& out, MatrixXd& J) const { c(x, out, J); }
};
static_assert(Constrained<Any, VectorXd>);
static_assert(Bounded<Any, VectorXd>);

VectorXd of(std::initializer_list<double> values) {
  VectorXd x(Eigen::Index(values.size()));
  std::copy(values.begin(), values.end(), x.data());
  return x;
}
constexpr double forever = std::numeric_limits<double>::infinity();

/// Hock & Schittkowski's problem 6: (1 - x₀)² subject to 10 (x₁ - x₀²) = 0; minimum 0 at (1, 1).
Any hs6() {
  return {[](const VectorXd& x, VectorXd& g) {
            g << 2 * (x[0] - 1), 0;
            return (1 - x[0]) * (1 - x[0]);
          },
          [](const VectorXd& x, VectorXd& c, MatrixXd& J) {
            c << 10 * (x[1] - x[0] * x[0]);
            J << -20 * x[0], 10;
          },
          1,
          0,
          VectorXd::Constant(2, -forever),
          VectorXd::Constant(2, forever)};
}
/// Problem 71: x₀x₃(x₀ + x₁ + x₂) + x₂, product of all at least 25, squares sum to 40, between 1 and 5.
Any hs71() {
  return {[](const VectorXd& x, VectorXd& g) {
            const double s = x[0] + x[1] + x[2];
            g << x[3] * (s + x[0]), x[0] * x[3], x[0] * x[3] + 1, x[0] * s;
            return x[0] * x[3] * s + x[2];
          },
          [](const VectorXd& x, VectorXd& c, MatrixXd& J) {
            c << x.squaredNorm() - 40, 25 - x.prod();
            J.row(0) = 2 * x.transpose();
            for (Eigen::Index i = 0; i < 4; ++i) J(1, i) = -x.prod() / x[i];
          },
          1,
          1,
          VectorXd::Constant(4, 1),
          VectorXd::Constant(4, 5)};
}
}  // namespace

TEST_CASE("sequential quadratic programming finds published optima and their multipliers", "[gradient]") {
  const auto six = minimize(hs6(), of({-1.2, 1}), Sqp{});
  CAPTURE(six);
  CHECK(six.status == Status::converged);
  CHECK((six.x - VectorXd::Ones(2)).norm() < 1e-8);

  const auto solution = minimize(hs71(), of({1, 5, 5, 1}), Sqp{});
  CAPTURE(solution);
  CHECK(solution.status == Status::converged);
  CHECK(solution.value == Approx(17.0140172891563).epsilon(1e-10));
  CHECK(solution.state.violation <= 1e-9);
  CHECK(solution.state.multipliers[0] == Approx(0.16146857).epsilon(1e-6));
  CHECK(solution.state.multipliers[1] == Approx(0.55229366).epsilon(1e-6));
  CHECK(solution.state.bound_multipliers[0] == Approx(1.08787121).epsilon(1e-6));
  CHECK(solution.counts[0].gradients <= 12);
}

TEST_CASE("sequential quadratic programming: a run from its own solution ends after one step", "[gradient]") {
  const auto once = minimize(hs71(), of({1, 5, 5, 1}), Sqp{});
  const auto again = minimize(hs71(), once.state, Sqp{});
  CAPTURE(again);
  CHECK(again.status == Status::converged);
  CHECK(again.counts[0].iterations == 1);
  CHECK(again.x == once.x);
  // A solution is a prior as good as its state.
  auto state = again.state;
  state.multipliers.setZero();
  state.active = {};
  Sqp{}.init(hs71(), once, state);
  CHECK(state.multipliers == once.state.multipliers);
  CHECK(state.active == once.state.active);
}

TEST_CASE(
    "sequential quadratic programming: constraints that no point satisfies, and budgets, have a status of their own",
    "[gradient]") {
  const Any never{[](const VectorXd& x, VectorXd& g) {
                    g = 2 * x;
                    return x.squaredNorm();
                  },
                  [](const VectorXd& x, VectorXd& c, MatrixXd& J) {
                    c << x[0] + 1, 1 - x[0];  // x₀ <= −1 and x₀ >= 1
                    J << 1, 0, -1, 0;
                  },
                  0,
                  2,
                  VectorXd::Constant(2, -9),
                  VectorXd::Constant(2, 9)};
  const auto none = minimize(never, of({0.5, 0.5}), Sqp{});
  CAPTURE(none);
  CHECK(none.status == Status::infeasible);

  const auto short_run = minimize(hs71(), of({1, 5, 5, 1}), Sqp{}, MaxEvaluations{3});
  CHECK(short_run.status == Status::max_evaluations);
  CHECK(short_run.counts[0].evaluations() == 3);
}

TEST_CASE("every trial keeps the bounds, and a step allocates nothing", "[gradient]") {
  Any watched = hs71();
  bool inside = true;
  watched.f = [&inside, f = hs71().f](const VectorXd& x, VectorXd& g) {
    inside = inside && x.minCoeff() >= 1 && x.maxCoeff() <= 5;
    return f(x, g);
  };
  RunOf<Sqp, MaxIterations, Any, VectorXd> run;
  begin(watched, of({0, 7, 5, 1}), Sqp{}, MaxIterations{50}, run);
  advance(watched, Sqp{}, MaxIterations{50}, run);
  const auto before = allocations();
  resume(watched, Sqp{}, MaxIterations{50}, run);
  CHECK(allocations() == before);
  CHECK(run.status == Status::converged);
  CHECK(inside);
}

TEST_CASE("a trial that is not finite is stepped around, and exceptions leave the run valid", "[gradient]") {
  Any wall = hs6();
  wall.f = [f = hs6().f](const VectorXd& x, VectorXd& g) {
    return x[1] > 2 ? std::numeric_limits<double>::quiet_NaN() : f(x, g);
  };
  CHECK(minimize(wall, of({-1.2, 1}), Sqp{}).status == Status::converged);

  int calls = 0;
  Any thrower = hs71();
  thrower.f = [&calls, f = hs71().f](const VectorXd& x, VectorXd& g) {
    if (++calls == 4) throw std::runtime_error("four");
    return f(x, g);
  };
  RunOf<Sqp, MaxIterations, Any, VectorXd> run;
  begin(thrower, of({1, 5, 5, 1}), Sqp{}, MaxIterations{50}, run);
  CHECK_THROWS_WITH(resume(thrower, Sqp{}, MaxIterations{50}, run), "four");
  resume(thrower, Sqp{}, MaxIterations{50}, run);
  CHECK(run.status == Status::converged);
}
