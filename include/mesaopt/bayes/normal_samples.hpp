#pragma once

#include <cmath>
#include <cstdint>

#include <Eigen/Core>

#include <mesaopt/bayes/normal.hpp>
#include <mesaopt/core/random.hpp>
#include <mesaopt/core/sobol.hpp>

namespace mesaopt::detail {

/// The number below which a standard normal number is with probability p, 0 < p < 1: Newton's method on log Φ, which is
/// concave, so that from below it climbs without overshooting.
template <class S>
S normal_quantile(S p) {
  if (p > S(0.5)) return -normal_quantile(1 - p);
  // Φ(-t) ≤ exp(-t²/2) / 2.
  S z = -std::sqrt(std::fmax(S(0), -2 * std::log(2 * p)));
  for (int newton = 0; newton < 60; ++newton) {
    S slope;
    const S step = (std::log(p) - log_normal_probability(z, slope)) / slope;
    z += step;
    if (!(std::abs(step) > std::abs(z) * S(1e-7))) break;
  }
  return z;
}

/// Fills each column of `samples` with independent standard normal numbers: of a scrambled Sobol sequence, which makes
/// means over the columns more exact, or at random in more dimensions than it has.
template <class S>
void fill_normal_samples(std::uint64_t seed, Eigen::MatrixX<S>& samples) {
  if (samples.rows() > Sobol::most_dimensions) {
    Random random{seed};
    random.fill_normal(samples);
  } else if (samples.size() > 0) {
    Sobol sobol{.dimension = samples.rows(), .seed = seed};
    Eigen::MatrixXd uniform(samples.rows(), samples.cols());
    sobol.fill(uniform);
    // In the middle of the 2^-53 that a number stands for, which is never 0.
    samples = uniform.unaryExpr([](double u) { return S(normal_quantile(u + 0x1p-54)); });
  }
}

}  // namespace mesaopt::detail
