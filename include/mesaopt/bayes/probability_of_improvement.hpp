#pragma once

#include <cmath>
#include <limits>
#include <tuple>

#include <mesaopt/bayes/normal.hpp>

namespace mesaopt {

/// The probability that f(x) < best - margin.
///
/// Without a margin it prefers small improvements that are sure. Kushner (1964), "A new method of locating the maximum
/// point of an arbitrary multipeak curve in the presence of noise".
struct ProbabilityOfImprovement {
  double margin = 0;  ///< how much an improvement must exceed to count, in the units of f

  static constexpr auto fields() { return std::tuple{&ProbabilityOfImprovement::margin}; }

  template <class S>
  S operator()(S mean, S variance, S best, S& by_mean, S& by_variance) const {
    const S gap = best - S(margin) - mean;
    by_mean = by_variance = 0;
    if (variance <= 0) return gap > 0 ? S(1) : gap <= 0 ? S(0) : gap;
    const S deviation = std::sqrt(variance), z = gap / deviation;
    by_mean = -detail::normal_density(z) / deviation;
    by_variance = by_mean * z / (2 * deviation);
    return detail::normal_probability(z);
  }
};

/// Its logarithm, with a gradient also where the probability is 0 in floating point. With a process that models a
/// constraint c(x) ≤ 0, and 0 for `best`, it is the logarithm of the probability that the constraint is met.
struct LogProbabilityOfImprovement {
  double margin = 0;  ///< how much an improvement must exceed to count, in the units of f

  static constexpr auto fields() { return std::tuple{&LogProbabilityOfImprovement::margin}; }

  template <class S>
  S operator()(S mean, S variance, S best, S& by_mean, S& by_variance) const {
    const S gap = best - S(margin) - mean;
    by_mean = by_variance = 0;
    if (variance <= 0) return gap > 0 ? S(0) : gap <= 0 ? -std::numeric_limits<S>::infinity() : gap;
    const S deviation = std::sqrt(variance), z = gap / deviation;
    S slope;
    const S value = detail::log_normal_probability(z, slope);
    by_mean = -slope / deviation;
    by_variance = by_mean * z / (2 * deviation);
    return value;
  }
};

}  // namespace mesaopt
