#include <mesaopt/nested/inner_derivatives.hpp>

#include <cmath>

#include <Eigen/Core>

#include <mesaopt/core/calls.hpp>
#include <mesaopt/nested/places.hpp>

#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::MatrixXd;
using Eigen::Vector2d;
using Eigen::VectorXd;

namespace {
/// x0² y0 y1 + sin(x1) y1: ∂/∂x of its gradient in y is ((2 x0 y1, 0), (2 x0 y0, cos x1)).
struct Mixed {
  double operator()(const VectorXd& x, const VectorXd& y, VectorXd& gy) const {
    gy = Vector2d(x[0] * x[0] * y[1], x[0] * x[0] * y[0] + std::sin(x[1]));
    return x[0] * x[0] * y[0] * y[1] + std::sin(x[1]) * y[1];
  }
};
}  // namespace

TEST_CASE("a mixed direction comes from differences where the family has none", "[nested]") {
  const auto place = family(Mixed{});
  const VectorXd x = Vector2d(1.5, 0.3), y = Vector2d(2, -1), u = Vector2d(0.7, -0.4);
  Calls<VectorXd> calls;
  VectorXd out, moved, scratch;
  detail::mixed_direction(place, x, y, u, out, moved, scratch, calls);
  CHECK((out - Vector2d(3 * -1 * 0.7, 3 * 2 * 0.7 + std::cos(0.3) * -0.4)).norm() < 1e-8);
  CHECK(calls.counts[0].gradients == 2);
  detail::mixed_direction(Mixed{}, x, y, u, out, moved, scratch,
                          calls);  // in a place of its own it does not depend on x
  CHECK(out.norm() == 0);
}

TEST_CASE("a factor solves, and a matrix definite by rounding alone is refused if that is asked for", "[nested]") {
  MatrixXd H(2, 2);
  H << 4, 2, 2, 3;
  MatrixXd factor = H;
  REQUIRE(detail::factorize(factor));
  VectorXd v = Vector2d(1, -2);
  detail::solve_factorized(factor, v);
  CHECK((H * v - Vector2d(1, -2)).norm() < 1e-14);
  MatrixXd flat = Vector2d(1, 1e-16).asDiagonal();
  CHECK(detail::factorize(factor = flat, false));
  CHECK_FALSE(detail::factorize(factor = flat));
  CHECK_FALSE(detail::factorize(factor = MatrixXd(Vector2d(1, 1e-6).asDiagonal()), true, 1e-5));
  CHECK_FALSE(detail::factorize(factor = MatrixXd(Vector2d(1, -1).asDiagonal())));
}
