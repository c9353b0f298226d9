#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <tuple>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/point.hpp>
#include <mesaopt/core/prior.hpp>
#include <mesaopt/core/vectors.hpp>
#include <mesaopt/evolution/columns.hpp>
#include <mesaopt/evolution/evolution_strategy.hpp>
#include <mesaopt/evolution/principal_axes.hpp>
#include <mesaopt/evolution/variances.hpp>

namespace mesaopt {

namespace detail {
/// The utility of each rank, best first: they sum to 0, and the worse half has the same.
/// Wierstra et al. (2014), "Natural evolution strategies", section 3.1.
template <class S>
void set_utilities(Eigen::Index lambda, Eigen::VectorX<S>& utilities) {
  if (utilities.size() != lambda) utilities.resize(lambda);
  double sum = 0;
  const auto raw = [&](Eigen::Index k) {
    return std::max(0.0, std::log(double(lambda) / 2 + 1) - std::log(double(k) + 1));
  };
  for (Eigen::Index k = 0; k < lambda; ++k) sum += raw(k);
  for (Eigen::Index k = 0; k < lambda; ++k) utilities[k] = S(raw(k) / sum - 1 / double(lambda));
}
}  // namespace detail

/// The normal distribution mean + step_size * N(0, root root'), moved along the natural gradient of the expected
/// utility of ranks, in exponential coordinates.
///
/// Glasmachers, Schaul, Sun, Wierstra & Schmidhuber (2010), "Exponential natural evolution strategies", algorithm 1,
/// with the learning rates of its table 1. A generation costs n³.
template <Point X>
struct NaturalDistribution {
  using S = ScalarOf<X>;

  X mean{};
  MatrixOf<X> root{};             ///< B
  S step_size = 0;                ///< sigma
  std::uint64_t generation = 0;   ///< how often it has learnt
  Eigen::VectorX<S> utilities{};  ///< by rank

  static constexpr auto fields() {
    using T = NaturalDistribution;
    return std::tuple{&T::mean, &T::root, &T::step_size, &T::generation, &T::utilities};
  }

  /// The covariance, up to step_size².
  [[nodiscard]] MatrixOf<X> covariance() const { return root * root.transpose(); }

  /// Whether a prior knows a covariance, or variances, for n variables.
  template <class Known>
  requires HasCovariance<Known> || HasVariances<Known>
  static bool fits(const Known& known, Eigen::Index n) {
    if constexpr (HasCovariance<Known>) {
      const auto& covariance = detail::covariance_of(known);
      return covariance.rows() == n && covariance.cols() == n;
    } else {
      return known.variances.size() == n;
    }
  }

  /// Takes the covariance of a prior, or its variances.
  template <class Known>
  void take(const Known& known) {
    if constexpr (HasCovariance<Known>) {
      change_ = detail::covariance_of(known);
      const Eigen::Index n = change_.rows();
      axes_.reserve(n);
      if (!axes_(change_, vectors_, values_)) detail::zeros(values_, n, 1);
      root.resize(n, n);
      for (Eigen::Index j = 0; j < n; ++j)
        for (Eigen::Index i = 0; i < n; ++i) root(i, j) = vectors_(i, j) * std::sqrt(std::max(values_[j], S(0)));
    } else {
      make_round(known.variances.size());
      for (Eigen::Index i = 0; i < known.variances.size(); ++i) root(i, i) = std::sqrt(known.variances[i]);
    }
  }

  /// Makes the covariance the identity.
  void make_round(Eigen::Index n) {
    detail::zeros(root, n, n);
    for (Eigen::Index i = 0; i < n; ++i) root(i, i) = 1;
  }

  /// Begins with the present mean, root and step size. False if the root is not regular in every coordinate.
  bool begin(Eigen::Index lambda, bool) {
    const Eigen::Index n = mean.size();
    detail::set_utilities(lambda, utilities);
    generation = 0;
    axes_.reserve(n);
    scratch();
    for (Eigen::Index i = 0; i < n; ++i)
      if (const S d = deviation(i); !(d > 0) || !std::isfinite(d)) return false;
    return true;
  }

  /// y = B z, from draws z of the standard normal distribution, one a column.
  void shape(const PointsOf<X>& draws, PointsOf<X>& steps) {
    const Eigen::Index n = mean.size();
    detail::zeros(steps, n, draws.cols());
    for (Eigen::Index k = 0; k < draws.cols(); ++k)
      detail::add_product(n, root.data(), draws.data() + n * k, steps.data() + n * k);
  }

  /// Learns from one generation, its columns `best_first`, as drawn and shaped.
  void learn(const std::vector<Eigen::Index>& best_first, const PointsOf<X>& draws, const PointsOf<X>& steps) {
    const Eigen::Index n = mean.size(), lambda = utilities.size();
    scratch();
    detail::zeros(change_, n, n);
    for (Eigen::Index k = 0; k < lambda; ++k) {
      const Eigen::Index column = n * best_first[std::size_t(k)];
      detail::add_multiple(n, step_size * utilities[k], steps.data() + column, mean.data());
      const S* const z = draws.data() + column;
      for (Eigen::Index j = 0; j < n; ++j) detail::add_multiple(n, utilities[k] * z[j], z, change_.data() + n * j);
    }
    ++generation;

    const S rate = S(0.6) * (3 + std::log(S(n))) / (S(n) * std::sqrt(S(n)));
    S trace(0);
    for (Eigen::Index i = 0; i < n; ++i) trace += change_(i, i);
    trace /= S(n);
    for (Eigen::Index i = 0; i < n; ++i) change_(i, i) -= trace;
    step_size *= std::exp(rate / 2 * trace);
    // B exp(rate G / 2), by the principal axes of G.
    if (!axes_(change_, vectors_, values_)) return;
    detail::zeros(product_, n, n);
    for (Eigen::Index j = 0; j < n; ++j) {
      detail::add_product(n, root.data(), vectors_.data() + n * j, product_.data() + n * j);
      detail::scale(std::exp(rate / 2 * values_[j]), product_.data() + n * j, product_.data() + n * j, n);
    }
    detail::zeros(root, n, n);
    for (Eigen::Index j = 0; j < n; ++j)
      for (Eigen::Index i = 0; i < n; ++i)
        detail::add_multiple(n, vectors_(j, i), product_.data() + n * i, root.data() + n * j);
  }

  /// Makes coordinate i independent of the others, and as wide as they are on average: for one that influences nothing.
  void isolate(Eigen::Index i) {
    const Eigen::Index n = mean.size();
    S squares(0);
    for (Eigen::Index j = 0; j < n; ++j)
      for (Eigen::Index k = 0; k < n; ++k)
        if (j != i) squares += root(j, k) * root(j, k);
    for (Eigen::Index k = 0; k < n; ++k) root(i, k) = root(k, i) = 0;
    root(i, i) = n > 1 ? std::sqrt(squares / S(n - 1)) : S(1);
  }

  /// Whether the root is finite.
  [[nodiscard]] bool decompose_when_due() const {
    return std::isfinite(step_size) && detail::all_finite(root.data(), root.size());
  }

  /// The standard deviation of coordinate i.
  [[nodiscard]] S deviation(Eigen::Index i) const {
    S squares(0);
    for (Eigen::Index k = 0; k < root.cols(); ++k) squares += root(i, k) * root(i, k);
    return step_size * std::sqrt(squares);
  }
  /// There is no path.
  [[nodiscard]] S drift(Eigen::Index) const { return 0; }
  /// The axes are not kept.
  [[nodiscard]] bool axis_lost_in_rounding() const { return false; }

  /// The ratio of the largest variance of a coordinate to the smallest.
  [[nodiscard]] S condition() const {
    S least = deviation(0), most = least;
    for (Eigen::Index i = 1; i < mean.size(); ++i) {
      const S d = deviation(i);
      least = std::min(least, d), most = std::max(most, d);
    }
    return (most / least) * (most / least);
  }

  /// The largest standard deviation of a coordinate.
  [[nodiscard]] S width() const {
    S most(0);
    for (Eigen::Index i = 0; i < mean.size(); ++i) most = std::max(most, deviation(i));
    return most;
  }

 private:
  MatrixOf<X> change_{}, vectors_{}, product_{};
  X values_{};
  detail::PrincipalAxes<X> axes_{};

  void scratch() {
    const Eigen::Index n = mean.size();
    for (MatrixOf<X>* part : {&change_, &vectors_, &product_})
      if (part->rows() != n) part->resize(n, n);
    if (values_.size() != n) values_.resize(n);
  }
};

/// NaturalDistribution of independent coordinates, in time linear in n.
/// Schaul, Glasmachers & Schmidhuber (2011), "High dimensions and heavy tails for natural evolution strategies",
/// algorithm 1 (SNES), with η = (3 + ln n) / (5 √n).
template <Point X>
struct SeparableNaturalDistribution : detail::Variances<X> {
  using S = ScalarOf<X>;
  using Base = detail::Variances<X>;
  using Base::mean, Base::variances, Base::step_size, Base::generation;

  Eigen::VectorX<S> utilities{};  ///< by rank

  static constexpr auto fields() {
    using T = SeparableNaturalDistribution;  // clang 14 does not find what is inherited by &T::
    return std::tuple{&Base::mean, &Base::variances, &Base::step_size, &Base::generation, &T::utilities};
  }

  /// Begins with the present mean, variances and step size. False if a variance is not positive and finite.
  bool begin(Eigen::Index lambda, bool) {
    detail::set_utilities(lambda, utilities);
    generation = 0;
    if (change_.size() != mean.size()) change_.resize(mean.size());
    return this->decompose_when_due();
  }

  /// Learns from one generation, its columns `best_first`, as drawn and shaped.
  void learn(const std::vector<Eigen::Index>& best_first, const PointsOf<X>& draws, const PointsOf<X>& steps) {
    const Eigen::Index n = mean.size();
    change_.resize(n);
    detail::zeros(change_, n, 1);
    for (Eigen::Index k = 0; k < utilities.size(); ++k) {
      const Eigen::Index column = n * best_first[std::size_t(k)];
      detail::add_multiple(n, step_size * utilities[k], steps.data() + column, mean.data());
      const S* const z = draws.data() + column;
      for (Eigen::Index i = 0; i < n; ++i) change_[i] += utilities[k] * z[i] * z[i];
    }
    ++generation;
    const S rate = (3 + std::log(S(n))) / (5 * std::sqrt(S(n)));
    for (Eigen::Index i = 0; i < n; ++i) variances[i] *= std::exp(rate * change_[i]);
  }

  /// There is no path.
  [[nodiscard]] S drift(Eigen::Index) const { return 0; }
  /// The axes are the coordinates.
  [[nodiscard]] bool axis_lost_in_rounding() const { return false; }

 private:
  X change_{};
};

namespace detail {
struct Natural {
  static constexpr const char* name = "Xnes";
  template <Point X>
  using Distribution = NaturalDistribution<X>;
};
struct SeparableNatural {
  static constexpr const char* name = "Snes";
  template <Point X>
  using Distribution = SeparableNaturalDistribution<X>;
};
}  // namespace detail

/// Exponential natural evolution strategy: the natural gradient in place of CMA-ES's paths. Settings and behaviour are
/// those of EvolutionStrategy (`active` means nothing); it takes and gives a covariance. See NaturalDistribution.
using Xnes = EvolutionStrategy<detail::Natural>;

/// Separable natural evolution strategy: independent coordinates, linear time. It takes and gives variances. See
/// SeparableNaturalDistribution.
using Snes = EvolutionStrategy<detail::SeparableNatural>;

}  // namespace mesaopt
