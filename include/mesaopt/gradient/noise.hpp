#pragma once

#include <cmath>
#include <limits>

#include <mesaopt/core/evaluation.hpp>

namespace mesaopt::detail {

/// The size below which differences from a value mean nothing: its rounding, and the error that it comes with.
template <class S>
S noise_of(S value, const Evaluation<S>& evaluation) {
  return 64 * std::numeric_limits<S>::epsilon() * std::abs(value) + 2 * evaluation.value_error;
}

}  // namespace mesaopt::detail
