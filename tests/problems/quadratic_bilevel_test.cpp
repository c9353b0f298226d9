#include <mesaopt/problems/quadratic_bilevel.hpp>

#include "support/catch.hpp"

using Eigen::MatrixXd;
using Eigen::VectorXd;
using mesaopt::problems::QuadraticBilevel;

TEST_CASE("a quadratic bilevel problem of one variable a level has the response and optimum worked out by hand",
          "[problems]") {
  // f = y² + (3 + x) y, so y* = -(3 + x)/2; F = x² + xy + y²/2 + y: F(x, y*) = 5/8 x² - 5/4 x - 3/8.
  const auto one = [](double a) -> MatrixXd { return MatrixXd::Constant(1, 1, a); };
  const auto point = [](double a) -> VectorXd { return VectorXd::Constant(1, a); };
  const QuadraticBilevel q{one(2), one(1), point(3), one(2), one(1), one(1), point(0), point(1)};
  q.check();
  CHECK(q.response(point(5))[0] == Approx(-4));
  CHECK(q.sensitivity()(0, 0) == Approx(-0.5));
  CHECK(q.value(point(5)) == Approx(5.0 / 8 * 25 - 5.0 / 4 * 5 - 3.0 / 8));
  CHECK(q.hypergradient(point(5))[0] == Approx(5));
  CHECK(q.second_derivative()(0, 0) == Approx(1.25));
  CHECK(q.solution()[0] == Approx(1));
}

TEST_CASE("closed forms of random quadratic bilevel problems agree with differences", "[problems]") {
  const auto q = QuadraticBilevel::random(3, 4, 7);
  q.check();
  const VectorXd x = VectorXd::LinSpaced(3, -1, 2), y = q.response(x);
  VectorXd gy(4), gx(3), out(4);
  CHECK(q.inner()(x, y, gy) == Approx(q.inner()(x, y)));
  CHECK(gy.norm() < 1e-13);
  const VectorXd g = q.hypergradient(x);
  for (int j = 0; j < 3; ++j) {
    const VectorXd d = 1e-4 * VectorXd::Unit(3, j);
    CHECK(g[j] == Approx((q.value(x + d) - q.value(x - d)) / 2e-4).epsilon(1e-8));
    CHECK((q.sensitivity().col(j) - (q.response(x + d) - q.response(x - d)) / 2e-4).norm() < 1e-9);
    CHECK((q.second_derivative().col(j) - (q.hypergradient(x + d) - q.hypergradient(x - d)) / 2e-4).norm() < 1e-8);
  }
  const VectorXd v = VectorXd::LinSpaced(4, 1, -2), u = VectorXd::LinSpaced(3, 2, 1);
  q.inner().mixed_product(x, y, v, gx);
  q.inner().mixed_direction(x, y, u, out);
  CHECK(gx.dot(u) == Approx(out.dot(v)));
  CHECK(q.outer()(x, y, gx, gy) == Approx(q.value(x)));
  CHECK(q.hypergradient(q.solution()).norm() < 1e-12);
}

TEST_CASE("a quadratic bilevel problem that is none is refused", "[problems]") {
  auto q = QuadraticBilevel::random(3, 4, 7);
  q.C = MatrixXd::Zero(4, 3);
  CHECK_THROWS_AS(q.check(), std::invalid_argument);
  q = QuadraticBilevel::random(3, 4, 7);
  q.A = -q.A;
  CHECK_THROWS_AS(q.check(), std::invalid_argument);
  q = QuadraticBilevel::random(3, 4, 7);
  q.H -= 100 * MatrixXd::Identity(3, 3);
  CHECK_THROWS_AS(q.solution(), std::domain_error);
}
