#include <mesaopt/bayes/cube.hpp>

#include <limits>
#include <vector>

#include <Eigen/Core>

#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::Vector3d;
using Eigen::VectorXd;

TEST_CASE("free are the variables whose bounds differ, and they alone are in the cube", "[bayes][cube]") {
  const Box<Vector3d> box{Vector3d(-1, 2, 0), Vector3d(3, 2, 10)};
  std::vector<Eigen::Index> free{7};
  detail::find_free(box, free);
  CHECK(free == std::vector<Eigen::Index>{0, 2});
  CHECK(detail::to_cube(box, free, Vector3d(0, 2, 10)) == VectorXd{{0.25, 1}});
  Vector3d point(9, 9, 9);
  detail::to_box(box, free, VectorXd{{0.25, 1}}, point);
  CHECK(point == Vector3d(0, 9, 10));
}

TEST_CASE("a point outside of the box is moved into the cube, or told as it lies", "[bayes][cube]") {
  const Box<Vector3d> box{Vector3d(-1, 2, 0), Vector3d(3, 2, 10)};
  const std::vector<Eigen::Index> free{0, 2};
  CHECK(detail::around_cube(box, free, Vector3d(-5, 2, 15)) == VectorXd{{-1, 1.5}});
  CHECK(detail::to_cube(box, free, Vector3d(-5, 2, 15)) == VectorXd{{0, 1}});
}

TEST_CASE("a box whose width overflows has a cube", "[bayes][cube]") {
  const double most = std::numeric_limits<double>::max();
  const Box<VectorXd> box{VectorXd{{-most}}, VectorXd{{most}}};
  CHECK(detail::to_cube(box, {0}, VectorXd{{0}}) == VectorXd{{0.5}});
  VectorXd point{{1}};
  detail::to_box(box, {0}, VectorXd{{0.5}}, point);
  CHECK(point[0] == 0);
}
