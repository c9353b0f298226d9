#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <utility>

#include <Eigen/Core>

#include <mesaopt/bayes/cube.hpp>
#include <mesaopt/bayes/fill_places.hpp>
#include <mesaopt/bayes/freeze_thaw_choice.hpp>
#include <mesaopt/bayes/freeze_thaw_state.hpp>
#include <mesaopt/bayes/likelihood.hpp>
#include <mesaopt/bayes/proposal.hpp>
#include <mesaopt/core/evaluation.hpp>
#include <mesaopt/core/objective.hpp>
#include <mesaopt/core/optimizer.hpp>
#include <mesaopt/core/point.hpp>
#include <mesaopt/core/prior.hpp>
#include <mesaopt/core/status.hpp>
#include <mesaopt/core/stopping.hpp>
#include <mesaopt/objective/box.hpp>
#include <mesaopt/objective/pausable.hpp>

namespace mesaopt {

/// Freeze-thaw Bayesian optimization: of an objective whose every evaluation is an inner run, such as the training of a
/// network, it runs many a little, and few to their end. What counts are inner iterations, of which it makes no more
/// than `budget`.
///
///     const auto f = within(nested(of_solution(holdout), response(family(training), Lbfgs{}, w0)), box);
///     auto solution = minimize(f, x0, FreezeThaw{.length = 500, .budget = 5000});
///     auto weights = solution.state.best_run().solution();
///
/// The objective is Pausable: any Nested one. `recipes/freeze_thaw.hpp` has a good choice of the pieces: `model(n)`
/// answers the kernel for (n settings in [0, 1], time), `fit` and `maximize` are as in a BayesianSearch.
///
/// A run makes `portion` iterations at first and is paused; when it is taken on it goes to `growth` times as many,
/// until it is complete: at `length` iterations, or where it ends by its own rule. All outer values on the way are
/// learnt as curves, by a Gaussian process over settings and time, which predicts every run at full length. It begins
/// with one portion each of the start and of a scrambled Sobol sequence, `initial` in all, and takes on the one
/// predicted to be lowest until a run is complete. Then each turn is the portion, of a paused run or of a new one at
/// the greatest expected improvement or the least mean at full length, that is worth most an iteration: by how much it
/// is expected to lower the lowest prediction; and in the last part of the budget, `ending`, by the improvement on the
/// best complete run that is expected at full length, for the iterations that the run is expected to need yet. Only
/// runs for which the budget will do are taken on, if there are any.
///
/// Choose `portion` so long that curves begin to tell runs apart: shorter ones make for many runs of which little is
/// known.
///
/// The answer is the best complete run; as long as there is none, the lowest paused one, which is `inexact`. A run
/// whose value is not finite is stopped, and counts as an uncertain observation of the worst value. Inner runs begin at
/// their cold start, also where the response would start warm. Its evaluations are portions. It ends as
/// `max_iterations` when the budget is spent, as `stalled` when there is nothing left to run. Parameters of a Space are
/// not heeded.
///
/// Swersky, Snoek and Adams (2014), "Freeze-thaw Bayesian optimization", has the idea and the kernel of curves, but
/// chooses by entropy search and models curves apart from settings; see `learning_curve_kernel`.
template <class Model, class Fit, class Maximize>
struct FreezeThawSearch {
  Model model{};
  Fit fit{};
  Maximize maximize{};
  std::int64_t length = 1000;      ///< inner iterations of a complete run that does not end by itself, 1 or more
  std::int64_t portion = 0;        ///< inner iterations of a new run before it is paused; 0: length / 10, rounded up
  double growth = 2;               ///< how many times as many it has made when it is paused next, more than 1
  std::int64_t budget = 0;         ///< inner iterations of all runs together; 0: 10 times length
  double ending = 0.4;             ///< part of the budget at whose end runs are completed, in [0, 1]
  std::int64_t initial = 0;        ///< runs begun before the first is proposed, the start included; 0: 2(n + 1)
  double apart = 0.05;             ///< from all paused runs a new one is, in widths of the box in one variable or more
  ProposalSettings proposal{};     ///< how many settings of a new run are looked at
  DimensionScaledPriors priors{};  ///< of the hyperparameters
  std::uint64_t seed = 1;          ///< of all draws
  double radius = 1;               ///< half the width of the box where the objective has no bounds, around the start

  using Kernel = decltype(std::declval<const Model&>()(Eigen::Index(1)));
  static constexpr bool handles_bounds = true;
  template <Point X, class M>
  requires PausedRun<typename M::Paused>
  using State = FreezeThawState<X, M, Kernel>;

  /// 100 000 portions: it ends by its budget.
  [[nodiscard]] MaxEvaluations default_stopping() const { return {100000}; }

  /// Throws std::invalid_argument for a setting out of its range.
  void check() const {
    proposal.check();
    priors.check();
    if (length < 1) detail::refuse("FreezeThawSearch::length", double(length), "it must be 1 or more");
    if (portion < 0 || portion > length)
      detail::refuse("FreezeThawSearch::portion", double(portion), "it must be 0 or more, and no more than length");
    if (!(growth > 1) || !std::isfinite(growth))
      detail::refuse("FreezeThawSearch::growth", growth, "it must be more than 1, and finite");
    if (budget < 0) detail::refuse("FreezeThawSearch::budget", double(budget), "it must be 0 or more");
    if (!(ending >= 0 && ending <= 1)) detail::refuse("FreezeThawSearch::ending", ending, "it must be in [0, 1]");
    if (!(apart >= 0 && apart < 1)) detail::refuse("FreezeThawSearch::apart", apart, "it must be in [0, 1)");
    if (initial < 0) detail::refuse("FreezeThawSearch::initial", double(initial), "it must be 0 or more");
    if (!(radius > 0) || !std::isfinite(radius))
      detail::refuse("FreezeThawSearch::radius", radius, "it must be positive and finite");
  }

  /// Inner iterations of a new run, in effect.
  [[nodiscard]] std::uint64_t first_portion() const {
    return std::uint64_t(portion > 0 ? portion : (length - 1) / 10 + 1);
  }
  /// How many a run makes next that has made so many.
  [[nodiscard]] std::uint64_t next_portion(std::uint64_t iterations) const {
    double stop = double(first_portion());
    while (stop < double(length) && stop <= double(iterations)) stop = std::max(stop + 1, std::ceil(stop * growth));
    const auto until = std::uint64_t(std::min(stop, double(length)));
    return until > iterations ? until - iterations : 1;
  }
  /// How many there are in all, in effect.
  [[nodiscard]] std::uint64_t whole_budget() const {
    return budget > 0 ? std::uint64_t(budget) : 10 * std::uint64_t(length);
  }
  /// How many runs are begun before the first is proposed, of n free variables.
  [[nodiscard]] std::size_t designed(Eigen::Index n) const { return std::size_t(initial > 0 ? initial : 2 * (n + 1)); }
  /// The last coordinate of a complete run: time is in units of the first portion.
  [[nodiscard]] double full_time() const { return double(length) / double(first_portion()); }

  /// Begins at a point or a prior, in the box of f. Throws std::invalid_argument for a setting out of its range, or a
  /// start that is empty, not finite, or not in the box.
  template <class F, Start P>
  requires Pausable<F, PointOf<P>>
  void init([[maybe_unused]] const F& f, const P& start, StateOf<FreezeThawSearch, F, PointOf<P>>& state) const {
    using X = PointOf<P>;
    using S = ScalarOf<X>;
    check();
    detail::check_start(start);
    state.x = detail::start_point(start);
    state.box.lower = state.x.array() - S(radius);
    state.box.upper = state.x.array() + S(radius);
    if constexpr (Bounded<F, X>) {
      const Box<X> given{f.box().lower, f.box().upper};
      given.check_inside(state.x, "start");
      for (Eigen::Index i = 0; i < state.x.size(); ++i) {
        if (std::isfinite(given.lower[i])) state.box.lower[i] = given.lower[i];
        if (std::isfinite(given.upper[i])) state.box.upper[i] = given.upper[i];
      }
    }
    detail::find_free(state.box, state.free);
    const auto free = Eigen::Index(state.free.size());

    state.value = std::numeric_limits<S>::quiet_NaN();
    state.evaluation = {};
    state.status = Status::running;
    state.calls.begin(start);
    state.random = Random{seed};
    state.design = Sobol{.dimension = std::clamp<Eigen::Index>(free, 1, Sobol::most_dimensions), .seed = seed};
    state.candidates = Sobol{.dimension = state.design.dimension,
                             .seed = state.random.split(1).seed,
                             .scrambling = Scrambling::digital_shift};
    state.runs.clear();
    state.observations = Observations(free + 1);
    state.surrogate = {};
    state.spent = state.begun = 0;
    state.best = 0;
    add(state, state.x);
  }

  /// One portion of one run. If the objective throws, the run stays paused, and what it has made is counted.
  template <class F, Point X, class M>
  void step(const F& f, FreezeThawState<X, M, Kernel>& state) const {
    if (state.calls.exhausted()) return void(state.status = Status::max_evaluations);
    settle(state);
    if (state.spent >= whole_budget()) return void(state.status = Status::max_iterations);
    const std::uint64_t left = whole_budget() - state.spent;
    detail::FreezeThawChoice choose(state, *this, left);
    const std::size_t which = choose();
    if (which > state.runs.size()) {
      state.status = state.evaluation.usable() ? Status::stalled : Status::non_finite;
      return;
    }
    if (which == state.runs.size()) {
      X point = state.runs.front().x;
      state.to_box(choose.settings(), point);
      ++state.begun;
      add(state, point);
    }
    auto& run = state.runs[which];
    const std::uint64_t before = run.iterations, portion_now = std::min(left, next_portion(before));
    run.evaluation = state.calls.value(NextPortion<F, typename M::Paused>{f, run.inner, portion_now}, run.x);
    settle(state);
    ++run.portions;
    run.failed = !run.evaluation.usable();
    // One that stands still without an end has come to it.
    run.complete =
        !run.failed && (run.inner.complete() || run.iterations >= std::uint64_t(length) || run.iterations == before);
    learn(state, which);
    if (state.spent >= whole_budget()) state.status = Status::max_iterations;
  }

 private:
  template <class T, class X>
  static void add(T& state, const X& point) {
    typename decltype(T::runs)::value_type run;
    run.x = point;
    run.u = state.to_cube(point);
    state.runs.push_back(std::move(run));
  }

  /// Counts what the runs have made.
  template <class T>
  static void settle(T& state) {
    for (auto& run : state.runs)
      if (run.paused()) {
        const auto now = std::max(run.iterations, std::uint64_t(run.inner.iterations()));
        state.spent += now - run.iterations;
        run.iterations = now;
      }
  }

  /// Takes the value of a run: as an observation, and for the answer.
  template <class T>
  void learn(T& state, std::size_t which) const {
    auto& run = state.runs[which];
    const bool ended = !run.paused();
    Eigen::VectorXd point(run.u.size() + 1);
    point << run.u, ended ? full_time() : double(run.iterations) / double(first_portion());
    state.observations.add(point, run.failed ? std::numeric_limits<double>::quiet_NaN() : double(run.evaluation.value));
    if (run.failed) run.inner = {};
    const std::size_t completed = state.completed();
    if (run.complete) {
      const bool better = completed == 1 || run.evaluation.value < state.value;
      const std::size_t loser = better ? state.best : which;
      if (completed > 1) state.runs[loser].inner = {};
      if (better) answer(state, which);
    } else if (completed == 0) {
      std::size_t lowest = state.runs.size();
      for (std::size_t i = 0; i < state.runs.size(); ++i)
        if (state.runs[i].portions > 0 && state.runs[i].paused() &&
            (lowest == state.runs.size() || state.runs[i].evaluation.value < state.runs[lowest].evaluation.value))
          lowest = i;
      if (lowest == state.runs.size()) return;
      answer(state, lowest);
      state.evaluation.verdict = std::max(state.evaluation.verdict, Verdict::inexact);
      if (state.evaluation.reason == Reason::none) state.evaluation.reason = Reason::budget_spent;
    }
  }
  template <class T>
  static void answer(T& state, std::size_t which) {
    const auto& run = state.runs[which];
    state.x = run.x;
    state.value = run.evaluation.value;
    state.evaluation = run.evaluation;
    state.best = which;
  }
};

template <class Model, class Fit, class Maximize>
FreezeThawSearch(Model, Fit, Maximize) -> FreezeThawSearch<Model, Fit, Maximize>;

}  // namespace mesaopt
