#pragma once

#include <cmath>
#include <type_traits>

#include <Eigen/Core>

#include <mesaopt/core/evaluation.hpp>
#include <mesaopt/core/objective.hpp>
#include <mesaopt/core/point.hpp>
#include <mesaopt/core/prior.hpp>
#include <mesaopt/core/status.hpp>
#include <mesaopt/core/vectors.hpp>

namespace mesaopt::detail {

// What every method does with the points it looks at: the start, those it tries, and the one it moves to. State stands
// for a state that has x, value, gradient, evaluation, status and calls.

/// all_finite(), in a hurry: the sum tells, unless it overflows.
template <class S>
bool finite_throughout(const S* x, Eigen::Index n) {
  if constexpr (std::is_floating_point_v<S>) {
    constexpr int width = lanes<S>;
    Pack<width, S> sums[4]{}, some;
    Eigen::Index i = 0;
    for (; i + 4 * width <= n; i += 4 * width)
      for (int k = 0; k < 4; ++k) {
        read<width>(x + i + k * width, some);
        sums[k] += some;
      }
    const Pack<width, S> all = (sums[0] + sums[1]) + (sums[2] + sums[3]);
    S total = sum<width, S>(all);
    for (; i < n; ++i) total += x[i];
    if (std::isfinite(total)) return true;
  }
  return all_finite(x, n);
}

/// Whether a point can be gone on from: its value can be used, and its gradient is finite.
template <Point X>
bool sound(const Evaluation<ScalarOf<X>>& evaluation, const X& gradient) {
  return evaluation.differentiable() && finite_throughout(gradient.data(), gradient.size());
}

/// What a run ends as that finds nothing but points like this one, which is not sound.
template <class S>
Status trouble_with(const Evaluation<S>& evaluation, Status otherwise = Status::non_finite) {
  return evaluation.verdict == Verdict::not_differentiable ? Status::not_differentiable : otherwise;
}

/// Evaluates the objective at the x of the state, where the run begins, unless the start has brought value and gradient
/// along. False, with the status that says why, if the run cannot go on from there.
template <class F, Start P, class State>
bool evaluate_start(const F& f, const P& start, State& state) {
  state.status = Status::running;
  state.gradient.resize(state.x.size());
  state.calls.begin(start);
  if constexpr (knows_evaluation<P> && !Regularized<F, PointOf<P>>) {
    state.evaluation = start.value;
    copy(start.gradient, state.gradient);
  } else {
    state.evaluation = state.calls.gradient(f, state.x, state.gradient);
  }
  state.value = state.evaluation.value;
  if (sound(state.evaluation, state.gradient)) {
    state.calls.accept();
    return true;
  }
  state.status = trouble_with(state.evaluation, Status::bad_start);
  return false;
}

/// Moves the state to another point, which takes the old one and its gradient in exchange.
template <class State, Point X>
void move_to(X& x, X& gradient, const Evaluation<ScalarOf<X>>& evaluation, State& state) {
  state.x.swap(x);
  state.gradient.swap(gradient);
  state.value = evaluation.value;
  state.evaluation = evaluation;
}

}  // namespace mesaopt::detail
