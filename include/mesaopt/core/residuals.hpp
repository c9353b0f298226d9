#pragma once

#include <concepts>

#include <Eigen/Core>

#include <mesaopt/core/objective.hpp>

namespace mesaopt {

/// Residuals r of points X: as many as the objective has.
template <class X>
using ResidualsOf = Eigen::VectorX<ScalarOf<X>>;

/// A Jacobian in points X: a row for every residual or constraint, a column for every coordinate.
template <class X>
using JacobianOf = Eigen::Matrix<ScalarOf<X>, Eigen::Dynamic, X::RowsAtCompileTime>;

namespace detail {
template <class F, class X>
concept PlainResiduals = !Remembers<F, X> && requires(const F& f, const X& x, ResidualsOf<X>& r, JacobianOf<X>& J) {
  f.residuals(x, r);
  f.residuals(x, r, J);
};
template <class F, class X>
concept CalledResiduals = Remembers<F, X> &&
    requires(const F& f, const X& x, ResidualsOf<X>& r, JacobianOf<X>& J, const Call<MemoryOf<F, X>>& call) {
  f.residuals(x, r, call);
  f.residuals(x, r, J, call);
};
}  // namespace detail

/// An objective whose value is half the sum of the squares of its residuals, which it gives, with their Jacobian:
///
///     f.residual_count() -> m
///     f.residuals(x, r)       r sized m by the caller
///     f.residuals(x, r, J)    J sized m × n by the caller
///
/// each with the call last if f takes one. See objective/least_squares.hpp for one made of a function of residuals.
template <class F, class X>
concept LeastSquares = Objective<F, X> && requires(const F& f) {
  { f.residual_count() } -> std::convertible_to<Eigen::Index>;
} &&(detail::PlainResiduals<F, X> || detail::CalledResiduals<F, X>);

namespace detail {

/// f.residuals(x, r), or with the Jacobian as `outputs`: r, J.
template <class F, Point X, class... Outputs>
void evaluate_residuals(const F& f, const X& x, const Call<MemoryOf<F, X>>& call, Outputs&... outputs) {
  with_call<F, X>(call, [&](const auto&... last) { f.residuals(x, outputs..., last...); });
}

}  // namespace detail

}  // namespace mesaopt
