#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

#include <mesaopt/core/stopping.hpp>
#include <mesaopt/gradient/line_status.hpp>

namespace mesaopt {

/// A line search for the approximate Wolfe conditions, which slopes decide: it goes on where values no longer tell
/// points apart, to about the machine's precision of the gradient, where the Wolfe conditions end near its root.
///
/// A step t is accepted under the Wolfe conditions,
/// φ(t) ≤ φ(0) + δ t φ'(0) and φ'(t) ≥ σ φ'(0), or under the approximate ones, (2δ − 1) φ'(0) ≥ φ'(t) ≥ σ φ'(0) and
/// φ(t) ≤ φ(0) + ε. Hager & Zhang (2005), "A new conjugate gradient method with guaranteed descent and an efficient
/// line search", SIAM J. Optim. 16(1), section 4: bracket (B0 to B3), update (U0 to U3), secant² (S1 to S4) and the
/// line search (L0 to L3). Here ε is what values at this place are in doubt by, not a fixed part of |φ(0)|, and values
/// of several steps cannot add up to a rise by more; a bracket grows to where the secant of the last two slopes
/// vanishes, up to the factor ρ, as in the authors' later code; and a trial without a usable value or gradient is a
/// wall, before which the search stays.
struct HagerZhang {
  double decrease = 0.1;     ///< δ, in (0, 1/2)
  double curvature = 0.9;    ///< σ, in [δ, 1)
  double expansion = 5;      ///< ρ: a bracket's far end moves out by at most this factor, more than 1
  double bisection = 0.5;    ///< θ: where a bracket that holds a rise is cut, in (0, 1)
  double shrinkage = 0.66;   ///< γ: a bracket that secant² does not shrink by this factor is halved, in (0, 1)
  int max_evaluations = 30;  ///< trials a search may take

  static constexpr bool monotone = true;

  /// Throws std::invalid_argument for a setting out of its range.
  void check() const {
    if (!(decrease > 0 && decrease < 0.5)) detail::refuse("HagerZhang::decrease", decrease, "it must be in (0, 1/2)");
    if (!(curvature >= decrease && curvature < 1))
      detail::refuse("HagerZhang::curvature", curvature, "it must be at least decrease and below 1");
    if (!(expansion > 1)) detail::refuse("HagerZhang::expansion", expansion, "it must be more than 1");
    if (!(bisection > 0 && bisection < 1)) detail::refuse("HagerZhang::bisection", bisection, "it must be in (0, 1)");
    if (!(shrinkage > 0 && shrinkage < 1)) detail::refuse("HagerZhang::shrinkage", shrinkage, "it must be in (0, 1)");
    if (max_evaluations < 1) detail::refuse("HagerZhang::max_evaluations", max_evaluations, "it must be 1 or more");
  }

  /// One search along a line, driven from outside: evaluate at `trial()`, `tell` value and slope, until it is not
  /// `searching`.
  template <class S>
  class Line {
   public:
    /// value0 and slope0 < 0 at step 0; the first trial step; by how much values may differ and mean nothing; and by
    /// how much they may differ where slopes are believed rather than values.
    Line(const HagerZhang& rule, S value0, S slope0, S first, S noise, S doubt)
        : delta_(S(rule.decrease)),
          sigma_(S(rule.curvature)),
          rho_(S(rule.expansion)),
          theta_(S(rule.bisection)),
          gamma_(S(rule.shrinkage)),
          value0_(value0),
          slope0_(slope0),
          noise_(noise),
          doubt_(std::max(doubt, noise)),
          allowed_(std::max(S(0), doubt)),
          trial_(first),
          a_{0, 0, slope0},
          b_{a_},
          best_value_(value0),
          max_evaluations_(rule.max_evaluations) {}

    [[nodiscard]] S trial() const { return trial_; }
    /// The step of the least value so far, 0 if none is less than at the start.
    [[nodiscard]] S best() const { return best_; }

    /// The trial has no usable value or gradient: look closer to the last good step.
    LineStatus tell_failure() {
      walled_ = cutting_ = true;
      b_ = {trial_, std::numeric_limits<S>::infinity(), S(0)};
      return go_on(a_.t + (b_.t - a_.t) / 4);
    }

    LineStatus tell(S value, S slope) {
      const Sample c{trial_, value - value0_, slope};
      if (value < best_value_) {
        best_value_ = value;
        best_ = c.t;
      }
      const bool low = c.change <= allowed_, decreased = c.change <= delta_ * c.t * slope0_;
      const bool flat = low && slope <= (2 * delta_ - 1) * slope0_;
      if (slope >= sigma_ * slope0_ && (decreased || flat)) return LineStatus::accepted;
      // It could go further down if a wall were not as near: near enough.
      if (decreased && slope < 0 && walled_ && b_.t <= 2 * c.t) return LineStatus::accepted;
      constexpr int patience = 8;
      if (stage_ != Stage::bracket && std::abs(c.change) <= noise_ && ++noisy_ >= patience) return LineStatus::failed;

      const Sample before = slope < 0 ? a_ : b_;
      if (slope >= 0)
        b_ = c;  // B1, U1, U3a
      else if (low)
        a_ = c;  // B3, U2, U3b
      else
        b_ = c;  // B2, U3c
      if (slope < 0 && (cutting_ || !low)) {
        cutting_ = true;
        return go_on(cut());
      }
      const bool plain = !cutting_;
      if (slope >= 0) walled_ = cutting_ = false;
      if (stage_ == Stage::bracket) {
        if (slope >= 0) return secant2();
        const S most = rho_ * c.t, zero = flat_point(before, c);
        return go_on(zero > c.t ? std::clamp(zero, c.t + (c.t - before.t) / 10, most) : most);
      }
      if (stage_ == Stage::first && plain && low) {  // S2, S3, which are for the neighbourhood of the minimum
        stage_ = Stage::second;
        if (const S zero = flat_point(before, c); inside(zero)) return go_on(zero);
      }
      if (stage_ == Stage::half || b_.t - a_.t <= gamma_ * width_) return secant2();
      return halve();  // L2
    }

   private:
    struct Sample {
      S t, change, slope;  // change of the value since the start
    };
    enum class Stage { bracket, first, second, half };  // what asked for the trial

    static S secant(const Sample& p, const Sample& q) { return p.t - p.slope * ((q.t - p.t) / (q.slope - p.slope)); }
    /// Where the cubic through values and slopes of p and q is least, as long as values can be told apart; where the
    /// secant through the slopes vanishes, else.
    S flat_point(const Sample& p, const Sample& q) const {
      const S width = q.t - p.t, change = q.change - p.change;
      if (std::abs(change) > doubt_) {
        const S theta = p.slope + q.slope - 3 * change / width,
                scale = std::max({std::abs(theta), std::abs(p.slope), std::abs(q.slope)});
        const S square = (theta / scale) * (theta / scale) - (p.slope / scale) * (q.slope / scale);
        if (square >= 0) {
          const S gamma = std::copysign(scale * std::sqrt(square), width);
          return q.t - width * ((q.slope + gamma - theta) / (q.slope - p.slope + 2 * gamma));
        }
      }
      return secant(p, q);
    }
    S cut() const {
      const S zero = flat_point(a_, b_), width = b_.t - a_.t;
      return zero > a_.t + width / 10 && zero < b_.t - width / 10 ? zero : a_.t + theta_ * width;
    }
    bool inside(S t) const { return t > a_.t && t < b_.t; }

    LineStatus secant2() {  // S1
      width_ = b_.t - a_.t;
      const S zero = flat_point(a_, b_);
      if (!inside(zero)) return halve();
      stage_ = Stage::first;
      return go_on(zero);
    }

    LineStatus halve() {
      stage_ = Stage::half;
      return go_on(a_.t + (b_.t - a_.t) / 2);
    }

    LineStatus go_on(S next) {
      const bool moved = std::abs(next - a_.t) > std::numeric_limits<S>::epsilon() * a_.t;  // false for NaN
      if (++evaluations_ >= max_evaluations_ || !moved || !std::isfinite(next)) return LineStatus::failed;
      trial_ = next;
      return LineStatus::searching;
    }

    S delta_, sigma_, rho_, theta_, gamma_, value0_, slope0_, noise_, doubt_, allowed_, trial_;
    Sample a_, b_;  // the slope falls at a, where the value is low, and rises at b, once there is one
    S best_ = 0, best_value_, width_ = 0;
    Stage stage_ = Stage::bracket;
    int max_evaluations_, evaluations_ = 0, noisy_ = 0;
    bool walled_ = false, cutting_ = false;  // b is a wall; U3 is under way
  };
};

}  // namespace mesaopt
