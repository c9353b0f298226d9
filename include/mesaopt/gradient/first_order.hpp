#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <tuple>
#include <type_traits>

#include <Eigen/Core>

#include <mesaopt/core/calls.hpp>
#include <mesaopt/core/objective.hpp>
#include <mesaopt/core/prior.hpp>
#include <mesaopt/core/status.hpp>
#include <mesaopt/core/stopping.hpp>
#include <mesaopt/gradient/trial.hpp>

namespace mesaopt {

/// The state of the methods that move by what they make of the gradient, without asking whether the value fell.
///
/// Method is one of GradientDescent, Momentum, Nesterov, Adam, ...; its `Memory<X>` is what it keeps of past gradients.
/// All of them take what is common from these pieces: a Schedule, `clipped(f, ...)` (objective/clipped.hpp), and
/// decoupled weight decay, by which a step also draws x towards 0, by learning rate · weight_decay · x, which neither
/// momentum nor a coordinate's own step size sees: Loshchilov & Hutter (2019), "Decoupled weight decay regularization".
template <class Method, Point X, class M>
struct FirstOrderState {
  using S = ScalarOf<X>;

  X x{};
  S value = std::numeric_limits<S>::quiet_NaN();
  X gradient{};
  Evaluation<S> evaluation{};
  Status status = Status::running;
  typename Method::template Memory<X> memory{};
  S step = 0;             ///< last learning rate, halvings included
  std::uint64_t age = 0;  ///< steps taken: where the schedule stands
  X other{};              ///< between steps the point before x; within one, the point that comes next
  bool proposed = false;  ///< ... as when the objective threw, or the budget ended, in the middle of a step
  Calls<X, M> calls{};

  X other_gradient{};  ///< scratch

  /// True when a step was begun, but not ended, because the budget was spent or the objective threw.
  [[nodiscard]] bool interrupted() const { return proposed; }

  static constexpr auto fields() {
    using T = FirstOrderState;
    return std::tuple{&T::x,    &T::value, &T::gradient, &T::evaluation, &T::status, &T::memory,
                      &T::step, &T::age,   &T::other,    &T::proposed,   &T::calls};
  }
};

namespace detail {

/// Throws std::invalid_argument, naming `owner::argument`, unless `fits`.
template <class T>
void require_setting(bool fits, const char* owner, const char* argument, const T& value, const char* wants) {
  if (!fits) refuse((std::string(owner) + "::" + argument).c_str(), double(value), wants);
}

/// Throws std::invalid_argument unless learning rate, weight decay and schedule are in their ranges.
template <class Method>
void check_first_order(const Method& method, const char* owner) {
  using T = std::remove_cvref_t<decltype(method.learning_rate)>;
  require_setting(method.learning_rate > T(0), owner, "learning_rate", method.learning_rate, "it must be more than 0");
  require_setting(method.weight_decay >= T(0), owner, "weight_decay", method.weight_decay, "it must be 0 or more");
  method.schedule.check();
}

/// Throws std::invalid_argument unless the decay of a running mean is in [0, 1).
template <class T>
void check_decay(const T& decay, const char* owner, const char* argument) {
  require_setting(decay >= T(0) && decay < T(1), owner, argument, decay, "it must be in [0, 1)");
}

template <class Method, class F, Start P, Point X, class M>
void first_order_init(const Method& method, const F& f, const P& start, FirstOrderState<Method, X, M>& state) {
  method.check();
  state.x = start_point(start);
  state.other = state.x;
  state.other_gradient.resize(state.x.size());
  state.step = 0;
  state.age = 0;
  state.proposed = false;
  method.begin(state.x, state.memory);
  evaluate_start(f, start, state);
}

template <class Method, class F, Point X, class M>
void first_order_step(const Method& method, const F& f, FirstOrderState<Method, X, M>& state) {
  using S = ScalarOf<X>;
  if (!state.proposed) {
    using T = std::remove_cvref_t<decltype(method.learning_rate)>;
    const T rate = method.learning_rate * T(method.schedule.factor(state.age));
    method.propose(state.x, state.gradient, rate, state.memory, state.other);
    state.step = S(rate);
    state.proposed = true;
  }
  constexpr int halvings = 10;
  for (int i = 0; i <= halvings; ++i) {
    const auto now = state.calls.gradient(f, state.other, state.other_gradient);
    if (now.reason == Reason::budget_spent) return;
    if (sound(now, state.other_gradient)) {
      state.calls.accept();
      move_to(state.other, state.other_gradient, now, state);
      state.status = Status::running;
      state.proposed = false;
      ++state.age;
      return;
    }
    if (i == halvings) state.status = trouble_with(now);
    state.other = state.x + (state.other - state.x) / S(2);
    state.step /= S(2);
  }
}

}  // namespace detail

}  // namespace mesaopt
