#pragma once

#include <algorithm>

#include <Eigen/Core>

namespace mesaopt::detail {

/// Numbers of type S that are summed abreast: those of one register, as far as Eigen was told to use them, at least
/// two.
template <class S>
inline constexpr int abreast = std::max(2, int(EIGEN_MAX_STATIC_ALIGN_BYTES / int(sizeof(S))));

/// a'b of n contiguous numbers each. The order of the sum depends on n alone, not on where they lie.
template <class S>
S contiguous_dot(const S* a, const S* b, Eigen::Index n) {
  constexpr int width = abreast<S>;
  using Lane = Eigen::Array<S, width, 1>;
  S sum(0);
  Eigen::Index i = 0;
  if (n >= 2 * width) {
    Lane even = Lane::Zero(), odd = Lane::Zero();
    for (; i + 2 * width <= n; i += 2 * width) {
      even += Lane::Map(a + i) * Lane::Map(b + i);
      odd += Lane::Map(a + i + width) * Lane::Map(b + i + width);
    }
    sum = (even + odd).sum();
  }
  for (; i < n; ++i) sum += a[i] * b[i];
  return sum;
}

/// Adds to out[a][b] the products of three columns with three others, of n numbers each.
template <class S>
void nine_dots(const S* const (&left)[3], const S* const (&right)[3], Eigen::Index n, S (&out)[3][3]) {
  constexpr int width = abreast<S>;
  using Lane = Eigen::Array<S, width, 1>;
  Lane s00 = Lane::Zero(), s01 = s00, s02 = s00, s10 = s00, s11 = s00, s12 = s00, s20 = s00, s21 = s00, s22 = s00;
  Eigen::Index i = 0;
  for (; i + width <= n; i += width) {
    const Lane r0 = Lane::Map(right[0] + i), r1 = Lane::Map(right[1] + i), r2 = Lane::Map(right[2] + i);
    Lane l = Lane::Map(left[0] + i);
    s00 += l * r0;
    s01 += l * r1;
    s02 += l * r2;
    l = Lane::Map(left[1] + i);
    s10 += l * r0;
    s11 += l * r1;
    s12 += l * r2;
    l = Lane::Map(left[2] + i);
    s20 += l * r0;
    s21 += l * r1;
    s22 += l * r2;
  }
  const S sums[3][3] = {
      {s00.sum(), s01.sum(), s02.sum()}, {s10.sum(), s11.sum(), s12.sum()}, {s20.sum(), s21.sum(), s22.sum()}};
  for (int a = 0; a < 3; ++a)
    for (int b = 0; b < 3; ++b) {
      S sum = sums[a][b];
      for (Eigen::Index k = i; k < n; ++k) sum += left[a][k] * right[b][k];
      out[a][b] += sum;
    }
}

/// The lower triangle of J'J. Nothing is allocated, and no more than a few hundred rows are gone through at once, which
/// stay in the cache.
template <class J, class G>
void gram(const J& jacobian, G& out) {
  using S = typename J::Scalar;
  constexpr int N = J::ColsAtCompileTime;
  const Eigen::Index n = N == Eigen::Dynamic ? jacobian.cols() : N, m = jacobian.rows();
  const S* const data = jacobian.data();
  if constexpr (N != Eigen::Dynamic && N <= 6) {
    if (m < 4 * abreast<S>) {
      S sums[N * (N + 1) / 2] = {};
      for (Eigen::Index i = 0; i < m; ++i) {
        S row[N];
        for (int a = 0; a < N; ++a) row[a] = data[i + a * m];
        for (int a = 0, at = 0; a < N; ++a)
          for (int b = 0; b <= a; ++b) sums[at++] += row[a] * row[b];
      }
      for (int a = 0, at = 0; a < N; ++a)
        for (int b = 0; b <= a; ++b) out(a, b) = sums[at++];
      return;
    }
  }
  if (n < 3 || m < abreast<S>) {
    for (Eigen::Index b = 0; b < n; ++b)
      for (Eigen::Index a = b; a < n; ++a) out(a, b) = contiguous_dot(data + a * m, data + b * m, m);
    return;
  }
  constexpr Eigen::Index rows_at_once = 256;
  for (Eigen::Index from = 0; from == 0 || from < m; from += rows_at_once) {
    const Eigen::Index rows = std::min(rows_at_once, m - from);
    // The last tiles overlap their neighbours, where n is no multiple of three.
    for (Eigen::Index j = 0; j < n; j += 3) {
      const Eigen::Index b = std::min(j, n - 3);
      const S* const right[3] = {data + b * m + from, data + (b + 1) * m + from, data + (b + 2) * m + from};
      for (Eigen::Index i = j; i < n; i += 3) {
        const Eigen::Index a = std::min(i, n - 3);
        const S* const left[3] = {data + a * m + from, data + (a + 1) * m + from, data + (a + 2) * m + from};
        S tile[3][3] = {};
        nine_dots(left, right, rows, tile);
        for (Eigen::Index q = j - b; q < 3; ++q)
          for (Eigen::Index p = std::max(i - a, b + q - a); p < 3; ++p)
            out(a + p, b + q) = from == 0 ? tile[p][q] : out(a + p, b + q) + tile[p][q];
      }
    }
  }
}

/// out = J'r.
template <class J, class R, class X>
void transposed_product(const J& jacobian, const R& r, X& out) {
  using S = typename J::Scalar;
  constexpr int N = J::ColsAtCompileTime;
  const Eigen::Index n = N == Eigen::Dynamic ? jacobian.cols() : N, m = jacobian.rows();
  const S* const data = jacobian.data();
  if constexpr (N != Eigen::Dynamic && N <= 6) {
    if (m < 4 * abreast<S>) {
      S sums[N] = {};
      for (Eigen::Index i = 0; i < m; ++i)
        for (int a = 0; a < N; ++a) sums[a] += data[i + a * m] * r[i];
      for (int a = 0; a < N; ++a) out[a] = sums[a];
      return;
    }
  }
  for (Eigen::Index j = 0; j < n; ++j) out[j] = contiguous_dot(data + j * m, r.data(), m);
}

}  // namespace mesaopt::detail
