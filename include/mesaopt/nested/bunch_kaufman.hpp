#pragma once

#include <algorithm>
#include <cmath>
#include <utility>

#include <Eigen/Core>

namespace mesaopt::detail {

/// The factorization P A P' = L D L' of a dense symmetric matrix, which may be indefinite or singular; D has blocks of
/// one and two rows.
///
/// Bunch & Kaufman (1977), "Some stable methods for calculating inertia and solving symmetric linear systems", Math.
/// Comp. 31, algorithm A.
template <class S>
class BunchKaufman {
 public:
  /// Factorizes A, of which both triangles are read. Pivots of magnitude up to `negligible` count as zero.
  template <class Matrix>
  void compute(const Matrix& A, S negligible) {
    const Eigen::Index n = A.rows();
    L_ = A;
    swapped_.resize(n);
    below_.setZero(n);
    negligible_ = negligible;
    negative_ = zero_ = 0;
    const S alpha = (1 + std::sqrt(S(17))) / 8;
    for (Eigen::Index k = 0; k < n;) {
      bool two = false;
      Eigen::Index with = k;
      if (k + 1 < n) {
        Eigen::Index r = 0;
        const S most = L_.col(k).tail(n - k - 1).cwiseAbs().maxCoeff(&r), here = std::abs(L_(k, k));
        r += k + 1;
        if (here < alpha * most) {
          S across = 0;
          for (Eigen::Index i = k; i < n; ++i)
            if (i != r) across = std::max(across, std::abs(L_(i, r)));
          if (here * across < alpha * most * most) {
            two = std::abs(L_(r, r)) < alpha * across;
            with = r;
          }
        }
      }
      const Eigen::Index last = two ? k + 1 : k;
      swapped_[k] = int(k);
      swapped_[last] = int(with);
      exchange(last, with, k);
      if (two)
        eliminate_two(k);
      else
        eliminate_one(k);
      k = last + 1;
    }
  }

  [[nodiscard]] Eigen::Index negative() const { return negative_; }  ///< number of negative eigenvalues
  [[nodiscard]] Eigen::Index zero() const { return zero_; }          ///< number of zero pivots

  /// y ← A⁻¹ y. Along zero pivots the answer is 0, which solves a singular system that has a solution.
  template <class Y>
  void solve(Y& y) const {
    const Eigen::Index n = L_.rows();
    for (Eigen::Index k = 0; k < n; ++k) std::swap(y[k], y[swapped_[k]]);
    for (Eigen::Index k = 0; k < n; ++k) {
      const Eigen::Index first = below_[k] != 0 ? k + 2 : k + 1;  // of a pair, the rows below both
      for (Eigen::Index i = first; i < n; ++i) y[i] -= L_(i, k) * y[k];
    }
    for (Eigen::Index k = 0; k < n; ++k) {
      if (below_[k] != 0) {
        const S a = L_(k, k), b = below_[k], c = L_(k + 1, k + 1), det = a * c - b * b;
        const S u = y[k], v = y[k + 1];
        y[k] = (c * u - b * v) / det;
        y[k + 1] = (a * v - b * u) / det;
        ++k;
      } else {
        y[k] = std::abs(L_(k, k)) > negligible_ ? y[k] / L_(k, k) : S(0);
      }
    }
    for (Eigen::Index k = n - 1; k >= 0; --k) {
      const Eigen::Index first = below_[k] != 0 ? k + 2 : k + 1;
      for (Eigen::Index i = first; i < n; ++i) y[k] -= L_(i, k) * y[i];
    }
    for (Eigen::Index k = n - 1; k >= 0; --k) std::swap(y[k], y[swapped_[k]]);
  }

 private:
  /// Swaps rows and columns i and j of what is left from row k on, and the rows of the factor so far.
  void exchange(Eigen::Index i, Eigen::Index j, Eigen::Index k) {
    if (i == j) return;
    const Eigen::Index n = L_.rows();
    L_.row(i).swap(L_.row(j));
    L_.col(i).tail(n - k).swap(L_.col(j).tail(n - k));
  }
  void eliminate_one(Eigen::Index k) {
    const Eigen::Index n = L_.rows(), m = n - k - 1;
    const S pivot = L_(k, k);
    if (!(std::abs(pivot) > negligible_)) {
      ++zero_;
      L_.col(k).tail(m).setZero();
      return;
    }
    negative_ += pivot < 0;
    for (Eigen::Index j = k + 1; j < n; ++j) {
      const S factor = L_(k, j) / pivot;
      L_.col(j).tail(m) -= factor * L_.col(k).tail(m);
    }
    L_.col(k).tail(m) /= pivot;
  }
  void eliminate_two(Eigen::Index k) {
    const Eigen::Index n = L_.rows(), m = n - k - 2;
    const S a = L_(k, k), b = L_(k + 1, k), c = L_(k + 1, k + 1), det = a * c - b * b;
    below_[k] = b;
    ++negative_;  // its determinant is negative by the choice of the pivot
    for (Eigen::Index j = k + 2; j < n; ++j) {
      const S u = (c * L_(k, j) - b * L_(k + 1, j)) / det, v = (a * L_(k + 1, j) - b * L_(k, j)) / det;
      L_.col(j).tail(m) -= u * L_.col(k).tail(m) + v * L_.col(k + 1).tail(m);
    }
    for (Eigen::Index i = k + 2; i < n; ++i) {
      const S u = L_(i, k), v = L_(i, k + 1);
      L_(i, k) = (c * u - b * v) / det;
      L_(i, k + 1) = (a * v - b * u) / det;
    }
  }

  Eigen::MatrixX<S> L_{};
  Eigen::VectorXi swapped_{};  // row k with row swapped_[k], one after the other
  Eigen::VectorX<S> below_{};  // the entry below the diagonal of a pair's first row, else 0
  S negligible_ = 0;
  Eigen::Index negative_ = 0, zero_ = 0;
};

}  // namespace mesaopt::detail
