#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>

#include <Eigen/Core>

#include <mesaopt/core/point.hpp>

namespace mesaopt::detail {

// Sums and updates of columns, eight numbers abreast wherever they lie in memory: so neither alignment nor the number
// of threads that Eigen may use has a say in the bits, and nothing is allocated.

/// Calls part(i, width) for i = 0, 8, 16, ..., then 4, then 1 by 1, to cover n numbers; width is an integral constant.
template <class Part>
void for_parts(Eigen::Index n, const Part& part) {
  Eigen::Index i = 0;
  for (; i + 8 <= n; i += 8) part(i, std::integral_constant<int, 8>{});
  if (i + 4 <= n) {
    part(i, std::integral_constant<int, 4>{});
    i += 4;
  }
  for (; i < n; ++i) part(i, std::integral_constant<int, 1>{});
}

/// A few neighbouring numbers.
template <class S, int width>
using Few = Eigen::Map<std::conditional_t<std::is_const_v<S>, const Eigen::Array<std::remove_const_t<S>, width, 1>,
                                          Eigen::Array<S, width, 1>>>;

/// y += a x, n numbers each.
template <class S>
void add_multiple(Eigen::Index n, S a, const S* x, S* y) {
  for_parts(n, [=](Eigen::Index i, auto width) { Few<S, width>{y + i} += a * Few<const S, width>{x + i}; });
}

/// y += a x + b z, n numbers each; y is read and written once.
template <class S>
void add_multiples(Eigen::Index n, S a, const S* x, S b, const S* z, S* y) {
  for_parts(n, [=](Eigen::Index i, auto width) {
    Few<S, width>{y + i} += a * Few<const S, width>{x + i} + b * Few<const S, width>{z + i};
  });
}

/// The sum of x_i y_i over n numbers.
template <class S>
S dot(Eigen::Index n, const S* x, const S* y) {
  Eigen::Array<S, 8, 1> sums = Eigen::Array<S, 8, 1>::Zero();
  Eigen::Index i = 0;
  for (; i + 8 <= n; i += 8) sums += Few<const S, 8>{x + i} * Few<const S, 8>{y + i};
  if (i + 4 <= n) {
    sums.template head<4>() += Few<const S, 4>{x + i} * Few<const S, 4>{y + i};
    i += 4;
  }
  S sum = ((sums[0] + sums[4]) + (sums[1] + sums[5])) + ((sums[2] + sums[6]) + (sums[3] + sums[7]));
  for (; i < n; ++i) sum += x[i] * y[i];
  return sum;
}

/// Eigenvalues and eigenvectors of a symmetric matrix, without allocating once its own workspace has the size.
///
/// Householder tridiagonalization, then implicit QR steps with Wilkinson's shift: Golub and Van Loan (2013), "Matrix
/// computations", algorithms 8.3.1 to 8.3.3. The rotations of a step are applied to the eigenvectors together, a few
/// rows at a time, which are then read and written once.
template <Point X>
struct PrincipalAxes {
  using S = ScalarOf<X>;
  using Matrix = MatrixOf<X>;

  X subdiagonal{}, cosines{}, sines{};

  /// Makes room for n variables.
  void reserve(Eigen::Index n) {
    for (X* part : {&subdiagonal, &cosines, &sines})
      if (part->size() != n) part->resize(n);
  }

  /// Fills `axes` with orthonormal eigenvectors of A, one a column, and `values` with their eigenvalues, in no order.
  /// Reads the lower triangle of A. False if that holds NaN or infinity, or the iteration does not end.
  bool operator()(const Matrix& A, Matrix& axes, X& values) {
    const Eigen::Index n = A.rows();
    reserve(n);
    if (values.size() != n) values.resize(n);
    axes = A;
    S scale = 0;
    for (Eigen::Index j = 0; j < n; ++j)
      for (Eigen::Index i = j; i < n; ++i) {
        if (!std::isfinite(A(i, j))) return false;
        scale = std::max(scale, std::abs(A(i, j)));
      }
    if (!(scale > 0)) scale = 1;
    axes /= scale;
    tridiagonalize(axes, values);
    if (!diagonalize(axes, values)) return false;
    values *= scale;
    return true;
  }

 private:
  // Squares of anything smaller vanish, and beside entries of size 1 so does it.
  static S negligible() { return std::sqrt(std::numeric_limits<S>::min()); }

  /// axes -> Q with Q' A Q tridiagonal: `diagonal`, and `subdiagonal` of which the last entry is unused.
  void tridiagonalize(Matrix& axes, X& diagonal) {
    const Eigen::Index n = axes.rows();
    // Plain pointers, because Eigen checks every index unless NDEBUG is defined, and users need not define it.
    S* const factors = cosines.data();
    S* const p = sines.data();
    const auto at = [n, entries = axes.data()](Eigen::Index i, Eigen::Index j) { return entries + i + n * j; };
    for (Eigen::Index k = 0; k + 1 < n; ++k) {
      const Eigen::Index m = n - k - 1;
      S* const v = at(k + 1, k);
      diagonal[k] = *at(k, k);
      const S rest = std::sqrt(dot(m - 1, v + 1, v + 1));
      factors[k] = 0;
      subdiagonal[k] = v[0];
      if (!(rest > negligible())) continue;
      const S beta = -std::copysign(std::sqrt(v[0] * v[0] + rest * rest), v[0]);
      const S factor = (beta - v[0]) / beta;
      const S normalize = 1 / (v[0] - beta);
      for (Eigen::Index i = 1; i < m; ++i) v[i] *= normalize;
      v[0] = 1;
      factors[k] = factor;
      subdiagonal[k] = beta;

      for (Eigen::Index i = 0; i < m; ++i) p[i] = 0;
      for (Eigen::Index j = 0; j < m; ++j) {
        const S* const column = at(k + 1 + j, k + 1 + j);
        p[j] += column[0] * v[j] + dot(m - j - 1, column + 1, v + j + 1);
        add_multiple(m - j - 1, v[j], column + 1, p + j + 1);
      }
      const S projection = factor * dot(m, p, v) / 2;
      for (Eigen::Index i = 0; i < m; ++i) p[i] = factor * (p[i] - projection * v[i]);
      for (Eigen::Index j = 0; j < m; ++j) add_multiples(m - j, -p[j], v + j, -v[j], p + j, at(k + 1 + j, k + 1 + j));
    }
    diagonal[n - 1] = *at(n - 1, n - 1);

    // Reflection k, kept in column k, makes column k + 1 of Q and changes those to its right.
    for (Eigen::Index k = n - 2; k >= 0; --k) {
      const Eigen::Index m = n - k - 1;
      const S* const v = at(k + 1, k);
      const S factor = factors[k];
      for (Eigen::Index j = k + 2; j < n; ++j) {
        S* const column = at(k + 1, j);
        column[0] = 0;
        if (factor != 0) add_multiple(m, -factor * dot(m - 1, v + 1, column + 1), v, column);
      }
      S* const column = at(k + 1, k + 1);
      for (Eigen::Index i = 0; i < m; ++i) column[i] = factor != 0 ? -factor * v[i] : S(0);
      column[0] += 1;
    }
    axes.col(0).setZero();
    axes.row(0).setZero();
    axes(0, 0) = 1;
  }

  bool diagonalize(Matrix& axes, X& values) {
    const Eigen::Index n = axes.rows();
    S* const d = values.data();
    S* const e = subdiagonal.data();
    Eigen::Index end = n - 1;
    for (Eigen::Index step = 0; step < 30 * n; ++step) {
      for (Eigen::Index i = 0; i < end; ++i)
        if (std::abs(e[i]) <= std::numeric_limits<S>::epsilon() * (std::abs(d[i]) + std::abs(d[i + 1])) + negligible())
          e[i] = 0;
      while (end > 0 && e[end - 1] == 0) --end;
      if (end == 0) return true;
      Eigen::Index start = end - 1;
      while (start > 0 && e[start - 1] != 0) --start;

      const S half = (d[end - 1] - d[end]) / 2, last = e[end - 1];
      const S shift = d[end] - last * (last / (half + std::copysign(std::sqrt(half * half + last * last), half)));
      S x = d[start] - shift, z = e[start];
      for (Eigen::Index k = start; k < end; ++k) {
        const S r = std::sqrt(x * x + z * z);
        const S c = r > 0 ? x / r : S(1), s = r > 0 ? z / r : S(0);
        if (k > start) e[k - 1] = r;
        const S a = d[k], b = e[k], g = d[k + 1];
        const S t = s * (g - a) + 2 * c * b;
        d[k] = a + s * t;
        d[k + 1] = g - s * t;
        x = e[k] = c * t - b;
        cosines.data()[k] = c;
        sines.data()[k] = s;
        if (k + 1 < end) {
          z = s * e[k + 1];
          e[k + 1] *= c;
        }
      }
      for_parts(n, [&](Eigen::Index row, auto width) {
        this->template rotate<width>(axes.data() + row + n * start, start, end);
      });
    }
    return false;
  }

  /// The rotations of a step, on a few rows of the axes: `place` is the first of them in column `start`.
  template <int width>
  void rotate(S* place, Eigen::Index start, Eigen::Index end) const {
    const S* const c = cosines.data();
    const S* const s = sines.data();
    Eigen::Array<S, width, 1> carried = Few<S, width>{place};
    for (Eigen::Index k = start; k < end; ++k, place += cosines.size()) {
      const Eigen::Array<S, width, 1> next = Few<S, width>{place + cosines.size()};
      Few<S, width>{place} = c[k] * carried + s[k] * next;
      carried = c[k] * next - s[k] * carried;
    }
    Few<S, width>{place} = carried;
  }
};

}  // namespace mesaopt::detail
