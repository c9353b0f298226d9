#pragma once

#include <cstdint>

#include <mesaopt/core/stopping.hpp>
#include <mesaopt/gradient/schedule.hpp>

namespace mesaopt {

/// The step size of a Descent that asks no line search: a number, perhaps on a schedule.
///
///     Descent{NewtonDirection{}, FixedStep{1}}      // the pure Newton iteration
///
/// One evaluation a step; the value may rise. A step into where the objective is not finite is halved.
struct FixedStep {
  double learning_rate = 1e-2;  ///< times the direction
  Schedule schedule{};          ///< factor on the learning rate

  static constexpr bool monotone = false;

  /// Throws std::invalid_argument for a setting out of its range.
  void check() const {
    if (!(learning_rate > 0)) detail::refuse("FixedStep::learning_rate", learning_rate, "it must be more than 0");
    schedule.check();
  }

  /// The size of step 0, 1, 2, ...
  [[nodiscard]] double operator()(std::uint64_t step) const { return learning_rate * schedule.factor(step); }
};

}  // namespace mesaopt
