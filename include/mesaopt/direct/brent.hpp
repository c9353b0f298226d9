#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numbers>
#include <tuple>

#include <mesaopt/core/calls.hpp>
#include <mesaopt/core/optimizer.hpp>
#include <mesaopt/core/prior.hpp>
#include <mesaopt/core/stopping.hpp>
#include <mesaopt/direct/bracket.hpp>

namespace mesaopt {

/// Minimizes a function of one variable between two bounds by parabolas through the three best points, and by golden
/// section where these do not help: the first choice for a smooth function of one variable without derivatives.
///
///     minimize(within(f, Box{lower, upper}), x0, Brent{});
///
/// Finds the minimum of a function that falls, then rises; one of others. The start only has to lie between the bounds.
/// It has converged when x is known to within 2 (relative · |x| + absolute). Brent (1973), "Algorithms for minimization
/// without derivatives", chapter 5, procedure localmin.
struct Brent {
  double relative = 1.5e-8;  ///< tolerance of x; below √ε values are flat and tell nothing
  double absolute = 1e-10;   ///< tolerance of x near 0, more than 0

  static constexpr bool handles_bounds = true;

  template <Point X, class M = Nothing>
  struct State {
    using S = ScalarOf<X>;
    static constexpr bool monotone = true;

    X x{};  ///< the best point
    S value = std::numeric_limits<S>::quiet_NaN();
    Evaluation<S> evaluation{};
    Status status = Status::running;
    S lower = 0, upper = 0;         ///< the bracket
    S second = 0, third = 0;        ///< the next best points: w and v of the book
    S at_second = 0, at_third = 0;  ///< values there
    S last = 0, before = 0;         ///< the last step and the one before: d and e of the book
    Calls<X, M> calls{};
    X trial{};  ///< scratch

    static constexpr auto fields() {
      using T = State;
      return std::tuple{&T::x,     &T::value,     &T::evaluation, &T::status, &T::lower,  &T::upper, &T::second,
                        &T::third, &T::at_second, &T::at_third,   &T::last,   &T::before, &T::calls};
    }
  };

  /// It ends by itself; at most 1000 iterations.
  [[nodiscard]] auto default_stopping() const { return MaxIterations{1000}; }

  /// Throws std::invalid_argument for a setting out of its range.
  void check() const {
    if (!(relative >= 0)) detail::refuse("Brent::relative", relative, "it must be 0 or more");
    if (!(absolute > 0)) detail::refuse("Brent::absolute", absolute, "it must be more than 0");
  }

  /// Throws std::invalid_argument unless x is one number, between bounds that are finite.
  template <class F, Start P, class M>
  requires Bounded<F, PointOf<P>>
  void init(const F& f, const P& start, State<PointOf<P>, M>& state) const {
    using S = ScalarOf<PointOf<P>>;
    check();
    detail::take_bracket(f, detail::start_point(start), "Brent's method", state.lower, state.upper);
    state.calls.begin(start);
    state.status = Status::running;
    const S first = state.lower + golden<S>() * (state.upper - state.lower);
    state.x.setConstant(1, first);
    state.second = state.third = first;
    state.last = state.before = 0;
    state.evaluation = state.calls.value(f, state.x);
    state.value = state.at_second = state.at_third = detail::or_worst(state.evaluation);
    if (state.evaluation.usable()) state.calls.accept();
  }

  template <class F, Point X, class M>
  requires Bounded<F, X>
  void step(const F& f, State<X, M>& state) const {
    using S = ScalarOf<X>;
    const S x = state.x[0], middle = state.lower + (state.upper - state.lower) / 2;
    const S least = S(relative) * std::abs(x) + S(absolute), twice = 2 * least;
    if (std::abs(x - middle) <= twice - (state.upper - state.lower) / 2) {
      state.status = std::isfinite(state.value) ? Status::converged : Status::non_finite;
      return;
    }
    S d = 0, e = state.before;
    bool parabolic = false;
    if (std::abs(e) > least && std::isfinite(state.at_third) && std::isfinite(state.value)) {
      S r = (x - state.second) * (state.value - state.at_third);
      S q = (x - state.third) * (state.value - state.at_second);
      S p = (x - state.third) * q - (x - state.second) * r;
      q = 2 * (q - r);
      if (q > 0) p = -p;
      q = std::abs(q);
      r = e;
      e = state.last;
      if (std::abs(p) < std::abs(q * r / 2) && p > q * (state.lower - x) && p < q * (state.upper - x)) {
        parabolic = true;
        d = p / q;
        const S u = x + d;  // not evaluated too near to the ends of the bracket
        if (u - state.lower < twice || state.upper - u < twice) d = x < middle ? least : -least;
      }
    }
    if (!parabolic) {
      e = x < middle ? state.upper - x : state.lower - x;
      d = golden<S>() * e;
    }
    const S u = std::abs(d) >= least ? x + d : x + std::copysign(least, d);
    state.trial.setConstant(1, u);
    const auto now = state.calls.value(f, state.trial);
    if (now.reason == Reason::budget_spent) return;
    if (now.usable()) state.calls.accept();
    const S value = detail::or_worst(now);
    state.last = d;
    state.before = e;
    if (value <= state.value && now.usable()) {
      (u < x ? state.upper : state.lower) = x;
      state.third = state.second;
      state.at_third = state.at_second;
      state.second = x;
      state.at_second = state.value;
      state.x = state.trial;
      state.value = value;
      state.evaluation = now;
      return;
    }
    (u < x ? state.lower : state.upper) = u;
    if (value <= state.at_second || state.second == x) {
      state.third = state.second;
      state.at_third = state.at_second;
      state.second = u;
      state.at_second = value;
    } else if (value <= state.at_third || state.third == x || state.third == state.second) {
      state.third = u;
      state.at_third = value;
    }
  }

 private:
  template <class S>
  static constexpr S golden() {
    return S(2 - std::numbers::phi);  // 0.381966...
  }
};

}  // namespace mesaopt
