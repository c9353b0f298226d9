#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <tuple>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/constraints.hpp>
#include <mesaopt/core/point.hpp>
#include <mesaopt/core/vectors.hpp>
#include <mesaopt/evolution/violations.hpp>

namespace mesaopt {

/// The coefficients of an augmented Lagrangian, which an evolution strategy adapts once a generation: a multiplier γ
/// and a penalty ω for each constraint,
///
///     f(x) + Σ (γᵢ cᵢ + ωᵢ/2 cᵢ²)            where an inequality below −γᵢ/ωᵢ counts as −γᵢ/ωᵢ
///
/// From the values f and c at the mean of the distribution and at the mean one generation ago, of which Δ is the
/// change, γᵢ += ωᵢ cᵢ / 5; then ωᵢ grows, by the fourth root of `change`, if ωᵢ cᵢ² < 3 |Δh| / n, where h is the
/// augmented Lagrangian, or 5 |Δcᵢ| < |cᵢ| at the mean before; else it is divided by `change`.
///
/// Atamna, Auger & Hansen (2017), "Linearly convergent evolution strategies via augmented Lagrangian constrained
/// handling", FOGA XIV, algorithm 1 with k₁ = 3, k₂ = 5, d_γ = 5. As in N. Hansen's pycma, an inequality that is not
/// felt, or whose multiplier would become negative and is made 0, does not change its ω. The first coefficients are set
/// when a generation violates a constraint, and until one both violates and keeps it, from interquartile ranges of the
/// generation's values: γ = iqr(f) / (n iqr(c)) of inequalities, and ω = 10 iqr(f) / (n iqr(c)²), in which scaling f or
/// a constraint changes nothing else. Smaller first penalties, such as pycma's, need more evaluations, and let the
/// distribution run away where f has no minimum without the constraints.
template <Point X>
struct AdaptivePenalties {
  using S = ScalarOf<X>;

  ConstraintsOf<X> multipliers{};  ///< γ, of inequalities 0 or more
  ConstraintsOf<X> weights{};      ///< ω; 0 as long as nothing has violated the constraint
  Eigen::Index equalities = 0;     ///< how many of the constraints are, the first
  std::vector<bool> settled{};     ///< whether the first coefficients are
  ConstraintsOf<X> before{};       ///< c at the mean one generation ago
  S value_before = 0;              ///< f there
  bool known = false;              ///< whether they are
  std::uint64_t updates = 0;       ///< of the coefficients

  static constexpr auto fields() {
    using T = AdaptivePenalties;
    return std::tuple{&T::multipliers, &T::weights,      &T::equalities, &T::settled,
                      &T::before,      &T::value_before, &T::known,      &T::updates};
  }

  /// Begins with no coefficients, for so many equalities and constraints, and generations of so many points.
  void begin(Eigen::Index equal, Eigen::Index all, Eigen::Index points = 0) {
    equalities = equal;
    for (auto* part : {&multipliers, &weights, &before}) detail::zeros(*part, all, 1);
    settled.assign(std::size_t(all), false);
    value_before = 0;
    known = false;
    updates = 0;
    sorted_.reserve(std::size_t(points));
  }

  /// What is added to f where the constraints are c.
  template <class C>
  [[nodiscard]] S penalty(const C& c) const {
    S sum(0);
    for (Eigen::Index i = 0; i < multipliers.size(); ++i) {
      const S at = felt(i, c[i]) ? c[i] : weights[i] > 0 ? -multipliers[i] / weights[i] : S(0);
      sum += multipliers[i] * at + weights[i] / 2 * at * at;
    }
    return sum;
  }

  /// The largest violation of a constraint.
  template <class C>
  [[nodiscard]] S violation(const C& c) const {
    return detail::largest_violation(c, equalities);
  }

  /// Sets the first coefficients, as far as they are not settled, from values and constraints of a generation, of which
  /// the first `count` columns are given.
  void set_first(const std::vector<S>& values, const PointsOf<ConstraintsOf<X>>& c, Eigen::Index count,
                 Eigen::Index n) {
    for (Eigen::Index i = 0; count > 1 && i < multipliers.size(); ++i) {
      if (settled[std::size_t(i)] && weights[i] > 0) continue;
      const auto at = [&](Eigen::Index k) { return c(i, k); };
      S signs(0);
      for (Eigen::Index k = 0; k < count; ++k) signs += S((at(k) > 0) - (at(k) < 0)) / S(count);
      if (i >= equalities && signs <= S(-0.8)) continue;
      const S range = detail::middle_half(count, at, sorted_);
      const S wide = detail::middle_half(
          count, [&](Eigen::Index k) { return values[std::size_t(k)]; }, sorted_);
      const S multiplier = wide / (S(n) * range), first = 10 * multiplier / range;
      if (!(first > 0) || !std::isfinite(first)) continue;
      if (i >= equalities) multipliers[i] = multiplier;
      weights[i] = first;
      if (std::abs(signs) < S(0.8) || updates > std::uint64_t(n + 2)) settled[std::size_t(i)] = true;
    }
  }

  /// Learns from f and the constraints at the mean.
  void update(S value, const ConstraintsOf<X>& c, Eigen::Index n, S change) {
    if (known && weights.size() > 0) {
      const S risen = std::abs(value + penalty(c) - value_before - penalty(before));
      for (Eigen::Index i = 0; i < multipliers.size(); ++i) {
        S &multiplier = multipliers[i], &weight = weights[i];
        if (!(weight > 0) || !felt(i, c[i])) continue;
        multiplier += weight * c[i] / 5;
        if (i >= equalities && multiplier < 0) {
          multiplier = 0;
          continue;
        }
        const bool weak = weight * c[i] * c[i] < 3 * risen / S(n);
        const bool slow = 5 * std::abs(c[i] - before[i]) < std::abs(before[i]);
        weight = weak || slow ? weight * std::sqrt(std::sqrt(change)) : weight / change;
      }
      ++updates;
    }
    before = c;
    value_before = value;
    known = true;
  }

 private:
  std::vector<S> sorted_{};

  /// Whether the constraint has an influence where it is c.
  [[nodiscard]] bool felt(Eigen::Index i, S c) const { return i < equalities || !(weights[i] * c < -multipliers[i]); }
};

/// For ConstraintHandling: ranks points by an augmented Lagrangian, see AdaptivePenalties.
struct AugmentedRanking {
  static constexpr double change = 1.1;
  template <Point X>
  using Coefficients = AdaptivePenalties<X>;
};

}  // namespace mesaopt
