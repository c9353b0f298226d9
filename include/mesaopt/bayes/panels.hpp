#pragma once

#include <algorithm>

#include <Eigen/Cholesky>
#include <Eigen/Core>

/// Dense triangular algebra by panels, of which each product is so small that Eigen packs it on the stack: nothing here
/// touches the heap, whatever the size. (Eigen's own blocked factorizations and solves do from about 100 rows on.)
namespace mesaopt::detail {

inline constexpr Eigen::Index panel_width = 32;    // the depth of products
inline constexpr Eigen::Index panel_height = 192;  // their largest number of rows, and of columns

/// C -= A B, or C += A B, for depths up to `panel_width`.
template <bool subtract, class C, class A, class B>
void multiply_panels(C&& out, const A& a, const B& b) {
  for (Eigen::Index j = 0; j < out.cols(); j += panel_height)
    for (Eigen::Index i = 0; i < out.rows(); i += panel_height) {
      const Eigen::Index rows = std::min(panel_height, out.rows() - i),
                         columns = std::min(panel_height, out.cols() - j);
      auto part = out.block(i, j, rows, columns);
      if constexpr (subtract)
        part.noalias() -= a.middleRows(i, rows) * b.middleCols(j, columns);
      else
        part.noalias() += a.middleRows(i, rows) * b.middleCols(j, columns);
    }
}

/// X = L⁻¹ X, for the lower triangle L.
template <class S>
void solve_lower(const Eigen::Ref<const Eigen::MatrixX<S>>& L, Eigen::Ref<Eigen::MatrixX<S>> X) {
  const Eigen::Index n = L.rows();
  for (Eigen::Index i = 0; i < n; i += panel_width) {
    const Eigen::Index some = std::min(panel_width, n - i), rest = n - i - some;
    for (Eigen::Index j = 0; j < X.cols(); j += panel_height) {
      auto part = X.block(i, j, some, std::min(panel_height, X.cols() - j));
      L.block(i, i, some, some).template triangularView<Eigen::Lower>().solveInPlace(part);
    }
    multiply_panels<true>(X.bottomRows(rest), L.block(i + some, i, rest, some), X.middleRows(i, some));
  }
}

/// X = L'⁻¹ X, for the lower triangle L.
template <class S>
void solve_lower_transposed(const Eigen::Ref<const Eigen::MatrixX<S>>& L, Eigen::Ref<Eigen::MatrixX<S>> X) {
  const Eigen::Index n = L.rows();
  for (Eigen::Index end = n; end > 0;) {
    const Eigen::Index i = (end - 1) / panel_width * panel_width, some = end - i;
    for (Eigen::Index j = 0; j < X.cols(); j += panel_height) {
      auto part = X.block(i, j, some, std::min(panel_height, X.cols() - j));
      L.block(i, i, some, some).transpose().template triangularView<Eigen::Upper>().solveInPlace(part);
    }
    multiply_panels<true>(X.topRows(i), L.block(i, 0, some, i).transpose(), X.middleRows(i, some));
    end = i;
  }
}

/// A = LL' in place, in the lower triangle; what is above the diagonal keeps its values outside of the diagonal's
/// panels. False if a pivot is not positive.
template <class S>
bool factorize_lower(Eigen::Ref<Eigen::MatrixX<S>> A) {
  const Eigen::Index n = A.rows();
  for (Eigen::Index i = 0; i < n; i += panel_width) {
    const Eigen::Index some = std::min(panel_width, n - i), rest = n - i - some;
    Eigen::Ref<Eigen::MatrixX<S>> pivots = A.block(i, i, some, some);
    const Eigen::LLT<Eigen::Ref<Eigen::MatrixX<S>>, Eigen::Lower> factor(pivots);
    if (factor.info() != Eigen::Success || !(pivots.diagonal().array() > 0).all()) return false;  // NaN is neither
    for (Eigen::Index r = i + some; r < n; r += panel_height) {
      auto below = A.block(r, i, std::min(panel_height, n - r), some);
      pivots.transpose().template triangularView<Eigen::Upper>().template solveInPlace<Eigen::OnTheRight>(below);
    }
    const auto panel = A.block(i + some, i, rest, some);
    for (Eigen::Index j = 0; j < rest; j += panel_width) {
      const Eigen::Index columns = std::min(panel_width, rest - j);
      multiply_panels<true>(A.block(i + some + j, i + some + j, rest - j, columns), panel.bottomRows(rest - j),
                            panel.middleRows(j, columns).transpose());
    }
  }
  return true;
}

}  // namespace mesaopt::detail
