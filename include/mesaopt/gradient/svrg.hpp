#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <tuple>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/calls.hpp>
#include <mesaopt/core/objective.hpp>
#include <mesaopt/core/prior.hpp>
#include <mesaopt/core/search.hpp>
#include <mesaopt/gradient/first_order.hpp>
#include <mesaopt/gradient/noise.hpp>
#include <mesaopt/gradient/trial.hpp>
#include <mesaopt/objective/mini_batches.hpp>

namespace mesaopt {

namespace detail {

/// The mean over some terms of a finite sum, as an objective.
template <class F>
struct MeanOver {
  const F& f;
  std::span<const Eigen::Index> terms;

  template <class X>
  using Memory = MemoryOf<F, X>;

  template <Point X>
  Evaluation<ScalarOf<X>> operator()(const X& x, X& gradient, const Call<Memory<X>>& call) const {
    return with_call<F, X>(call, f, x, terms, gradient);
  }
};

}  // namespace detail

/// SVRG, stochastic variance reduced gradient: for finite sums (objective/mini_batches.hpp), whose noise it takes away,
/// so that a constant learning rate converges linearly on strongly convex ones, in few passes over the data.
///
///     minimize(loss, w0, Svrg{.learning_rate = 0.1 / largest_curvature}, GradientBelow{1e-8});
///
/// A step of the optimizer begins at a snapshot x with its full gradient μ, goes from w = x on for `inner_steps` times
/// w ← w − η (g_B(w) − g_B(x) + μ),  g_B the mean gradient over a few terms, and takes the last w as the next snapshot,
/// with its full gradient. So value and gradient of the state are those of all terms, and it takes 1 + 2 inner_steps
/// gradients a step, all of which count as evaluations, or n + 2 inner_steps · size gradients of a term; the state adds
/// those up in `term_gradients`. Batches come in shuffled order.
///
/// A step after which the value is higher, or something is not finite, is undone, and the learning rate halved for
/// good: a rate that is too large costs a few steps. Where 30 steps improve neither value nor gradient, the run has
/// stalled. T is the number type of the settings: see Svrg, the alias for double. Johnson & Zhang (2013), "Accelerating
/// stochastic gradient descent using predictive variance reduction", figure 1 with option I; what is undone is ours.
template <class T>
struct BasicSvrg {
  T learning_rate = T(1e-2);     ///< η, more than 0: about a tenth of 1/L, L the largest curvature of a term
  std::int64_t size = 1;         ///< terms a batch, 1 or more; more than there are count as all
  std::int64_t inner_steps = 0;  ///< between two snapshots; 0: so many that every term is met twice
  std::uint64_t seed = 0;        ///< of the order of the terms

  static constexpr bool needs_gradient = true;

  template <Point X, class M = Nothing>
  struct State {
    using S = ScalarOf<X>;
    static constexpr bool monotone = true;

    X x{};  ///< the snapshot
    S value = std::numeric_limits<S>::quiet_NaN();
    X gradient{};  ///< of all terms
    Evaluation<S> evaluation{};
    Status status = Status::running;
    S step = 0;                        ///< learning rate, halvings included
    std::uint64_t halvings = 0;        ///< of the learning rate
    X inner{};                         ///< w
    std::uint64_t done = 0;            ///< inner steps since the snapshot
    std::uint64_t batches = 0;         ///< drawn so far
    std::uint64_t term_gradients = 0;  ///< computed so far
    S reference = 0;                   ///< value at the last step that improved value or gradient
    S steepness = 0;                   ///< squared norm of the gradient there
    std::uint64_t idle = 0;            ///< steps since then
    Calls<X, M> calls{};

    X here{}, there{};                  ///< scratch: gradients at w and x
    std::vector<Eigen::Index> batch{};  ///< scratch

    /// True when a step was begun, but not ended, because the budget was spent or the objective threw.
    [[nodiscard]] bool interrupted() const { return done > 0; }

    static constexpr auto fields() {
      return std::tuple{&State::x,         &State::value,   &State::gradient,       &State::evaluation,
                        &State::status,    &State::step,    &State::halvings,       &State::inner,
                        &State::done,      &State::batches, &State::term_gradients, &State::reference,
                        &State::steepness, &State::idle,    &State::calls};
    }
  };

  /// The gradient below 1e-6, at most 1000 snapshots.
  [[nodiscard]] auto default_stopping() const { return GradientBelow{1e-6} || MaxIterations{1000}; }

  /// Throws std::invalid_argument for a setting out of its range.
  void check() const {
    detail::require_setting(learning_rate > T(0), "Svrg", "learning_rate", learning_rate, "it must be more than 0");
    if (size < 1) detail::refuse("Svrg::size", double(size), "it must be 1 or more");
    if (inner_steps < 0) detail::refuse("Svrg::inner_steps", double(inner_steps), "it must be 0 or more");
  }

  template <class F, Start P, class M>
  requires Differentiable<F, PointOf<P>> && FiniteSum<F, PointOf<P>>
  void init(const F& f, const P& start, State<PointOf<P>, M>& state) const {
    using S = ScalarOf<PointOf<P>>;
    check();
    state.x = detail::start_point(start);
    state.inner = state.x;
    for (auto* gradient : {&state.here, &state.there}) gradient->resize(state.x.size());
    state.batch.reserve(std::size_t(order(f).size));
    state.step = S(learning_rate);
    state.halvings = state.done = state.batches = state.term_gradients = state.idle = 0;
    detail::evaluate_start(f, start, state);
    if constexpr (!detail::knows_evaluation<P>) state.term_gradients = std::uint64_t(f.terms());
    state.reference = state.value;
    state.steepness = state.gradient.squaredNorm();
  }

  /// From a snapshot to the next one. It takes up what an exception or the end of the budget interrupted.
  template <class F, Point X, class M>
  requires Differentiable<F, X> && FiniteSum<F, X>
  void step(const F& f, State<X, M>& state) const {
    using S = ScalarOf<X>;
    const detail::BatchOrder terms = order(f);
    const std::uint64_t inner = inner_steps > 0 ? std::uint64_t(inner_steps) : 2 * terms.per_epoch();
    for (;;) {
      bool finite = true;
      Verdict verdict = Verdict::fine;
      while (state.done < inner && finite) {
        terms.fill(state.batches, state.batch);
        const detail::MeanOver<F> some{f, state.batch};
        for (auto [point, gradient] : {std::pair{&state.inner, &state.here}, std::pair{&state.x, &state.there}}) {
          const auto now = state.calls.gradient(some, *point, *gradient);
          if (now.reason == Reason::budget_spent) return;
          state.term_gradients += state.batch.size();
          finite = finite && detail::sound(now, *gradient);
          verdict = std::max(verdict, now.verdict);
        }
        if (!finite) break;
        state.inner -= state.step * (state.here - state.there + state.gradient);
        ++state.batches;
        ++state.done;
      }
      if (finite) {
        const auto now = state.calls.gradient(f, state.inner, state.here);
        if (now.reason == Reason::budget_spent) return;
        state.term_gradients += std::uint64_t(f.terms());
        finite = detail::sound(now, state.here);
        verdict = now.verdict;
        if (finite && now.value <= state.value + detail::noise_of(state.value, state.evaluation))
          return move(state, now);
      }
      if (state.halvings >= most_halvings) {
        state.status = finite                                   ? Status::stalled
                       : verdict == Verdict::not_differentiable ? Status::not_differentiable
                                                                : Status::non_finite;
        return;
      }
      state.inner = state.x;
      state.done = 0;
      state.step /= S(2);
      ++state.halvings;
    }
  }

 private:
  static constexpr std::uint64_t most_halvings = 40;

  template <class F>
  detail::BatchOrder order(const F& f) const {
    const auto terms = std::uint64_t(f.terms());
    return {terms, std::min(std::uint64_t(size), terms), seed};
  }

  template <Point X, class M>
  static void move(State<X, M>& state, const Evaluation<ScalarOf<X>>& now) {
    using S = ScalarOf<X>;
    constexpr std::uint64_t patience = 30;
    const bool stuck = state.inner == state.x;
    state.calls.accept();
    detail::move_to(state.inner, state.here, now, state);
    state.inner = state.x;
    state.done = 0;
    const S square = state.gradient.squaredNorm();
    if (state.value < state.reference - detail::noise_of(state.value, state.evaluation) ||
        square < S(0.8) * state.steepness) {
      state.reference = std::min(state.reference, state.value);
      state.steepness = std::min(state.steepness, square);
      state.idle = 0;
    } else {
      ++state.idle;
    }
    state.status = stuck || state.idle >= patience ? Status::stalled : Status::running;
  }
};

using Svrg = BasicSvrg<double>;

}  // namespace mesaopt
