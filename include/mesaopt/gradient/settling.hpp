#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <tuple>

#include <Eigen/Core>

#include <mesaopt/gradient/working_set.hpp>

namespace mesaopt::detail {

/// Moves a point and multipliers to those of their working set W, where these have the right signs.
///
/// Where not, the multipliers go straight from those that are there as far as signs allow, which raises the dual value,
/// and what they meet at 0 is to leave W: Arnström, Bemporad & Axehill (2022), "A dual active-set solver for embedded
/// quadratic programming using recursive LDL' updates", algorithm 1. Corrections are computed from what is missing, by
/// the numbers of the program themselves, until no more digits are to be had.
template <class S>
struct Settling {
  using Index = Eigen::Index;
  using Vector = Eigen::VectorX<S>;
  static constexpr S epsilon = std::numeric_limits<S>::epsilon();

  enum class Outcome : std::uint8_t {
    settled,    ///< point and multipliers are those of W
    blocked,    ///< `blocking` is to leave W
    inaccurate  ///< the factors do not give the digits that are wanted
  };

  S value = 0;        ///< ½ x'Qx + c'x where W was settled last
  Vector gradient{};  ///< Qx + c there
  S scale = 0;        ///< of the terms of the gradient there
  S error = 0;        ///< of stationarity, relative to that, and of W, relative to x
  Index blocking = -1;

  Vector x{}, multipliers{}, bounds{}, residual{}, curved{}, pulled{}, side{};  ///< scratch

  static constexpr auto fields() {
    using T = Settling;
    return std::tuple{&T::value, &T::gradient, &T::scale, &T::error, &T::blocking};
  }

  /// Gives the scratch its size.
  void prepare(Index n, Index m) {
    for (Vector* v : {&x, &bounds, &residual, &curved, &pulled}) v->resize(n);
    multipliers.resize(m);
    side.resize(std::min(n, m));
  }
  void begin(Index n) {
    gradient.setZero(n);
    value = scale = error = 0;
    blocking = -1;
  }

  Outcome operator()(WorkingSet<S>& set, S tolerance, S allowed) {
    const Index n = set.size();
    auto& factors = set.factors;
    for (Index i = 0; i < n; ++i) x[i] = set.at(i) == 0 ? set.x[i] : set.bound(i);
    multipliers = set.multipliers;
    S last = std::numeric_limits<S>::infinity();
    constexpr int passes = 8;
    for (int pass = 0; pass < passes; ++pass) {
      differentiate(set);
      if (!residual.allFinite()) return Outcome::inaccurate;  // std::max passes over NaN
      error = 0;
      for (const Index i : factors.free) error = std::max(error, std::abs(residual[i]));
      error = std::max(scale > 0 ? error / scale : S(0), lack(set, tolerance));
      if (!std::isfinite(error)) return Outcome::inaccurate;
      for (Index i = 0; i < n; ++i) bounds[i] = set.at(i) == 0 ? S(0) : residual[i];
      // Half of the digits are enough to see what is far on the wrong side.
      if (pass == 1 && block(set, std::sqrt(epsilon))) return Outcome::blocked;
      if (error <= 32 * epsilon || (pass > 0 && error <= tolerance && error > last / 4)) break;
      last = error;
      if (pass + 1 == passes) break;
      factors.gather(residual, set.a);
      factors.solve(set.a, side);
      for (std::size_t i = 0; i < factors.free.size(); ++i) x[factors.free[i]] += set.a[Index(i)];
      for (std::size_t k = 0; k < factors.working.size(); ++k) multipliers[factors.working[k]] += side[Index(k)];
    }
    if (!(error <= allowed)) return Outcome::inaccurate;
    if (block(set, allowed)) return Outcome::blocked;
    set.x = x;
    for (const Index k : factors.working)
      set.multipliers[k] = set.data.inequality(k) ? std::max(multipliers[k], S(0)) : multipliers[k];
    for (Index i = 0; i < n; ++i) {
      set.bound_multipliers[i] = bounds[i];
      set.clip(i, set.bound_multipliers[i]);
    }
    gradient = curved + set.data.c;
    value = S(0.5) * x.dot(curved) + set.data.c.dot(x);
    return Outcome::settled;
  }

 private:
  /// The gradient of the Lagrangian but for the multipliers of bounds, into `residual`, and the scale of its terms.
  void differentiate(const WorkingSet<S>& set) {
    const auto& p = set.data;
    p.multiply(x, curved);
    pulled.setZero();
    for (const Index k : set.factors.working) pulled += multipliers[k] * p.normals.col(k);
    residual = curved + p.c + pulled;
    if (p.singular) residual.array() += p.shift.array() * (x - set.centre).array();
    // The terms of Qx may cancel, so its own size says nothing of its rounding.
    scale = std::max({p.largest * x.cwiseAbs().maxCoeff(), p.c.cwiseAbs().maxCoeff(), pulled.cwiseAbs().maxCoeff()});
  }

  /// Fills `side` with what the constraints of W lack. The answer is the largest of it, relative to its terms.
  S lack(const WorkingSet<S>& set, S tolerance) {
    const auto& p = set.data;
    const S length = p.length(x, tolerance);
    S worst = 0;
    for (std::size_t k = 0; k < set.factors.working.size(); ++k) {
      const Index which = set.factors.working[k];
      side[Index(k)] = p.sides[which] - p.normals.col(which).dot(x);
      const S size = std::abs(p.sides[which]) + p.norms[which] * length;
      if (size > 0) worst = std::max(worst, std::abs(side[Index(k)]) / size);
    }
    return worst;
  }

  /// Whether multipliers of W are of the wrong sign by more than `allowed`: then moves those of the set until the first
  /// of these is 0.
  bool block(WorkingSet<S>& set, S allowed) {
    const auto& p = set.data;
    const S least = allowed * scale;
    S most = 0, known = 0;
    bool any = false;
    const auto wrong_constraint = [&](Index k) { return p.inequality(k) && multipliers[k] * p.norms[k] < -least; };
    const auto wrong_bound = [&](Index i) {
      return set.held(i) && (set.at(i) < 0 ? bounds[i] < -least : bounds[i] > least);
    };
    for (const Index k : set.factors.working) {
      if (!p.inequality(k)) continue;
      most = std::max(most, std::abs(multipliers[k]) * p.norms[k]);
      known = std::max(known, set.multipliers[k]);
      any = any || wrong_constraint(k);
    }
    if (set.bounded > 0)
      for (Index i = 0; i < set.size(); ++i) {
        if (!set.held(i)) continue;
        most = std::max(most, std::abs(bounds[i]));
        known = std::max(known, std::abs(set.bound_multipliers[i]));
        any = any || wrong_bound(i);
      }
    if (!any) return false;
    if (known == S(0)) {  // unknown ones: from equal ones the most negative is met first
      for (const Index k : set.factors.working)
        if (p.inequality(k)) set.multipliers[k] = most / p.norms[k];
      for (Index i = 0; i < set.size(); ++i)
        if (set.held(i)) set.bound_multipliers[i] = set.at(i) < 0 ? most : -most;
    }
    Nearest<S> nearest;
    for (const Index k : set.factors.working)
      if (wrong_constraint(k)) {
        const S to = -multipliers[k] * p.norms[k], from = set.multipliers[k] * p.norms[k];
        nearest.meet(from / (from + to), to, k);
      }
    for (Index i = 0; i < set.size(); ++i)
      if (wrong_bound(i)) {
        const S to = std::abs(bounds[i]), from = std::abs(set.bound_multipliers[i]);
        nearest.meet(from / (from + to), to, set.count() + i);
      }
    for (const Index k : set.factors.working) {
      S& multiplier = set.multipliers[k];
      multiplier += nearest.step * (multipliers[k] - multiplier);
      if (p.inequality(k)) multiplier = std::max(multiplier, S(0));
    }
    for (Index i = 0; i < set.size(); ++i) {
      S& multiplier = set.bound_multipliers[i];
      multiplier += nearest.step * (bounds[i] - multiplier);
      set.clip(i, multiplier);
    }
    for (const Index i : set.factors.free) set.x[i] = x[i];
    blocking = nearest.first;
    return true;
  }
};

}  // namespace mesaopt::detail
