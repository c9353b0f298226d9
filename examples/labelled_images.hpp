#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/permutation.hpp>

namespace examples {

/// Images, one a column, with brightness from 0 to 1, pixels row by row from the top left; and the class of each, from
/// 0.
template <class S>
struct LabelledImages {
  Eigen::MatrixX<S> images;
  std::vector<int> labels;

  Eigen::Index size() const { return images.cols(); }
};

/// Deals out images at random to parts that are these fractions of the whole, such as {0.5, 0.25, 0.25} to train,
/// validate and test. No image is in two parts; the same seed gives the same parts everywhere.
///
/// Throws std::invalid_argument unless fractions are positive and add up to 1 at most.
template <class S>
std::vector<LabelledImages<S>> split(const LabelledImages<S>& all, std::uint64_t seed,
                                     const std::vector<double>& fractions) {
  const mesaopt::Permutation shuffle{static_cast<std::uint64_t>(all.size()), seed};
  std::vector<LabelledImages<S>> parts;
  double total = 0;
  Eigen::Index begin = 0;
  for (const double fraction : fractions) {
    total += fraction;
    if (!(fraction > 0) || !(total < 1 + 1e-9))
      throw std::invalid_argument("split: fractions must be positive and add up to 1 at most, but " +
                                  std::to_string(fraction) + " is one, and with it the sum is " +
                                  std::to_string(total));
    // Ends from the running sum, so that fractions that add up to 1 leave nothing over.
    const auto end = static_cast<Eigen::Index>(std::llround(total * static_cast<double>(all.size())));
    LabelledImages<S> part{Eigen::MatrixX<S>(all.images.rows(), end - begin), {}};
    for (Eigen::Index i = begin; i < end; ++i) {
      const auto from = shuffle(static_cast<std::uint64_t>(i));
      part.images.col(i - begin) = all.images.col(static_cast<Eigen::Index>(from));
      part.labels.push_back(all.labels[from]);
    }
    parts.push_back(std::move(part));
    begin = end;
  }
  return parts;
}

}  // namespace examples
