#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include <Eigen/Core>

#include <mesaopt/core/point.hpp>
#include <mesaopt/core/vectors.hpp>
#include <mesaopt/evolution/columns.hpp>

namespace mesaopt::detail {

// The work is done on plain numbers: see columns.hpp.

/// Squares of anything smaller vanish, and beside entries of size 1 so does it.
template <class S>
S negligible() {
  return std::sqrt(std::numeric_limits<S>::min());
}

/// Reads the lower triangle of A, n rows and columns. A -> Q with Q' A Q tridiagonal: `diagonal`, and `subdiagonal` of
/// which the last entry is unused. `factors` and `p` are scratch.
template <class S>
void tridiagonalize(Eigen::Index n, S* A, S* diagonal, S* subdiagonal, S* factors, S* p) {
  const auto at = [n, A](Eigen::Index i, Eigen::Index j) { return A + i + n * j; };
  for (Eigen::Index k = 0; k + 1 < n; ++k) {
    const Eigen::Index m = n - k - 1;
    S* const v = at(k + 1, k);
    diagonal[k] = *at(k, k);
    const S rest = std::sqrt(product(v + 1, v + 1, m - 1));
    factors[k] = 0;
    subdiagonal[k] = v[0];
    if (!(rest > negligible<S>())) continue;
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
      p[j] += column[0] * v[j] + product(column + 1, v + j + 1, m - j - 1);
      add_multiple(m - j - 1, v[j], column + 1, p + j + 1);
    }
    const S projection = factor * product(p, v, m) / 2;
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
      if (factor != 0) add_multiple(m, -factor * product(v + 1, column + 1, m - 1), v, column);
    }
    S* const column = at(k + 1, k + 1);
    for (Eigen::Index i = 0; i < m; ++i) column[i] = factor != 0 ? -factor * v[i] : S(0);
    column[0] += 1;
  }
  for (Eigen::Index i = 0; i < n; ++i) *at(i, 0) = *at(0, i) = 0;
  A[0] = 1;
}

/// Some rows of Q times the rotations start, ..., end - 1 by cosines c and sines s: `place` is the first of the rows in
/// column `start`. Each part of them, `width` numbers, stays in a register from one column to the next.
template <int width, class S, int... part>
void rotate(Eigen::Index n, S* place, Eigen::Index start, Eigen::Index end, const S* c, const S* s,
            std::integer_sequence<int, part...>) {
  Pack<width, S> carried[] = {few<width>(place + part * width)...};
  for (Eigen::Index k = start; k < end; ++k, place += n) {
    const auto turn = [&](Pack<width, S>& old, S* here) {
      const Pack<width, S> next = few<width>(here + n);
      write<width>(c[k] * old + s[k] * next, here);
      old = c[k] * next - s[k] * old;
    };
    (turn(carried[part], place + part * width), ...);
  }
  (write<width>(carried[part], place + part * width), ...);
}

/// Diagonalizes the tridiagonal matrix of diagonal d and subdiagonal e, and rotates the columns of Q along: d -> the
/// eigenvalues, Q -> Q times the eigenvectors. `c` and `s` are scratch. False if the iteration does not end.
template <class S>
bool diagonalize(Eigen::Index n, S* Q, S* d, S* e, S* c, S* s) {
  Eigen::Index end = n - 1;
  for (Eigen::Index step = 0; step < 30 * n; ++step) {
    for (Eigen::Index i = 0; i < end; ++i)
      if (std::abs(e[i]) <= std::numeric_limits<S>::epsilon() * (std::abs(d[i]) + std::abs(d[i + 1])) + negligible<S>())
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
      c[k] = r > 0 ? x / r : S(1);
      s[k] = r > 0 ? z / r : S(0);
      if (k > start) e[k - 1] = r;
      const S a = d[k], b = e[k], g = d[k + 1];
      const S t = s[k] * (g - a) + 2 * c[k] * b;
      d[k] = a + s[k] * t;
      d[k + 1] = g - s[k] * t;
      x = e[k] = c[k] * t - b;
      if (k + 1 < end) {
        z = s[k] * e[k + 1];
        e[k + 1] *= c[k];
      }
    }
    for_parts<S>(n, [=](Eigen::Index row, auto width, auto parts) {
      rotate<width>(n, Q + row + n * start, start, end, c, s, parts);
    });
  }
  return false;
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
    S* const Q = axes.data();
    S scale = 0;
    for (Eigen::Index j = 0; j < n; ++j)
      for (Eigen::Index i = j; i < n; ++i) {
        const S entry = std::abs(Q[i + n * j]);
        if (!std::isfinite(entry)) return false;
        scale = std::max(scale, entry);
      }
    if (!(scale > 0)) scale = 1;
    for (Eigen::Index i = 0; i < n * n; ++i) Q[i] /= scale;
    tridiagonalize(n, Q, values.data(), subdiagonal.data(), cosines.data(), sines.data());
    if (!diagonalize(n, Q, values.data(), subdiagonal.data(), cosines.data(), sines.data())) return false;
    for (Eigen::Index i = 0; i < n; ++i) values.data()[i] *= scale;
    return true;
  }
};

}  // namespace mesaopt::detail
