#pragma once

#include <Eigen/Core>

#include <mesaopt/core/point.hpp>

namespace mesaopt::problems {

/// Three nested levels with a closed form. Each level has one variable, a point of size 1.
///
/// Bottom: z*(x, y) = argmin over z of (z - (x + y) / 2)^2 = (x + y) / 2.
/// Middle: y*(x) = argmin over y of (y - 2x)^2 + (z*(x, y) - 1)^2 = 1.4 x + 0.4.
/// Top: the minimum over x of (x - 3)^2 + y*^2 + z*^2 is 8.1, at x = 0.5, y = 1.1, z = 0.8.
struct ThreeLevels {
  static constexpr double x_star = 0.5;   ///< the solution of the top level
  static constexpr double y_star = 1.1;   ///< the answer of the middle level to it
  static constexpr double z_star = 0.8;   ///< the answer of the bottom level to both
  static constexpr double minimum = 8.1;  ///< the top value there

  /// The bottom level: a family g(u, z) = (z - (u_0 + u_1) / 2)^2 for the outer point u = [x; y], of size 2.
  struct Bottom {
    static constexpr bool quadratic = true;  ///< second derivatives in z do not depend on z

    /// The value at (u, z).
    template <Point U, Point Z>
    ScalarOf<Z> operator()(const U& u, const Z& z) const {
      const ScalarOf<Z> r = z[0] - ScalarOf<Z>(0.5) * (u[0] + u[1]);
      return r * r;
    }

    /// The value at (u, z); fills the derivative by z.
    template <Point U, Point Z>
    ScalarOf<Z> operator()(const U& u, const Z& z, Z& gz) const {
      const ScalarOf<Z> r = z[0] - ScalarOf<Z>(0.5) * (u[0] + u[1]);
      gz[0] = ScalarOf<Z>(2) * r;
      return r * r;
    }

    /// out = (second derivative by z) v = 2 v.
    template <Point U, Point Z>
    void hessian_product(const U&, const Z&, const Z& v, Z& out) const {
      out[0] = ScalarOf<Z>(2) * v[0];
    }

    /// H = second derivative by z, 1 x 1.
    template <Point U, Point Z, class Matrix>
    void hessian(const U&, const Z&, Matrix& H) const {
      H(0, 0) = ScalarOf<Z>(2);
    }

    /// out = derivative by u of (derivative by z) . v = (-v, -v).
    template <Point U, Point Z>
    void mixed_product(const U&, const Z&, const Z& v, U& out) const {
      out[0] = out[1] = -v[0];
    }

    /// out = change of the derivative by z along the direction `along` of u.
    template <Point U, Point Z>
    void mixed_direction(const U&, const Z&, const U& along, Z& out) const {
      out[0] = -(along[0] + along[1]);
    }
  };

  /// The middle level as the outer function of the bottom one: (y - 2x)^2 + (z - 1)^2 at u = [x; y] and z.
  struct Middle {
    /// The value at (u, z).
    template <Point U, Point Z>
    ScalarOf<U> operator()(const U& u, const Z& z) const {
      using S = ScalarOf<U>;
      const S r = u[1] - S(2) * u[0], s = z[0] - S(1);
      return r * r + s * s;
    }

    /// The value at (u, z); fills the derivatives by u, with z held, and by z.
    template <Point U, Point Z>
    ScalarOf<U> operator()(const U& u, const Z& z, U& gu, Z& gz) const {
      using S = ScalarOf<U>;
      const S r = u[1] - S(2) * u[0], s = z[0] - S(1);
      gu[0] = S(-4) * r;
      gu[1] = S(2) * r;
      gz[0] = S(2) * s;
      return r * r + s * s;
    }
  };

  /// The top level as a function of x and of the lower answers: either y and z apart, or w = [y; z] in one point.
  struct Top {
    /// The value at (x, w) with w = [y; z].
    template <Point X, Point W>
    ScalarOf<X> operator()(const X& x, const W& w) const {
      const ScalarOf<X> miss = x[0] - ScalarOf<X>(3);
      return miss * miss + w[0] * w[0] + w[1] * w[1];
    }

    /// The value at (x, w); fills the derivatives by x, with w held, and by w.
    template <Point X, Point W>
    ScalarOf<X> operator()(const X& x, const W& w, X& gx, W& gw) const {
      gx[0] = ScalarOf<X>(2) * (x[0] - ScalarOf<X>(3));
      gw[0] = ScalarOf<X>(2) * w[0];
      gw[1] = ScalarOf<X>(2) * w[1];
      return (*this)(x, w);
    }

    /// The value at (x, y, z).
    template <Point X, Point Y, Point Z>
    ScalarOf<X> operator()(const X& x, const Y& y, const Z& z) const {
      const ScalarOf<X> miss = x[0] - ScalarOf<X>(3);
      return miss * miss + y[0] * y[0] + z[0] * z[0];
    }

    /// The value at (x, y, z); fills the derivatives by each with the others held.
    template <Point X, Point Y, Point Z>
    ScalarOf<X> operator()(const X& x, const Y& y, const Z& z, X& gx, Y& gy, Z& gz) const {
      gx[0] = ScalarOf<X>(2) * (x[0] - ScalarOf<X>(3));
      gy[0] = ScalarOf<X>(2) * y[0];
      gz[0] = ScalarOf<X>(2) * z[0];
      return (*this)(x, y, z);
    }
  };

  /// The closed-form answer of the bottom level to u = [x; y].
  template <class S>
  static S bottom_response(S x, S y) {
    return S(0.5) * (x + y);
  }

  /// The closed-form answer of the middle level to x.
  template <class S>
  static S middle_response(S x) {
    return S(1.4) * x + S(0.4);
  }

  /// The closed-form top value at x.
  template <class S>
  static S top_value(S x) {
    const S y = middle_response(x), z = bottom_response(x, y);
    return (x - S(3)) * (x - S(3)) + y * y + z * z;
  }

  /// The derivative of the closed-form top value at x; z* changes by 1.2 along x.
  template <class S>
  static S top_derivative(S x) {
    const S y = middle_response(x), z = bottom_response(x, y);
    return S(2) * (x - S(3)) + S(2.8) * y + S(2.4) * z;
  }
};

}  // namespace mesaopt::problems
