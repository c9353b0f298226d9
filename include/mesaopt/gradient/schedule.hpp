#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numbers>

#include <mesaopt/core/stopping.hpp>

namespace mesaopt {

/// How a step size changes in the course of a run: a factor on it, 1 where nothing is said.
///
///     Adam{.learning_rate = 1e-3, .schedule = {.kind = Schedule::cosine, .steps = 10'000, .warm_up = 500}}
///
/// After a linear warm-up, t counts from 0, and the factor is
///
///     constant     1
///     step         decay^⌊t / steps⌋
///     exponential  decay^(t / steps)
///     inverse      1 / (1 + t / steps): decreases as theory asks of stochastic gradients (Robbins & Monro, 1951)
///     linear       from 1 to `least` in `steps` steps, then `least`
///     cosine       the same along half a cosine: Loshchilov & Hutter (2017), "SGDR", eq. 5, without restarts
struct Schedule {
  enum Kind : std::uint8_t { constant, step, exponential, inverse, linear, cosine };

  Kind kind = constant;
  std::int64_t steps = 1000;  ///< between two drops, to decay once, to become 1/2, or to the end
  double decay = 0.1;         ///< of step and exponential, in (0, 1]
  double least = 0;           ///< of linear and cosine, in [0, 1]
  std::int64_t warm_up = 0;   ///< steps before that, in which the factor is 1/warm_up, 2/warm_up, ..., 1

  /// Throws std::invalid_argument for a setting out of its range.
  void check() const {
    if (steps < 1) detail::refuse("Schedule::steps", double(steps), "it must be 1 or more");
    if (!(decay > 0 && decay <= 1)) detail::refuse("Schedule::decay", decay, "it must be in (0, 1]");
    if (!(least >= 0 && least <= 1)) detail::refuse("Schedule::least", least, "it must be in [0, 1]");
    if (warm_up < 0) detail::refuse("Schedule::warm_up", double(warm_up), "it must be 0 or more");
  }

  /// The factor of step 0, 1, 2, ...
  [[nodiscard]] double factor(std::uint64_t step_number) const {
    const auto warm = std::uint64_t(warm_up);
    if (step_number < warm) return double(step_number + 1) / double(warm);
    const double t = double(step_number - warm) / double(steps);
    switch (kind) {
      case constant: return 1;
      case step: return std::pow(decay, std::floor(t));
      case exponential: return std::pow(decay, t);
      case inverse: return 1 / (1 + t);
      case linear: return 1 - (1 - least) * std::min(t, 1.0);
      case cosine: return least + (1 - least) * (1 + std::cos(std::numbers::pi * std::min(t, 1.0))) / 2;
    }
    return 1;
  }
};

}  // namespace mesaopt
