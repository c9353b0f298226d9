#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <limits>

#include <Eigen/Core>

#include <mesaopt/core/objective.hpp>
#include <mesaopt/core/residuals.hpp>

namespace mesaopt {

/// Values of constraints, or their multipliers: one for each.
template <class X>
using ConstraintsOf = Eigen::VectorX<ScalarOf<X>>;

namespace detail {
template <class F, class X>
concept PlainConstraints = !Remembers<F, X> && requires(const F& f, const X& x, ConstraintsOf<X>& c) {
  f.constraints(x, c);
};
template <class F, class X>
concept CalledConstraints = Remembers<F, X> &&
    requires(const F& f, const X& x, ConstraintsOf<X>& c, const Call<MemoryOf<F, X>>& call) {
  f.constraints(x, c, call);
};
template <class F, class X>
concept PlainJacobian = !Remembers<F, X> && requires(const F& f, const X& x, ConstraintsOf<X>& c, JacobianOf<X>& J) {
  f.constraints(x, c, J);
};
template <class F, class X>
concept CalledJacobian = Remembers<F, X> &&
    requires(const F& f, const X& x, ConstraintsOf<X>& c, JacobianOf<X>& J, const Call<MemoryOf<F, X>>& call) {
  f.constraints(x, c, J, call);
};
}  // namespace detail

/// An objective with constraints: the first `f.equalities()` entries of c(x) are to be 0, the other `f.inequalities()`
/// at most 0.
///
///     f.constraints(x, c)       c sized equalities + inequalities by the caller
///
/// and, for optimizers that need gradients (see DifferentiableConstraints),
///
///     f.constraints(x, c, J)    with the Jacobian, J sized (equalities + inequalities) × n by the caller
///
/// and, where there are second derivatives,
///
///     f.constraints_hessian_product(x, multipliers, v, out)    out = Σ multipliers[i] ∇²cᵢ(x) v
///
/// each with the call last if f takes one. Constraints that are linear say so: `static constexpr bool
/// linear_constraints = true`. Bounds are no constraints of this kind: see Bounded.
template <class F, class X>
concept Constrained = Objective<F, X> && requires(const F& f) {
  { f.equalities() } -> std::convertible_to<Eigen::Index>;
  { f.inequalities() } -> std::convertible_to<Eigen::Index>;
} &&(detail::PlainConstraints<F, X> || detail::CalledConstraints<F, X>);

/// An objective with constraints that come with their Jacobian too: `f.constraints(x, c, J)`.
template <class F, class X>
concept DifferentiableConstraints = Constrained<F, X> &&(detail::PlainJacobian<F, X> || detail::CalledJacobian<F, X>);

/// A prior that knows Lagrange multipliers, one a constraint: of inequalities they are 0 or more.
template <class P>
concept HasMultipliers = requires(const P& p) {
  p.multipliers;
};

namespace detail {

/// f.constraints(x, c), or with the Jacobian as `outputs`: c, J.
template <class F, Point X, class... Outputs>
void evaluate_constraints(const F& f, const X& x, const Call<MemoryOf<F, X>>& call, Outputs&... outputs) {
  with_call<F, X>(call, [&](const auto&... last) { f.constraints(x, outputs..., last...); });
}

/// Objectives whose constraints do not bend say so: `static constexpr bool linear_constraints = true`.
template <class F>
inline constexpr bool linear_constraints = [] {
  if constexpr (requires { F::linear_constraints; })
    return bool(F::linear_constraints);
  else
    return false;
}();

template <Point X>
struct ConstraintsScratch {
  ConstraintsOf<X> c{};
  JacobianOf<X> J{};
  X moved{};
};

/// out = Σ multipliers[i] ∇²cᵢ(x) v: the objective's own, 0 where constraints are linear, else by central differences
/// of the Jacobian along v, with the step ε^(1/3) max(1, |x|) / |v|.
template <class F, Point X, class C>
void constraints_hessian_product(const F& f, const X& x, const ConstraintsOf<X>& multipliers, const X& v, X& out,
                                 C& calls, ConstraintsScratch<X>& scratch) {
  using S = ScalarOf<X>;
  out.setZero(x.size());
  if constexpr (linear_constraints<F>) {
    return;
  } else if constexpr (!Remembers<F, X> && requires { f.constraints_hessian_product(x, multipliers, v, out); }) {
    ++calls.counts[0].hessian_products;
    f.constraints_hessian_product(x, multipliers, v, out);
  } else if constexpr (Remembers<F, X> && requires(const Call<MemoryOf<F, X>>& call) {
                         f.constraints_hessian_product(x, multipliers, v, out, call);
                       }) {
    ++calls.counts[0].hessian_products;
    calls.make([&](const auto& call) { f.constraints_hessian_product(x, multipliers, v, out, call); });
  } else {
    const S norm = v.norm();
    if (!(norm > 0)) return;
    const S h = std::cbrt(std::numeric_limits<S>::epsilon()) * std::max(S(1), x.norm()) / norm;
    scratch.moved = x + h * v;
    calls.constraints(f, scratch.moved, scratch.c, scratch.J);
    out.noalias() = scratch.J.transpose() * multipliers;
    scratch.moved = x - h * v;
    calls.constraints(f, scratch.moved, scratch.c, scratch.J);
    out.noalias() -= scratch.J.transpose() * multipliers;
    out /= 2 * h;
  }
}

}  // namespace detail

}  // namespace mesaopt
