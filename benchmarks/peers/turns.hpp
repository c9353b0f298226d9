#pragma once
// How the comparisons measure: the solvers of a problem take turns, and of each the least time counts, so that ratios
// hold on a machine with other work as well.

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <functional>
#include <limits>
#include <string>
#include <utility>

/// A solver on one problem; Solve is what it answers.
template <class Solve>
struct Contender {
  std::string name;
  std::ptrdiff_t most = std::numeric_limits<std::ptrdiff_t>::max();  ///< variables at which it is still asked
  std::function<Solve()> solve;
  double seconds = std::numeric_limits<double>::infinity();  ///< least time of a solve
  Solve last{};

  Contender(std::string called, std::function<Solve()> function)
      : name(std::move(called)), solve(std::move(function)) {}
  Contender(std::string called, std::ptrdiff_t size, std::function<Solve()> function)
      : name(std::move(called)), most(size), solve(std::move(function)) {}
};

/// Measures all solvers that `asked` is true of, for about `budget` seconds, and once at least. Their solve() fills
/// `last`, the least time of one `seconds`.
template <class Solvers, class Asked>
void take_turns(Solvers& all, double budget, const Asked& asked) {
  using Clock = std::chrono::steady_clock;
  const auto seconds = [](const Clock::time_point& since) {
    return std::chrono::duration<double>(Clock::now() - since).count();
  };
  const auto timed = [&](auto& solver, int repetitions) {
    const auto began = Clock::now();
    for (int i = 0; i < repetitions; ++i) solver.last = solver.solve();
    solver.seconds = std::min(solver.seconds, seconds(began) / repetitions);
  };
  const auto began = Clock::now();
  do {
    for (auto& solver : all) {
      if (!asked(solver)) continue;
      timed(solver, 1);  // and warm after the others
      if (const int repetitions = std::clamp(int(5e-4 / solver.seconds), 1, 100); repetitions > 1)
        timed(solver, repetitions);
    }
  } while (seconds(began) < budget);
}
template <class Solvers>
void take_turns(Solvers& all, double budget) {
  take_turns(all, budget, [](const auto&) { return true; });
}
