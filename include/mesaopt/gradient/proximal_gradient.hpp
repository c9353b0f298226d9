#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <tuple>

#include <Eigen/Core>

#include <mesaopt/core/calls.hpp>
#include <mesaopt/core/prior.hpp>
#include <mesaopt/core/search.hpp>
#include <mesaopt/core/status.hpp>
#include <mesaopt/core/vectors.hpp>
#include <mesaopt/gradient/kept_box.hpp>
#include <mesaopt/gradient/proximal_step.hpp>
#include <mesaopt/gradient/trial.hpp>

namespace mesaopt {

/// The proximal gradient method with spectral steps: for a smooth objective plus a regularizer that need not be smooth,
/// or on a convex set that is easy to project to, or in a box.
///
///     auto solution = minimize(regularized(f, L1{0.1}), x0, ProximalGradient{});
///
/// Needs the gradient of the smooth part; f need not be convex. A step is x + d = prox_t(x − t g), with the t of
/// Barzilai & Borwein (1988), s's / s'y, halved until the value is less, by decrease · |d|² / 2t, than the largest of
/// the last `memory` ones: values may rise in between, which lets these steps be as long as they should. The run
/// answers its best point. `GradientBelow` looks at the residual (x − prox_t(x − t g)) / t, the state's
/// `stationarity()`; `value` is f + h, `gradient` that of f, and `step` the t of the residual. The start is put into
/// the set of a regularizer; one outside of the box of an objective is refused.
///
/// Birgin, Martínez & Raydan (2000), "Nonmonotone spectral projected gradient methods on convex sets", SIAM J. Optim.
/// 10(4); Wright, Nowak & Figueiredo (2009), "Sparse reconstruction by separable approximation", IEEE Trans. Signal
/// Process. 57(7), with its acceptance rule (22).
struct ProximalGradient {
  int memory = 10;         ///< values that a new one is compared with, 1 to 16; 1: the value never rises
  double decrease = 1e-4;  ///< in (0, 1)
  double first_step = 0;   ///< t of the first step; 0: that which the gradient moves by 1 at most, or that of a prior

  static constexpr bool needs_gradient = true;
  static constexpr bool handles_bounds = true;
  static constexpr bool handles_regularizer = true;

  template <Point X, class M = Nothing>
  struct State : detail::ProximalState<X, M> {
    std::array<ScalarOf<X>, 16> values{};  ///< the last ones, in a ring
    std::int64_t count = 0;                ///< of values taken

    static constexpr auto fields() {
      return std::tuple_cat(detail::ProximalState<X, M>::fields(), std::tuple{&State::values, &State::count});
    }
  };

  /// The residual below 1e-8 (float needs its own rule), at most 10 000 iterations.
  [[nodiscard]] auto default_stopping() const { return GradientBelow{1e-8} || MaxIterations{10000}; }

  /// Throws std::invalid_argument for a setting out of its range.
  void check() const {
    if (memory < 1 || memory > 16) detail::refuse("ProximalGradient::memory", memory, "it must be from 1 to 16");
    if (!(decrease > 0 && decrease < 1)) detail::refuse("ProximalGradient::decrease", decrease, "it must be in (0, 1)");
    if (!(first_step >= 0) || !std::isfinite(first_step))
      detail::refuse("ProximalGradient::first_step", first_step, "it must be 0 or more, and finite");
  }

  template <class F, Start P, class M>
  requires Differentiable<F, PointOf<P>>
  void init(const F& f, const P& start, State<PointOf<P>, M>& state) const {
    using S = ScalarOf<PointOf<P>>;
    check();
    state.values = {};
    state.count = 0;
    if (!detail::begin_proximal(f, start, first_step, state)) return;
    remember(state);
    if (!(state.step > 0)) {
      const S largest = detail::largest(state.gradient.data(), state.x.size());
      state.step = largest > 0 ? std::min(1 / largest, std::numeric_limits<S>::max()) : S(1);
    }
    detail::propose(f, state.box, state.x, state.gradient, state.step, state.ahead, state.residual);
  }

  template <class F, Point X, class M>
  requires Differentiable<F, X>
  void step(const F& f, State<X, M>& state) const {
    using S = ScalarOf<X>;
    const auto n = state.x.size();
    const auto before = state.calls.counts[0].evaluations();
    const S highest = *std::max_element(state.values.begin(), state.values.begin() + held(state));
    Status trouble = Status::stalled;
    constexpr int halvings = 60;
    for (int i = 0; i < halvings; ++i) {
      const S square = state.step * state.step * detail::product(state.residual.data(), state.residual.data(), n);
      if (!(square > 0)) break;  // nowhere to go
      auto now = state.calls.gradient(f, state.ahead, state.next);
      if (now.reason == Reason::budget_spent) return;
      if (detail::sound(now, state.next)) {
        trouble = Status::stalled;
        now.value += detail::penalty(f, state.ahead);
        S change(0);  // s'y
        for (Eigen::Index j = 0; j < n; ++j)
          change += (state.ahead[j] - state.x[j]) * (state.next[j] - state.gradient[j]);
        const S noise = detail::noise_of(state.value, now);
        const bool lower = now.value <= highest - S(decrease) * square / (2 * state.step);
        // Where values differ by noise, gradients say whether the step is short enough to lead down.
        const bool unclear = now.value <= state.value + noise && state.step * change <= square;
        if (lower || unclear) {
          state.calls.accept();
          move(f, state, now, square, change);
          const S residual = detail::product(state.residual.data(), state.residual.data(), n);
          if (state.headway.lost(state.value, noise, residual, state.calls.counts[0].evaluations() - before))
            state.status = Status::stalled;
          return;
        }
      } else {
        trouble = detail::trouble_with(now);
      }
      state.step /= 2;
      detail::propose(f, state.box, state.x, state.gradient, state.step, state.ahead, state.residual);
    }
    state.status = trouble;
  }

 private:
  template <class State>
  std::int64_t held(const State& state) const {
    return std::min<std::int64_t>(state.count, memory);
  }
  template <class State>
  void remember(State& state) const {
    state.values[std::size_t(state.count++ % memory)] = state.value;
  }

  template <class F, Point X, class M>
  void move(const F& f, State<X, M>& state, const Evaluation<ScalarOf<X>>& now, ScalarOf<X> square,
            ScalarOf<X> change) const {
    using S = ScalarOf<X>;
    detail::move_to(state.ahead, state.next, now, state);
    remember(state);
    const S spectral = square / change;  // Barzilai & Borwein; where f does not bend upwards, a longer one
    if (change > 0 && std::isfinite(spectral) && spectral > 0)
      state.step = spectral;
    else
      state.step = std::min(10 * state.step, std::numeric_limits<S>::max() / 16);
    detail::propose(f, state.box, state.x, state.gradient, state.step, state.ahead, state.residual);
  }
};

}  // namespace mesaopt
