#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <span>
#include <tuple>

#include <Eigen/Core>

#include <mesaopt/core/evaluation.hpp>
#include <mesaopt/core/objective.hpp>
#include <mesaopt/core/optimizer.hpp>
#include <mesaopt/core/prior.hpp>
#include <mesaopt/core/random.hpp>
#include <mesaopt/core/status.hpp>
#include <mesaopt/core/stopping.hpp>
#include <mesaopt/evolution/restart_rules.hpp>

namespace mesaopt {

namespace detail {
/// The evolution strategy of an optimizer that is one, or has one as its `optimizer`.
template <class O>
auto& strategy_of(O& optimizer) {
  if constexpr (requires { optimizer.population; })
    return optimizer;
  else
    return strategy_of(optimizer.optimizer);
}

/// An optimizer that can be begun anew in its state, with another population and step size.
template <class O, class S>
concept Restartable = requires(const O& optimizer, O& other, S& state) {
  optimizer.restart(state.x, state);
  strategy_of(other).population = O::default_population(state.x.size());
  strategy_of(other).step_size = 1;
  strategy_of(other).seed = 1;
};
}  // namespace detail

/// An evolution strategy that is begun anew wherever it ends, until the stopping rule ends the whole: for objectives
/// with many local minima.
///
///     minimize(f, x0, Restarts{CmaEs{.step_size = 2}, Bipop{}}, TargetReached{1e-8} || MaxEvaluations{1'000'000});
///
/// The rule, Ipop, Bipop or Nbipop, tells population and step size of the next run. A later run begins at a point that
/// is drawn uniformly: from the cube of half width `spread` around the first start, cut to the box if the objective has
/// one; from the whole box, if it is finite and `spread` is 0; else it begins at the first start. The state's x is the
/// best point of all runs.
template <class O, class Rule = Bipop>
struct Restarts {
  O optimizer{};      ///< of the first run
  Rule rule{};        ///< what the later ones differ by
  double spread = 0;  ///< 0 or more: see above
  /// Restarts; after as many the run ends as its last one does.
  std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
  bool anywhere = false;  ///< whether the first run begins at a point drawn as those of the later ones
  /// A run that another one follows ends after 100 + patience (n + 3)² / √λ generations of λ points at the latest; 0
  /// for whenever it ends by itself. Hansen (2009), as for Bipop: MaxIter.
  double patience = 50;

  static constexpr bool handles_bounds = detail::handles_bounds<O>;
  static constexpr bool handles_constraints = detail::handles_constraints<O>;

  /// The state of the present run, with the best point of all before what it calls x, value and evaluation.
  template <Point X, class M = Nothing>
  struct State : O::template State<X, M> {
    using S = ScalarOf<X>;
    using Inner = typename O::template State<X, M>;
    static constexpr bool monotone = true;

    X x{};                                          ///< the best point of all runs
    S value = std::numeric_limits<S>::quiet_NaN();  ///< its value
    Evaluation<S> evaluation{};                     ///< its evaluation
    Status status = Status::running;                ///< why no more can be done
    X first{};                                      ///< where the first run began
    RestartPlan plan{};                             ///< of the present run
    typename Rule::Memory memory{};                 ///< of the rule
    Random choices{};                               ///< of starts, and the rule's
    std::uint64_t restarts = 0;                     ///< how many there were
    std::uint64_t used = 0;                         ///< evaluations of the present run
    bool improved = false;                          ///< whether that has found the best point of all

    /// What the present run has found.
    [[nodiscard]] const Inner& present() const { return *this; }

    static constexpr auto fields() {
      return std::tuple_cat(Inner::fields(), std::tuple{&State::x, &State::value, &State::evaluation, &State::status,
                                                        &State::first, &State::plan, &State::memory, &State::choices,
                                                        &State::restarts, &State::used, &State::improved});
    }
  };

  /// Fails to compile with why there is no restarting of this optimizer, or for this objective.
  template <class F, Point X>
  static constexpr void explain_refusal() {
    constexpr bool restartable = detail::Restartable<O, typename O::template State<X, MemoryOf<F, X>>>;
    static_assert(
        restartable,
        "mesaopt: Restarts begins an evolution strategy anew with another population and step size, which this "
        "optimizer does not let it set. Put the restarts inside of it: UncertaintyHandling<Restarts<CmaEs>>{}");
    static_assert(!restartable || OptimizerFor<O, F, X>,
                  "mesaopt: the optimizer inside of Restarts is none for this objective: minimize by it alone, without "
                  "Restarts, to be told why");
  }

  /// That of the optimizer.
  [[nodiscard]] auto default_stopping() const requires requires { optimizer.default_stopping(); }
  { return optimizer.default_stopping(); }

  /// Throws std::invalid_argument for a setting out of its range.
  void check() const {
    rule.check();
    if (!(spread >= 0) || !std::isfinite(spread))
      detail::refuse("Restarts::spread", spread, "it must be 0 or more, and finite");
    if (!(patience >= 0) || !std::isfinite(patience))
      detail::refuse("Restarts::patience", patience, "it must be 0 or more, and finite");
  }

  /// Begins the first run, without bounds and without an objective: for `ask` and `tell`.
  template <Start P, class M>
  requires detail::Restartable<O, State<PointOf<P>, M>>
  void init(const P& start, State<PointOf<P>, M>& state) const {
    check();
    optimizer.init(start, present(state));
    begin(state);
    if (anywhere) optimizer.restart(another_start(state), present(state));
  }

  /// Begins the first run.
  template <class F, Start P, class M>
  requires OptimizerFor<O, F, PointOf<P>> && detail::Restartable<O, State<PointOf<P>, M>>
  void init(const F& f, const P& start, State<PointOf<P>, M>& state) const {
    check();
    optimizer.init(f, start, present(state));
    begin(state);
    if (anywhere) optimizer.restart(another_start(state), present(state));
  }

  /// The points that wait for their evaluation: those of the optimizer. Begins the next run if one is due.
  template <Point X, class M>
  Batch<X> ask(State<X, M>& state) const {
    restart_when_due(state);
    return settings(state).ask(present(state));
  }

  /// Takes evaluations of points asked for, as the optimizer does.
  template <Point X, class M>
  void tell(State<X, M>& state, std::span<const std::uint64_t> ids,
            std::span<const Evaluation<ScalarOf<X>>> evaluations) const {
    settings(state).tell(present(state), ids, evaluations);
    state.used += ids.size();
    follow(state);
  }

  /// One step of the present run; of the next one, if it has ended.
  template <class F, Point X, class M>
  requires OptimizerFor<O, F, X>
  void step(const F& f, State<X, M>& state) const {
    if (!state.calls.exhausted()) restart_when_due(state);
    const std::uint64_t before = state.calls.counts[0].evaluations();
    settings(state).step(f, present(state));
    state.used += state.calls.counts[0].evaluations() - before;
    follow(state);
  }

 private:
  template <Point X, class M>
  static typename O::template State<X, M>& present(State<X, M>& state) {
    return state;
  }

  template <Point X, class M>
  void begin(State<X, M>& state) const {
    state.x = state.first = present(state).x;
    state.value = std::numeric_limits<ScalarOf<X>>::quiet_NaN();
    state.evaluation = {};
    state.status = Status::running;
    state.plan = {};
    state.memory = {};
    state.choices = Random{.seed = detail::strategy_of(optimizer).seed, .stream = 1};
    state.restarts = state.used = 0;
    state.improved = false;
  }

  /// The optimizer of the present run.
  template <Point X, class M>
  [[nodiscard]] O settings(const State<X, M>& state) const {
    O next = optimizer;
    if (state.restarts == 0) return next;
    auto& strategy = detail::strategy_of(next);
    const Eigen::Index first = strategy.population > 0 ? strategy.population : O::default_population(state.x.size());
    strategy.population = std::max(Eigen::Index(2), Eigen::Index(double(first) * state.plan.population));
    strategy.step_size *= state.plan.step_size;
    return next;
  }

  template <Point X, class M>
  void restart_when_due(State<X, M>& state) const {
    const double n = double(state.x.size()), lambda = double(state.points.cols());
    const double bearable = lambda * (100 + patience * (n + 3) * (n + 3) / std::sqrt(lambda));
    const bool over = present(state).status != Status::running || state.used >= state.plan.evaluations ||
                      (patience > 0 && double(state.used) >= bearable);
    if (!over || state.restarts >= most) return;
    state.plan = rule.next(state.memory, {state.used, state.improved}, state.choices);
    ++state.restarts;
    state.used = 0;
    state.improved = false;
    const X start = another_start(state);
    settings(state).restart(start, present(state));
  }

  template <Point X, class M>
  [[nodiscard]] X another_start(State<X, M>& state) const {
    using S = ScalarOf<X>;
    X start = state.first;
    for (Eigen::Index i = 0; i < start.size(); ++i) {
      S lower = start[i] - S(spread), upper = start[i] + S(spread);
      if (state.bounds.bounded) {
        const auto& box = state.bounds.box;
        if (spread == 0 && std::isfinite(box.upper[i] - box.lower[i])) lower = box.lower[i], upper = box.upper[i];
        lower = std::max(lower, box.lower[i]), upper = std::min(upper, box.upper[i]);
      }
      start[i] = state.choices.template uniform<S>(lower, upper);
    }
    return start;
  }

  /// Takes the best point over, and the status if no further run may mend it.
  template <Point X, class M>
  void follow(State<X, M>& state) const {
    const auto& run = present(state);
    const bool better = run.evaluation.usable() && (!state.evaluation.usable() || run.value < state.value);
    if (better || (run.stochastic && run.evaluation.usable())) {
      state.x = run.x;
      state.value = run.value;
      state.evaluation = run.evaluation;
      state.improved = true;
    }
    const bool spent = run.status == Status::max_evaluations;
    state.status = spent || (run.status != Status::running && state.restarts >= most) ? run.status : Status::running;
  }
};

template <class O, class Rule, class... Rest>
Restarts(O, Rule, Rest...) -> Restarts<O, Rule>;

}  // namespace mesaopt
