#pragma once

#include <cmath>
#include <limits>

#include <Eigen/Cholesky>
#include <Eigen/Core>

#include <mesaopt/core/point.hpp>

namespace mesaopt::detail {

/// Factorizes H + shift I = R'R for symmetric H into the upper triangle of R, by blocks in many variables. Allocates
/// nothing up to about 300 variables; above, Eigen's blocked factorization takes temporary space. False if a pivot is
/// not well above rounding: then `cholesky` tells why.
template <class Matrix>
bool blocked_cholesky(const Matrix& H, typename Matrix::Scalar shift, Matrix& R) {
  using S = typename Matrix::Scalar;
  const Eigen::Index n = H.rows();
  for (Eigen::Index j = 0; j < n; ++j) {
    for (Eigen::Index i = 0; i < j; ++i) R(i, j) = H(i, j);
    R(j, j) = H(j, j) + shift;
  }
  const Eigen::LLT<Eigen::Ref<Matrix>, Eigen::Upper> factor(R);
  if (factor.info() != Eigen::Success) return false;
  for (Eigen::Index j = 0; j < n; ++j)
    if (!(R(j, j) * R(j, j) > 4 * S(n) * std::numeric_limits<S>::epsilon() * (std::abs(H(j, j)) + std::abs(shift))))
      return false;
  return true;
}

/// Factorizes H + shift I = R'R for symmetric H into the upper triangle of R.
///
/// Answers 0, or, if a pivot is not above rounding, the least further shift that could be enough, which is positive.
/// `u` is scratch. Moré & Sorensen (1983), "Computing a trust region step", section 3: the part of R found so far gives
/// a vector of negative curvature.
template <class Matrix, class X>
typename Matrix::Scalar cholesky(const Matrix& H, typename Matrix::Scalar shift, Matrix& R, X& u) {
  using S = typename Matrix::Scalar;
  const Eigen::Index n = H.rows();
  if constexpr (Matrix::RowsAtCompileTime == Eigen::Dynamic || Matrix::RowsAtCompileTime > 32)
    if (n > 32 && blocked_cholesky(H, shift, R)) return 0;
  for (Eigen::Index j = 0; j < n; ++j) {
    auto column = R.col(j);
    for (Eigen::Index i = 0; i < j; ++i) {
      const S rest = H(i, j) - R.col(i).head(i).dot(column.head(i));
      column[i] = rest / R(i, i);
    }
    const S diagonal = H(j, j) + shift, square = column.head(j).squaredNorm(), pivot = diagonal - square;
    const S rounding = S(n) * std::numeric_limits<S>::epsilon() * (std::abs(H(j, j)) + std::abs(shift) + square);
    if (!(pivot > rounding)) {
      // H + shift I has the curvature `pivot` along (−R⁻¹ r, 1).
      u.head(j) = column.head(j);
      R.topLeftCorner(j, j).template triangularView<Eigen::Upper>().solveInPlace(u.head(j));
      return std::max((rounding - pivot) / (1 + u.head(j).squaredNorm()), 2 * rounding);
    }
    column[j] = std::sqrt(pivot);
  }
  return 0;
}

/// d = −(R'R)⁻¹ g.
template <class Matrix, class X>
void cholesky_solve(const Matrix& R, const X& g, X& d) {
  d = -g;
  R.transpose().template triangularView<Eigen::Lower>().solveInPlace(d);
  R.template triangularView<Eigen::Upper>().solveInPlace(d);
}

}  // namespace mesaopt::detail
