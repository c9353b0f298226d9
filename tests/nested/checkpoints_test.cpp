#include <mesaopt/nested/checkpoints.hpp>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "support/catch.hpp"

using namespace mesaopt::detail;

namespace {

/// A run whose states are the numbers of their steps.
struct Reversal {
  std::uint64_t advances = 0, most_held = 0;
  std::vector<std::uint64_t> reversed{};
  bool sound = true;  // every state was what it was taken for

  /// `planned`: the steps that the run was expected to make.
  Reversal(std::uint64_t steps, std::uint64_t slots, std::uint64_t window, std::uint64_t planned) {
    Checkpoints<std::uint64_t> held;
    CheckpointPlan plan(planned, slots, window);
    for (std::uint64_t i = 0; i <= steps; ++i) {
      plan.offer(i, held, [&](std::uint64_t& state) { state = i; });
      most_held = std::max<std::uint64_t>(most_held, held.size());
      if (i + 1 < steps) ++advances;  // up to the state before the last, as the formula counts
    }
    std::uint64_t here = 0;
    reverse_steps(
        held, steps - std::min(steps, window), steps, slots, [&](std::uint64_t state) { here = state; },
        [&](std::uint64_t count) {
          here += count;
          advances += count;
          return true;
        },
        [&](std::uint64_t& state) {
          state = here;
          most_held = std::max<std::uint64_t>(most_held, held.size());
        },
        [&](std::uint64_t state) {
          reversed.push_back(state);
          return true;
        },
        [&] {
          reversed.push_back(here);
          return true;
        });
    for (std::size_t i = 0; i < reversed.size(); ++i) sound = sound && reversed[i] == steps - 1 - i;
    sound = sound && reversed.size() == std::min(steps, window) && most_held - 1 <= slots;
  }
};

constexpr auto all = CheckpointPlan::unknown;

}  // namespace

TEST_CASE("the optimum by the binomial formula is that of dynamic programming", "[nested]") {
  // t(l, s) = min over m of m + t(l - m, s - 1) + t(m, s): no schedule can do with less.
  constexpr std::size_t longest = 200, most = 12;
  std::vector<std::vector<std::uint64_t>> least(most + 1, std::vector<std::uint64_t>(longest + 1, 0));
  for (std::size_t l = 2; l <= longest; ++l) {
    least[1][l] = l * (l - 1) / 2;
    for (std::size_t s = 2; s <= most; ++s) {
      least[s][l] = all;
      for (std::size_t m = 1; m < l; ++m) least[s][l] = std::min(least[s][l], m + least[s - 1][l - m] + least[s][m]);
    }
  }
  bool right = true, reached = true;
  for (std::size_t s = 1; s <= most; ++s)
    for (std::size_t l = 1; l <= longest; ++l) {
      right = right && optimal_advances(l, s) == least[s][l];
      if (s > 1 && l > 1) {
        const auto m = optimal_distance(l, s);
        reached = reached && m >= 1 && m < l && m + least[s - 1][l - m] + least[s][m] == least[s][l];
      }
    }
  CHECK(right);
  CHECK(reached);
}

TEST_CASE("the optimum is the published one", "[nested]") {
  // Griewank & Walther (2000): steps that s checkpoints reverse in r repeats, C(s + r, s), and their cost.
  CHECK(reversible_steps(3, 3) == 20);
  CHECK(reversible_steps(5, 4) == 126);
  CHECK(reversible_steps(140, 2) == 10011);
  CHECK(reversible_steps(1000, 1000) == all);  // more than can be counted
  CHECK(optimal_advances(10, 3) == 15);        // 2 * 10 - C(5, 1)
  CHECK(optimal_advances(10000, 140) == 2 * 10000 - 142);
  CHECK(optimal_advances(10000, 139) == 3 * 10000 - 142 * 141 / 2);
  CHECK(optimal_advances(10000, 10000) == 9999);
  CHECK(optimal_advances(1, 1) == 0);
}

TEST_CASE("a run of known length is reversed in the fewest steps", "[nested]") {
  bool sound = true, fewest = true;
  for (std::uint64_t slots = 1; slots <= 9; ++slots)
    for (std::uint64_t steps = 1; steps <= 90; ++steps) {
      const Reversal reversal(steps, slots, all, steps);
      sound = sound && reversal.sound;
      fewest = fewest && reversal.advances == optimal_advances(steps, slots);
    }
  CHECK(sound);
  CHECK(fewest);
  CHECK(Reversal(10000, 140, all, 10000).advances == 19858);
}

TEST_CASE("where all states are held no step is made twice", "[nested]") {
  const Reversal reversal(50, all, all, all);
  CHECK(reversal.sound);
  CHECK(reversal.advances == 49);
  const Reversal last(50, all, 7, all);
  CHECK(last.sound);
  CHECK(last.advances == 49);
  CHECK(last.most_held == 8);
}

TEST_CASE("runs of unknown length, cut short, and looked back on in part are reversed as well", "[nested]") {
  bool sound = true;
  std::uint64_t worst = 0;
  for (std::uint64_t slots = 1; slots <= 12; ++slots)
    for (const std::uint64_t steps : {1U, 2U, 3U, 7U, 20U, 61U, 100U})
      for (const std::uint64_t window : {std::uint64_t(1), std::uint64_t(5), std::uint64_t(64), all})
        for (const std::uint64_t planned : {steps, steps + 1, 3 * steps, 50 * steps, all}) {
          const Reversal reversal(steps, slots, window, planned);
          sound = sound && reversal.sound;
          if (slots == 12 && window == all) worst = std::max(worst, reversal.advances + 1 - steps);
        }
  CHECK(sound);
  CHECK(worst <= 2 * 100);
}
