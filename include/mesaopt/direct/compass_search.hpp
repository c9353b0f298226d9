#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <tuple>

#include <Eigen/Core>

#include <mesaopt/core/calls.hpp>
#include <mesaopt/core/evaluation.hpp>
#include <mesaopt/core/objective.hpp>
#include <mesaopt/core/optimizer.hpp>
#include <mesaopt/core/point.hpp>
#include <mesaopt/core/prior.hpp>
#include <mesaopt/core/status.hpp>
#include <mesaopt/core/stopping.hpp>
#include <mesaopt/objective/box.hpp>

namespace mesaopt {

/// Compass search: tries a step forward and back along every axis, goes where one first leads down, and halves the
/// steps when none does.
///
///     auto solution = minimize(f, x0, CompassSearch{.step_size = 0.5});
///
/// The plainest method that converges for smooth functions without gradients, with or without bounds; slow where axes
/// are not those of f, and indifferent to small noise as long as steps are large. It begins each round with the
/// direction that helped last. A step beyond a bound ends on it. What is NaN or infinite is no way down; at the start
/// it is a `bad_start`.
///
/// Ends as `converged` when the steps are below the tolerance; as `stalled` when floating point loses them first.
///
/// Kolda, Lewis and Torczon (2003), "Optimization by direct search: new perspectives on some classical and modern
/// methods": compass search with simple decrease, and its form for bounds.
struct CompassSearch {
  double step_size = 0;          ///< of the first steps; 0: 0.1 max(1, |x|) in the maximum norm. In a box no step is
                                 ///< longer than half its width
  double step_tolerance = 1e-8;  ///< on steps, times max(1, |x|)

  static constexpr bool handles_bounds = true;

  /// The best point, and the steps from it.
  template <Point X, class M = Nothing>
  struct State {
    using S = ScalarOf<X>;
    static constexpr bool monotone = true;

    X x{};                                          ///< the best point
    S value = std::numeric_limits<S>::quiet_NaN();  ///< its value
    Evaluation<S> evaluation{};                     ///< its evaluation
    Status status = Status::running;                ///< why no more can be done
    Calls<X, M> calls{};                            ///< the way to the objective

    X steps{};               ///< along each axis
    Eigen::Index first = 0;  ///< the direction with which this round began: axis i forward is 2i, back 2i + 1
    Eigen::Index tried = 0;  ///< how many directions of it have been tried
    bool moved = false;      ///< whether any of them led to another point, as far as floating point can tell

    X trial{};  ///< scratch

    static constexpr auto fields() {
      using T = State;
      return std::tuple{&T::x,     &T::value, &T::evaluation, &T::status, &T::calls,
                        &T::steps, &T::first, &T::tried,      &T::moved};
    }
  };

  /// 100 000 evaluations, besides what ends the run by itself.
  [[nodiscard]] MaxEvaluations default_stopping() const { return {100'000}; }

  /// Throws std::invalid_argument for a setting out of its range.
  void check() const {
    if (!(step_size >= 0) || !std::isfinite(step_size))
      detail::refuse("CompassSearch::step_size", step_size, "it must be positive and finite, or 0 for a tenth of |x|");
    if (!(step_tolerance >= 0)) detail::refuse("CompassSearch::step_tolerance", step_tolerance, "it must be 0 or more");
  }

  /// Evaluates the start. Throws std::invalid_argument for a setting out of its range, or a start that is empty, not
  /// finite, or not in the box of f.
  template <class F, Start P, class M>
  requires Objective<F, PointOf<P>>
  void init(const F& f, const P& start, State<PointOf<P>, M>& state) const {
    using X = PointOf<P>;
    using S = ScalarOf<X>;
    check();
    detail::check_start(start);
    state.x = detail::start_point(start);
    const S size = std::max(S(1), state.x.template lpNorm<Eigen::Infinity>());
    state.steps.setConstant(state.x.size(), step_size > 0 ? S(step_size) : size / 10);
    if constexpr (Bounded<F, X>) {
      const auto& box = f.box();
      check_box<X>(box, state.x);
      for (Eigen::Index i = 0; i < state.x.size(); ++i)
        state.steps[i] = std::min(state.steps[i], (box.upper[i] - box.lower[i]) / 2);
    }
    state.first = state.tried = 0;
    state.moved = false;
    state.trial = state.x;
    state.status = Status::running;
    state.calls.begin(start);
    state.evaluation = state.calls.value(f, state.x);
    state.value = state.evaluation.value;
    if (state.evaluation.usable())
      state.calls.accept();
    else
      state.status = Status::bad_start;
  }

  /// Tries directions until one leads down, or none of the 2n does. Where the evaluation limit or an exception cuts it
  /// short, the next step goes on from there.
  template <class F, Point X, class M>
  void step(const F& f, State<X, M>& state) const {
    if (state.status != Status::running) return;
    const Eigen::Index directions = 2 * state.x.size();
    for (; state.tried < directions; ++state.tried) {
      const Eigen::Index direction = (state.first + state.tried) % directions, i = direction / 2;
      state.trial = state.x;
      state.trial[i] += direction % 2 == 0 ? state.steps[i] : -state.steps[i];
      if constexpr (Bounded<F, X>) {
        const auto& box = f.box();
        state.trial[i] = std::clamp(state.trial[i], box.lower[i], box.upper[i]);
      }
      if (state.trial[i] == state.x[i]) continue;
      const auto now = state.calls.value(f, state.trial);
      if (now.reason == Reason::budget_spent) return;
      state.moved = true;
      if (!now.usable() || !(now.value < state.value)) continue;
      state.x = state.trial;
      state.value = now.value;
      state.evaluation = now;
      state.calls.accept();
      state.first = direction;
      begin_round(state);
      return;
    }
    const auto size = std::max(ScalarOf<X>(1), state.x.template lpNorm<Eigen::Infinity>());
    if (state.steps.maxCoeff() <= ScalarOf<X>(step_tolerance) * size)
      state.status = Status::converged;
    else if (!state.moved)
      state.status = Status::stalled;
    state.steps /= 2;
    begin_round(state);
  }

 private:
  template <Point X>
  static void check_box(const Box<X>& box, const X& x) {
    box.check();
    box.check_inside(x, "start");
  }
  template <Point X, class B>
  static void check_box(const B& box, const X& x) {
    check_box<X>(Box<X>{box.lower, box.upper}, x);
  }

  template <Point X, class M>
  static void begin_round(State<X, M>& state) {
    state.tried = 0;
    state.moved = false;
  }
};

}  // namespace mesaopt
