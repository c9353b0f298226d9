#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <tuple>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/constraints.hpp>
#include <mesaopt/core/point.hpp>
#include <mesaopt/core/vectors.hpp>
#include <mesaopt/evolution/violations.hpp>

namespace mesaopt {

/// The coefficients of an exact penalty, which an evolution strategy adapts once a generation: a factor ρ for each
/// constraint,
///
///     f(x) + Σ ρᵢ max(0, cᵢ(x))              of an equality ρᵢ |cᵢ(x)|
///
/// Where all ρ exceed the multipliers, the minimum of this is that of the constrained problem, and sharp: a strategy
/// converges to it as to that of a sum of absolute values, with no multipliers to be found first, which takes an
/// augmented Lagrangian most of its evaluations. As long as the ρ are small, f draws a wide distribution to where it is
/// low, not only to where constraints are kept. An equality that bends is a sharp valley, along which a strategy
/// creeps: an augmented Lagrangian is better for those.
///
/// ρᵢ begins as iqr(f) / iqr(cᵢ), the interquartile ranges in the first generation that violates constraint i. Later it
/// grows by `change` where the mean of the distribution violates the constraint by more than half of iqr(cᵢ), and falls
/// by the cube root of that where it keeps it by more. Scaling f or a constraint changes nothing else.
///
/// The penalty: Zangwill (1967), "Non-linear programming via penalty functions", Management Science 13(5). The rule for
/// ρ is this library's own, in the manner of those for bounds (see BoundPenalty).
template <Point X>
struct ExactPenaltyFactors {
  using S = ScalarOf<X>;

  ConstraintsOf<X> multipliers{};  ///< ρ, as bounds of them
  ConstraintsOf<X> weights{};      ///< ρ; 0 as long as nothing has violated the constraint
  Eigen::Index equalities = 0;     ///< how many of the constraints are, the first
  std::vector<bool> settled{};     ///< whether the constraint has been violated
  ConstraintsOf<X> ranges{};       ///< of the constraints, in the latest generation: half of the interquartile ones
  std::uint64_t updates = 0;       ///< of the coefficients

  static constexpr auto fields() {
    using T = ExactPenaltyFactors;
    return std::tuple{&T::multipliers, &T::weights, &T::equalities, &T::settled, &T::ranges, &T::updates};
  }

  /// Begins with no coefficients, for so many equalities and constraints, and generations of so many points.
  void begin(Eigen::Index equal, Eigen::Index all, Eigen::Index points = 0) {
    equalities = equal;
    for (auto* part : {&multipliers, &weights, &ranges}) detail::zeros(*part, all, 1);
    settled.assign(std::size_t(all), false);
    updates = 0;
    sorted_.reserve(std::size_t(points));
  }

  /// What is added to f where the constraints are c.
  template <class C>
  [[nodiscard]] S penalty(const C& c) const {
    S sum(0);
    for (Eigen::Index i = 0; i < weights.size(); ++i)
      sum += weights[i] * (i < equalities ? std::abs(c[i]) : std::max(c[i], S(0)));
    return sum;
  }

  /// The largest violation of a constraint.
  template <class C>
  [[nodiscard]] S violation(const C& c) const {
    return detail::largest_violation(c, equalities);
  }

  /// Sets the first factors, of constraints that are violated for the first time, from values and constraints of a
  /// generation, of which the first `count` columns are given.
  void set_first(const std::vector<S>& values, const PointsOf<ConstraintsOf<X>>& c, Eigen::Index count, Eigen::Index) {
    for (Eigen::Index i = 0; count > 1 && i < weights.size(); ++i) {
      const auto at = [&](Eigen::Index k) { return c(i, k); };
      const S range = detail::middle_half(count, at, sorted_);
      ranges[i] = range / 2;
      if (settled[std::size_t(i)]) continue;
      bool violated = i < equalities;
      for (Eigen::Index k = 0; k < count; ++k) violated = violated || at(k) > 0;
      if (!violated) continue;
      const S first = detail::middle_half(
                          count, [&](Eigen::Index k) { return values[std::size_t(k)]; }, sorted_) /
                      range;
      if (!(first > 0) || !std::isfinite(first)) continue;
      multipliers[i] = weights[i] = first;
      settled[std::size_t(i)] = true;
    }
  }

  /// Learns from the constraints at the mean.
  void update(S, const ConstraintsOf<X>& c, Eigen::Index, S change) {
    for (Eigen::Index i = 0; i < weights.size(); ++i) {
      if (!(weights[i] > 0)) continue;
      const S at = i < equalities ? std::abs(c[i]) : c[i];
      if (at > ranges[i])
        weights[i] = std::min(weights[i] * change, std::sqrt(std::numeric_limits<S>::max()));
      else if (at < -ranges[i])
        weights[i] /= std::cbrt(change);
      multipliers[i] = weights[i];
    }
    ++updates;
  }

 private:
  std::vector<S> sorted_{};
};

/// For ConstraintHandling: ranks points by an exact penalty, see ExactPenaltyFactors.
struct ExactRanking {
  static constexpr double change = 1.5;
  template <Point X>
  using Coefficients = ExactPenaltyFactors<X>;
};

}  // namespace mesaopt
