#include <mesaopt/gradient/augmented_lagrangian.hpp>

#include <cmath>
#include <functional>
#include <limits>
#include <stdexcept>

#include <mesaopt/core/minimize.hpp>
#include <mesaopt/evolution/cma_es.hpp>
#include <mesaopt/gradient/lbfgs.hpp>

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

  double operator()(const VectorXd& x, VectorXd& gradient) const { return f(x, gradient); }
  [[nodiscard]] Eigen::Index equalities() const { return equal; }
  [[nodiscard]] Eigen::Index inequalities() const { return unequal; }
  void constraints(const VectorXd& x, VectorXd& out) const {
    MatrixXd J(out.size(), x.size());
    c(x, out, J);
  }
  void constraints(const VectorXd& x, VectorXd& out, MatrixXd& J) const { c(x, out, J); }
};
static_assert(Constrained<Any, VectorXd>);

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
          1, 0};
}
/// Problem 71: x₀x₃(x₀ + x₁ + x₂) + x₂, product of all at least 25, squares sum to 40, between 1 and 5 (here as
/// inequalities); minimum 17.0140173.
Any hs71() {
  return {[](const VectorXd& x, VectorXd& g) {
            const double s = x[0] + x[1] + x[2];
            g << x[3] * (s + x[0]), x[0] * x[3], x[0] * x[3] + 1, x[0] * s;
            return x[0] * x[3] * s + x[2];
          },
          [](const VectorXd& x, VectorXd& c, MatrixXd& J) {
            J.setZero();
            c[0] = x.squaredNorm() - 40;
            J.row(0) = 2 * x.transpose();
            c[1] = 25 - x.prod();
            for (Eigen::Index i = 0; i < 4; ++i) {
              J(1, i) = -x.prod() / x[i];
              c[2 + i] = 1 - x[i];
              J(2 + i, i) = -1;
              c[6 + i] = x[i] - 5;
              J(6 + i, i) = 1;
            }
          },
          1, 9};
}
const Search inner{Lbfgs{}, GradientBelow{1e-9} || MaxIterations{1000}};
}  // namespace

TEST_CASE("the augmented Lagrangian method finds published optima and their multipliers", "[gradient]") {
  VectorXd x(2);
  x << -1.2, 1;
  const auto six = minimize(hs6(), x, AugmentedLagrangian{inner});
  CAPTURE(six);
  CHECK(six.status == Status::converged);
  CHECK((six.x - VectorXd::Ones(2)).norm() < 1e-7);

  VectorXd start(4);
  start << 1, 5, 5, 1;
  const auto solution = minimize(hs71(), start, AugmentedLagrangian{inner});
  CAPTURE(solution);
  CHECK(solution.status == Status::converged);
  CHECK(solution.value == Approx(17.0140172891563).epsilon(1e-8));
  CHECK(solution.state.violation <= 1e-8);
  // The gradient of the Lagrangian vanishes, and inequalities have multipliers of 0 or more.
  VectorXd gradient(4), c(10);
  MatrixXd J(10, 4);
  hs71()(solution.x, gradient);
  hs71().constraints(solution.x, c, J);
  CHECK((gradient + J.transpose() * solution.state.multipliers).norm() < 1e-6);
  CHECK(solution.state.multipliers.tail(9).minCoeff() >= 0);
  CHECK(solution.state.multipliers[0] == Approx(0.16146857).epsilon(1e-5));
}

TEST_CASE("augmented Lagrangian: a run from its own solution ends after one step", "[gradient]") {
  VectorXd start(4);
  start << 1, 5, 5, 1;
  const AugmentedLagrangian method{inner};
  const auto once = minimize(hs71(), start, method);
  const auto again = minimize(hs71(), once.state, method);
  CHECK(again.status == Status::converged);
  CHECK(again.counts[0].iterations == 1);
  CHECK(again.value == Approx(once.value).epsilon(1e-9));
}

TEST_CASE("augmented Lagrangian: constraints that no point satisfies, and budgets, have a status of their own",
          "[gradient]") {
  const Any never{[](const VectorXd& x, VectorXd& g) {
                    g = 2 * x;
                    return x.squaredNorm();
                  },
                  [](const VectorXd& x, VectorXd& c, MatrixXd& J) {
                    c << x[0] + 1, 1 - x[0];  // x₀ <= −1 and x₀ >= 1
                    J << 1, 0, -1, 0;
                  },
                  0, 2};
  const VectorXd x = VectorXd::Zero(2);
  CHECK(minimize(never, x, AugmentedLagrangian{inner}).status == Status::infeasible);

  VectorXd start(4);
  start << 1, 5, 5, 1;
  const auto short_run = minimize(hs71(), start, AugmentedLagrangian{inner}, MaxEvaluations{20});
  CHECK(short_run.status == Status::max_evaluations);
  CHECK(short_run.counts[0].evaluations() == 20);
  CHECK(short_run.x.allFinite());
}

TEST_CASE("a bad start, settings out of range, and exceptions are told", "[gradient]") {
  Any bad = hs6();
  bad.c = [](const VectorXd&, VectorXd& c, MatrixXd& J) {
    c.setConstant(std::numeric_limits<double>::quiet_NaN());
    J.setZero();
  };
  const VectorXd x = VectorXd::Constant(2, 0.5);
  CHECK(minimize(bad, x, AugmentedLagrangian{inner}).status == Status::bad_start);

  AugmentedLagrangian method{inner};
  method.growth = 1;
  CHECK_THROWS_WITH(minimize(hs6(), x, method), Catch::Contains("AugmentedLagrangian::growth"));

  int calls = 0;
  Any thrower = hs6();
  thrower.f = [&calls, f = hs6().f](const VectorXd& at, VectorXd& g) {
    if (++calls == 9) throw std::runtime_error("nine");
    return f(at, g);
  };
  const AugmentedLagrangian usual{inner};
  RunOf<decltype(usual), MaxIterations, Any, VectorXd> run;
  begin(thrower, x, usual, MaxIterations{50}, run);
  CHECK_THROWS_WITH(resume(thrower, usual, MaxIterations{50}, run), "nine");
  CHECK(run.state.calls.counts[0].evaluations() == 9);
  CHECK(run.state.x.allFinite());
  resume(thrower, usual, MaxIterations{50}, run);
  CHECK(run.status == Status::converged);
}

TEST_CASE("augmented Lagrangian: around a search without gradients values of the constraints are enough",
          "[gradient]") {
  struct Line {
    double operator()(const VectorXd& x) const { return x[0] + 2 * x[1]; }
    [[nodiscard]] static Eigen::Index equalities() { return 1; }
    [[nodiscard]] static Eigen::Index inequalities() { return 0; }
    void constraints(const VectorXd& x, VectorXd& c) const { c << x.squaredNorm() - 1; }
  };
  static_assert(OptimizerFor<AugmentedLagrangian<CmaEs>, Line, VectorXd>);  // values alone are enough
  const VectorXd start = VectorXd::Constant(2, -1);
  const auto solution = minimize(Line{}, start, AugmentedLagrangian{CmaEs{.seed = 1}});
  CAPTURE(solution);
  CHECK(solution.status == Status::converged);
  CHECK(solution.value == Approx(-std::sqrt(5.0)).epsilon(1e-7));
  CHECK(solution.counts[0].gradients == 0);
}
