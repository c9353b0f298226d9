#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <tuple>

#include <Eigen/Core>

#include <mesaopt/core/calls.hpp>
#include <mesaopt/core/optimizer.hpp>
#include <mesaopt/core/prior.hpp>
#include <mesaopt/core/search.hpp>
#include <mesaopt/core/status.hpp>
#include <mesaopt/gradient/known_scale.hpp>
#include <mesaopt/gradient/stagnation.hpp>
#include <mesaopt/gradient/trial.hpp>

namespace mesaopt {

/// Gradient descent with the steps of Barzilai and Borwein: x − αg with α = s's / s'y of the last step s and gradient
/// change y. It costs one evaluation and three vectors, and on well-conditioned objectives comes close to Lbfgs.
///
/// Values may rise on the way: a step need only lead below the highest of the last `memory` values, by
/// `decrease` α |g|². Else α is shortened to where a parabola is least, between a tenth and a half of it. A trial
/// without a usable value or gradient is shortened too. Of a prior it takes the first step. Barzilai & Borwein (1988),
/// "Two-point step size gradient methods", IMA J. Numer. Anal. 8; Raydan (1997), "The Barzilai and Borwein gradient
/// method for the large scale unconstrained minimization problem", SIAM J. Optim. 7(1), algorithm GBB, with the
/// nonmonotone search of Grippo, Lampariello & Lucidi (1986).
struct BarzilaiBorwein {
  int memory = 10;         ///< values that a step is compared with, 1 (never rises) to 16
  double decrease = 1e-4;  ///< in (0, 1)

  static constexpr bool needs_gradient = true;

  template <Point X, class M = Nothing>
  struct State {
    using S = ScalarOf<X>;

    X x{};
    S value = std::numeric_limits<S>::quiet_NaN();
    X gradient{};
    Evaluation<S> evaluation{};
    Status status = Status::running;
    S scale = 0;                 ///< α for the next step; 0: not yet known
    std::array<S, 16> values{};  ///< the last ones
    std::uint64_t age = 0;       ///< how many there were
    detail::Stagnation<S> stagnation{};
    Calls<X, M> calls{};

    X next_x{}, next_gradient{};  ///< scratch

    static constexpr auto fields() {
      return std::tuple{&State::x,     &State::value,  &State::gradient, &State::evaluation, &State::status,
                        &State::scale, &State::values, &State::age,      &State::stagnation, &State::calls};
    }
  };

  /// The gradient below 1e-6, at most 100 000 iterations.
  [[nodiscard]] auto default_stopping() const { return GradientBelow{1e-6} || MaxIterations{100000}; }

  /// Throws std::invalid_argument for a setting out of its range.
  void check() const {
    if (!(memory >= 1 && memory <= 16)) detail::refuse("BarzilaiBorwein::memory", memory, "it must be from 1 to 16");
    if (!(decrease > 0 && decrease < 1)) detail::refuse("BarzilaiBorwein::decrease", decrease, "it must be in (0, 1)");
  }

  template <class F, Start P, class M>
  requires Differentiable<F, PointOf<P>>
  void init(const F& f, const P& start, State<PointOf<P>, M>& state) const {
    using X = PointOf<P>;
    check();
    state.scale = detail::known_scale<X>(start);
    state.x = detail::start_point(start);
    for (X* v : {&state.next_x, &state.next_gradient}) v->resize(state.x.size());
    detail::evaluate_start(f, start, state);
    state.stagnation.begin(state.value);
    state.values.fill(state.value);
    state.age = 1;
  }

  template <class F, Point X, class M>
  requires Differentiable<F, X>
  void step(const F& f, State<X, M>& state) const {
    using S = ScalarOf<X>;
    for (X* v : {&state.next_x, &state.next_gradient}) v->resize(state.x.size());
    const S square = state.gradient.squaredNorm(), largest = state.gradient.template lpNorm<Eigen::Infinity>();
    if (!(largest > 0)) {
      state.status = Status::stalled;
      return;
    }
    S alpha = state.scale > 0 && std::isfinite(state.scale) ? state.scale : std::min(S(1), 1 / largest);
    const S noise = detail::noise_of(state.stagnation.lowest, state.evaluation);
    const auto known = std::min<std::uint64_t>(state.age, std::uint64_t(memory));
    S highest = state.value;
    for (std::uint64_t k = 1; k <= known; ++k)
      highest = std::max(highest, state.values[(state.age - k) % state.values.size()]);
    const auto before = state.calls.counts[0].evaluations();
    Status trouble = Status::stalled;
    for (;;) {
      state.next_x = state.x - alpha * state.gradient;
      if (state.next_x == state.x || !std::isfinite(alpha)) {
        state.status = trouble;
        return;
      }
      const auto now = state.calls.gradient(f, state.next_x, state.next_gradient);
      if (now.reason == Reason::budget_spent) return;
      if (!detail::sound(now, state.next_gradient)) {
        trouble = detail::trouble_with(now);
        alpha /= 4;
        continue;
      }
      trouble = Status::stalled;
      if (now.value <= highest - S(decrease) * alpha * square + noise) {
        state.calls.accept();
        accept(state, now, alpha, state.calls.counts[0].evaluations() - before);
        return;
      }
      const S curve = now.value - state.value + alpha * square;
      alpha *= std::clamp(alpha * square / (2 * curve), S(0.1), S(0.5));
    }
  }

 private:
  template <Point X, class M>
  static void accept(State<X, M>& state, const Evaluation<ScalarOf<X>>& now, ScalarOf<X> alpha,
                     std::uint64_t evaluations) {
    using S = ScalarOf<X>;
    // With s = −αg:  s's / s'y = α |g|² / (|g|² − g'g₊).
    const S square = state.gradient.squaredNorm(), bend = square - state.gradient.dot(state.next_gradient);
    // Where curvature is not positive there is no telling how far; a known step is left to grow.
    state.scale = bend > 0 ? alpha * (square / bend) : 10 * alpha;
    detail::move_to(state.next_x, state.next_gradient, now, state);
    state.values[state.age++ % state.values.size()] = now.value;
    // Neither values nor gradients fall steadily.
    constexpr std::uint64_t patience = 200;
    if (state.stagnation.tell(now, state.gradient, evaluations, patience)) state.status = Status::stalled;
  }
};

}  // namespace mesaopt
