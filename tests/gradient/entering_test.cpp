#include <mesaopt/gradient/entering.hpp>

#include <cmath>
#include <cstdint>
#include <limits>

#include "gradient/program_pieces.hpp"
#include "support/allocations.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::Index;
using Entering = detail::Entering<double>;
using Outcome = Entering::Outcome;

namespace {

Entering prepared(const WorkingSet& set) {
  Entering entering;
  entering.prepare(set.size(), set.count());
  entering.begin();
  return entering;
}

/// min ½ |x|² in the plane, whose optimum, 0, is settled; constraints n'x <= side are to be filled in.
ProgramData plane(Index equalities, Index inequalities) {
  ProgramData data;
  data.resize(2, equalities + inequalities, equalities);
  data.Q << 1, 0, 0, 1;
  return data;
}

}  // namespace

TEST_CASE("What is violated most enters first, relative to its gradient, but equations before all", "[entering]") {
  ProgramData data = plane(0, 3);
  data.normals << 10, 1, 0, 0, 0, 1;  // 10 x₁ <= −10, x₁ <= −2, x₂ <= 0
  data.sides << -10, -2, 0;
  WorkingSet set = begun(data);
  Entering entering = prepared(set);
  SECTION("of inequalities") {
    CHECK(entering.choose(set, 1e-12));
    CHECK(entering.which == 1);
    CHECK(entering.sign == 1);
  }
  SECTION("of bounds") {
    set.data.lower[1] = 5;
    CHECK(entering.choose(set, 1e-12));
    CHECK(entering.which == 3 + 1);
    CHECK(entering.sign == -1);
  }
  SECTION("nothing where all holds") {
    set.data.sides << 0, 0, 0;
    set.data.upper[0] = 0;
    CHECK_FALSE(entering.choose(set, 1e-12));
    CHECK(entering.which == -1);
  }
  SECTION("nothing of what is in the working set already") {
    set.active.constraints = {1, 1, 1};
    CHECK_FALSE(entering.choose(set, 1e-12));
  }
  SECTION("an equation, violated least") {
    ProgramData with = plane(1, 1);
    with.normals << 0, 1, 1, 0;  // x₂ = 0.1, x₁ <= −2
    with.sides << 0.1, -2;
    WorkingSet other = begun(with);
    other.active.constraints = {0, 0};
    Entering chooser = prepared(other);
    CHECK(chooser.choose(other, 1e-12));
    CHECK(chooser.which == 0);
    CHECK(chooser.sign == -1);  // from below
  }
}

TEST_CASE("What enters a free plane is met at once, with the multiplier that holds the point there", "[entering]") {
  ProgramData data = plane(0, 1);
  data.normals << 3, 4;  // 3 x₁ + 4 x₂ <= −5: the nearest point is −(0.6, 0.8)
  data.sides << -5;
  WorkingSet set = begun(data);
  Entering entering = prepared(set);
  REQUIRE(entering.choose(set, 1e-12));
  CHECK(entering(set) == Outcome::entered);
  CHECK(entering.which == -1);
  CHECK(set.holds(0));
  CHECK(set.x[0] == Approx(-0.6));
  CHECK(set.x[1] == Approx(-0.8));
  CHECK(set.multipliers[0] == Approx(0.2));
  CHECK(off_optimum(set) < 1e-15);
}

TEST_CASE("What would turn a multiplier of the working set negative waits until that has left", "[entering]") {
  ProgramData data = plane(0, 2);
  data.normals << 1, 1, 0, -1;  // x₁ <= −1, then x₁ − x₂ <= −10, whose nearest point is (−5, 5)
  data.sides << -1, -10;
  WorkingSet set = begun(data);
  Entering entering = prepared(set);
  entering.which = 0;
  REQUIRE(entering(set) == Outcome::entered);
  REQUIRE(entering.choose(set, 1e-12));
  REQUIRE(entering.which == 1);
  CHECK(entering(set) == Outcome::blocked);
  CHECK(entering.blocking == 0);
  CHECK(entering.which == 1);
  CHECK(set.multipliers[0] == Approx(0).margin(1e-15));
  CHECK(set.multipliers[1] == Approx(1));  // on its way to 5
  REQUIRE(set.remove(0));
  CHECK(entering(set) == Outcome::entered);
  CHECK(set.multipliers[1] == Approx(5));
  CHECK(set.x[0] == Approx(-5));
  CHECK(set.x[1] == Approx(5));
  CHECK(off_optimum(set) < 1e-14);
  SECTION("and gives its multiplier back if it is given up") {
    entering.which = 0;
    set.multipliers[0] = 3;
    entering.abandon(set);
    CHECK(entering.which == -1);
    CHECK(set.multipliers[0] == 0);
  }
}

TEST_CASE("Every entry of random programs keeps the point the optimum on its working set", "[entering]") {
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    CAPTURE(seed);
    ProgramData data = random_program(seed, 8, 1, 10);
    Random random{.seed = seed, .stream = 3};
    for (Index k = 1; k < 11; ++k) data.sides[k] -= 2 * random.uniform();
    data.lower[3] = 0.5;
    data.upper[4] = -0.5;
    WorkingSet set = begun(data);
    // The multiplier of the equation, by entering it, as there is no settling here.
    set.active.constraints[0] = 0;
    REQUIRE(set.build());
    for (Index i = 0; i < 8; ++i) set.x[i] = 0;
    set.data.c.setZero();  // whose optimum is 0
    Entering entering = prepared(set);
    int entries = 0;
    for (int changes = 0; changes < 40; ++changes) {
      if (entering.which < 0 && !entering.choose(set, 1e-12)) break;
      const long before = allocations();
      const Outcome outcome = entering(set);
      CHECK(allocations() == before);
      if (outcome == Outcome::contradicts) break;
      if (outcome == Outcome::blocked) {
        REQUIRE(set.remove(entering.blocking));
        continue;
      }
      ++entries;
      CHECK(off_optimum(set) < 1e-11);
      for (Index k = 1; k < set.count(); ++k) CHECK(set.multipliers[k] >= 0);
      CHECK(set.bound_multipliers[3] >= 0);
      CHECK(set.bound_multipliers[4] <= 0);
    }
    CHECK(entries > 3);
  }
}

TEST_CASE("A contradiction is proved by the numbers of the program", "[entering]") {
  ProgramData data = plane(0, 2);
  data.normals << 1, -2, 0, 0;  // x₁ <= −1 and −2 x₁ <= 1
  data.sides << -1, 1;
  const double gap = GENERATE(1.0, 2.0, 2.5);  // with 2 they meet
  data.sides[1] = gap;
  WorkingSet set = begun(data);
  Entering entering = prepared(set);
  entering.which = 0;
  REQUIRE(entering(set) == Outcome::entered);
  CHECK(entering.choose(set, 1e-12) == (gap < 2));
  if (gap >= 2) return;
  CHECK(entering(set) == Outcome::contradicts);
  Eigen::VectorXd sum(2), proof(4);
  CHECK(entering.prove(set, 1e-12, sum, proof));
  CHECK(holds(proof, {2, 1, 0, 0}));
  SECTION("and is not where they do not bear it out") {
    set.data.sides[1] = 2;
    CHECK_FALSE(entering.prove(set, 1e-12, sum, proof));
    CHECK(holds(proof, {0, 0, 0, 0}));
  }
}
