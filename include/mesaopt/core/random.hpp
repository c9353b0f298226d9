#pragma once

#include <array>
#include <bit>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <tuple>
#include <type_traits>

#include <mesaopt/core/number_text.hpp>

namespace mesaopt {

/// 128 random bits for a counter and a key: a pure function, so any of them can be had in any order, on any thread.
///
/// Philox 4x32-10 of Salmon, Moraes, Dror and Shaw (2011), "Parallel random numbers: as easy as 1, 2, 3", section 4.3.
constexpr std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> counter, std::array<std::uint32_t, 2> key) {
  const auto round = [&] {
    const std::uint64_t a = std::uint64_t{0xD2511F53} * counter[0];
    const std::uint64_t b = std::uint64_t{0xCD9E8D57} * counter[2];
    counter = {static_cast<std::uint32_t>(b >> 32) ^ counter[1] ^ key[0], static_cast<std::uint32_t>(b),
               static_cast<std::uint32_t>(a >> 32) ^ counter[3] ^ key[1], static_cast<std::uint32_t>(a)};
    key = {key[0] + 0x9E3779B9u, key[1] + 0xBB67AE85u};
  };
  // Written out, because g++ -O2 leaves a loop as it is, and takes twice as long.
  round(), round(), round(), round(), round();
  round(), round(), round(), round(), round();
  return counter;
}

namespace detail {

/// Philox on pairs of 64-bit words.
constexpr std::array<std::uint64_t, 2> philox64(std::uint64_t low, std::uint64_t high, std::uint64_t key) {
  const auto lower = [](std::uint64_t word) { return static_cast<std::uint32_t>(word); };
  const auto upper = [](std::uint64_t word) { return static_cast<std::uint32_t>(word >> 32); };
  const auto out = philox({lower(low), upper(low), lower(high), upper(high)}, {lower(key), upper(key)});
  return {out[0] | std::uint64_t{out[1]} << 32, out[2] | std::uint64_t{out[3]} << 32};
}

/// The 128-bit product of two 64-bit words.
struct WideProduct {
  std::uint64_t high, low;
};
constexpr WideProduct wide_product(std::uint64_t a, std::uint64_t b) {
  constexpr std::uint64_t half = 0xFFFFFFFF;
  const std::uint64_t low = (a & half) * (b & half);
  const std::uint64_t middle = (a >> 32) * (b & half) + (low >> 32);
  const std::uint64_t other = (a & half) * (b >> 32) + (middle & half);
  return {(a >> 32) * (b >> 32) + (middle >> 32) + (other >> 32), (other << 32) | (low & half)};
}

/// a b + c: fused at run time, rounded twice at compile time. Never left to the compiler, which fuses a plain a * b + c
/// on one machine and not on the next.
constexpr double multiply_add(double a, double b, double c) {
  return std::is_constant_evaluated() ? a * b + c : std::fma(a, b, c);
}

/// The natural logarithm of a normal positive number to about one unit in the last place, with the same bits
/// everywhere, which libraries do not promise: log(2^e m) = e log 2 + 2 artanh((m - 1) / (m + 1)).
constexpr double logarithm(double x) {
  const auto bits = std::bit_cast<std::uint64_t>(x);
  int exponent = static_cast<int>(bits >> 52) - 1022;
  double m = std::bit_cast<double>((bits & 0x000FFFFFFFFFFFFF) | 0x3FE0000000000000);  // in [1/2, 1)
  if (m < 0.70710678118654752) {
    m *= 2;
    --exponent;
  }
  const double s = (m - 1) / (m + 1);
  const double z = s * s;
  double series = 0;
  for (int k = 21; k > 0; k -= 2) series = multiply_add(series, z, 1.0 / k);
  return multiply_add(exponent, 0.69314718055994531, 2 * s * series);
}

/// 256 layers of equal area under exp(-x^2/2), the lowest one with the tail: Marsaglia and Tsang (2000), "The ziggurat
/// method for generating random variables". Layer i reaches from 0 to edge[i]; height[i] = exp(-edge[i]^2 / 2).
struct Ziggurat {
  static constexpr double tail = 0x1.d3bb48209ad33p+1;  // beyond it begins the tail
  static constexpr double area = 0x1.43016a5a43732p-8;  // of every layer
  struct Layer {
    std::uint64_t inside;  // below it, m * scale lies under the curve for sure
    double scale;          // edge / 2^53
  };
  std::array<Layer, 256> layers{};
  std::array<double, 257> height{};

  constexpr Ziggurat() {
    height[1] = 0x1.4a605b6b9f70dp-10;  // exp(-tail^2 / 2)
    double edge = area / height[1];
    for (std::size_t i = 0; i < 256; ++i) {
      double next = i == 0 ? tail : 0;
      if (i == 255) height[256] = 1;
      if (i > 0 && i < 255) {
        height[i + 1] = height[i] + area / edge;
        next = edge;
        const double square = -2 * logarithm(height[i + 1]);
        for (int newton = 0; newton < 5; ++newton) next = (next + square / next) / 2;
      }
      layers[i] = {static_cast<std::uint64_t>(next / edge * 0x1p53), edge * 0x1p-53};
      edge = next;
    }
  }
};
/// The one table; a template, so that it is computed only where normal numbers are drawn.
template <class Z = Ziggurat>
inline constexpr Z ziggurat{};

}  // namespace detail

/// The scalars that can be drawn: float and double.
template <class S>
concept Drawable = std::same_as<S, float> || std::same_as<S, double>;

/// A stream of random numbers, as a plain value: the next draw is a function of (seed, stream, index) alone.
///
/// Each draw, of whatever kind, takes one index: so draw 17 is `random.at(17).normal()`, at once and from any thread.
/// Every number is the same bits on every platform and compiler. A stream has 2^56 draws; seeds, and the streams of one
/// seed, are independent of each other.
struct Random {
  std::uint64_t seed = 0;
  std::uint64_t stream = 0;
  std::uint64_t index = 0;  ///< of the next draw

  static constexpr auto fields() { return std::tuple{&Random::seed, &Random::stream, &Random::index}; }
  friend constexpr bool operator==(const Random&, const Random&) = default;

  /// This stream, about to give draw `i`.
  constexpr Random at(std::uint64_t i) const { return {seed, stream, i}; }

  /// A stream of its own, named by `k`, for a nested run, a particle, an evaluation. It depends on seed, stream and k,
  /// not on what has been drawn; children of different parents differ too.
  constexpr Random split(std::uint64_t k) const {
    // Another key than the draws', so that no child's name is a number that its parent draws.
    const auto [child_seed, child_stream] = detail::philox64(stream, k, seed ^ 0xA5B85C5E198ED849);
    return {child_seed, child_stream, 0};
  }

  /// 64 random bits.
  constexpr std::uint64_t bits() {
    const std::uint64_t word = block(index / 2)[index % 2];
    ++index;
    return word;
  }

  /// Uniform in [0, 1): a multiple of 2^-53 (double) or 2^-24 (float).
  template <Drawable S = double>
  constexpr S uniform() {
    if constexpr (std::same_as<S, float>)
      return static_cast<float>(bits() >> 40) * 0x1p-24f;
    else
      return static_cast<double>(bits() >> 11) * 0x1p-53;
  }

  /// Uniform in [lower, upper), or lower itself where the two are equal. Throws std::invalid_argument unless
  /// lower <= upper and their difference is finite.
  template <Drawable S>
  S uniform(S lower, S upper) {
    if (!(lower <= upper) || !std::isfinite(upper - lower))
      throw std::invalid_argument("Random::uniform: needs finite lower <= upper, got [" + detail::number_text(lower) +
                                  ", " + detail::number_text(upper) + ")");
    const S value = std::fma(upper - lower, uniform<S>(), lower);
    // Rounding may reach the open end.
    return value < upper || lower == upper ? value : std::nextafter(upper, lower);
  }

  /// Uniform in {0, ..., n - 1}, without bias: Lemire (2019), "Fast random integer generation in an interval",
  /// algorithm 5. Throws std::invalid_argument for n = 0.
  constexpr std::uint64_t below(std::uint64_t n) {
    if (n == 0) throw std::invalid_argument("Random::below: needs n > 0, got 0");
    const std::uint64_t i = index;
    auto product = detail::wide_product(bits(), n);
    if (product.low < n)
      for (std::uint64_t attempt = 1; product.low < (0 - n) % n; ++attempt)
        product = detail::wide_product(retry(i, attempt)[0], n);
    return product.high;
  }

  /// Normal with mean 0 and variance 1, by the ziggurat with 256 layers; a float is the rounded double.
  ///
  /// Layer, sign and 53-bit position come from separate bits of one word, as Doornik (2005), "An improved ziggurat
  /// method to generate normal random samples", asks for. One draw in 80 needs more words: they come from counters of
  /// its own, so that a draw still takes one index.
  template <Drawable S = double>
  S normal() {
    const std::uint64_t i = index;
    return static_cast<S>(normal(bits(), i));
  }

  /// Fills an Eigen vector, matrix or block with normal draws, column by column: the same ones as a loop of `normal`
  /// gives, twice as fast.
  template <class Values>
  void fill_normal(Values&& values) {
    using S = typename std::remove_cvref_t<Values>::Scalar;
    static_assert(Drawable<S>, "fill_normal fills matrices of float or double");
    std::uint64_t second = block(index / 2)[1];
    for (decltype(values.cols()) column = 0; column < values.cols(); ++column)
      for (decltype(values.rows()) row = 0; row < values.rows(); ++row) {
        std::uint64_t word = second;
        if (index % 2 == 0) {
          const auto words = block(index / 2);
          word = words[0];
          second = words[1];
        }
        values(row, column) = static_cast<S>(normal(word, index));
        ++index;
      }
  }

 private:
  constexpr std::array<std::uint64_t, 2> block(std::uint64_t counter) const {
    return detail::philox64(counter, stream, seed);
  }

  /// Two more words for draw i: the top byte of the counter, which is 0 in first attempts, counts them.
  constexpr std::array<std::uint64_t, 2> retry(std::uint64_t i, std::uint64_t attempt) const {
    return block((i & 0x00FFFFFFFFFFFFFF) | attempt << 56);
  }

  template <class Z = detail::Ziggurat>
  double normal(std::uint64_t word, std::uint64_t i) const {
    const typename Z::Layer& layer = detail::ziggurat<Z>.layers[word % 256];
    const std::uint64_t m = word >> 11;
    if (m >= layer.inside) [[unlikely]]
      return edge_normal<Z>(word, i);
    const double x = static_cast<double>(m) * layer.scale;
    // The sign without a branch, which would be foreseen only half of the time.
    return std::bit_cast<double>(std::bit_cast<std::uint64_t>(x) | (word & 256) << 55);
  }

  /// The rest of `normal`: the rim of a layer, and the tail.
  template <class Z>
  double edge_normal(std::uint64_t word, std::uint64_t i) const {
    // In (0, 1], for logarithms.
    const auto uniform = [](std::uint64_t bits) { return static_cast<double>((bits >> 11) + 1) * 0x1p-53; };
    const Z& z = detail::ziggurat<Z>;
    for (std::uint64_t attempt = 1;; ++attempt) {
      const std::size_t layer = word % 256;
      const double sign = word & 256 ? -1 : 1;
      const double x = static_cast<double>(word >> 11) * z.layers[layer].scale;
      if (word >> 11 < z.layers[layer].inside) return sign * x;
      auto words = retry(i, attempt);
      if (layer == 0) {
        for (;; words = retry(i, ++attempt)) {
          const double beyond = -detail::logarithm(uniform(words[0])) / z.tail;
          if (-2 * detail::logarithm(uniform(words[1])) > beyond * beyond) return sign * (z.tail + beyond);
        }
      }
      const double y = std::fma(uniform(words[0]), z.height[layer + 1] - z.height[layer], z.height[layer]);
      if (detail::logarithm(y) < -0.5 * x * x) return sign * x;
      word = words[1];
    }
  }
};

}  // namespace mesaopt
