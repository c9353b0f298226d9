#pragma once

#include <algorithm>
#include <cmath>

#include <Eigen/Core>

namespace mesaopt::detail {

/// Given L of A = LL' in the lower triangle of `L`, writes A⁻¹ to the upper triangle of `inverse`, diagonal included;
/// both scratch `inverse_factor` and `inverse` are resized to L. By blocks, at about 2n³/3 operations.
template <class L, class S>
void invert_factored(const L& factor, Eigen::MatrixX<S>& inverse_factor, Eigen::MatrixX<S>& inverse) {
  constexpr Eigen::Index width = 32;
  const Eigen::Index n = factor.rows();
  inverse_factor.setZero(n, n);
  inverse.resize(n, n);
  for (Eigen::Index j = 0; j < n; j += width) {
    const Eigen::Index some = std::min(width, n - j), rest = n - j;
    auto columns = inverse_factor.block(j, j, rest, some);
    columns.diagonal().setOnes();
    factor.block(j, j, rest, rest).template triangularView<Eigen::Lower>().solveInPlace(columns);
  }
  for (Eigen::Index j = 0; j < n; j += width) {
    const Eigen::Index some = std::min(width, n - j), rest = n - j;
    inverse.block(0, j, j + some, some).noalias() =
        inverse_factor.block(j, 0, rest, j + some).transpose() * inverse_factor.block(j, j, rest, some);
  }
}

/// Turns L of the n x n matrix A = LL' into that of A without row and column `at`, in the leading n - 1 rows and
/// columns of L: what lies below the removed row takes the removed column as an update of rank one. O(n²); `v` is
/// scratch of at least n numbers. Gill, Golub, Murray and Saunders (1974), "Methods for modifying matrix
/// factorizations", section 3 (the update by plane rotations).
template <class S>
void remove_from_factor(Eigen::Ref<Eigen::MatrixX<S>> L, Eigen::Index at, Eigen::Ref<Eigen::VectorX<S>> v) {
  const Eigen::Index n = L.rows();
  for (Eigen::Index i = at + 1; i < n; ++i) v[i - 1] = L(i, at);
  for (Eigen::Index j = 0; j < n - 1; ++j) {
    const Eigen::Index from = j < at ? j : j + 1;
    for (Eigen::Index i = std::max(j, at); i < n - 1; ++i) L(i, j) = L(i + 1, from);
  }
  for (Eigen::Index j = at; j < n - 1; ++j) {
    const S length = std::hypot(L(j, j), v[j]), cosine = L(j, j) / length, sine = v[j] / length;
    L(j, j) = length;
    for (Eigen::Index i = j + 1; i < n - 1; ++i) {
      const S below = L(i, j);
      L(i, j) = cosine * below + sine * v[i];
      v[i] = cosine * v[i] - sine * below;
    }
  }
}

}  // namespace mesaopt::detail
