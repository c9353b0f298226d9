#pragma once

#include <cmath>
#include <numbers>

#include <Eigen/Core>

#include <mesaopt/core/point.hpp>

namespace mesaopt::problems {

/// Rastrigin's function: 10 n + sum of x_i^2 - 10 cos(2 pi x_i); minimum 0 at the origin, a local minimum near every
/// other integer point within about 40 of it: 11^n of them in the customary box [-5.12, 5.12]^n.
///
/// Mühlenbein, Schomisch and Born (1991), "The parallel genetic algorithm as function optimizer", which widened
/// Rastrigin (1974) to n variables.
struct Rastrigin {
  static constexpr double minimum = 0;  ///< the value at the solution

  /// The value at x.
  template <Point X>
  ScalarOf<X> operator()(const X& x) const {
    using S = ScalarOf<X>;
    using std::cos;
    S value(0);
    for (Eigen::Index i = 0; i < x.size(); ++i) value += x[i] * x[i] + S(10) * (S(1) - cos(S(turn) * x[i]));
    return value;
  }

  /// The value at x; fills the gradient, which has the size of x.
  template <Point X>
  ScalarOf<X> operator()(const X& x, X& gradient) const {
    using S = ScalarOf<X>;
    using std::cos;
    using std::sin;
    S value(0);
    for (Eigen::Index i = 0; i < x.size(); ++i) {
      value += x[i] * x[i] + S(10) * (S(1) - cos(S(turn) * x[i]));
      gradient[i] = S(2) * x[i] + S(10 * turn) * sin(S(turn) * x[i]);
    }
    return value;
  }

  /// out = (second derivative at x) v.
  template <Point X>
  void hessian_product(const X& x, const X& v, X& out) const {
    for (Eigen::Index i = 0; i < x.size(); ++i) out[i] = curvature(x[i]) * v[i];
  }

  /// H = second derivative at x, a diagonal square matrix of the size of x.
  template <Point X, class Matrix>
  void hessian(const X& x, Matrix& H) const {
    H.setZero();
    for (Eigen::Index i = 0; i < x.size(); ++i) H(i, i) = curvature(x[i]);
  }

  /// Where the minimum is: the origin of n variables.
  template <Point X = Eigen::VectorXd>
  static X solution(Eigen::Index n = X::SizeAtCompileTime == Eigen::Dynamic ? 2 : X::SizeAtCompileTime) {
    X x;
    x.resize(n);
    x.setZero();
    return x;
  }

 private:
  static constexpr double turn = 2 * std::numbers::pi;

  template <class S>
  static S curvature(const S& t) {
    using std::cos;
    return S(2) + S(10 * turn * turn) * cos(S(turn) * t);
  }
};

}  // namespace mesaopt::problems
