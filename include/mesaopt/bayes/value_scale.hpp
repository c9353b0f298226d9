#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <tuple>
#include <vector>

namespace mesaopt {

/// Brings values to mean 0 and variance 1, for a Gaussian process.
///
/// Where some lie further above the median than `tail` times the way from the median down to the least, these count by
/// the logarithm of how much further, so that no large value hides how small ones differ. Below that it is a line, so
/// that what is near to the least value keeps its shape.
struct ValueScale {
  static constexpr double tail = 3;

  double middle = 0, unit = 1;     ///< of the first scale, in which the tail is bent
  double mean = 0, deviation = 1;  ///< of what is bent

  static constexpr auto fields() {
    using V = ValueScale;
    return std::tuple{&V::middle, &V::unit, &V::mean, &V::deviation};
  }

  /// Takes the scale of values, which must be finite; `scratch` may be in any state. Values that are all equal have
  /// unit 1.
  void set(const std::vector<double>& values, std::vector<double>& scratch) {
    *this = {};
    if (values.empty()) return;
    scratch = values;
    const auto half = scratch.begin() + std::ptrdiff_t(scratch.size() / 2);
    std::nth_element(scratch.begin(), half, scratch.end());
    middle = *half;
    const double least = *std::min_element(scratch.begin(), scratch.end());
    // Halves, as differences of the largest numbers overflow.
    unit = 2 * (middle / 2 - least / 2);
    if (!std::isfinite(unit)) unit = 2 * middle;
    if (!(unit > 0) || !std::isfinite(unit)) unit = std::max(1.0, std::abs(middle));
    double sum = 0, squares = 0;
    for (double& value : scratch) {
      value = bent(value);
      sum += value;
    }
    mean = sum / double(values.size());
    for (const double value : scratch) squares += (value - mean) * (value - mean);
    deviation = std::sqrt(squares / double(values.size()));
    if (!(deviation > 0) || !std::isfinite(deviation)) deviation = 1;
  }

  [[nodiscard]] double operator()(double value) const { return (bent(value) - mean) / deviation; }

  /// A number and its first two derivatives.
  struct Curve {
    double value, slope, curvature;
  };
  /// How many units above the middle a value lies that is z on the scale, with its derivatives by z.
  [[nodiscard]] Curve units(double z) const {
    const double b = mean + deviation * z;
    if (b <= tail) return {b, deviation, 0};
    const double e = std::exp(std::min(b - tail, 100.0));
    return {tail + e - 1, deviation * e, deviation * deviation * e};
  }
  /// The reverse: where a value t units above the middle lies on the scale, with its derivatives by t.
  [[nodiscard]] Curve of_units(double t) const {
    if (t <= tail) return {(t - mean) / deviation, 1 / deviation, 0};
    const double s = 1 / (1 + t - tail);
    return {(tail + std::log1p(t - tail) - mean) / deviation, s / deviation, -s * s / deviation};
  }
  /// The value that is z on the scale.
  [[nodiscard]] double value(double z) const { return middle + unit * units(z).value; }

  /// How far apart are values that differ by 1 on the scale, where it is a line.
  [[nodiscard]] double step() const { return unit * deviation; }

 private:
  [[nodiscard]] double bent(double value) const {
    const double t = (value / 2 - middle / 2) / unit * 2;
    return t > tail ? tail + std::log1p(t - tail) : std::max(t, -1e6);
  }
};

}  // namespace mesaopt
