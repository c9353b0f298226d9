#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <stdexcept>
#include <string>

#include <Eigen/Core>

#include <mesaopt/bayes/kernel.hpp>

namespace mesaopt::kernels::detail {

inline constexpr Eigen::Index most_mapped = 512;      // coordinates of a mapped point
inline constexpr Eigen::Index numbers_mapped = 2048;  // at once: so much is on the stack
template <class S>
using MappedPoint = std::array<S, std::size_t(most_mapped)>;

/// Throws std::invalid_argument for more coordinates than there is place for.
inline void check_mapped(Eigen::Index dimension) {
  if (dimension > most_mapped)
    throw std::invalid_argument("kernel: maps at most " + std::to_string(most_mapped) + " coordinates, got " +
                                std::to_string(dimension));
}

/// out[c] = map(c, get) of one point for c < dimension, where get(c) is its coordinate c.
template <class S, class Map>
void map_point(const S* y, Eigen::Index dimension, const Map& map, MappedPoint<S>& out) {
  for (Eigen::Index c = 0; c < dimension; ++c) out[std::size_t(c)] = map(c, [y](Eigen::Index from) { return y[from]; });
}

/// Maps points some at a time, and calls visit(mapped points, first) for each lot.
template <class S, class Map, class Visit>
void map_points(Points<S> X, Eigen::Index dimension, const Map& map, const Visit& visit) {
  std::array<S, std::size_t(numbers_mapped)> numbers;
  const Eigen::Index lot = std::min(most_points, numbers_mapped / std::max<Eigen::Index>(1, dimension));
  for (Eigen::Index first = 0; first < X.count; first += lot) {
    const Points<S> some = X.some(first, std::min(lot, X.count - first));
    for (Eigen::Index c = 0; c < dimension; ++c)
      for (Eigen::Index i = 0; i < some.count; ++i)
        numbers[std::size_t(c * lot + i)] = map(c, [&](Eigen::Index from) { return some(from, i); });
    visit(Points<S>(numbers.data(), dimension, some.count, 1, lot), first);
  }
}

}  // namespace mesaopt::kernels::detail
