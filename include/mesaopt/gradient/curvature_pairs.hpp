#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <tuple>

#include <Eigen/Core>

#include <mesaopt/core/point.hpp>

namespace mesaopt {
namespace detail {

// Sums over columns are taken in an order that depends on their length alone. Eigen's own depend on where in memory a
// column begins, and so would a run on where its state was copied to.

/// As many numbers as fit into a register of the machine compiled for.
template <class S>
inline constexpr int lanes = std::max(1, EIGEN_MAX_STATIC_ALIGN_BYTES / int(sizeof(S)));

/// The length of a column for n numbers, the last of which are zeros: columns have no odd ends.
template <class S>
constexpr Eigen::Index padded(Eigen::Index n) {
  constexpr Eigen::Index unit = std::max(16, 2 * lanes<S>);
  return n <= 16 ? Eigen::Index(std::bit_ceil(std::size_t(std::max<Eigen::Index>(n, 2)))) : (n + unit - 1) / unit * unit;
}

template <int count, class S>
using Part = Eigen::Array<S, count, 1>;
template <int count, class S>
auto part(const S* x) {
  return Eigen::Map<const Part<count, S>>(x);
}
template <int count, class S>
auto part(S* x) {
  return Eigen::Map<Part<count, S>>(x);
}

template <class T>
struct Two {
  T a, b;
};

/// q += f.a v.a + f.b v.b, and then the products w.a'q and w.b'q; for more than 16 numbers.
template <class S>
Two<S> add_and_multiply(Two<S> f, Two<const S*> v, Two<const S*> w, S* q, Eigen::Index size) {
  constexpr int half = lanes<S>;
  using P = Part<half, S>;
  // Two sums for each product, as an addition has to wait for the one before.
  P a = P::Zero(), b = a, more_a = a, more_b = a;
  for (Eigen::Index i = 0, k = half; i < size; i += 2 * half, k += 2 * half) {
    const P first = part<half>(q + i) + f.a * part<half>(v.a + i) + f.b * part<half>(v.b + i);
    const P second = part<half>(q + k) + f.a * part<half>(v.a + k) + f.b * part<half>(v.b + k);
    part<half>(q + i) = first;
    part<half>(q + k) = second;
    a += first * part<half>(w.a + i);
    b += first * part<half>(w.b + i);
    more_a += second * part<half>(w.a + k);
    more_b += second * part<half>(w.b + k);
  }
  return {(a + more_a).sum(), (b + more_b).sum()};
}

/// Calls body.template operator()<size>() for a size of at most 16 that a column can have.
template <int most = 16, class Body>
void with_size(Eigen::Index size, const Body& body) {
  if constexpr (most > 2)
    if (size < most) return with_size<most / 2>(size, body);
  body.template operator()<most>();
}

}  // namespace detail

/// The last steps s and gradient changes y of a run: what L-BFGS knows of the inverse Hessian. The oldest is overwritten.
///
/// A column holds one pair, in order of age around the ring; it is padded with zeros. Points of fixed size have at most
/// 16 pairs, so that nothing is on the heap.
template <Point X>
struct CurvaturePairs {
  using S = ScalarOf<X>;
  static constexpr int size = X::RowsAtCompileTime == Eigen::Dynamic ? Eigen::Dynamic
                                                                     : int(detail::padded<S>(X::RowsAtCompileTime));
  static constexpr int most = size == Eigen::Dynamic ? Eigen::Dynamic : 16;
  using Columns = Eigen::Matrix<S, size, Eigen::Dynamic, Eigen::ColMajor, size, most>;
  using Column = Eigen::Matrix<S, size, 1>;
  using Row = Eigen::Matrix<S, Eigen::Dynamic, 1, Eigen::ColMajor, most, 1>;

  Columns s{}, y{};
  Row reciprocal{};        ///< 1 / s'y of each pair
  Row neighbour{};         ///< s'y with the s of the pair before
  S scale = 1;             ///< s'y / y'y of the newest pair: the initial inverse Hessian is this times the identity
  std::int64_t count = 0;  ///< pairs held
  std::int64_t next = 0;   ///< column that the next pair goes to

  static constexpr auto fields() {
    using P = CurvaturePairs;
    return std::tuple{&P::s, &P::y, &P::reciprocal, &P::neighbour, &P::scale, &P::count, &P::next};
  }

  [[nodiscard]] Eigen::Index older(Eigen::Index j) const { return j == 0 ? s.cols() - 1 : j - 1; }
  [[nodiscard]] Eigen::Index newer(Eigen::Index j) const { return j + 1 == s.cols() ? 0 : j + 1; }

  /// No pairs, and room for `memory` of n numbers. Zero throughout, so that equal runs are equal in all their bytes.
  void clear(Eigen::Index n, Eigen::Index memory) {
    for (auto* columns : {&s, &y}) columns->setZero(detail::padded<S>(n), memory);
    for (auto* row : {&reciprocal, &neighbour}) row->setZero(memory);
    scale = 1;
    count = next = 0;
  }

  /// Adds the pair of two points and their gradients, unless it has no positive curvature: H would not stay positive
  /// definite. Then the oldest pair is lost.
  void add(const X& x, const X& gradient, const X& next_x, const X& next_gradient) {
    const Eigen::Index j = next;
    s.col(j).head(x.size()) = next_x - x;
    y.col(j).head(x.size()) = next_gradient - gradient;
    const Products products = multiply(j);
    using std::sqrt;
    if (!(products.sy > std::numeric_limits<S>::epsilon() * sqrt(products.ss) * sqrt(products.yy) &&
          products.sy >= std::numeric_limits<S>::min())) {
      count = std::min<std::int64_t>(count, s.cols() - 1);
      return;
    }
    reciprocal[j] = 1 / products.sy;
    neighbour[j] = count > 0 ? products.neighbour : S(0);
    scale = products.sy / products.yy;
    next = newer(j);
    count = std::min<std::int64_t>(count + 1, s.cols());
  }

  /// d = −Hg by the two-loop recursion, Nocedal & Wright (2006), algorithm 7.4, with the initial scaling (7.20).
  /// `q` and `weights` are scratch.
  void direction(const X& gradient, Column& q, Row& weights, X& d) const {
    const auto n = gradient.size();
    if (count == 0) {
      d = -gradient;
    } else if (s.rows() <= 16) {
      detail::with_size(s.rows(), [&]<int rows>() {
        if constexpr (size == Eigen::Dynamic || size == rows) {
          q.head(n) = gradient;
          two_loops_in_registers<rows>(weights, q);
          d = q.head(n);
        }
      });
    } else {
      q.head(n) = gradient;
      two_loops(weights, q);
      d = -scale * q.head(n);
    }
  }

 private:
  struct Products {
    S sy, ss, yy, neighbour;
  };

  Products multiply(Eigen::Index j) const {
    const S* const a = s.data() + j * s.rows();
    const S* const b = y.data() + j * s.rows();
    const S* const c = s.data() + older(j) * s.rows();
    if (s.rows() > 16) return multiply<detail::lanes<S>>(a, b, c);
    Products products;
    detail::with_size(s.rows(), [&]<int rows>() {
      if constexpr (size == Eigen::Dynamic || size == rows) products = multiply<rows>(a, b, c);
    });
    return products;
  }
  template <int step>
  Products multiply(const S* a, const S* b, const S* c) const {
    using P = detail::Part<step, S>;
    P sy = P::Zero(), ss = sy, yy = sy, neighbours = sy;
    for (Eigen::Index i = 0; i < s.rows(); i += step) {
      const P s_i = detail::part<step>(a + i), y_i = detail::part<step>(b + i);
      sy += s_i * y_i;
      ss += s_i * s_i;
      yy += y_i * y_i;
      neighbours += detail::part<step>(c + i) * y_i;
    }
    return {sy.sum(), ss.sum(), yy.sum(), neighbours.sum()};
  }

  template <int rows>
  void two_loops_in_registers(Row& weights, Column& d) const {
    using detail::part;
    const S* const steps = s.data();
    const S* const changes = y.data();
    detail::Part<rows, S> q = part<rows>(d.data());
    Eigen::Index j = next;
    for (std::int64_t k = 0; k < count; ++k) {
      j = older(j);
      const S a = (q * part<rows>(steps + j * rows)).sum() * reciprocal[j];
      weights[j] = a;
      q -= a * part<rows>(changes + j * rows);
    }
    q *= -scale;
    for (std::int64_t k = 0; k < count; ++k) {
      const S b = weights[j] + (q * part<rows>(changes + j * rows)).sum() * reciprocal[j];
      q -= b * part<rows>(steps + j * rows);
      j = newer(j);
    }
    part<rows>(d.data()) = q;
  }

  // Two pairs at a time: a pass over memory adds two vectors to q and takes its products with the next two. What adding
  // the first changes in the product with the second is a known number. A pair without a partner is its own, of weight 0.
  void two_loops(Row& weights, Column& q) const {
    using detail::Two;
    const auto rows = s.rows();
    const auto of = [rows](const Columns& columns, Eigen::Index i, Eigen::Index j) {
      return Two<const S*>{columns.data() + i * rows, columns.data() + j * rows};
    };
    std::int64_t left = count;
    Eigen::Index i = older(next), j = left > 1 ? older(i) : i;
    Two<S> product = detail::add_and_multiply({S(0), S(0)}, of(s, i, j), of(s, i, j), q.data(), rows);
    for (bool more = true; more; left -= 2) {
      const S a = product.a * reciprocal[i];
      const S b = left > 1 ? (product.b - a * neighbour[i]) * reciprocal[j] : S(0);
      if (left > 1) weights[j] = b;
      weights[i] = a;
      const Two<const S*> subtract = of(y, i, j);
      more = left > 2;
      i = more ? older(j) : j;
      if (more)
        j = left > 3 ? older(i) : i;
      else
        j = count > 1 ? newer(i) : i;
      product = detail::add_and_multiply({-a, -b}, subtract, of(more ? s : y, i, j), q.data(), rows);
    }
    // Here q waits for its factor −γ, and so do the steps that are added to it.
    const S over = 1 / scale;
    for (left = count; left > 0; left -= 2) {
      const S a = weights[i] * over - product.a * reciprocal[i];
      const S b = left > 1 ? weights[j] * over - (product.b + a * neighbour[j]) * reciprocal[j] : S(0);
      const Two<const S*> add = of(s, i, j);
      i = newer(j);
      j = left > 3 ? newer(i) : i;
      product = detail::add_and_multiply({a, b}, add, left > 2 ? of(y, i, j) : add, q.data(), rows);
    }
  }
};

}  // namespace mesaopt
