#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include <Eigen/Core>

#include <mesaopt/problems/bbob_random.hpp>

namespace mesaopt::problems::detail {

/// What a function of BBOB of one number of variables and one instance is made of. In the letters of Hansen,
/// Finck, Ros and Auger (2009), "Real-parameter black-box optimization benchmarking 2009: noiseless functions
/// definitions", INRIA research report RR-6829; where COCO's code differs from the paper, as the code does.
struct BbobInstance {
  int function = 1;
  Eigen::Index n = 0;
  Eigen::VectorXd x_opt{};            ///< where the value is least
  double f_opt = 0;                   ///< the value there
  Eigen::VectorXd shift{};            ///< what is subtracted from x before anything else, or its signs
  Eigen::MatrixXd first{}, second{};  ///< linear maps, in the order in which they are applied
  Eigen::VectorXd scales{};           ///< of the coordinates, or weights of their squares, or exponents

  // Of Gallagher's functions, one column a peak.
  Eigen::MatrixXd peaks{}, widths{};
  Eigen::VectorXd heights{};

  BbobInstance(int number, Eigen::Index dimension, int instance) : function(number), n(dimension) {
    const std::int64_t seed = bbob_seed(function, instance);
    f_opt = bbob_optimum_value(seed);
    x_opt = bbob_optimum(function == 12 ? seed + 1000000 : seed, n);
    const auto R = [&] { return bbob_rotation(seed + 1000000, n); };
    const auto Q = [&] { return bbob_rotation(seed, n); };
    // base^(exponent i / (n - 1)), Λ^base for an exponent of 1/2.
    const auto powers = [&](double base, double exponent) -> Eigen::VectorXd {
      return Eigen::VectorXd::NullaryExpr(n, [&](Eigen::Index i) { return std::pow(base, exponent * ramp(i)); });
    };
    const auto two_rotations = [&](double condition) { return bbob_product(R(), powers(condition, 0.5), Q()); };

    switch (function) {
      case 2: scales = powers(1e6, 1); break;
      case 3: scales = powers(10, 0.5); break;
      case 4:
        for (Eigen::Index i = 0; i < n; i += 2) x_opt[i] = std::abs(x_opt[i]);
        scales = powers(10, 0.5);
        break;
      case 5:
        for (double& entry : x_opt) entry = entry < 0 ? -5 : 5;
        scales = powers(10, 1);
        break;
      case 6: first = two_rotations(10); break;
      case 7:
        first = powers(10, 0.5).asDiagonal() * Q();
        second = R();
        scales = powers(100, 1);
        break;
      case 8: x_opt *= 0.75; break;
      case 9:
      case 19:
        first = Q();
        x_opt = first.transpose() * Eigen::VectorXd::Constant(n, 0.5 / stretch());
        first *= stretch();
        break;
      case 10:
        first = R();
        scales = powers(1e6, 1);
        break;
      case 11:
      case 14: first = R(); break;
      case 12:
        first = R();
        second = first;
        break;
      case 13: first = two_rotations(10); break;
      case 15:
        first = R();
        second = two_rotations(10);
        break;
      case 16:
        first = R();
        second = two_rotations(0.01);
        break;
      case 17:
      case 18:
        first = R();
        second = powers(function == 17 ? 10 : 1000, 0.5).asDiagonal() * Q();
        break;
      case 20:
        shift = bbob_uniform(seed, n).unaryExpr([](double u) { return u < 0.5 ? -1.0 : 1.0; });
        x_opt = shift * (schwefel / 2);
        scales = powers(10, 0.5);
        break;
      case 21: gallagher(seed, 101, std::sqrt(1000.0), 5); break;
      case 22: gallagher(seed, 21, 1000, 4.9); break;
      case 23: first = two_rotations(100); break;
      case 24:
        shift = bbob_normal(seed, n).unaryExpr([](double g) { return g < 0 ? -1.0 : 1.0; });
        x_opt = shift * (lunacek / 2);
        first = two_rotations(100);
        break;
      default: break;
    }
  }

 protected:
  static constexpr double schwefel = 4.2096874637, lunacek = 2.5;

  [[nodiscard]] double ramp(Eigen::Index i) const { return double(i) / double(n - 1); }
  [[nodiscard]] double stretch() const { return std::max(1.0, std::sqrt(double(n)) / 8); }

 private:
  /// Peaks in [-spread, spread]^n, rotated; the first is the highest.
  void gallagher(std::int64_t seed, Eigen::Index count, double first_condition, double spread) {
    first = bbob_rotation(seed, n);
    const auto conditions = bbob_permutation(seed, count - 1);
    const Eigen::VectorXd places = bbob_uniform(seed, n * count);
    peaks = (2 * spread * Eigen::Map<const Eigen::MatrixXd>(places.data(), n, count).array() - spread).matrix();
    peaks.col(0) *= 0.8;
    x_opt = peaks.col(0);
    peaks = bbob_product(first, Eigen::VectorXd::Ones(n), peaks);
    widths.resize(n, count);
    heights.resize(count);
    for (Eigen::Index k = 0; k < count; ++k) {
      const double rank = k == 0 ? 0 : double(conditions[std::size_t(k - 1)]) / double(count - 2);
      const double condition = k == 0 ? first_condition : std::pow(1000.0, rank);
      heights[k] = k == 0 ? 10 : 1.1 + 8 * double(k - 1) / double(count - 2);
      const auto order = bbob_permutation(seed + 1000 * k, n);
      for (Eigen::Index i = 0; i < n; ++i) widths(i, k) = std::pow(condition, ramp(order[std::size_t(i)]) - 0.5);
    }
  }
};

}  // namespace mesaopt::problems::detail
