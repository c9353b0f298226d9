#pragma once

#include <algorithm>
#include <type_traits>
#include <utility>

#include <Eigen/Core>

#include <mesaopt/core/vectors.hpp>

namespace mesaopt::detail {

// Sums and updates of columns, as many numbers abreast as a register holds, wherever they lie in memory. Neither that
// nor whether the compiler knows how many they are, nor the number of threads that Eigen may use, has a say in the
// bits. What does not know the type of a point is compiled once for all of them; and Eigen's expressions take the
// compiler much longer.

/// Calls whole(i, parts) for i = 0, 4 registers, 8 registers, ..., where parts is a sequence of four; then of one; then
/// number by number, to cover n. Each call is told the width of a part.
template <class S, class Part>
void for_parts(Eigen::Index n, const Part& part) {
  constexpr int width = lanes<S>;
  constexpr std::integral_constant<int, width> wide{};
  constexpr std::make_integer_sequence<int, 1> one{};
  Eigen::Index i = 0;
  for (; i + 4 * width <= n; i += 4 * width) part(i, wide, std::make_integer_sequence<int, 4>{});
  for (; i + width <= n; i += width) part(i, wide, one);
  if constexpr (width > 4)
    for (; i + 4 <= n; i += 4) part(i, std::integral_constant<int, 4>{}, one);
  for (; i < n; ++i) part(i, std::integral_constant<int, 1>{}, one);
}

/// A few numbers that are next to each other.
template <int width, class S>
Pack<width, S> few(const S* from) {
  Pack<width, S> pack;
  read<width>(from, pack);
  return pack;
}

/// y += a x, n numbers each.
template <class S>
void add_multiple(Eigen::Index n, S a, const S* x, S* y) {
  for_parts<S>(
      n, [=]<int... part>(Eigen::Index i, auto width, std::integer_sequence<int, part...>) {
        const Pack<width, S> sums[] = {few<width>(y + i + part * width) + a * few<width>(x + i + part * width)...};
        (write<width>(sums[part], y + i + part * width), ...);
      });
}

/// y += a x + b z, n numbers each; y is read and written once.
template <class S>
void add_multiples(Eigen::Index n, S a, const S* x, S b, const S* z, S* y) {
  for_parts<S>(
      n, [=]<int... part>(Eigen::Index i, auto width, std::integer_sequence<int, part...>) {
        const Pack<width, S> sums[] = {few<width>(y + i + part * width) + (a * few<width>(x + i + part * width) +
                                                                           b * few<width>(z + i + part * width))...};
        (write<width>(sums[part], y + i + part * width), ...);
      });
}

/// y += A x, where A has n rows and columns, one column after the other.
template <class S>
void add_product(Eigen::Index n, const S* A, const S* x, S* y) {
  Eigen::Index j = 0;
  for (; j + 1 < n; j += 2) add_multiples(n, x[j], A + n * j, x[j + 1], A + n * (j + 1), y);
  if (j < n) add_multiple(n, x[j], A + n * j, y);
}

/// C = decay C + c p p' + the sum over i < count of factors[i] y_i y_i', where y_i is column order[i] of Y. All columns
/// have n numbers; C is symmetric and read in its lower triangle.
template <class S>
void update_covariance(Eigen::Index n, S decay, S c, const S* p, Eigen::Index count, const S* factors,
                       const Eigen::Index* order, const S* Y, S* C) {
  for (Eigen::Index j = 0; j < n; ++j) {
    S* const column = C + n * j;
    for (Eigen::Index i = j; i < n; ++i) column[i] *= decay;
    add_multiple(n - j, c * p[j], p + j, column + j);
    Eigen::Index i = 0;
    for (; i + 1 < count; i += 2) {
      const S *const y = Y + n * order[i] + j, *const next = Y + n * order[i + 1] + j;
      add_multiples(n - j, factors[i] * y[0], y, factors[i + 1] * next[0], next, column + j);
    }
    if (i < count) {
      const S* const y = Y + n * order[i] + j;
      add_multiple(n - j, factors[i] * y[0], y, column + j);
    }
    for (i = j + 1; i < n; ++i) C[j + n * i] = column[i];
  }
}

}  // namespace mesaopt::detail
