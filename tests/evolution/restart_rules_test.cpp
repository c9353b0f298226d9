#include <mesaopt/evolution/restart_rules.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "support/catch.hpp"

using namespace mesaopt;

TEST_CASE("IPOP doubles the population at each restart", "[restart_rules]") {
  Ipop::Memory memory;
  Random random;
  for (double expected : {2, 4, 8, 16}) CHECK(Ipop{}.next(memory, {100}, random).population == expected);
}

TEST_CASE("BIPOP gives large and small runs about the same number of evaluations", "[restart_rules]") {
  Bipop::Memory memory;
  Random random{.seed = 3};
  double largest = 1;
  RestartPlan plan{};
  for (int i = 0; i < 60; ++i) {
    // A run takes evaluations in proportion to its population, unless it is cut short.
    plan = Bipop{}.next(memory, {std::min<std::uint64_t>(std::uint64_t(1000 * plan.population), plan.evaluations)},
                        random);
    if (memory.is_small) {
      CHECK(plan.population >= 1);
      CHECK(plan.population <= largest / 2);
      CHECK(plan.step_size <= 1);
      CHECK(plan.step_size >= 0.01);
      CHECK(memory.small < memory.large);
      CHECK(plan.evaluations == memory.large / 2);
    } else {
      CHECK(plan.population == 2 * largest);
      CHECK(plan.step_size == 1);
      CHECK(memory.small >= (largest > 1 ? memory.large : 0));
      largest = plan.population;
    }
  }
  CHECK(largest >= 64);
}

TEST_CASE("NBIPOP gives the kind of runs that found the best point twice the evaluations of the other",
          "[restart_rules]") {
  for (const bool small_improves : {false, true}) {
    Nbipop::Memory memory;
    Random random{.seed = 3};
    RestartPlan plan{};
    double largest = 1;
    for (int i = 0; i < 200; ++i) {
      // Runs of one length; the first one, which is large, always improves.
      plan = Nbipop{}.next(memory, {1000, i == 0 || (small_improves && memory.is_small)}, random);
      if (memory.is_small) {
        CHECK(plan.population >= 1);
        CHECK(plan.population <= largest / 2);
        CHECK(plan.evaluations == memory.large / 2);
      } else {
        CHECK(plan.population == (largest *= 3));
      }
      CHECK(plan.step_size <= 1);
      CHECK(plan.step_size >= (memory.is_small ? 0.01 : 1));
    }
    const double share = double(memory.small) / double(memory.large);
    CHECK(share == Approx(small_improves ? 2 : 0.5).epsilon(0.1));
  }
}
