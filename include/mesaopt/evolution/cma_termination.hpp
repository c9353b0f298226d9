#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <tuple>

#include <Eigen/Core>

#include <mesaopt/core/status.hpp>
#include <mesaopt/core/vectors.hpp>

namespace mesaopt {

/// Why an evolution strategy ended by itself. The names in brackets are those of N. Hansen's pycma.
enum class CmaEnd : std::uint8_t {
  none,
  narrow,                     // tolx
  values_alike,               // tolfun, tolfunhist
  values_equal,               // tolflatfitness
  stagnation,                 // tolstagnation
  ill_conditioned,            // conditioncov
  axis_without_effect,        // noeffectaxis
  coordinate_without_effect,  // noeffectcoord
  grown,                      // tolfacupx
  not_decomposed,
  nothing_finite
};

/// The reason as a sentence.
constexpr const char* sentence(CmaEnd end) {
  switch (end) {
    case CmaEnd::none: return "It did not end by itself.";
    case CmaEnd::narrow: return "All standard deviations are below step_tolerance times step_size.";
    case CmaEnd::values_alike: return "The values of late generations differ by less than value_tolerance.";
    case CmaEnd::values_equal: return "The best values of late generations are all the same number.";
    case CmaEnd::stagnation: return "Neither the best nor the median values fell in the last fifth of the generations.";
    case CmaEnd::ill_conditioned: return "The covariance is too ill conditioned for floating point.";
    case CmaEnd::axis_without_effect: return "A step along a principal axis is lost in the rounding of the mean.";
    case CmaEnd::coordinate_without_effect: return "A step along a coordinate is lost in the rounding of the mean.";
    case CmaEnd::grown:
      return "The distribution grew ten-thousandfold: there is no minimum, or step_size was too small.";
    case CmaEnd::not_decomposed: return "The covariance could not be decomposed.";
    case CmaEnd::nothing_finite: return "Twenty generations in a row had no finite value.";
  }
  return "Unknown end.";
}

/// The status of a run that ended so.
constexpr Status status_of(CmaEnd end) {
  switch (end) {
    case CmaEnd::none: return Status::running;
    case CmaEnd::narrow:
    case CmaEnd::values_alike: return Status::converged;
    case CmaEnd::nothing_finite: return Status::non_finite;
    default: return Status::stalled;
  }
}

namespace detail {

/// The history of a run in a room of constant size: of one generation in every `stride`, the best value and the median.
/// When the room is full every second entry is dropped, and the stride doubled.
template <class S>
struct LongHistory {
  static constexpr Eigen::Index room = 240;

  Eigen::VectorX<S> best{}, median{};  ///< the oldest first
  std::uint64_t generations = 0;       ///< that were told
  std::uint64_t stride = 1;
  Eigen::Index count = 0;  ///< entries

  static constexpr auto fields() {
    using T = LongHistory;
    return std::tuple{&T::best, &T::median, &T::generations, &T::stride, &T::count};
  }

  void begin() {
    zeros(best, room, 1);
    zeros(median, room, 1);
    generations = 0;
    stride = 1;
    count = 0;
  }

  /// Takes the values of a generation. True if they made a new entry.
  bool push(S lowest, S middle) {
    if (generations++ % stride != 0) return false;
    if (count == room) {
      count /= 2;
      for (Eigen::Index i = 0; i < count; ++i) best[i] = best[2 * i], median[i] = median[2 * i];
      stride *= 2;
      if ((generations - 1) % stride != 0) return false;
    }
    best[count] = lowest;
    median[count] = middle;
    ++count;
    return true;
  }

  /// Whether, within the last fifth of the generations, or the last `least` if these are more, the median of the last
  /// third of best values is no lower than that of the first third, and so with the medians. `scratch` has the room.
  bool stagnant(std::uint64_t least, Eigen::VectorX<S>& scratch) const {
    const auto window = Eigen::Index(std::max(least, generations / 5) / stride);
    const Eigen::Index third = window * 3 / 10;
    if (window > count || third < 3) return false;
    const auto fell = [&](const Eigen::VectorX<S>& values) {
      const auto middle = [&](Eigen::Index from) {
        std::copy_n(values.data() + from, third, scratch.data());
        std::nth_element(scratch.data(), scratch.data() + third / 2, scratch.data() + third);
        return scratch[third / 2];
      };
      const S late = middle(count - third);
      return late < middle(count - window);
    };
    return !fell(best) && !fell(median);
  }
};

}  // namespace detail

/// When a CMA-ES ends by itself: the criteria of Hansen (2016), "The CMA evolution strategy: a tutorial", appendix B.3.
/// A `Distribution` tells of its standard deviations and axes: see CmaDistribution.
template <class S>
struct CmaTermination {
  CmaEnd end = CmaEnd::none;       ///< why the run ended
  S widest = 0;                    ///< largest standard deviation at the start, or `step_size` if that is more
  std::uint64_t failures = 0;      ///< latest generations without a single usable value, in a row
  Eigen::VectorX<S> latest{};      ///< best values of the latest 10 + 30 n / λ generations, a ring
  detail::LongHistory<S> all{};    ///< best and median values since the start
  std::uint64_t least_window = 0;  ///< generations that stagnation takes at least: 120 + 30 n / λ

  static constexpr auto fields() {
    using T = CmaTermination;
    return std::tuple{&T::end, &T::widest, &T::failures, &T::latest, &T::all, &T::least_window};
  }

  /// For a run of n variables with λ points in a generation.
  void begin(Eigen::Index n, Eigen::Index lambda, S wide) {
    end = CmaEnd::none;
    widest = wide;
    failures = 0;
    detail::zeros(latest, 10 + (30 * n + lambda - 1) / lambda, 1);
    all.begin();
    detail::zeros(scratch_, detail::LongHistory<S>::room, 1);
    least_window = std::uint64_t(120 + 30 * n / lambda);
  }

  /// A generation without a usable value.
  void fail() {
    constexpr std::uint64_t patience = 20;
    if (++failures >= patience) end = CmaEnd::nothing_finite;
  }

  /// A generation whose values lie from `best` to `worst`, after the distribution has learnt from it.
  template <class Distribution>
  void judge(const Distribution& d, S best, S middle, S worst, bool decomposed, S narrow, S alike) {
    failures = 0;
    latest[Eigen::Index(all.generations) % latest.size()] = best;
    if (all.push(best, middle) && all.count % 8 == 0) {
      if (scratch_.size() == 0) detail::zeros(scratch_, detail::LongHistory<S>::room, 1);  // of a loaded state
      stagnant_ = all.stagnant(least_window, scratch_);
    } else {
      stagnant_ = false;
    }
    end = !decomposed ? CmaEnd::not_decomposed : reason(d, worst, narrow, alike);
  }

 private:
  Eigen::VectorX<S> scratch_{};
  bool stagnant_ = false;

  template <class Distribution>
  static bool all_below(const Distribution& d, S bound) {
    for (Eigen::Index i = 0; i < d.mean.size(); ++i)
      if (!(d.deviation(i) < bound) || !(d.drift(i) < bound)) return false;
    return true;
  }

  template <class Distribution>
  [[nodiscard]] CmaEnd reason(const Distribution& d, S worst, S narrow, S alike) const {
    constexpr S most_condition = std::same_as<S, float> ? S(1e6) : S(1e14);
    constexpr S most_growth = S(1e4);
    if (all.generations >= std::uint64_t(latest.size())) {
      const auto [lowest, highest] = std::minmax_element(latest.data(), latest.data() + latest.size());
      if (*highest == *lowest) return CmaEnd::values_equal;
      if (std::max(*highest, worst) - *lowest < alike) return CmaEnd::values_alike;
    }
    if (all_below(d, narrow)) return CmaEnd::narrow;
    if constexpr (!requires { d.variances; })  // coordinates that are independent lose nothing
      if (!(d.condition() <= most_condition)) return CmaEnd::ill_conditioned;
    for (Eigen::Index i = 0; i < d.mean.size(); ++i)
      if (d.mean[i] == d.mean[i] + S(0.2) * d.deviation(i)) return CmaEnd::coordinate_without_effect;
    if (d.axis_lost_in_rounding()) return CmaEnd::axis_without_effect;
    if (!(d.width() <= most_growth * widest)) return CmaEnd::grown;
    return stagnant_ ? CmaEnd::stagnation : CmaEnd::none;
  }
};

}  // namespace mesaopt
