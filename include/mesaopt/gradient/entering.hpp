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

/// Brings what is violated into a working set W whose point and multipliers are settled.
///
/// Goldfarb & Idnani (1983), "A numerically stable dual method for solving strictly convex quadratic programs", section
/// 3: the multiplier of what enters grows, the point and the multipliers of W follow, until what enters holds, or a
/// multiplier is 0 and leaves W first. The dual value rises by every one that comes in, so that no W returns.
template <class S>
struct Entering {
  using Index = Eigen::Index;
  using Vector = Eigen::VectorX<S>;
  static constexpr S epsilon = std::numeric_limits<S>::epsilon();

  enum class Outcome : std::uint8_t {
    entered,     ///< it is in W
    blocked,     ///< `blocking` is to leave W first
    contradicts  ///< W leaves no room for it: see `prove`
  };

  Index which = -1;  ///< the constraint that comes in, or m + the variable whose bound does; −1: none
  S sign = 1;        ///< −1 if what is violated is a lower bound, or an equation from below
  Index blocking = -1;

  Vector rates{};  ///< scratch
  Vector slack{};  ///< scratch: normals'x where violations were looked for last

  static constexpr auto fields() {
    using T = Entering;
    return std::tuple{&T::which, &T::sign, &T::blocking};
  }

  /// Gives the scratch its size.
  void prepare(Index n, Index m) {
    rates.resize(n);
    slack.resize(m);
  }
  void begin() {
    which = blocking = -1;
    sign = 1;
  }

  /// Gives up what is entering.
  void abandon(WorkingSet<S>& set) {
    if (which >= 0) multiplier(set) = 0;
    which = -1;
  }

  /// Chooses what is violated most, of the equations first, relative to the norm of its gradient. False if nothing is.
  bool choose(const WorkingSet<S>& set, S allowed) {
    const auto& p = set.data;
    const S length = p.length(set.x, allowed);
    slack.noalias() = p.normals.transpose() * set.x;
    S worst = 0;
    const auto offer = [&](S violation, S size, Index candidate, S direction) {
      if (!(violation > worst && violation > allowed * size)) return;
      worst = violation;
      which = candidate;
      sign = direction;
    };
    for (Index k = 0; k < set.count(); ++k) {
      if (k == p.equalities && which >= 0) break;
      if (set.holds(k) || p.norms[k] == S(0)) continue;
      const S beyond = (slack[k] - p.sides[k]) / p.norms[k], size = std::abs(p.sides[k]) / p.norms[k] + length;
      if (p.inequality(k) || beyond > 0)
        offer(beyond, size, k, S(1));
      else
        offer(-beyond, size, k, S(-1));
    }
    if (which >= 0 && !p.inequality(which)) return true;
    for (const Index i : set.factors.free) {
      if (set.x[i] < p.lower[i])
        offer(p.lower[i] - set.x[i], std::abs(p.lower[i]) + length, set.count() + i, S(-1));
      else if (set.x[i] > p.upper[i])
        offer(set.x[i] - p.upper[i], std::abs(p.upper[i]) + length, set.count() + i, S(1));
    }
    return which >= 0;
  }

  /// Goes as far as W allows.
  Outcome operator()(WorkingSet<S>& set) {
    const auto& p = set.data;
    auto& factors = set.factors;
    const Index m = set.count(), nf = factors.size(), q = factors.count(), variable = which - m;
    S violation;
    if (which < m) {
      violation = sign * (p.normals.col(which).dot(set.x) - p.sides[which]);
      set.project(which);
    } else {
      violation = sign > 0 ? set.x[variable] - p.upper[variable] : p.lower[variable] - set.x[variable];
      set.project_bound(variable);
    }
    const bool dependent = set.depends();
    Nearest<S> nearest;
    if (!dependent) {
      factors.direct(set.d, set.z);
      nearest.step = std::max(violation, S(0)) / set.d.segment(q, nf - q).squaredNorm();
    }
    differentiate(set, dependent);

    // Per unit of its multiplier x moves by −z, the multipliers of constraints in W fall by r and those of bounds rise
    // by the rates, all times the sign.
    S noise = rates.cwiseAbs().maxCoeff();
    for (Index k = 0; k < q; ++k)
      noise = std::max(noise, std::abs(set.r[k]) * p.norms[factors.working[std::size_t(k)]]);
    noise *= 16 * epsilon;
    for (Index k = 0; k < q; ++k) {
      const Index one = factors.working[std::size_t(k)];
      const S fall = sign * set.r[k] * p.norms[one];
      if (p.inequality(one) && fall > noise) nearest.meet(set.multipliers[one] * p.norms[one] / fall, fall, one);
    }
    if (set.bounded > 0)
      for (Index i = 0; i < set.size(); ++i) {
        if (!set.held(i)) continue;
        const S fall = set.at(i) < 0 ? -sign * rates[i] : sign * rates[i];
        if (fall > noise) nearest.meet(std::abs(set.bound_multipliers[i]) / fall, fall, m + i);
      }
    if (!std::isfinite(nearest.step)) return Outcome::contradicts;

    const S step = sign * nearest.step;
    if (!dependent)
      for (Index i = 0; i < nf; ++i) set.x[factors.free[std::size_t(i)]] -= step * set.z[i];
    for (Index k = 0; k < q; ++k) {
      const Index one = factors.working[std::size_t(k)];
      set.multipliers[one] -= step * set.r[k];
      if (p.inequality(one)) set.multipliers[one] = std::max(set.multipliers[one], S(0));
    }
    if (nf < set.size())
      for (Index i = 0; i < set.size(); ++i) {
        if (set.at(i) == 0) continue;
        set.bound_multipliers[i] += step * rates[i];
        set.clip(i, set.bound_multipliers[i]);
      }
    multiplier(set) += which < m ? step : -step;
    blocking = nearest.first;
    if (blocking >= 0) return Outcome::blocked;
    set.add(which, sign);
    which = -1;
    return Outcome::entered;
  }

  /// Fills `proof` with the multipliers by which what enters contradicts W, those of the constraints before those of
  /// the bounds. False if the numbers of the program do not bear it out; x does not count, as it has seen rounding.
  bool prove(const WorkingSet<S>& set, S tolerance, Vector& sum, Vector& proof) const {
    const auto& p = set.data;
    const Index m = set.count(), n = set.size();
    proof.setZero();
    proof[which] = which < m ? sign : -sign;
    for (Index k = 0; k < set.factors.count(); ++k) {
      const Index one = set.factors.working[std::size_t(k)];
      proof[one] = p.inequality(one) ? std::max(-sign * set.r[k], S(0)) : -sign * set.r[k];
    }
    for (Index i = 0; i < n; ++i)
      if (set.at(i) != 0) {
        proof[m + i] = sign * rates[i];
        set.clip(i, proof[m + i]);
      }
    // The gradients, so combined, cancel, but the sides do not.
    sum = -proof.tail(n);
    S steep = sum.cwiseAbs().maxCoeff(), gap = 0, size = 0;
    for (Index k = 0; k < m; ++k) {
      if (proof[k] == S(0)) continue;
      sum += proof[k] * p.normals.col(k);
      steep = std::max(steep, std::abs(proof[k]) * p.norms[k]);
      gap -= proof[k] * p.sides[k];
      size = std::max(size, std::abs(proof[k] * p.sides[k]));
    }
    for (Index i = 0; i < n; ++i) {
      if (proof[m + i] == S(0)) continue;
      const S term = proof[m + i] * (proof[m + i] > 0 ? p.lower[i] : p.upper[i]);
      gap += term;
      size = std::max(size, std::abs(term));
    }
    const S left = sum.cwiseAbs().maxCoeff();
    if (left <= std::sqrt(epsilon) * steep && gap > tolerance * size + 10 * S(n) * left * set.x.cwiseAbs().maxCoeff())
      return true;
    proof.setZero();
    return false;
  }

 private:
  S& multiplier(WorkingSet<S>& set) const {
    return which < set.count() ? set.multipliers[which] : set.bound_multipliers[which - set.count()];
  }

  /// Fills `rates` with what multipliers of bounds in W gain per unit of the multiplier of what enters, were its
  /// sign 1.
  void differentiate(WorkingSet<S>& set, bool dependent) {
    rates.setZero();
    const auto& p = set.data;
    const auto& factors = set.factors;
    const Index n = set.size(), nf = factors.size();
    if (nf == n) return;
    if (!dependent && 2 * nf < n) {
      for (Index i = 0; i < nf; ++i) rates -= set.z[i] * p.Q.col(factors.free[std::size_t(i)]);
    } else if (!dependent) {
      Vector& whole = set.a;
      whole.setZero();
      for (Index i = 0; i < nf; ++i) whole[factors.free[std::size_t(i)]] = set.z[i];
      for (Index i = 0; i < n; ++i)
        if (set.at(i) != 0) rates[i] = -p.Q.col(i).dot(whole);
    }
    for (Index k = 0; k < factors.count(); ++k) rates -= set.r[k] * p.normals.col(factors.working[std::size_t(k)]);
    if (which < set.count()) rates += p.normals.col(which);
    for (const Index i : factors.free) rates[i] = 0;
  }
};

}  // namespace mesaopt::detail
