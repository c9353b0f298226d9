#pragma once

#include <algorithm>
#include <cstdint>
#include <tuple>

#include <Eigen/Core>

#include <mesaopt/core/point.hpp>
#include <mesaopt/gradient/curvature_pairs.hpp>
#include <mesaopt/gradient/row_blocks.hpp>

namespace mesaopt::detail {

/// What curvature pairs are on the free variables, the others being held: their products there, which are kept, and
/// follow the pairs and the choice of free variables as these change. With them the two-loop recursion gives the
/// inverse Hessian of the free variables, for a search on a face of the box.
///
/// Kelley (1999), "Iterative Methods for Optimization", section 5.5.3, where the parts of s and y on the free variables
/// make the pairs of a projected BFGS method. Entries go by places in the ring of the pairs.
template <Point X>
struct FreePairs {
  using S = ScalarOf<X>;
  using Pairs = CurvaturePairs<X>;
  using Column = typename Pairs::Column;
  using Row = typename Pairs::Row;

  Row sy{};                  ///< s'y over the free variables
  Row neighbour{};           ///< s'y over the free variables, with the s of the pair before
  Column free{};             ///< ones for the free variables, zeros for the others and for padding
  std::int64_t unknown = 0;  ///< how many of the newest pairs have no entries yet

  Row reciprocal{};  ///< scratch: 1 / s'y over the free variables, 0 where that is too small to rely on

  static constexpr auto fields() {
    using T = FreePairs;
    return std::tuple{&T::sy, &T::neighbour, &T::free, &T::unknown};
  }

  void clear(const Pairs& pairs) {
    for (Row* row : {&sy, &neighbour, &reciprocal}) row->setZero(pairs.s.cols());
    free.setZero(pairs.s.rows());
    unknown = pairs.count;
  }

  /// Makes the entries those for `now`, the variables that are free from here on.
  void follow(const Pairs& pairs, const Column& now) {
    const Eigen::Index rows = free.size();
    Eigen::Index changes = 0;
    for (Eigen::Index i = 0; i < rows; ++i) changes += now[i] != free[i] ? 1 : 0;
    if (8 * changes > rows)  // to begin anew is cheaper, and as exact as can be
      unknown = pairs.count;
    else if (changes > 0)
      for (Eigen::Index i = 0; i < rows; ++i)
        if (now[i] != free[i]) change(pairs, i, now[i] - free[i]);
    if (changes > 0) free = now;
    learn(pairs);
    reciprocal.resize(sy.size());  // a loaded state comes without its scratch
    constexpr S least = S(1e-4);   // of s'y, which the held variables have a part in that is wrong without them
    for (Eigen::Index j = 0; j < sy.size(); ++j) reciprocal[j] = sy[j] * pairs.reciprocal[j] > least ? 1 / sy[j] : S(0);
  }

 private:
  /// Variable i becomes free (sign 1) or held (sign -1).
  void change(const Pairs& pairs, Eigen::Index i, S sign) {
    Eigen::Index j = pairs.place(0);
    S before = pairs.s(i, pairs.older(j));
    for (std::int64_t known = pairs.count - unknown; known > 0; --known) {
      const S s = pairs.s(i, j), y = sign * pairs.y(i, j);
      sy[j] += y * s;
      neighbour[j] += y * before;
      before = s;
      j = pairs.newer(j);
    }
  }

  /// Finds the entries of the pairs that have none.
  void learn(const Pairs& pairs) {
    const Eigen::Index rows = pairs.s.rows(), count = pairs.count;
    for (Eigen::Index age = count - Eigen::Index(unknown); age < count; ++age) {
      const Eigen::Index j = pairs.place(age);
      const S *const y = pairs.y.data() + j * rows, *const s = pairs.s.data() + j * rows;
      const S* const before = pairs.s.data() + pairs.older(j) * rows;
      sy[j] = neighbour[j] = 0;
      in_blocks(pairs, [&]<int step>(Eigen::Index from, Eigen::Index size) {
        alignas(64) S part[rows_together];
        for (Eigen::Index i = 0; i < size; ++i) part[i] = free[from + i] * y[from + i];
        add_products<step>(part, s + from, before + from, sy[j], neighbour[j], size);
      });
    }
    unknown = 0;
  }
};

}  // namespace mesaopt::detail
