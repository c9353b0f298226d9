#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include <Eigen/Cholesky>
#include <Eigen/Core>

#include <mesaopt/core/point.hpp>
#include <mesaopt/core/residuals.hpp>
#include <mesaopt/gradient/column_products.hpp>

namespace mesaopt {

/// How the steps of a least-squares method are computed.
enum class LeastSquaresSolver : std::uint8_t {
  cholesky,  ///< from the normal equations, J'J: the fastest
  qr         ///< from a QR factorization of J, which takes twice the work: keeps digits where J is ill-conditioned
};

namespace detail {

/// Residuals linearized at a point, r + Jp, ready for damped steps: min |r + Jp|² + λ|Dp|². All of it is scratch.
///
/// Coordinates may be held fixed, at given entries of the step. Nothing is allocated after `resize`.
template <Point X>
class LinearizedResiduals {
 public:
  using S = ScalarOf<X>;
  using Matrix = MatrixOf<X>;

  void resize(Eigen::Index n, LeastSquaresSolver solver) {
    if (diagonal_.size() == n && (solver == LeastSquaresSolver::cholesky || block_.rows() == rows_at_once)) return;
    for (X* vector : {&diagonal_, &inverse_, &projected_, &rotated_, &row_}) vector->setZero(n);
    model_.setZero(n, n);
    factor_.setZero(n, n);
    if (solver == LeastSquaresSolver::qr) block_.setZero(rows_at_once, n);
  }

  /// Takes residuals and Jacobian of another point.
  void form(const JacobianOf<X>& J, const ResidualsOf<X>& r, LeastSquaresSolver solver) {
    qr_ = solver == LeastSquaresSolver::qr;
    const Eigen::Index n = size(J), m = J.rows();
    if (qr_) {
      for (Eigen::Index j = 0; j < n; ++j) {
        const S* const column = J.data() + j * m;
        diagonal_[j] = contiguous_dot(column, column, m);
      }
      triangularize(J, r);
    } else {
      gram(J, model_);
      diagonal_ = model_.diagonal();
    }
  }

  /// The square of the norm of column j of J.
  [[nodiscard]] S square(Eigen::Index j) const { return diagonal_[j]; }

  /// The least λ that makes up for dependent columns: of the size of the rounding in J'J, relative to D.
  [[nodiscard]] S least_damping(const X& scale) const {
    S most(0);
    for (Eigen::Index j = 0; j < size(scale); ++j) most = std::max(most, diagonal_[j] / (scale[j] * scale[j]));
    return S(10 * scale.size()) * std::numeric_limits<S>::epsilon() * std::max(most, std::numeric_limits<S>::min());
  }

  /// Prepares for steps with damping λ. False if columns of J are dependent to rounding, and λ does not make up for it.
  bool factorize(S damping, const X& scale) {
    const Eigen::Index n = size(scale);
    const S rounding = S(n) * std::numeric_limits<S>::epsilon();
    if (qr_) {
      factor_ = model_;
      rotated_ = projected_;
      if (damping > 0) rotate_in(std::sqrt(damping), scale);
      return unit_diagonal(rounding * rounding, damping, scale);
    }
    for (Eigen::Index j = 0; j < n; ++j) {
      for (Eigen::Index i = j; i < n; ++i) factor_(i, j) = model_(i, j);
      factor_(j, j) += damping * scale[j] * scale[j];
    }
    return n <= unblocked ? cholesky(rounding, damping, scale) : blocked_cholesky(rounding, damping, scale);
  }

  /// The step for the damping of the last factorization, given the gradient J'r.
  void step(const X& gradient, X& p) const {
    const Eigen::Index n = size(p);
    if (qr_) {
      for (Eigen::Index j = 0; j < n; ++j) p[j] = -rotated_[j];
      backwards(p);
    } else {
      for (Eigen::Index j = 0; j < n; ++j) p[j] = -gradient[j];
      solve(p);
    }
  }

  /// v = (J'J + λD²)⁻¹v.
  void solve(X& v) const {
    forwards(v);
    for (Eigen::Index j = 0; j < size(v); ++j) v[j] *= inverse_[j];
    backwards(v);
  }

  /// v'(J'J + λD²)⁻¹v. Overwrites v.
  S inverse_square(X& v) const {
    forwards(v);
    S sum(0);
    for (Eigen::Index j = 0; j < size(v); ++j) sum += v[j] * v[j] * inverse_[j];
    return sum;
  }

  /// |Jv|².
  [[nodiscard]] S curvature(const X& v) const {
    const Eigen::Index n = size(v);
    S sum(0);
    if (qr_) {
      for (Eigen::Index i = 0; i < n; ++i) {
        S entry(0);
        for (Eigen::Index j = i; j < n; ++j) entry += model_(j, i) * v[j];
        sum += entry * entry;
      }
    } else {
      for (Eigen::Index j = 0; j < n; ++j) {
        S below(0);
        for (Eigen::Index i = j + 1; i < n; ++i) below += model_(i, j) * v[i];
        sum += v[j] * (model_(j, j) * v[j] + 2 * below);
      }
    }
    return sum;
  }

 private:
  static constexpr Eigen::Index unblocked = 32, rows_at_once = 64;

  bool qr_ = false;
  Matrix model_{};   // J'J in the lower triangle, or R' of a QR factorization
  Matrix factor_{};  // L below its diagonal of ones, with LDL' = J'J + λD²
  X diagonal_{};     // of J'J
  X inverse_{};      // of D
  X projected_{};    // the first n entries of Q'r ...
  X rotated_{};      // ... and of that with the damping as more rows
  X row_{};
  JacobianOf<X> block_{};

  template <class V>
  static Eigen::Index size(const V& v) {
    if constexpr (X::SizeAtCompileTime != Eigen::Dynamic)
      return X::SizeAtCompileTime;  // so that compilers can unroll
    else
      return V::ColsAtCompileTime == 1 ? v.rows() : v.cols();
  }

  bool cholesky(S rounding, S damping, const X& scale) {
    const Eigen::Index n = size(scale);
    for (Eigen::Index j = 0; j < n; ++j) {
      const S pivot = factor_(j, j);
      if (!(pivot > rounding * (diagonal_[j] + damping * scale[j] * scale[j]))) return false;
      const S inverse = inverse_[j] = 1 / pivot;
      for (Eigen::Index k = j + 1; k < n; ++k) {
        const S weight = factor_(k, j) * inverse;
        for (Eigen::Index i = k; i < n; ++i) factor_(i, k) -= weight * factor_(i, j);
      }
      for (Eigen::Index i = j + 1; i < n; ++i) factor_(i, j) *= inverse;
    }
    return true;
  }

  bool blocked_cholesky(S rounding, S damping, const X& scale) {
    const Eigen::LLT<Eigen::Ref<Matrix>> in_place(factor_);
    return in_place.info() == Eigen::Success && unit_diagonal(rounding, damping, scale);
  }

  /// Makes LDL' of LL'. False if a pivot is no larger than rounding.
  bool unit_diagonal(S rounding, S damping, const X& scale) {
    const Eigen::Index n = size(scale);
    for (Eigen::Index j = 0; j < n; ++j) {
      const S pivot = factor_(j, j);
      if (!(pivot * pivot > rounding * (diagonal_[j] + damping * scale[j] * scale[j]))) return false;
      const S inverse = 1 / pivot;
      inverse_[j] = inverse * inverse;
      if (qr_) rotated_[j] *= inverse;
      for (Eigen::Index i = j + 1; i < n; ++i) factor_(i, j) *= inverse;
    }
    return true;
  }

  /// v = L⁻¹v.
  void forwards(X& v) const {
    const Eigen::Index n = size(v);
    for (Eigen::Index j = 0; j < n; ++j) {
      const S y = v[j];
      for (Eigen::Index i = j + 1; i < n; ++i) v[i] -= y * factor_(i, j);
    }
  }

  /// v = L'⁻¹v.
  void backwards(X& v) const {
    const Eigen::Index n = size(v);
    for (Eigen::Index j = n - 1; j >= 0; --j) {
      S sum = v[j];
      for (Eigen::Index i = j + 1; i < n; ++i) sum -= factor_(i, j) * v[i];
      v[j] = sum;
    }
  }

  /// R' and the first entries of Q'r, by Householder reflections of R and one block of rows after the other: a block
  /// stays in the cache, and R is all that is kept.
  void triangularize(const JacobianOf<X>& J, const ResidualsOf<X>& r) {
    const Eigen::Index n = size(J), m = J.rows();
    model_.setZero();
    projected_.setZero();
    S end[rows_at_once];
    for (Eigen::Index from = 0; from < m; from += rows_at_once) {
      const Eigen::Index rows = std::min(rows_at_once, m - from);
      block_.topRows(rows) = J.middleRows(from, rows);
      for (Eigen::Index i = 0; i < rows; ++i) end[i] = r[from + i];
      for (Eigen::Index j = 0; j < n; ++j) {
        S* const column = block_.data() + j * rows_at_once;
        const S top = model_(j, j), below = contiguous_dot(column, column, rows);
        if (!(below > 0)) continue;
        const S norm = std::copysign(std::sqrt(top * top + below), top);
        const S head = top + norm, weight = 1 / (norm * head);  // v = (head, column), H = 1 − weight vv'
        model_(j, j) = -norm;
        const auto reflect = [&](S& first, S* rest) {
          const S along = weight * (head * first + contiguous_dot(column, rest, rows));
          first -= along * head;
          for (Eigen::Index i = 0; i < rows; ++i) rest[i] -= along * column[i];
        };
        for (Eigen::Index k = j + 1; k < n; ++k) reflect(model_(k, j), block_.data() + k * rows_at_once);
        reflect(projected_[j], end);
      }
    }
  }

  /// Adds the rows √λ D to R by Givens rotations.
  void rotate_in(S root, const X& scale) {
    const Eigen::Index n = size(scale);
    for (Eigen::Index j = 0; j < n; ++j) {
      for (Eigen::Index i = j; i < n; ++i) row_[i] = 0;
      row_[j] = root * scale[j];
      S end(0);
      for (Eigen::Index k = j; k < n; ++k) {
        if (row_[k] == 0) continue;
        const S length = std::hypot(factor_(k, k), row_[k]), c = factor_(k, k) / length, s = row_[k] / length;
        const auto rotate = [c, s](S& a, S& b) {
          const S turned = c * a + s * b;
          b = c * b - s * a;
          a = turned;
        };
        for (Eigen::Index i = k; i < n; ++i) rotate(factor_(i, k), row_[i]);
        rotate(rotated_[k], end);
      }
    }
  }
};

}  // namespace detail

}  // namespace mesaopt
