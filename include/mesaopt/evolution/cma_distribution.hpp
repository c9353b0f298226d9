#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <tuple>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/point.hpp>
#include <mesaopt/core/prior.hpp>
#include <mesaopt/core/vectors.hpp>
#include <mesaopt/evolution/cma_learning.hpp>
#include <mesaopt/evolution/cma_parameters.hpp>
#include <mesaopt/evolution/columns.hpp>
#include <mesaopt/evolution/principal_axes.hpp>

namespace mesaopt {

/// The normal distribution mean + step_size * N(0, covariance), and how CMA-ES learns it from ranked draws.
///
/// Hansen (2016), "The CMA evolution strategy: a tutorial", arXiv:1604.00772, figure 6, in its letters.
template <Point X>
struct CmaDistribution {
  using S = ScalarOf<X>;

  X mean{};
  MatrixOf<X> covariance{};       ///< C, up to step_size^2
  S step_size = 0;                ///< sigma
  X evolution_path{};             ///< p_c: steps of the mean, smoothed exponentially
  X conjugate_path{};             ///< p_sigma: the same, in coordinates in which the distribution is round
  MatrixOf<X> axes{};             ///< B: orthonormal eigenvectors of the covariance, as it was at `decomposed`
  X axis_lengths{};               ///< D: square roots of its eigenvalues
  std::uint64_t generation = 0;   ///< how often it has learnt
  std::uint64_t decomposed = 0;   ///< the generation whose covariance was decomposed last
  CmaParameters<S> parameters{};  ///< the method's constants

  static constexpr auto fields() {
    using T = CmaDistribution;
    return std::tuple{&T::mean, &T::covariance,   &T::step_size,  &T::evolution_path, &T::conjugate_path,
                      &T::axes, &T::axis_lengths, &T::generation, &T::decomposed,     &T::parameters};
  }

  /// Whether a prior knows a covariance, or variances, for n variables.
  template <class Known>
  requires HasCovariance<Known> || HasVariances<Known>
  static bool fits(const Known& known, Eigen::Index n) {
    if constexpr (HasCovariance<Known>) {
      const auto& known_covariance = detail::covariance_of(known);
      return known_covariance.rows() == n && known_covariance.cols() == n;
    } else
      return known.variances.size() == n;
  }

  /// Takes the covariance of a prior, or its variances.
  template <class Known>
  void take(const Known& known) {
    if constexpr (HasCovariance<Known>) {
      covariance = detail::covariance_of(known);
    } else {
      make_round(known.variances.size());
      for (Eigen::Index i = 0; i < known.variances.size(); ++i) covariance(i, i) = known.variances[i];
    }
  }

  /// Makes the covariance the identity.
  void make_round(Eigen::Index n) {
    detail::zeros(covariance, n, n);
    for (Eigen::Index i = 0; i < n; ++i) covariance(i, i) = 1;
  }

  /// Begins with the present mean, covariance and step size. False if the covariance is no covariance.
  bool begin(Eigen::Index lambda, bool active) {
    const Eigen::Index n = mean.size();
    parameters.set(n, lambda, active);
    detail::zeros(evolution_path, n, 1);
    detail::zeros(conjugate_path, n, 1);
    if (axis_lengths.size() != n) axis_lengths.resize(n);
    learning.reserve(n, lambda);
    principal_axes.reserve(n);
    generation = 0;
    return decompose() && *std::min_element(axis_lengths.data(), axis_lengths.data() + n) > 0;
  }

  /// y = B D z, from draws z of the standard normal distribution, one a column: mean + step_size y are the samples.
  void shape(const PointsOf<X>& draws, PointsOf<X>& steps) {
    const Eigen::Index n = mean.size();
    X& stretched = learning.mean_draw;
    stretched.resize(n);
    detail::zeros(steps, n, draws.cols());
    for (Eigen::Index k = 0; k < draws.cols(); ++k) {
      for (Eigen::Index j = 0; j < n; ++j) stretched[j] = axis_lengths[j] * draws(j, k);
      detail::add_product(n, axes.data(), stretched.data(), steps.data() + n * k);
    }
  }

  /// z = D^(-1) B' y, the draw that belongs to a step. Its length.
  S draw_of(const S* step, S* draw) const {
    const Eigen::Index n = mean.size();
    for (Eigen::Index j = 0; j < n; ++j)
      draw[j] =
          detail::product(axes.data() + n * j, step, n) / std::max(axis_lengths[j], std::numeric_limits<S>::min());
    return std::sqrt(detail::product(draw, draw, n));
  }

  /// Learns from one generation, its columns `best_first`, as drawn and shaped.
  void learn(const std::vector<Eigen::Index>& best_first, const PointsOf<X>& draws, const PointsOf<X>& steps) {
    const Eigen::Index n = mean.size();
    // C^(-1/2) <y> is B <z>, without dividing by D.
    learning.teach(*this, best_first, draws, steps, [&](S factor, S* z, S* path) {
      detail::scale(factor, z, z, n);
      detail::add_product(n, axes.data(), z, path);
    });
    detail::update_covariance(n, learning.decay, parameters.c_1, evolution_path.data(), learning.used,
                              learning.factors.data(), best_first.data(), steps.data(), covariance.data());
  }

  /// Makes coordinate i independent of the others, and as wide as they are on average: for one that influences nothing.
  void isolate(Eigen::Index i) {
    const Eigen::Index n = mean.size();
    S variances(0);
    for (Eigen::Index j = 0; j < n; ++j) {
      if (j != i) variances += covariance(j, j);
      covariance(i, j) = covariance(j, i) = 0;
    }
    covariance(i, i) = n > 1 ? variances / S(n - 1) : S(1);
  }

  /// Decomposes the covariance if that is due, which it is not in every generation: learning is slow in many variables.
  /// False if it cannot be done.
  bool decompose_when_due() { return !(S(generation - decomposed) >= parameters.gap) || decompose(); }

  /// The standard deviation of coordinate i.
  [[nodiscard]] S deviation(Eigen::Index i) const { return step_size * std::sqrt(covariance(i, i)); }
  /// How far the smoothed path of the mean goes along coordinate i.
  [[nodiscard]] S drift(Eigen::Index i) const { return step_size * std::abs(evolution_path[i]); }

  /// Whether a tenth of a standard deviation along one axis, another one every time, is lost in the rounding of the
  /// mean.
  [[nodiscard]] bool axis_lost_in_rounding() const {
    const auto axis = Eigen::Index(generation % std::uint64_t(mean.size()));
    const S tenth = S(0.1) * step_size * axis_lengths[axis];
    for (Eigen::Index i = 0; i < mean.size(); ++i)
      if (mean[i] != mean[i] + tenth * axes(i, axis)) return false;
    return true;
  }

  /// The ratio of the largest eigenvalue of the covariance to the smallest.
  [[nodiscard]] S condition() const {
    const auto [shortest, longest] =
        std::minmax_element(axis_lengths.data(), axis_lengths.data() + axis_lengths.size());
    const S ratio = *longest / *shortest;
    return ratio * ratio;
  }

  /// The largest standard deviation in any direction.
  [[nodiscard]] S width() const {
    return step_size * *std::max_element(axis_lengths.data(), axis_lengths.data() + mean.size());
  }

 private:
  detail::CmaLearning<X> learning{};
  detail::PrincipalAxes<X> principal_axes{};

  bool decompose() {
    decomposed = generation;
    if (principal_axes(covariance, axes, axis_lengths)) {
      // One by one: Eigen's root of several floats at once is another number than that of one.
      for (S& length : axis_lengths) length = std::sqrt(std::max(length, S(0)));
      return true;
    }
    const Eigen::Index n = mean.size();
    make_round(n);
    axes = covariance;
    for (Eigen::Index i = 0; i < n; ++i) axis_lengths[i] = 1;
    return false;
  }
};

}  // namespace mesaopt
