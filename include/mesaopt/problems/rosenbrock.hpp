#pragma once

#include <stdexcept>
#include <string>

#include <Eigen/Core>

#include <mesaopt/core/point.hpp>

namespace mesaopt::problems {

/// The extended Rosenbrock valley: sum over pairs (a, b) = (x_2i, x_2i+1) of 100 (b - a^2)^2 + (1 - a)^2, for any even
/// number of variables; an odd one throws std::invalid_argument.
///
/// The pairs do not interact, so the problem is as hard as its two-variable original in any dimension. Works for every
/// scalar with + - *, forward-mode dual numbers included. An evaluation is one pass over the memory of x, and its sum
/// is taken in one fixed order, whatever the alignment of x. Rosenbrock (1960), "An automatic method for finding the
/// greatest or least value of a function"; in pairs: Moré, Garbow and Hillstrom (1981), "Testing unconstrained
/// optimization software", function 21.
struct Rosenbrock {
  static constexpr double minimum = 0;  ///< the value at the solution, the only minimum

  /// The value at x.
  template <Point X>
  ScalarOf<X> operator()(const X& x) const {
    return pass<false>(x, static_cast<ScalarOf<X>*>(nullptr));
  }

  /// The value at x; fills the gradient, which has the size of x.
  template <Point X>
  ScalarOf<X> operator()(const X& x, X& gradient) const {
    return pass<true>(x, gradient.data());
  }

  /// out = (second derivative at x) v.
  template <Point X>
  void hessian_product(const X& x, const X& v, X& out) const {
    using S = ScalarOf<X>;
    require_pairs(x.size());
    for (Eigen::Index i = 0; i < x.size(); i += 2) {
      const S cross = S(-400) * x[i];
      out[i] = (S(1200) * x[i] * x[i] - S(400) * x[i + 1] + S(2)) * v[i] + cross * v[i + 1];
      out[i + 1] = cross * v[i] + S(200) * v[i + 1];
    }
  }

  /// H = second derivative at x, a square matrix of the size of x, which is block-diagonal.
  template <Point X, class Matrix>
  void hessian(const X& x, Matrix& H) const {
    using S = ScalarOf<X>;
    require_pairs(x.size());
    H.setZero();
    for (Eigen::Index i = 0; i < x.size(); i += 2) {
      H(i, i) = S(1200) * x[i] * x[i] - S(400) * x[i + 1] + S(2);
      H(i, i + 1) = H(i + 1, i) = S(-400) * x[i];
      H(i + 1, i + 1) = S(200);
    }
  }

  /// The customary start (-1.2, 1, -1.2, 1, ...) for n variables; default 2, or as many as a fixed-size X has.
  template <Point X = Eigen::VectorXd>
  static X start(Eigen::Index n = default_size<X>) {
    require_pairs(n);
    X x;
    x.resize(n);
    for (Eigen::Index i = 0; i < n; ++i) x[i] = ScalarOf<X>(i % 2 == 0 ? -1.2 : 1.0);
    return x;
  }

  /// Where the minimum is: (1, 1, ..., 1).
  template <Point X = Eigen::VectorXd>
  static X solution(Eigen::Index n = default_size<X>) {
    require_pairs(n);
    X x;
    x.resize(n);
    x.setConstant(ScalarOf<X>(1));
    return x;
  }

 private:
  template <class X>
  static constexpr Eigen::Index default_size = X::SizeAtCompileTime == Eigen::Dynamic ? 2 : X::SizeAtCompileTime;

  static void require_pairs(Eigen::Index n) {
    if (n < 2 || n % 2 != 0)
      throw std::invalid_argument("Rosenbrock: the number of variables must be even and positive, but it is " +
                                  std::to_string(n));
  }

  // Blocks of pairs are taken apart into local arrays and summed in columns of their own: so compilers see loops
  // without aliasing and without a chain of additions, both of which would keep them from using the whole width of the
  // machine.
  template <bool with_gradient, class X, class S = ScalarOf<X>>
  static S pass(const X& point, S* gradient) {
    const Eigen::Index n = point.size();
    require_pairs(n);
    const S* const x = point.data();
    S sums[width];
    for (S& sum : sums) sum = S(0);
    Eigen::Index i = 0;
    for (; i + 2 * width <= n; i += 2 * width) block<with_gradient, width>(x + i, gradient + i, sums);
    for (; i < n; i += 2) block<with_gradient, 1>(x + i, gradient + i, sums);
    for (Eigen::Index k = 1; k < width; ++k) sums[0] += sums[k];
    return sums[0];
  }

  static constexpr Eigen::Index width = 4;

  template <bool with_gradient, Eigen::Index pairs, class S>
  static void block(const S* x, [[maybe_unused]] S* gradient, S* sums) {
    S a[pairs], valley[pairs], slope[pairs];
    for (Eigen::Index k = 0; k < pairs; ++k) {
      a[k] = x[2 * k];
      valley[k] = x[2 * k + 1] - a[k] * a[k];
      slope[k] = S(1) - a[k];
    }
    for (Eigen::Index k = 0; k < pairs; ++k) sums[k] += S(100) * valley[k] * valley[k] + slope[k] * slope[k];
    if constexpr (with_gradient) {
      for (Eigen::Index k = 0; k < pairs; ++k) {
        gradient[2 * k] = S(-400) * a[k] * valley[k] - S(2) * slope[k];
        gradient[2 * k + 1] = S(200) * valley[k];
      }
    }
  }
};

}  // namespace mesaopt::problems
