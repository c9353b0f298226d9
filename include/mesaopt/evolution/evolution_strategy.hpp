#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>

#include <Eigen/Core>

#include <mesaopt/core/evaluation.hpp>
#include <mesaopt/core/objective.hpp>
#include <mesaopt/core/optimizer.hpp>
#include <mesaopt/core/point.hpp>
#include <mesaopt/core/prior.hpp>
#include <mesaopt/core/random.hpp>
#include <mesaopt/core/status.hpp>
#include <mesaopt/core/stopping.hpp>
#include <mesaopt/evolution/known_distribution.hpp>
#include <mesaopt/evolution/strategy_state.hpp>
#include <mesaopt/objective/in_space.hpp>

namespace mesaopt {

/// Draws points from a normal distribution, and moves and shapes it by the ranks of their values alone: the frame of
/// all evolution strategies here, of which the Shape is what they differ by (see CmaEs, the usual one).
///
/// It can be driven from outside, by `ask` and `tell` (core/optimizer.hpp). The result depends on the seed and the
/// values alone, not on who evaluates them, where, or in which order. An objective with a box (objective/bounds.hpp) is
/// evaluated in it alone (see FoldedBox). Values that are NaN or infinite rank last; a generation of no others is drawn
/// anew with half the step size, and after 20 of these in a row the run ends as `non_finite`.
///
/// It ends by itself as `converged` when the distribution has shrunk below `step_tolerance`, or the values differ by
/// less than `value_tolerance`; as `stalled` when they are all equal, or have stopped falling, or floating point can
/// shape or move the distribution no further, or when it has grown 10^4-fold, as on an objective without minimum:
/// `sentence(state.termination.end)` says which (see CmaTermination).
///
/// If the objective has a search space (objective/in_space.hpp), the values next to the present ones of its integers
/// and categories stay within reach: see IntegerMargin.
///
/// Mirrored draws: see detail::mirror (mirrored_draws.hpp).
///
/// A prior gives mean, shape and step size if it knows them; the largest standard deviation is then at least a
/// thousandth of `step_size`, so that what a run has learnt until it converged can start another one; but one whose
/// type says `static constexpr bool knows_width = true` is taken at its word.
///
/// Shape::Distribution<X> holds mean, step_size and generation; it begins, shapes draws into steps, learns from ranked
/// ones, and tells when it can do no more: see CmaDistribution.
template <class Shape>
struct EvolutionStrategy {
  double step_size = 0.5;         ///< initial standard deviation of every coordinate: a third of the distance to search
  Eigen::Index population = 0;    ///< points in a generation, 2 or more; 0: 4 + floor(3 ln n)
  std::uint64_t seed = 1;         ///< of all draws
  bool active = true;             ///< whether the worse half narrows the covariance in its directions
  double step_tolerance = 1e-12;  ///< converged when all standard deviations are below this times `step_size`
  double value_tolerance = 1e-12;  ///< converged when late values differ by less, absolutely
  double margin = 1;       ///< of integers and categories: times the usual least probability of neighbours; 0 for none
  bool penalty = false;    ///< whether bounds are kept by a penalty: see BoundPenalty; else as FoldedBox does
  bool mirrored = false;   ///< whether draws come in pairs z and -z, of which the better one recombines: see below
  bool two_point = false;  ///< whether the step size is adapted by two points (see TwoPoint), not by the path's length

  static constexpr bool handles_bounds = true;

  /// A million evaluations, besides what ends the run by itself.
  [[nodiscard]] MaxEvaluations default_stopping() const { return {1'000'000}; }

  /// All that changes in a run.
  template <Point X, class M = Nothing>
  using State = StrategyState<Shape, X, M>;

  /// Begins a run at a point or a prior, without bounds and without an objective: for `ask` and `tell`.
  ///
  /// Throws std::invalid_argument for a setting out of its range, or a start that is empty or not finite.
  template <Start P, class M>
  void init(const P& start, State<PointOf<P>, M>& state) const {
    state.integers.levels.clear();
    begin(start, state, nullptr);
    state.stochastic = false;
  }

  /// Begins a run at a point or a prior. If f has a box, the start must lie in it; `ask` then keeps to it, too.
  template <class F, Start P>
  requires Objective<F, PointOf<P>>
  void init([[maybe_unused]] const F& f, const P& start, StateOf<EvolutionStrategy, F, PointOf<P>>& state) const {
    using X = PointOf<P>;
    state.integers.levels.clear();
    if constexpr (HasSpace<F>) state.integers.set(f.space);
    if constexpr (Bounded<F, X>) {
      const auto& given = f.box();
      const Box<X>& box = as_box<X>(given);
      begin(start, state, &box);
    } else {
      begin(start, state, nullptr);
    }
    state.stochastic = is_stochastic<F>;
  }

  /// Begins anew in a used state, at another point or prior, perhaps with other settings: in the same box, and with the
  /// counts, the objective's memory and the stream of draws going on.
  template <Start P, class M>
  void restart(const P& start, State<PointOf<P>, M>& state) const;

  /// How many points a generation has that is not asked for another number, in n variables.
  [[nodiscard]] static Eigen::Index default_population(Eigen::Index n) {
    return 4 + Eigen::Index(3 * std::log(double(n)));
  }

  /// The points that wait for their evaluation: a new generation, or what is left of the present one.
  template <Point X, class M>
  Batch<X> ask(State<X, M>& state) const {
    return state.Generation<X, M>::ask([&] { state.draw_generation(mirrored); });
  }

  /// Takes evaluations of points asked for: some or all, in any order. The last of a generation updates the
  /// distribution.
  ///
  /// Throws std::invalid_argument, and changes nothing, if there are not as many ids as evaluations, or an id names no
  /// point that waits.
  template <Point X, class M>
  void tell(State<X, M>& state, std::span<const std::uint64_t> ids,
            std::span<const Evaluation<ScalarOf<X>>> evaluations) const {
    if (state.Generation<X, M>::take(ids, evaluations)) finish(state);
  }

  /// Gives up on points asked for that will never be told, at most half of a generation, which can so be closed: it is
  /// learnt from the others alone.
  ///
  /// Throws std::invalid_argument, and changes nothing, if an id names no point that waits, or too few would be left.
  template <Point X, class M>
  void drop(State<X, M>& state, std::span<const std::uint64_t> ids) const {
    if (state.Generation<X, M>::drop(ids)) finish(state);
  }

  /// Makes a point from outside one of the next generation, in the place of one of its draws: a guess, what another
  /// search has found, the end of a local one. It is evaluated as it is; but the distribution learns from it as if it
  /// lay no farther away than draws do, so that a far one does not tear it apart. Of more than a generation the latest
  /// count.
  ///
  /// Throws std::invalid_argument if it has another size, is not finite, or lies outside of the box.
  template <Point X, class M>
  requires detail::Invertible<typename Shape::template Distribution<X>>
  void inject(State<X, M>& state, const X& point) const {
    if (point.size() != state.mean.size())
      throw std::invalid_argument("point: has size " + std::to_string(point.size()) + ", but the distribution " +
                                  std::to_string(state.mean.size()));
    detail::check_start(point, "point");
    if (state.bounds.bounded) state.bounds.box.check_inside(point, "point");
    state.outside.add(point, state.points.cols());
  }

  /// One generation: asks, evaluates, tells. What the evaluation limit forbids stays open. If the objective throws, so
  /// does the whole batch, and the next step evaluates it anew.
  template <class F, Point X, class M>
  void step(const F& f, State<X, M>& state) const {
    state.evaluate(
        f, [&] { return ask(state); }, [&](auto ids, auto evaluations) { tell(state, ids, evaluations); });
  }

 private:
  template <Point X>
  static const Box<X>& as_box(const Box<X>& box) {
    return box;
  }
  template <Point X, class B>
  static Box<X> as_box(const B& box) {
    return {box.lower, box.upper};
  }
  template <Start P, class M>
  void begin(const P& start, State<PointOf<P>, M>& state, const Box<PointOf<P>>* box) const;
  template <Point X, class M>
  void finish(State<X, M>& state) const {
    state.learn_generation(mirrored, ScalarOf<X>(step_tolerance * step_size), ScalarOf<X>(value_tolerance));
  }
};

template <class Shape>
template <Start P, class M>
void EvolutionStrategy<Shape>::begin(const P& start, State<PointOf<P>, M>& state, const Box<PointOf<P>>* box) const {
  using S = ScalarOf<PointOf<P>>;
  // As the coordinates know it: 1e-60 is positive, but not in float.
  if (!(S(step_size) > 0) || !std::isfinite(S(step_size)))
    detail::refuse((std::string(Shape::name) + "::step_size").c_str(), step_size, "it must be positive and finite");
  if (population != 0 && population < 2)
    detail::refuse((std::string(Shape::name) + "::population").c_str(), double(population),
                   "it must be 2 or more, or 0 for 4 + floor(3 ln n)");
  if (!(step_tolerance >= 0))
    detail::refuse((std::string(Shape::name) + "::step_tolerance").c_str(), step_tolerance, "it must be 0 or more");
  if (two_point && !detail::Invertible<typename Shape::template Distribution<PointOf<P>>>)
    throw std::invalid_argument(std::string(Shape::name) + "::two_point: this strategy has no draw for a given step");
  if (!(margin >= 0) || !std::isfinite(margin))
    detail::refuse((std::string(Shape::name) + "::margin").c_str(), margin, "it must be 0 or more, and finite");
  if (!(value_tolerance >= 0))
    detail::refuse((std::string(Shape::name) + "::value_tolerance").c_str(), value_tolerance, "it must be 0 or more");
  detail::check_start(start);
  if (box != nullptr) {
    box->check();
    box->check_inside(detail::start_point(start), "start");
  }

  typename Shape::template Distribution<PointOf<P>>& distribution = state;
  detail::take_known(start, S(step_size), distribution);
  const Eigen::Index n = detail::start_point(start).size();
  state.bounds.set(box, n, S(step_size));
  state.bounds.clipped = penalty;
  if (box != nullptr)
    for (Eigen::Index i = 0; i < n; ++i)
      state.mean[i] = state.bounds.from_box(i, std::clamp(state.mean[i], box->lower[i], box->upper[i]));

  const Eigen::Index lambda = population > 0 ? population : default_population(n);
  state.Generation<PointOf<P>, M>::begin(start, lambda, seed);
  state.reserve(lambda);
  state.outside = {};
  state.integers.begin(lambda, margin);
  state.line.begin(two_point ? n : 0);
  state.penalties.begin(penalty && box != nullptr ? n : 0, lambda);

  if (!distribution.begin(lambda, active))
    throw std::invalid_argument("start: its covariance is not positive definite");
  if constexpr (!requires { requires P::knows_width; })
    state.step_size *= std::max(S(1), S(1e-3) * S(step_size) / state.width());
  state.termination.begin(n, lambda, std::max(S(step_size), state.width()));
}

template <class Shape>
template <Start P, class M>
void EvolutionStrategy<Shape>::restart(const P& start, State<PointOf<P>, M>& state) const {
  const auto counts = state.calls.counts;
  const auto events = state.calls.events;
  const auto memory = state.calls.memory;
  const auto random = state.random;
  const auto box = state.bounds.box;
  begin(start, state, state.bounds.bounded ? &box : nullptr);
  state.calls.counts = counts;
  state.calls.events = events;
  state.calls.memory = memory;
  state.random = random;
}

}  // namespace mesaopt
