#pragma once

#include <array>
#include <cmath>

#include <Eigen/Core>

namespace mesaopt::problems {

/// A small nested ridge regression with known hypergradients, made of formulas, so that any language has the same one.
///
/// Inner: |Xw - y|^2 / 40 + e^theta |w|^2 / 2 over 5 weights, on 20 examples; outer: F(theta) = |Xv w*(theta) - yv|^2 /
/// 30 on 15 others, over one log penalty theta for all weights. Examples i = 1 .. 20 train, i = 21 .. 35 validate: X_ij
/// = sin(0.7 i j) + 0.1 cos(1.3 i + j), y_i = X_i (1, -2, 0.5, 0, 3)' + 0.3 cos(2.1 i), with i and j from 1.
struct RidgeInstance {
  using Inputs = Eigen::MatrixXd;   ///< one example a row
  using Targets = Eigen::VectorXd;  ///< one example an entry

  /// The outer value F and its first and second derivative at one log penalty.
  struct Row {
    double theta, value, derivative, second_derivative;
  };

  /// Known values, to the digits given.
  static constexpr std::array<Row, 5> table{{
      {-6, 0.0224743661770262, 0.00110498659549722, 0.0038775973575},
      {-3, 0.116924511741065, 0.0981496067493542, 0.0875561101617},
      {-1, 0.734994651401343, 0.674126297846017, 0.491536355752},
      {0, 1.63013991937923, 1.06360117449932, 0.182008609958},
      {1, 2.68645030923863, 0.958710707726286, -0.34375795131},
  }};

  static constexpr double solution = -6.4411895075442045;  ///< the log penalty with the smallest F
  static constexpr double minimum = 0.02227011488905043;   ///< F there
  static constexpr Eigen::Index weights = 5;               ///< the number of inner variables

  /// The inputs of the training examples, 20 x 5.
  static Inputs inputs() { return rows(1, 20); }

  /// The targets of the training examples, of size 20.
  static Targets targets() { return labels(1, 20); }

  /// The inputs of the validation examples, 15 x 5.
  static Inputs validation_inputs() { return rows(21, 35); }

  /// The targets of the validation examples, of size 15.
  static Targets validation_targets() { return labels(21, 35); }

 private:
  static Inputs rows(int first, int last) {
    Inputs X(last - first + 1, weights);
    for (int i = first; i <= last; ++i)
      for (int j = 1; j <= weights; ++j) X(i - first, j - 1) = std::sin(0.7 * i * j) + 0.1 * std::cos(1.3 * i + j);
    return X;
  }

  static Targets labels(int first, int last) {
    const Eigen::Vector<double, weights> truth(1, -2, 0.5, 0, 3);
    Targets y = rows(first, last) * truth;
    for (int i = first; i <= last; ++i) y[i - first] += 0.3 * std::cos(2.1 * i);
    return y;
  }
};

}  // namespace mesaopt::problems
