#pragma once

#include <algorithm>
#include <cmath>

#include <Eigen/Core>

#include <mesaopt/gradient/curvature_pairs.hpp>

namespace mesaopt::detail {

/// The factored matrix (−C Tᵀ; T E) of four k × k blocks, with C and E + T C⁻¹ Tᵀ symmetric and positive definite. Of
/// symmetric blocks the lower triangles are read.
///
/// k is small, and its columns are short: whole ones, padded by zeros, are the unit of all loops.
template <class S, int most>
class QuasiDefinite {
 public:
  using Square = Eigen::Matrix<S, Eigen::Dynamic, Eigen::Dynamic, Eigen::ColMajor, most, most>;

  Square c{}, t{}, e{};  ///< the blocks on entry; afterwards the factor of C, T times its inverse, and that of the rest

  /// Makes room for blocks of up to k rows.
  void resize(Eigen::Index k) {
    for (Square* block : {&c, &t, &e}) block->setZero(padded<S>(k), k);
    for (Row* row : {&first_, &second_, &over_c_, &over_e_}) row->setZero(padded<S>(k));
  }

  /// Zeros in the leading blocks of k columns.
  void clear(Eigen::Index k) {
    for (Square* block : {&c, &t, &e}) block->leftCols(k).setZero();
  }

  /// Factors the leading k × k parts of the blocks, outside of which are zeros. False if a pivot is not positive.
  bool factor(Eigen::Index k) {
    k_ = k;
    return with_step([&]<int step>() {
      if (!cholesky<step>(c, over_c_)) return false;
      // T becomes V = T L⁻ᵀ with C = L Lᵀ, column by column, and E becomes E + V Vᵀ.
      for (Eigen::Index j = 0; j < k; ++j) {
        for (Eigen::Index p = 0; p < j; ++p)
          if (c(j, p) != 0) add<step>(-c(j, p), t, p, t.col(j).data());
        t.col(j) *= over_c_[j];
        for (Eigen::Index p = 0; p < k; ++p)
          if (t(p, j) != 0) add<step>(t(p, j), t, j, e.col(p).data());
      }
      return cholesky<step>(e, over_e_);
    });
  }

  /// Replaces the first 2k numbers of b by the solution.
  template <class Vector>
  void solve(Vector& b) {
    first_.setZero();
    second_.setZero();
    first_.head(k_) = b.head(k_);
    second_.head(k_) = b.segment(k_, k_);
    with_step([&]<int step>() {
      lower<step>(c, over_c_, first_);
      for (Eigen::Index p = 0; p < k_; ++p) add<step>(first_[p], t, p, second_.data());
      lower<step>(e, over_e_, second_);
      upper<step>(e, over_e_, second_);
      for (Eigen::Index p = 0; p < k_; ++p) first_[p] = multiply<step>(t, p, second_) - first_[p];
      upper<step>(c, over_c_, first_);
      return true;
    });
    b.head(k_) = first_.head(k_);
    b.segment(k_, k_) = second_.head(k_);
  }

 private:
  using Row = Eigen::Matrix<S, Eigen::Dynamic, 1, Eigen::ColMajor, most, 1>;

  template <class Body>
  bool with_step(const Body& body) const {
    constexpr int wide = lanes<S>, narrow = std::min(wide, 2);
    return c.rows() % wide == 0 ? body.template operator()<wide>() : body.template operator()<narrow>();
  }

  /// out += a times column p.
  template <int step>
  void add(S a, const Square& A, Eigen::Index p, S* out) const {
    const S* const column = A.col(p).data();
    for (Eigen::Index i = 0; i < k_; i += step) {
      Pack<step, S> x, y;
      read<step>(column + i, x);
      read<step>(out + i, y);
      y += a * x;
      write<step>(y, out + i);
    }
  }
  template <int step>
  S multiply(const Square& A, Eigen::Index p, const Row& b) const {
    const S* const column = A.col(p).data();
    Pack<step, S> total{};
    for (Eigen::Index i = 0; i < k_; i += step) {
      Pack<step, S> x, y;
      read<step>(column + i, x);
      read<step>(b.data() + i, y);
      total += x * y;
    }
    return sum<step, S>(total);
  }

  /// A = L Lᵀ: its lower triangle becomes that of L, all else 0; the reciprocals of the diagonal go into `over`.
  template <int step>
  bool cholesky(Square& A, Row& over) const {
    for (Eigen::Index j = 0; j < k_; ++j) {
      for (Eigen::Index p = 0; p < j; ++p)
        if (A(j, p) != 0) add<step>(-A(j, p), A, p, A.col(j).data());
      if (!(A(j, j) > 0) || !std::isfinite(A(j, j))) return false;
      over[j] = 1 / std::sqrt(A(j, j));
      A.col(j).head(j + 1).setZero();
      A.col(j) *= over[j];
    }
    return true;
  }
  template <int step>
  void lower(const Square& L, const Row& over, Row& b) const {
    for (Eigen::Index j = 0; j < k_; ++j) {
      b[j] *= over[j];
      add<step>(-b[j], L, j, b.data());
    }
  }
  template <int step>
  void upper(const Square& L, const Row& over, Row& b) const {
    for (Eigen::Index j = k_ - 1; j >= 0; --j) b[j] = (b[j] - multiply<step>(L, j, b)) * over[j];
  }

  Eigen::Index k_ = 0;
  Row first_{}, second_{}, over_c_{}, over_e_{};
};

}  // namespace mesaopt::detail
