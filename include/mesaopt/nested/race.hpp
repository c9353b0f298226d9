#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <utility>
#include <vector>

#include <mesaopt/core/optimizer.hpp>
#include <mesaopt/core/run.hpp>
#include <mesaopt/core/status.hpp>
#include <mesaopt/core/stopping.hpp>

namespace mesaopt {

/// Whether a stage of a chain first races what it was handed against its own cold start.
///
/// The race is over when both runs have had `evaluations` evaluations, or `share` of the limit of the stage's stopping
/// rule. Then the one with the lower value goes on. Values that differ by no more than `tolerance` of how far the race
/// has gone down from the cold start are equal: then the run goes on that was there first, and of two the one handed
/// over.
///
/// It is over before that when one run leads by far: at times that grow by half, the one that is lower goes ahead to
/// the next time, which tells how much lower it can get. If the other has more than `decisive` times as far to go
/// there, it has lost. What it spent is counted, and is no part of the limit.
///
/// The defaults are measured: docs/benchmarks/transfer_race.md. A shorter race costs less and errs more.
struct Race {
  double share = 0.3;            ///< of the evaluation limit, at most, in (0, 1/2]
  std::int64_t evaluations = 0;  ///< of each run, at most; 0: by the share
  double tolerance = 1e-6;       ///< of values that are equal, in [0, 1)
  double decisive = 400;         ///< lead that decides early, more than 1; infinity: none does
};
/// No race: what was handed over is believed.
struct NoRace {};

namespace detail {

/// How long a race is at most, for a stage with a limit on its evaluations. Throws std::invalid_argument for a setting
/// out of its range.
inline std::uint64_t length(const Race& race, std::uint64_t limit) {
  if (race.evaluations < 0) refuse("Race::evaluations", double(race.evaluations), "it must be 0 or more");
  if (!(race.tolerance >= 0 && race.tolerance < 1)) refuse("Race::tolerance", race.tolerance, "it must be in [0, 1)");
  if (!(race.decisive > 1)) refuse("Race::decisive", race.decisive, "it must be more than 1");
  if (race.evaluations > 0) return std::uint64_t(race.evaluations);
  if (!(race.share > 0 && race.share <= 0.5)) refuse("Race::share", race.share, "it must be in (0, 1/2]");
  if (limit == std::numeric_limits<std::uint64_t>::max())
    throw std::invalid_argument(
        "Race: a share of what? Give the stage's stopping rule a MaxEvaluations, or the race its evaluations");
  return std::max<std::uint64_t>(1, std::uint64_t(race.share * double(limit)));
}

/// A run of a race, and how low it was after each step. An infinite value is that of a run that has found nothing.
template <class F, class Search, class Running>
class Racer {
 public:
  Racer(const F& f, const Search& search, Running& run) : f_(f), search_(search), run_(run) { note(); }

  /// Takes the run on until it has spent so many evaluations, or ends.
  void run_to(std::uint64_t evaluations) {
    while (run_.status == Status::running && spent() < evaluations) {
      advance(f_, search_.optimizer, search_.stopping, run_);
      note();
    }
  }
  [[nodiscard]] std::uint64_t spent() const { return run_.state.calls.counts[0].evaluations(); }
  [[nodiscard]] double value() const { return laps_.back().value; }
  /// The value after so many evaluations.
  [[nodiscard]] double value_at(std::uint64_t evaluations) const {
    auto lap = laps_.rbegin();
    while (lap + 1 != laps_.rend() && lap->evaluations > evaluations) ++lap;
    return lap->value;
  }
  /// The first value that is one.
  [[nodiscard]] double first_value() const {
    for (const Lap& lap : laps_)
      if (std::isfinite(lap.value)) return lap.value;
    return std::numeric_limits<double>::infinity();
  }
  /// The evaluations after which the run stays at or below a level.
  [[nodiscard]] std::uint64_t reached(double level) const {
    auto at = laps_.end();
    while (at != laps_.begin() && (at - 1)->value <= level) --at;
    return at == laps_.end() ? std::numeric_limits<std::uint64_t>::max() : at->evaluations;
  }

 private:
  struct Lap {
    std::uint64_t evaluations;
    double value;
  };
  void note() {
    const auto& evaluation = best_evaluation(run_);
    const bool usable = evaluation.usable() && !failed(run_.status);
    laps_.push_back({spent(), usable ? double(evaluation.value) : std::numeric_limits<double>::infinity()});
  }

  const F& f_;
  const Search& search_;
  Running& run_;
  std::vector<Lap> laps_;
};

/// How many times farther than the leader the other has to go, as seen when the leader alone has gone on to `ahead`:
/// to where it would get with another such step.
template <class Leader, class Other>
double lead(const Leader& leader, const Other& other, std::uint64_t now, std::uint64_t ahead, double drop) {
  const double at = leader.value_at(now), next = std::min(at, leader.value_at(ahead));
  const double left = std::max(at - next, 1e-9 * std::abs(drop) + std::numeric_limits<double>::min());
  const double floor = next - left;
  return (other.value_at(now) - floor) / (at - floor);
}

/// Runs the race to its end. True if the cold run has won: what was handed over is refused.
template <class Warm, class Cold>
bool cold_wins(const Race& race, std::uint64_t length, Warm& warm, Cold& cold) {
  constexpr int looks = 7;                      // after the first, at (2/3)⁷ = 1/17 of the race
  constexpr double growth = 1.5, young = 0.19;  // before 1/5 of it a lead of the run handed over says too little
  const auto time = [&](int look) {
    return std::max<std::uint64_t>(1, std::uint64_t(double(length) * std::pow(growth, look - looks)));
  };
  for (int look = 0; look < looks; ++look) {
    const auto now = time(look), ahead = time(look + 1);
    if (ahead == now) continue;
    warm.run_to(now);
    cold.run_to(now);
    const bool led = warm.value_at(now) <= cold.value_at(now);
    const double drop = cold.first_value() - std::min(warm.value_at(now), cold.value_at(now));
    if (led) {
      warm.run_to(ahead);
      if (double(now) >= young * double(length) && lead(warm, cold, now, ahead, drop) > race.decisive) return false;
    } else {
      cold.run_to(ahead);
      if (lead(cold, warm, now, ahead, drop) > race.decisive) return true;
    }
  }
  warm.run_to(length);
  cold.run_to(length);
  const double best = std::min(warm.value(), cold.value()), from = cold.first_value();
  const double level = from > best && std::isfinite(from) ? best + race.tolerance * (from - best) : best;
  return cold.reached(level) < warm.reached(level);
}

}  // namespace detail

}  // namespace mesaopt
