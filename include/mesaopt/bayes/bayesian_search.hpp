#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/bayes/aligned_tasks.hpp>
#include <mesaopt/bayes/bayesian_state.hpp>
#include <mesaopt/bayes/cube.hpp>
#include <mesaopt/bayes/earlier_task.hpp>
#include <mesaopt/bayes/earlier_tasks.hpp>
#include <mesaopt/bayes/fill_places.hpp>
#include <mesaopt/bayes/filled_wells.hpp>
#include <mesaopt/bayes/gaussian_process.hpp>
#include <mesaopt/bayes/likelihood.hpp>
#include <mesaopt/bayes/proposal.hpp>
#include <mesaopt/core/evaluation.hpp>
#include <mesaopt/core/objective.hpp>
#include <mesaopt/core/optimizer.hpp>
#include <mesaopt/core/point.hpp>
#include <mesaopt/core/prior.hpp>
#include <mesaopt/core/space.hpp>
#include <mesaopt/core/status.hpp>
#include <mesaopt/core/stopping.hpp>
#include <mesaopt/objective/box.hpp>
#include <mesaopt/objective/in_space.hpp>

namespace mesaopt {

/// Bayesian optimization: learns a Gaussian process from all values so far, and evaluates where that promises most. For
/// objectives of 1 to some 20 variables in a box, of which an evaluation costs more than the milliseconds that a
/// proposal takes.
///
///     const BayesianSearch search{SmoothModel{}, LogExpectedImprovement{}, LbfgsB{}, LbfgsB{}};
///     auto solution = minimize(within(f, box), x0, search, MaxEvaluations{50});
///
/// Its pieces: `model(n)` answers the kernel for n variables in [0, 1]; `acquisition` says how promising a point is
/// (see AcquisitionFunction); `fit` is a Search, or an optimizer with a default stopping rule, that keeps bounds and
/// finds hyperparameters of greatest posterior density, and `maximize` one that finds the most promising point.
/// `recipes/bayesian_optimization.hpp` has a good choice of them.
///
/// It begins with the start and a scrambled Sobol sequence. From then on, every second point is the minimizer of the
/// posterior mean, which takes the last digits, and the others maximize the acquisition function. When the lowest value
/// has come to rest, and the posterior mean promises no lower one, a Gaussian well with the curvature of the posterior
/// mean there is filled up in the data, and the search goes on in what is left, as if it had just begun; every third
/// point still improves on the best. So a minimum that is not the least one holds it for a while alone. Where values
/// are noisy, no well is filled.
///
/// Points that wait for their evaluation count as observations of the posterior mean (the believer of Ginsbourger, Le
/// Riche and Carraro (2010), "Kriging is well-suited to parallelize optimization"); failed evaluations teach
/// where evaluations succeed, see Feasibility, and are sought no more where that is improbable. Integers and categories
/// of a Space are evaluated, and learnt, in the middle of their cells. From a prior that has observations it takes
/// those in the box; from one of a similar objective rather than the same, with a `prior_noise`.
///
/// `stalled` when every point that it looks at was evaluated before, as in a small discrete space, or a box of one
/// point.
///
/// Jones, Schonlau and Welch (1998), "Efficient global optimization of expensive black-box functions". Filling of
/// wells: Ge (1990), "A filled function method for finding a global minimizer of a function of several variables", has
/// the idea, but fills the function itself.
template <class Model, class Acquire, class Fit, class Maximize, class Transfer = AlignedTasks>
struct BayesianSearch {
  Model model{};
  Acquire acquire{};
  Fit fit{};
  Maximize maximize{};
  Transfer transfer{};                   ///< what is made of earlier tasks
  ProposalSettings proposal{};           ///< how many points are looked at, and the like
  DimensionScaledPriors priors{};        ///< of the hyperparameters where values are exact
  DimensionScaledPriors noisy_priors{};  ///< of the hyperparameters where they are noisy
  Eigen::Index batch = 1;                ///< points that are evaluated side by side, 1 or more
  Eigen::Index initial = 0;  ///< points evaluated before the first is proposed, the start included; 0: 2(n + 1)
  bool noisy = false;        ///< whether values are noisy; of an objective that says so of itself they are
  double prior_noise = 0;    ///< variance of observations of a prior, in units of the variance of all
  std::uint64_t seed = 1;    ///< of all draws
  double radius = 1;         ///< half the width of the box where the objective has no bounds, around the start

  using Kernel = decltype(std::declval<const Model&>()(Eigen::Index(1)));
  using Informed = typename Transfer::template Process<Kernel>;
  static constexpr bool handles_bounds = true;
  template <Point X, class M = Nothing>
  using State = BayesianState<X, M, Kernel>;

  /// 100 evaluations.
  [[nodiscard]] MaxEvaluations default_stopping() const { return {100}; }

  /// Throws std::invalid_argument for a setting out of its range.
  void check() const {
    transfer.check();
    proposal.check();
    priors.check();
    noisy_priors.check();
    if (batch < 1) detail::refuse("BayesianSearch::batch", double(batch), "it must be 1 or more");
    if (initial < 0) detail::refuse("BayesianSearch::initial", double(initial), "it must be 0 or more");
    if (!(prior_noise >= 0) || !std::isfinite(prior_noise))
      detail::refuse("BayesianSearch::prior_noise", prior_noise, "it must be 0 or more, and finite");
    if (!(radius > 0) || !std::isfinite(radius))
      detail::refuse("BayesianSearch::radius", radius, "it must be positive and finite");
  }

  /// Begins at a point or a prior, in the box of f. Throws std::invalid_argument for a setting out of its range, or a
  /// start that is empty, not finite, or not in the box.
  template <class F, Start P>
  requires Objective<F, PointOf<P>>
  void init([[maybe_unused]] const F& f, const P& start, StateOf<BayesianSearch, F, PointOf<P>>& state) const {
    using X = PointOf<P>;
    if constexpr (Bounded<F, X>) {
      const auto& given = f.box();
      begin(start, Box<X>{given.lower, given.upper}, state);
    } else {
      begin(start, everywhere(detail::start_point(start)), state);
    }
    state.noisy = noisy || is_stochastic<F>;
  }
  /// Begins in a box, for `ask` and `tell`.
  template <Start P, class M>
  void init(const Box<PointOf<P>>& box, const P& start, State<PointOf<P>, M>& state) const {
    begin(start, box, state);
  }
  /// Begins without an objective and without a box, for `ask` and `tell`.
  template <Start P, class M>
  void init(const P& start, State<PointOf<P>, M>& state) const {
    begin(start, everywhere(detail::start_point(start)), state);
  }

  /// The points that wait for their evaluation, `batch` of them as long as there are any. Allocates as the data grows.
  template <Point X, class M>
  Batch<X> ask(State<X, M>& state) const {
    return draw(
        state, [](X&) {}, [](Eigen::Index) { return true; });
  }
  /// The same for the parameters of a space, the points of which are its representatives.
  template <Point X, class M>
  Batch<X> ask(const Space& space, State<X, M>& state) const {
    const auto real = [&](Eigen::Index i) {
      return space.parameter(i).kind == ParameterKind::real && space.parameter(i).conditions.empty();
    };
    return draw(
        state, [&](X& x) { space.representative(x, x); }, real);
  }

  /// Takes evaluations of points asked for: some or all, in any order. Throws std::invalid_argument, and changes
  /// nothing, if there are not as many ids as evaluations, or an id names no point that waits.
  template <Point X, class M>
  void tell(State<X, M>& state, std::span<const std::uint64_t> ids,
            std::span<const Evaluation<ScalarOf<X>>> evaluations) const {
    state.tell(ids, evaluations);
    if (state.noisy && state.turn > 0) detail::Proposal(state, *this).choose_answer();
  }

  /// One batch: asks, evaluates, tells. What the evaluation limit forbids stays open. If the objective throws, so does
  /// the whole batch, and the next step evaluates it anew.
  template <class F, Point X, class M>
  void step(const F& f, State<X, M>& state) const {
    detail::evaluate_places(*this, f, state);
  }

 private:
  template <Point X>
  [[nodiscard]] Box<X> everywhere(const X& x) const {
    Box<X> box;
    box.lower = x.array() - ScalarOf<X>(radius);
    box.upper = x.array() + ScalarOf<X>(radius);
    return box;
  }

  template <Start P, class M>
  void begin(const P& start, const Box<PointOf<P>>& box, State<PointOf<P>, M>& state) const {
    using S = ScalarOf<PointOf<P>>;
    check();
    detail::check_start(start);
    state.ids.clear();  // so that nothing can be asked for if something throws
    state.box = box;
    state.x = state.start = detail::start_point(start);
    const Eigen::Index n = state.x.size();
    for (Eigen::Index i = 0; i < n; ++i) {
      if (i < box.lower.size() && !std::isfinite(box.lower[i])) state.box.lower[i] = state.x[i] - S(radius);
      if (i < box.upper.size() && !std::isfinite(box.upper[i])) state.box.upper[i] = state.x[i] + S(radius);
    }
    state.box.check();
    state.box.check_inside(state.x, "start");
    detail::find_free(state.box, state.free);
    const auto free = Eigen::Index(state.free.size());

    state.value = std::numeric_limits<S>::quiet_NaN();
    state.evaluation = {};
    state.status = Status::running;
    state.calls.begin(start);
    state.noisy = noisy;
    state.best_id = state.next = state.turn = state.open = 0;
    state.random = Random{seed};
    state.design = Sobol{.dimension = std::clamp<Eigen::Index>(free, 1, Sobol::most_dimensions), .seed = seed};
    state.candidates = Sobol{.dimension = state.design.dimension,
                             .seed = state.random.split(1).seed,
                             .scrambling = Scrambling::digital_shift};
    state.plain = state.filled = {};
    state.wells.clear();
    state.lowest.clear();
    state.observations = Observations(free);
    state.lowest_told = state.expected = std::numeric_limits<S>::quiet_NaN();
    state.answered.clear();
    state.sound = {};
    state.sifted = 0;
    state.feasibility = {};
    state.tasks.clear();
    const auto size = std::size_t(batch);
    state.points.setZero(n, batch);
    state.waiting.setZero(free, batch);
    state.told.assign(size, true);
    if constexpr (requires { start.state; })
      inherit(start.state, state);
    else
      inherit(start, state);
    learn_tasks(start, state);
    state.inherited = state.observations.size();
    state.heeds_tasks = !state.tasks.empty();
    state.ids.assign(size, detail::no_point);
  }

  template <class P, Point X, class M>
  void inherit([[maybe_unused]] const P& prior, [[maybe_unused]] State<X, M>& state) const {
    if constexpr (HasObservations<P>) {
      const auto points = prior.observed_points();
      const auto values = prior.observed_values();
      if (points.rows() != state.x.size()) return;
      for (Eigen::Index k = 0; k < points.cols(); ++k) {
        const X point = points.col(k).template cast<ScalarOf<X>>();
        if (state.box.contains(point)) state.observations.add(state.to_cube(point), double(values[k]), prior_noise);
      }
    }
  }

  /// Takes the observations of earlier tasks, as far as they lie within a width of the box around it.
  template <class P, Point X, class M>
  void learn_tasks([[maybe_unused]] const P& prior, [[maybe_unused]] State<X, M>& state) const {
    if constexpr (HasEarlierTasks<P>) {
      for (const auto& given : prior.earlier_tasks) {
        if (given.points.rows() != state.x.size()) continue;
        Observations seen(Eigen::Index(state.free.size()));
        for (Eigen::Index k = 0; k < given.points.cols(); ++k) {
          const Eigen::VectorXd u = detail::around_cube(state.box, state.free, given.points.col(k));
          if (!std::isfinite(double(given.values[k])) || !((u.array() - 0.5).abs() <= 1.5).all()) continue;
          seen.add(u, double(given.values[k]));
        }
        if (seen.size() < 2) continue;
        state.tasks.emplace_back();
        state.tasks.back().learn(seen);
      }
    }
  }

  template <Point X, class M, class Represent, class Movable>
  Batch<X> draw(State<X, M>& state, const Represent& represent, const Movable& movable) const {
    const auto design = std::uint64_t(initial > 0 ? initial : 2 * (Eigen::Index(state.free.size()) + 1));
    return detail::fill_places(state, represent, [&](const auto& land) {
      if (state.heeds_tasks && state.observations.usable() >= transfer.needs(Eigen::Index(state.free.size()))) {
        std::vector<bool> moves;
        for (const Eigen::Index i : state.free) moves.push_back(movable(i));
        detail::Proposal informed(state, *this);
        if (informed.informed(moves, land)) return informed.found();
      }
      const bool begun = state.next >= design && state.observations.usable() > 0;
      return begun ? detail::propose(state, *this, land) : detail::design_point(state);
    });
  }
};

template <class Model, class Acquire, class Fit, class Maximize>
BayesianSearch(Model, Acquire, Fit, Maximize) -> BayesianSearch<Model, Acquire, Fit, Maximize>;
template <class Model, class Acquire, class Fit, class Maximize, class Transfer>
BayesianSearch(Model, Acquire, Fit, Maximize, Transfer) -> BayesianSearch<Model, Acquire, Fit, Maximize, Transfer>;

}  // namespace mesaopt
