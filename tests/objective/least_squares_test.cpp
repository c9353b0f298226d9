#include <mesaopt/objective/least_squares.hpp>

#include <cmath>
#include <limits>

#include <mesaopt/core/calls.hpp>
#include <mesaopt/core/minimize.hpp>
#include <mesaopt/gradient/lbfgs.hpp>
#include <mesaopt/gradient/levenberg_marquardt.hpp>
#include <mesaopt/objective/bounds.hpp>
#include <mesaopt/problems/more_garbow_hillstrom.hpp>

#include "support/allocations.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::MatrixXd;
using Eigen::VectorXd;
using problems::MoreGarbowHillstrom;

namespace {
/// Residuals of the problem of Kowalik and Osborne, with derivatives nobody wrote.
struct Enzyme {
  template <class X, class R>
  void operator()(const X& x, R& r) const {
    MoreGarbowHillstrom(15).residuals(x, r);
  }
};
/// The same with its Jacobian.
struct EnzymeWithJacobian : Enzyme {
  using Enzyme::operator();
  void operator()(const VectorXd& x, VectorXd& r, MatrixXd& J) const { MoreGarbowHillstrom(15).residuals(x, r, J); }
};
constexpr Eigen::Index m = 11, n = 4;

/// The largest error of the Jacobian that f gives at x, of what the problem itself says, relative to its largest entry.
template <class F>
double jacobian_error(const F& f, const VectorXd& x) {
  Calls<VectorXd, MemoryOf<F, VectorXd>> calls;
  VectorXd r, right_r(m);
  MatrixXd J, right(m, n);
  CHECK(calls.residuals(f, x, r, J).usable());
  MoreGarbowHillstrom(15).residuals(x, right_r, right);
  CHECK(r == right_r);
  return (J - right).cwiseAbs().maxCoeff() / right.cwiseAbs().maxCoeff();
}
}  // namespace

TEST_CASE("a function of residuals is an objective of least squares with value and gradient", "[objective]") {
  const MoreGarbowHillstrom problem(15);
  const VectorXd x = problem.start(0.9);
  const auto f = least_squares(EnzymeWithJacobian{}, m);
  using F = decltype(f);
  STATIC_REQUIRE(LeastSquares<F, VectorXd>);
  STATIC_REQUIRE(Differentiable<F, VectorXd>);
  CHECK(jacobian_error(f, x) == 0);
  Calls<VectorXd, MemoryOf<F, VectorXd>> calls;
  VectorXd g(n), right(n);
  CHECK(calls.gradient(f, x, g).value == Approx(problem(x, right)).epsilon(1e-14));
  CHECK((g - right).norm() <= 1e-14 * right.norm());
  CHECK(calls.value(f, x).value == Approx(problem(x)).epsilon(1e-14));
  CHECK(calls.counts[0].evaluations() == 2);
}

TEST_CASE("Jacobians are exact by forward mode, and as exact as differences can be else", "[objective]") {
  const VectorXd x = MoreGarbowHillstrom(15).start(0.9);
  CHECK(jacobian_error(least_squares(forward_mode(Enzyme{}), m), x) <= 1e-15);
  CHECK(jacobian_error(least_squares(Enzyme{}, m), x) <= 1e-9);
  const double one_sided = jacobian_error(least_squares(finite_difference(Enzyme{}, {.central = false}), m), x);
  CHECK(one_sided <= 1e-6);
  CHECK(one_sided >= 1e-10);
}

TEST_CASE("differences of residuals are counted as values, 2n for a Jacobian or n", "[objective]") {
  const VectorXd x = MoreGarbowHillstrom(15).start();
  VectorXd r;
  MatrixXd J;
  const auto values = [&](const auto& f) {
    Calls<VectorXd, MemoryOf<std::remove_cvref_t<decltype(f)>, VectorXd>> calls;
    calls.residuals(f, x, r, J);
    CHECK(calls.counts[0].gradients == 1);
    return calls.counts[0].values;
  };
  CHECK(values(least_squares(Enzyme{}, m)) == 2 * n);
  CHECK(values(least_squares(finite_difference(Enzyme{}, {.central = false}), m)) == n);
  CHECK(values(least_squares(forward_mode(Enzyme{}), m)) == 0);
}

TEST_CASE("second derivatives by forward mode agree with differences of gradients", "[objective]") {
  const auto f = least_squares(forward_mode(Enzyme{}), m);
  using F = decltype(f);
  STATIC_REQUIRE(TwiceDifferentiable<F, VectorXd>);
  Calls<VectorXd, MemoryOf<F, VectorXd>> calls;
  const VectorXd x = MoreGarbowHillstrom(15).start(0.9), v = VectorXd::LinSpaced(n, -1, 2);
  VectorXd product, up, down;
  calls.hessian_product(f, x, v, product);
  calls.gradient(f, x + 1e-5 * v, up);
  calls.gradient(f, x - 1e-5 * v, down);
  CHECK((product - (up - down) / 2e-5).norm() <= 1e-8 * product.norm());
}

TEST_CASE("differences of residuals keep to the bounds, and to the side where they are finite", "[objective]") {
  struct Root {
    void operator()(const VectorXd& x, VectorXd& r) const {
      CHECK(x[1] <= 2);
      r << std::sqrt(x[0]) * std::sqrt(x[0]) * x[0] + x[0], 3 * x[1] * x[1];
    }
  };
  const double infinity = std::numeric_limits<double>::infinity();
  const auto f = least_squares(within(Root{}, Box{Eigen::Vector2d(-1, -infinity), Eigen::Vector2d(infinity, 2)}), 2);
  using F = decltype(f);
  Calls<VectorXd, MemoryOf<F, VectorXd>> calls;
  VectorXd r;
  MatrixXd J;
  REQUIRE(calls.residuals(f, VectorXd(Eigen::Vector2d(0, 2)), r, J).differentiable());
  CHECK(J(0, 0) == Approx(1).epsilon(1e-8));
  CHECK(J(1, 1) == Approx(12).epsilon(1e-8));

  struct Nowhere {
    void operator()(const VectorXd& x, VectorXd& r) const {
      r[0] = x[0] == 1 ? 1 : std::numeric_limits<double>::quiet_NaN();
    }
  };
  const auto bad = least_squares(Nowhere{}, 1);
  Calls<VectorXd, MemoryOf<decltype(bad), VectorXd>> other;
  CHECK(other.residuals(bad, VectorXd(VectorXd::Ones(1)), r, J).verdict == Verdict::not_differentiable);
}

TEST_CASE("a function of residuals is solved by methods for squares, and by any other", "[objective]") {
  const MoreGarbowHillstrom problem(15);
  const auto f = least_squares(forward_mode(Enzyme{}), m);
  const VectorXd start = problem.start();
  CHECK(minimize(f, start, LevenbergMarquardt{}).value == Approx(problem.minimum()).epsilon(1e-13));
  CHECK(minimize(f, start, Lbfgs{}, GradientBelow{1e-10} || MaxIterations{500}).value ==
        Approx(problem.minimum()).epsilon(1e-10));
  const auto differences = minimize(least_squares(Enzyme{}, m), start, LevenbergMarquardt{});
  CHECK(differences.value == Approx(problem.minimum()).epsilon(1e-13));
}

TEST_CASE("a function of residuals allocates nothing after its first call", "[objective]") {
  const auto f = least_squares(forward_mode(Enzyme{}), m);
  const VectorXd x = MoreGarbowHillstrom(15).start();
  Calls<VectorXd, MemoryOf<decltype(f), VectorXd>> calls;
  VectorXd g(n), r;
  MatrixXd J;
  calls.gradient(f, x, g);
  calls.residuals(f, x, r, J);
  const auto before = allocations();
  calls.gradient(f, x, g);
  calls.residuals(f, x, r, J);
  calls.value(f, x);
  CHECK(allocations() == before);
}

TEST_CASE("least_squares refuses to have no residuals", "[objective]") {
  CHECK_THROWS_WITH(least_squares(Enzyme{}, 0), Catch::Contains("least_squares: m is 0"));
}
