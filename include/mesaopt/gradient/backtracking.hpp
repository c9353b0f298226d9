#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

#include <mesaopt/core/stopping.hpp>
#include <mesaopt/gradient/line_status.hpp>

namespace mesaopt {

/// A line search that only asks for sufficient decrease, and steps back until it has it: one evaluation where the first
/// step is good, as of Newton's method.
///
/// Accepts a step t with φ(t) ≤ φ(0) + c₁ t φ'(0). Until then it goes to the minimum of the cubic through the values
/// and slopes at 0 and t, kept between `least` and `most` times t. Nocedal & Wright (2006), "Numerical Optimization",
/// algorithm 3.1 with interpolation (3.59). It never goes further than the first step, so directions need a natural
/// length. Where values differ by no more than their noise, the approximate Wolfe condition φ'(t) ≤ (2c₁ − 1) φ'(0)
/// decides in place of values (Hager & Zhang 2005, eq. 4.1).
struct Backtracking {
  double decrease = 1e-4;    ///< c₁, in (0, 1/2)
  double least = 0.1;        ///< a trial is at least this fraction of the one before, in (0, most]
  double most = 0.5;         ///< and at most this fraction of it, below 1
  int max_evaluations = 30;  ///< trials a search may take

  static constexpr bool monotone = true;

  /// Throws std::invalid_argument for a setting out of its range.
  void check() const {
    if (!(decrease > 0 && decrease < 0.5)) detail::refuse("Backtracking::decrease", decrease, "it must be in (0, 1/2)");
    if (!(most > 0 && most < 1)) detail::refuse("Backtracking::most", most, "it must be in (0, 1)");
    if (!(least > 0 && least <= most)) detail::refuse("Backtracking::least", least, "it must be in (0, most]");
    if (max_evaluations < 1) detail::refuse("Backtracking::max_evaluations", max_evaluations, "it must be 1 or more");
  }

  /// One search along a line, driven from outside: evaluate at `trial()`, `tell` value and slope, until it is not
  /// `searching`.
  template <class S>
  class Line {
   public:
    /// value0 and slope0 < 0 at step 0; the first trial step; by how much values may differ and mean nothing; and by
    /// how much they may differ where slopes, if they contradict them, are believed rather than values.
    Line(const Backtracking& rule, S value0, S slope0, S first, S noise, S doubt)
        : decrease_(S(rule.decrease)),
          least_(S(rule.least)),
          most_(S(rule.most)),
          value0_(value0),
          slope0_(slope0),
          noise_(noise),
          doubt_(doubt),
          trial_(first),
          best_value_(value0),
          max_evaluations_(rule.max_evaluations) {}

    [[nodiscard]] S trial() const { return trial_; }
    /// The step of the least value so far, 0 if none is less than at the start.
    [[nodiscard]] S best() const { return best_; }

    /// The trial has no usable value or gradient: look closer to the start.
    LineStatus tell_failure() { return go_on((least_ + most_) / 2); }

    LineStatus tell(S value, S slope) {
      const S change = value - value0_, c1 = decrease_, by_slopes = trial_ * (slope0_ + slope) / 2;
      if (value < best_value_) {
        best_value_ = value;
        best_ = trial_;
      }
      if (change <= c1 * trial_ * slope0_) return LineStatus::accepted;
      const bool unclear = std::abs(change) <= noise_ ||
                           (std::abs(change) <= doubt_ && std::abs(change - by_slopes) > std::abs(by_slopes));
      if (unclear && slope <= (2 * c1 - 1) * slope0_) return LineStatus::accepted;
      // The cubic a u³ + b u² + trial φ'(0) u of u = t / trial; by slopes alone where values mean nothing.
      const S rise = (unclear ? by_slopes : change) / trial_;
      const S a = slope + slope0_ - 2 * rise, b = 3 * rise - slope - 2 * slope0_, square = b * b - 3 * a * slope0_;
      const S lowest = square >= 0 && b + std::sqrt(square) > 0 ? -slope0_ / (b + std::sqrt(square)) : S(0);
      return go_on(std::clamp(lowest, least_, most_));
    }

   private:
    LineStatus go_on(S factor) {
      trial_ *= factor;
      constexpr S smallest = std::numeric_limits<S>::min();
      return ++evaluations_ < max_evaluations_ && trial_ >= smallest ? LineStatus::searching : LineStatus::failed;
    }

    S decrease_, least_, most_, value0_, slope0_, noise_, doubt_, trial_;
    S best_ = 0, best_value_;
    int max_evaluations_, evaluations_ = 0;
  };
};

}  // namespace mesaopt
