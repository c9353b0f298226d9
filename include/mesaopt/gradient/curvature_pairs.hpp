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
#include <mesaopt/core/vectors.hpp>

namespace mesaopt {
namespace detail {

/// The length of a column for n numbers, the last of which are zeros: columns have no odd ends.
template <class S>
constexpr Eigen::Index padded(Eigen::Index n) {
  constexpr Eigen::Index unit = std::max(16, 2 * lanes<S>);
  return n <= 16 ? Eigen::Index(std::bit_ceil(std::size_t(std::max<Eigen::Index>(n, 2))))
                 : (n + unit - 1) / unit * unit;
}

template <class T>
struct Two {
  T a, b;
};

/// Which variables the two-loop recursion is to leave alone, as their entries of q are 0: none, or some that no pair
/// has moved, or some that pairs may have moved.
enum class Held { none, unmoved, moved };

/// q += f.a v.a + f.b v.b, of the free variables alone if some are held that pairs have moved, and then the products
/// w.a'q and w.b'q; for more than 16 numbers.
template <Held held, class S>
Two<S> add_and_multiply(Two<S> f, Two<const S*> v, Two<const S*> w, [[maybe_unused]] const S* free, S* q,
                        Eigen::Index size) {
  constexpr int half = lanes<S>;
  using P = Pack<half, S>;
  // Two sums for each product, as an addition has to wait for the one before.
  P a{}, b{}, more_a{}, more_b{}, first, second, x, y;
  const auto add = [&](Eigen::Index i, P& to) {
    read<half>(q + i, to);
    read<half>(v.a + i, x);
    read<half>(v.b + i, y);
    to += f.a * x + f.b * y;
    if constexpr (held == Held::moved) {
      read<half>(free + i, x);
      to *= x;
    }
    write<half>(to, q + i);
    read<half>(w.a + i, x);
    read<half>(w.b + i, y);
  };
  for (Eigen::Index i = 0; i < size; i += 2 * half) {
    add(i, first);
    a += first * x;
    b += first * y;
    add(i + half, second);
    more_a += second * x;
    more_b += second * y;
  }
  a += more_a;
  b += more_b;
  return {sum<half, S>(a), sum<half, S>(b)};
}

}  // namespace detail

/// The last steps s and gradient changes y of a run: what L-BFGS knows of the inverse Hessian. The oldest is
/// overwritten.
///
/// A column holds one pair, in order of age around the ring; it is padded with zeros. Points of fixed size have at most
/// 16 pairs, so that nothing is on the heap.
template <Point X>
struct CurvaturePairs {
  using S = ScalarOf<X>;
  static constexpr int size =
      X::RowsAtCompileTime == Eigen::Dynamic ? Eigen::Dynamic : int(detail::padded<S>(X::RowsAtCompileTime));
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

  /// Where the pair is that `age` others are older than.
  [[nodiscard]] Eigen::Index place(Eigen::Index age) const {
    const Eigen::Index j = next - count + age;
    return j < 0 ? j + s.cols() : j;
  }
  [[nodiscard]] Eigen::Index older(Eigen::Index j) const { return j == 0 ? s.cols() - 1 : j - 1; }
  [[nodiscard]] Eigen::Index newer(Eigen::Index j) const { return j + 1 == s.cols() ? 0 : j + 1; }

  /// No pairs, and room for `memory` of n numbers. Zero throughout, so that equal runs are equal in all their bytes.
  void clear(Eigen::Index n, Eigen::Index memory) {
    for (auto* columns : {&s, &y}) detail::zeros(*columns, detail::padded<S>(n), memory);
    for (auto* row : {&reciprocal, &neighbour}) detail::zeros(*row, memory, 1);
    scale = 1;
    count = next = 0;
  }

  /// Adds the pair of two points and their gradients, unless it has no positive curvature: H would not stay positive
  /// definite. Then the oldest pair is lost.
  void add(const X& x, const X& gradient, const X& next_x, const X& next_gradient) {
    const Eigen::Index j = next;
    const Products products = s.rows() % detail::lanes<S> == 0
                                  ? put<detail::lanes<S>>(j, x, gradient, next_x, next_gradient)
                                  : put<2>(j, x, gradient, next_x, next_gradient);
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

  /// Makes H `by` times what it is.
  void rescale(S by) {
    y /= by;
    reciprocal *= by;
    neighbour /= by;
    scale *= by;
  }

  /// d = −Hg by the two-loop recursion, Nocedal & Wright (2006), algorithm 7.4, with the initial scaling (7.20).
  /// `q` and `weights` are scratch.
  void direction(const X& gradient, Column& q, Row& weights, X& d) const {
    const Eigen::Index n = gradient.size();
    if (count == 0) {
      detail::scale(S(-1), gradient.data(), d.data(), n);
      return;
    }
    for (Eigen::Index i = 0; i < n; ++i) q[i] = gradient[i];
    const S left = multiply<detail::Held::none>(reciprocal, neighbour, nullptr, weights, q);
    detail::scale(left, q.data(), d.data(), n);
  }

  /// q becomes −Hq short of a factor, which is answered. There is a pair at least. H is that of the pairs; where some
  /// variables are held, that of what the pairs are on the others, for which `free` is 1 and not 0, with their products
  /// in `over` and `beside`, which are like `reciprocal` and `neighbour`: a pair whose reciprocal is 0 is left out.
  template <detail::Held held>
  S multiply(const Row& over, const Row& beside, const S* free, Row& weights, Column& q) const {
    if (s.rows() > 16) {
      two_loops<held>(over, beside, free, weights, q);
      return -scale;
    }
    if constexpr (size != Eigen::Dynamic) {
      if constexpr (size <= 16) two_loops_in_registers<size, held>(over.data(), free, weights.data(), q);
    } else {
      switch (s.rows()) {
        case 2: two_loops_in_registers<2, held>(over.data(), free, weights.data(), q); break;
        case 4: two_loops_in_registers<4, held>(over.data(), free, weights.data(), q); break;
        case 8: two_loops_in_registers<8, held>(over.data(), free, weights.data(), q); break;
        default: two_loops_in_registers<16, held>(over.data(), free, weights.data(), q);
      }
    }
    return 1;
  }

 private:
  struct Products {
    S sy, ss, yy, neighbour;
  };

  /// Writes a pair into column j, and gives its products, with those of the pair before.
  template <int width>
  Products put(Eigen::Index j, const X& x, const X& gradient, const X& next_x, const X& next_gradient) {
    using P = detail::Pack<width, S>;
    const Eigen::Index rows = s.rows(), n = x.size();
    S* const steps = s.data() + j * rows;
    S* const changes = y.data() + j * rows;
    const S* const before = s.data() + older(j) * rows;
    const Eigen::Index whole = n / width * width;
    for (Eigen::Index i = whole; i < n; ++i) {
      steps[i] = next_x[i] - x[i];
      changes[i] = next_gradient[i] - gradient[i];
    }
    P sy{}, ss{}, yy{}, neighbours{}, step, change, other;
    for (Eigen::Index i = 0; i < rows; i += width) {
      if (i < whole) {
        detail::read<width>(next_x.data() + i, step);
        detail::read<width>(x.data() + i, other);
        step -= other;
        detail::write<width>(step, steps + i);
        detail::read<width>(next_gradient.data() + i, change);
        detail::read<width>(gradient.data() + i, other);
        change -= other;
        detail::write<width>(change, changes + i);
      } else {
        detail::read<width>(steps + i, step);
        detail::read<width>(changes + i, change);
      }
      detail::read<width>(before + i, other);
      sy += step * change;
      ss += step * step;
      yy += change * change;
      neighbours += other * change;
    }
    return {detail::sum<width, S>(sy), detail::sum<width, S>(ss), detail::sum<width, S>(yy),
            detail::sum<width, S>(neighbours)};
  }

  template <int rows, detail::Held held>
  void two_loops_in_registers(const S* over, [[maybe_unused]] const S* free, S* weights, Column& d) const {
    const S* const steps = s.data();
    const S* const changes = y.data();
    constexpr int width = std::min(rows, detail::lanes<S>), parts = rows / width;
    using P = detail::Pack<width, S>;
    P q[parts];
    for (int i = 0; i < parts; ++i) detail::read<width>(d.data() + i * width, q[i]);
    const auto hold = [&] {
      P v;
      for (int i = 0; i < parts; ++i) {
        detail::read<width>(free + i * width, v);
        q[i] *= v;
      }
    };
    const auto multiply_by = [&q](const S* with) {
      P sum{}, v;
      for (int i = 0; i < parts; ++i) {
        detail::read<width>(with + i * width, v);
        sum += q[i] * v;
      }
      return detail::sum<width, S>(sum);
    };
    const auto subtract = [&](S factor, const S* vector) {
      P v;
      for (int i = 0; i < parts; ++i) {
        detail::read<width>(vector + i * width, v);
        q[i] -= factor * v;
      }
      if constexpr (held == detail::Held::moved) hold();
    };
    Eigen::Index j = next;
    for (std::int64_t k = 0; k < count; ++k) {
      j = older(j);
      weights[j] = multiply_by(steps + j * rows) * over[j];
      subtract(weights[j], changes + j * rows);
    }
    if constexpr (held == detail::Held::unmoved) hold();
    for (P& part : q) part *= -scale;
    for (std::int64_t k = 0; k < count; ++k) {
      subtract(weights[j] + multiply_by(changes + j * rows) * over[j], steps + j * rows);
      j = newer(j);
    }
    for (int i = 0; i < parts; ++i) detail::write<width>(q[i], d.data() + i * width);
  }

  // Two pairs at a time: a pass over memory adds two vectors to q and takes its products with the next two. What adding
  // the first changes in the product with the second is a known number. A pair without a partner is its own, of weight
  // 0.
  template <detail::Held held>
  void two_loops(const Row& over, const Row& beside, const S* free, Row& weights, Column& q) const {
    using detail::Held, detail::Two;
    const auto rows = s.rows();
    constexpr Two<S> nothing{S(0), S(0)};
    const auto of = [rows](const Columns& columns, Eigen::Index i, Eigen::Index j) {
      return Two<const S*>{columns.data() + i * rows, columns.data() + j * rows};
    };
    std::int64_t left = count;
    Eigen::Index i = older(next), j = left > 1 ? older(i) : i;
    Two<S> product = detail::add_and_multiply<Held::none>(nothing, of(s, i, j), of(s, i, j), free, q.data(), rows);
    for (bool more = true; more; left -= 2) {
      const S a = product.a * over[i];
      const S b = left > 1 ? (product.b - a * beside[i]) * over[j] : S(0);
      if (left > 1) weights[j] = b;
      weights[i] = a;
      const Two<const S*> subtract = of(y, i, j);
      more = left > 2;
      i = more ? older(j) : j;
      if (more)
        j = left > 3 ? older(i) : i;
      else
        j = count > 1 ? newer(i) : i;
      const Two<S> f{-a, -b};
      const Two<const S*> with = of(more ? s : y, i, j);
      if constexpr (held == Held::unmoved)
        product = more ? detail::add_and_multiply<Held::none>(f, subtract, with, free, q.data(), rows)
                       : detail::add_and_multiply<Held::moved>(f, subtract, with, free, q.data(), rows);
      else
        product = detail::add_and_multiply<held>(f, subtract, with, free, q.data(), rows);
    }
    // Here q waits for its factor −γ, and so do the steps that are added to it.
    const S theta = 1 / scale;
    for (left = count; left > 0; left -= 2) {
      const S a = weights[i] * theta - product.a * over[i];
      const S b = left > 1 ? weights[j] * theta - (product.b + a * beside[j]) * over[j] : S(0);
      const Two<const S*> add = of(s, i, j);
      i = newer(j);
      j = left > 3 ? newer(i) : i;
      product = detail::add_and_multiply < held == Held::moved
                    ? held
                    : Held::none > ({a, b}, add, left > 2 ? of(y, i, j) : add, free, q.data(), rows);
    }
  }
};

}  // namespace mesaopt
