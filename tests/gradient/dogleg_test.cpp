#include <mesaopt/gradient/dogleg.hpp>

#include <cmath>
#include <limits>
#include <stdexcept>

#include <Eigen/Core>

#include <mesaopt/gradient/more_sorensen.hpp>

#include "gradient/trust_region_subproblems.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using namespace trust_region;

TEST_CASE("The dogleg is Newton's step where that is short, and steepest descent where the region is small",
          "[trust_region]") {
  // Nocedal & Wright, exercise-like: H = diag(1, 4), g = (1, 1); Newton (−1, −1/4), Cauchy −(2/5) g.
  const MatrixXd H = VectorXd(Eigen::Vector2d(1, 4)).asDiagonal();
  const VectorXd g = Eigen::Vector2d(1, 1);
  const auto newton = solve(Dogleg{}, H, g, 2);
  CHECK((newton.d - VectorXd(Eigen::Vector2d(-1, -0.25))).norm() < 1e-14);
  CHECK(newton.predicted == Approx(0.625));
  const auto small = solve(Dogleg{}, H, g, 0.1);
  CHECK((small.d + 0.1 / std::sqrt(2.0) * g).norm() < 1e-14);
  // On the second leg, at radius √(5/8)·...: the point is on the border and between both.
  const auto between = solve(Dogleg{}, H, g, 0.8);
  CHECK(between.d.norm() == Approx(0.8));
  const VectorXd cauchy = -0.4 * g, leg = newton.d - cauchy, along = between.d - cauchy;
  CHECK(std::abs(along[0] * leg[1] - along[1] * leg[0]) < 1e-14);
  CHECK(along.dot(leg) > 0);
}

TEST_CASE("The dogleg predicts what the model says, at least the Cauchy decrease and at most the exact one",
          "[trust_region]") {
  for (const Eigen::Index n : {1, 2, 6, 20})
    for (const double radius : {1e-3, 0.1, 0.5, 2.0, 100.0}) {
      const VectorXd eigenvalues = n == 1 ? VectorXd(VectorXd::Ones(1)) : VectorXd::LinSpaced(n, 0.5, 30);
      const MatrixXd H = turned(eigenvalues, gradient(n, 3));
      const VectorXd g = gradient(n);
      const auto s = solve(Dogleg{}, H, g, radius);
      CAPTURE(n, radius);
      CHECK(s.predicted == Approx(decrease(H, g, s.d)).epsilon(1e-10));
      CHECK(s.d.norm() <= radius * (1 + 1e-12));
      CHECK(s.predicted >= cauchy(H, g, radius) * (1 - 1e-12));
      CHECK(s.predicted <= solve(MoreSorensen{.tolerance = 1e-9}, H, g, radius).predicted * (1 + 1e-7));
      CHECK(s.counts.factorizations == 1);
    }
}

TEST_CASE("Where the Hessian is indefinite the dogleg still falls, by no less than it predicts", "[trust_region]") {
  for (const double least : {-1e-9, -0.5, -100.0, 0.0}) {
    const MatrixXd H = turned(VectorXd::LinSpaced(5, least, 3), gradient(5, 3));
    const VectorXd g = gradient(5);
    for (const double radius : {1e-3, 1.0, 30.0}) {
      const auto s = solve(Dogleg{}, H, g, radius);
      CAPTURE(least, radius);
      CHECK(s.predicted > 0);
      CHECK(decrease(H, g, s.d) >= s.predicted * (1 - 1e-9));
      CHECK(s.d.norm() <= radius * (1 + 1e-12));
      CHECK(s.counts.factorizations < 10);
    }
  }
}

TEST_CASE("A Hessian that is zero or not finite is no model", "[trust_region]") {
  const VectorXd g = gradient(2);
  CHECK(solve(Dogleg{}, MatrixXd::Zero(2, 2), g, 1).predicted == 0);
  CHECK(solve(Dogleg{}, MatrixXd::Constant(2, 2, std::numeric_limits<double>::quiet_NaN()), g, 1).predicted == 0);
}

TEST_CASE("The dogleg refuses a first shift out of its range", "[trust_region]") {
  CHECK_THROWS_WITH(Dogleg{.first_shift = 0}.check(), Catch::Contains("Dogleg::first_shift"));
  CHECK_THROWS_AS(Dogleg{.first_shift = 2}.check(), std::invalid_argument);
}
