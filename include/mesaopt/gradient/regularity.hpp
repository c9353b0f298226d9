#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <tuple>

#include <Eigen/Core>

#include <mesaopt/core/evaluation.hpp>
#include <mesaopt/gradient/dual_method.hpp>

namespace mesaopt {

/// How far the solution of a quadratic program is from one that bends or jumps when the program moves a little.
///
/// It is differentiable with respect to the program where nothing is weakly active or dependent and it is unique.
template <class S>
struct Regularity {
  S multiplier = std::numeric_limits<S>::infinity();  ///< least multiplier of an active inequality or bound, times the
                                                      ///< norm of its gradient, relative to the terms of the gradient
  S slack = std::numeric_limits<S>::infinity();  ///< least distance from an inactive inequality or bound, relative to
                                                 ///< its distance from 0 and the largest entry of x
  Eigen::Index weakly_active = 0;                ///< how many inequalities and bounds hold with a multiplier of zero
  Eigen::Index dependent = 0;                    ///< how many constraints and bounds hold because active ones do
  bool unique = true;                            ///< false if x may move at no cost

  static constexpr auto fields() {
    using R = Regularity;
    return std::tuple{&R::multiplier, &R::slack, &R::weakly_active, &R::dependent, &R::unique};
  }

  [[nodiscard]] bool regular() const { return weakly_active == 0 && dependent == 0 && unique; }
  /// Why the solution cannot be differentiated; `none` if it can.
  [[nodiscard]] Reason reason() const {
    if (dependent > 0) return Reason::constraints_dependent;
    if (weakly_active > 0) return Reason::constraint_weakly_active;
    return unique ? Reason::none : Reason::adjoint_inconsistent;
  }
};

namespace detail {

/// Whether no direction that the working set leaves free is flat. Where Q is regular none is.
template <class S>
bool unique_on(WorkingSet<S>& set) {
  const auto& factors = set.factors;
  const Eigen::Index nf = factors.size(), q = factors.count();
  if (!set.data.singular || nf == q) return true;
  // J₂'(Q + D)J₂ = I, so that along J₂v, |v| = 1, the share of D in the curvature is v'J₂'DJ₂v. The largest, which the
  // power method finds, is almost 1 where Q is flat, and tiny elsewhere, as D is.
  const Eigen::Index rest = nf - q;
  for (Eigen::Index i = 0; i < rest; ++i) set.d[q + i] = S(1) + S(0.1) * S(i % 7);
  S share = 0;
  for (int k = 0; k < 20; ++k) {
    set.d.segment(q, rest) /= set.d.segment(q, rest).norm();
    factors.direct(set.d, set.z);
    for (Eigen::Index i = 0; i < nf; ++i) set.z[i] *= set.data.shift[factors.free[std::size_t(i)]];
    factors.project(set.z, set.d);
    share = set.d.segment(q, rest).norm();
    if (!(share > S(1e-12))) return true;
  }
  return share < S(1) - std::sqrt(std::sqrt(WorkingSet<S>::epsilon));
}

/// Looks at the solution that a method has just found. Multipliers and slacks below `margin`, relative, are zero.
template <class S>
Regularity<S> examine(DualMethod<S>& method, S margin) {
  auto& set = method.set;
  const auto& p = set.data;
  Regularity<S> found;
  const auto active = [&](S multiplier) {
    const S relative = method.settling.scale > 0 ? multiplier / method.settling.scale : S(0);
    found.multiplier = std::min(found.multiplier, relative);
    found.weakly_active += relative <= margin;
  };
  const auto inactive = [&](S distance, S size, const auto& project) {
    const S relative = size > 0 ? std::max(distance, S(0)) / size : S(0);
    found.slack = std::min(found.slack, relative);
    if (relative > margin) return;
    project();
    ++(set.depends() ? found.dependent : found.weakly_active);
  };
  const S size_of_x = p.length(set.x, margin);
  for (Eigen::Index k = 0; k < set.count(); ++k) {
    if (p.norms[k] == S(0)) continue;
    if (!p.inequality(k))
      found.dependent += !set.holds(k);
    else if (set.holds(k))
      active(set.multipliers[k] * p.norms[k]);
    else
      inactive((p.sides[k] - method.entering.slack[k]) / p.norms[k], std::abs(p.sides[k]) / p.norms[k] + size_of_x,
               [&] { set.project(k); });
  }
  for (Eigen::Index i = 0; i < set.size(); ++i) {
    if (set.held(i)) active(std::abs(set.bound_multipliers[i]));
    if (set.at(i) != 0) continue;
    for (const S bound : {p.lower[i], p.upper[i]})
      if (std::isfinite(bound))
        inactive(std::abs(set.x[i] - bound), std::abs(bound) + size_of_x, [&] { set.project_bound(i); });
  }
  found.unique = unique_on(set);
  return found;
}

}  // namespace detail

}  // namespace mesaopt
