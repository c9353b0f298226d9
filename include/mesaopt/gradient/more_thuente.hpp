#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

#include <mesaopt/core/stopping.hpp>
#include <mesaopt/gradient/line_status.hpp>

namespace mesaopt {

/// A line search for the strong Wolfe conditions: sufficient decrease and a slope that has become small.
///
/// Moré & Thuente (1994), "Line search algorithms with guaranteed sufficient decrease", ACM TOMS 20(3). Two additions:
/// a trial without a usable value or gradient is a wall, before which the search stays; and where values differ by no
/// more than their noise (rounding, or the error estimate of an inexact objective), slopes alone guide and decide, by
/// the approximate Wolfe conditions of Hager & Zhang (2005), SIAM J. Optim. 16(1), eq. 4.1, so that a run can go on to
/// the last digits of the gradient, and soon ends there.
struct MoreThuente {
  double decrease = 1e-4;    ///< c1 of the Wolfe conditions, in (0, 1/2)
  double curvature = 0.9;    ///< c2 of the Wolfe conditions, in (c1, 1)
  int max_evaluations = 20;  ///< trials a search may take

  static constexpr bool monotone = true;

  /// Throws std::invalid_argument for a setting out of its range.
  void check() const {
    if (!(decrease > 0 && decrease < 0.5)) detail::refuse("MoreThuente::decrease", decrease, "it must be in (0, 1/2)");
    if (!(curvature > decrease && curvature < 1))
      detail::refuse("MoreThuente::curvature", curvature, "it must be between decrease and 1");
    if (max_evaluations < 1) detail::refuse("MoreThuente::max_evaluations", max_evaluations, "it must be 1 or more");
  }

  /// One search along a line, driven from outside: evaluate at `trial()`, `tell` value and slope, until it is not
  /// `searching`.
  template <class S>
  class Line {
   public:
    /// value0 and slope0 < 0 at step 0; the first trial step; by how much values may differ and mean nothing; and by
    /// how much they may differ where slopes, if they contradict them, are believed rather than values.
    Line(const MoreThuente& rule, S value0, S slope0, S first, S noise, S doubt)
        : c1_(S(rule.decrease)),
          c2_(S(rule.curvature)),
          value0_(value0),
          slope0_(slope0),
          noise_(noise),
          doubt_(doubt),
          trial_(first),
          low_{0, value0, slope0},
          high_(low_),
          max_evaluations_(rule.max_evaluations) {}

    [[nodiscard]] S trial() const { return trial_; }
    /// No trial is to be beyond the step `most`, which is accepted where the value has decreased enough and falls
    /// still: at once, if the last trial was there.
    LineStatus limit(S most) {
      if (low_.t > 0 && low_.t >= most) return LineStatus::accepted;
      most_ = most;
      trial_ = std::min(trial_, most);
      return LineStatus::searching;
    }
    /// The best step so far, 0 if none is better than the start.
    [[nodiscard]] S best() const { return low_.t; }

    /// The trial has no usable value or gradient: look closer to the best step.
    LineStatus tell_failure() {
      walled_ = true;
      wall_ = trial_;
      return go_on(low_.t + (wall_ - low_.t) / 4);
    }

    LineStatus tell(S value, S slope) {
      const S change = value - value0_, by_slopes = trial_ * (slope0_ + slope) / 2;
      const bool unclear = std::abs(change) <= noise_ ||
                           (std::abs(change) <= doubt_ && std::abs(change - by_slopes) > std::abs(by_slopes));
      const bool flattened = std::abs(slope) <= -c2_ * slope0_;
      bool decreased = value <= value0_ + c1_ * trial_ * slope0_;
      if (flattened && (decreased || (unclear && slope <= (2 * c1_ - 1) * slope0_))) return LineStatus::accepted;
      // It could go further down if a wall were not as near: near enough.
      if (decreased && slope < 0 && walled_ && trial_ < wall_ && wall_ <= 2 * trial_) return LineStatus::accepted;
      if (unclear) {  // the search goes on by slopes alone
        constexpr int patience = 4;
        if (++noisy_ >= patience) return LineStatus::failed;
        value = low_.value + (trial_ - low_.t) * (low_.slope + slope) / 2;
        decreased = value <= value0_ + c1_ * trial_ * slope0_;
      }
      if (decreased && slope < 0 && trial_ >= most_) return LineStatus::accepted;
      // Until some step decreases the value enough with a rising slope, the auxiliary function of section 2 guides:
      // the value less a line of slope `tilt`.
      if (decreased && slope >= 0) auxiliary_ = false;
      const S tilt = auxiliary_ && value <= low_.value && !decreased ? c1_ * slope0_ : S(0);
      const Sample now{trial_, value, slope};
      const S next = interpolate(now, tilt);
      narrow(now, tilt);
      if (!bracketed_) return go_on(next);
      const S width = std::abs(high_.t - low_.t), middle = low_.t + (high_.t - low_.t) / 2;
      const bool inside = (next - low_.t) * (next - high_.t) < 0;
      const bool slow = width >= S(0.66) * width_before_;
      width_before_ = width_;
      width_ = width;
      return go_on(inside && !slow ? next : middle);
    }

   private:
    struct Sample {
      S t, value, slope;
    };

    static Sample tilted(const Sample& s, S tilt) { return {s.t, s.value - tilt * s.t, s.slope - tilt}; }

    LineStatus go_on(S next) {
      if (walled_ && (wall_ - low_.t) * (next - wall_) >= 0) next = low_.t + (wall_ - low_.t) / 2;
      next = std::min(next, most_);
      const bool moved = std::abs(next - low_.t) > std::numeric_limits<S>::epsilon() * low_.t;  // false for NaN
      if (++evaluations_ >= max_evaluations_ || !moved || !std::isfinite(next)) return LineStatus::failed;
      trial_ = next;
      return LineStatus::searching;
    }

    /// Where the cubic through values and slopes of a and b is least, as a fraction of the way from a to b; NaN if
    /// nowhere.
    static S cubic(const Sample& a, const Sample& b) {
      const S theta = 3 * (a.value - b.value) / (b.t - a.t) + a.slope + b.slope;
      const S scale = std::max({std::abs(theta), std::abs(a.slope), std::abs(b.slope)});
      const S square = (theta / scale) * (theta / scale) - (a.slope / scale) * (b.slope / scale);
      if (!(square > 0)) return std::numeric_limits<S>::quiet_NaN();
      const S gamma = std::copysign(scale * std::sqrt(square), b.t - a.t);
      return ((gamma - a.slope) + theta) / (((gamma - a.slope) + gamma) + b.slope);
    }

    /// Section 4 of the paper: the next trial, from the best step a, the other end b of the interval, and the last
    /// trial c.
    S interpolate(const Sample& now, S tilt) const {
      const Sample a = tilted(low_, tilt), b = tilted(high_, tilt), c = tilted(now, tilt);
      const S ahead = c.t + 4 * (c.t - a.t), behind = c.t + S(1.1) * (c.t - a.t);
      const S secant = c.t + c.slope / (c.slope - a.slope) * (a.t - c.t);
      if (c.value > a.value) {  // case 1, higher: the minimum is between
        const S by_cubic = a.t + cubic(a, c) * (c.t - a.t);
        const S parabola = a.t + a.slope / ((a.value - c.value) / (c.t - a.t) + a.slope) / 2 * (c.t - a.t);
        if (std::isnan(by_cubic)) return parabola;
        return std::abs(by_cubic - a.t) < std::abs(parabola - a.t) ? by_cubic : by_cubic + (parabola - by_cubic) / 2;
      }
      const S fraction = cubic(c, a);
      const S by_cubic = c.t + fraction * (a.t - c.t);
      if ((c.slope < 0) != (a.slope < 0) && c.slope != 0)  // case 2, lower beyond the minimum: between as well
        return std::abs(by_cubic - c.t) > std::abs(secant - c.t) ? by_cubic : secant;
      if (std::abs(c.slope) < std::abs(a.slope)) {  // case 3, lower and flatter: further on
        const S beyond = fraction < 0 ? by_cubic : c.t > a.t ? ahead : S(0);
        const bool cubic_nearer = std::abs(beyond - c.t) < std::abs(secant - c.t);
        if (!bracketed_) return std::clamp(cubic_nearer ? secant : beyond, low_.t > 0 ? behind : S(0), ahead);
        const S next = cubic_nearer ? beyond : secant, most = c.t + S(0.66) * (b.t - c.t);
        return c.t > a.t ? std::min(most, next) : std::max(most, next);
      }
      return bracketed_ ? c.t + cubic(c, b) * (b.t - c.t) : ahead;  // case 4, lower and not flatter
    }

    /// The interval that holds the minimum, after the last trial.
    void narrow(const Sample& now, S tilt) {
      const Sample a = tilted(low_, tilt), c = tilted(now, tilt);
      if (c.value > a.value) {
        high_ = now;
        bracketed_ = true;
        return;
      }
      if ((c.slope < 0) != (a.slope < 0) && c.slope != 0) {
        high_ = low_;
        bracketed_ = true;
      }
      low_ = now;
    }

    S c1_, c2_, value0_, slope0_, noise_, doubt_, trial_;
    Sample low_, high_;
    S most_ = std::numeric_limits<S>::infinity(), wall_ = 0, width_ = std::numeric_limits<S>::max(),
      width_before_ = std::numeric_limits<S>::max();
    int max_evaluations_, evaluations_ = 0, noisy_ = 0;
    bool bracketed_ = false, walled_ = false, auxiliary_ = true;
  };
};

}  // namespace mesaopt
