#pragma once

#include <cmath>
#include <stdexcept>
#include <string>
#include <tuple>

#include <Eigen/Core>

#include <mesaopt/core/number_text.hpp>

namespace mesaopt {

/// What a Gaussian process assumes beside its kernel.
template <class S>
struct GaussianProcessSettings {
  S noise = S(1e-6);        ///< variance of an observation's noise, above the floor; positive
  S mean = 0;               ///< of the functions, where all coordinates are 0 if there are slopes
  S noise_floor = 0;        ///< added to `noise`, and never learnt
  bool learn_noise = true;  ///< whether log(noise) is among the parameters
  bool learn_mean = true;   ///< whether the mean is among the parameters
  /// Of a linear mean, mean + slopes'x: one a coordinate, or none for a constant mean.
  Eigen::VectorX<S> slopes = {};
  bool learn_slopes = true;  ///< whether they are among the parameters

  static constexpr auto fields() {
    using G = GaussianProcessSettings;
    return std::tuple{&G::noise,      &G::mean,   &G::noise_floor, &G::learn_noise,
                      &G::learn_mean, &G::slopes, &G::learn_slopes};
  }

  /// Throws std::invalid_argument for a setting out of range.
  void check() const {
    if (!(noise > 0) || !std::isfinite(noise)) refuse("noise", "positive", noise);
    if (!(noise_floor >= 0) || !std::isfinite(noise_floor)) refuse("noise_floor", "at least 0", noise_floor);
    if (!std::isfinite(mean)) refuse("mean", "finite", mean);
    for (const S slope : slopes)
      if (!std::isfinite(slope)) refuse("a slope", "finite", slope);
  }
  /// Throws std::invalid_argument unless there are as many slopes as coordinates, or none.
  void check_dimension(Eigen::Index dimension) const {
    if (slopes.size() != 0 && slopes.size() != dimension)
      throw std::invalid_argument("GaussianProcess: needs 0 or " + std::to_string(dimension) + " slopes, got " +
                                  std::to_string(slopes.size()));
  }
  [[noreturn]] static void refuse(const char* name, const char* need, S value) {
    throw std::invalid_argument("GaussianProcess: " + std::string(name) + " must be " + need + ", got " +
                                detail::number_text(value));
  }

  /// The mean at x.
  template <class X>
  S mean_at(const X& x) const {
    return slopes.size() == 0 ? mean : mean + slopes.dot(x);
  }
  /// How many slopes are learnt.
  Eigen::Index learnt_slopes() const { return learn_slopes ? slopes.size() : 0; }
};

}  // namespace mesaopt
