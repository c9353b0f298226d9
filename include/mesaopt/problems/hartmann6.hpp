#pragma once

#include <array>
#include <cmath>
#include <cstddef>

#include <Eigen/Core>

#include <mesaopt/core/point.hpp>

namespace mesaopt::problems {

/// Hartmann's function of 6 variables, in [0, 1]^6: minus a sum of four bumps, so with few minima, of which the second
/// is 0.119 above the first and wide: a trap for searches that sample little.
///
/// Hartman (1973), "Some experiments in global optimization"; numbers as in Dixon and Szegö (1978), "The global
/// optimization problem: an introduction".
struct Hartmann6 {
  static constexpr double minimum = -3.32236801141551;  ///< the value at the solution

  /// The value at x, of size 6.
  template <Point X>
  ScalarOf<X> operator()(const X& x) const {
    using S = ScalarOf<X>;
    S value(0);
    for (std::size_t i = 0; i < 4; ++i) value -= bump(i, x);
    return value;
  }

  /// The value at x; fills the gradient, of size 6 too.
  template <Point X>
  ScalarOf<X> operator()(const X& x, X& gradient) const {
    using S = ScalarOf<X>;
    S value(0);
    gradient.setZero();
    for (std::size_t i = 0; i < 4; ++i) {
      const S height = bump(i, x);
      value -= height;
      for (std::size_t j = 0; j < 6; ++j)
        gradient[Eigen::Index(j)] += S(2 * rates[i][j]) * (x[Eigen::Index(j)] - S(places[i][j])) * height;
    }
    return value;
  }

  /// Where the minimum is, to six digits.
  template <Point X = Eigen::VectorXd>
  static X solution() {
    X x;
    x.resize(6);
    x << 0.20169, 0.150011, 0.476874, 0.275332, 0.311652, 0.6573;
    return x;
  }

 private:
  using Table = std::array<std::array<double, 6>, 4>;
  static constexpr Table rates{
      {{10, 3, 17, 3.5, 1.7, 8}, {0.05, 10, 17, 0.1, 8, 14}, {3, 3.5, 1.7, 10, 17, 8}, {17, 8, 0.05, 10, 0.1, 14}}};
  static constexpr Table places{{{0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886},
                                 {0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991},
                                 {0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.6650},
                                 {0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381}}};
  static constexpr std::array<double, 4> heights{1, 1.2, 3, 3.2};

  template <class X>
  static ScalarOf<X> bump(std::size_t i, const X& x) {
    using S = ScalarOf<X>;
    using std::exp;
    S exponent(0);
    for (std::size_t j = 0; j < 6; ++j) {
      const S apart = x[Eigen::Index(j)] - S(places[i][j]);
      exponent += S(rates[i][j]) * apart * apart;
    }
    return S(heights[i]) * exp(-exponent);
  }
};

}  // namespace mesaopt::problems
