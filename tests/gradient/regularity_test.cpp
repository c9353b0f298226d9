#include <mesaopt/gradient/regularity.hpp>

#include <cmath>
#include <limits>

#include "gradient/program_pieces.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::Index;
using Method = detail::DualMethod<double>;

namespace {

/// min ½ |x|² − 2 x₁ in the plane, whose free optimum is (2, 0), under inequalities to be filled in.
ProgramData plane(Index inequalities) {
  ProgramData data;
  data.resize(2, inequalities, 0);
  data.Q << 1, 0, 0, 1;
  data.c << -2, 0;
  data.sides.setConstant(100);
  return data;
}

/// Solves, and looks at what was found with this margin.
Regularity<double> solved(const ProgramData& data, double margin = 1e-8) {
  Method method;
  method.set = begun(data);
  method.begin(1e-12);
  for (int change = 0; change < 100 && method.status == Status::running; ++change) method.advance(1e-12);
  REQUIRE(method.status == Status::converged);
  return detail::examine(method, margin);
}

}  // namespace

TEST_CASE("Without constraints a strictly convex program is regular, infinitely far from another", "[regularity]") {
  const auto found = solved(plane(0));
  CHECK(found.regular());
  CHECK(found.reason() == Reason::none);
  CHECK(std::isinf(found.multiplier));
  CHECK(std::isinf(found.slack));
}

TEST_CASE("The least multiplier and slack are relative to the terms they stand beside", "[regularity]") {
  ProgramData data = plane(2);
  data.normals << 2, 0, 0, 1;  // 2 x₁ <= 1: x = (0.5, 0), the multiplier 0.75 times the norm 2 is 1.5
  data.sides << 1, 3;          // x₂ <= 3: far by 3, relative to 3 + 0.5
  const auto found = solved(data);
  CHECK(found.regular());
  CHECK(found.multiplier == Approx(1.5 / 2));
  CHECK(found.slack == Approx(3 / 3.5));
  CHECK(solved(data, 0.8).weakly_active == 1);
  CHECK(solved(data, 0.9).weakly_active == 2);
}

TEST_CASE("A constraint that holds without a multiplier is weakly active, or dependent", "[regularity]") {
  ProgramData data = plane(2);
  SECTION("at the free optimum") {
    data.normals << 1, 0, 0, 1;
    data.sides << 2, 3;
    const auto found = solved(data);
    CHECK(found.weakly_active == 1);
    CHECK(found.reason() == Reason::constraint_weakly_active);
  }
  SECTION("a bound there") {
    data.upper[1] = 0;
    CHECK(solved(data).weakly_active == 1);
  }
  SECTION("one that another holds") {
    data.normals << 1, 3, 0, 0;
    data.sides << 1, 3;
    const auto found = solved(data);
    CHECK(found.dependent == 1);
    CHECK(found.reason() == Reason::constraints_dependent);
  }
  SECTION("one in a corner of two bounds") {
    data.normals << 1, 0, 1, 0;
    data.upper << 1, 1;
    data.c << -2, -2;
    data.sides[0] = 2;
    const auto found = solved(data);  // the bounds hold the point, or the constraint and then both bounds weakly
    CHECK(found.dependent + found.weakly_active > 0);
    CHECK_FALSE(found.regular());
  }
  SECTION("none where it is some way off") {
    data.normals << 1, 0, 0, 1;
    data.sides << 2 + 1e-6, 3;
    CHECK(solved(data).regular());
    CHECK_FALSE(solved(data, 1e-5).regular());
  }
}

TEST_CASE("A solution that may move at no cost is not unique, until something holds it", "[regularity]") {
  ProgramData data = plane(1);
  data.Q(1, 1) = 0;
  SECTION("free") {
    const auto found = solved(data);
    CHECK_FALSE(found.unique);
    CHECK(found.reason() == Reason::adjoint_inconsistent);
  }
  SECTION("held by a cost against a bound") {
    data.c[1] = 1;
    data.lower[1] = -1;
    CHECK(solved(data).regular());
  }
  SECTION("held by being fixed") {
    data.lower[1] = data.upper[1] = 4;
    CHECK(solved(data).regular());
  }
}

TEST_CASE("Of several reasons the one that hides the others is given", "[regularity]") {
  Regularity<double> found{.weakly_active = 1, .dependent = 1, .unique = false};
  CHECK(found.reason() == Reason::constraints_dependent);
  found.dependent = 0;
  CHECK(found.reason() == Reason::constraint_weakly_active);
  found.weakly_active = 0;
  CHECK(found.reason() == Reason::adjoint_inconsistent);
}
