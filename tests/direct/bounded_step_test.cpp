#include <mesaopt/direct/bounded_step.hpp>

#include <cmath>
#include <limits>

#include <Eigen/Core>

#include "support/catch.hpp"

using Eigen::VectorXd;
using mesaopt::detail::BoundedStep;
using mesaopt::detail::QuadraticInterpolation;

namespace {
constexpr double infinity = std::numeric_limits<double>::infinity();

QuadraticInterpolation<double> quadratic(const VectorXd& gradient, double a, double b, double c) {
  QuadraticInterpolation<double> model;
  model.resize(2, 5);
  model.gradient = gradient;
  model.hessian << a, b, b, c;
  return model;
}
}  // namespace

TEST_CASE("a step inside the ball is Newton's", "[direct][bounded_step]") {
  auto model = quadratic(VectorXd{{1, 2}}, 2, 0, 2);
  BoundedStep<double> bounded;
  const VectorXd upper = VectorXd::Constant(2, infinity), lower = -upper;
  bounded.solve(model, lower, upper, 10);
  CHECK((bounded.step - VectorXd{{-0.5, -1}}).norm() < 1e-12);
  CHECK(bounded.curvature == Approx(2));
  CHECK(bounded.gradient.norm() < 1e-12);
  bounded.solve(model, lower, upper, 0.1);
  CHECK(bounded.step.norm() == Approx(0.1));
  CHECK(bounded.curvature == 0);
  // A bound in the way is met exactly, and the other variable goes on.
  bounded.solve(model, VectorXd{{-0.2, -5}}, upper, 10);
  CHECK(bounded.step[0] == -0.2);
  CHECK(bounded.step[1] == Approx(-1));
  CHECK(bounded.gradient[0] == Approx(0.6));
}

TEST_CASE("steps get nearly all that the ball holds, whatever the curvature, and the box if there is no negative one",
          "[direct][bounded_step]") {
  BoundedStep<double> bounded;
  double sum = 0;
  for (int trial = 0; trial < 60; ++trial) {
    const auto draw = [&](int k) { return std::sin(12.9898 * (trial + 1) + 78.233 * k); };
    const bool boxed = trial % 2 == 0;
    const double b = 2 * draw(3), a = boxed ? 2 + std::abs(draw(2)) : 4 * draw(2), c = boxed ? 2 : 4 * draw(4);
    auto model = quadratic(VectorXd{{draw(0), draw(1)}}, a, b, c);
    model.points(0, 0) = draw(5) / 4;
    const VectorXd x = model.points.col(0);
    const double far = boxed ? 1 : 1e6;
    const VectorXd lower = x - far * VectorXd{{std::abs(draw(6)), trial % 4 == 0 ? 0 : std::abs(draw(7))}};
    const VectorXd upper = x + far * VectorXd{{trial % 6 == 0 ? 0 : std::abs(draw(8)), std::abs(draw(9))}};
    const double radius = 0.2 + std::abs(draw(10));
    bounded.solve(model, lower, upper, radius);
    CHECK(bounded.step.norm() <= radius * (1 + 1e-12));
    CHECK(((x + bounded.step - lower).array() >= -1e-15).all());
    CHECK(((upper - x - bounded.step).array() >= -1e-15).all());
    const VectorXd low = (lower - x).cwiseMax(-radius), high = (upper - x).cwiseMin(radius);
    double least = 0;
    VectorXd step(2);
    for (int i = 0; i <= 200; ++i)
      for (int j = 0; j <= 200; ++j) {
        step[0] = low[0] + (high[0] - low[0]) * i / 200.0;
        step[1] = low[1] + (high[1] - low[1]) * j / 200.0;
        if (step.norm() <= radius) least = std::min(least, model.change(step));
      }
    CAPTURE(trial, least);
    const double share = least < 0 ? model.change(bounded.step) / least : 1;
    CHECK(share > 0.9);
    sum += share;
  }
  CHECK(sum > 60 * 0.99);
}
