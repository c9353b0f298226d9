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
///     cosine       the same along half a cosine: Loshchilov & Hutter (2017), "SGDR: stochastic gradient descent with
///                  warm restarts", eq. 5
///     restarts     cosines one after the other, the first of `steps` steps and each `growth` times as long as the one
///                  before: the same paper, with T_0 = steps and T_mult = growth
///     one_cycle    of `steps` steps in all, the first part, `rise`, goes up from `first` to 1 and the rest down to
///                  `least`, both along half cosines; then `least`. Smith & Topin (2018), "Super-convergence: very fast
///                  training of neural networks using large learning rates", with cosines as in PyTorch:
///                  its OneCycleLR is .first = 1 / div_factor, .least = first / final_div_factor, .rise = pct_start
struct Schedule {
  enum Kind : std::uint8_t { constant, step, exponential, inverse, linear, cosine, restarts, one_cycle };

  Kind kind = constant;
  std::int64_t steps = 1000;  ///< between two drops, to decay once, to become 1/2, of the first cosine, or to the end
  double decay = 0.1;         ///< of step and exponential, in (0, 1]
  double least = 0;           ///< of linear, cosines and one_cycle, in [0, 1]
  double first = 0.04;        ///< of one_cycle, in [0, 1]
  double rise = 0.3;          ///< of one_cycle, in [0, 1]
  std::int64_t growth = 1;    ///< of restarts, 1 or more
  std::int64_t warm_up = 0;   ///< steps before that, in which the factor is 1/warm_up, 2/warm_up, ..., 1

  /// Throws std::invalid_argument for a setting out of its range.
  void check() const {
    if (steps < 1) detail::refuse("Schedule::steps", double(steps), "it must be 1 or more");
    if (!(decay > 0 && decay <= 1)) detail::refuse("Schedule::decay", decay, "it must be in (0, 1]");
    if (!(least >= 0 && least <= 1)) detail::refuse("Schedule::least", least, "it must be in [0, 1]");
    if (!(first >= 0 && first <= 1)) detail::refuse("Schedule::first", first, "it must be in [0, 1]");
    if (!(rise >= 0 && rise <= 1)) detail::refuse("Schedule::rise", rise, "it must be in [0, 1]");
    if (growth < 1) detail::refuse("Schedule::growth", double(growth), "it must be 1 or more");
    if (warm_up < 0) detail::refuse("Schedule::warm_up", double(warm_up), "it must be 0 or more");
  }

  /// The factor of step 0, 1, 2, ...
  [[nodiscard]] double factor(std::uint64_t step_number) const {
    const auto warm = std::uint64_t(warm_up);
    if (step_number < warm) return double(step_number + 1) / double(warm);
    if (kind == constant) return 1;
    const double count = double(step_number - warm), t = count / double(steps);
    switch (kind) {
      case constant: break;
      case step: return std::pow(decay, std::floor(t));
      case exponential: return std::pow(decay, t);
      case inverse: return 1 / (1 + t);
      case linear: return 1 - (1 - least) * std::min(t, 1.0);
      case cosine: return along_cosine(1, least, t);
      case restarts: return along_cosine(1, least, since_restart(count));
      case one_cycle: {
        const double top = rise * double(steps) - 1, bottom = double(steps) - 1;
        if (top > 0 && count <= top) return along_cosine(first, 1, count / top);
        return bottom > top ? along_cosine(1, least, (count - top) / (bottom - top)) : least;
      }
    }
    return 1;
  }

 private:
  /// From one value at t = 0 to the other at t = 1, and that from there on.
  static double along_cosine(double from, double to, double t) {
    return to + (from - to) * (1 + std::cos(std::numbers::pi * std::min(t, 1.0))) / 2;
  }

  /// The part of its cosine that has passed before a step.
  [[nodiscard]] double since_restart(double count) const {
    auto length = double(steps);
    if (growth == 1) return std::fmod(count, length) / length;
    while (count >= length) {
      count -= length;
      length *= double(growth);
    }
    return count / length;
  }
};

}  // namespace mesaopt
