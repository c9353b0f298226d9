#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <utility>

#include <Eigen/Core>

#include <mesaopt/core/constraints.hpp>
#include <mesaopt/core/objective.hpp>
#include <mesaopt/nested/response.hpp>

// Whether an inner solution at which the Hessian is singular is one of many. A singular Hessian alone does not tell:
// that of y⁴ is, at its only minimum. So the inner objective is asked for values along the direction without curvature.

namespace mesaopt::detail {

/// A difference of values that counts as none, after a step of length t where the largest curvature is `largest`:
/// rounding, or a billionth of what a step along that curvature costs.
template <class S>
S no_rise(S value, S t, S largest) {
  return S(1e3) * std::numeric_limits<S>::epsilon() * std::abs(value) + S(1e-9) * largest * t * t / 2;
}

/// True if there is a valley through y that leads along `record.linear.p`, of length 1, and does not rise: a step of a
/// tenth of max(1, |y|) leads to the same value, but for what steps across the valley gain. These are `correct(r, z)`,
/// which fills z from the gradient r. No limit of evaluations counts here.
template <class System, class Correct>
bool flat_valley(const System& system, typename System::S largest, const Correct& correct) {
  using S = typename System::S;
  auto& [r, z, p, q] = system.record.linear;
  auto& calls = system.calls();
  const auto limit = std::exchange(calls.limit, std::numeric_limits<std::uint64_t>::max());
  const S here = calls.gradient(system.f, system.y, r).value;
  const S t = system.scale() / 10;
  bool flat = false;
  for (const S side : {t, -t}) {
    q = system.y + side * p;
    for (int corrections = 0; corrections < 20 && !flat; ++corrections) {
      const auto there = calls.gradient(system.f, q, r);
      if (!there.usable() || !r.allFinite()) break;
      flat = there.value - here <= no_rise(here, t, largest);
      correct(r, z);
      z -= z.dot(p) * p;
      q -= z;
    }
    if (flat) break;
  }
  calls.limit = limit;
  return flat;
}

/// record.linear.p = a unit vector that A has least curvature along, from the Cholesky factor of A, which is positive
/// definite by a shift of its rounding.
template <class Factor, class Linear>
void null_direction(const Factor& factor, Linear& linear) {
  using S = typename Factor::Scalar;
  const auto n = factor.rows();
  linear.resize(n);
  auto& p = linear.p;
  for (Eigen::Index i = 0; i < n; ++i) p[i] = 1 + S(0.5) * std::cos(S(i));  // no symmetric one
  for (int i = 0; i < 3; ++i) {
    p /= p.norm();
    solve_factorized(factor, p);
  }
  p /= p.norm();
}

/// True if the inner solution is not unique, where its dense Hessian, `record.hessian`, is positive semidefinite and
/// singular: `zero` is its rounding. Leaves another matrix in `record.factor`.
template <class System>
bool one_of_many(const System& system, typename System::S largest, typename System::S zero) {
  using S = typename System::S;
  auto& record = system.record;
  auto& counts = system.calls().counts[0];
  const auto shifted = [&](S shift) {
    record.factor = record.hessian;
    record.factor.diagonal().array() += shift;
    ++counts.factorizations;
    return shift > 0 && factorize(record.factor, false);
  };
  if (!shifted(largest > 0 ? zero : S(1))) return false;
  null_direction(record.factor, record.linear);
  return shifted(largest > 0 ? largest / 100 : S(1)) && flat_valley(system, largest, [&](const auto& r, auto& z) {
           z = r;
           solve_factorized(record.factor, z);
         });
}

/// True if the inner solution of a problem with bounds or constraints is not unique: a step along `record.linear.p`,
/// which leaves what is active as it is, leads to a point that they allow, of the same value. Of valleys that bend, as
/// they do along curved constraints, it knows nothing.
template <class F, class Record, class Y>
bool restricted_one_of_many(const F& f, const Y& y, Record& record, ScalarOf<Y> largest) {
  using S = ScalarOf<Y>;
  auto& calls = record.run.state.calls;
  auto& scratch = record.restricted.scratch;
  auto& p = record.linear.p;
  auto& q = record.linear.q;
  auto& r = record.linear.r;
  const auto limit = std::exchange(calls.limit, std::numeric_limits<std::uint64_t>::max());
  const S here = calls.gradient(f, y, r).value, scale = std::max(S(1), y.norm());
  const S slack = 100 * std::numeric_limits<S>::epsilon() * scale;
  const auto allowed = [&] {
    bool inside = true;
    if constexpr (Bounded<F, Y>) {
      const auto& box = f.box();
      inside = ((q - box.lower).array() >= -slack).all() && ((box.upper - q).array() >= -slack).all();
    }
    if constexpr (Constrained<F, Y>) {
      const auto equalities = Eigen::Index(f.equalities());
      if (!inside || !calls.constraints(f, q, scratch.c)) return false;
      const auto& c = scratch.c;
      for (Eigen::Index i = 0; i < c.size() && inside; ++i)
        inside = i < equalities ? std::abs(c[i]) <= slack : c[i] <= slack;
    }
    return inside;
  };
  bool flat = false;
  for (const S t : {S(0.1), S(0.01), S(0.001)})
    for (const S side : {t * scale, -t * scale}) {
      q = y + side * p;
      if (flat || !allowed()) continue;
      const auto there = calls.gradient(f, q, r);
      flat = there.usable() && there.value - here <= no_rise(here, side, largest);
    }
  calls.limit = limit;
  return flat;
}

}  // namespace mesaopt::detail
