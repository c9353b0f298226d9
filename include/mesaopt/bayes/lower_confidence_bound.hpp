#pragma once

#include <cmath>
#include <tuple>

namespace mesaopt {

/// How low the function may well be: `deviations` standard deviations below its mean, negated so that larger is more
/// promising. Of a function to be maximized, this is the upper confidence bound, UCB.
///
/// Srinivas, Krause, Kakade and Seeger (2010), "Gaussian process optimization in the bandit setting: no regret and
/// experimental design", equation 6, where `deviations` is √β.
struct LowerConfidenceBound {
  double deviations = 2;  ///< at least 0; the more, the more it explores

  static constexpr auto fields() { return std::tuple{&LowerConfidenceBound::deviations}; }

  template <class S>
  S operator()(S mean, S variance, S /*best*/, S& by_mean, S& by_variance) const {
    const S deviation = variance > 0 ? std::sqrt(variance) : S(0);
    by_mean = -1;
    by_variance = deviation > 0 ? S(deviations) / (2 * deviation) : S(0);
    return S(deviations) * deviation - mean;
  }
};

/// The mean itself, negated: for the point that is best by all that is known, or for a predicted cost.
struct PosteriorMean {
  static constexpr std::tuple<> fields() { return {}; }

  template <class S>
  S operator()(S mean, S /*variance*/, S /*best*/, S& by_mean, S& by_variance) const {
    by_mean = -1;
    by_variance = 0;
    return -mean;
  }
};

}  // namespace mesaopt
