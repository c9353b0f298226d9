#pragma once

#include <array>
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <tuple>
#include <type_traits>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/random.hpp>

namespace mesaopt {

/// How the points of a Sobol sequence are randomized. What makes them even is kept by both ways.
enum class Scrambling : std::uint8_t {
  none,           ///< not at all: the first point is the origin
  digital_shift,  ///< by the exclusive or with one random number a coordinate
  owen            ///< every half, quarter, eighth, ... of the interval is mirrored in its middle or not, by chance
};

namespace detail {

/// One word a dimension, from the second on: a primitive polynomial of degree s over the integers modulo 2, and the
/// initial direction numbers m_2 ... m_s of Joe and Kuo, which are odd and below 2^k. From the lowest bit upwards:
/// (m_2 - 1) / 2 in one bit, (m_3 - 1) / 2 in two, ..., the s - 1 inner coefficients of the polynomial, and a 1.
inline constexpr std::array<std::uint64_t, 160> sobol_table = {
    // clang-format off
    0x1, 0x7, 0x29, 0x30, 0x24A, 0x335, 0x4A14, 0x5094, 0x5E6E, 0x6C04, 0x7548, 0x7BD5, 0x10E0E3, 0x16AAB8, 0x186371,
    0x1988F8, 0x1B31B9, 0x1CFA54, 0x8399EEF, 0x8911DB7, 0x8EFC4F2, 0x90D3025, 0x9DAC531, 0xA67FB51, 0xAAF526C,
    0xB91184D, 0xBE02436, 0xC0EA597, 0xCAA3B22, 0xD2D82F5, 0xD44758F, 0xE516889, 0xEE342D4, 0xF1EF81E, 0xF6C79A6,
    0xFC86C53, 0x8EF4C1BF9, 0x9560FF7FD, 0x96F931569, 0xA6091D769, 0xAF2D416BE, 0xB14F03F0F, 0xB2CC09641, 0xB49C72A64,
    0xB8B96402F, 0xC347391CB, 0xC61BDCDEF, 0xD4E183D42, 0xE1B0E56C8, 0xE7469221F, 0xF3D5EFF51, 0xFA84D5552,
    0x108EFACBA395, 0x10D2209B006B, 0x110AB045CE10, 0x116F96679F11, 0x1195B68FA168, 0x12CB5E78392C, 0x12FBF06A5A7C,
    0x1346E894A7DF, 0x13729DFB9EC8, 0x13B5018D9FF4, 0x13E80569DF32, 0x14392F9F6AA8, 0x14AA14EE0D6E, 0x151410341A14,
    0x152EDFB00EF6, 0x15705940D505, 0x15BF3FE31BF2, 0x15E3F5B67C83, 0x167767FEA40A, 0x16890F293EDC, 0x16DF5B7D6A2C,
    0x17AACD031810, 0x17C1007CF03A, 0x18957CF454E9, 0x18A18FEFB5C1, 0x18F98ABA7B4D, 0x1914AF8E040C, 0x1984F0C3F092,
    0x19D708DA14E8, 0x1A78765E7753, 0x1AD393ACE165, 0x1B0D147F5AC6, 0x1B5256DA0AD2, 0x1B6E279094FE, 0x1B9E01A7990F,
    0x1BF07589CE79, 0x1C2BD9124000, 0x1C7F10C755F9, 0x1DAD7835364E, 0x1DCAEC25C48B, 0x1E3943A9B51B, 0x1E54EF032162,
    0x1E66ABC8733F, 0x1EA6C5326D06, 0x1EC7C705B673, 0x1F1EFFC0D6CD, 0x1F46C74B0954, 0x1FD497A84B9B, 0x408E56FE2908B9,
    0x41AF343FEFCC96, 0x4272B6CF958D19, 0x42C7BB5E01DD32, 0x46570044221A77, 0x46F529F281F655, 0x4818A672A3FFCC,
    0x48A54F82E0CDA6, 0x4C5C4CF1382299, 0x4D63F526F1BC47, 0x4E7A765774F82C, 0x4F21117604F933, 0x4FEEAD05EFB9DE,
    0x50CC06A3919321, 0x518AA133995FF5, 0x52313B6ADF73CA, 0x53161E19D0F187, 0x53DE2D659A1A98, 0x542464E76B6624,
    0x5577240096D99F, 0x56B1D4B8D0F2C7, 0x5844EBB6B75E2A, 0x58FC95432AA953, 0x59738E34396DCC, 0x5A129AC2E72C25,
    0x5C726A19A7609F, 0x5E566823DFD09B, 0x5F7F84043D2E1F, 0x5FA983DCE54D72, 0x61224732F787A2, 0x61481DC15D3821,
    0x62569DBD3F4EB1, 0x637821859CFE0E, 0x642241F6B94177, 0x64E58DA86FF194, 0x65AF1D02F77F5A, 0x6780B18BE03AC2,
    0x67F2F6D6426F3A, 0x68899C4FACA4D9, 0x6B401A84A46F0B, 0x6C0CEEF2D02330, 0x6D36B6AA18E35E, 0x6DFAC7D28A8AC5,
    0x6FDA1BF569F95B, 0x717CDFC0670DBA, 0x71CFADE9CBBC87, 0x7212E39922541A, 0x739F4E3D3D80B3, 0x747A525F20A592,
    0x74D26B2F96A41F, 0x754CD8BC5B3020, 0x758255F86EF2F9, 0x762AEBFFC9ABBC, 0x77DEA6396F5A53, 0x78C00468DAF935,
    0x793E99A6953369, 0x7B015AEDFC8E6B, 0x7DBCF8915ECEA6, 0x7F2DA97F2BD1F6, 0x7F967CC62384D8
    // clang-format on
};

/// A 64-bit fraction as a number in [0, 1).
template <class S>
constexpr S unit_interval(std::uint64_t bits) {
  if constexpr (std::same_as<S, float>)
    return static_cast<float>(bits >> 40) * 0x1p-24f;
  else
    return static_cast<double>(bits >> 11) * 0x1p-53;
}

/// The direction numbers of every dimension, 64 each, as 64-bit fractions.
inline std::vector<std::array<std::uint64_t, 64>> sobol_directions(std::size_t dimension) {
  std::vector<std::array<std::uint64_t, 64>> all(dimension);
  for (std::size_t k = 0; k < 64 && dimension > 0; ++k) all[0][k] = std::uint64_t{1} << (63 - k);
  for (std::size_t j = 1; j < dimension; ++j) {
    std::uint64_t word = sobol_table[j - 1];
    std::size_t degree = 1;
    while (degree * (degree + 1) / 2 < std::size_t(std::bit_width(word))) ++degree;
    auto& v = all[j];
    for (std::size_t k = 0; k < degree; ++k) {
      const std::uint64_t m = 2 * (word & ((std::uint64_t{1} << k) - 1)) + 1;
      word >>= k;
      v[k] = m << (63 - k);
    }
    for (std::size_t k = degree; k < 64; ++k) {
      v[k] = v[k - degree] ^ v[k - degree] >> degree;
      for (std::size_t i = 1; i < degree; ++i)
        if (word >> (degree - 1 - i) & 1) v[k] ^= v[k - i];
    }
  }
  return all;
}

/// Owen's nested uniform scrambling of a fraction: whether a bit is flipped is a random function of all bits above it.
/// One block of Philox decides for seven levels of the tree, which have 127 nodes. From level 28 on, which tells 2^28
/// points of a sequence apart, one decides for all the rest.
constexpr std::uint64_t owen_scrambled(std::uint64_t bits, std::uint64_t stream, std::uint64_t seed) {
  // Of a subtree: the bits above it, and how many they are, name it.
  const auto random = [&](int level) {
    return philox64((level == 0 ? 0 : bits >> (64 - level)) | std::uint64_t{1} << level, stream, seed);
  };
  std::uint64_t flips = random(28)[0] >> 28;
  for (int level = 0; level < 28; level += 7) {
    const auto tree = random(level);
    const std::uint64_t below = bits << level;
    for (int k = 0; k < 7; ++k) {
      const std::uint64_t node = (k == 0 ? 0 : below >> (64 - k)) | std::uint64_t{1} << k;  // 1 ... 127
      flips |= (tree[node / 64] >> node % 64 & 1) << (63 - level - k);
    }
  }
  return bits ^ flips;
}

}  // namespace detail

/// Sobol's sequence: points of the unit cube that fill it evenly, more so than points at random. In every dimension the
/// first 2^m have one in each interval of length 2^-m.
///
///     Sobol sobol{.dimension = 5, .seed = 1};
///     sobol.fill(points);   // 5 × n: the next n points, one a column
///
/// Like Random it is a value: a seed and an index. Point i is the same wherever and whenever it is drawn, on every
/// platform; it takes time in proportion to log i, so `index` may be set to any number to go on from there. Take powers
/// of two of points, from an index that is a multiple of that power, to have them balanced. Scrambled points are each
/// distributed uniformly, and means of smooth functions over n of them have errors of n^-3/2 rather than n^-1/2; the
/// origin is not among them. Up to 161 dimensions; Halton (core/halton.hpp) has more.
///
/// Joe and Kuo (2008), "Constructing Sobol sequences with better two-dimensional projections", SIAM Journal on
/// Scientific Computing 30, 2635-2654: their direction numbers new-joe-kuo-6, in the order of Antonov and Saleev's Gray
/// code. Owen (1995), "Randomly permuted (t, m, s)-nets and (t, s)-sequences", for the scrambling, by Philox.
struct Sobol {
  static constexpr Eigen::Index most_dimensions = 1 + Eigen::Index(detail::sobol_table.size());

  Eigen::Index dimension = 1;  ///< of the cube, 1 to 161
  std::uint64_t seed = 1;      ///< of the scrambling
  Scrambling scrambling = Scrambling::owen;
  std::uint64_t index = 0;  ///< of the next point

  std::vector<std::array<std::uint64_t, 64>> directions{};  ///< scratch, not part of the value: made when needed

  static constexpr auto fields() {
    return std::tuple{&Sobol::dimension, &Sobol::seed, &Sobol::scrambling, &Sobol::index};
  }

  /// Throws std::invalid_argument for a dimension that it does not have.
  void check() const {
    if (dimension < 1 || dimension > most_dimensions)
      throw std::invalid_argument("Sobol::dimension: is " + std::to_string(dimension) + "; it must be in 1 ... " +
                                  std::to_string(most_dimensions) + " (Halton has more)");
  }

  /// Makes ready, so that drawing does not allocate. Throws as `check` does.
  void prepare() {
    check();
    if (directions.size() != std::size_t(dimension)) directions = detail::sobol_directions(std::size_t(dimension));
  }

  /// Fills an Eigen matrix or block, of `dimension` rows, with the next points, one a column. Throws as `check` does,
  /// or if the number of rows differs.
  template <class Points>
  void fill(Points&& points) {
    prepare();
    if (points.rows() != dimension)
      throw std::invalid_argument("points: have " + std::to_string(points.rows()) + " rows, but the sequence " +
                                  std::to_string(dimension) + " dimensions");
    for (Eigen::Index column = 0; column < points.cols(); ++column, ++index)
      for (Eigen::Index j = 0; j < dimension; ++j)
        points(j, column) = coordinate<typename std::remove_cvref_t<Points>::Scalar>(j);
  }

 private:
  template <class S>
  [[nodiscard]] S coordinate(Eigen::Index j) const {
    const auto& v = directions[std::size_t(j)];
    std::uint64_t bits = 0;
    for (std::uint64_t gray = index ^ index >> 1; gray != 0; gray &= gray - 1)
      bits ^= v[std::size_t(std::countr_zero(gray))];
    const auto stream = std::uint64_t(j);
    if (scrambling == Scrambling::owen) bits = detail::owen_scrambled(bits, stream, seed);
    if (scrambling == Scrambling::digital_shift) bits ^= detail::philox64(0, stream, seed)[0];
    return detail::unit_interval<S>(bits);
  }
};

}  // namespace mesaopt
