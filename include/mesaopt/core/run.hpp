#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <tuple>
#include <type_traits>
#include <utility>

#include <mesaopt/core/clock.hpp>
#include <mesaopt/core/optimizer.hpp>
#include <mesaopt/core/prior.hpp>
#include <mesaopt/core/solution.hpp>
#include <mesaopt/core/stopping.hpp>

namespace mesaopt {

/// A run as a value: copy it to fork, keep it to resume, `save` it to bytes, race several of them.
///
/// S is the optimizer's State, T what the stopping rule remembers. Optimizer, objective and rule are settings and are
/// handed in anew with every call; the run holds none of them.
template <SearchState S, class T>
struct Run {
  using X = std::remove_cvref_t<decltype(S::x)>;

  S state{};
  T stopping{};
  Best<X> best{};  ///< unused where the state itself never gets worse
  Status status = Status::running;
  double seconds = 0;  ///< wall-clock time of earlier sittings; the one member that is not reproducible

  static constexpr auto fields() { return std::tuple{&Run::state, &Run::stopping, &Run::best, &Run::status}; }
};

/// The Run of optimizer O with rule R on objective F over points X.
template <class O, class R, class F, class X>
using RunOf = Run<StateOf<O, F, X>, StoppingStateOf<R, X>>;

namespace detail {

/// An observer may answer a Status to end the run, or nothing.
template <class Observer, class S>
void notify(const Observer& observer, const S& state, const Progress& progress, Status& status) {
  if constexpr (std::convertible_to<decltype(observer(state, progress)), Status>) {
    const Status wish = observer(state, progress);
    if (status == Status::running) status = wish;
  } else {
    observer(state, progress);
  }
}

/// Takes the state's point for the best one if its value is the lowest, or above that by no more than `units` of
/// rounding.
template <class F, class S, class T>
void keep_best(Run<S, T>& run, int units = 4) {
  if constexpr (!is_monotone<S>) {
    const auto& evaluation = run.state.evaluation;
    if (!evaluation.usable()) return;
    using Scalar = ScalarOf<typename Run<S, T>::X>;
    Scalar tie = 0;
    // Values are flat to rounding long before gradients are: of points with one value the last is nearest to the
    // minimum.
    if constexpr (requires { run.state.gradient; })
      tie = Scalar(units) * std::numeric_limits<Scalar>::epsilon() * std::abs(run.best.lowest);
    const bool first = is_stochastic<F> || !run.best.known;
    if (first || evaluation.value < run.best.lowest || (tie > 0 && evaluation.value <= run.best.lowest + tie)) {
      run.best.lowest = first ? evaluation.value : std::min(run.best.lowest, evaluation.value);
      run.best.x = run.state.x;
      run.best.evaluation = evaluation;
      run.best.known = true;
    }
  }
}

template <class F, class S, class T, class R, class... Observers>
void judge(Run<S, T>& run, const R& stopping, double began, const Observers&... observers) {
  keep_best<F>(run);
  const Progress progress{run.state.calls.counts[0], began, run.seconds};
  const Status wish = ask(stopping, run.state, progress, run.stopping);
  // A rule that is met outranks the optimizer's own despair, but a state that cannot be used outranks both.
  run.status = failed(run.state.status) ? run.state.status : wish != Status::running ? wish : run.state.status;
  // The point that met the criterion is the answer, unless an earlier one was lower by more than noise.
  if (run.status == Status::gradient_below || run.status == Status::converged) keep_best<F>(run, 64);
  using std::isfinite;
  if (succeeded(run.status) && !isfinite(run.state.value)) run.status = Status::non_finite;
  (notify(observers, run.state, progress, run.status), ...);
}

}  // namespace detail

/// Begins a run at `start`, in place: a used run is restarted without allocating.
///
/// Throws std::invalid_argument if the start is empty or not finite, or a setting is out of its range.
template <class F, Start P, class O, StoppingRule R, class... Observers>
requires OptimizerFor<O, F, PointOf<P>>
void begin(const F& f, const P& start, const O& optimizer, const R& stopping, RunOf<O, R, F, PointOf<P>>& run,
           const Observers&... observers) {
  detail::check_start(start);
  detail::check_rule(stopping);
  const double began = detail::clock_seconds();
  run.status = Status::bad_start;  // stands if the objective throws: there is nothing to resume yet
  run.state.value = std::numeric_limits<ScalarOf<PointOf<P>>>::quiet_NaN();
  run.state.evaluation = {};
  run.seconds = 0;
  run.best.known = false;
  run.state.calls.limit = detail::evaluation_limit(stopping);
  optimizer.init(f, start, run.state);
  detail::judge<F>(run, stopping, began, observers...);
}

/// Makes one step of a run that is `running`.
template <class F, class O, StoppingRule R, class S, class T, class... Observers>
void advance(const F& f, const O& optimizer, const R& stopping, Run<S, T>& run, const Observers&... observers) {
  const double began = detail::clock_seconds();
  optimizer.step(f, run.state);
  ++run.state.calls.counts[0].iterations;
  detail::judge<F>(run, stopping, began, observers...);
}

/// Takes a run on until it ends. If the objective throws, the exception passes through, and the run can be taken on
/// again or asked for its solution so far.
template <class F, class O, StoppingRule R, class S, class T, class... Observers>
void resume(const F& f, const O& optimizer, const R& stopping, Run<S, T>& run, const Observers&... observers) {
  const double began = detail::clock_seconds();
  struct Clock {
    Run<S, T>& run;
    double began;
    ~Clock() { run.seconds += detail::clock_seconds() - began; }
  } clock{run, began};
  while (run.status == Status::running) {
    optimizer.step(f, run.state);
    ++run.state.calls.counts[0].iterations;
    detail::judge<F>(run, stopping, began, observers...);
  }
}

/// The best point of a run so far.
template <class S, class T>
const auto& best_point(const Run<S, T>& run) {
  if constexpr (!detail::is_monotone<S>)
    if (run.best.known) return run.best.x;
  return run.state.x;
}

/// The evaluation of the best point of a run so far.
template <class S, class T>
const auto& best_evaluation(const Run<S, T>& run) {
  if constexpr (!detail::is_monotone<S>)
    if (run.best.known) return run.best.evaluation;
  return run.state.evaluation;
}

/// What a run has found so far.
template <class S, class T>
Solution<S> solution(Run<S, T>&& run) {
  const auto& evaluation = best_evaluation(run);
  return {best_point(run),        evaluation.value,       run.status,  evaluation,
          run.state.calls.counts, run.state.calls.events, run.seconds, std::move(run.state)};
}
template <class S, class T>
Solution<S> solution(const Run<S, T>& run) {
  return solution(Run<S, T>(run));
}

}  // namespace mesaopt
