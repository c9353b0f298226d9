#pragma once

#include <charconv>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

#include <Eigen/Core>

#include "labelled_images.hpp"

namespace examples {

/// The 1797 images of handwritten digits of data/README.md, 8 x 8 pixels each, so 64 x 1797, labelled by their digits.
///
/// Reads `path`, by default the copy that comes with the examples. Throws std::runtime_error, in one sentence with file
/// and line, if it is not there, not complete or not as described.
template <class S = double>
LabelledImages<S> digits(const std::string& path = EXAMPLE_DATA "/digits.csv") {
  constexpr Eigen::Index count = 1797, pixels = 64;
  std::ifstream file(path);
  if (!file) throw std::runtime_error(path + ": cannot open this file, which should hold the images of digits");

  LabelledImages<S> all{Eigen::MatrixX<S>(pixels, count), std::vector<int>(count)};
  std::string line;
  for (Eigen::Index image = 0; image < count; ++image) {
    const auto fail = [&](const std::string& what) {
      throw std::runtime_error(path + ":" + std::to_string(image + 1) + ": " + what);
    };
    if (!std::getline(file, line)) fail("the file ends here, but it should have " + std::to_string(count) + " lines");
    if (!line.empty() && line.back() == '\r') line.pop_back();
    const char* at = line.data();
    const char* const end = at + line.size();
    for (Eigen::Index k = 0; k <= pixels; ++k) {
      const int largest = k < pixels ? 16 : 9;
      int value = -1;
      const auto [next, error] = std::from_chars(at, end, value);
      const bool last = k == pixels;
      if (error != std::errc{} || value < 0 || value > largest || (last ? next != end : next == end || *next != ','))
        fail("number " + std::to_string(k + 1) + " of the line should be a whole number from 0 to " +
             std::to_string(largest) + (last ? " at its end" : " before a comma"));
      if (last)
        all.labels[static_cast<std::size_t>(image)] = value;
      else
        all.images(k, image) = static_cast<S>(value) / 16;
      at = next + (last ? 0 : 1);
    }
  }
  if (std::getline(file, line))
    throw std::runtime_error(path + ":" + std::to_string(count + 1) + ": the file should end before this line");
  return all;
}

}  // namespace examples
