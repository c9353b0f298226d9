#pragma once

#include <algorithm>
#include <cmath>

#include <Eigen/Core>

#include <mesaopt/bayes/panels.hpp>

namespace mesaopt::detail {

/// Given L of A = LL' in the lower triangle of `L`, writes A⁻¹ to the upper triangle of `inverse`, diagonal included;
/// both scratch `inverse_factor` and `inverse` are resized to L. By panels, at about 2n³/3 operations.
template <class L, class S>
void invert_factored(const L& factor, Eigen::MatrixX<S>& inverse_factor, Eigen::MatrixX<S>& inverse) {
  constexpr Eigen::Index width = panel_width;
  const Eigen::Index n = factor.rows();
  inverse_factor.setZero(n, n);
  inverse.setZero(n, n);
  for (Eigen::Index j = 0; j < n; j += width) {
    const Eigen::Index some = std::min(width, n - j), rest = n - j;
    inverse_factor.block(j, j, some, some).diagonal().setOnes();
    solve_lower<S>(factor.block(j, j, rest, rest), inverse_factor.block(j, j, rest, some));
  }
  for (Eigen::Index i = 0; i < n; i += panel_width) {
    const auto rows = inverse_factor.middleRows(i, std::min(panel_width, n - i));
    for (Eigen::Index j = 0; j < i + rows.rows(); j += width) {
      const Eigen::Index some = std::min({width, n - j, i + rows.rows() - j});
      multiply_panels<false>(inverse.block(0, j, j + some, some), rows.leftCols(j + some).transpose(),
                             rows.middleCols(j, some));
    }
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
