#pragma once

#include <cstdint>
#include <tuple>
#include <type_traits>

#include <Eigen/Core>

#include <mesaopt/core/calls.hpp>
#include <mesaopt/core/prior.hpp>
#include <mesaopt/core/search.hpp>
#include <mesaopt/core/status.hpp>
#include <mesaopt/gradient/first_order.hpp>
#include <mesaopt/gradient/proximal_step.hpp>
#include <mesaopt/gradient/schedule.hpp>
#include <mesaopt/gradient/trial.hpp>

namespace mesaopt {

/// Gradient descent with a given learning rate in a box, on a convex set, or with a regularizer h:
/// x ← prox_α(x − α g). On a box or a set that is projected gradient descent, with L1 it is ISTA.
///
///     minimize(within(f, box), x0, ProximalDescent{.learning_rate = 0.1})
///     minimize(regularized(f, L1{0.1}), x0, ProximalDescent{.learning_rate = 0.1})
///
/// One gradient a step. f + h falls where α is at most 1/L, L the largest curvature of f, and converges below 2/L. It
/// is what can be unrolled: to solve a problem, ProximalGradient and Fista need fewer steps, and no learning rate.
/// `GradientBelow` looks at the residual (x − prox_α(x − α g)) / α, the state's `stationarity()`; `value` is f + h,
/// `gradient` that of f. The start is put into the set of a regularizer; one outside of the box of an objective is
/// refused. A step into where f is not finite is halved, up to ten times, which keeps it in the set. T is the number
/// type of the settings: see ProximalDescent, the alias for double.
/// Goldstein (1964), "Convex programming in Hilbert space", Bull. Amer. Math. Soc. 70(5); Daubechies, Defrise & De Mol
/// (2004), Comm. Pure Appl. Math. 57; Combettes & Wajs (2005), "Signal recovery by proximal forward-backward
/// splitting", Multiscale Model. Simul. 4(4), theorem 3.4.
template <class T>
struct BasicProximalDescent {
  T learning_rate = T(1e-2);  ///< α, more than 0
  Schedule schedule{};        ///< factor on the learning rate

  static constexpr bool needs_gradient = true;
  static constexpr bool handles_bounds = true;
  static constexpr bool handles_regularizer = true;

  template <Point X>
  struct Memory {
    static constexpr std::tuple<> fields() { return {}; }
  };
  template <Point X, class M = Nothing>
  struct State : detail::ProximalState<X, M> {
    std::uint64_t age = 0;  ///< steps taken: where the schedule stands
    bool proposed = false;  ///< `ahead` is where the next step leads

    static constexpr auto fields() {
      return std::tuple_cat(detail::ProximalState<X, M>::fields(), std::tuple{&State::age, &State::proposed});
    }
  };

  /// The residual below 1e-6, at most 10 000 iterations.
  [[nodiscard]] auto default_stopping() const { return GradientBelow{1e-6} || MaxIterations{10000}; }

  /// Throws std::invalid_argument for a setting out of its range.
  void check() const {
    detail::require_setting(learning_rate > T(0), "ProximalDescent", "learning_rate", learning_rate,
                            "it must be more than 0");
    schedule.check();
  }

  template <class F, Start P, class M>
  requires Differentiable<F, PointOf<P>>
  void init(const F& f, const P& start, State<PointOf<P>, M>& state) const {
    check();
    state.age = 0;
    state.proposed = false;
    if (detail::begin_proximal(f, start, 0, state)) propose(f, state);
  }

  template <class F, Point X, class M>
  requires Differentiable<F, X>
  void step(const F& f, State<X, M>& state) const {
    using S = ScalarOf<X>;
    const auto n = state.x.size();
    if (!state.proposed) {  // a state that was put together from x and gradient
      for (X* point : {&state.ahead, &state.residual}) point->resize(n);
      state.box.enter(f, state.x);
      propose(f, state);
    }
    state.next.resize(n);
    constexpr int halvings = 10;
    for (int i = 0; i <= halvings; ++i) {
      auto now = state.calls.gradient(f, state.ahead, state.next);
      if (now.reason == Reason::budget_spent) return;
      if (detail::sound(now, state.next)) {
        state.calls.accept();
        now.value += detail::penalty(f, state.ahead);
        detail::move_to(state.ahead, state.next, now, state);
        state.status = Status::running;
        ++state.age;
        propose(f, state);
        return;
      }
      if (i == halvings) state.status = detail::trouble_with(now);
      for (Eigen::Index j = 0; j < n; ++j) state.ahead[j] = state.x[j] + (state.ahead[j] - state.x[j]) / S(2);
    }
  }

  template <Point X>
  void begin(const X&, Memory<X>&) const {}

 private:
  template <class F, Point X, class M>
  void propose(const F& f, State<X, M>& state) const {
    state.step = ScalarOf<X>(learning_rate * T(schedule.factor(state.age)));
    detail::propose(f, state.box, state.x, state.gradient, state.step, state.ahead, state.residual);
    state.proposed = true;
  }
};

using ProximalDescent = BasicProximalDescent<double>;

}  // namespace mesaopt
