#pragma once

#include <algorithm>
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

/// The accelerated proximal gradient method: for a smooth convex objective plus a regularizer that need not be smooth,
/// on a convex set that is easy to project to, or in a box.
///
///     auto solution = minimize(regularized(f, L1{0.1}), x0, Fista{});
///
/// With steps t = 1 / L, L the Lipschitz constant of the gradient of f, f + h is at most 2 L |x₀ − x*|² / (k + 1)²
/// above its minimum after k iterations. An iteration takes a gradient of f at `at`, a point further on than x, and a
/// value at x; t is halved until f is below its parabola, and never grows. Where the momentum leads uphill it begins
/// anew, which makes convergence linear where f is strongly convex. Values may rise in between; the run answers its
/// best point.
///
/// `GradientBelow` looks at the residual (at − prox_t(at − t g)) / t, the state's `stationarity()`; where t <= 1 / L,
/// some subgradient of f + h at `ahead` is no longer than twice that. `value` is f + h at x, `gradient` that of f at
/// `at`. The start is put into the set of a regularizer; one outside of the box of an objective is refused. In a box
/// all evaluations are in the box.
///
/// Beck & Teboulle (2009), "A fast iterative shrinkage-thresholding algorithm for linear inverse problems", SIAM J.
/// Imaging Sci. 2(1), with backtracking; O'Donoghue & Candès (2015), "Adaptive restart for accelerated gradient
/// schemes", Found. Comput. Math. 15, gradient scheme.
struct Fista {
  double first_step = 0;  ///< t of the first step; 0: from a second gradient near the start, or that of a prior
  bool restart = true;    ///< whether the momentum begins anew where it leads uphill

  static constexpr bool needs_gradient = true;
  static constexpr bool handles_bounds = true;
  static constexpr bool handles_regularizer = true;

  template <Point X, class M = Nothing>
  struct State : detail::ProximalState<X, M> {
    using S = ScalarOf<X>;

    X at{};                ///< x and the momentum: where the gradient is taken, and the next step begins
    S smooth = 0;          ///< f at `at`
    S inertia = 1;         ///< the t_k of the paper
    bool pending = false;  ///< the gradient at `at` is still to be taken, as when f threw, or the budget ended

    static constexpr auto fields() {
      using T = State;
      return std::tuple_cat(detail::ProximalState<X, M>::fields(),
                            std::tuple{&T::at, &T::smooth, &T::inertia, &T::pending});
    }
  };

  /// The residual below 1e-8 (float needs its own rule), at most 10 000 iterations.
  [[nodiscard]] auto default_stopping() const { return GradientBelow{1e-8} || MaxIterations{10000}; }

  /// Throws std::invalid_argument for a setting out of its range.
  void check() const {
    if (!(first_step >= 0) || !std::isfinite(first_step))
      detail::refuse("Fista::first_step", first_step, "it must be 0 or more, and finite");
  }

  template <class F, Start P, class M>
  requires Differentiable<F, PointOf<P>>
  void init(const F& f, const P& start, State<PointOf<P>, M>& state) const {
    check();
    state.inertia = 1;
    state.pending = false;
    const bool sound = detail::begin_proximal(f, start, first_step, state);
    detail::copy(state.x, state.at);
    state.smooth = state.value - detail::penalty(f, state.x);
    state.calls.slot.scratch.resize(state.x.size());  // for values of an f that gives them with gradients alone
    if (!sound) return;
    if (!(state.step > 0)) state.step = probe(f, state);
    propose(f, state);
  }

  template <class F, Point X, class M>
  requires Differentiable<F, X>
  void step(const F& f, State<X, M>& state) const {
    using S = ScalarOf<X>;
    const auto n = state.x.size();
    state.next.resize(n);  // a loaded state comes without its scratch
    const auto before = state.calls.counts[0].evaluations();
    if (state.pending) return look(f, state, before);
    Status trouble = Status::stalled;
    constexpr int halvings = 60;
    for (int i = 0; i < halvings; ++i) {
      const S square = state.step * state.step * detail::product(state.residual.data(), state.residual.data(), n);
      if (!(square > 0)) break;  // nowhere to go
      auto now = state.calls.value(f, state.ahead);
      if (now.reason == Reason::budget_spent) return;
      if (now.usable()) {
        trouble = Status::stalled;
        const S slope = -state.step * detail::product(state.gradient.data(), state.residual.data(), n);
        const S noise = detail::noise_of(state.smooth, now);
        if (now.value <= state.smooth + slope + square / (2 * state.step) + noise) {
          state.calls.accept();
          now.value += detail::penalty(f, state.ahead);
          move(state, now);
          return look(f, state, before);
        }
      } else {
        trouble = Status::non_finite;
      }
      state.step /= 2;
      propose(f, state);
    }
    state.status = trouble;
  }

 private:
  template <class F, Point X, class M>
  static void propose(const F& f, State<X, M>& state) {
    detail::propose(f, state.box, state.at, state.gradient, state.step, state.ahead, state.residual);
  }

  /// The reciprocal of how much the gradient changes a little way down, which is at least 1 / L.
  template <class F, Point X, class M>
  static ScalarOf<X> probe(const F& f, State<X, M>& state) {
    using S = ScalarOf<X>;
    const auto n = state.x.size();
    const S size = detail::largest(state.gradient.data(), n);
    if (!(size > 0)) return 1;
    const S way =
        std::cbrt(std::numeric_limits<S>::epsilon()) * std::max(S(1), detail::largest(state.x.data(), n)) / size;
    detail::add(state.x.data(), -way, state.gradient.data(), state.ahead.data(), n);
    if constexpr (Bounded<F, X>) detail::proximal(f, state.box, S(0), state.ahead);
    const auto there = state.calls.gradient(f, state.ahead, state.next);
    S moved(0), change(0);
    for (Eigen::Index i = 0; i < n; ++i) {
      moved += (state.ahead[i] - state.x[i]) * (state.ahead[i] - state.x[i]);
      change += (state.next[i] - state.gradient[i]) * (state.next[i] - state.gradient[i]);
    }
    const S step = std::sqrt(moved / change);
    return there.differentiable() && std::isfinite(step) && step > 0 ? step : 1 / size;
  }

  /// x becomes `ahead`, and `at` lies beyond it.
  template <Point X, class M>
  void move(State<X, M>& state, const Evaluation<ScalarOf<X>>& now) const {
    using S = ScalarOf<X>;
    const auto n = state.x.size();
    S uphill(0);
    for (Eigen::Index i = 0; i < n; ++i) uphill += state.residual[i] * (state.ahead[i] - state.x[i]);
    S factor(0);
    if (restart && uphill > 0) {
      state.inertia = 1;
    } else {
      const S next = (1 + std::sqrt(1 + 4 * state.inertia * state.inertia)) / 2;
      factor = (state.inertia - 1) / next;
      state.inertia = next;
    }
    for (Eigen::Index i = 0; i < n; ++i) state.at[i] = state.ahead[i] + factor * (state.ahead[i] - state.x[i]);
    if (state.box.bounded)
      for (Eigen::Index i = 0; i < n; ++i)
        state.at[i] = std::clamp(state.at[i], state.box.box.lower[i], state.box.box.upper[i]);
    state.x.swap(state.ahead);
    state.value = now.value;
    state.evaluation = now;
    state.pending = true;
  }

  /// Takes the gradient at `at`; at x instead, without momentum, where there is none.
  template <class F, Point X, class M>
  void look(const F& f, State<X, M>& state, std::uint64_t before) const {
    using S = ScalarOf<X>;
    const auto n = state.x.size();
    for (bool again = false;; again = true) {
      const auto there = state.calls.gradient(f, state.at, state.next);
      if (there.reason == Reason::budget_spent) return;
      if (detail::sound(there, state.next)) {
        state.calls.accept();
        state.gradient.swap(state.next);
        state.smooth = there.value;
        break;
      }
      if (again) {
        state.status = detail::trouble_with(there);
        return;
      }
      state.inertia = 1;
      detail::copy(state.x, state.at);
    }
    state.pending = false;
    propose(f, state);
    const S square = detail::product(state.residual.data(), state.residual.data(), n);
    const S noise = detail::noise_of(state.value, state.evaluation);
    if (state.headway.lost(state.value, noise, square, state.calls.counts[0].evaluations() - before))
      state.status = Status::stalled;
  }
};

}  // namespace mesaopt
