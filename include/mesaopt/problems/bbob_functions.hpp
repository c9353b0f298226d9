#pragma once

#include <algorithm>
#include <cmath>
#include <numbers>

#include <Eigen/Core>

#include <mesaopt/core/vectors.hpp>
#include <mesaopt/problems/bbob_instance.hpp>

namespace mesaopt::problems::detail {

/// T_osz of the authors: smooth ripples, of no period.
inline double bbob_ripple(double x) {
  if (x == 0) return 0;
  const double l = std::log(std::abs(x)) / 0.1;
  const double ripple = x > 0 ? std::sin(l) + std::sin(0.79 * l) : std::sin(0.55 * l) + std::sin(0.31 * l);
  return std::copysign(std::exp(0.1 * (l + 0.49 * ripple)), x);
}

/// A function of BBOB: its value. The letters are those of BbobInstance.
struct BbobFunction : BbobInstance {
  using BbobInstance::BbobInstance;

  /// The value at x, of n entries; a and b are room for n each.
  double operator()(const double* x, double* a, double* b) const {
    for (Eigen::Index i = 0; i < n; ++i) a[i] = x[i] - x_opt[i];
    return value(x, a, b) + f_opt;
  }

 private:
  /// out = M v + offset.
  void multiply(const Eigen::MatrixXd& M, const double* v, double* out, double offset = 0) const {
    std::fill_n(out, n, offset);
    for (Eigen::Index j = 0; j < n; ++j) mesaopt::detail::add(out, v[j], M.data() + n * j, out, n);
  }
  void ripple(double* z) const { std::transform(z, z + n, z, bbob_ripple); }
  /// T_asy of the authors, which bends the positive half.
  void bend(double beta, double* z) const {
    for (Eigen::Index i = 0; i < n; ++i)
      if (z[i] > 0) z[i] = std::pow(z[i], 1 + beta * ramp(i) * std::sqrt(z[i]));
  }
  /// f_pen: what lies beyond the box, squared.
  double beyond(const double* x, double limit = 5) const {
    double sum = 0;
    for (Eigen::Index i = 0; i < n; ++i) {
      const double excess = std::abs(x[i]) - limit;
      if (excess > 0) sum += excess * excess;
    }
    return sum;
  }
  double squares(const double* y, Eigen::Index from = 0) const {
    double sum = 0;
    for (Eigen::Index i = from; i < n; ++i) sum += y[i] * y[i];
    return sum;
  }
  double weighted_squares(const double* y) const {
    double sum = 0;
    for (Eigen::Index i = 0; i < n; ++i) sum += scales[i] * y[i] * y[i];
    return sum;
  }
  /// n - sum of cos(2 π y).
  double waves(const double* y) const {
    double sum = 0;
    for (Eigen::Index i = 0; i < n; ++i) sum += std::cos(2 * std::numbers::pi * y[i]);
    return double(n) - sum;
  }
  double rastrigin(const double* y) const { return 10 * waves(y) + squares(y); }
  static double rosenbrock(const double* y) {
    const double valley = y[0] * y[0] - y[1], along = y[0] - 1;
    return 100 * valley * valley + along * along;
  }

  /// The value less f_opt. a holds x - x_opt.
  double value(const double* x, double* a, double* b) const {
    const double size = double(n);
    double sum = 0;
    switch (function) {
      case 1: return squares(a);
      case 2: ripple(a); return weighted_squares(a);
      case 3:
        ripple(a);
        bend(0.2, a);
        for (Eigen::Index i = 0; i < n; ++i) a[i] *= scales[i];
        return rastrigin(a);
      case 4:
        ripple(a);
        for (Eigen::Index i = 0; i < n; ++i) a[i] *= scales[i] * (a[i] > 0 && i % 2 == 0 ? 10 : 1);
        return rastrigin(a) + 100 * beyond(x);
      case 5:
        for (Eigen::Index i = 0; i < n; ++i) {
          const double slope = std::copysign(scales[i], x_opt[i]);
          sum += 5 * scales[i] - slope * (x[i] * x_opt[i] < 25 ? x[i] : x_opt[i]);
        }
        return sum;
      case 6:
        multiply(first, a, b);
        for (Eigen::Index i = 0; i < n; ++i) sum += b[i] * b[i] * (b[i] * x_opt[i] > 0 ? 1e4 : 1);
        return std::pow(bbob_ripple(sum), 0.9);
      case 7: {
        multiply(first, a, b);
        const double first_entry = std::abs(b[0]);
        for (Eigen::Index i = 0; i < n; ++i)
          b[i] = std::abs(b[i]) > 0.5 ? std::floor(b[i] + 0.5) : std::floor(10 * b[i] + 0.5) / 10;
        multiply(second, b, a);
        return 0.1 * std::max(first_entry / 1e4, weighted_squares(a)) + beyond(x);
      }
      case 8:
        for (Eigen::Index i = 0; i < n; ++i) a[i] = stretch() * a[i] + 1;
        for (Eigen::Index i = 0; i + 1 < n; ++i) sum += rosenbrock(a + i);
        return sum;
      case 9:
        multiply(first, x, b, 0.5);
        for (Eigen::Index i = 0; i + 1 < n; ++i) sum += rosenbrock(b + i);
        return sum;
      case 10:
        multiply(first, a, b);
        ripple(b);
        return weighted_squares(b);
      case 11:
        multiply(first, a, b);
        ripple(b);
        return 1e6 * b[0] * b[0] + squares(b, 1);
      case 12:
        multiply(first, a, b);
        bend(0.5, b);
        multiply(second, b, a);
        return a[0] * a[0] + 1e6 * squares(a, 1);
      case 13: multiply(first, a, b); return b[0] * b[0] + 100 * std::sqrt(squares(b, 1));
      case 14:
        multiply(first, a, b);
        for (Eigen::Index i = 0; i < n; ++i) sum += std::pow(std::abs(b[i]), 2 + 4 * ramp(i));
        return std::sqrt(sum);
      case 15:
        multiply(first, a, b);
        ripple(b);
        bend(0.2, b);
        multiply(second, b, a);
        return rastrigin(a);
      case 16: {
        multiply(first, a, b);
        ripple(b);
        multiply(second, b, a);
        double least = 0, weight = 1, wave = 2 * std::numbers::pi;
        for (int k = 0; k < 12; ++k, weight /= 2, wave *= 3) {
          least += weight * std::cos(wave / 2);
          for (Eigen::Index i = 0; i < n; ++i) sum += weight * std::cos(wave * (a[i] + 0.5));
        }
        const double mean = sum / size - least;
        return 10 * mean * mean * mean + 10 / size * beyond(x);
      }
      case 17:
      case 18: {
        multiply(first, a, b);
        bend(0.5, b);
        multiply(second, b, a);
        for (Eigen::Index i = 0; i + 1 < n; ++i) {
          const double s = a[i] * a[i] + a[i + 1] * a[i + 1], wave = std::sin(50 * std::pow(s, 0.1));
          sum += std::pow(s, 0.25) * (1 + wave * wave);
        }
        const double mean = sum / (size - 1);
        return mean * mean + 10 * beyond(x);
      }
      case 19:
        multiply(first, x, b, 0.5);
        for (Eigen::Index i = 0; i + 1 < n; ++i) {
          const double s = rosenbrock(b + i);
          sum += s / 4000 - std::cos(s);
        }
        return 10 + 10 * sum / (size - 1);
      case 20: {
        for (Eigen::Index i = 0; i < n; ++i) a[i] = 2 * shift[i] * x[i];
        for (Eigen::Index i = 0; i < n; ++i) {
          const double z = i == 0 ? a[0] : a[i] + 0.25 * (a[i - 1] - schwefel);
          b[i] = 100 * (scales[i] * (z - schwefel) + schwefel);
          sum += b[i] * std::sin(std::sqrt(std::abs(b[i])));
        }
        return 0.01 * (418.9828872724339 - sum / size + beyond(b, 500));
      }
      case 21:
      case 22: {
        multiply(first, x, b);
        for (Eigen::Index k = 0; k < heights.size(); ++k) {
          const double* peak = peaks.data() + n * k;
          const double* width = widths.data() + n * k;
          double distance = 0;
          for (Eigen::Index i = 0; i < n; ++i) distance += width[i] * (b[i] - peak[i]) * (b[i] - peak[i]);
          sum = std::max(sum, heights[k] * std::exp(-distance / (2 * size)));
        }
        const double below = bbob_ripple(10 - sum);
        return below * below + beyond(x);
      }
      case 23: {
        multiply(first, a, b);
        double product = 1;
        for (Eigen::Index i = 0; i < n; ++i) {
          double rough = 0, power = 2;
          for (int k = 1; k <= 32; ++k, power *= 2)
            rough += std::abs(power * b[i] - std::floor(power * b[i] + 0.5)) / power;
          product *= std::pow(1 + double(i + 1) * rough, 10 / std::pow(size, 1.2));
        }
        return 10 / (size * size) * (product - 1) + beyond(x);
      }
      default: {
        const double s = 1 - 1 / (2 * std::sqrt(size + 20) - 8.2);
        const double other = -std::sqrt((lunacek * lunacek - 1) / s);
        double here = 0, there = 0;
        for (Eigen::Index i = 0; i < n; ++i) {
          const double mirrored = 2 * shift[i] * x[i];
          a[i] = mirrored - lunacek;
          here += a[i] * a[i];
          there += (mirrored - other) * (mirrored - other);
        }
        multiply(first, a, b);
        return std::min(here, size + s * there) + 10 * waves(b) + 1e4 * beyond(x);
      }
    }
  }
};

}  // namespace mesaopt::problems::detail
