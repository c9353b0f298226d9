#include <mesaopt/core/residuals.hpp>

#include <limits>

#include <mesaopt/core/calls.hpp>
#include <mesaopt/core/optimizer.hpp>

#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::VectorXd;

namespace {
/// Rosenbrock's function in two residuals.
struct Valley {
  static Eigen::Index residual_count() { return 2; }
  void residuals(const VectorXd& x, VectorXd& r) const { r << 10 * (x[1] - x[0] * x[0]), 1 - x[0]; }
  void residuals(const VectorXd& x, VectorXd& r, Eigen::MatrixXd& J) const {
    residuals(x, r);
    J << -20 * x[0], 10, -1, 0;
  }
  double operator()(const VectorXd& x) const {
    VectorXd r(2);
    residuals(x, r);
    return r.squaredNorm() / 2;
  }
};
struct NoJacobian {
  static Eigen::Index residual_count() { return 2; }
  void residuals(const VectorXd&, VectorXd&) const {}
  double operator()(const VectorXd&) const { return 0; }
};
}  // namespace

TEST_CASE("an objective is of least squares if it gives residuals with and without their Jacobian", "[core]") {
  CHECK(LeastSquares<Valley, VectorXd>);
  CHECK_FALSE(LeastSquares<NoJacobian, VectorXd>);
  CHECK_FALSE(Constrained<Valley, VectorXd>);
}

TEST_CASE("calls of residuals are sized, counted as evaluations, limited, and judged", "[core]") {
  Calls<VectorXd> calls;
  VectorXd x(2), r;
  Eigen::MatrixXd J;
  x << -1.2, 1;
  CHECK(calls.residuals(Valley{}, x, r).value == Approx(12.1).epsilon(1e-15));
  CHECK(r.size() == 2);
  CHECK(calls.residuals(Valley{}, x, r, J).differentiable());
  CHECK(J(0, 0) == 24);
  CHECK(calls.counts[0].values == 1);
  CHECK(calls.counts[0].gradients == 1);

  x[0] = std::numeric_limits<double>::quiet_NaN();
  CHECK_FALSE(calls.residuals(Valley{}, x, r).usable());
  CHECK(calls.events[std::size_t(Reason::non_finite_value)].count == 1);

  calls.limit = 3;
  CHECK(calls.residuals(Valley{}, x, r, J).reason == Reason::budget_spent);
}

TEST_CASE("the value that residuals answer is that of the objective", "[core]") {
  struct Lower : Valley {
    double residuals(const VectorXd& x, VectorXd& r) const { return Valley::residuals(x, r), -5; }
    Evaluation<double> residuals(const VectorXd& x, VectorXd& r, Eigen::MatrixXd& J) const {
      Valley::residuals(x, r, J);
      return Evaluation<double>::failure(Reason::inner_failed);
    }
  };
  Calls<VectorXd> calls;
  VectorXd r;
  Eigen::MatrixXd J;
  const VectorXd x = VectorXd::Ones(2);
  CHECK(calls.residuals(Lower{}, x, r).value == -5);
  CHECK(calls.residuals(Lower{}, x, r, J).reason == Reason::inner_failed);
}
