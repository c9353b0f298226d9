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
/// a trial without a usable value or gradient shortens the step; and where values differ by no more than their noise
/// (rounding, or the error estimate of an inexact objective), the approximate Wolfe conditions of Hager & Zhang (2005),
/// SIAM J. Optim. 16(1), eq. 4.1, decide by slopes alone, so that a search can go on to the last digits.
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

  /// One search along a line, driven from outside: evaluate at `trial()`, `tell` value and slope, until it is not `searching`.
  template <class S>
  class Line {
   public:
    /// value0 and slope0 < 0 at step 0; the first trial step; the noise of values.
    Line(const MoreThuente& rule, S value0, S slope0, S first, S noise)
        : c1_(S(rule.decrease)),
          c2_(S(rule.curvature)),
          value0_(value0),
          slope0_(slope0),
          noise_(noise),
          trial_(first),
          low_{0, value0, slope0},
          high_(low_),
          max_evaluations_(rule.max_evaluations) {}

    [[nodiscard]] S trial() const { return trial_; }
    /// The best step so far, 0 if none is better than the start.
    [[nodiscard]] S best() const { return low_.t; }

    /// The trial has no usable value or gradient: look closer to the best step.
    LineStatus tell_failure() {
      ++evaluations_;
      limit_ = trial_;
      const S shorter = low_.t + (trial_ - low_.t) / 4;
      if (evaluations_ >= max_evaluations_ || !moves(shorter)) return LineStatus::failed;
      trial_ = shorter;
      return LineStatus::searching;
    }

    LineStatus tell(S value, S slope) {
      ++evaluations_;
      const bool decreased = value <= value0_ + c1_ * trial_ * slope0_;
      if (decreased && std::abs(slope) <= -c2_ * slope0_) return LineStatus::accepted;
      if (value <= value0_ + noise_ && slope >= c2_ * slope0_ && slope <= (2 * c1_ - 1) * slope0_) return LineStatus::accepted;
      // Values that noise has made equal cannot guide an interval for long.
      flat_ = std::abs(value - value0_) <= noise_ ? flat_ + 1 : 0;
      if (evaluations_ >= max_evaluations_ || flat_ >= 3) return LineStatus::failed;

      // Until some step decreases the value enough with a rising slope, the auxiliary function of section 2 guides.
      if (auxiliary_ && decreased && slope >= 0) auxiliary_ = false;
      const S tilt = auxiliary_ && value <= low_.value && !decreased ? c1_ * slope0_ : S(0);
      const S next = update({trial_, value, slope}, tilt);
      if (bracketed_) {
        const S width = std::abs(high_.t - low_.t);
        trial_ = width >= S(0.66) * width_before_ ? low_.t + (high_.t - low_.t) / 2 : next;
        width_before_ = width_;
        width_ = width;
      } else {
        trial_ = next;
      }
      if (!moves(trial_)) return LineStatus::failed;
      return LineStatus::searching;
    }

   private:
    struct Sample {
      S t, value, slope;
    };

    [[nodiscard]] bool moves(S t) const {
      return std::isfinite(t) && t > 0 &&
             (!bracketed_ || std::abs(high_.t - low_.t) > 2 * std::numeric_limits<S>::epsilon() * high_.t) &&
             std::abs(t - low_.t) > std::numeric_limits<S>::epsilon() * t;
    }

    /// Minimizer of the cubic through values and slopes of a and b, as a fraction of the way from a to b.
    static S cubic(const Sample& a, const Sample& b, bool guarded) {
      const S theta = 3 * (a.value - b.value) / (b.t - a.t) + a.slope + b.slope;
      const S scale = std::max({std::abs(theta), std::abs(a.slope), std::abs(b.slope)});
      const S square = (theta / scale) * (theta / scale) - (a.slope / scale) * (b.slope / scale);
      const S root = scale * std::sqrt(guarded ? std::max(S(0), square) : square);
      const S gamma = b.t > a.t ? root : -root;
      return (gamma - a.slope + theta) / (gamma - a.slope + gamma + b.slope);
    }

    /// Section 4 of the paper: the next trial, and the interval that holds it. `tilt` is the slope of the line that the
    /// auxiliary function subtracts.
    S update(Sample now, S tilt) {
      const auto tilted = [tilt](Sample s) { return Sample{s.t, s.value - tilt * s.t, s.slope - tilt}; };
      const Sample a = tilted(low_), b = tilted(high_), c = tilted(now);
      const S least = bracketed_ ? std::min(a.t, b.t) : evaluations_ == 1 ? S(0) : c.t + S(1.1) * (c.t - a.t);
      const S most = std::min(bracketed_ ? std::max(a.t, b.t) : c.t + 4 * (c.t - a.t), limit_);
      const bool opposite = c.slope * std::copysign(S(1), a.slope) < 0;
      S next;
      if (c.value > a.value) {  // higher: the minimum is between
        const S by_cubic = a.t + cubic(a, c, false) * (c.t - a.t);
        const S by_parabola = a.t + a.slope / ((a.value - c.value) / (c.t - a.t) + a.slope) / 2 * (c.t - a.t);
        next = std::abs(by_cubic - a.t) < std::abs(by_parabola - a.t) ? by_cubic : by_cubic + (by_parabola - by_cubic) / 2;
        bracketed_ = true;
      } else if (opposite) {  // lower, and the slope changed sign: between as well
        const S by_cubic = c.t + cubic(c, a, false) * (a.t - c.t);
        const S by_secant = c.t + c.slope / (c.slope - a.slope) * (a.t - c.t);
        next = std::abs(by_cubic - c.t) > std::abs(by_secant - c.t) ? by_cubic : by_secant;
        bracketed_ = true;
      } else if (std::abs(c.slope) < std::abs(a.slope)) {  // lower, and flattening: further on
        const S fraction = cubic(c, a, true);
        S by_cubic = c.t > a.t ? most : least;
        if (fraction < 0 && std::isfinite(fraction)) by_cubic = c.t + fraction * (a.t - c.t);
        const S by_secant = c.t + c.slope / (c.slope - a.slope) * (a.t - c.t);
        if (bracketed_) {
          next = std::abs(by_cubic - c.t) < std::abs(by_secant - c.t) ? by_cubic : by_secant;
          const S cap = c.t + S(0.66) * (b.t - c.t);
          next = c.t > a.t ? std::min(cap, next) : std::max(cap, next);
        } else {
          next = std::abs(by_cubic - c.t) > std::abs(by_secant - c.t) ? by_cubic : by_secant;
        }
      } else if (bracketed_) {  // lower, and steeper than before
        next = c.t + cubic(c, b, false) * (b.t - c.t);
      } else {
        next = c.t > a.t ? most : least;
      }
      if (c.value > a.value) {
        high_ = now;
      } else {
        if (opposite) high_ = low_;
        low_ = now;
      }
      if (!bracketed_) return std::min(std::clamp(next, std::min(least, most), most), std::max(limit_ * S(0.99), now.t));
      const S from = std::min(low_.t, high_.t), to = std::max(low_.t, high_.t);
      return std::isfinite(next) ? std::clamp(next, from, to) : from + (to - from) / 2;
    }

    S c1_, c2_, value0_, slope0_, noise_, trial_;
    S limit_ = std::numeric_limits<S>::max();
    Sample low_, high_;
    S width_ = std::numeric_limits<S>::max(), width_before_ = std::numeric_limits<S>::max();
    int max_evaluations_, evaluations_ = 0, flat_ = 0;
    bool bracketed_ = false, auxiliary_ = true;
  };
};

}  // namespace mesaopt
