#include <mesaopt/direct/first_points.hpp>

#include <cmath>
#include <limits>
#include <vector>

#include <Eigen/Core>

#include "support/catch.hpp"

using Eigen::VectorXd;
using mesaopt::detail::FirstPoints;
using mesaopt::detail::ModelRegion;

namespace {
constexpr double infinity = std::numeric_limits<double>::infinity();

struct Known {
  VectorXd x;
  Eigen::Matrix2d inverse_hessian;
};

ModelRegion<double> region(Eigen::Index points, const VectorXd& lower, const VectorXd& upper) {
  ModelRegion<double> made;
  made.resize(lower.size(), points);
  made.lower = lower;
  made.upper = upper;
  made.rho = 1;
  made.begin(3);
  return made;
}
}  // namespace

TEST_CASE("the first points lie on the axes, on both sides where bounds leave room, then on corners",
          "[direct][first_points]") {
  auto in = region(10, VectorXd{{-infinity, -0.2, -5}}, VectorXd{{infinity, 3, 0}});
  FirstPoints<double> first;
  first.known = 1;
  const double expected[][3] = {{1, 0, 0},  {0, 1, 0},  {0, 0, -1}, {-1, 0, 0}, {0, 2, 0},
                                {0, 0, -2}, {-1, 2, 0}, {0, 2, -2}, {-1, 0, -2}};
  const VectorXd slope{{1, -1, 1}};
  for (const auto& point : expected) {
    REQUIRE(first.choose(in));
    for (Eigen::Index i = 0; i < 3; ++i) CHECK(in.place[i] == point[i]);
    const double value = 3 + slope.dot(in.place);
    first.take(in, value, value < in.model.values[in.model.best]);
  }
  first.finish(in);
  CHECK((in.model.gradient - slope).norm() < 1e-12);
  CHECK(in.model.points.col(in.model.best) == VectorXd{{0, 2, -2}});
}

TEST_CASE("where f has no value the other side is tried, nearer and nearer", "[direct][first_points]") {
  auto in = region(6, VectorXd{{-infinity, 0}}, VectorXd{{infinity, infinity}});
  FirstPoints<double> first;
  first.known = 1;
  for (const double expected : {1.0, -0.5, 0.25}) {
    REQUIRE(first.choose(in));
    CHECK(in.place[0] == expected);
    CHECK(first.fail(in));
  }
  first.choose(in);
  first.take(in, 2, true);
  CHECK(in.model.points(0, 1) == -0.125);
  CHECK(first.tries == 0);
  // Beyond a bound there is no room.
  CHECK(first.choose(in));
  CHECK(first.fail(in));
  CHECK(!first.choose(in));
  CHECK(first.fail(in));
  for (int k = 2; k < 40; ++k) CHECK(first.fail(in));
  CHECK(!first.fail(in));
}

TEST_CASE("a corner without a value does not twist the model, and known correlations do", "[direct][first_points]") {
  const VectorXd upper = VectorXd::Constant(2, infinity), lower = -upper;
  for (const bool corner : {true, false}) {
    auto in = region(corner ? 6 : 5, lower, upper);
    FirstPoints<double> first;
    first.known = 1;
    Known prior{VectorXd::Zero(2), Eigen::Matrix2d::Zero()};
    prior.inverse_hessian << 2, -2, -2, 8;  // 12 times that of (8, 2; 2, 2)
    if (!corner) first.take_curvature(prior, {0, 1});
    for (int k = 0; k < 4; ++k) {
      first.choose(in);
      first.take(in, 3 + 2 * in.place.squaredNorm(), false);
    }
    if (corner) {
      first.choose(in);
      CHECK(first.fail(in));
      CHECK(in.model.values[5] == 7);
    }
    first.finish(in);
    CHECK(in.model.hessian(0, 0) == Approx(4));
    CHECK(in.model.hessian(0, 1) == Approx(corner ? 0 : 2).margin(1e-14));
  }
}
