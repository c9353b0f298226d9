#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numbers>
#include <tuple>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/parameter.hpp>
#include <mesaopt/core/point.hpp>
#include <mesaopt/core/space.hpp>
#include <mesaopt/core/vectors.hpp>

namespace mesaopt {

/// How a coordinate is divided into levels; see Parameter.
struct CoordinateLevels {
  std::int64_t count = 0;  ///< 0 for a real number
  double lower = 0;        ///< the least integer
  bool logarithmic = false;

  static constexpr auto fields() {
    using T = CoordinateLevels;
    return std::tuple{&T::count, &T::lower, &T::logarithmic};
  }

  /// An integer with the same cells. It allocates nothing.
  [[nodiscard]] Parameter parameter() const {
    return {.name = {},
            .kind = ParameterKind::integer,
            .lower = lower,
            .upper = lower + double(count - 1),
            .logarithmic = logarithmic};
  }
};

namespace detail {
/// The z which a standard normal number exceeds with probability p, of (0, 1/2].
inline double exceeded_with(double p) {
  double z = 0;
  // Newton's method on the logarithm of the probability, which is concave: it never goes too far, and ends soon.
  for (int i = 0; i < 12; ++i) {
    const double tail = std::erfc(z / std::numbers::sqrt2) / 2;
    const double density = std::exp(-z * z / 2) / std::sqrt(2 * std::numbers::pi);
    z += std::log(tail / p) * tail / density;
  }
  return z;
}
}  // namespace detail

/// Keeps the levels next to the present ones within reach of an evolution strategy, so that integers and categories do
/// not get stuck when the distribution has become narrower than a level.
///
/// Of a coordinate with levels the mean and, for points alone, the standard deviation are corrected after each
/// generation, so that each neighbour of the mean's level has at least the probability alpha / 2, and alpha where there
/// is but one neighbour. Categories are taken in the order in which they are listed.
///
/// Hamano, Saito, Nomura and Shirakawa (2022), "CMA-ES with margin: lower-bounding marginal probability for
/// mixed-integer black-box optimization", GECCO, with alpha = 1 / (n lambda); A is `scale`.
template <Point X>
struct IntegerMargin {
  using S = ScalarOf<X>;

  std::vector<CoordinateLevels> levels{};  ///< of each coordinate; none if all are real numbers
  Eigen::VectorX<S> scale{};               ///< of points drawn, beside the standard deviation; empty if levels is
  double alpha = 0;                        ///< the margin; 0 for none

  static constexpr auto fields() {
    using T = IntegerMargin;
    return std::tuple{&T::levels, &T::scale, &T::alpha};
  }

  /// Whether anything is to be kept.
  [[nodiscard]] bool active() const { return alpha > 0 && !levels.empty(); }

  /// Takes the parameters of a space.
  void set(const Space& space) {
    levels.clear();
    for (const Parameter& p : space.parameters())
      levels.push_back({p.levels(), p.kind == ParameterKind::integer ? p.lower : 0,
                        p.kind == ParameterKind::integer && p.logarithmic});
    if (std::all_of(levels.begin(), levels.end(), [](const auto& l) { return l.count < 2; })) levels.clear();
  }

  /// Begins a run of generations of lambda points with `margin` times the usual alpha.
  void begin(Eigen::Index lambda, double margin) {
    alpha = levels.empty() ? 0 : std::min(0.5, margin / (double(levels.size()) * double(lambda)));
    detail::zeros(scale, Eigen::Index(levels.size()), 1);
    std::fill_n(scale.data(), scale.size(), S(1));
  }

  /// Corrects the mean and the scale after a generation.
  template <class State>
  void correct(State& state) {
    if (!active()) return;
    for (Eigen::Index i = 0; i < state.mean.size(); ++i)
      if (levels[std::size_t(i)].count > 1) correct(i, state);
  }

 private:
  template <class State>
  void correct(Eigen::Index i, State& state) {
    const auto in_draws = [&](double x) {
      return double(state.bounds.bounded ? state.bounds.from_box(i, S(x)) : S(x));
    };
    const Parameter parameter = levels[std::size_t(i)].parameter();
    const double mean = std::clamp(double(state.mean[i]), in_draws(0), in_draws(1));
    const double narrow = double(state.deviation(i)), deviation = narrow * double(scale[i]);
    if (!(narrow > 0) || !std::isfinite(deviation)) return;
    const auto level = parameter.level(double(state.bounds.bounded ? state.bounds.to_box(i, S(mean)) : S(mean)));
    const bool first = level == 0, last = level + 1 == levels[std::size_t(i)].count;
    const double lower = in_draws(parameter.edge(level)), upper = in_draws(parameter.edge(level + 1));
    const auto beyond = [](double distance) { return std::erfc(distance / std::numbers::sqrt2) / 2; };
    state.mean[i] = S(mean);
    if (first || last) {
      const double edge = first ? upper : lower, sign = first ? -1 : 1;
      if (beyond(std::abs(mean - edge) / deviation) < alpha)
        state.mean[i] = S(edge + sign * deviation * detail::exceeded_with(alpha));
      return;
    }
    const double below = beyond((mean - lower) / deviation), above = beyond((upper - mean) / deviation);
    if (below >= alpha / 2 && above >= alpha / 2) return;
    const double inside = 1 - below - above;
    double least = std::max(below, alpha / 2), most = std::max(above, alpha / 2);
    // What they lack is taken from all three, in proportion to what these have beyond alpha / 2.
    const double missing = 1 - least - most - inside, spare = least + most + inside - 1.5 * alpha;
    const double taken = spare > 0 ? missing / spare : 0;
    least += taken * (least - alpha / 2);
    most += taken * (most - alpha / 2);
    constexpr double tiny = 1e-10;
    const double down = detail::exceeded_with(std::clamp(least, tiny, 0.5 - tiny));
    const double up = detail::exceeded_with(std::clamp(most, tiny, 0.5 - tiny));
    scale[i] = S((upper - lower) / ((down + up) * narrow));
    state.mean[i] = S((lower * up + upper * down) / (down + up));
  }
};

}  // namespace mesaopt
