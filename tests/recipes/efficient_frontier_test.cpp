#include <mesaopt/recipes/efficient_frontier.hpp>

#include <cmath>

#include <Eigen/Dense>

#include <mesaopt/gradient/dual_active_set.hpp>

#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::MatrixXd;
using Eigen::VectorXd;

TEST_CASE("the frontier of two assets is the parabola between them", "[recipes]") {
  const VectorXd mean = Eigen::Vector2d(0.1, 0.2);
  MatrixXd sigma(2, 2);
  sigma << 0.04, 0.006, 0.006, 0.09;
  const auto frontier = efficient_frontier(mean, sigma, 11, DualActiveSet{});
  CHECK(frontier.size() == 11);
  const double least = (0.04 * 0.09 - 0.006 * 0.006) / (0.04 + 0.09 - 2 * 0.006);  // in closed form
  CHECK(frontier.front().variance == Approx(least).epsilon(1e-12));
  for (const auto& point : frontier) {
    const double w = (point.mean - 0.1) / 0.1;
    CHECK(point.variance == Approx((1 - w) * (1 - w) * 0.04 + 2 * w * (1 - w) * 0.006 + w * w * 0.09).epsilon(1e-12));
    CHECK(point.weights.sum() == Approx(1).epsilon(1e-14));
  }
  CHECK(frontier.back().weights[1] == Approx(1).epsilon(1e-12));
}

TEST_CASE("sizes that differ and too few points are refused", "[recipes]") {
  const VectorXd mean = VectorXd::Ones(2);
  CHECK_THROWS_WITH(efficient_frontier(mean, MatrixXd::Identity(3, 3), 5, DualActiveSet{}),
                    Catch::Contains("sigma: is 3 x 3"));
  CHECK_THROWS_WITH(efficient_frontier(mean, MatrixXd::Identity(2, 2), 1, DualActiveSet{}),
                    Catch::Contains("points: is 1"));
}
