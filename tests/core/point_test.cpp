#include <mesaopt/core/point.hpp>

#include <type_traits>

#include <Eigen/Core>

#include "support/catch.hpp"

using namespace mesaopt;

TEST_CASE("plain column vectors of float or double are points, and nothing else is", "[core]") {
  STATIC_REQUIRE(Point<Eigen::VectorXd>);
  STATIC_REQUIRE(Point<Eigen::VectorXf>);
  STATIC_REQUIRE(Point<Eigen::Vector3f>);
  STATIC_REQUIRE(Point<Eigen::Vector<double, 1>>);
  STATIC_REQUIRE(Point<Eigen::Matrix<double, Eigen::Dynamic, 1, 0, 8, 1>>);

  STATIC_REQUIRE_FALSE(Point<double>);
  STATIC_REQUIRE_FALSE(Point<Eigen::RowVector3d>);
  STATIC_REQUIRE_FALSE(Point<Eigen::MatrixXd>);
  STATIC_REQUIRE_FALSE(Point<Eigen::VectorXi>);
  STATIC_REQUIRE_FALSE(Point<Eigen::VectorXcd>);
  STATIC_REQUIRE_FALSE(Point<Eigen::ArrayXd>);
  STATIC_REQUIRE_FALSE(Point<decltype(Eigen::VectorXd::Zero(2))>);
  STATIC_REQUIRE_FALSE(Point<Eigen::Ref<Eigen::VectorXd>>);
  STATIC_REQUIRE_FALSE(Point<const Eigen::VectorXd&>);
}

TEST_CASE("matrices and batches go with their points", "[core]") {
  STATIC_REQUIRE(std::is_same_v<ScalarOf<Eigen::Vector2f>, float>);
  STATIC_REQUIRE(std::is_same_v<MatrixOf<Eigen::VectorXd>, Eigen::MatrixXd>);
  STATIC_REQUIRE(std::is_same_v<MatrixOf<Eigen::Vector3f>, Eigen::Matrix3f>);
  STATIC_REQUIRE(std::is_same_v<PointsOf<Eigen::VectorXd>, Eigen::MatrixXd>);
  STATIC_REQUIRE(PointsOf<Eigen::Vector3d>::RowsAtCompileTime == 3);
  PointsOf<Eigen::Vector<double, 1>> row(1, 4);
  CHECK(row.cols() == 4);
}
