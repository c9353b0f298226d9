#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <tuple>
#include <type_traits>
#include <utility>

#include <Eigen/Core>

#include <mesaopt/core/constraints.hpp>
#include <mesaopt/core/optimizer.hpp>
#include <mesaopt/core/search.hpp>
#include <mesaopt/objective/augmented.hpp>

namespace mesaopt {

namespace detail {
/// Where an inner run of the augmented Lagrangian method starts: the last point, with what the objective remembers.
template <Point X, class M>
struct RememberingStart {
  const X& x;
  const M& memory;
};
}  // namespace detail

/// General equality and inequality constraints for any search: it minimizes the augmented Lagrangian
/// (objective/augmented.hpp) again and again, and after each time the multipliers learn from what was violated.
///
///     minimize(f, x0, AugmentedLagrangian{Lbfgs{}});      // f has constraints: see Constrained
///     minimize(f, x0, AugmentedLagrangian{CmaEs{}});      // needs neither gradient nor Jacobian
///
/// The search is an optimizer or a Search; it keeps bounds if that does. One step is one inner run, warm-started, and
/// one update: λ ← λ + ρc, where inequalities stay at 0 or more, and ρ ← growth · ρ unless the violation fell to
/// `sufficient` times what it was. It has converged when the inner run has, and no constraint is violated by more than
/// `feasibility`, nor slack by more than that while its multiplier is positive. `value` is f alone. A state is a Prior
/// with multipliers: a run that starts from the solution of the same problem ends after one step.
/// Birgin & Martinez (2014), "Practical augmented Lagrangian methods for constrained optimization", algorithm 4.1, with
/// the first penalty of eq. 12.1.
template <class Piece>
struct AugmentedLagrangian {
  Piece search;               ///< minimizes the augmented Lagrangian
  double feasibility = 1e-8;  ///< largest violation of a constraint that is accepted, more than 0
  double penalty = 0;         ///< ρ at the start; 0: from the size of value and constraints there
  double growth = 10;         ///< of the penalty, more than 1
  double sufficient = 0.5;    ///< factor by which the violation has to fall, in (0, 1)

  using InnerSearch = decltype(as_search(std::declval<const Piece&>()));
  using Optimizer = decltype(InnerSearch::optimizer);
  using Stopping = AnyOf<decltype(InnerSearch::stopping), MaxEvaluations>;
  static constexpr bool needs_gradient = detail::needs_gradient<Optimizer>;
  static constexpr bool handles_constraints = true;
  static constexpr bool needs_constraints = true;
  static constexpr bool handles_bounds = detail::handles_bounds<Optimizer>;

  template <Point X, class M = Nothing>
  struct State {
    using S = ScalarOf<X>;
    using InnerState = typename Optimizer::template State<X, detail::WrappedMemory<M, detail::AugmentedScratch<X>>>;
    static constexpr bool monotone = true;  // x is the answer: of points that are not feasible, none is best

    X x{};
    S value = std::numeric_limits<S>::quiet_NaN();
    Evaluation<S> evaluation{};
    Status status = Status::running;
    ConstraintsOf<X> multipliers{};  ///< λ, one a constraint; of inequalities 0 or more
    S penalty = 0;                   ///< ρ
    S violation = 0;                 ///< largest |c| of equalities, c of violated inequalities, slack where λ > 0
    std::uint64_t stuck = 0;         ///< steps in a row in which the violation has not fallen
    std::uint64_t stalls = 0;        ///< inner runs in a row that stalled where the constraints were kept
    Calls<X, M> calls{};

    Run<InnerState, StoppingStateOf<Stopping, X>> inner{};  ///< scratch
    ConstraintsOf<X> c{};                                   ///< scratch

    static constexpr auto fields() {
      using T = State;
      return std::tuple{&T::x,       &T::value,     &T::evaluation, &T::status, &T::multipliers,
                        &T::penalty, &T::violation, &T::stuck,      &T::stalls, &T::calls};
    }
  };

  /// At most 100 inner runs.
  [[nodiscard]] auto default_stopping() const { return MaxIterations{100}; }

  /// Throws std::invalid_argument for a setting out of its range.
  void check() const {
    if (!(feasibility > 0)) detail::refuse("AugmentedLagrangian::feasibility", feasibility, "it must be more than 0");
    if (!(penalty >= 0)) detail::refuse("AugmentedLagrangian::penalty", penalty, "it must be 0 or more");
    if (!(growth > 1)) detail::refuse("AugmentedLagrangian::growth", growth, "it must be more than 1");
    if (!(sufficient > 0 && sufficient < 1))
      detail::refuse("AugmentedLagrangian::sufficient", sufficient, "it must be in (0, 1)");
  }

  template <class F, Start P, class M>
  requires Constrained<F, PointOf<P>>
  void init(const F& f, const P& start, State<PointOf<P>, M>& state) const {
    using S = ScalarOf<PointOf<P>>;
    check();
    state.x = detail::start_point(start);
    state.status = Status::running;
    state.stuck = state.stalls = 0;
    state.calls.begin(start);
    const auto count = Eigen::Index(f.equalities()) + Eigen::Index(f.inequalities());
    bool known = false;
    const auto& prior = detail::knowledge_of(start);
    if constexpr (HasMultipliers<std::remove_cvref_t<decltype(prior)>>) {
      known = prior.multipliers.size() == count && prior.multipliers.allFinite();
      if (known) state.multipliers = prior.multipliers;
    }
    if (!known) state.multipliers.setZero(count);
    state.evaluation = state.calls.value(f, state.x);
    state.value = state.evaluation.value;
    if (!state.evaluation.usable() || !state.calls.constraints(f, state.x, state.c)) {
      state.status = Status::bad_start;
      return;
    }
    state.calls.accept();
    state.penalty = S(penalty);
    if constexpr (requires { prior.penalty; }) {
      if (known && !(penalty > 0)) state.penalty = S(prior.penalty);
    }
    if (!(state.penalty > 0)) {
      S squares = 0;
      for (Eigen::Index i = 0; i < count; ++i) {
        const S c = i < Eigen::Index(f.equalities()) ? state.c[i] : std::max(S(0), state.c[i]);
        squares += c * c / 2;
      }
      state.penalty = std::clamp(10 * std::max(S(1), std::abs(state.value)) / std::max(S(1), squares), S(1e-6), S(1e8));
    }
    state.violation = std::numeric_limits<S>::infinity();
  }

  template <class F, Point X, class M>
  requires Constrained<F, X>
  void step(const F& f, State<X, M>& state) const {
    using S = ScalarOf<X>;
    if (state.calls.exhausted()) return;
    const Augmented<F, X> augmented{f, state.multipliers, state.penalty};
    minimize_augmented(augmented, state);
    auto& run = state.inner;
    if (!best_evaluation(run).usable() || !best_point(run).allFinite()) {
      state.status = run.status == Status::not_differentiable ? run.status : Status::non_finite;
      return;
    }
    const auto evaluation = state.calls.value(f, best_point(run));
    if (!evaluation.usable()) {
      if (evaluation.reason != Reason::budget_spent) state.status = Status::non_finite;
      return;
    }
    if (!state.calls.constraints(f, best_point(run), state.c)) {
      state.status = Status::non_finite;
      return;
    }
    state.calls.accept();
    state.x = best_point(run);
    state.evaluation = evaluation;
    state.value = evaluation.value;

    const auto equalities = Eigen::Index(f.equalities());
    S violation = 0;
    for (Eigen::Index i = 0; i < state.c.size(); ++i) {
      const S c = i < equalities ? state.c[i] : std::max(state.c[i], -state.multipliers[i] / state.penalty);
      violation = std::max(violation, std::abs(c));
      state.multipliers[i] = std::clamp(augmented.shifted(i, state.c[i], equalities), S(-1e20), S(1e20));
    }
    const bool fell = violation <= S(sufficient) * state.violation;
    state.stuck = violation < S(0.9) * state.violation ? 0 : state.stuck + 1;
    state.violation = violation;
    // A search by gradients that stalled may get further in a fresh attempt; to others it is a natural end.
    const bool stalled = run.status == Status::stalled;
    const bool settled = succeeded(run.status) || (stalled && !needs_gradient);
    constexpr std::uint64_t patience = 8, attempts = 4;
    state.stalls = stalled && violation <= S(feasibility) ? state.stalls + 1 : 0;
    if (violation <= S(feasibility)) {
      if (settled)
        state.status = Status::converged;
      else if (state.stalls >= attempts)
        state.status = Status::stalled;
    } else if (!fell) {
      state.penalty *= S(growth);
      if (state.stuck >= patience || !(state.penalty < S(1e18))) state.status = Status::infeasible;
    }
    if (state.value < -1 / std::numeric_limits<float>::epsilon() / std::numeric_limits<float>::epsilon() &&
        violation <= S(feasibility) && !settled)
      state.status = Status::unbounded;
  }

 private:
  /// One inner run from state.x, within what is left of the evaluations; its counts become the state's, also when it
  /// throws.
  template <class F, Point X, class M>
  void minimize_augmented(const Augmented<F, X>& augmented, State<X, M>& state) const {
    using Memory = typename Augmented<F, X>::template Memory<X>;
    struct Spend {
      State<X, M>& state;
      ~Spend() {
        auto& counts = state.inner.state.calls.counts;
        counts[0].iterations = 0;  // those of this level are the updates of the multipliers
        for (std::size_t i = 0; i < counts.size(); ++i) state.calls.counts[i] += counts[i];
        counts = {};
      }
    };
    const InnerSearch chosen = as_search(search);
    const auto left = state.calls.limit - state.calls.counts[0].evaluations();
    constexpr auto most = std::uint64_t(std::numeric_limits<std::int64_t>::max());
    const Stopping stopping{chosen.stopping, MaxEvaluations{std::int64_t(std::min(left, most))}};
    const Memory memory{state.calls.memory};
    state.inner.state.calls.counts = {};
    const Spend spend{state};
    state.inner.state.calls.tolerance = state.calls.tolerance;
    begin(augmented, detail::RememberingStart<X, Memory>{state.x, memory}, chosen.optimizer, stopping, state.inner);
    resume(augmented, chosen.optimizer, stopping, state.inner);
    state.calls.memory = state.inner.state.calls.memory.inner;
  }
};

template <class Piece>
AugmentedLagrangian(Piece) -> AugmentedLagrangian<Piece>;

}  // namespace mesaopt
