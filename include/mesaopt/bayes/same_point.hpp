#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <stdexcept>
#include <string>
#include <tuple>

#include <Eigen/Core>

#include <mesaopt/bayes/kernel.hpp>
#include <mesaopt/core/number_text.hpp>

namespace mesaopt::kernels {

/// `variance` where two points are the same in all coordinates, else 0: what is particular to a point, such as the luck
/// of a run with these settings. It has no parameters to learn; multiply it by a Constant. Its gradients are 0.
template <std::floating_point S>
struct BasicSamePoint {
  using Scalar = S;
  S variance = 1;  ///< positive

  static constexpr auto fields() { return std::tuple{&BasicSamePoint::variance}; }
  template <class X, class Y>
  S operator()(const Eigen::MatrixBase<X>& x, const Eigen::MatrixBase<Y>& y) const {
    return detail::value(*this, x, y);
  }
  void check(Eigen::Index) const {
    if (!(variance > 0) || !std::isfinite(variance))
      throw std::invalid_argument("kernel: variance must be positive, got " + mesaopt::detail::number_text(variance));
  }
  template <class Self, class Visitor>
  static void visit(Self&, Visitor&&) {}
  void values(Points<S> X, const S* y, S* out) const {
    std::fill_n(out, X.count, variance);
    for (Eigen::Index c = 0; c < X.dimension; ++c)
      for (Eigen::Index i = 0; i < X.count; ++i)
        if (X(c, i) != y[c]) out[i] = 0;
  }
  void pull(Points<S>, const S*, const S*, S*, S*) const {}
};
using SamePoint = BasicSamePoint<double>;

}  // namespace mesaopt::kernels
