#pragma once

#include <cmath>
#include <numbers>

namespace mesaopt::detail {

/// φ(z), the density of the standard normal distribution.
template <class S>
S normal_density(S z) {
  return std::exp(-z * z / 2) * std::numbers::inv_sqrtpi_v<S> / std::numbers::sqrt2_v<S>;
}
/// Φ(z), the probability that a standard normal number is below z.
template <class S>
S normal_probability(S z) {
  return std::erfc(-z / std::numbers::sqrt2_v<S>) / 2;
}

/// For t ≥ 2, Φ(-t) = φ(t) ratio, and φ(t) - t Φ(-t) = φ(t) fraction ratio without cancellation.
template <class S>
struct NormalTail {
  S fraction;  ///< 1/(t + 2/(t + 3/(t + ...)))
  S ratio;     ///< 1/(t + fraction), which is Mills' ratio
};
/// Laplace's continued fraction: Abramowitz and Stegun (1964), "Handbook of mathematical functions", 26.2.14, begun
/// where the rest is taken to repeat itself. The number of terms is fitted to what leaves a relative error below 2e-17.
template <class S>
NormalTail<S> normal_tail(S t) {
  const int terms = 6 + int(235 / (t * std::sqrt(t)));
  S fraction = 2 * S(terms + 1) / (t + std::sqrt(t * t + S(4 * (terms + 1))));
  for (int k = terms; k > 0; --k) fraction = S(k) / (t + fraction);
  return {fraction, 1 / (t + fraction)};
}

/// log Φ(z), and its derivative.
template <class S>
S log_normal_probability(S z, S& slope) {
  if (z < -2) {
    const S ratio = normal_tail(-z).ratio;
    slope = 1 / ratio;
    return std::log(ratio) - z * z / 2 - std::log(2 * std::numbers::pi_v<S>) / 2;
  }
  const S probability = normal_probability(z);
  slope = normal_density(z) / probability;
  return z > 0 ? std::log1p(-normal_probability(-z)) : std::log(probability);
}

/// Of h(z) = φ(z) + z Φ(z), the mean of max(z + e, 0) over standard normal e.
template <class S>
struct LogImprovement {
  S value;        ///< log h(z)
  S probability;  ///< Φ(z) / h(z), the derivative of log h
  S density;      ///< φ(z) / h(z)
};
template <class S>
LogImprovement<S> log_improvement(S z) {
  if (z < -2) {
    const NormalTail<S> tail = normal_tail(-z);
    const S h = tail.fraction * tail.ratio;
    return {std::log(h) - z * z / 2 - std::log(2 * std::numbers::pi_v<S>) / 2, 1 / tail.fraction, 1 / h};
  }
  const S density = normal_density(z), probability = normal_probability(z), h = density + z * probability;
  return {std::log(h), probability / h, density / h};
}

}  // namespace mesaopt::detail
