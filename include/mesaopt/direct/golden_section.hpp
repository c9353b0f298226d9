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

/// Minimizes a function of one variable between two bounds by golden section: each evaluation shortens the bracket to
/// 0.618 of its length, whatever the function.
///
///     minimize(within(f, Box{lower, upper}), x0, GoldenSection{});
///
/// Finds the minimum of a function that falls, then rises; one of others. Needs no derivatives. The start only has to
/// lie between the bounds. It has converged when the bracket is shorter than `tolerance` · max(1, |x|); below the
/// square root of the machine's epsilon values are flat and tell nothing. Brent needs fewer evaluations where the
/// function is smooth. Kiefer (1953), "Sequential minimax search for a maximum".
struct GoldenSection {
  double tolerance = 1e-8;  ///< length of the bracket, relative to max(1, |x|), more than 0

  static constexpr bool handles_bounds = true;

  template <Point X, class M = Nothing>
  struct State {
    using S = ScalarOf<X>;
    static constexpr bool monotone = true;

    X x{};  ///< the better of the two points inside the bracket
    S value = std::numeric_limits<S>::quiet_NaN();
    Evaluation<S> evaluation{};
    Status status = Status::running;
    S lower = 0, upper = 0;       ///< the bracket
    S left = 0, right = 0;        ///< the points inside
    S at_left = 0, at_right = 0;  ///< values there
    bool paired = false;          ///< both points are evaluated
    Calls<X, M> calls{};
    X trial{};  ///< scratch

    static constexpr auto fields() {
      using T = State;
      return std::tuple{&T::x,    &T::value, &T::evaluation, &T::status,   &T::lower,  &T::upper,
                        &T::left, &T::right, &T::at_left,    &T::at_right, &T::paired, &T::calls};
    }
  };

  /// It ends by itself; at most 1000 iterations.
  [[nodiscard]] auto default_stopping() const { return MaxIterations{1000}; }

  /// Throws std::invalid_argument for a setting out of its range.
  void check() const {
    if (!(tolerance > 0)) detail::refuse("GoldenSection::tolerance", tolerance, "it must be more than 0");
  }

  /// Throws std::invalid_argument unless x is one number, between bounds that are finite.
  template <class F, Start P, class M>
  requires Bounded<F, PointOf<P>>
  void init(const F& f, const P& start, State<PointOf<P>, M>& state) const {
    check();
    detail::take_bracket(f, detail::start_point(start), "golden section", state.lower, state.upper);
    state.calls.begin(start);
    state.status = Status::running;
    state.paired = false;
    divide(state);
    state.x.setConstant(1, state.left);
    state.evaluation = state.calls.value(f, state.x);
    state.value = state.at_left = detail::or_worst(state.evaluation);
    if (state.evaluation.usable()) state.calls.accept();
  }

  template <class F, Point X, class M>
  requires Bounded<F, X>
  void step(const F& f, State<X, M>& state) const {
    if (!state.paired) {
      if (evaluate(f, state.right, state.at_right, state)) state.paired = true;
    } else if (state.at_left <= state.at_right) {
      const auto next = state.lower + (1 - ratio<X>()) * (state.right - state.lower);
      auto value = state.at_left;
      if (!evaluate(f, next, value, state)) return;
      state.upper = state.right;
      state.right = state.left;
      state.at_right = state.at_left;
      state.left = next;
      state.at_left = value;
    } else {
      const auto next = state.upper - (1 - ratio<X>()) * (state.upper - state.left);
      auto value = state.at_right;
      if (!evaluate(f, next, value, state)) return;
      state.lower = state.left;
      state.left = state.right;
      state.at_left = state.at_right;
      state.right = next;
      state.at_right = value;
    }
    using S = ScalarOf<X>;
    const S length = state.upper - state.lower, scale = std::max(S(1), std::abs(state.x[0]));
    if (!std::isfinite(state.value)) {
      if (length <= S(tolerance) * scale) state.status = Status::non_finite;
    } else if (length <= S(tolerance) * scale || !(state.left < state.right)) {
      state.status = Status::converged;
    }
  }

 private:
  template <class X>
  static constexpr ScalarOf<X> ratio() {
    return ScalarOf<X>(std::numbers::phi - 1);
  }
  template <Point X, class M>
  static void divide(State<X, M>& state) {
    state.left = state.lower + (1 - ratio<X>()) * (state.upper - state.lower);
    state.right = state.upper - (1 - ratio<X>()) * (state.upper - state.lower);
  }
  /// The value at `point`, kept if it is the best; false if the budget is spent.
  template <class F, Point X, class M>
  static bool evaluate(const F& f, ScalarOf<X> point, ScalarOf<X>& value, State<X, M>& state) {
    state.trial.setConstant(1, point);
    const auto now = state.calls.value(f, state.trial);
    if (now.reason == Reason::budget_spent) return false;
    value = detail::or_worst(now);
    if (!now.usable()) return true;
    state.calls.accept();
    if (!(value > state.value)) {
      state.x = state.trial;
      state.value = value;
      state.evaluation = now;
    }
    return true;
  }
};

}  // namespace mesaopt
