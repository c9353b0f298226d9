#include <mesaopt/objective/box_set.hpp>

#include <limits>
#include <stdexcept>

#include "objective/regularizer_laws.hpp"

using namespace mesaopt;
using Eigen::VectorXd;

TEST_CASE("Nonnegative and BoxSet satisfy the laws of regularizers", "[box_set]") {
  regularizer_laws::check(Nonnegative{}, 10);
  VectorXd lower = VectorXd::Constant(10, -1), upper = VectorXd::LinSpaced(10, 0, 2);
  upper[3] = lower[3];
  lower[5] = -std::numeric_limits<double>::infinity();
  upper[6] = -lower[5];
  regularizer_laws::check(BoxSet{Box{lower, upper}}, 10);
}

TEST_CASE("The nearest point of a box, and how far bounds are", "[box_set]") {
  const BoxSet h{Box{Eigen::Vector3d(-1, 0, 2), Eigen::Vector3d(1, 1, 2)}};
  Eigen::Vector3d x;
  h.proximal(Eigen::Vector3d(-3, 0.5, 7), 1, x);
  CHECK(x == Eigen::Vector3d(-1, 0.5, 2));
  CHECK(h.margin(Eigen::Vector3d(-3, 0.5, 7), 1) == 0.5);
  CHECK(h.margin(Eigen::Vector3d(-1, 0.5, 7), 1) == 0);
  // What has no width has no kink.
  CHECK(h.margin(Eigen::Vector3d(-3, 0.25, 2), 1) == 0.25);
  Eigen::Vector2d y;
  Nonnegative{}.proximal(Eigen::Vector2d(-1, 3), 1.0, y);
  CHECK(y == Eigen::Vector2d(0, 3));
  CHECK(Nonnegative{}.margin(Eigen::Vector2d(-1, 3), 1.0) == 1);
  CHECK(Nonnegative{}.margin(Eigen::Vector2d(0, 3), 1.0) == 0);
}

TEST_CASE("BoxSet refuses a point of another size, and a box that is none", "[box_set]") {
  BoxSet h{Box<VectorXd>{VectorXd::Zero(2), VectorXd::Ones(2)}};
  VectorXd x(3);
  CHECK_THROWS_AS(h.proximal(VectorXd(VectorXd::Ones(3)), 1, x), std::invalid_argument);
  h.box.lower[0] = 2;
  CHECK_THROWS_AS(h.check(), std::invalid_argument);
}
