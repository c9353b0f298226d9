#pragma once

#include <algorithm>
#include <cmath>
#include <cstring>
#include <type_traits>
#include <utility>

#include <Eigen/Core>

namespace mesaopt::detail {

// The arithmetic of the inner loops, on plain arrays. Eigen's expressions would do, but for two things. Its sums depend
// on where in memory a vector begins, and so would a run on where its state was copied to; these depend on the length
// alone. And each of its expressions is some thirty functions to compile; each of these is one.

/// As many numbers as fit into a register of the machine compiled for.
template <class S>
inline constexpr int lanes = std::max(1, EIGEN_MAX_STATIC_ALIGN_BYTES / int(sizeof(S)));

/// A vector of `count` numbers, a power of 2, that compilers keep in registers of whatever length the machine has.
template <int count, class S>
struct PackOf {
  using type [[gnu::vector_size(count * sizeof(S))]] = S;
};
template <int count, class S>
using Pack = typename PackOf<count, S>::type;

template <int count, class S>
inline void read(const S* from, Pack<count, S>& to) {
  std::memcpy(&to, from, sizeof to);
}
template <int count, class S>
inline void write(const Pack<count, S>& from, S* to) {
  std::memcpy(to, &from, sizeof from);
}
/// The sum of the entries, halves first.
template <int count, class S>
inline S sum(const Pack<count, S>& pack) {
  if constexpr (count == 1) {
    return pack[0];
  } else {
    // A half that is read from the memory of the pack, instead, would keep the pack there wherever it is summed up to.
    return [&]<int... i>(std::integer_sequence<int, i...>) {
      const Pack<count / 2, S> half =
          __builtin_shufflevector(pack, pack, i...) + __builtin_shufflevector(pack, pack, (i + count / 2)...);
      return sum<count / 2, S>(half);
    }
    (std::make_integer_sequence<int, count / 2>{});
  }
}

/// a'b.
template <class S>
S product(const S* a, const S* b, Eigen::Index n) {
  Eigen::Index i = 0;
  S total(0);
  if constexpr (std::is_floating_point_v<S>) {
    constexpr int width = lanes<S>;
    if (n >= 2 * width) {
      Pack<width, S> even{}, odd{}, x, y;  // two sums, as an addition has to wait for the one before
      for (; i + 2 * width <= n; i += 2 * width) {
        read<width>(a + i, x);
        read<width>(b + i, y);
        even += x * y;
        read<width>(a + i + width, x);
        read<width>(b + i + width, y);
        odd += x * y;
      }
      even += odd;
      total = sum<width, S>(even);
    }
  }
  for (; i < n; ++i) total += a[i] * b[i];
  return total;
}

/// out = x + t d. `out` may be x or d.
template <class S>
void add(const S* x, const S& t, const S* d, S* out, Eigen::Index n) {
  Eigen::Index i = 0;
  if constexpr (std::is_floating_point_v<S>) {
    constexpr int width = lanes<S>;
    Pack<width, S> sum, step;
    for (; i + width <= n; i += width) {
      read<width>(x + i, sum);
      read<width>(d + i, step);
      sum += t * step;
      write<width>(sum, out + i);
    }
  }
  for (; i < n; ++i) out[i] = x[i] + t * d[i];
}

/// out = t x. `out` may be x.
template <class S>
void scale(const S& t, const S* x, S* out, Eigen::Index n) {
  Eigen::Index i = 0;
  if constexpr (std::is_floating_point_v<S>) {
    constexpr int width = lanes<S>;
    Pack<width, S> some;
    for (; i + width <= n; i += width) {
      read<width>(x + i, some);
      some *= t;
      write<width>(some, out + i);
    }
  }
  for (; i < n; ++i) out[i] = t * x[i];
}

/// The largest |x[i]|, 0 of none; NaN if there is one.
template <class S>
S largest(const S* x, Eigen::Index n) {
  using std::abs, std::isnan;
  S most(0);
  for (Eigen::Index i = 0; i < n; ++i) {
    const S size = abs(x[i]);
    if (isnan(size)) return size;
    if (size > most) most = size;
  }
  return most;
}

template <class S>
bool all_finite(const S* x, Eigen::Index n) {
  using std::isfinite;  // and that of dual numbers
  for (Eigen::Index i = 0; i < n; ++i)
    if (!isfinite(x[i])) return false;
  return true;
}

/// to = from, sized like it. Both are plain Eigen vectors or matrices of one type.
template <class X>
void copy(const X& from, X& to) {
  to.resize(from.rows(), from.cols());
  const auto* const source = from.data();
  auto* const target = to.data();
  for (Eigen::Index i = 0, n = from.size(); i < n; ++i) target[i] = source[i];
}

/// A vector or matrix of this size, all zeros.
template <class X>
void zeros(X& x, Eigen::Index rows, Eigen::Index cols) {
  x.resize(rows, cols);
  auto* const target = x.data();
  for (Eigen::Index i = 0, n = x.size(); i < n; ++i) target[i] = typename X::Scalar(0);
}

}  // namespace mesaopt::detail
