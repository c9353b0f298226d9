#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <utility>

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

/// Residuals linearized at a point, r + Jp, ready for damped steps: min |r + Jp|² + λ|Dp|², also within bounds on the
/// entries of p. All of it is scratch. Nothing is allocated after `resize`.
template <Point X>
class LinearizedResiduals {
 public:
  using S = ScalarOf<X>;
  using Matrix = MatrixOf<X>;

  void resize(Eigen::Index n, LeastSquaresSolver solver, bool bounds = false) {
    if (bounds)
      for (X* vector : {&low_, &high_, &held_}) vector->setZero(n);
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

  /// Keeps the entries of steps between low <= 0 and high >= 0, until told otherwise. Those with no way to go downhill
  /// are held to begin with.
  void keep_between(const X& low, const X& high, const X& gradient) {
    low_ = low;
    high_ = high;
    held_.resize(low.size());
    for (Eigen::Index j = 0; j < low.size(); ++j)
      held_[j] = low[j] == 0 && gradient[j] > 0 ? S(-1) : high[j] == 0 && gradient[j] < 0 ? S(1) : S(0);
    bounded_ = true;
  }
  void keep_nothing() { bounded_ = false; }
  [[nodiscard]] bool bounded() const { return bounded_; }

  /// The square of the norm of column j of J.
  [[nodiscard]] S square(Eigen::Index j) const { return diagonal_[j]; }

  /// The least λ that makes up for dependent columns: of the size of the rounding in J'J, relative to D.
  [[nodiscard]] S least_damping(const X& scale) const {
    S most(0);
    for (Eigen::Index j = 0; j < size(scale); ++j) most = std::max(most, diagonal_[j] / (scale[j] * scale[j]));
    return S(10 * scale.size()) * std::numeric_limits<S>::epsilon() * std::max(most, std::numeric_limits<S>::min());
  }

  /// Fills p with the step of damping λ, given the gradient J'r. False if columns of J are dependent to rounding, and λ
  /// does not make up for it. Adds to `count` the factorizations it took.
  ///
  /// In bounds, the entries that are held at one are exchanged until none of the others is beyond a bound, and none of
  /// those held is drawn inwards: all wrong ones at once while their number falls, else the last of them, which ends.
  /// Júdice & Pires (1994), "A block principal pivoting algorithm for large-scale strictly monotone linear
  /// complementarity problems".
  template <class Count>
  bool minimize(S damping, const X& scale, const X& gradient, Count& count, X& p) {
    if (!bounded_) {
      ++count;
      if constexpr (small)
        if (!qr_) return minimize_small(damping, scale, gradient, p);
      if (!factorize(damping, scale)) return false;
      step(gradient, p);
      return true;
    }
    const Eigen::Index most = 10 * (size(scale) + 10);
    Eigen::Index fewest = size(scale) + 1;
    int patience = 3;
    for (Eigen::Index i = 0; i < most; ++i) {
      ++count;
      if (!factorize(damping, scale)) return false;
      step(gradient, p);
      if (!p.allFinite()) return true;
      const Eigen::Index wrong = exchange(damping, scale, gradient, p, false);
      if (wrong == 0) return true;
      patience = wrong < fewest ? 3 : patience - 1;
      fewest = std::min(fewest, wrong);
      exchange(damping, scale, gradient, p, true, patience < 0);
    }
    p = p.cwiseMax(low_).cwiseMin(high_);
    return true;
  }

  /// Prepares for steps with damping λ. False as `minimize` is.
  bool factorize(S damping, const X& scale) {
    const Eigen::Index n = size(scale);
    const S rounding = S(n) * std::numeric_limits<S>::epsilon();
    if (qr_) {
      factor_ = model_;
      rotated_ = projected_;
      if (bounded_) hold_columns();
      if (damping > 0 || bounded_) rotate_in(std::sqrt(damping), scale);
      return unit_diagonal(rounding * rounding, damping, scale);
    }
    for (Eigen::Index j = 0; j < n; ++j) {
      for (Eigen::Index i = j; i < n; ++i) factor_(i, j) = model_(i, j);
      factor_(j, j) += damping * scale[j] * scale[j];
    }
    if (bounded_)
      for (Eigen::Index j = 0; j < n; ++j)
        for (Eigen::Index i = j; i < n; ++i)
          if (held_[i] != 0 || held_[j] != 0) factor_(i, j) = i == j ? S(1) : S(0);
    return n <= unblocked ? cholesky(rounding, damping, scale) : blocked_cholesky(rounding, damping, scale);
  }

  /// The step for the damping of the last factorization, given the gradient J'r.
  void step(const X& gradient, X& p) {
    const Eigen::Index n = size(p);
    if (qr_) {
      for (Eigen::Index j = 0; j < n; ++j) p[j] = -rotated_[j];
      backwards(p);
    } else {
      if (bounded_) {
        for (Eigen::Index j = 0; j < n; ++j) row_[j] = bound(j);
        product(row_, p);
        for (Eigen::Index j = 0; j < n; ++j) p[j] = -gradient[j] - p[j];
      } else {
        for (Eigen::Index j = 0; j < n; ++j) p[j] = -gradient[j];
      }
      solve(p);
    }
    if (bounded_)
      for (Eigen::Index j = 0; j < n; ++j)
        if (held_[j] != 0) p[j] = bound(j);
  }

  /// v = (J'J + λD²)⁻¹v, or, where entries are held, of its other rows and columns.
  void solve(X& v) const {
    free(v);
    forwards(v);
    for (Eigen::Index j = 0; j < size(v); ++j) v[j] *= inverse_[j];
    backwards(v);
  }

  /// v'(J'J + λD²)⁻¹v, likewise. Overwrites v.
  S inverse_square(X& v) const {
    free(v);
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
  static constexpr int N = X::SizeAtCompileTime;
  static constexpr bool small = N != Eigen::Dynamic && N <= 6;  // so that all of it fits in registers

  bool qr_ = false, bounded_ = false;
  Matrix model_{};   // J'J in the lower triangle, or R' of a QR factorization
  Matrix factor_{};  // L below its diagonal of ones, with LDL' = J'J + λD²
  X diagonal_{};     // of J'J
  X inverse_{};      // of D
  X projected_{};    // the first n entries of Q'r ...
  X rotated_{};      // ... and of that with the damping as more rows
  X row_{};
  X low_{}, high_{};  // bounds of steps
  X held_{};          // -1: held at low, 1: at high, 0: free
  JacobianOf<X> block_{};

  template <class V>
  static Eigen::Index size(const V& v) {
    if constexpr (X::SizeAtCompileTime != Eigen::Dynamic)
      return X::SizeAtCompileTime;  // so that compilers can unroll
    else
      return V::ColsAtCompileTime == 1 ? v.rows() : v.cols();
  }

  /// The bound that entry j is held at; 0 if it is free.
  [[nodiscard]] S bound(Eigen::Index j) const { return held_[j] < 0 ? low_[j] : held_[j] > 0 ? high_[j] : S(0); }

  void free(X& v) const {
    if (!bounded_) return;
    for (Eigen::Index j = 0; j < size(v); ++j)
      if (held_[j] != 0) v[j] = 0;
  }

  /// out = J'Jv.
  void product(const X& v, X& out) const {
    const Eigen::Index n = size(v);
    for (Eigen::Index j = 0; j < n; ++j) out[j] = 0;
    for (Eigen::Index i = 0; i < n; ++i) {
      if (qr_) {
        S entry(0);
        for (Eigen::Index j = i; j < n; ++j) entry += model_(j, i) * v[j];
        for (Eigen::Index j = i; j < n; ++j) out[j] += model_(j, i) * entry;
      } else {
        out[i] += model_(i, i) * v[i];
        for (Eigen::Index j = i + 1; j < n; ++j) {
          out[j] += model_(j, i) * v[i];
          out[i] += model_(j, i) * v[j];
        }
      }
    }
  }

  /// Counts the entries of p that are beyond a bound, or held at one though they are drawn inwards. Exchanges them, or
  /// the last of them, if told to.
  Eigen::Index exchange(S damping, const X& scale, const X& gradient, const X& p, bool now, bool last = false) {
    const Eigen::Index n = size(p);
    const S rounding = S(8 * n) * std::numeric_limits<S>::epsilon();
    Eigen::Index wrong = 0;
    if (!now) product(p, row_);
    for (Eigen::Index j = n - 1; j >= 0; --j) {
      S to = held_[j];
      if (held_[j] == 0) {
        to = p[j] < low_[j] ? S(-1) : p[j] > high_[j] ? S(1) : S(0);
      } else if (low_[j] < high_[j]) {
        const S bend = row_[j] + damping * scale[j] * scale[j] * p[j], slope = gradient[j] + bend;
        if (-held_[j] * slope < -rounding * (std::abs(gradient[j]) + std::abs(bend))) to = 0;
      }
      if (to == held_[j]) continue;
      ++wrong;
      if (now) held_[j] = to;
      if (now && last) break;
    }
    return wrong;
  }

  /// Takes the columns that are held out of R, and what they do to the residuals into Q'r.
  void hold_columns() {
    for (Eigen::Index j = 0; j < size(held_); ++j)
      if (held_[j] != 0)
        for (Eigen::Index i = 0; i <= j; ++i) {
          rotated_[i] += model_(j, i) * bound(j);
          factor_(j, i) = 0;
        }
  }

  /// The diagonal of what is factorized, before its own entries are taken from it.
  [[nodiscard]] S whole(Eigen::Index j, S damping, const X& scale) const {
    return bounded_ && held_[j] != 0 ? S(1) : diagonal_[j] + damping * scale[j] * scale[j];
  }

  /// Calls f with the numbers first, ..., last − 1 as constants: loops that are no loops, so that all stays in
  /// registers.
  template <int first, int last, class F>
  static void each(const F& f) {
    [&f]<int... k>(std::integer_sequence<int, k...>) { (f(std::integral_constant<int, first + k>{}), ...); }
    (std::make_integer_sequence<int, std::max(0, last - first)>{});
  }

  /// What `minimize` does, for few variables.
  bool minimize_small(S damping, const X& scale, const X& gradient, X& p) {
    constexpr S rounding = S(N) * std::numeric_limits<S>::epsilon();
    const S *const A = model_.data(), *const weight = scale.data(), *const g = gradient.data();
    S *const out = p.data(), *const kept = factor_.data(), *const kept_inverse = inverse_.data();
    S L[N][N], LD[N][N], D[N], y[N];
    bool regular = true;
    each<0, N>([&](auto j) {
      const S whole = A[j + j * N] + damping * weight[j] * weight[j];
      S pivot = whole;
      each<0, j>([&](auto k) { pivot -= L[j][k] * LD[j][k]; });
      regular = regular && pivot > rounding * whole;
      D[j] = 1 / pivot;
      y[j] = -g[j];
      each<0, j>([&](auto k) { y[j] -= L[j][k] * y[k]; });
      each<j + 1, N>([&](auto i) {
        LD[i][j] = A[i + j * N];
        each<0, j>([&](auto k) { LD[i][j] -= L[i][k] * LD[j][k]; });
        L[i][j] = LD[i][j] * D[j];
      });
    });
    if (!regular) return false;
    each<0, N>([&](auto up) {
      constexpr int j = N - 1 - up;
      y[j] *= D[j];
      each<j + 1, N>([&](auto i) { y[j] -= L[i][j] * y[i]; });
      out[j] = y[j];
      kept_inverse[j] = D[j];
      each<j + 1, N>([&](auto i) { kept[i + j * N] = L[i][j]; });
    });
    return true;
  }

  bool cholesky(S rounding, S damping, const X& scale) {
    const Eigen::Index n = size(scale);
    for (Eigen::Index j = 0; j < n; ++j) {
      const S pivot = factor_(j, j);
      if (!(pivot > rounding * whole(j, damping, scale))) return false;
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
      if (!(pivot * pivot > rounding * whole(j, damping, scale))) return false;
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

  /// Adds the rows √λ D to R by Givens rotations, and 1 in place of a column that is held.
  void rotate_in(S root, const X& scale) {
    const Eigen::Index n = size(scale);
    for (Eigen::Index j = 0; j < n; ++j) {
      for (Eigen::Index i = j; i < n; ++i) row_[i] = 0;
      row_[j] = bounded_ && held_[j] != 0 ? S(1) : root * scale[j];
      if (row_[j] == 0) continue;
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
