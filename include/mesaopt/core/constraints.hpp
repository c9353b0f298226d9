#pragma once

#include <concepts>

#include <Eigen/Core>

#include <mesaopt/core/objective.hpp>
#include <mesaopt/core/residuals.hpp>

namespace mesaopt {

/// Values of constraints, or their multipliers: one for each.
template <class X>
using ConstraintsOf = Eigen::VectorX<ScalarOf<X>>;

namespace detail {
template <class F, class X>
concept PlainConstraints = !Remembers<F, X> && requires(const F& f, const X& x, ConstraintsOf<X>& c, JacobianOf<X>& J) {
  f.constraints(x, c);
  f.constraints(x, c, J);
};
template <class F, class X>
concept CalledConstraints = Remembers<F, X> &&
    requires(const F& f, const X& x, ConstraintsOf<X>& c, JacobianOf<X>& J, const Call<MemoryOf<F, X>>& call) {
  f.constraints(x, c, call);
  f.constraints(x, c, J, call);
};
}  // namespace detail

/// An objective with constraints: the first `f.equalities()` entries of c(x) are to be 0, the other `f.inequalities()`
/// at most 0.
///
///     f.constraints(x, c)       c sized equalities + inequalities by the caller
///     f.constraints(x, c, J)    with the Jacobian, J sized (equalities + inequalities) × n by the caller
///
/// and, where there are second derivatives,
///
///     f.constraints_hessian_product(x, multipliers, v, out)    out = Σ multipliers[i] ∇²cᵢ(x) v
///
/// each with the call last if f takes one. Bounds are no constraints of this kind: see Bounded.
template <class F, class X>
concept Constrained = Objective<F, X> && requires(const F& f) {
  { f.equalities() } -> std::convertible_to<Eigen::Index>;
  { f.inequalities() } -> std::convertible_to<Eigen::Index>;
} &&(detail::PlainConstraints<F, X> || detail::CalledConstraints<F, X>);

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

}  // namespace detail

}  // namespace mesaopt
