#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <tuple>

#include <mesaopt/core/random.hpp>

namespace mesaopt {

/// A random order of 0, ..., size - 1 that is computed, not stored: `shuffle(i)` is the i-th element of the epoch-th
/// shuffle of this seed, a bijection in i. Made for going through a data set in mini-batches.
///
/// A Feistel network of eight rounds on the fewest bits that hold size - 1 (but at least six), walked along until it
/// comes back below size: Black and Rogaway (2002), "Ciphers with arbitrary finite domains", method 2. The rounds' keys
/// are draws of Philox, their function is the finalizer of SplitMix64: Steele, Lea and Flood (2014), "Fast splittable
/// pseudorandom number generators". An element takes one to two passes on average, about 20 nanoseconds each, whatever
/// the size; below 32 elements, more. Whoever wants many elements asks `prepared()`, which has the keys ready.
struct Permutation {
  std::uint64_t size = 0;
  std::uint64_t seed = 0;
  std::uint64_t epoch = 0;

  static constexpr auto fields() { return std::tuple{&Permutation::size, &Permutation::seed, &Permutation::epoch}; }
  friend constexpr bool operator==(const Permutation&, const Permutation&) = default;

  /// The shuffle with its keys.
  class Prepared {
   public:
    constexpr explicit Prepared(const Permutation& shuffle) : size_(shuffle.size) {
      // On fewer than six bits, eight rounds do not reach all orders equally often.
      const int bits = std::max(6, static_cast<int>(std::bit_width(size_ - 1)));
      low_bits_ = bits / 2;
      low_mask_ = (std::uint64_t{1} << low_bits_) - 1;
      high_mask_ = (std::uint64_t{1} << (bits - low_bits_)) - 1;
      for (std::uint64_t k = 0; k < keys_.size(); k += 2) {
        // Another key than the draws' of Random with the same seed.
        const auto words = detail::philox64(k, shuffle.epoch, shuffle.seed ^ 0x6C62272E07BB0142);
        keys_[k] = words[0];
        keys_[k + 1] = words[1];
      }
    }

    /// The element at place i. Throws std::invalid_argument unless i < size.
    constexpr std::uint64_t operator()(std::uint64_t i) const {
      if (i >= size_)
        throw std::invalid_argument("Permutation: place " + std::to_string(i) + " is not below size " +
                                    std::to_string(size_));
      do i = shuffle_bits(i);
      while (i >= size_);
      return i;
    }

   private:
    std::uint64_t size_, low_mask_ = 0, high_mask_ = 0;
    std::array<std::uint64_t, 8> keys_{};
    int low_bits_ = 0;

    constexpr std::uint64_t shuffle_bits(std::uint64_t i) const {
      std::uint64_t low = i & low_mask_, high = i >> low_bits_;
      for (std::size_t round = 0; round < keys_.size(); round += 2) {
        high ^= scramble(low + keys_[round]) & high_mask_;
        low ^= scramble(high + keys_[round + 1]) & low_mask_;
      }
      return high << low_bits_ | low;
    }

    static constexpr std::uint64_t scramble(std::uint64_t z) {
      z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
      z = (z ^ z >> 27) * 0x94D049BB133111EB;
      return z ^ z >> 31;
    }
  };

  [[nodiscard]] constexpr Prepared prepared() const { return Prepared(*this); }

  /// The element at place i. Throws std::invalid_argument unless i < size.
  constexpr std::uint64_t operator()(std::uint64_t i) const { return prepared()(i); }
};

}  // namespace mesaopt
