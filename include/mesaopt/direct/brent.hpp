#pragma once

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

/// Minimizes a function of one variable on an interval, without derivatives: parabolas where they fit, golden section
/// where they do not. For smooth functions about a tenth of the evaluations of golden section alone.
///
///     Eigen::Vector<double, 1> x0{0.5};
///     minimize(within(f, Box{Eigen::Vector<double, 1>{0.0}, Eigen::Vector<double, 1>{1.0}}), x0, Brent{});
///
/// Points have one coordinate, and f a finite box. It finds a local minimum, which is the only one if f is unimodal,
/// and never evaluates the ends of the interval. Ends as `converged` when the minimum is bracketed to the tolerances. A
/// trial that is not finite counts as higher than all others. The start is not used unless `from_start` is set, as the
/// source has it. Brent (1973), "Algorithms for Minimization without Derivatives", section 5.8, procedure localmin.
struct Brent {
  double relative_tolerance = 0;  ///< of x; 0: √ε. Values below that tell rounding of f from f, unless f is 0 there
  double absolute_tolerance = 0;  ///< of x, in its units, added to that; 0: √ε
  bool from_start = false;        ///< begin at the start, and not where the golden section is

  static constexpr bool handles_bounds = true;

  template <Point X, class M = Nothing>
  struct State {
    using S = ScalarOf<X>;
    static constexpr bool monotone = true;

    X x{};  ///< the best so far
    S value = std::numeric_limits<S>::quiet_NaN();
    Evaluation<S> evaluation{};
    Status status = Status::running;
    S lower = 0, upper = 0;               ///< the bracket, in which the minimum lies
    S second = 0, third = 0;              ///< the next best points, or x
    S second_value = 0, third_value = 0;  ///< their values
    S step = 0, before = 0;               ///< the last step, and the one before it
    Calls<X, M> calls{};

    X trial{};  ///< scratch

    static constexpr auto fields() {
      using T = State;
      return std::tuple{&T::x,     &T::value,        &T::evaluation,  &T::status, &T::lower,  &T::upper, &T::second,
                        &T::third, &T::second_value, &T::third_value, &T::step,   &T::before, &T::calls};
    }
  };

  /// It ends by its own tolerances, after some ten evaluations, so this is for emergencies: 1000 evaluations.
  [[nodiscard]] auto default_stopping() const { return MaxEvaluations{1000}; }

  /// Throws std::invalid_argument for a setting out of its range.
  void check() const {
    detail::check_resolution("Brent::relative_tolerance", relative_tolerance, "Brent::absolute_tolerance",
                             absolute_tolerance);
  }

  template <class F, Start P, class M>
  requires Bounded<F, PointOf<P>>
  void init(const F& f, const P& start, State<PointOf<P>, M>& state) const {
    using S = ScalarOf<PointOf<P>>;
    check();
    const auto bracket = detail::bracket_of(f, detail::start_point(start));
    state.x = detail::start_point(start);
    state.trial = state.x;
    if (!from_start) state.x[0] = bracket.lower + detail::golden<S> * (bracket.upper - bracket.lower);
    state.lower = bracket.lower;
    state.upper = bracket.upper;
    state.second = state.third = state.x[0];
    state.step = state.before = 0;
    state.status = Status::running;
    state.calls.begin(start);
    state.evaluation = state.calls.value(f, state.x);
    state.value = state.second_value = state.third_value = state.evaluation.value;
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
    const S x = state.x[0], tolerance = resolution(x), middle = (state.lower + state.upper) / 2;
    S step = 0, before = state.before;
    bool fits = false;
    if (std::abs(before) > tolerance) {  // a parabola through the three best points
      S r = (x - state.second) * (state.value - state.third_value);
      S q = (x - state.third) * (state.value - state.second_value);
      S p = (x - state.third) * q - (x - state.second) * r;
      q = 2 * (q - r);
      if (q > 0) p = -p;
      q = std::abs(q);
      const S half = std::abs(q * before / 2);
      before = state.step;
      fits = std::abs(p) < half && p > q * (state.lower - x) && p < q * (state.upper - x);
      if (fits) {
        step = p / q;
        const S u = x + step;
        if (u - state.lower < 2 * tolerance || state.upper - u < 2 * tolerance)
          step = x < middle ? tolerance : -tolerance;
      }
    }
    if (!fits) {
      before = (x < middle ? state.upper : state.lower) - x;
      step = detail::golden<S> * before;
    }
    const S u = std::abs(step) >= tolerance ? x + step : step > 0 ? x + tolerance : x - tolerance;
    state.trial.resize(1);
    state.trial[0] = u;
    const auto now = state.calls.value(f, state.trial);
    if (now.reason == Reason::budget_spent) return;
    state.step = step;
    state.before = before;
    learn(state, u, now);
    judge(state);
  }

 private:
  template <class S>
  S resolution(S x) const {
    return detail::resolution(relative_tolerance, absolute_tolerance, x);
  }

  template <Point X, class M>
  static void learn(State<X, M>& state, ScalarOf<X> u, const Evaluation<ScalarOf<X>>& now) {
    const auto x = state.x[0];
    if (now.usable() && now.value <= state.value) {
      (u < x ? state.upper : state.lower) = x;
      state.third = state.second;
      state.third_value = state.second_value;
      state.second = x;
      state.second_value = state.value;
      state.x[0] = u;
      state.value = now.value;
      state.evaluation = now;
      state.calls.accept();
      return;
    }
    (u < x ? state.lower : state.upper) = u;
    if (!now.usable()) return;
    if (now.value <= state.second_value || state.second == x) {
      state.third = state.second;
      state.third_value = state.second_value;
      state.second = u;
      state.second_value = now.value;
    } else if (now.value <= state.third_value || state.third == x || state.third == state.second) {
      state.third = u;
      state.third_value = now.value;
    }
  }

  template <Point X, class M>
  void judge(State<X, M>& state) const {
    const auto x = state.x[0], middle = (state.lower + state.upper) / 2;
    if (std::abs(x - middle) <= 2 * resolution(x) - (state.upper - state.lower) / 2) state.status = Status::converged;
  }
};

}  // namespace mesaopt
