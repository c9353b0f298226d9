#pragma once

#include <cmath>

#include <Eigen/Core>

#include <mesaopt/core/point.hpp>

namespace mesaopt::problems {

/// The axis-parallel ellipsoid: sum over i = 0 .. n-1 of condition^(i / (n - 1)) x_i^2; minimum 0 at the origin.
///
/// Curvatures grow evenly in the logarithm from 2 to 2 condition; one variable alone has curvature 2.
struct Ellipsoid {
  static constexpr bool quadratic = true;  ///< second derivatives do not depend on x
  static constexpr double minimum = 0;     ///< the value at the solution

  double condition = 1e6;  ///< ratio of the largest curvature to the smallest, positive

  /// The value at x.
  template <Point X>
  ScalarOf<X> operator()(const X& x) const {
    using S = ScalarOf<X>;
    S value(0);
    for_each_weight<S>(x.size(), [&](Eigen::Index i, const S& weight) { value += weight * x[i] * x[i]; });
    return value;
  }

  /// The value at x; fills the gradient, which has the size of x.
  template <Point X>
  ScalarOf<X> operator()(const X& x, X& gradient) const {
    using S = ScalarOf<X>;
    S value(0);
    for_each_weight<S>(x.size(), [&](Eigen::Index i, const S& weight) {
      value += weight * x[i] * x[i];
      gradient[i] = S(2) * weight * x[i];
    });
    return value;
  }

  /// out = (second derivative) v.
  template <Point X>
  void hessian_product(const X& x, const X& v, X& out) const {
    using S = ScalarOf<X>;
    for_each_weight<S>(x.size(), [&](Eigen::Index i, const S& weight) { out[i] = S(2) * weight * v[i]; });
  }

  /// H = second derivative, a diagonal square matrix of the size of x.
  template <Point X, class Matrix>
  void hessian(const X& x, Matrix& H) const {
    using S = ScalarOf<X>;
    H.setZero();
    for_each_weight<S>(x.size(), [&](Eigen::Index i, const S& weight) { H(i, i) = S(2) * weight; });
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
  // Multiplied up in double: one power an evaluation instead of one a variable, exact to n roundings.
  template <class S, class Use>
  void for_each_weight(Eigen::Index n, const Use& use) const {
    const double ratio = n > 1 ? std::pow(condition, 1 / static_cast<double>(n - 1)) : 1.0;
    double weight = 1;
    for (Eigen::Index i = 0; i < n; ++i, weight *= ratio) use(i, S(weight));
  }
};

}  // namespace mesaopt::problems
