#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <tuple>
#include <type_traits>

#include <Eigen/Core>

#include <mesaopt/core/counts.hpp>
#include <mesaopt/core/stopping.hpp>
#include <mesaopt/nested/checkpoints.hpp>
#include <mesaopt/nested/places.hpp>
#include <mesaopt/nested/response.hpp>
#include <mesaopt/objective/forward_mode.hpp>

namespace mesaopt::detail {

/// The most steps that a stopping rule allows, if it says so.
template <class R>
std::uint64_t iteration_limit(const R&) {
  return CheckpointPlan::unknown;
}
inline std::uint64_t iteration_limit(const MaxIterations& rule) { return std::uint64_t(rule.limit); }
template <class A, class B>
std::uint64_t iteration_limit(const AnyOf<A, B>& rule) {
  return std::min(iteration_limit(rule.a), iteration_limit(rule.b));
}

/// An optimizer whose steps can be reversed: see gradient/reverse_descent.hpp.
template <class O>
concept Reversible = requires(const O& optimizer) {
  reverse_rule(optimizer);
};
template <class O>
struct NoRule {
  template <class X>
  struct Kept {};
  template <class X>
  struct Adjoint {};
  static constexpr std::tuple<> settings() { return {}; }
};
template <class O>
struct ReverseRuleOf {
  using type = NoRule<O>;
};
template <Reversible O>
struct ReverseRuleOf<O> {
  using type = decltype(reverse_rule(std::declval<const O&>()));
};

/// A state of an inner run, as far as it has to be known to go on from there.
template <class Kept, class M>
struct KeptState {
  Kept kept{};
  M memory{};                     ///< of the inner objective
  std::uint64_t evaluations = 0;  ///< made so far: the last was of the gradient there
};

/// The inner run of response R at outer points X, as Unrolled keeps it: checkpoints, a state to go on from them, and
/// what goes back.
template <class R, Point X>
struct Tape {
  using Types = typename R::template Types<X>;
  using Y = typename Types::Y;
  using S = ScalarOf<Y>;
  using Optimizer = typename Types::Optimizer;
  using Rule = typename ReverseRuleOf<Optimizer>::type;
  using Kept = KeptState<typename Rule::template Kept<Y>, typename Types::InnerMemory>;
  using State = std::remove_cvref_t<decltype(Types::Run::state)>;
  static constexpr std::size_t levels = R::template Record<X>::levels;
  static constexpr std::size_t settings_count = std::tuple_size_v<decltype(Rule::settings())>;

  Checkpoints<Kept> checkpoints;
  State state{};
  std::uint64_t last = 0, answered = 0;      ///< steps to the end of the run, and to the point that it answers
  std::uint64_t evaluations = 0, tried = 0;  ///< at the last step; and the last step that took more than one
  Y y{}, gradient{}, product{};              ///< adjoints
  Y previous{};                              ///< the point after the step that is gone back
  typename Rule::template Adjoint<Y> adjoint{};
  std::array<S, std::max<std::size_t>(1, settings_count)> settings{};
  X moved{}, mixed{};
  Rebound<X, First<X>> dual_x{};
  S start_size = 0, last_step = 0, step_before = 0;

  /// Bytes that a checkpoint of points of this size takes.
  static std::uint64_t bytes(Eigen::Index size) {
    const std::uint64_t numbers = Y::SizeAtCompileTime == Eigen::Dynamic ? Rule::vectors * std::uint64_t(size) : 0;
    return sizeof(Kept) + numbers * sizeof(S);
  }

  void begin() {
    checkpoints.clear();
    last = answered = evaluations = 0;
    tried = 0;
    settings.fill(S(0));
    last_step = step_before = 0;
  }

  /// Sees a state of the run go by.
  template <class Run>
  void see(const Run& run, CheckpointPlan& plan) {
    const auto position = Rule::position(run.state);
    const auto now = run.state.calls.counts[0].evaluations();
    const bool first = evaluations == 0 && position == 0;
    if (!first && position == last) return;  // a step that the end of the budget interrupted
    if (!first && now > evaluations + 1) tried = position;
    evaluations = now;
    last = position;
    if constexpr (is_monotone<State>) {
      answered = position;
    } else {
      if (run.best.known && run.best.x == run.state.x) answered = position;
    }
    plan.offer(position, checkpoints, [&](Kept& to) { keep(run.state, to); });
  }

  static void keep(const State& from, Kept& to) {
    Rule::keep(from, to.kept);
    to.memory = from.calls.memory;
    to.evaluations = from.calls.counts[0].evaluations();
  }
  void load(const Kept& from) {
    Rule::load(from.kept, state);
    state.calls.memory = from.memory;
    state.calls.counts[0] = {};
    state.calls.counts[0].gradients = from.evaluations;
  }

  /// Calls body() with the calls of `state` named as the one at which they are made was named, number `index`, and adds
  /// what is counted to `counts`, also when it throws.
  template <class Body>
  void calling(std::uint64_t index, std::array<Counts, levels>& counts, const Body& body) {
    struct Collect {
      State& state;
      std::array<Counts, levels>& counts;
      std::uint64_t named, before;
      ~Collect() {
        auto& counted = state.calls.counts;
        counted[0].gradients -= named;
        for (std::size_t i = 0; i < levels; ++i) counts[i] += counted[i];
        counted = {};
        counted[0].gradients = before;
      }
    };
    auto& counted = state.calls.counts;
    const auto before = counted[0].evaluations();
    counted = {};
    counted[0].gradients = index;
    const Collect collect{state, counts, index, before};
    body();
  }

  /// Makes steps, counted as gradients. False if one leads nowhere.
  template <class F>
  bool advance(const F& f, const Optimizer& optimizer, std::uint64_t steps, std::array<Counts, levels>& counts) {
    const auto from = state.calls.counts[0].evaluations();
    for (std::uint64_t i = 0; i < steps; ++i) {
      optimizer.step(f, state);
      if (failed(state.status)) return false;
    }
    auto& counted = state.calls.counts;
    const auto to = counted[0].evaluations();
    counted[0].gradients = to - from;
    counted[0].values = 0;
    for (std::size_t i = 0; i < levels; ++i) counts[i] += counted[i];
    counted = {};
    counted[0].gradients = to;
    return true;
  }
};

/// How far the end of a run may be from its limit, relative to max(1, |y|), if its steps go on to shrink as the last
/// two do; infinite if they do not.
template <class T, class Y>
double distance_by_steps(const T& tape, const Y& y) {
  using S = ScalarOf<Y>;
  if (!(tape.last_step > 0)) return 0;
  const S ratio = tape.step_before > 0 ? tape.last_step / tape.step_before : S(1);
  if (!(ratio < 1)) return std::numeric_limits<double>::infinity();
  return double(tape.last_step * ratio / (1 - ratio) / std::max(S(1), y.norm()));
}

}  // namespace mesaopt::detail
