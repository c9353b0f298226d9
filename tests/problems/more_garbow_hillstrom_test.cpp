#include <mesaopt/problems/more_garbow_hillstrom.hpp>

#include <cmath>

#include <Eigen/Dense>

#include <mesaopt/core/residuals.hpp>

#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::MatrixXd;
using Eigen::VectorXd;
using problems::MoreGarbowHillstrom;

static_assert(LeastSquares<MoreGarbowHillstrom, VectorXd>);
static_assert(Differentiable<MoreGarbowHillstrom, VectorXd>);

TEST_CASE("values, residuals and derivatives of the problems of Moré, Garbow and Hillstrom agree", "[problems]") {
  for (int number = 1; number <= MoreGarbowHillstrom::count; ++number) {
    const MoreGarbowHillstrom f(number);
    CAPTURE(number, f.name());
    const auto n = f.variables(), m = f.residual_count();
    VectorXd x = f.start(), r(m), above(m), below(m), gradient(n);
    MatrixXd J(m, n);
    f.residuals(x, r, J);
    const double value = f(x);
    CHECK(value == Approx(r.squaredNorm() / 2).epsilon(1e-12));
    CHECK(f(x, gradient) == Approx(value).epsilon(1e-12));
    CHECK((gradient - J.transpose() * r).norm() <= 1e-10 * (1 + gradient.norm()));
    for (Eigen::Index j = 0; j < n; ++j) {
      const double h = 1e-6 * std::max(1e-3, std::abs(x[j])), at = x[j];
      x[j] = at + h;
      f.residuals(x, above);
      x[j] = at - h;
      f.residuals(x, below);
      x[j] = at;
      CHECK(((above - below) / (2 * h) - J.col(j)).norm() <= 1e-4 * (1e-3 + J.col(j).norm() + r.norm() * 1e-3));
    }
  }
}

TEST_CASE("the problems have the values that are published for their starts", "[problems]") {
  // Sums of squares; the value is half of that.
  const auto sum = [](int number) {
    const MoreGarbowHillstrom f(number);
    const VectorXd x = f.start();
    return 2 * f(x);
  };
  CHECK(sum(1) == Approx(24.2));
  CHECK(sum(2) == Approx(400.5));
  CHECK(sum(5) == Approx(14.203125));
  CHECK(sum(7) == Approx(2500));
  CHECK(sum(13) == Approx(215));
  CHECK(sum(14) == Approx(19192));
  CHECK(sum(21) == Approx(121));
}

TEST_CASE("numbers and sizes that a problem cannot have are refused", "[problems]") {
  CHECK_THROWS_AS(MoreGarbowHillstrom(0), std::invalid_argument);
  CHECK_THROWS_AS(MoreGarbowHillstrom(36), std::invalid_argument);
  CHECK_THROWS_AS(MoreGarbowHillstrom(1, 3), std::invalid_argument);
  CHECK_THROWS_AS(MoreGarbowHillstrom(22, 6), std::invalid_argument);
}
