#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <tuple>

#include <Eigen/Core>

#include <mesaopt/core/number_text.hpp>
#include <mesaopt/core/random.hpp>
#include <mesaopt/core/sobol.hpp>

namespace mesaopt {

/// The trust region of TuRBO: a box around the best point of the unit cube, in which alone a Bayesian search looks for
/// its next points. It doubles after so many successes in a row and halves after so many failures, until it is so small
/// that the search begins anew elsewhere.
///
///     region.init(state);
///     region.box(best_point, kernel.length_scales, state, lower, upper);    then evaluate q points in it, and
///     region.update(best_before, best_of_them, dimension, q, state);
///     if (state.ended) ...                                                  new initial points, and init again
///
/// Eriksson, Pearce, Gardner, Turner and Poloczek (2019), "Scalable global optimization via local Bayesian
/// optimization", section 2 and appendix; the numbers are theirs, and `progress` that of their published program.
struct TurboRegion {
  double start_length = 0.8;     ///< of a side, on average; the cube's is 1
  double least_length = 0x1p-7;  ///< below which the region ends
  double most_length = 1.6;
  int success_tolerance = 3;  ///< successes in a row that double the length
  int failure_tolerance = 0;  ///< failures in a row that halve it; 0: the larger of 4 and the dimension, over the batch
  double progress = 1e-3;     ///< how much of |best| a success must gain

  static constexpr auto fields() {
    using T = TurboRegion;
    return std::tuple{&T::start_length,      &T::least_length,      &T::most_length,
                      &T::success_tolerance, &T::failure_tolerance, &T::progress};
  }

  /// What changes.
  struct State {
    double length = 0.8;
    int successes = 0, failures = 0;  ///< in a row
    bool ended = false;               ///< true when the length fell below the least

    static constexpr auto fields() {
      return std::tuple{&State::length, &State::successes, &State::failures, &State::ended};
    }
  };

  /// Throws std::invalid_argument for a setting out of range.
  void check() const {
    if (!(least_length > 0) || !(start_length >= least_length) || !(most_length >= start_length))
      throw std::invalid_argument("TurboRegion: needs 0 < least_length <= start_length <= most_length, got " +
                                  detail::number_text(least_length) + ", " + detail::number_text(start_length) + ", " +
                                  detail::number_text(most_length));
    if (success_tolerance < 1)
      throw std::invalid_argument("TurboRegion: success_tolerance must be at least 1, got " +
                                  std::to_string(success_tolerance));
    if (failure_tolerance < 0)
      throw std::invalid_argument("TurboRegion: failure_tolerance must be at least 0, got " +
                                  std::to_string(failure_tolerance));
    if (!(progress >= 0))
      throw std::invalid_argument("TurboRegion: progress must be at least 0, got " + detail::number_text(progress));
  }

  /// Begins anew. Throws as `check` does.
  void init(State& state) const {
    check();
    state = {start_length, 0, 0, false};
  }

  /// Takes the lowest value before a batch and the lowest of the batch; a NaN is a failure.
  template <class S>
  void update(S best_before, S best_of_batch, Eigen::Index dimension, Eigen::Index batch, State& state) const {
    const bool success = best_of_batch < best_before - S(progress) * std::abs(best_before);
    state.successes = success ? state.successes + 1 : 0;
    state.failures = success ? 0 : state.failures + 1;
    const auto larger = std::max<Eigen::Index>(4, dimension);
    const int most_failures = failure_tolerance > 0 ? failure_tolerance : int((larger + batch - 1) / batch);
    if (state.successes >= success_tolerance) {
      state.length = std::min(2 * state.length, most_length);
      state.successes = 0;
    } else if (state.failures >= most_failures) {
      state.length /= 2;
      state.failures = 0;
    }
    if (state.length < least_length) state.ended = true;
  }

  /// The box, cut off at the unit cube: its sides are in proportion to the length scales, one or one a coordinate, and
  /// their geometric mean is the length. All vectors but `length_scales` are resized to the centre's size.
  template <class S>
  void box(const Eigen::VectorX<S>& centre, const Eigen::VectorX<S>& length_scales, const State& state,
           Eigen::VectorX<S>& lower, Eigen::VectorX<S>& upper) const {
    const Eigen::Index d = centre.size();
    if (length_scales.size() != 1 && length_scales.size() != d)
      throw std::invalid_argument("TurboRegion: needs 1 or " + std::to_string(d) + " length scales, got " +
                                  std::to_string(length_scales.size()));
    S mean_log = 0;
    for (const S scale : length_scales) mean_log += std::log(scale) / S(length_scales.size());
    lower.resize(d);
    upper.resize(d);
    for (Eigen::Index c = 0; c < d; ++c) {
      const S scale = length_scales[length_scales.size() == 1 ? 0 : c];
      const S half = S(state.length) / 2 * std::exp(std::log(scale) - mean_log);
      lower[c] = std::clamp(centre[c] - half, S(0), S(1));
      upper[c] = std::clamp(centre[c] + half, S(0), S(1));
    }
  }

  /// Fills the columns of `points` with candidates: the centre with each coordinate replaced, with probability
  /// min(1, 20 / dimension), by that of a scrambled Sobol point of the box; at least one coordinate in each. In more
  /// dimensions than Sobol's sequence has, the points are random. `points` has as many rows as the centre.
  template <class S>
  void candidates(const Eigen::VectorX<S>& centre, const Eigen::VectorX<S>& lower, const Eigen::VectorX<S>& upper,
                  Random& random, Eigen::MatrixX<S>& points) const {
    const Eigen::Index d = centre.size();
    if (points.rows() != d)
      throw std::invalid_argument("TurboRegion: candidates need " + std::to_string(d) + " rows, got " +
                                  std::to_string(points.rows()));
    if (d == 0) return;
    if (d <= Sobol::most_dimensions) {
      Sobol sobol{.dimension = d, .seed = random.bits()};
      sobol.fill(points);
    } else {
      for (S& entry : points.reshaped()) entry = random.uniform<S>();
    }
    const double share = std::min(1.0, 20.0 / double(d));
    for (auto point : points.colwise()) {
      bool moved = false;
      const auto last = Eigen::Index(random.below(std::uint64_t(d)));  // moves if no other does
      const S there = lower[last] + point[last] * (upper[last] - lower[last]);
      for (Eigen::Index c = 0; c < d; ++c) {
        const bool moves = random.uniform() < share;
        point[c] = moves ? lower[c] + point[c] * (upper[c] - lower[c]) : centre[c];
        moved = moved || moves;
      }
      if (!moved) point[last] = there;
      point = point.cwiseMax(lower).cwiseMin(upper).eval();  // against rounding
    }
  }
};

}  // namespace mesaopt
