#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/constraints.hpp>
#include <mesaopt/core/evaluation.hpp>
#include <mesaopt/core/optimizer.hpp>
#include <mesaopt/core/point.hpp>
#include <mesaopt/core/prior.hpp>
#include <mesaopt/core/status.hpp>
#include <mesaopt/core/stopping.hpp>
#include <mesaopt/core/waiting.hpp>
#include <mesaopt/evolution/adaptive_penalties.hpp>
#include <mesaopt/evolution/cma_es.hpp>

namespace mesaopt {

/// An evolution strategy for objectives with constraints, of which it needs values alone: it ranks points by f and
/// penalties, whose coefficients it adapts after every generation, and so converges in one run.
///
///     minimize(f, x0, ConstraintHandling<>{.optimizer = CmaEs{.step_size = 1}});      // f has constraints: see
///     Constrained
///
/// The Ranking is an augmented Lagrangian, which is smooth where f and constraints are, or an ExactRanking
/// (evolution/exact_penalties.hpp), which has to find no multipliers first: for few evaluations, and for solutions in
/// corners.
///
/// In each generation the mean of the distribution is evaluated beside the points drawn. x is the best point of all
/// that violate no constraint by more than `feasibility`; its value is f alone. As long as there is none, x is that
/// with the least violation, and the value NaN. It ends as the optimizer does, or as `infeasible` if that ends and no
/// point was feasible. A state is a Prior with multipliers, and takes those of one: this optimizer's, or that of
/// AugmentedLagrangian (gradient/augmented_lagrangian.hpp), which makes a sequence of whole runs.
///
/// Restarts may begin it anew. From outside, `ask` answers the points that wait and the mean, and `tell` takes their
/// constraints, too.
///
/// Atamna, Auger & Hansen (2017), "Linearly convergent evolution strategies via augmented Lagrangian constrained
/// handling", FOGA XIV: see AdaptivePenalties.
template <class O = CmaEs, class Ranking = AugmentedRanking>
struct ConstraintHandling {
  O optimizer{};
  double feasibility = 1e-8;  ///< largest violation of a constraint that is accepted, 0 or more
  /// Factor by which penalties change, more than 1; 0 for 2^(1 / 5n), that of the augmented Lagrangian's source, which
  /// takes longer.
  double change = Ranking::change;

  static constexpr bool handles_constraints = true;
  static constexpr bool needs_constraints = true;
  static constexpr bool handles_bounds = detail::handles_bounds<O>;

  template <Point X, class M = Nothing>
  struct State : O::template State<X, M>, Ranking::template Coefficients<X> {
    using Coefficients = typename Ranking::template Coefficients<X>;
    using S = ScalarOf<X>;
    using Inner = typename O::template State<X, M>;
    static constexpr bool monotone = true;  // x is the answer: of points that are not feasible, none is best

    X x{};                                          ///< the best feasible point, or the least infeasible one
    S value = std::numeric_limits<S>::quiet_NaN();  ///< f there; NaN as long as no point was feasible
    Evaluation<S> evaluation{};                     ///< its evaluation
    Status status = Status::running;                ///< why no more can be done
    S least = 0;                                    ///< the violation of x

    PointsOf<X> all{};                         ///< the points of this generation, and the mean
    std::vector<std::uint64_t> names{};        ///< theirs
    std::vector<Evaluation<S>> values{};       ///< as far as they were told
    PointsOf<ConstraintsOf<X>> constraints{};  ///< one column a point
    std::vector<bool> answered{};              ///< which of them no longer wait
    std::uint64_t waiting = 0;                 ///< how many do
    S change = 0;                              ///< of penalties

    static constexpr auto fields() {
      using T = State;
      return detail::joined(detail::joined(Inner::fields(), Coefficients::fields()),
                            std::tuple{&T::x, &T::value, &T::evaluation, &T::status, &T::least, &T::all, &T::names,
                                       &T::values, &T::constraints, &T::answered, &T::waiting, &T::change});
    }

   private:
    friend ConstraintHandling;
    PointsOf<X> open_points{};
    PointsOf<ConstraintsOf<X>> open_constraints{};
    std::vector<std::uint64_t> open_names{};
    std::vector<Evaluation<S>> answers{};
    std::vector<S> usable{};
    PointsOf<ConstraintsOf<X>> usable_constraints{};
    ConstraintsOf<X> one{};
    X point{};
  };

  /// That of the optimizer.
  [[nodiscard]] auto default_stopping() const { return optimizer.default_stopping(); }

  /// Throws std::invalid_argument for a setting out of its range.
  void check() const {
    if (!(feasibility >= 0)) detail::refuse("ConstraintHandling::feasibility", feasibility, "it must be 0 or more");
    if ((!(change > 1) && change != 0) || !std::isfinite(change))
      detail::refuse("ConstraintHandling::change", change, "it must be more than 1, or 0 for that of the source");
  }

  /// Begins without an objective, for so many constraints, of which the first are equalities: for `ask` and `tell`.
  template <Start P, class M>
  void init(const P& start, Eigen::Index equalities, Eigen::Index inequalities, State<PointOf<P>, M>& state) const {
    check();
    if (equalities < 0) detail::refuse("equalities", double(equalities), "it must be 0 or more");
    if (inequalities < 0) detail::refuse("inequalities", double(inequalities), "it must be 0 or more");
    optimizer.init(start, inner(state));
    begin(start, equalities, equalities + inequalities, state);
  }

  /// Begins a run.
  template <class F, Start P, class M>
  requires Constrained<F, PointOf<P>>
  void init(const F& f, const P& start, State<PointOf<P>, M>& state) const {
    check();
    optimizer.init(f, start, inner(state));
    begin(start, Eigen::Index(f.equalities()), Eigen::Index(f.equalities()) + Eigen::Index(f.inequalities()), state);
  }

  /// Begins anew in a used state, at another point or prior, perhaps with other settings: with the same constraints, in
  /// the same box, and with the counts, the objective's memory and the stream of draws going on.
  template <Start P, class M>
  void restart(const P& start, State<PointOf<P>, M>& state) const {
    check();
    const Eigen::Index equal = state.equalities, all = state.multipliers.size();
    optimizer.restart(start, inner(state));
    begin(start, equal, all, state);
  }

  /// How many points a generation has that is not asked for another number, in n variables, without the mean.
  [[nodiscard]] static Eigen::Index default_population(Eigen::Index n) { return O::default_population(n); }

  /// The points that wait for their evaluation, and the mean: a new generation, or what is left of the present one.
  template <Point X, class M>
  Batch<X> ask(State<X, M>& state) const {
    if (state.waiting == 0) draw(state);
    return detail::waiting_points<X>(state.all, state.names, state.answered, state.open_points, state.open_names);
  }

  /// Takes evaluations of points asked for, some or all, in any order, and the constraints there, one column a point,
  /// equalities first. The last of a generation updates coefficients and distribution.
  ///
  /// Throws std::invalid_argument, and changes nothing, if there are not as many of one as of the other, or an id names
  /// no point that waits.
  template <Point X, class M>
  void tell(State<X, M>& state, std::span<const std::uint64_t> ids,
            std::span<const Evaluation<ScalarOf<X>>> evaluations, const PointsOf<ConstraintsOf<X>>& constraints) const {
    if (ids.size() != evaluations.size() || Eigen::Index(ids.size()) != constraints.cols() ||
        constraints.rows() != state.multipliers.size())
      throw std::invalid_argument("ids: are " + std::to_string(ids.size()) + ", but evaluations " +
                                  std::to_string(evaluations.size()) + ", and constraints " +
                                  std::to_string(constraints.rows()) + " by " + std::to_string(constraints.cols()));
    mark(state, ids);
    for (std::size_t i = 0; i < ids.size(); ++i) {
      const auto k = detail::place_of(state.names, ids[i], i);
      state.values[k] = evaluations[i];
      state.constraints.col(Eigen::Index(k)) = constraints.col(Eigen::Index(i));
      if (!constraints.col(Eigen::Index(i)).allFinite())
        state.values[k] = Evaluation<ScalarOf<X>>::failure(Reason::non_finite_constraint);
      compare(state, k);
    }
    if (!ids.empty() && state.waiting == 0) finish(state);
  }

  /// Gives up on points asked for that will never be told, at most half of a generation, or on the mean.
  template <Point X, class M>
  void drop(State<X, M>& state, std::span<const std::uint64_t> ids) const {
    std::vector<std::uint64_t> drawn;
    for (const std::uint64_t id : ids)
      if ((id & of_mean) == 0) drawn.push_back(id);
    const std::vector<bool> before = state.answered;
    const std::uint64_t waiting = state.waiting;
    mark(state, ids);
    try {
      optimizer.drop(inner(state), drawn);
    } catch (...) {
      state.answered = before;
      state.waiting = waiting;
      throw;
    }
    for (const std::uint64_t id : ids) state.values[detail::place_of(state.names, id)] = {};
    if (!ids.empty() && state.waiting == 0) finish(state);
  }

  /// One generation: asks, evaluates, tells. What the evaluation limit forbids stays open.
  template <class F, Point X, class M>
  requires Constrained<F, X>
  void step(const F& f, State<X, M>& state) const {
    if (state.calls.exhausted()) {
      state.status = Status::max_evaluations;
      return;
    }
    const Batch<X> batch = ask(state);
    const auto left = state.calls.limit - state.calls.counts[0].evaluations();
    state.calls.values(f, batch.points, state.answers);
    const auto size = std::size_t(std::min<std::uint64_t>(batch.ids.size(), left));
    state.open_constraints.resize(state.multipliers.size(), Eigen::Index(size));
    for (std::size_t k = 0; k < size; ++k) {
      state.point = batch.points.col(Eigen::Index(k));
      if (!state.calls.constraints_in_batch(f, k, state.point, state.one))
        state.answers[k] = Evaluation<ScalarOf<X>>::failure(Reason::non_finite_constraint);
      state.open_constraints.col(Eigen::Index(k)) = state.one;
    }
    state.calls.accept_batch(state.answers);
    tell(state, {batch.ids.data(), size}, {state.answers.data(), size}, state.open_constraints);
  }

 private:
  static constexpr std::uint64_t of_mean = std::uint64_t{1} << 63;  // a bit of its name

  template <Point X, class M>
  static typename O::template State<X, M>& inner(State<X, M>& state) {
    return state;
  }

  template <Start P, class M>
  void begin(const P& start, Eigen::Index equalities, Eigen::Index all, State<PointOf<P>, M>& state) const {
    using S = ScalarOf<PointOf<P>>;
    const Eigen::Index n = inner(state).x.size(), size = state.points.cols() + 1;
    state.State<PointOf<P>, M>::Coefficients::begin(equalities, all, size);
    if constexpr (requires { start.state.multipliers; })
      take(start.state, state);
    else if constexpr (HasMultipliers<P>)
      take(start, state);
    state.x = inner(state).x;
    state.value = std::numeric_limits<S>::quiet_NaN();
    state.evaluation = {};
    state.status = Status::running;
    state.least = std::numeric_limits<S>::infinity();
    state.waiting = 0;
    state.change = change > 0 ? S(change) : std::pow(S(2), S(0.2) / S(n));
    state.names.assign(std::size_t(size), 0);
    state.values.assign(std::size_t(size), {});
    state.answered.assign(std::size_t(size), true);
    detail::zeros(state.all, n, size);
    detail::zeros(state.constraints, all, size);
    state.open_points.resize(n, size);
    state.open_constraints.resize(all, size);
    state.usable_constraints.resize(all, size - 1);
    state.open_names.reserve(std::size_t(size));
    state.answers.reserve(std::size_t(size));
    state.usable.reserve(std::size_t(size));
    state.one.resize(all);
    state.point.resize(n);
    state.calls.slots.resize(std::max(std::size_t(size), state.calls.slots.size()));
    for (auto& slot : state.calls.slots) slot.point.resize(n);
  }

  /// Multipliers, and penalties: one for each, or one for all.
  template <class Known, Point X, class M>
  static void take(const Known& known, State<X, M>& state) {
    if (known.multipliers.size() != state.multipliers.size() || !known.multipliers.allFinite()) return;
    if constexpr (requires {
                    known.weights;
                    known.settled;
                  }) {
      state.multipliers = known.multipliers;
      state.weights = known.weights;
      state.settled = known.settled;
    } else if constexpr (requires { known.penalty; }) {
      if (!(known.penalty > 0)) return;
      state.multipliers = known.multipliers;
      std::fill_n(state.weights.data(), state.weights.size(), known.penalty);
      state.settled.assign(state.settled.size(), true);
    }
  }

  template <Point X, class M>
  void draw(State<X, M>& state) const {
    const Batch<X> batch = optimizer.ask(inner(state));
    const Eigen::Index n = batch.points.rows(), size = batch.points.cols();
    std::copy_n(batch.points.data(), n * size, state.all.data());
    std::copy(batch.ids.begin(), batch.ids.end(), state.names.begin());
    for (Eigen::Index i = 0; i < n; ++i)
      state.all(i, size) = state.bounds.bounded ? state.bounds.to_box(i, state.mean[i]) : state.mean[i];
    state.names.back() = batch.ids.front() | of_mean;
    state.answered.assign(state.names.size(), false);
    state.waiting = state.names.size();
  }

  /// Marks points as told. Throws, and marks none, if one does not wait.
  template <Point X, class M>
  static void mark(State<X, M>& state, std::span<const std::uint64_t> ids) {
    detail::mark_told(ids, state.names, state.answered);
    state.waiting -= ids.size();
  }

  /// Takes point k for the best one if it is.
  template <Point X, class M>
  void compare(State<X, M>& state, std::size_t k) const {
    using S = ScalarOf<X>;
    const auto& evaluation = state.values[k];
    if (!evaluation.usable()) return;
    const S violation = state.violation(state.constraints.col(Eigen::Index(k)));
    const bool feasible = violation <= S(feasibility), had = state.evaluation.usable();
    if (feasible ? had && !(evaluation.value < state.value) : had || !(violation < state.least)) return;
    std::copy_n(state.all.data() + state.all.rows() * Eigen::Index(k), state.all.rows(), state.x.data());
    state.least = violation;
    if (!feasible) return;
    state.value = evaluation.value;
    state.evaluation = evaluation;
  }

  template <Point X, class M>
  void finish(State<X, M>& state) const {
    using S = ScalarOf<X>;
    const Eigen::Index n = state.all.rows();
    const std::size_t size = state.names.size() - 1;
    state.usable.clear();
    state.usable_constraints.resize(state.constraints.rows(), Eigen::Index(size));
    for (std::size_t k = 0; k < size; ++k) {
      if (!state.values[k].usable()) continue;
      state.usable_constraints.col(Eigen::Index(state.usable.size())) = state.constraints.col(Eigen::Index(k));
      state.usable.push_back(state.values[k].value);
    }
    state.set_first(state.usable, state.usable_constraints, Eigen::Index(state.usable.size()), n);
    if (state.values[size].usable()) {
      state.one = state.constraints.col(Eigen::Index(size));
      state.update(state.values[size].value, state.one, n, state.change);
    }
    state.open_names.clear();
    state.answers.clear();
    for (std::size_t k = 0; k < size; ++k) {
      if (state.dropped[k]) continue;
      auto evaluation = state.values[k];
      if (evaluation.usable()) evaluation.value += state.penalty(state.constraints.col(Eigen::Index(k)));
      state.open_names.push_back(state.names[k]);
      state.answers.push_back(evaluation);
    }
    optimizer.tell(inner(state), state.open_names, std::span<const Evaluation<S>>(state.answers));
    if constexpr (requires { state.termination.all; })
      if (state.termination.end == CmaEnd::stagnation) {
        state.termination.end = CmaEnd::none;  // the augmented Lagrangian rises as its coefficients do
        state.termination.all.begin();
        inner(state).status = Status::running;
      }
    state.status = inner(state).status;
    if (state.status != Status::running && !failed(state.status) && !state.evaluation.usable())
      state.status = Status::infeasible;
  }
};

}  // namespace mesaopt
