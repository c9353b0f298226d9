#pragma once

#include <algorithm>

#include <Eigen/Core>

#include <mesaopt/core/point.hpp>
#include <mesaopt/core/vectors.hpp>
#include <mesaopt/gradient/curvature_pairs.hpp>

namespace mesaopt::detail {

/// As many rows of curvature pairs as are taken together: so few that those of all pairs stay in the nearest cache.
inline constexpr Eigen::Index rows_together = 128;

/// Calls body<step>(from, size) for the rows of curvature pairs, block by block. `step` numbers go into a register; it
/// divides the size.
template <Point X, class Body>
void in_blocks(const CurvaturePairs<X>& pairs, const Body& body) {
  using S = ScalarOf<X>;
  constexpr int wide = lanes<S>, narrow = std::min(wide, 2);
  const Eigen::Index rows = pairs.s.rows();
  for (Eigen::Index from = 0; from < rows; from += rows_together) {
    const Eigen::Index size = std::min(rows_together, rows - from);
    if (size % wide == 0)
      body.template operator()<wide>(from, size);
    else
      body.template operator()<narrow>(from, size);
  }
}

/// Adds the products of v with two vectors to two sums.
template <int step, class S>
void add_products(const S* v, const S* first, const S* second, S& to_first, S& to_second, Eigen::Index size) {
  Pack<step, S> a{}, b{};
  for (Eigen::Index i = 0; i < size; i += step) {
    Pack<step, S> x, y, z;
    read<step>(v + i, x);
    read<step>(first + i, y);
    read<step>(second + i, z);
    a += x * y;
    b += x * z;
  }
  to_first += sum<step, S>(a);
  to_second += sum<step, S>(b);
}

}  // namespace mesaopt::detail
