#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include <Eigen/Core>

#include <mesaopt/core/call.hpp>
#include <mesaopt/core/calls.hpp>
#include <mesaopt/core/constraints.hpp>
#include <mesaopt/core/evaluation.hpp>
#include <mesaopt/core/objective.hpp>
#include <mesaopt/core/residuals.hpp>
#include <mesaopt/core/status.hpp>

namespace mesaopt {

/// An objective of the inner solution alone, as an outer objective: F(x, y) = f(y). See `of_solution`.
template <class F>
struct OfSolution {
  F f;

  template <class Y>
  requires Remembers<F, Y>
  using Memory = MemoryOf<F, Y>;

  template <Point X, Point Y, class... Last>
  requires(!Point<Last> && ...) auto operator()(const X&, const Y& y, const Last&... call) const
      -> Evaluation<ScalarOf<Y>> {
    if constexpr (std::invocable<const F&, const Y&, const Last&...>) {
      return f(y, call...);
    } else {
      Y unused(y.size());
      return f(y, unused, call...);
    }
  }
  template <Point X, Point Y, class... Last>
  requires std::invocable<const F&, const Y&, Y&, const Last&...>
  auto operator()(const X&, const Y& y, X& gx, Y& gy, const Last&... call) const -> Evaluation<ScalarOf<Y>> {
    gx.setZero();
    return f(y, gy, call...);
  }

  /// Over a batch of terms, if f is a finite sum.
  [[nodiscard]] Eigen::Index terms() const requires requires(const F& g) { g.terms(); }
  { return f.terms(); }
  template <Point X, Point Y, class... Last>
  requires requires(const F& g, const Y& y, std::span<const Eigen::Index> batch, Y& gy, const Last&... call) {
    g(y, batch, gy, call...);
  }
  auto operator()(const X&, const Y& y, std::span<const Eigen::Index> batch, X& gx, Y& gy, const Last&... call) const
      -> Evaluation<ScalarOf<Y>> {
    gx.setZero();
    return f(y, batch, gy, call...);
  }

  /// The residuals of f, and its constraints, where it has some: with no derivatives by x.
  [[nodiscard]] Eigen::Index residual_count() const requires requires(const F& g) { g.residual_count(); }
  { return f.residual_count(); }
  template <Point X, Point Y, class... Last>
  requires requires(const F& g, const Y& y, ResidualsOf<Y>& r, const Last&... call) { g.residuals(y, r, call...); }
  decltype(auto) residuals(const X&, const Y& y, ResidualsOf<Y>& r, const Last&... call) const {
    return f.residuals(y, r, call...);
  }
  template <Point X, Point Y, class Jx, class... Last>
  requires requires(const F& g, const Y& y, ResidualsOf<Y>& r, JacobianOf<Y>& J, const Last&... call) {
    g.residuals(y, r, J, call...);
  }
  decltype(auto) residuals(const X&, const Y& y, ResidualsOf<Y>& r, Jx& by_x, JacobianOf<Y>& by_y,
                           const Last&... call) const {
    by_x.setZero();
    return f.residuals(y, r, by_y, call...);
  }

  [[nodiscard]] Eigen::Index equalities() const requires requires(const F& g) { g.equalities(); }
  { return f.equalities(); }
  [[nodiscard]] Eigen::Index inequalities() const requires requires(const F& g) { g.inequalities(); }
  { return f.inequalities(); }
  template <Point X, Point Y, class... Last>
  requires requires(const F& g, const Y& y, ConstraintsOf<Y>& c, const Last&... call) { g.constraints(y, c, call...); }
  void constraints(const X&, const Y& y, ConstraintsOf<Y>& c, const Last&... call) const {
    f.constraints(y, c, call...);
  }
  template <Point X, Point Y, class Jx, class... Last>
  requires requires(const F& g, const Y& y, ConstraintsOf<Y>& c, JacobianOf<Y>& J, const Last&... call) {
    g.constraints(y, c, J, call...);
  }
  void constraints(const X&, const Y& y, ConstraintsOf<Y>& c, Jx& by_x, JacobianOf<Y>& by_y,
                   const Last&... call) const {
    by_x.setZero();
    f.constraints(y, c, by_y, call...);
  }
};

/// Makes an outer objective F(x, y) = f(y) of a plain objective f, such as a held-out loss.
template <class F>
OfSolution<F> of_solution(F f) {
  return {std::move(f)};
}

namespace detail {
/// What an outer objective may give: a value, and derivatives by both points.
template <class Outer, class X, class Y>
concept OuterValue = (!Remembers<Outer, Y> &&
                      requires(const Outer& F, const X& x, const Y& y) {
                        { F(x, y) } -> std::convertible_to<Evaluation<ScalarOf<X>>>;
                      }) ||
                     (Remembers<Outer, Y> &&
                      requires(const Outer& F, const X& x, const Y& y, const Call<MemoryOf<Outer, Y>>& call) {
                        { F(x, y, call) } -> std::convertible_to<Evaluation<ScalarOf<X>>>;
                      });
template <class Outer, class X, class Y>
concept OuterGradient = (!Remembers<Outer, Y> &&
                         requires(const Outer& F, const X& x, const Y& y, X& gx, Y& gy) {
                           { F(x, y, gx, gy) } -> std::convertible_to<Evaluation<ScalarOf<X>>>;
                         }) ||
                        (Remembers<Outer, Y> && requires(const Outer& F, const X& x, const Y& y, X& gx, Y& gy,
                                                         const Call<MemoryOf<Outer, Y>>& call) {
                          { F(x, y, gx, gy, call) } -> std::convertible_to<Evaluation<ScalarOf<X>>>;
                        });

/// An outer objective with constraints, or residuals, of both points; `Jacobians` are those by x and by y, or none.
template <class Outer, class X, class Y, class... Jacobians>
concept OuterConstraints = (!Remembers<Outer, Y> &&
                            requires(const Outer& F, const X& x, const Y& y, ConstraintsOf<X>& c, Jacobians&... J) {
                              F.constraints(x, y, c, J...);
                            }) ||
                           (Remembers<Outer, Y> && requires(const Outer& F, const X& x, const Y& y, ConstraintsOf<X>& c,
                                                            const Call<MemoryOf<Outer, Y>>& call,
                                                            Jacobians&... J) { F.constraints(x, y, c, J..., call); });
template <class Outer, class X, class Y, class... Jacobians>
concept OuterResiduals = (!Remembers<Outer, Y> && requires(const Outer& F, const X& x, const Y& y, ResidualsOf<X>& r,
                                                           Jacobians&... J) { F.residuals(x, y, r, J...); }) ||
                         (Remembers<Outer, Y> && requires(const Outer& F, const X& x, const Y& y, ResidualsOf<X>& r,
                                                          const Call<MemoryOf<Outer, Y>>& call,
                                                          Jacobians&... J) { F.residuals(x, y, r, J..., call); });

/// What a hypergradient keeps between calls, and its workspace in one: its own `Memory<Outer, Response, X>`, or only a
/// workspace, `Record<Response, X>`, or nothing.
template <class H, class Outer, class R, class X>
struct HypergradientMemory {
  using type = Nothing;
};
template <class H, class Outer, class R, class X>
requires requires { typename H::template Memory<Outer, R, X>; }
struct HypergradientMemory<H, Outer, R, X> {
  using type = typename H::template Memory<Outer, R, X>;
};
template <class H, class Outer, class R, class X>
requires requires { typename H::template Record<R, X>; }
struct HypergradientMemory<H, Outer, R, X> {
  using type = Workspace<typename H::template Record<R, X>>;
};

/// What to say of an inner run that has no solution: why, at which level, and how the run there ended. If it failed for
/// something below itself, that is what is told.
template <class S, class R>
Evaluation<S> inner_failure(const R& record) {
  const auto& run = record.run;
  const auto& events = run.state.calls.events;
  if (const Event& below = events[std::size_t(deepest(events))]; below.level > 0)
    return Evaluation<S>::failure(deepest(events), std::uint8_t(below.level + 1), below.inner_status);
  return Evaluation<S>::failure(run.status == Status::infeasible  ? Reason::inner_infeasible
                                : run.status == Status::unbounded ? Reason::inner_unbounded
                                                                  : Reason::inner_failed,
                                1, run.status);
}

/// Adds what is to be said of the inner run.
template <class S, class R>
Evaluation<S> remark(Evaluation<S> evaluation, const R& record) {
  if (evaluation.verdict == Verdict::failed && evaluation.reason == Reason::inner_failed && !record.solved)
    return inner_failure<S>(record);
  if (evaluation.level == 0 && evaluation.reason >= Reason::inner_failed) {
    evaluation.level = 1;
    evaluation.inner_status = record.run.status;
  }
  if (!evaluation.usable()) return evaluation;
  const auto tell = [&](Reason reason, std::uint8_t level, Status status) {
    if (evaluation.reason != Reason::none) return;
    evaluation.reason = reason;
    evaluation.level = level;
    evaluation.inner_status = status;
  };
  if (failed(record.run.status)) {
    evaluation.verdict = std::max(evaluation.verdict, Verdict::inexact);
    const auto why = inner_failure<S>(record);
    tell(why.reason, why.level, why.inner_status);
  }
  if (record.other_basin) tell(Reason::another_basin, 1, record.run.status);
  if (record.start_rejected) tell(Reason::start_rejected, 1, record.run.status);
  return evaluation;
}

}  // namespace detail

}  // namespace mesaopt
