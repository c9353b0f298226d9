#pragma once

#include <Eigen/Core>

#include <mesaopt/core/point.hpp>

namespace mesaopt::problems {

/// The sphere: sum of x_i^2, the easiest of all functions; minimum 0 at the origin.
struct Sphere {
  static constexpr bool quadratic = true;  ///< second derivatives do not depend on x
  static constexpr double minimum = 0;     ///< the value at the solution

  /// The value at x.
  template <Point X>
  ScalarOf<X> operator()(const X& x) const {
    return x.squaredNorm();
  }

  /// The value at x; fills the gradient, which has the size of x.
  template <Point X>
  ScalarOf<X> operator()(const X& x, X& gradient) const {
    gradient = ScalarOf<X>(2) * x;
    return x.squaredNorm();
  }

  /// out = (second derivative) v = 2 v.
  template <Point X>
  void hessian_product(const X&, const X& v, X& out) const {
    out = ScalarOf<X>(2) * v;
  }

  /// H = second derivative, a square matrix of the size of x.
  template <Point X, class Matrix>
  void hessian(const X&, Matrix& H) const {
    H.setZero();
    H.diagonal().setConstant(ScalarOf<X>(2));
  }

  /// Where the minimum is: the origin of n variables.
  template <Point X = Eigen::VectorXd>
  static X solution(Eigen::Index n = X::SizeAtCompileTime == Eigen::Dynamic ? 2 : X::SizeAtCompileTime) {
    X x;
    x.resize(n);
    x.setZero();
    return x;
  }
};

}  // namespace mesaopt::problems
