#pragma once

#include <algorithm>
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
#include <mesaopt/gradient/stagnation.hpp>
#include <mesaopt/gradient/trial.hpp>

namespace mesaopt {

/// The problem inside a trust region: to minimize the model m(d) = g'd + d'Hd/2 over |d| ≤ radius, as well as the piece
/// does. What it needs it keeps in its `Memory<X>`, all of which is scratch:
///
///     subproblem.prepare(f, calls, x, gradient, memory) -> bool    // at a new x; false: no second derivatives there
///     subproblem.solve(f, calls, x, gradient, radius, memory, d)   // fills d, answers −m(d)
///
/// See dogleg.hpp, steihaug.hpp and more_sorensen.hpp.
template <class T, class X>
concept TrustRegionSubproblem = requires(const T& subproblem, typename T::template Memory<X>& memory) {
  subproblem.check();
  subproblem.reserve(X{}, memory);
};

/// The other textbook optimizer: a model of the objective, trusted within a radius that grows and shrinks as the model
/// proves right or wrong.
///
/// Takes second derivatives from the objective, else from differences of gradients. A step d is taken if the value
/// falls by more than `accepted` of what the model says; where values differ by no more than their noise, the gradients
/// along d say how far they fell. Below a fourth of what the model says the radius shrinks to where a parabola along d
/// is least, between a tenth and a half of |d|; above three fourths it grows to `growth` |d|. A trial without a usable
/// value or gradient is a rejected one. A step of the optimizer ends with the first step that is taken; it allocates
/// nothing. The radius is handed on to the next search. Nocedal & Wright (2006), "Numerical Optimization",
/// algorithm 4.1; Conn, Gould & Toint (2000), "Trust-Region Methods", chapter 6.
template <class Subproblem>
struct TrustRegion {
  Subproblem subproblem{};
  double first_radius = 0;  ///< 0: that of a prior, else five times the way to the minimum along −g
  double accepted = 1e-4;   ///< least ratio of the actual to the predicted decrease of a step, in [0, 1/4)
  double growth = 2;        ///< of the radius after a good step that reaches it, more than 1

  static constexpr bool needs_gradient = true;

  template <Point X, class M = Nothing>
  struct State {
    using S = ScalarOf<X>;
    static constexpr bool monotone = true;

    X x{};
    S value = std::numeric_limits<S>::quiet_NaN();
    X gradient{};
    Evaluation<S> evaluation{};
    Status status = Status::running;
    S radius = 0;      ///< 0: not yet known
    S first_norm = 0;  ///< of the gradient at the start
    detail::Stagnation<S> stagnation{};
    Calls<X, M> calls{};

    typename Subproblem::template Memory<X> memory{};  ///< scratch
    X d{}, next_x{}, next_gradient{};                  ///< scratch

    static constexpr auto fields() {
      return std::tuple{&State::x,      &State::value,      &State::gradient,   &State::evaluation, &State::status,
                        &State::radius, &State::first_norm, &State::stagnation, &State::calls};
    }
  };

  /// The gradient below 1e-8 (float needs its own rule), at most 1000 iterations.
  [[nodiscard]] auto default_stopping() const { return GradientBelow{1e-8} || MaxIterations{1000}; }

  /// Throws std::invalid_argument for a setting out of its range.
  void check() const {
    subproblem.check();
    if (!(first_radius >= 0) || !std::isfinite(first_radius))
      detail::refuse("TrustRegion::first_radius", first_radius, "it must be 0 or more, and finite");
    if (!(accepted >= 0 && accepted < 0.25))
      detail::refuse("TrustRegion::accepted", accepted, "it must be in [0, 1/4)");
    if (!(growth > 1)) detail::refuse("TrustRegion::growth", growth, "it must be more than 1");
  }

  template <class F, Start P, class M>
  requires Differentiable<F, PointOf<P>>
  void init(const F& f, const P& start, State<PointOf<P>, M>& state) const {
    using S = ScalarOf<PointOf<P>>;
    check();
    state.radius = S(first_radius);
    if (first_radius == 0) {
      if constexpr (requires { start.state.radius; })
        state.radius = S(start.state.radius);
      else if constexpr (requires { start.radius; })
        state.radius = S(start.radius);
    }
    state.x = detail::start_point(start);
    prepare(state);
    detail::evaluate_start(f, start, state);
    state.stagnation.begin(state.value);
    state.first_norm = state.gradient.norm();
  }

  template <class F, Point X, class M>
  requires Differentiable<F, X>
  void step(const F& f, State<X, M>& state) const {
    using S = ScalarOf<X>;
    if (state.d.size() != state.x.size()) prepare(state);
    const S norm = state.gradient.norm();
    if (!(norm > 0) || !std::isfinite(norm)) {
      state.status = norm == 0 ? Status::stalled : Status::non_finite;
      return;
    }
    const auto before = state.calls.counts[0].evaluations();
    const bool modelled = subproblem.prepare(f, state.calls, state.x, state.gradient, state.memory);
    if (!(state.radius > 0)) state.radius = modelled ? first(f, state, norm) : 1;
    Status trouble = Status::stalled;
    for (;;) {
      S predicted = state.radius * norm;
      if (modelled)
        predicted = subproblem.solve(f, state.calls, state.x, state.gradient, state.radius, norm / state.first_norm,
                                     state.memory, state.d);
      else
        state.d = (-state.radius / norm) * state.gradient;
      const S length = state.d.norm();
      state.next_x = state.x + state.d;
      if (!(predicted > 0) || !std::isfinite(length) || state.next_x == state.x) {
        if (!state.calls.exhausted()) state.status = trouble;
        return;
      }
      const auto now = state.calls.gradient(f, state.next_x, state.next_gradient);
      if (now.reason == Reason::budget_spent) return;
      if (!detail::sound(now, state.next_gradient)) {
        trouble = detail::trouble_with(now);
        state.radius = length / 4;
        continue;
      }
      const S slope = state.gradient.dot(state.d), end = state.next_gradient.dot(state.d);
      const S noise = detail::noise_of(state.stagnation.lowest, state.evaluation);
      const S rise = now.value - state.value, change = std::abs(rise) <= noise ? (slope + end) / 2 : rise;
      const S ratio = -change / predicted;
      if (ratio < S(0.25)) {
        // The cubic a u³ + b u² + slope u through values and slopes at 0 and at u = 1.
        const S a = end + slope - 2 * change, b = 3 * change - end - 2 * slope, square = b * b - 3 * a * slope;
        const S least = square >= 0 && b + std::sqrt(square) > 0 ? -slope / (b + std::sqrt(square)) : S(1);
        state.radius = length * std::clamp(least, S(0.1), S(0.7));
      } else if (ratio > S(0.9)) {
        state.radius = std::max(state.radius, S(growth) * length);
      }
      trouble = Status::stalled;
      const bool risen = now.value > state.stagnation.lowest + noise;
      if (ratio > S(accepted) && !risen) {
        state.calls.accept();
        detail::move_to(state.next_x, state.next_gradient, now, state);
        constexpr std::uint64_t patience = 12;
        const auto evaluations = state.calls.counts[0].evaluations() - before;
        if (state.stagnation.tell(now, state.gradient, evaluations, patience)) state.status = Status::stalled;
        return;
      }
    }
  }

 private:
  /// Gives the scratch of a state its size: a state that was loaded has none.
  template <Point X, class M>
  void prepare(State<X, M>& state) const {
    for (auto* scratch : {&state.d, &state.next_x, &state.next_gradient}) scratch->resize(state.x.size());
    subproblem.reserve(state.x, state.memory);
  }

  /// Five times the way to the minimum of the model along −g, if it has one.
  template <class F, Point X, class M>
  ScalarOf<X> first(const F& f, State<X, M>& state, ScalarOf<X> norm) const {
    using S = ScalarOf<X>;
    subproblem.product(f, state.calls, state.x, state.gradient, state.memory, state.d);
    const S curvature = std::abs(state.gradient.dot(state.d)) / (norm * norm);
    return curvature > 0 ? 5 * norm / curvature : S(1);
  }
};

template <class T>
TrustRegion(T) -> TrustRegion<T>;

}  // namespace mesaopt
