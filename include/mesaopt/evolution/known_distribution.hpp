#pragma once

#include <cmath>
#include <stdexcept>
#include <string>

#include <Eigen/Core>

#include <mesaopt/core/point.hpp>
#include <mesaopt/core/prior.hpp>

namespace mesaopt::detail {

/// Sets mean, shape and step size of a distribution to those of a prior, as far as it knows them; else the mean to its
/// point, the shape to a round one, and the step size to the one given.
///
/// Throws std::invalid_argument, before it changes anything, if what the prior knows is no distribution.
template <class Distribution, class Known>
void take_known(const Known& known, typename Distribution::S step_size, Distribution& distribution) {
  using S = typename Distribution::S;
  const auto& x = start_point(known);
  const Eigen::Index n = x.size();
  if constexpr (requires { known.state.step_size; }) {
    take_known(known.state, step_size, distribution);  // of a Solution
  } else if constexpr (requires { distribution.fits(known, n); }) {
    const auto& mean = [&]() -> const auto& {
      if constexpr (requires { known.mean; })
        return known.mean;
      else
        return x;
    }
    ();
    const S width = S(known.step_size);
    if (!distribution.fits(known, n) || mean.size() != n || !mean.allFinite() || !(width > 0) || !std::isfinite(width))
      throw std::invalid_argument("start: its mean, covariance and step size (" + std::to_string(width) +
                                  ") are not those of a distribution of " + std::to_string(n) + " variables");
    distribution.mean = mean;
    if constexpr (requires { known.bounds.bounded; })
      if (known.bounds.bounded)
        for (Eigen::Index i = 0; i < n; ++i) distribution.mean[i] = known.bounds.to_box(i, distribution.mean[i]);
    distribution.step_size = width;
    distribution.take(known);
  } else {
    distribution.mean = x;
    distribution.step_size = step_size;
    distribution.make_round(n);
  }
}

}  // namespace mesaopt::detail
