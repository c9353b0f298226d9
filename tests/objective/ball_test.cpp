#include <mesaopt/objective/ball.hpp>

#include <stdexcept>

#include "objective/regularizer_laws.hpp"

using namespace mesaopt;
using Eigen::VectorXd;

TEST_CASE("Ball satisfies the laws of regularizers", "[ball]") {
  regularizer_laws::check(Ball{3}, 4, true);
  regularizer_laws::check(Ball{2.5, VectorXd::LinSpaced(5, -1, 1)}, 5, true);
}

TEST_CASE("The nearest point of a ball", "[ball]") {
  Eigen::Vector2d x;
  Ball{2.5}.proximal(Eigen::Vector2d(3, -4), 1.0, x);
  CHECK((x - Eigen::Vector2d(1.5, -2)).norm() < 1e-15);
  const Ball around{1, Eigen::Vector2d(1, 1)};
  around.proximal(Eigen::Vector2d(1, 4), 1.0, x);
  CHECK((x - Eigen::Vector2d(1, 2)).norm() < 1e-15);
  around.proximal(Eigen::Vector2d(1.1, 0.9), 1.0, x);
  CHECK(x == Eigen::Vector2d(1.1, 0.9));
  CHECK(around.margin(Eigen::Vector2d(1, 4), 1.0) == 2);
  CHECK(around.margin(Eigen::Vector2d(1, 2), 1.0) == 0);
}

TEST_CASE("Ball refuses a radius that is not positive, and a centre of another size", "[ball]") {
  CHECK_THROWS_AS(Ball{0}.check(), std::invalid_argument);
  CHECK_THROWS_AS((Ball{1, VectorXd::Constant(2, 0.0 / 0.0)}.check()), std::invalid_argument);
  VectorXd x(3);
  CHECK_THROWS_WITH((Ball{1, VectorXd::Zero(2)}.proximal(VectorXd(VectorXd::Ones(3)), 1.0, x)),
                    "Ball::centre: has size 2, but the point 3");
}
