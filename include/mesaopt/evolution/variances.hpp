#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include <Eigen/Core>

#include <mesaopt/core/point.hpp>
#include <mesaopt/core/prior.hpp>

namespace mesaopt::detail {

/// A normal distribution of independent coordinates, mean + step_size * N(0, diag(variances)): all of it but how it is
/// learnt.
template <Point X>
struct Variances {
  using S = ScalarOf<X>;

  X mean{};
  X variances{};                 ///< diagonal of the covariance, up to step_size²
  S step_size = 0;               ///< sigma
  std::uint64_t generation = 0;  ///< how often it has learnt

  /// Whether a prior knows variances, or a covariance, for n variables.
  template <class Known>
  requires HasCovariance<Known> || HasVariances<Known>
  static bool fits(const Known& known, Eigen::Index n) {
    if constexpr (HasVariances<Known>) {
      return known.variances.size() == n;
    } else {
      const auto& covariance = covariance_of(known);
      return covariance.rows() == n && covariance.cols() == n;
    }
  }

  /// Takes the variances of a prior, or the diagonal of its covariance.
  template <class Known>
  void take(const Known& known) {
    if constexpr (HasVariances<Known>) {
      variances = known.variances;
    } else {
      const auto& covariance = covariance_of(known);
      variances.resize(covariance.rows());
      for (Eigen::Index i = 0; i < variances.size(); ++i) variances[i] = covariance(i, i);
    }
  }

  /// Makes all variances 1.
  void make_round(Eigen::Index n) {
    variances.resize(n);
    std::fill_n(variances.data(), n, S(1));
  }

  /// y = √variances z, from draws z of the standard normal distribution, one a column.
  void shape(const PointsOf<X>& draws, PointsOf<X>& steps) {
    const Eigen::Index n = mean.size();
    deviations_.resize(n);
    for (Eigen::Index i = 0; i < n; ++i) deviations_[i] = std::sqrt(variances[i]);
    for (Eigen::Index k = 0; k < draws.cols(); ++k)
      for (Eigen::Index i = 0; i < n; ++i) steps(i, k) = deviations_[i] * draws(i, k);
  }

  /// Makes coordinate i as wide as the others are on average: for one that influences nothing.
  void isolate(Eigen::Index i) {
    const Eigen::Index n = mean.size();
    S sum(0);
    for (Eigen::Index j = 0; j < n; ++j)
      if (j != i) sum += variances[j];
    variances[i] = n > 1 ? sum / S(n - 1) : S(1);
  }

  /// There is nothing to decompose. False if a variance is not positive and finite.
  [[nodiscard]] bool decompose_when_due() const {
    return std::all_of(variances.data(), variances.data() + variances.size(),
                       [](S v) { return v > 0 && std::isfinite(v); });
  }

  /// The standard deviation of coordinate i.
  [[nodiscard]] S deviation(Eigen::Index i) const { return step_size * std::sqrt(variances[i]); }

  /// The ratio of the largest variance to the smallest.
  [[nodiscard]] S condition() const {
    const auto [least, most] = std::minmax_element(variances.data(), variances.data() + variances.size());
    return *most / *least;
  }

  /// The largest standard deviation.
  [[nodiscard]] S width() const {
    return step_size * std::sqrt(*std::max_element(variances.data(), variances.data() + variances.size()));
  }

 private:
  X deviations_{};
};

}  // namespace mesaopt::detail
