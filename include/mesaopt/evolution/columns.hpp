#pragma once

#include <cstddef>
#include <type_traits>

#include <Eigen/Core>

namespace mesaopt::detail {

// Sums and updates of columns, eight numbers abreast wherever they lie in memory: so neither their alignment nor
// whether the compiler knows their number nor how many threads Eigen may use has a say in the bits, and nothing is
// allocated. Plain pointers, because Eigen checks every index unless NDEBUG is defined, and users need not define it;
// and because what does not know the type of a point is compiled once for all of them.

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

/// y += A x, where A has n rows and columns, one column after the other.
template <class S>
void add_product(Eigen::Index n, const S* A, const S* x, S* y) {
  Eigen::Index j = 0;
  for (; j + 1 < n; j += 2) add_multiples(n, x[j], A + n * j, x[j + 1], A + n * (j + 1), y);
  if (j < n) add_multiple(n, x[j], A + n * j, y);
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
