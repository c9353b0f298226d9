#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <stdexcept>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/random.hpp>

namespace mesaopt {

namespace detail {

/// A dimension of a Halton sequence: what becomes of every digit.
struct HaltonDigits {
  std::uint64_t base = 2, places = 1;
  double one = 1;                             ///< base^places
  std::vector<std::uint16_t> permutations{};  ///< that of place k from base * k on; later places weigh less
};

/// The digits of some dimensions, whose bases are the primes. Those of one do not depend on how many there are.
struct HaltonTable {
  std::uint64_t seed = 0;
  bool scrambled = false;
  std::vector<HaltonDigits> dimensions{};

  HaltonTable() = default;
  HaltonTable(std::size_t dimension, std::uint64_t of, bool permuted) : seed(of), scrambled(permuted) {
    dimensions.reserve(dimension);
    for (std::uint64_t base = 2; dimensions.size() < dimension; ++base) {
      bool prime = true;
      for (std::size_t i = 0; prime && i < dimensions.size() && dimensions[i].base * dimensions[i].base <= base; ++i)
        prime = base % dimensions[i].base != 0;
      if (prime) dimensions.push_back(digits(base, Random{seed}.split(dimensions.size())));
    }
  }

 private:
  [[nodiscard]] HaltonDigits digits(std::uint64_t base, Random random) const {
    HaltonDigits made{base, 0, 0, {}};
    std::uint64_t power = 1;
    // As many as a double holds exactly, so that a coordinate is rounded once.
    for (; power <= (std::uint64_t{1} << 53) / base; power *= base) ++made.places;
    made.one = double(power);
    made.permutations.resize(std::size_t(base * made.places));
    for (std::uint64_t place = 0; place < made.places; ++place) {
      std::uint16_t* const order = made.permutations.data() + base * place;
      std::iota(order, order + base, std::uint16_t{0});
      for (std::uint64_t i = base; scrambled && i > 1; --i) std::swap(order[i - 1], order[random.below(i)]);
    }
    return made;
  }
};

}  // namespace detail

/// Halton's sequence: points of the unit cube that fill it evenly, in any number of dimensions. In dimension j the
/// first b^m have one in each interval of length b^-m, b the j-th prime.
///
///     Halton halton{.dimension = 5, .seed = 1};
///     halton.fill(points);   // 5 × n: the next n points, one a column
///
/// Like Random it is a value: a seed and an index. Point i is the same wherever and whenever it is drawn, on every
/// platform, and in more dimensions has the same first coordinates; it takes the same time for every i, so `index` may
/// be set to any number to go on from there. Scrambled points are each distributed uniformly. Unscrambled ones are of
/// no use beyond some ten dimensions, as those of two large primes go along lines for a long time. Sobol
/// (core/sobol.hpp) is the more even of the two where it has enough dimensions.
///
/// Halton (1960), "On the efficiency of certain quasi-random sequences of points in evaluating multi-dimensional
/// integrals". Owen (2017), "A randomized Halton algorithm in R", arXiv:1706.02808: every digit, leading zeros
/// included, is replaced by a random permutation of its place, independent of all others.
struct Halton {
  static constexpr Eigen::Index most_dimensions = 6542;  ///< as many primes have 16 bits

  Eigen::Index dimension = 1;  ///< of the cube, 1 to 6542
  std::uint64_t seed = 1;      ///< of the permutations
  bool scrambled = true;       ///< if not, the first point is the origin
  std::uint64_t index = 0;     ///< of the next point

  detail::HaltonTable table{};  ///< scratch, not part of the value: made when needed

  static constexpr auto fields() {
    return std::tuple{&Halton::dimension, &Halton::seed, &Halton::scrambled, &Halton::index};
  }

  /// Throws std::invalid_argument for a dimension that it does not have.
  void check() const {
    if (dimension < 1 || dimension > most_dimensions)
      throw std::invalid_argument("Halton::dimension: is " + std::to_string(dimension) + "; it must be in 1 ... " +
                                  std::to_string(most_dimensions));
  }

  /// Makes ready, so that drawing does not allocate. Throws as `check` does.
  void prepare() {
    check();
    if (table.dimensions.size() != std::size_t(dimension) || table.seed != seed || table.scrambled != scrambled)
      table = detail::HaltonTable(std::size_t(dimension), seed, scrambled);
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
        points(j, column) = coordinate<typename std::remove_cvref_t<Points>::Scalar>(table.dimensions[std::size_t(j)]);
  }

 private:
  template <class S>
  [[nodiscard]] S coordinate(const detail::HaltonDigits& digits) const {
    std::uint64_t rest = index, sum = 0;
    const std::uint16_t* order = digits.permutations.data();
    for (std::uint64_t place = 0; place < digits.places; ++place, order += digits.base) {
      sum = sum * digits.base + order[rest % digits.base];
      rest /= digits.base;
    }
    const S value = static_cast<S>(static_cast<double>(sum) / digits.one);
    return value < 1 ? value : 1 - std::numeric_limits<S>::epsilon() / 2;  // where a float was rounded up
  }
};

}  // namespace mesaopt
