#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

#include <Eigen/Cholesky>
#include <Eigen/Core>

#include <mesaopt/core/call.hpp>
#include <mesaopt/core/objective.hpp>
#include <mesaopt/core/point.hpp>
#include <mesaopt/nested/places.hpp>

namespace mesaopt::detail {

/// The relative error that a Hessian, or a product with it, has beyond rounding.
template <class F, class Y>
ScalarOf<Y> hessian_noise() {
  using S = ScalarOf<Y>;
  return differenced_hessian<F, Y> ? 100 * std::pow(std::numeric_limits<S>::epsilon(), S(2) / 3) : S(0);
}

/// Cholesky in place on the lower triangle of `factor`; false if it is not positive definite, `to_rounding`: also if
/// it is so only by rounding, or by the relative `noise` of the matrix.
template <class Matrix>
bool factorize(Matrix& factor, bool to_rounding = true, typename Matrix::Scalar noise = 0) {
  using S = typename Matrix::Scalar;
  Eigen::LLT<Eigen::Ref<Matrix>> llt(factor);
  if (llt.info() != Eigen::Success) return false;
  if (!to_rounding) return true;
  const auto pivots = factor.diagonal().array().square();
  return pivots.minCoeff() > std::max(S(factor.rows()) * std::numeric_limits<S>::epsilon(), noise) * pivots.maxCoeff();
}
template <class Matrix, class Y>
void solve_factorized(const Matrix& factor, Y& y) {
  factor.template triangularView<Eigen::Lower>().solveInPlace(y);
  factor.template triangularView<Eigen::Lower>().adjoint().solveInPlace(y);
}

/// ∂/∂x of an objective's gradient in y, along u: the family's own `mixed_direction`, else a central difference.
template <class Place, Point X, Point Y, class C>
void mixed_direction(const Place& place, const X& x, const Y& y, const X& u, Y& out, X& moved, Y& scratch, C& calls) {
  using S = ScalarOf<Y>;
  using F = PlacedOf<Place, X>;
  out.setZero(y.size());
  if constexpr (!depends_on_outer<Place>) {
    return;
  } else if constexpr (!Remembers<F, Y> && requires { place.g.mixed_direction(x, y, u, out); }) {
    ++calls.counts[0].hessian_products;
    place.g.mixed_direction(x, y, u, out);
  } else if constexpr (Remembers<F, Y> &&
                       requires(const Call<MemoryOf<F, Y>>& call) { place.g.mixed_direction(x, y, u, out, call); }) {
    ++calls.counts[0].hessian_products;
    calls.make([&](const auto& call) { place.g.mixed_direction(x, y, u, out, call); });
  } else {
    const S norm = u.norm();
    if (!(norm > 0)) return;
    const S h = std::cbrt(std::numeric_limits<S>::epsilon()) * std::max(S(1), x.norm()) / norm;
    scratch.resize(y.size());
    calls.counts[0].gradients += 2;
    moved = x + h * u;
    calls.make([&](const auto& call) { evaluate_gradient(placed(place, moved), y, out, call); });
    moved = x - h * u;
    calls.make([&](const auto& call) { evaluate_gradient(placed(place, moved), y, scratch, call); });
    out = (out - scratch) / (2 * h);
  }
}

}  // namespace mesaopt::detail
