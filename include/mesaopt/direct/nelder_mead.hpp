#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <tuple>
#include <vector>

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

/// Nelder and Mead's simplex: moves the worst of n + 1 points through the middle of the others, further if that is
/// good, less far if it is not, and draws all of them towards the best if nothing helps.
///
///     auto solution = minimize(f, x0, NelderMead{});
///
/// For few variables, up to some twenty, and functions without gradients that are not too rugged. It may stop where
/// there is no minimum; so when a simplex has converged, a new one of the first size is put at the best point, until
/// one has found no more. Bounds of the objective are kept by projection. Values that are NaN or infinite count as
/// worse than all others; at the start they are a `bad_start`.
///
/// Ends as `converged` when the points of a simplex differ by no more than both tolerances, and restarts do not help;
/// as `stalled` when floating point can move them no more.
///
/// Nelder and Mead (1965), "A simplex method for function minimization"; the rules for ties of Lagarias, Reeds, Wright
/// and Wright (1998), "Convergence properties of the Nelder-Mead simplex method in low dimensions"; and the
/// coefficients, which depend on n and are the usual ones for n = 2, of Gao and Han (2012), "Implementing the
/// Nelder-Mead simplex algorithm with adaptive parameters", section 4.
struct NelderMead {
  double step_size = 0;           ///< edges of the first simplex; 0: 5 % of each coordinate, and 0.00025 where it is 0
  int restarts = 5;               ///< most simplices after the first, 0 or more
  double step_tolerance = 1e-8;   ///< on distances in a coordinate, times max(1, |coordinate|)
  double value_tolerance = 1e-8;  ///< on differences of values, times max(1, |value|)

  static constexpr bool handles_bounds = true;

  /// The simplex, and the best point.
  template <Point X, class M = Nothing>
  struct State {
    using S = ScalarOf<X>;
    static constexpr bool monotone = true;

    X x{};                                          ///< the best point
    S value = std::numeric_limits<S>::quiet_NaN();  ///< its value
    Evaluation<S> evaluation{};                     ///< its evaluation
    Status status = Status::running;                ///< why no more can be done
    Calls<X, M> calls{};                            ///< the way to the objective

    PointsOf<X> simplex{};              ///< n + 1 points, one a column
    Eigen::VectorX<S> values{};         ///< at them; infinity where a value cannot be used
    std::vector<Eigen::Index> order{};  ///< columns, the best first
    Eigen::Index known = 0;             ///< how many of them, in order, have their values
    X edges{};                          ///< of the first simplex
    int restarted = 0;                  ///< how many simplices there were before this one
    S before = 0;                       ///< the value with which this simplex began

    X trial{}, reflected{}, center{};  ///< scratch

    static constexpr auto fields() {
      using T = State;
      return std::tuple{&T::x,      &T::value, &T::evaluation, &T::status, &T::calls,     &T::simplex,
                        &T::values, &T::order, &T::known,      &T::edges,  &T::restarted, &T::before};
    }
  };

  /// 100 000 evaluations, besides what ends the run by itself.
  [[nodiscard]] MaxEvaluations default_stopping() const { return {100'000}; }

  /// Throws std::invalid_argument for a setting out of its range.
  void check() const {
    if (!(step_size >= 0) || !std::isfinite(step_size))
      detail::refuse("NelderMead::step_size", step_size,
                     "it must be positive and finite, or 0 for 5 % of a coordinate");
    if (restarts < 0) detail::refuse("NelderMead::restarts", restarts, "it must be 0 or more");
    if (!(step_tolerance >= 0)) detail::refuse("NelderMead::step_tolerance", step_tolerance, "it must be 0 or more");
    if (!(value_tolerance >= 0)) detail::refuse("NelderMead::value_tolerance", value_tolerance, "it must be 0 or more");
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
    if constexpr (Bounded<F, X>) {
      const auto& given = f.box();
      check_box<X>(given, state.x);
    }
    const Eigen::Index n = state.x.size();
    state.edges.resize(n);
    for (Eigen::Index i = 0; i < n; ++i)
      state.edges[i] = step_size > 0 ? S(step_size) : state.x[i] != 0 ? S(0.05) * state.x[i] : S(0.00025);
    state.simplex.resize(n, n + 1);
    state.values.setConstant(n + 1, std::numeric_limits<S>::infinity());
    state.order.resize(std::size_t(n + 1));
    state.restarted = 0;
    state.status = Status::running;
    state.calls.begin(start);
    state.evaluation = state.calls.value(f, state.x);
    state.value = state.evaluation.value;
    if (!state.evaluation.usable()) {
      state.status = Status::bad_start;
      return;
    }
    state.calls.accept();
    begin_simplex(f, state);
  }

  /// One move of the simplex. Where the evaluation limit or an exception cuts it short, the next step goes on from
  /// there.
  template <class F, Point X, class M>
  void step(const F& f, State<X, M>& state) const {
    using S = ScalarOf<X>;
    const Eigen::Index n = state.x.size();
    const auto count = state.order.size();
    if (state.known <= n) {
      evaluate_rest(f, state);
      return;
    }
    // For one variable as for two, for which they are the coefficients that Nelder and Mead chose.
    const S m = S(std::max<Eigen::Index>(n, 2));
    const S expansion = 1 + 2 / m, contraction = S(0.75) - 1 / (2 * m), shrinkage = 1 - 1 / m;
    const Eigen::Index worst = state.order[count - 1];
    const S lowest = state.values[state.order[0]], highest = state.values[worst];
    const S second = state.values[state.order[count - 2]];

    state.center.setZero(n);
    for (std::size_t k = 0; k + 1 < count; ++k) state.center += state.simplex.col(state.order[k]);
    state.center /= S(n);

    bool spent = false;
    const S reflected = attempt(f, state, S(1), spent);
    if (spent) return;
    if (reflected < lowest) {
      state.reflected = state.trial;
      const S expanded = attempt(f, state, expansion, spent);
      if (spent || !(expanded < reflected))
        replace(state, state.reflected, reflected);
      else
        replace(state, state.trial, expanded);
    } else if (reflected < second) {
      replace(state, state.trial, reflected);
    } else {
      const bool outside = reflected < highest;
      const S contracted = attempt(f, state, outside ? contraction : -contraction, spent);
      if (spent) return;
      if (outside ? contracted <= reflected : contracted < highest) {
        replace(state, state.trial, contracted);
      } else {
        shrink(shrinkage, state);
        if (state.status != Status::running) return;
        evaluate_rest(f, state);
        return;
      }
    }
    judge(f, state);
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

  template <class F, Point X>
  static void project([[maybe_unused]] const F& f, [[maybe_unused]] X& x) {
    if constexpr (Bounded<F, X>) {
      const auto& box = f.box();
      for (Eigen::Index i = 0; i < x.size(); ++i) x[i] = std::clamp(x[i], box.lower[i], box.upper[i]);
    }
  }

  /// Evaluates the trial point, and keeps it if it is the best. Infinity if its value cannot be used.
  template <class F, Point X, class M>
  static ScalarOf<X> evaluate(const F& f, State<X, M>& state, bool& spent) {
    const auto now = state.calls.value(f, state.trial);
    spent = now.reason == Reason::budget_spent;
    if (!now.usable()) return std::numeric_limits<ScalarOf<X>>::infinity();
    if (now.value < state.value) {
      state.x = state.trial;
      state.value = now.value;
      state.evaluation = now;
      state.calls.accept();
    }
    return now.value;
  }

  /// The value at the point that lies `factor` times as far beyond the center as the worst point lies before it.
  template <class F, Point X, class M>
  static ScalarOf<X> attempt(const F& f, State<X, M>& state, ScalarOf<X> factor, bool& spent) {
    state.trial = state.center + factor * (state.center - state.simplex.col(state.order.back()));
    project(f, state.trial);
    return evaluate(f, state, spent);
  }

  /// Puts a point in the place of the worst.
  template <Point X, class M>
  static void replace(State<X, M>& state, const X& x, ScalarOf<X> value) {
    state.simplex.col(state.order.back()) = x;
    state.values[state.order.back()] = value;
    sort(state);
  }

  /// By insertion: it is nearly sorted, and of equals the older ones stay before the newer.
  template <Point X, class M>
  static void sort(State<X, M>& state) {
    for (std::size_t k = 1; k < state.order.size(); ++k) {
      const Eigen::Index column = state.order[k];
      std::size_t to = k;
      for (; to > 0 && state.values[column] < state.values[state.order[to - 1]]; --to)
        state.order[to] = state.order[to - 1];
      state.order[to] = column;
    }
  }

  template <Point X, class M>
  static void shrink(ScalarOf<X> factor, State<X, M>& state) {
    const auto best = state.simplex.col(state.order[0]);
    bool moved = false;
    for (std::size_t k = 1; k < state.order.size(); ++k) {
      auto column = state.simplex.col(state.order[k]);
      for (Eigen::Index i = 0; i < column.size(); ++i) {
        const auto to = best[i] + factor * (column[i] - best[i]);
        moved = moved || to != column[i];
        column[i] = to;
      }
    }
    state.known = 1;
    if (!moved) state.status = Status::stalled;
  }

  /// Puts a simplex at the best point, its edges along the axes, inside the box.
  template <class F, Point X, class M>
  static void begin_simplex(const F& f, State<X, M>& state) {
    std::iota(state.order.begin(), state.order.end(), Eigen::Index(0));
    state.values[0] = state.before = state.value;
    state.known = 1;
    state.simplex.colwise() = state.x;
    state.trial = state.x;
    for (Eigen::Index i = 0; i < state.x.size(); ++i) {
      // Every other simplex is the mirror image; each keeps to the side on which there is more room.
      const auto edge = state.restarted % 2 == 0 ? state.edges[i] : -state.edges[i];
      state.trial[i] = state.x[i] + edge;
      project(f, state.trial);
      const auto there = state.trial[i];
      state.trial[i] = state.x[i] - edge;
      project(f, state.trial);
      const bool back = std::abs(state.trial[i] - state.x[i]) > std::abs(there - state.x[i]);
      state.simplex(i, i + 1) = back ? state.trial[i] : there;
      state.trial[i] = state.x[i];
    }
  }

  /// Evaluates the points of a simplex that are not known yet.
  template <class F, Point X, class M>
  void evaluate_rest(const F& f, State<X, M>& state) const {
    for (bool spent = false; state.known <= state.x.size(); ++state.known) {
      const Eigen::Index column = state.order[std::size_t(state.known)];
      state.trial = state.simplex.col(column);
      const auto value = evaluate(f, state, spent);
      if (spent) return;
      state.values[column] = value;
    }
    sort(state);
    judge(f, state);
  }

  /// Ends the simplex if it has converged: with another one, or the run.
  template <class F, Point X, class M>
  void judge(const F& f, State<X, M>& state) const {
    using S = ScalarOf<X>;
    const S tolerance = S(value_tolerance) * std::max(S(1), std::abs(state.value));
    if (!(state.values[state.order.back()] - state.values[state.order[0]] <= tolerance)) return;
    const auto best = state.simplex.col(state.order[0]);
    for (Eigen::Index k = 0; k < state.simplex.cols(); ++k)
      for (Eigen::Index i = 0; i < best.size(); ++i)
        if (!(std::abs(state.simplex(i, k) - best[i]) <= S(step_tolerance) * std::max(S(1), std::abs(best[i])))) return;
    const bool helped = state.restarted == 0 || state.before - state.value > tolerance;
    if (state.restarted >= restarts || !helped) {
      state.status = Status::converged;
      return;
    }
    ++state.restarted;
    begin_simplex(f, state);
  }
};

}  // namespace mesaopt
