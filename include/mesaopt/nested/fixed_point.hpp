#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include <Eigen/Core>

#include <mesaopt/core/point.hpp>

namespace mesaopt {

/// The inner problem y = T(x, y) as a family. See `fixed_point`.
template <class T>
struct FixedPoint {
  T map;

  /// Half the squared distance of y from T(x, y); fills y − T(x, y).
  template <Point X, Point Y>
  ScalarOf<Y> operator()(const X& x, const Y& y, Y& residual) const {
    map(x, y, residual);
    residual = y - residual;
    return residual.squaredNorm() / 2;
  }

  /// out = (I − ∂T/∂y)' v.
  template <Point X, Point Y>
  void adjoint_product(const X& x, const Y& y, const Y& v, Y& out) const {
    if constexpr (requires { map.transposed_product(x, y, v, out); }) {
      map.transposed_product(x, y, v, out);
      out = v - out;
    } else {
      using S = ScalarOf<Y>;
      out = v;
      Y moved = y, image = y;
      for (Eigen::Index j = 0; j < y.size(); ++j) {
        const S h = std::cbrt(std::numeric_limits<S>::epsilon()) * std::max(S(1), std::abs(y[j]));
        moved[j] = y[j] + h;
        map(x, moved, image);
        out[j] -= image.dot(v) / (2 * h);
        moved[j] = y[j] - h;
        map(x, moved, image);
        out[j] += image.dot(v) / (2 * h);
        moved[j] = y[j];
      }
    }
  }

  /// out = −(∂T/∂x)' v.
  template <Point X, Point Y>
  requires requires(const T& t, const X& x, const Y& y, X& out) { t.mixed_product(x, y, y, out); }
  void mixed_product(const X& x, const Y& y, const Y& v, X& out) const {
    map.mixed_product(x, y, v, out);
    out = -out;
  }
};

/// A fixed point y = T(x, y), which need not be the minimum of anything, as inner problem:
///
///     response(family(fixed_point(T)), Search{GradientDescent{.learning_rate = 1}, GradientBelow{1e-12}}, y0)
///
/// iterates y ← T(x, y), as its "gradient" is y − T(x, y); with `implicit(GmresAdjoint{})` it has a hypergradient. T is
/// callable as `T(x, y, out)`, and may give
///
///     T.transposed_product(x, y, v, out_y)    (∂T/∂y)' v
///     T.mixed_product(x, y, v, out_x)         (∂T/∂x)' v
///
/// What is missing is made by central differences, in as many pairs of maps as there are variables.
template <class T>
FixedPoint<T> fixed_point(T map) {
  return {std::move(map)};
}

}  // namespace mesaopt
