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
#include <mesaopt/core/vectors.hpp>
#include <mesaopt/evolution/cma_learning.hpp>
#include <mesaopt/evolution/cma_parameters.hpp>
#include <mesaopt/evolution/columns.hpp>
#include <mesaopt/evolution/evolution_strategy.hpp>
#include <mesaopt/evolution/variances.hpp>

namespace mesaopt {

/// The normal distribution mean + step_size * N(0, diag(variances)), and how CMA-ES learns it from ranked draws, in
/// time linear in their size.
///
/// Ros & Hansen (2008), "A simple modification in CMA-ES achieving linear time and space complexity", algorithm of
/// section 2, with the learning rates of the tutorial times (n + 2) / 3. What is said of CmaDistribution holds here,
/// the axes being the coordinates.
template <Point X>
struct SeparableDistribution : detail::Variances<X> {
  using S = ScalarOf<X>;
  using Base = detail::Variances<X>;
  using Base::mean, Base::variances, Base::step_size, Base::generation, Base::deviation;

  X evolution_path{};             ///< p_c
  X conjugate_path{};             ///< p_sigma
  CmaParameters<S> parameters{};  ///< the method's constants

  static constexpr auto fields() {
    using T = SeparableDistribution;  // clang 14 does not find what is inherited by &T::
    return std::tuple{&Base::mean,        &Base::variances,  &Base::step_size, &T::evolution_path,
                      &T::conjugate_path, &Base::generation, &T::parameters};
  }

  /// Begins with the present mean, variances and step size. False if a variance is not positive and finite.
  bool begin(Eigen::Index lambda, bool active) {
    const Eigen::Index n = mean.size();
    parameters.set(n, lambda, active, (double(n) + 2) / 3);
    detail::zeros(evolution_path, n, 1);
    detail::zeros(conjugate_path, n, 1);
    learning_.reserve(n, lambda);
    generation = 0;
    return this->decompose_when_due();
  }

  /// z = y / √variances, the draw that belongs to a step. Its length.
  S draw_of(const S* step, S* draw) const {
    const Eigen::Index n = mean.size();
    for (Eigen::Index i = 0; i < n; ++i) draw[i] = step[i] / std::sqrt(variances[i]);
    return std::sqrt(detail::product(draw, draw, n));
  }

  /// Learns from one generation, its columns `best_first`, as drawn and shaped.
  void learn(const std::vector<Eigen::Index>& best_first, const PointsOf<X>& draws, const PointsOf<X>& steps) {
    const Eigen::Index n = mean.size();
    learning_.teach(*this, best_first, draws, steps,
                    [n](S factor, const S* z, S* path) { detail::add_multiple(n, factor, z, path); });
    for (Eigen::Index j = 0; j < n; ++j)
      variances[j] = learning_.decay * variances[j] + parameters.c_1 * evolution_path[j] * evolution_path[j];
    for (Eigen::Index i = 0; i < learning_.used; ++i) {
      const S* const y = steps.data() + n * best_first[std::size_t(i)];
      const S factor = learning_.factors[i];
      for (Eigen::Index j = 0; j < n; ++j) variances[j] += factor * y[j] * y[j];
    }
  }

  /// How far the smoothed path of the mean goes along coordinate i.
  [[nodiscard]] S drift(Eigen::Index i) const { return step_size * std::abs(evolution_path[i]); }

  /// Whether a tenth of a standard deviation along one coordinate, another one every time, is lost in the rounding.
  [[nodiscard]] bool axis_lost_in_rounding() const {
    const auto i = Eigen::Index(generation % std::uint64_t(mean.size()));
    return mean[i] == mean[i] + S(0.1) * deviation(i);
  }

 private:
  detail::CmaLearning<X> learning_{};
};

namespace detail {
struct DiagonalCovariance {
  static constexpr const char* name = "SeparableCmaEs";
  template <Point X>
  using Distribution = SeparableDistribution<X>;
};
}  // namespace detail

/// CMA-ES that learns a variance for each coordinate and no correlation: n numbers in place of n², in linear time, and
/// (n + 2) / 3 times as fast. For separable objectives, for thousands of variables, and as the first part of a chain.
///
/// The same settings and behaviour as CmaEs. Ros & Hansen (2008), "A simple modification in CMA-ES achieving linear
/// time and space complexity".
using SeparableCmaEs = EvolutionStrategy<detail::DiagonalCovariance>;

}  // namespace mesaopt
