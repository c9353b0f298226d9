#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <tuple>
#include <utility>

#include <Eigen/Core>

#include <mesaopt/core/calls.hpp>
#include <mesaopt/core/objective.hpp>
#include <mesaopt/core/optimizer.hpp>
#include <mesaopt/core/prior.hpp>
#include <mesaopt/core/search.hpp>
#include <mesaopt/core/status.hpp>

namespace mesaopt {

/// Which points of a run are averaged, and how.
struct Averaging {
  std::int64_t begin = 0;  ///< steps before the first point that is taken in; until then there is no average
  double decay = 0;        ///< 0: all points weigh the same; else each weighs this times the next one, in [0, 1)

  /// Throws std::invalid_argument for a setting out of its range.
  void check() const {
    if (begin < 0) detail::refuse("Averaging::begin", double(begin), "it must be 0 or more");
    if (!(decay >= 0 && decay < 1)) detail::refuse("Averaging::decay", decay, "it must be in [0, 1)");
  }

  /// The weight of the newest of `count` points, 1 of the first.
  [[nodiscard]] double weight(std::uint64_t count) const {
    return decay == 0 ? 1 / double(count) : (1 - decay) / (1 - std::pow(decay, double(count)));
  }
};

namespace detail {
template <class S>
concept KeepsGradient = requires(const S& state) {
  state.gradient;
};
}  // namespace detail

/// An optimizer that answers the average of the points that another one goes through, in which the noise of stochastic
/// gradients cancels.
///
///     minimize(mini_batches(loss, 32), w0, Averaged{Adam{.learning_rate = 1e-2}, Averaging{.begin = 2000}},
///              MaxIterations{4000});
///
/// With equal weights from the start, or of the later points alone, it is the averaging of Polyak & Juditsky (1992),
/// "Acceleration of stochastic approximation by averaging" (and Ruppert, 1988), which makes gradient descent with a
/// large learning rate as good as the best one; with a decay, an exponential moving average, free of the bias of its
/// start as that of Adam is: a decay of 0.999 looks back over the last 1000 points. The start itself is not taken in.
///
/// The state's x is the average; `iterate()` is where the inner optimizer stands, which the average never influences.
/// On a stochastic objective value and gradient are those of the iterate, on its batch, for one more batch would tell
/// no more of the average. On any other the average is evaluated, a second gradient a step; an average at which it is
/// not finite is left out, and so is its newest point.
template <class O>
struct Averaged {
  O optimizer{};
  Averaging averaging{};

  static constexpr bool needs_gradient = true;
  static constexpr bool handles_bounds = detail::handles_bounds<O>;  // averages stay in a box

  /// The state of the inner optimizer, with an average before what it calls x, value, gradient and evaluation.
  template <Point X, class M = Nothing>
  struct State : O::template State<X, M> {
    using S = ScalarOf<X>;
    using Inner = typename O::template State<X, M>;
    static constexpr bool monotone = false;

    X x{};  ///< the average
    S value = std::numeric_limits<S>::quiet_NaN();
    X gradient{};
    Evaluation<S> evaluation{};
    std::uint64_t age = 0;    ///< steps taken
    std::uint64_t count = 0;  ///< points taken in
    bool pending = false;     ///< whether the last step of the inner optimizer is still to be taken in

    X next_x{}, next_gradient{};  ///< scratch

    /// Where the inner optimizer stands.
    [[nodiscard]] const X& iterate() const { return Inner::x; }

    /// True when a step was begun, but not ended, because the budget was spent or the objective threw.
    [[nodiscard]] bool interrupted() const {
      if constexpr (requires { Inner::interrupted(); })
        return pending || Inner::interrupted();
      else
        return pending;
    }

    static constexpr auto fields() {
      return std::tuple_cat(Inner::fields(), std::tuple{&State::x, &State::value, &State::gradient, &State::evaluation,
                                                        &State::age, &State::count, &State::pending});
    }
  };

  /// That of the inner optimizer.
  [[nodiscard]] auto default_stopping() const requires requires { optimizer.default_stopping(); }
  { return optimizer.default_stopping(); }

  /// Throws std::invalid_argument for a setting out of its range.
  void check() const { averaging.check(); }

  template <class F, Start P, class M>
  requires Differentiable<F, PointOf<P>> && OptimizerFor<O, F, PointOf<P>> &&
      detail::KeepsGradient<StateOf<O, F, PointOf<P>>>
  void init(const F& f, const P& start, State<PointOf<P>, M>& state) const {
    check();
    optimizer.init(f, start, inner(state));
    state.age = state.count = 0;
    state.pending = false;
    follow(state);
    state.next_x.resize(state.x.size());
    state.next_gradient.resize(state.x.size());
  }

  template <class F, Point X, class M>
  requires Differentiable<F, X> && OptimizerFor<O, F, X> && detail::KeepsGradient<StateOf<O, F, X>>
  void step(const F& f, State<X, M>& state) const {
    if (!state.pending) {
      optimizer.step(f, inner(state));
      if (failed(state.status)) return;
      if constexpr (requires { inner(state).interrupted(); })
        if (inner(state).interrupted()) return;
      ++state.age;
      state.pending = true;
    }
    if (state.age <= std::uint64_t(averaging.begin)) {
      follow(state);
    } else if (state.count == 0) {
      follow(state);
      state.count = 1;
    } else if constexpr (is_stochastic<F>) {
      state.x += weight_of_next(state) * (state.iterate() - state.x);
      take_evaluation(state);
      ++state.count;
    } else {
      state.next_x = state.x + weight_of_next(state) * (state.iterate() - state.x);
      const auto now = state.calls.gradient(f, state.next_x, state.next_gradient);
      if (now.reason == Reason::budget_spent) return;
      if (now.differentiable() && state.next_gradient.allFinite()) {
        state.x.swap(state.next_x);
        state.gradient.swap(state.next_gradient);
        state.value = now.value;
        state.evaluation = now;
        ++state.count;
      }
    }
    state.pending = false;
  }

 private:
  template <Point X, class M>
  static typename State<X, M>::Inner& inner(State<X, M>& state) {
    return state;
  }

  template <Point X, class M>
  ScalarOf<X> weight_of_next(const State<X, M>& state) const {
    return ScalarOf<X>(averaging.weight(state.count + 1));
  }

  template <Point X, class M>
  static void take_evaluation(State<X, M>& state) {
    state.gradient = inner(state).gradient;
    state.value = inner(state).value;
    state.evaluation = inner(state).evaluation;
  }

  template <Point X, class M>
  static void follow(State<X, M>& state) {
    state.x = state.iterate();
    take_evaluation(state);
  }
};

template <class O>
Averaged(O) -> Averaged<O>;
template <class O>
Averaged(O, Averaging) -> Averaged<O>;

}  // namespace mesaopt
