#pragma once

#include <cmath>
#include <tuple>

#include <mesaopt/bayes/normal.hpp>

namespace mesaopt {

/// Expected improvement: the mean of max(best - margin - f(x), 0).
///
/// It is 0 in floating point far from where it is large; to be maximized, take LogExpectedImprovement.
/// Jones, Schonlau and Welch (1998), "Efficient global optimization of expensive black-box functions", equation 15.
struct ExpectedImprovement {
  double margin = 0;  ///< how much an improvement must exceed to count, in the units of f

  static constexpr auto fields() { return std::tuple{&ExpectedImprovement::margin}; }

  template <class S>
  S operator()(S mean, S variance, S best, S& by_mean, S& by_variance) const {
    const S gap = best - S(margin) - mean;
    if (variance <= 0) {
      by_mean = gap > 0 ? S(-1) : S(0);
      by_variance = 0;
      return gap < 0 ? S(0) : gap;
    }
    const S deviation = std::sqrt(variance), z = gap / deviation, density = detail::normal_density(z);
    const S probability = detail::normal_probability(z);
    by_mean = -probability;
    by_variance = density / (2 * deviation);
    if (!(z < -2)) return deviation * density + gap * probability;
    const detail::NormalTail<S> tail = detail::normal_tail(-z);
    return deviation * density * tail.fraction * tail.ratio;
  }
};

}  // namespace mesaopt
