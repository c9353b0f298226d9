#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>

#include <mesaopt/core/call.hpp>
#include <mesaopt/core/clock.hpp>
#include <mesaopt/core/counts.hpp>
#include <mesaopt/core/number_text.hpp>
#include <mesaopt/core/point.hpp>
#include <mesaopt/core/status.hpp>
#include <mesaopt/core/vectors.hpp>

namespace mesaopt {

/// What a stopping rule and an observer may look at besides the optimizer's state.
struct Progress {
  const Counts& counts;  ///< of this level
  double began;          ///< when this sitting of the run began, in seconds of the steady clock
  double before = 0;     ///< seconds of earlier sittings of the same run

  /// Wall-clock seconds that the run has taken so far.
  [[nodiscard]] double seconds() const { return before + detail::clock_seconds() - began; }
};

/// A rule that says when a run ends, and why: `rule(state, progress)` answers a Status, `running` to go on.
///
/// Rules compose by `||` (the first that wants to stop, in reading order) and `&&` (all want to stop). One that needs
/// history declares `template <Point X> struct State` and is called `rule(state, progress, mine)`; every part of a
/// composed rule is asked at the start (`progress.counts.iterations == 0`, where its history begins anew) and after
/// every step. A type becomes a rule by `static constexpr bool is_stopping = true`.
template <class R>
concept StoppingRule = requires {
  requires std::remove_cvref_t<R>::is_stopping;
};

namespace detail {
template <class R, class X>
struct StoppingStateOfImpl {
  using type = Empty;
};
template <class R, class X>
requires requires { typename R::template State<X>; }
struct StoppingStateOfImpl<R, X> {
  using type = typename R::template State<X>;
};

[[noreturn]] inline void refuse(const char* argument, double value, const char* wants) {
  throw std::invalid_argument(std::string(argument) + ": is " + number_text(value) + "; " + wants);
}
}  // namespace detail

/// What rule R remembers between the steps of a run over points X.
template <class R, class X>
using StoppingStateOf = typename detail::StoppingStateOfImpl<R, X>::type;

namespace detail {
template <class R, class S, class Mine>
Status ask(const R& rule, const S& state, const Progress& progress, Mine& mine) {
  if constexpr (std::same_as<Mine, Empty>)
    return rule(state, progress);
  else
    return rule(state, progress, mine);
}
template <class R>
void check_rule(const R& rule) {
  if constexpr (requires { rule.check(); }) rule.check();
}
template <class R>
std::uint64_t evaluation_limit(const R& rule) {
  if constexpr (requires { rule.evaluation_limit(); })
    return rule.evaluation_limit();
  else
    return std::numeric_limits<std::uint64_t>::max();
}
/// What is zero where a state can do no better: its `stationarity()` if it has one, else its gradient.
template <class S>
const auto& stationarity(const S& state) {
  if constexpr (requires { state.stationarity(); })
    return state.stationarity();
  else
    return state.gradient;
}
}  // namespace detail

/// Stops when no entry of the gradient is larger than `tolerance`: of the projected gradient, or the residual of a
/// proximal step, where the optimizer heeds bounds or a regularizer, and its state offers it as `stationarity()`.
struct GradientBelow {
  double tolerance = 1e-8;
  static constexpr bool is_stopping = true;

  void check() const {
    if (!(tolerance >= 0)) detail::refuse("GradientBelow::tolerance", tolerance, "it must be 0 or more");
  }
  template <class S>
  Status operator()(const S& state, const Progress&) const {
    static_assert(
        requires { state.gradient; }, "GradientBelow needs an optimizer that uses gradients");
    const auto& residual = detail::stationarity(state);
    using std::abs;
    for (Eigen::Index i = 0, n = residual.size(); i < n; ++i)
      if (!(double(abs(residual[i])) <= tolerance)) return Status::running;
    return Status::gradient_below;
  }
};

/// Stops when a step moves no coordinate by more than `tolerance` times max(1, |coordinate|).
struct StepBelow {
  double tolerance = 1e-10;
  static constexpr bool is_stopping = true;
  template <Point X>
  struct State {
    X last{};
    static constexpr auto fields() { return std::tuple{&State::last}; }
  };

  void check() const {
    if (!(tolerance >= 0)) detail::refuse("StepBelow::tolerance", tolerance, "it must be 0 or more");
  }
  template <class S, class X>
  Status operator()(const S& state, const Progress& progress, State<X>& mine) const {
    using Scalar = ScalarOf<X>;
    using std::abs;
    bool below = progress.counts.iterations > 0 && mine.last.size() == state.x.size();
    for (Eigen::Index i = 0, n = state.x.size(); below && i < n; ++i)
      below = abs(state.x[i] - mine.last[i]) <= Scalar(tolerance) * std::max(abs(state.x[i]), Scalar(1));
    detail::copy(state.x, mine.last);
    return below ? Status::step_below : Status::running;
  }
};

/// Stops when the value has fallen by no more than `tolerance` times max(1, |value|) over `steps` steps.
struct ValueChangeBelow {
  double tolerance = 1e-12;
  std::uint64_t steps = 5;
  static constexpr bool is_stopping = true;
  template <Point X>
  struct State {
    double reference = 0;
    std::uint64_t since = 0;
    static constexpr auto fields() { return std::tuple{&State::reference, &State::since}; }
  };

  void check() const {
    if (!(tolerance >= 0)) detail::refuse("ValueChangeBelow::tolerance", tolerance, "it must be 0 or more");
    if (steps == 0) detail::refuse("ValueChangeBelow::steps", 0, "it must be 1 or more");
  }
  template <class S, class X>
  Status operator()(const S& state, const Progress& progress, State<X>& mine) const {
    const double value = double(state.value);
    if (progress.counts.iterations == 0 || !(mine.reference - value <= tolerance * std::max(1.0, std::abs(value)))) {
      mine = {value, 0};
      return Status::running;
    }
    return ++mine.since >= steps ? Status::value_change_below : Status::running;
  }
};

/// Stops when the value is at or below `value`.
struct TargetReached {
  double value = 0;
  static constexpr bool is_stopping = true;

  void check() const {
    if (std::isnan(value)) detail::refuse("TargetReached::value", value, "it must be a number");
  }
  template <class S>
  Status operator()(const S& state, const Progress&) const {
    return double(state.value) <= value ? Status::target_reached : Status::running;
  }
};

/// Stops after `limit` steps of the optimizer.
struct MaxIterations {
  std::int64_t limit = 1000;
  static constexpr bool is_stopping = true;

  void check() const {
    if (limit <= 0) detail::refuse("MaxIterations::limit", double(limit), "it must be 1 or more");
  }
  template <class S>
  Status operator()(const S&, const Progress& progress) const {
    return progress.counts.iterations >= std::uint64_t(limit) ? Status::max_iterations : Status::running;
  }
};

/// Stops after `limit` calls of the objective, with or without gradient. The limit is kept inside line searches and
/// populations as well, and counts the gradients of which an optimizer makes second derivatives: no more than `limit`
/// are ever made. An adaptor that calls the objective several times for one call of its own, as `finite_difference`
/// does, ends what it has begun, which may exceed the limit once: see there.
struct MaxEvaluations {
  std::int64_t limit = 10000;
  static constexpr bool is_stopping = true;

  void check() const {
    if (limit <= 0) detail::refuse("MaxEvaluations::limit", double(limit), "it must be 1 or more");
  }
  [[nodiscard]] std::uint64_t evaluation_limit() const { return std::uint64_t(limit); }
  template <class S>
  Status operator()(const S&, const Progress& progress) const {
    return progress.counts.evaluations() >= std::uint64_t(limit) ? Status::max_evaluations : Status::running;
  }
};

/// Stops at the end of the step in which `seconds` of wall-clock time have passed. The one rule that is not
/// reproducible.
struct MaxTime {
  double seconds = 60;
  static constexpr bool is_stopping = true;

  void check() const {
    if (!(seconds > 0)) detail::refuse("MaxTime::seconds", seconds, "it must be more than 0");
  }
  template <class S>
  Status operator()(const S&, const Progress& progress) const {
    return progress.seconds() >= seconds ? Status::max_time : Status::running;
  }
};

/// Stops when the best value has not improved for `steps` steps.
struct Stalled {
  std::uint64_t steps = 100;
  static constexpr bool is_stopping = true;
  template <Point X>
  struct State {
    double best = std::numeric_limits<double>::infinity();
    std::uint64_t since = 0;
    static constexpr auto fields() { return std::tuple{&State::best, &State::since}; }
  };

  void check() const {
    if (steps == 0) detail::refuse("Stalled::steps", 0, "it must be 1 or more");
  }
  template <class S, class X>
  Status operator()(const S& state, const Progress& progress, State<X>& mine) const {
    if (progress.counts.iterations == 0 || double(state.value) < mine.best) {
      mine = {double(state.value), 0};
      return Status::running;
    }
    return ++mine.since > steps ? Status::stalled : Status::running;
  }
};

namespace detail {
template <class A, class B, class X>
struct StoppingPair {
  StoppingStateOf<A, X> a{};
  StoppingStateOf<B, X> b{};
  static constexpr auto fields() { return std::tuple{&StoppingPair::a, &StoppingPair::b}; }
};
}  // namespace detail

/// Stops as soon as either rule does. Write `a || b`.
template <StoppingRule A, StoppingRule B>
struct AnyOf {
  A a;
  B b;
  static constexpr bool is_stopping = true;
  template <Point X>
  using State = detail::StoppingPair<A, B, X>;

  void check() const {
    detail::check_rule(a);
    detail::check_rule(b);
  }
  [[nodiscard]] std::uint64_t evaluation_limit() const {
    return std::min(detail::evaluation_limit(a), detail::evaluation_limit(b));
  }
  template <class S, class X>
  Status operator()(const S& state, const Progress& progress, detail::StoppingPair<A, B, X>& mine) const {
    const Status first = detail::ask(a, state, progress, mine.a);
    const Status second = detail::ask(b, state, progress, mine.b);
    return first != Status::running ? first : second;
  }
};

/// Stops as soon as both rules would. Write `a && b`.
template <StoppingRule A, StoppingRule B>
struct AllOf {
  A a;
  B b;
  static constexpr bool is_stopping = true;
  template <Point X>
  using State = detail::StoppingPair<A, B, X>;

  void check() const {
    detail::check_rule(a);
    detail::check_rule(b);
  }
  template <class S, class X>
  Status operator()(const S& state, const Progress& progress, detail::StoppingPair<A, B, X>& mine) const {
    const Status first = detail::ask(a, state, progress, mine.a);
    const Status second = detail::ask(b, state, progress, mine.b);
    return second != Status::running ? first : Status::running;
  }
};

template <StoppingRule A, StoppingRule B>
constexpr AnyOf<A, B> operator||(A a, B b) {
  return {std::move(a), std::move(b)};
}
template <StoppingRule A, StoppingRule B>
constexpr AllOf<A, B> operator&&(A a, B b) {
  return {std::move(a), std::move(b)};
}

}  // namespace mesaopt
