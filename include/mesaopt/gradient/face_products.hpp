#pragma once

#include <algorithm>
#include <cstdint>
#include <tuple>

#include <Eigen/Core>

#include <mesaopt/core/point.hpp>
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

/// The products of curvature pairs with one another over the free variables, and over the others, which are held: as
/// far as the quasi-Newton matrix of the free variables consists of them. They are kept, and follow the pairs and the
/// choice of free variables as these change.
///
/// Byrd, Lu, Nocedal & Zhu (1995), section 5.1. Entries go by places in the ring of the pairs.
template <Point X>
struct FaceProducts {
  using S = ScalarOf<X>;
  using Pairs = CurvaturePairs<X>;
  using Column = typename Pairs::Column;
  using Square = Eigen::Matrix<S, Eigen::Dynamic, Eigen::Dynamic, Eigen::ColMajor, Pairs::most, Pairs::most>;

  Square yy{};               ///< yᵢ'yⱼ of the free variables, pair i not older than j
  Square sy{};               ///< sᵢ'yⱼ, of the held variables where i is newer than j, else of the free ones
  Square ss{};               ///< sᵢ'sⱼ of the held variables, pair i not older than j
  Column free{};             ///< ones for the free variables, zeros for the others and for padding
  std::int64_t unknown = 0;  ///< how many of the newest pairs have no entries yet

  static constexpr auto fields() {
    using T = FaceProducts;
    return std::tuple{&T::yy, &T::sy, &T::ss, &T::free, &T::unknown};
  }

  void clear(const Pairs& pairs) {
    const Eigen::Index memory = pairs.s.cols();
    for (Square* products : {&yy, &sy, &ss}) products->setZero(memory, memory);
    for (Numbers* numbers : {&s_, &y_}) numbers->setZero(memory);
    free.setZero(pairs.s.rows());
    unknown = pairs.count;
  }

  /// Makes the entries of the k oldest pairs those for `now`, the variables that are free from here on.
  void follow(const Pairs& pairs, Eigen::Index k, const Column& now) {
    const Eigen::Index rows = free.size();
    Eigen::Index changes = 0;
    for (Eigen::Index i = 0; i < rows; ++i) changes += now[i] != free[i];
    // As dear as a vector of the machine is long is a change: to begin anew is cheaper, and as exact as can be.
    if (changes * lanes < S >> rows) {
      free = now;
      unknown = pairs.count;
    } else if (changes > 0) {
      for (Eigen::Index i = 0; i < rows; ++i)
        if (now[i] != free[i]) change(pairs, i, now[i] - free[i]);
      free = now;
    }
    if (pairs.count - unknown < k) {
      learn(pairs, pairs.count - unknown, k);
      unknown = pairs.count - k;
    }
  }

 private:
  using Numbers = Eigen::Matrix<S, Eigen::Dynamic, 1, Eigen::ColMajor, Pairs::most, 1>;
  Numbers s_{}, y_{};  // scratch

  /// Variable i becomes free (sign 1) or held (sign -1).
  void change(const Pairs& pairs, Eigen::Index i, S sign) {
    const Eigen::Index known = pairs.count - unknown;
    s_.resize(pairs.s.cols());  // a loaded state comes without its scratch
    y_.resize(pairs.s.cols());
    for (Eigen::Index a = 0; a < known; ++a) {
      const Eigen::Index p = pairs.place(a);
      const S s = s_[a] = pairs.s(i, p), y = y_[a] = pairs.y(i, p);
      for (Eigen::Index b = 0; b <= a; ++b) {
        const Eigen::Index q = pairs.place(b);
        yy(p, q) += sign * y * y_[b];
        ss(p, q) -= sign * s * s_[b];
        sy(q, p) += sign * y * s_[b];
        if (a != b) sy(p, q) -= sign * s * y_[b];
      }
    }
  }

  /// Finds the entries of the pairs from one age to another with one another, and with the pairs before.
  void learn(const Pairs& pairs, Eigen::Index from_age, Eigen::Index to_age) {
    const Eigen::Index rows = pairs.s.rows();
    for (Eigen::Index a = from_age; a < to_age; ++a)
      for (Eigen::Index b = 0; b <= a; ++b) {
        const Eigen::Index p = pairs.place(a), q = pairs.place(b);
        yy(p, q) = ss(p, q) = sy(p, q) = sy(q, p) = 0;
      }
    in_blocks(pairs, [&]<int step>(Eigen::Index from, Eigen::Index size) {
      alignas(64) S y_free[rows_together], s_held[rows_together];
      for (Eigen::Index a = from_age; a < to_age; ++a) {
        const Eigen::Index p = pairs.place(a);
        const S* const y = pairs.y.data() + p * rows + from;
        const S* const s = pairs.s.data() + p * rows + from;
        S moved = 0;
        for (Eigen::Index i = 0; i < size; ++i) {
          y_free[i] = free[from + i] * y[i];
          s_held[i] = s[i] - free[from + i] * s[i];
          moved = s_held[i] != 0 ? 1 : moved;
        }
        for (Eigen::Index b = 0; b <= a; ++b) {
          const Eigen::Index q = pairs.place(b);
          const S* const other_y = pairs.y.data() + q * rows + from;
          const S* const other_s = pairs.s.data() + q * rows + from;
          S unused = 0;
          add_products<step>(y_free, other_y, other_s, yy(p, q), sy(q, p), size);
          if (moved != 0) add_products<step>(s_held, other_s, other_y, ss(p, q), a != b ? sy(p, q) : unused, size);
        }
      }
    });
  }
};

}  // namespace mesaopt::detail
