#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <tuple>

#include <mesaopt/core/calls.hpp>
#include <mesaopt/core/optimizer.hpp>
#include <mesaopt/core/prior.hpp>
#include <mesaopt/core/status.hpp>
#include <mesaopt/core/stopping.hpp>
#include <mesaopt/direct/bracket.hpp>

namespace mesaopt {

/// Minimizes a function of one variable on an interval by values alone, of which it only asks which is lower: each
/// evaluation makes the bracket 0.618 times as wide, whatever the function is like.
///
///     minimize(within(f, box), x0, GoldenSection{});
///
/// Points have one coordinate, and f a finite box. It finds the minimum if f is unimodal, also where f has kinks, jumps
/// and plateaus on which Brent's parabolas do not fit; for smooth functions Brent takes fewer evaluations. Ends as
/// `converged` when every point of the bracket is within the tolerances of x. A trial that is not finite counts as
/// higher than all others. The start is not used. Kiefer (1953), "Sequential minimax search for a maximum": no search
/// that does not know the number of its evaluations beforehand does better in the worst case.
struct GoldenSection {
  double relative_tolerance = 0;  ///< of x; 0: √ε
  double absolute_tolerance = 0;  ///< of x, in its units, added to that; 0: √ε

  static constexpr bool handles_bounds = true;

  template <Point X, class M = Nothing>
  struct State {
    using S = ScalarOf<X>;
    static constexpr bool monotone = true;

    X x{};  ///< the better of the two points in the bracket
    S value = std::numeric_limits<S>::quiet_NaN();
    Evaluation<S> evaluation{};
    Status status = Status::running;
    S lower = 0, upper = 0;  ///< the bracket, in which the minimum lies
    S other = 0;             ///< the other point in it, which is higher
    Calls<X, M> calls{};

    X trial{};  ///< scratch

    static constexpr auto fields() {
      using T = State;
      return std::tuple{&T::x, &T::value, &T::evaluation, &T::status, &T::lower, &T::upper, &T::other, &T::calls};
    }
  };

  /// It ends by its own tolerances, after 20 to 60 evaluations, so this is for emergencies: 1000 evaluations.
  [[nodiscard]] auto default_stopping() const { return MaxEvaluations{1000}; }

  /// Throws std::invalid_argument for a setting out of its range.
  void check() const {
    detail::check_resolution("GoldenSection::relative_tolerance", relative_tolerance,
                             "GoldenSection::absolute_tolerance", absolute_tolerance);
  }

  /// Evaluates the first of the two points; if that is not finite, the other.
  template <class F, Start P, class M>
  requires Bounded<F, PointOf<P>>
  void init(const F& f, const P& start, State<PointOf<P>, M>& state) const {
    using S = ScalarOf<PointOf<P>>;
    check();
    const auto bracket = detail::bracket_of(f, detail::start_point(start));
    const S part = detail::golden<S> * (bracket.upper - bracket.lower);
    state.x = detail::start_point(start);
    state.trial = state.x;
    state.lower = bracket.lower;
    state.upper = bracket.upper;
    state.x[0] = state.lower + part;
    state.other = state.upper - part;
    state.status = Status::running;
    state.calls.begin(start);
    state.evaluation = state.calls.value(f, state.x);
    if (!state.evaluation.usable() && state.evaluation.reason != Reason::budget_spent) {
      state.lower = state.x[0];
      state.x[0] = state.other;
      state.other = state.upper - detail::golden<S> * (state.upper - state.lower);
      state.evaluation = state.calls.value(f, state.x);
    }
    state.value = state.evaluation.value;
    if (!state.evaluation.usable()) {
      state.status = Status::bad_start;
      return;
    }
    state.calls.accept();
    judge(state);
  }

  template <class F, Point X, class M>
  requires Bounded<F, X>
  void step(const F& f, State<X, M>& state) const {
    using S = ScalarOf<X>;
    const S u = state.other;
    state.trial.resize(1);
    state.trial[0] = u;
    const auto now = state.calls.value(f, state.trial);
    if (now.reason == Reason::budget_spent) return;
    // The better of the two stays, and the other becomes an end.
    const bool better = now.usable() && now.value < state.value;
    const S left = better ? u : state.x[0], out = better ? state.x[0] : u;
    if (better) {
      state.x[0] = u;
      state.value = now.value;
      state.evaluation = now;
      state.calls.accept();
    }
    (out < left ? state.lower : state.upper) = out;
    const S part = detail::golden<S> * (state.upper - state.lower);
    state.other = left - state.lower < state.upper - left ? state.upper - part : state.lower + part;
    judge(state);
    // Where there are no numbers left between the two, the tolerances ask for more than there is.
    if (state.status == Status::running &&
        (state.other == left || !(state.lower < state.other && state.other < state.upper)))
      state.status = Status::stalled;
  }

 private:
  template <Point X, class M>
  void judge(State<X, M>& state) const {
    const auto x = state.x[0], widest = std::max(x - state.lower, state.upper - x);
    if (widest <= detail::resolution(relative_tolerance, absolute_tolerance, x)) state.status = Status::converged;
  }
};

}  // namespace mesaopt
