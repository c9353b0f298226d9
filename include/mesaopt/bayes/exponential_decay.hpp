#pragma once

#include <cmath>
#include <concepts>
#include <stdexcept>
#include <string>
#include <tuple>

#include <Eigen/Core>

#include <mesaopt/bayes/kernel.hpp>
#include <mesaopt/core/number_text.hpp>

namespace mesaopt::kernels {

/// Of learning curves, over one coordinate t >= 0, how long was trained: scale^shape / (t + t' + scale)^shape, of
/// mixtures of exp(-λt) with λ of a gamma distribution. Sums of it and a Constant level off, as training does.
/// Parameters in order: shape, scale.
///
/// Swersky, Snoek and Adams (2014), "Freeze-thaw Bayesian optimization", equation 11.
template <std::floating_point S>
struct BasicExponentialDecay {
  using Scalar = S;
  S shape = 1;  ///< positive
  S scale = 1;  ///< positive, in units of t

  static constexpr auto fields() { return std::tuple{&BasicExponentialDecay::shape, &BasicExponentialDecay::scale}; }
  template <class X, class Y>
  S operator()(const Eigen::MatrixBase<X>& x, const Eigen::MatrixBase<Y>& y) const {
    return detail::value(*this, x, y);
  }
  void check(Eigen::Index dimension) const {
    if (dimension != 1)
      throw std::invalid_argument("kernel: ExponentialDecay is of 1 coordinate, got " + std::to_string(dimension));
    for (const S parameter : {shape, scale})
      if (!(parameter > 0) || !std::isfinite(parameter))
        throw std::invalid_argument("kernel: shape and scale must be positive, got " +
                                    mesaopt::detail::number_text(parameter));
  }
  template <class Self, class Visitor>
  static void visit(Self& self, Visitor&& visitor) {
    visitor(Role::shape, self.shape);
    visitor(Role::shape, self.scale);
  }
  void values(Points<S> X, const S* y, S* out) const {
    for (Eigen::Index i = 0; i < X.count; ++i) out[i] = std::exp(-shape * std::log1p((X(0, i) + *y) / scale));
  }
  void pull(Points<S> X, const S* y, const S* weights, S* gy, S* gp) const {
    for (Eigen::Index i = 0; i < X.count; ++i) {
      const S time = X(0, i) + *y, log = std::log1p(time / scale),
              weighted = weights[i] * shape * std::exp(-shape * log);
      if (gy) *gy -= weighted / (time + scale);
      if (gp) gp[0] -= weighted * log;
      if (gp) gp[1] += weighted * time / (time + scale);
    }
  }
};
using ExponentialDecay = BasicExponentialDecay<double>;

}  // namespace mesaopt::kernels
