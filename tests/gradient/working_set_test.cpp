#include <mesaopt/gradient/working_set.hpp>

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "gradient/program_pieces.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::Index;

namespace {

/// Makes the gradient of constraint `to` a combination of those of 0 and 1, but for `off` in its first entry.
void combine(ProgramData& data, Index to, double first, double second, double off) {
  for (Index i = 0; i < data.size(); ++i)
    data.normals(i, to) = first * data.normals(i, 0) + second * data.normals(i, 1);
  data.normals(0, to) += off;
}

Status begin(WorkingSet& set) {
  Index broken = -1;
  return set.begin(1e-12, broken);
}

}  // namespace

TEST_CASE("A working set makes of any active set one that can be", "[working_set]") {
  ProgramData data = random_program(1, 6, 1, 3);
  data.lower[0] = data.upper[0] = 2;  // fixed
  data.lower[1] = -1;
  data.upper[2] = 1;
  WorkingSet set = begun(data);
  CHECK(set.holds(0));  // the equation
  CHECK(set.at(0) != 0);
  CHECK(set.bounded == 0);
  CHECK(set.factors.size() == 5);

  set.active.bounds = {0, -1, -1, 1, 0, 0};  // variable 2 has no lower bound, 3 has none
  set.active.constraints = {0, 1, 0, 0};
  set.multipliers[0] = -3;  // of an equation: either sign
  set.multipliers[1] = -2;
  set.multipliers[2] = 5;  // of what is not active
  set.bound_multipliers[0] = -4;
  set.bound_multipliers[1] = -1;  // wrong at a lower bound
  set.bound_multipliers[4] = 1;   // of what is not active
  REQUIRE(begin(set) == Status::running);
  CHECK(set.active.bounds == std::vector<std::int8_t>{-1, -1, 0, 0, 0, 0});
  CHECK(set.active.constraints == std::vector<std::uint8_t>{1, 1, 0, 0});
  CHECK(holds(set.multipliers, {-3, 0, 0, 0}));
  CHECK(set.bound_multipliers[0] == -4);
  CHECK(set.bound_multipliers[1] == 0);
  CHECK(set.bound_multipliers[4] == 0);
  CHECK(set.bounded == 1);
  CHECK(set.factors.count() == 2);
  CHECK(set.factors.size() == 4);
}

TEST_CASE("A point or multipliers that are not finite are a bad start of a working set", "[working_set]") {
  WorkingSet set = begun(random_program(2, 4, 1, 2));
  const int where = GENERATE(0, 1, 2);
  (where == 0 ? set.x[1] : where == 1 ? set.multipliers[1] : set.bound_multipliers[1]) = std::nan("");
  CHECK(begin(set) == Status::bad_start);
}

TEST_CASE("Gradients that depend on those of the working set are told, with their coefficients", "[working_set]") {
  ProgramData data = random_program(3, 5, 2, 2);
  const double off = GENERATE(0.0, 1e-10, 1e-3);
  CAPTURE(off);
  combine(data, 2, 2, -0.5, off);
  WorkingSet set = begun(data);
  REQUIRE(set.factors.count() == 2);
  set.project(2);
  CHECK(set.depends() == (off == 0));
  if (off == 0) {
    CHECK(set.r[0] == Approx(2).epsilon(1e-12));
    CHECK(set.r[1] == Approx(-0.5).epsilon(1e-12));
  }
  set.project(3);
  CHECK_FALSE(set.depends());
}

TEST_CASE("Of dependent constraints the working set keeps those before", "[working_set]") {
  ProgramData data = random_program(4, 5, 2, 2);
  combine(data, 2, 1, 1, 0);
  WorkingSet set = begun(data);
  set.active.constraints = {1, 1, 1, 1};
  set.multipliers[2] = 7;
  REQUIRE(begin(set) == Status::running);
  CHECK(set.active.constraints == std::vector<std::uint8_t>{1, 1, 0, 1});
  CHECK(set.multipliers[2] == 0);
  CHECK(set.factors.working == std::vector<Index>{0, 1, 3});
}

TEST_CASE("The same program with the same working set begins with the factors that are there", "[working_set]") {
  WorkingSet set = begun(random_program(5, 6, 1, 4));
  set.project(2);
  REQUIRE_FALSE(set.depends());
  set.factors.direct(set.d, set.z);
  set.add(2, 1);
  const auto updates = set.factors.updates;
  set.data.same_curvature = set.data.same_normals = true;
  SECTION("as they are") {
    REQUIRE(begin(set) == Status::running);
    CHECK(set.factors.working == std::vector<Index>{0, 2});
    CHECK(set.factors.updates == updates);
  }
  SECTION("in another order than the built ones have") {
    set.remove(0);
    set.project(0);
    set.depends();
    set.factors.direct(set.d, set.z);
    set.add(0, 1);
    REQUIRE(begin(set) == Status::running);
    CHECK(set.factors.working == std::vector<Index>{2, 0});
  }
  SECTION("and with new ones if it has moved") {
    set.data.same_curvature = false;
    set.data.Q(1, 1) += 1;
    set.remove(2);
    set.active.constraints[3] = 1;
    REQUIRE(begin(set) == Status::running);
    CHECK(set.factors.working == std::vector<Index>{0, 3});
    CHECK(set.factors.updates == 2);
  }
}

TEST_CASE("A bound comes into the working set and leaves it with its variable", "[working_set]") {
  ProgramData data = random_program(6, 4, 1, 1);
  data.lower[2] = -0.5;
  WorkingSet set = begun(data);
  const Index m = set.count();
  set.project_bound(2);
  REQUIRE_FALSE(set.depends());
  set.factors.direct(set.d, set.z);
  set.add(m + 2, -1);
  CHECK(set.at(2) == -1);
  CHECK(set.x[2] == -0.5);
  CHECK(set.held(2));
  CHECK(set.bounded == 1);
  CHECK(set.factors.size() == 3);
  set.bound_multipliers[2] = 3;
  CHECK(set.remove(m + 2));
  CHECK(set.at(2) == 0);
  CHECK(set.bound_multipliers[2] == 0);
  CHECK(set.bounded == 0);
  CHECK(set.factors.size() == 4);
}

TEST_CASE("A bound that kept a singular Q regular cannot leave without new factors", "[working_set]") {
  ProgramData data = random_program(7, 4, 0, 1);
  data.lower[3] = 0;
  for (Index i = 0; i < 4; ++i) data.Q(3, i) = data.Q(0, i);
  for (Index i = 0; i < 4; ++i) data.Q(i, 3) = data.Q(i, 0);
  WorkingSet set = begun(data);
  CHECK(set.data.singular);  // found at once, as Q is looked at as a whole
  set.data.singular = false;
  set.data.shift.setZero();
  set.active.bounds[3] = -1;
  REQUIRE(set.build());
  CHECK_FALSE(set.remove(set.count() + 3));
  set.regularize();
  CHECK(set.data.singular);
  CHECK(set.build());
  CHECK(set.factors.size() == 4);
}

TEST_CASE("What is met first is the nearest, and of equals the steepest", "[working_set]") {
  detail::Nearest<double> nearest;
  nearest.step = 5;  // how far there is to go: nothing is met there
  nearest.meet(6, 1, 3);
  nearest.meet(5, 9, 4);
  CHECK(nearest.first == -1);
  nearest.meet(2, 1, 5);
  nearest.meet(2, 3, 6);
  nearest.meet(2, 2, 7);
  nearest.meet(std::nan(""), 9, 8);
  CHECK(nearest.first == 6);
  CHECK(nearest.step == 2);
}
