#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <tuple>
#include <utility>

#include <Eigen/Core>

#include <mesaopt/core/calls.hpp>
#include <mesaopt/core/optimizer.hpp>
#include <mesaopt/core/search.hpp>
#include <mesaopt/nested/handover.hpp>

namespace mesaopt {

/// A rule that leaves it to the optimizer to end.
struct WhenDone {
  static constexpr bool is_stopping = true;
  template <class S>
  Status operator()(const S&, const Progress&) const {
    return Status::running;
  }
};

/// Two searches, one after the other, as an optimizer: the second begins where the first ends, with what it learnt. See
/// `then`.
template <class A, class B>
struct Then {
  A first;   ///< a Search
  B second;  ///< a Search
  using First = decltype(A::optimizer);
  using Second = decltype(B::optimizer);

  static constexpr bool needs_gradient = detail::needs_gradient<First> || detail::needs_gradient<Second>;
  static constexpr bool handles_bounds = detail::handles_bounds<First> && detail::handles_bounds<Second>;
  static constexpr bool handles_constraints = detail::handles_constraints<First> && detail::handles_constraints<Second>;
  static constexpr bool handles_regularizer = detail::handles_regularizer<First> && detail::handles_regularizer<Second>;

  /// Both runs, and the best point of the one that is on, or of the first if it was lower. What the second knows of
  /// curvatures is handed on.
  template <Point X, class M = Nothing>
  struct State {
    using S = ScalarOf<X>;
    using FirstRun = Run<typename First::template State<X, M>, StoppingStateOf<decltype(A::stopping), X>>;
    using SecondRun = Run<typename Second::template State<X, M>, StoppingStateOf<decltype(B::stopping), X>>;
    static constexpr bool monotone = true;

    X x{};
    S value = std::numeric_limits<S>::quiet_NaN();
    Evaluation<S> evaluation{};
    Status status = Status::running;
    bool handed_over = false;  ///< the second run is on
    FirstRun first{};
    SecondRun second{};
    Calls<X, M> calls{};  ///< counts and events of both runs; the memory is that of the last one

    static constexpr auto fields() {
      using T = State;
      return std::tuple{&T::x,           &T::value, &T::evaluation, &T::status,
                        &T::handed_over, &T::first, &T::second,     &T::calls};
    }
    const auto& curvature_pairs() const requires HasCurvaturePairs<decltype(SecondRun::state)> {
      return second.state.curvature_pairs();
    }
    decltype(auto) inverse_hessian() const requires HasInverseHessian<decltype(SecondRun::state)> {
      return detail::inverse_hessian_of(second.state);
    }
  };

  /// Ends when the second search does.
  [[nodiscard]] WhenDone default_stopping() const { return {}; }

  template <class F, Start P, class M>
  requires OptimizerFor<First, F, PointOf<P>> && OptimizerFor<Second, F, PointOf<P>>
  void init(const F& f, const P& start, State<PointOf<P>, M>& state) const {
    detail::check_rule(second.stopping);
    state.handed_over = false;
    state.status = Status::running;
    state.calls.begin(start);
    begin_run<0>(f, start, first, state, state.first);
    take<F>(state);
  }

  template <class F, Point X, class M>
  requires OptimizerFor<First, F, X> && OptimizerFor<Second, F, X>
  void step(const F& f, State<X, M>& state) const {
    if (!state.handed_over && state.first.status != Status::running) {
      begin_run<1>(f,
                   detail::Handover<X, decltype(state.first.state), M>{best_point(state.first), state.first.state,
                                                                       state.first.state.calls.memory},
                   second, state, state.second);
      state.handed_over = true;
    } else if (state.handed_over) {
      advance_run<1>(f, second, state, state.second);
    } else {
      advance_run<0>(f, first, state, state.first);
    }
    take<F>(state);
  }

 private:
  /// What both runs have spent reaches the state's counts also when f throws.
  template <class T>
  struct Sum {
    T& state;
    ~Sum() {
      auto& calls = state.calls;
      calls.counts = state.first.state.calls.counts;
      calls.events = state.first.state.calls.events;
      calls.memory = state.first.state.calls.memory;
      if (state.second.status == Status::running || state.handed_over) add(state.second.state.calls);
    }
    template <class C>
    void add(const C& other) {
      auto& calls = state.calls;
      for (std::size_t i = 0; i < calls.counts.size(); ++i) calls.counts[i] += other.counts[i];
      for (std::size_t i = 0; i < calls.events.size(); ++i) {
        const auto before = calls.events[i].count;
        if (before == 0) calls.events[i] = other.events[i];
        calls.events[i].count = before + other.events[i].count;
      }
      calls.memory = other.memory;
    }
  };

  /// The limit of the whole leaves to each run what the other has not spent.
  template <class T, class R>
  void limit(T& state, R& run, std::uint64_t own, std::uint64_t spent) const {
    const auto whole = state.calls.limit;
    run.state.calls.limit = std::min(own, whole == std::numeric_limits<std::uint64_t>::max() ? whole
                                          : whole > spent                                    ? whole - spent
                                                                                             : 0);
    run.state.calls.tolerance = state.calls.tolerance;
  }
  template <int which, class T>
  static std::uint64_t spent_before(const T& state) {
    return which == 0 ? 0 : state.first.state.calls.counts[0].evaluations();
  }

  template <int which, class F, class P, class Search, class T, class R>
  void begin_run(const F& f, const P& start, const Search& search, T& state, R& run) const {
    const Sum<T> sum{state};
    if (which == 0) {
      state.second.status = Status::bad_start;  // not begun
      state.first.state.calls.counts = state.second.state.calls.counts = {};
    }
    // As mesaopt::begin, but under a limit that another run has drawn on.
    detail::check_rule(search.stopping);
    run.status = Status::bad_start;
    run.state.value = std::numeric_limits<ScalarOf<PointOf<P>>>::quiet_NaN();
    run.state.evaluation = {};
    run.seconds = 0;
    run.best.known = false;
    limit(state, run, detail::evaluation_limit(search.stopping), spent_before<which>(state));
    search.optimizer.init(f, start, run.state);
    detail::judge<F>(run, search.stopping, detail::clock_seconds());
    if (which == 1) state.handed_over = true;
  }
  template <int which, class F, class Search, class T, class R>
  void advance_run(const F& f, const Search& search, T& state, R& run) const {
    const Sum<T> sum{state};
    limit(state, run, detail::evaluation_limit(search.stopping), spent_before<which>(state));
    const double began = detail::clock_seconds();
    search.optimizer.step(f, run.state);
    ++run.state.calls.counts[0].iterations;
    detail::judge<F>(run, search.stopping, began);
    run.seconds += detail::clock_seconds() - began;
  }

  template <class F, class T>
  void take(T& state) const {
    const auto adopt = [&](const auto& run) {
      state.x = best_point(run);
      state.evaluation = best_evaluation(run);
      state.value = state.evaluation.value;
    };
    if (!state.handed_over) {
      adopt(state.first);
      // Without a usable point there is nothing to hand over.
      state.status =
          state.first.status != Status::running && !state.evaluation.usable() ? state.first.status : Status::running;
      return;
    }
    const auto& now = best_evaluation(state.second);
    if (now.usable() && (is_stochastic<F> || !(now.value > best_evaluation(state.first).value)))
      adopt(state.second);
    else
      adopt(state.first);
    state.status = state.second.status;
    // A second run that could not begin leaves the answer of the first, which is one.
    if (failed(state.status) && state.evaluation.usable()) state.status = state.first.status;
  }
};

/// A Search that runs `b` from what `a` has found, on the same objective: a global search, then a local one.
///
///     auto search = then(Search{CmaEs{}, MaxEvaluations{2000}}, Bfgs{});
///     auto solution = minimize(f, x0, search);
///
/// Each is a Search, or an optimizer, which brings its default stopping rule. The second takes of the state of the
/// first what it understands, as of any prior: Bfgs the covariance as the shape of its inverse Hessian, CmaEs a
/// covariance, all the point. An evaluation limit around the whole counts both. Where the second can find nothing
/// better, the answer is that of the first. It nests: then(then(a, b), c).
template <class A, class B>
auto then(const A& a, const B& b) {
  using First = decltype(as_search(a));
  using Second = decltype(as_search(b));
  return Search{Then<First, Second>{as_search(a), as_search(b)}, WhenDone{}};
}

}  // namespace mesaopt
