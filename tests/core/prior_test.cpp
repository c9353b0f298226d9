#include <mesaopt/core/prior.hpp>

#include <limits>
#include <stdexcept>
#include <type_traits>

#include <Eigen/Core>

#include <mesaopt/core/call.hpp>
#include <mesaopt/core/solution.hpp>
#include <mesaopt/gradient/lbfgs.hpp>

#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::VectorXd;

namespace {
struct Cloud {
  Eigen::Vector2d x;
  Eigen::Matrix2d covariance;
  double step_size;
};
}  // namespace

namespace {
struct ByMember {
  Eigen::Vector2d x;
  Eigen::Matrix2d inverse_hessian;
};
struct ByFunction {
  Eigen::Vector2d x;
  Eigen::Matrix2d H;
  const Eigen::Matrix2d& inverse_hessian() const { return H; }
};
}  // namespace

TEST_CASE("points, states and solutions are starts, numbers are not", "[core]") {
  using State = Lbfgs::State<VectorXd>;
  STATIC_REQUIRE(Start<VectorXd>);
  STATIC_REQUIRE(Start<State>);
  STATIC_REQUIRE(Start<Solution<State>>);
  STATIC_REQUIRE(Start<Evaluated<VectorXd>>);
  STATIC_REQUIRE(Start<Cloud>);
  STATIC_REQUIRE_FALSE(Prior<VectorXd>);
  STATIC_REQUIRE_FALSE(Start<double>);
  STATIC_REQUIRE_FALSE(Start<decltype(VectorXd::Zero(3))>);
  STATIC_REQUIRE(std::is_same_v<PointOf<VectorXd>, VectorXd>);
  STATIC_REQUIRE(std::is_same_v<PointOf<Cloud>, Eigen::Vector2d>);
}

TEST_CASE("a prior shows what it knows", "[core]") {
  STATIC_REQUIRE(HasCovariance<Cloud>);
  STATIC_REQUIRE_FALSE(HasCovariance<Lbfgs::State<VectorXd>>);
  STATIC_REQUIRE(HasCurvaturePairs<Lbfgs::State<VectorXd>>);
  STATIC_REQUIRE_FALSE(HasCurvaturePairs<Cloud>);
  STATIC_REQUIRE_FALSE(HasInverseHessian<Lbfgs::State<VectorXd>>);
  STATIC_REQUIRE_FALSE(HasInverseHessian<Cloud>);
  STATIC_REQUIRE(HasInverseHessian<ByMember>);
  STATIC_REQUIRE(HasInverseHessian<ByFunction>);
  CHECK(detail::inverse_hessian_of(ByMember{{}, 2 * Eigen::Matrix2d::Identity()})(0, 0) == 2);
  CHECK(detail::inverse_hessian_of(ByFunction{{}, 3 * Eigen::Matrix2d::Identity()})(1, 1) == 3);
  STATIC_REQUIRE_FALSE(HasMemory<Cloud, Nothing>);
  STATIC_REQUIRE(detail::knows_evaluation<Evaluated<VectorXd>>);
  STATIC_REQUIRE_FALSE(detail::knows_evaluation<Lbfgs::State<VectorXd>>);
}

TEST_CASE("a start must have coordinates, all of them finite", "[core]") {
  VectorXd x = VectorXd::Ones(3);
  CHECK_NOTHROW(detail::check_start(x));
  CHECK_THROWS_AS(detail::check_start(VectorXd()), std::invalid_argument);
  CHECK_THROWS_WITH(detail::check_start(VectorXd()), Catch::Contains("start") && Catch::Contains("size 0"));
  x[1] = std::numeric_limits<double>::quiet_NaN();
  CHECK_THROWS_WITH(detail::check_start(x), Catch::Contains("start: coordinate 1 is nan"));
  x[1] = -std::numeric_limits<double>::infinity();
  CHECK_THROWS_WITH(detail::check_start(x), Catch::Contains("start: coordinate 1 is -inf"));
}
