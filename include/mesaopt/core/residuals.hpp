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
/// each with the call last if f takes one. They may answer the value: one whose value is another function of residuals
/// does, with r and J such that J'r is its gradient and J'J a model of its curvature. See objective/least_squares.hpp
/// for one made of a function of residuals, and objective/robust.hpp for other losses than squares.
template <class F, class X>
concept LeastSquares = Objective<F, X> && requires(const F& f) {
  { f.residual_count() } -> std::convertible_to<Eigen::Index>;
} &&(detail::PlainResiduals<F, X> || detail::CalledResiduals<F, X>);

namespace detail {

/// True if f.residuals(x, r) answers the value, as that is not half the sum of squares.
template <class F, class X>
concept AnswersValue = requires(const F& f, const X& x, ResidualsOf<X>& r) {
  { f.residuals(x, r) } -> std::convertible_to<Evaluation<ScalarOf<X>>>;
}
|| requires(const F& f, const X& x, ResidualsOf<X>& r, const Call<MemoryOf<F, X>>& call) {
  { f.residuals(x, r, call) } -> std::convertible_to<Evaluation<ScalarOf<X>>>;
};

/// f.residuals(x, r), or with the Jacobian: f.residuals(x, r, J). What f answers, else half the sum of squares.
template <class F, Point X, class... J>
Evaluation<ScalarOf<X>> evaluate_residuals(const F& f, const X& x, const Call<MemoryOf<F, X>>& call, ResidualsOf<X>& r,
                                           J&... jacobian) {
  const auto evaluate = [&](const auto&... last) -> decltype(auto) { return f.residuals(x, r, jacobian..., last...); };
  if constexpr (AnswersValue<F, X>) {
    return with_call<F, X>(call, evaluate);
  } else {
    with_call<F, X>(call, evaluate);
    return r.squaredNorm() / 2;
  }
}

}  // namespace detail

}  // namespace mesaopt
