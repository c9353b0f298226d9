#include <mesaopt/gradient/kept_box.hpp>

#include <cmath>
#include <limits>
#include <stdexcept>

#include <Eigen/Core>

#include <mesaopt/objective/bounds.hpp>
#include <mesaopt/problems/rosenbrock.hpp>

#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::Vector3d;

namespace {
constexpr double infinity = std::numeric_limits<double>::infinity();
struct Sum {
  double operator()(const Vector3d& x) const { return x.sum(); }
};
KeptBox<Vector3d> kept(const Vector3d& lower, const Vector3d& upper, const Vector3d& x) {
  KeptBox<Vector3d> box;
  box.enter(within(Sum{}, Box<Vector3d>{lower, upper}), x);
  return box;
}
}  // namespace

TEST_CASE("A run takes the box of its objective, if that has one", "[kept_box]") {
  auto box = kept(Vector3d(0, 0, 0), Vector3d(1, 1, infinity), Vector3d(0, 1, 5));
  CHECK(box.bounded);
  CHECK_FALSE(box.closed);
  CHECK(kept(Vector3d(0, 0, 0), Vector3d(1, 1, 1), Vector3d(0, 1, 0.5)).closed);
  CHECK_THROWS_AS(kept(Vector3d(0, 0, 0), Vector3d(1, 1, 1), Vector3d(0, 2, 0)), std::invalid_argument);
  box.enter(Sum{}, Vector3d(9, 9, 9));
  CHECK_FALSE(box.bounded);
  CHECK(box.reach(Vector3d(0, 0, 0), Vector3d(1, 1, 1)) == infinity);
}

TEST_CASE("The projected gradient is 0 where bounds hold a variable, exactly at them", "[kept_box]") {
  auto box = kept(Vector3d(0, 0, 2), Vector3d(1, 1, 2), Vector3d(0, 1, 2));
  box.project(Vector3d(0, 1, 2), Vector3d(3, -3, -7));
  CHECK(box.projected == Vector3d(0, 0, 0));
  box.project(Vector3d(0, 1, 2), Vector3d(-3, 3, 7));
  CHECK(box.projected == Vector3d(-3, 3, 0));
  box.project(Vector3d(1e-9, 0.5, 2), Vector3d(3, -3, 7));
  CHECK(box.projected == Vector3d(3, -3, 0));
}

TEST_CASE("The way down, and how far it goes, ends at the bounds", "[kept_box]") {
  const auto box = kept(Vector3d(0, 0, 0), Vector3d(1, 4, infinity), Vector3d(0, 1, 2));
  Vector3d d;
  box.descend(Vector3d(0.5, 1, 2), Vector3d(3, -2, -8), 2, d);
  CHECK(d == Vector3d(-0.5, 1, 4));
  CHECK(box.reach(Vector3d(0.5, 1, 2), d) == 1);
  CHECK(box.reach(Vector3d(0.5, 1, 2), Vector3d(0, 1.5, 9)) == 2);
  CHECK(box.reach(Vector3d(0.5, 1, 2), Vector3d(0, 0, 9)) == infinity);
}

TEST_CASE("A step that should end at a bound ends there exactly, and no other is changed", "[kept_box]") {
  const auto box = kept(Vector3d(0.1, -infinity, 0), Vector3d(0.7, 0.3, infinity), Vector3d(0.1, 0, 0));
  for (const double from : {0.3, 1.0 / 3, 0.1, 0.6999}) {
    for (const double t : {1.0, 1.0 / 3, 7.0}) {  // d = (0.7 − x) / t and t d, each rounded
      const Vector3d x(from, 0.2, 1);
      Vector3d next = x + t * Vector3d((0.7 - from) / t, (0.3 - 0.2) / t, 1);
      box.keep(x, next);
      CHECK(next[0] == 0.7);
      CHECK(next[1] == 0.3);
      CHECK(next[2] == 1 + t);
    }
  }
  Vector3d next(0.4, -1e300, 1e-300);
  box.keep(Vector3d(0.2, 0, 1e-300), next);
  CHECK(next == Vector3d(0.4, -1e300, 1e-300));  // rounding is relative to where a variable was and is
}
