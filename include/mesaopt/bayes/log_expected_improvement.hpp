#pragma once

#include <cmath>
#include <limits>
#include <tuple>

#include <mesaopt/bayes/normal.hpp>

namespace mesaopt {

/// The logarithm of expected improvement, with its gradient, also where the improvement itself is 0 in floating point:
/// log σ + log h((best - margin - mean) / σ), where h(z) = φ(z) + z Φ(z).
///
/// Ament, Daulton, Eriksson, Balandat and Bakshy (2023), "Unexpected improvements to expected improvement for Bayesian
/// optimization", equation 8. Below z = -2, log h comes from the continued fraction of Φ rather than from the
/// three cases of their equation 9, one of which cancels.
struct LogExpectedImprovement {
  double margin = 0;  ///< how much an improvement must exceed to count, in the units of f

  static constexpr auto fields() { return std::tuple{&LogExpectedImprovement::margin}; }

  template <class S>
  S operator()(S mean, S variance, S best, S& by_mean, S& by_variance) const {
    const S gap = best - S(margin) - mean;
    if (variance <= 0) {
      by_mean = gap > 0 ? -1 / gap : S(0);
      by_variance = 0;
      return gap <= 0 ? -std::numeric_limits<S>::infinity() : std::log(gap);
    }
    const S deviation = std::sqrt(variance);
    const detail::LogImprovement<S> log_h = detail::log_improvement(gap / deviation);
    by_mean = -log_h.probability / deviation;
    by_variance = log_h.density / (2 * variance);
    return std::log(variance) / 2 + log_h.value;
  }
};

}  // namespace mesaopt
