#pragma once

#include <concepts>
#include <cstdint>
#include <span>
#include <tuple>
#include <vector>

#include <mesaopt/core/constraints.hpp>
#include <mesaopt/core/evaluation.hpp>
#include <mesaopt/core/objective.hpp>
#include <mesaopt/core/point.hpp>
#include <mesaopt/core/status.hpp>

namespace mesaopt {

/// The State with which optimizer O minimizes F over points X. It knows F's memory, but never F itself.
template <class O, class F, class X>
using StateOf = typename O::template State<X, MemoryOf<F, X>>;

namespace detail {
struct Named {
  static void fields();
};
template <class S>
struct NamedTwice : S, Named {};
/// True if S has a member `fields`, so that the name is ambiguous in NamedTwice. To call it, or only to name it in S,
/// would have its type deduced, at a tenth of the compile time of a small program.
template <class S>
concept ListsFields = !requires {
  &NamedTwice<S>::fields;
};

/// Two lists of fields as one: std::tuple_cat takes the compiler longer than all else in a small program.
template <class... A, class... B>
constexpr auto joined(const std::tuple<A...>& a, const std::tuple<B...>& b) {
  const auto with = [&](A... first) {
    return std::apply([&](B... second) { return std::tuple<A..., B...>{first..., second...}; }, b);
  };
  return std::apply(with, a);
}
}  // namespace detail

/// All that changes in a run: the point `x`, its `value` and `evaluation`, a `status`, the `calls`, and what else the
/// optimizer needs. Its `fields()` list the members that make it up; scratch space is not among them.
template <class S>
concept SearchState = std::copyable<S> && requires(const S& s) {
  requires Point<std::remove_cvref_t<decltype(s.x)>>;
  { s.value } -> std::convertible_to<ScalarOf<std::remove_cvref_t<decltype(s.x)>>>;
  s.evaluation.verdict;
  { s.status } -> std::convertible_to<Status>;
  s.calls.counts;
} && detail::ListsFields<S>;

namespace detail {
template <class O>
inline constexpr bool needs_gradient = requires {
  requires O::needs_gradient;
};
template <class O>
inline constexpr bool handles_bounds = requires {
  requires O::handles_bounds;
};
template <class O>
inline constexpr bool handles_constraints = requires {
  requires O::handles_constraints;
};
template <class O>
inline constexpr bool handles_regularizer = requires {
  requires O::handles_regularizer;
};

/// Optimizers that do nothing but heed constraints say so: `static constexpr bool needs_constraints = true`.
template <class O>
inline constexpr bool needs_constraints = requires {
  requires O::needs_constraints;
};

/// True if F has constraints without their Jacobian, which O would need.
template <class O, class F, class X>
inline constexpr bool lacks_jacobian = needs_gradient<O>&& Constrained<F, X> && !DifferentiableConstraints<F, X>;

/// True if O heeds all that F restricts its variables by, and has what it takes to do so.
template <class O, class F, class X>
inline constexpr bool heeds = (!Bounded<F, X> || handles_bounds<O>)&&(!Constrained<F, X> || handles_constraints<O>)&&(
    !Regularized<F, X> || handles_regularizer<O>)&&!lacks_jacobian<O, F, X>;
}  // namespace detail

/// An optimizer is a recipe that never changes; everything that changes is in its State.
///
///     optimizer.init(f, start, state);   // the state at the start: a point or a prior
///     optimizer.step(f, state);          // one iteration, in place, without allocating
///
/// `init` on a used state restarts it in place. Because both are const, one optimizer may run inside the objective of
/// another, or in many threads at once. When it can do no more, it says so in `state.status`. One that keeps the bounds
/// of an objective that has some declares `static constexpr bool handles_bounds = true`; one that heeds constraints or
/// a regularizer, `handles_constraints` or `handles_regularizer`. No other may be given such objectives.
template <class O, class F, class X>
concept OptimizerFor = Objective<F, X> && detail::heeds<O, F, X> && std::copy_constructible<O> &&
    SearchState<StateOf<O, F, X>> && requires(const O& optimizer, const F& f, const X& start, StateOf<O, F, X>& state) {
  optimizer.init(f, start, state);
  optimizer.step(f, state);
};

/// Candidates to be evaluated, each with an id that names it to `tell`.
template <Point X>
struct Batch {
  const PointsOf<X>& points;              ///< one a column
  const std::vector<std::uint64_t>& ids;  ///< one a column
};

/// An optimizer that can be driven from outside:
///
///     sampler.init(start, state);
///     auto batch = sampler.ask(state);           // points and ids
///     sampler.tell(state, ids, evaluations);     // some or all of them, in any order, now or later
///
/// It needs no objective, so the points can be evaluated anywhere: a cluster, a test rig, another process.
template <class O, class X>
concept SamplerFor = Point<X> && std::copy_constructible<O> && SearchState<typename O::template State<X, Nothing>> &&
    requires(const O& sampler, const X& start, typename O::template State<X, Nothing>& state,
             std::span<const std::uint64_t> ids, std::span<const Evaluation<ScalarOf<X>>> evaluations) {
  sampler.init(start, state);
  { sampler.ask(state) } -> std::same_as<Batch<X>>;
  sampler.tell(state, ids, evaluations);
};

namespace detail {
/// Optimizers whose value never rises declare their State monotone, which spares the run a copy of the best point.
template <class S>
inline constexpr bool is_monotone = requires {
  requires S::monotone;
};
}  // namespace detail

}  // namespace mesaopt
