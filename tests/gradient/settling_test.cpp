#include <mesaopt/gradient/settling.hpp>

#include <cmath>
#include <cstdint>
#include <limits>

#include <mesaopt/core/fields.hpp>

#include "gradient/program_pieces.hpp"
#include "support/allocations.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::Index;
using Settling = detail::Settling<double>;
using Outcome = Settling::Outcome;

namespace {

Settling prepared(const WorkingSet& set) {
  Settling settling;
  settling.prepare(set.size(), set.count());
  settling.begin(set.size());
  return settling;
}

/// Takes these into the working set.
WorkingSet with(WorkingSet set, std::initializer_list<Index> constraints, std::initializer_list<Index> at_lower) {
  for (const Index k : constraints) set.active.constraints[std::size_t(k)] = 1;
  for (const Index i : at_lower) set.active.bounds[std::size_t(i)] = -1;
  Index broken = -1;
  REQUIRE(set.begin(1e-12, broken) == Status::running);
  return set;
}

}  // namespace

TEST_CASE("Settling finds the optimum on the working set", "[settling]") {
  for (std::uint64_t seed = 0; seed < 5; ++seed) {
    CAPTURE(seed);
    // Equations alone have multipliers of any sign, so that nothing is in the way.
    WorkingSet set = begun(random_program(seed, 8, 3, 2));
    Settling settling = prepared(set);
    CHECK(settling(set, 1e-12, 1e-12) == Outcome::settled);
    CHECK(off_optimum(set) < 1e-14);
    CHECK(settling.error < 1e-15);
    double value = 0;
    for (Index i = 0; i < 8; ++i) value += (settling.gradient[i] + set.data.c[i]) * set.x[i] / 2;
    CHECK(settling.value == Approx(value).epsilon(1e-13));
  }
}

TEST_CASE("Settled again, a point stays where it is, and nothing is allocated", "[settling]") {
  WorkingSet set = begun(random_program(7, 8, 3, 2));
  Settling settling = prepared(set);
  const long before = allocations();
  settling(set, 1e-12, 1e-12);
  const Eigen::VectorXd x = set.x;
  const long between = allocations();
  CHECK(settling(set, 1e-12, 1e-12) == Outcome::settled);
  CHECK(allocations() - between + (between - before) == 1);  // of x above
  CHECK(identical(set.x, x));
}

TEST_CASE("A bound whose multiplier has the wrong sign is named, and not settled on", "[settling]") {
  // min ½ |x|² + x₁ − 2 x₂ with both at their lower bounds of 0: the multipliers would be 1 and −2.
  ProgramData data;
  data.resize(2, 0, 0);
  data.Q << 1, 0, 0, 1;
  data.c << 1, -2;
  data.lower << 0, 0;
  WorkingSet set = with(begun(data), {}, {0, 1});
  Settling settling = prepared(set);
  CHECK(settling(set, 1e-12, 1e-12) == Outcome::blocked);
  CHECK(settling.blocking == 1);
  REQUIRE(set.remove(set.count() + settling.blocking));
  CHECK(settling(set, 1e-12, 1e-12) == Outcome::settled);
  CHECK(holds(set.x, {0, 2}));
  CHECK(holds(set.bound_multipliers, {1, 0}));
}

TEST_CASE("Known multipliers go to those of the working set until the first is zero", "[settling]") {
  // min ½ |x|² with x₁ <= 1, x₂ <= 2 taken for active: the multipliers would be −1 and −2, and are 4 and 1.
  ProgramData data;
  data.resize(2, 2, 0);
  data.Q << 1, 0, 0, 1;
  data.normals << 1, 0, 0, 1;
  data.sides << 1, 2;
  WorkingSet set = with(begun(data), {0, 1}, {});
  set.multipliers << 4, 1;
  Settling settling = prepared(set);
  CHECK(settling(set, 1e-12, 1e-12) == Outcome::blocked);
  CHECK(settling.blocking == 1);  // after 1/3 of the way, where the other has 4/5 before it
  CHECK(set.multipliers[1] == 0);
  CHECK(set.multipliers[0] == Approx(4 - 5.0 / 3));
}

TEST_CASE("Factors that are not those of the program are found out", "[settling]") {
  WorkingSet set = begun(random_program(9, 6, 2, 1));
  Settling settling = prepared(set);
  SECTION("far off") {
    set.factors.J *= 2;
    CHECK(settling(set, 1e-12, 1e-12) == Outcome::inaccurate);
  }
  SECTION("slightly off, which corrections make up for") {
    set.factors.J *= 1.0001;
    set.factors.R *= 1.0001;
    CHECK(settling(set, 1e-12, 1e-12) == Outcome::settled);
    CHECK(off_optimum(set) < 1e-12);
  }
  SECTION("not finite") {
    set.factors.J(0, 0) = std::numeric_limits<double>::quiet_NaN();
    CHECK(settling(set, 1e-12, 1e-12) == Outcome::inaccurate);
  }
}
