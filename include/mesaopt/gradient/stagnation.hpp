#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <tuple>

#include <mesaopt/core/evaluation.hpp>
#include <mesaopt/core/vectors.hpp>
#include <mesaopt/gradient/noise.hpp>

namespace mesaopt::detail {

/// Sees when a run no longer improves: where values differ by noise alone, the gradient has to become smaller.
template <class S>
struct Stagnation {
  S lowest = std::numeric_limits<S>::quiet_NaN();  ///< least value so far
  S reference = 0;                                 ///< value when the run last improved
  S steepness = 0;                                 ///< squared norm of the gradient then; 0 while values improve
  std::uint64_t idle = 0;                          ///< evaluations since then

  static constexpr auto fields() {
    using T = Stagnation;
    return std::tuple{&T::lowest, &T::reference, &T::steepness, &T::idle};
  }

  void begin(S value) {
    lowest = reference = value;
    steepness = 0;
    idle = 0;
  }

  /// Tells of a new point, which took some evaluations. True when nothing has improved for more than `patience`.
  template <class X>
  bool tell(const Evaluation<S>& evaluation, const X& gradient, std::uint64_t evaluations, std::uint64_t patience) {
    lowest = std::min(lowest, evaluation.value);
    if (evaluation.value < reference - noise_of(lowest, evaluation)) {
      reference = evaluation.value;
      steepness = 0;
      idle = 0;
      return false;
    }
    const S square = product(gradient.data(), gradient.data(), gradient.size()), error = evaluation.gradient_error;
    if (steepness == 0 || square < S(0.8) * steepness) {
      reference = std::min(reference, evaluation.value);
      steepness = square;
      idle = 0;
    } else {
      idle += evaluations;
    }
    return idle >= patience || square <= error * error;
  }
};

}  // namespace mesaopt::detail
