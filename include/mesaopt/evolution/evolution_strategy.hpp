#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <span>
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/calls.hpp>
#include <mesaopt/core/evaluation.hpp>
#include <mesaopt/core/objective.hpp>
#include <mesaopt/core/optimizer.hpp>
#include <mesaopt/core/point.hpp>
#include <mesaopt/core/prior.hpp>
#include <mesaopt/core/random.hpp>
#include <mesaopt/core/status.hpp>
#include <mesaopt/core/stopping.hpp>
#include <mesaopt/evolution/cma_termination.hpp>
#include <mesaopt/evolution/folded_box.hpp>

namespace mesaopt {

namespace detail {
/// Puts the indices of evaluations in order, the best first: what cannot be used comes last, of equals the first is
/// first.
template <class S>
void rank(const std::vector<Evaluation<S>>& evaluations, std::vector<Eigen::Index>& best_first) {
  best_first.resize(evaluations.size());
  std::iota(best_first.begin(), best_first.end(), Eigen::Index(0));
  std::sort(best_first.begin(), best_first.end(), [&](Eigen::Index i, Eigen::Index j) {
    const Evaluation<S>&a = evaluations[std::size_t(i)], &b = evaluations[std::size_t(j)];
    if (a.usable() != b.usable()) return a.usable();
    if (a.usable() && a.value != b.value) return a.value < b.value;
    return i < j;
  });
}
}  // namespace detail

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
/// A prior gives mean, shape and step size if it knows them; the largest standard deviation is then at least a
/// thousandth of `step_size`, so that what a run has learnt until it converged can start another one.
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

  static constexpr bool handles_bounds = true;

  /// A million evaluations, besides what ends the run by itself.
  [[nodiscard]] MaxEvaluations default_stopping() const { return {1'000'000}; }

  /// All that changes in a run: the distribution, in coordinates before the folding if there is a box; its latest
  /// draws; and the best of all points.
  template <Point X, class M = Nothing>
  struct State : Shape::template Distribution<X> {
    using S = ScalarOf<X>;
    using Distribution = typename Shape::template Distribution<X>;
    static constexpr bool monotone = true;  // for a stochastic objective, x is the latest anyway

    X x{};                                          ///< the best point told; if f is stochastic, of the last generation
    S value = std::numeric_limits<S>::quiet_NaN();  ///< its value; NaN as long as nothing usable was told
    Evaluation<S> evaluation{};                     ///< its evaluation
    Status status = Status::running;                ///< why no more can be done
    Calls<X, M> calls{};                            ///< the way to the objective

    Random random{};                  ///< the next draws
    FoldedBox<X> bounds{};            ///< the box, if there is one
    bool stochastic = false;          ///< whether the objective says so of itself
    CmaTermination<S> termination{};  ///< `end` tells why the run ended by itself
    std::uint64_t best_id = 0;        ///< the name of x

    PointsOf<X> draws{};                       ///< z of the present generation, one a column
    PointsOf<X> steps{};                       ///< y = B D z
    PointsOf<X> points{};                      ///< x = mean + step_size y, folded
    std::vector<std::uint64_t> ids{};          ///< their names
    std::vector<Evaluation<S>> evaluations{};  ///< what was told about them
    std::vector<bool> told{};                  ///< whether anything was
    std::uint64_t open = 0;                    ///< of how many nothing was

    static constexpr auto fields() {
      using T = State;
      return detail::joined(Distribution::fields(),
                            std::tuple{&T::x, &T::value, &T::evaluation, &T::status, &T::calls, &T::random, &T::bounds,
                                       &T::stochastic, &T::termination, &T::best_id, &T::draws, &T::steps, &T::points,
                                       &T::ids, &T::evaluations, &T::told, &T::open});
    }

   private:
    friend EvolutionStrategy;
    std::vector<Eigen::Index> best_first{};
    std::vector<Evaluation<S>> answers{};
    PointsOf<X> open_points{};
    std::vector<std::uint64_t> open_ids{};
  };

  /// Begins a run at a point or a prior, without bounds and without an objective: for `ask` and `tell`.
  ///
  /// Throws std::invalid_argument for a setting out of its range, or a start that is empty or not finite.
  template <Start P, class M>
  void init(const P& start, State<PointOf<P>, M>& state) const {
    begin(start, state, nullptr);
    state.stochastic = false;
  }

  /// Begins a run at a point or a prior. If f has a box, the start must lie in it; `ask` then keeps to it, too.
  template <class F, Start P>
  requires Objective<F, PointOf<P>>
  void init([[maybe_unused]] const F& f, const P& start, StateOf<EvolutionStrategy, F, PointOf<P>>& state) const {
    using X = PointOf<P>;
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
  Batch<X> ask(State<X, M>& state) const;

  /// Takes evaluations of points asked for: some or all, in any order. The last of a generation updates the
  /// distribution.
  ///
  /// Throws std::invalid_argument, and changes nothing, if there are not as many ids as evaluations, or an id names no
  /// point that waits.
  template <Point X, class M>
  void tell(State<X, M>& state, std::span<const std::uint64_t> ids,
            std::span<const Evaluation<ScalarOf<X>>> evaluations) const;

  /// One generation: asks, evaluates, tells. What the evaluation limit forbids stays open. If the objective throws, so
  /// does the whole batch, and the next step evaluates it anew.
  template <class F, Point X, class M>
  void step(const F& f, State<X, M>& state) const {
    if (state.calls.exhausted()) {
      state.status = Status::max_evaluations;
      return;
    }
    const Batch<X> batch = ask(state);
    const auto left = state.calls.limit - state.calls.counts[0].evaluations();
    state.calls.values(f, batch.points, state.answers);
    state.calls.accept_batch(state.answers);
    const auto size = std::size_t(std::min<std::uint64_t>(batch.ids.size(), left));
    tell(state, {batch.ids.data(), size}, {state.answers.data(), size});
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
  template <class Known, Point X, class M>
  void take(const Known& known, State<X, M>& state) const;
  template <Point X, class M>
  static void draw(State<X, M>& state);
  template <Point X, class M>
  void finish(State<X, M>& state) const;
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
  if (!(value_tolerance >= 0))
    detail::refuse((std::string(Shape::name) + "::value_tolerance").c_str(), value_tolerance, "it must be 0 or more");
  detail::check_start(start);
  if (box != nullptr) {
    box->check();
    box->check_inside(detail::start_point(start), "start");
  }

  if constexpr (requires { start.state.step_size; })
    take(start.state, state);  // a Solution
  else
    take(start, state);
  state.x = detail::start_point(start);
  const Eigen::Index n = state.x.size();
  state.bounds.set(box, n, S(step_size));
  if (box != nullptr)
    for (Eigen::Index i = 0; i < n; ++i)
      state.mean[i] = state.bounds.from_box(i, std::clamp(state.mean[i], box->lower[i], box->upper[i]));

  state.value = std::numeric_limits<S>::quiet_NaN();
  state.evaluation = {};
  state.status = Status::running;
  state.calls.begin(start);
  state.random = Random{seed};
  state.best_id = 0;
  state.open = 0;
  const Eigen::Index lambda = population > 0 ? population : default_population(n);

  const auto size = std::size_t(lambda);
  for (auto* columns : {&state.draws, &state.steps, &state.points}) detail::zeros(*columns, n, lambda);
  state.ids.assign(size, 0);
  state.evaluations.assign(size, {});
  state.told.assign(size, true);
  state.best_first.resize(size);
  state.answers.assign(size, {});
  state.calls.slots.resize(std::max(size, state.calls.slots.size()));
  for (auto& slot : state.calls.slots) slot.point.resize(n);

  if (!static_cast<typename State<PointOf<P>, M>::Distribution&>(state).begin(lambda, active))
    throw std::invalid_argument("start: its covariance is not positive definite");
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

/// Mean, covariance and step size of a prior as far as it knows them. Throws before it changes anything.
template <class Shape>
template <class Known, Point X, class M>
void EvolutionStrategy<Shape>::take(const Known& known, State<X, M>& state) const {
  using S = ScalarOf<X>;
  const X& x = detail::start_point(known);
  const Eigen::Index n = x.size();
  if constexpr (requires { state.fits(known, n); }) {
    const X& mean = [&]() -> const X& {
      if constexpr (requires { known.mean; })
        return known.mean;
      else
        return x;
    }();
    const S width = S(known.step_size);
    if (!state.fits(known, n) || mean.size() != n || !mean.allFinite() || !(width > 0) || !std::isfinite(width))
      throw std::invalid_argument("start: its mean, covariance and step size (" + std::to_string(width) +
                                  ") are not those of a distribution of " + std::to_string(n) + " variables");
    state.mean = mean;
    if constexpr (requires { known.bounds.bounded; })
      if (known.bounds.bounded)
        for (Eigen::Index i = 0; i < n; ++i) state.mean[i] = known.bounds.to_box(i, state.mean[i]);
    state.step_size = width;
    state.Distribution::take(known);
  } else {
    state.mean = x;
    state.step_size = S(step_size);
    state.make_round(n);
  }
}

template <class Shape>
template <Point X, class M>
Batch<X> EvolutionStrategy<Shape>::ask(State<X, M>& state) const {
  if (state.ids.empty()) throw std::invalid_argument("state: no run has been begun in it; init comes before ask");
  if (state.open == 0) draw(state);
  if (state.open == state.ids.size()) return {state.points, state.ids};
  state.open_points.resize(state.mean.size(), Eigen::Index(state.open));
  state.open_ids.clear();
  for (std::size_t k = 0; k < state.ids.size(); ++k)
    if (!state.told[k]) {
      const Eigen::Index n = state.mean.size();
      std::copy_n(state.points.data() + n * Eigen::Index(k), n,
                  state.open_points.data() + n * Eigen::Index(state.open_ids.size()));
      state.open_ids.push_back(state.ids[k]);
    }
  return {state.open_points, state.open_ids};
}

template <class Shape>
template <Point X, class M>
void EvolutionStrategy<Shape>::draw(State<X, M>& state) {
  const Eigen::Index n = state.mean.size();
  // A point's name tells where its draws are: they begin at index n * id.
  std::iota(state.ids.begin(), state.ids.end(), state.random.index / std::uint64_t(n));
  state.random.fill_normal(state.draws);
  state.shape(state.draws, state.steps);
  for (Eigen::Index k = 0; k < state.points.cols(); ++k)
    for (Eigen::Index i = 0; i < n; ++i) {
      const auto u = state.mean[i] + state.step_size * state.steps(i, k);
      state.points(i, k) = state.bounds.bounded ? state.bounds.to_box(i, u) : u;
    }
  state.told.assign(state.ids.size(), false);
  state.open = state.ids.size();
}

template <class Shape>
template <Point X, class M>
void EvolutionStrategy<Shape>::tell(State<X, M>& state, std::span<const std::uint64_t> ids,
                                    std::span<const Evaluation<ScalarOf<X>>> evaluations) const {
  if (ids.size() != evaluations.size())
    throw std::invalid_argument("ids: are " + std::to_string(ids.size()) + ", but evaluations " +
                                std::to_string(evaluations.size()));
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const std::uint64_t k = state.ids.empty() ? 0 : ids[i] - state.ids.front();
    if (k < state.ids.size() && !state.told[k]) {
      state.told[k] = true;
      continue;
    }
    for (std::size_t j = 0; j < i; ++j) state.told[ids[j] - state.ids.front()] = false;
    throw std::invalid_argument("ids: " + std::to_string(ids[i]) + " names no point that waits to be told");
  }

  for (std::size_t i = 0; i < ids.size(); ++i) {
    const std::uint64_t k = ids[i] - state.ids.front();
    const auto& evaluation = state.evaluations[k] = evaluations[i];
    if (!evaluation.usable()) continue;
    // Of equals the first one drawn, whichever is told first.
    const bool better = evaluation.value < state.value || (evaluation.value == state.value && ids[i] < state.best_id);
    const bool outdated = state.stochastic && state.best_id < state.ids.front();
    if (!better && !outdated && state.evaluation.usable()) continue;
    std::copy_n(state.points.data() + state.mean.size() * Eigen::Index(k), state.mean.size(), state.x.data());
    state.value = evaluation.value;
    state.evaluation = evaluation;
    state.best_id = ids[i];
  }
  if (ids.empty()) return;
  state.open -= ids.size();
  state.status = Status::running;
  if (state.open == 0) finish(state);
}

template <class Shape>
template <Point X, class M>
void EvolutionStrategy<Shape>::finish(State<X, M>& state) const {
  using S = ScalarOf<X>;
  detail::rank(state.evaluations, state.best_first);
  const Evaluation<S>& best = state.evaluations[std::size_t(state.best_first.front())];
  if (!best.usable()) {
    state.step_size /= 2;
    state.termination.fail();
    state.status = status_of(state.termination.end);
    return;
  }

  state.learn(state.best_first, state.draws, state.steps);
  if (state.bounds.bounded)
    for (Eigen::Index i = 0; i < state.mean.size(); ++i)
      if (state.bounds.fixed(i)) state.isolate(i);
  const bool decomposed = state.decompose_when_due();

  const Evaluation<S>*worst = &best, *middle = &best;
  for (std::size_t i = 0; i < state.best_first.size(); ++i) {
    const Evaluation<S>& evaluation = state.evaluations[std::size_t(state.best_first[i])];
    if (!evaluation.usable()) break;
    worst = &evaluation;
    if (i <= state.best_first.size() / 2) middle = &evaluation;
  }
  state.termination.judge(state, best.value, middle->value, worst->value, decomposed, S(step_tolerance * step_size),
                          S(value_tolerance));
  state.status = status_of(state.termination.end);
}

}  // namespace mesaopt
