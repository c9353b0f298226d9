#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <tuple>

#include <Eigen/Core>

#include <mesaopt/core/status.hpp>
#include <mesaopt/gradient/active_set.hpp>
#include <mesaopt/gradient/program_data.hpp>
#include <mesaopt/gradient/working_factors.hpp>

namespace mesaopt::detail {

/// A quadratic program, a working set W of its constraints and bounds, a point on W and multipliers, and the factors
/// that solve for those of W.
template <class S>
struct WorkingSet {
  using Index = Eigen::Index;
  using Vector = Eigen::VectorX<S>;
  static constexpr S epsilon = std::numeric_limits<S>::epsilon();

  ProgramData<S> data{};
  WorkingFactors<S> factors{};
  ActiveSet active{};          ///< W; variables whose bounds are equal are always in it
  Vector x{};                  ///< a point on W
  Vector multipliers{};        ///< one for every constraint
  Vector bound_multipliers{};  ///< one for every variable: 0 or more at a lower, 0 or less at an upper bound
  Vector centre{};             ///< where the pull of the program's shift is 0
  Index bounded = 0;           ///< number of bounds in W, but for variables whose bounds are equal

  Vector a{}, d{}, z{}, r{}, spare{};  ///< scratch

  static constexpr auto fields() {
    using W = WorkingSet;
    return std::tuple{&W::data,        &W::factors,           &W::active, &W::x,
                      &W::multipliers, &W::bound_multipliers, &W::centre, &W::bounded};
  }

  [[nodiscard]] Index size() const { return data.size(); }
  [[nodiscard]] Index count() const { return data.count(); }
  [[nodiscard]] std::int8_t at(Index i) const { return active.bounds[std::size_t(i)]; }
  [[nodiscard]] bool holds(Index k) const { return active.constraints[std::size_t(k)] != 0; }
  [[nodiscard]] S bound(Index i) const { return at(i) < 0 ? data.lower[i] : data.upper[i]; }
  /// Whether W holds variable i at a bound that it might leave.
  [[nodiscard]] bool held(Index i) const { return at(i) != 0 && !data.fixed(i); }

  /// Gives the scratch its size.
  void prepare() {
    const Index n = size(), least = std::min(n, count());
    for (Vector* v : {&a, &d, &z}) v->resize(n);
    for (Vector* v : {&r, &spare}) v->resize(least);
    factors.prepare();
  }

  /// Begins with the program in `data` and the active set, the point and the multipliers that are there, made such that
  /// they can be: bounds that are infinite are not active, and multipliers have the right signs. `running` if all is
  /// well, else what is wrong: see ProgramData::study.
  Status begin(S tolerance, Index& broken) {
    const Index n = size(), m = count();
    const bool usable = data.convex && data.same_curvature && data.same_normals && factors.J.rows() == n &&
                        factors.updates < std::uint64_t(10 * (n + m) + 100);
    factors.reserve(n, m);
    prepare();
    bool factored = false;
    if (!x.allFinite() || !multipliers.allFinite() || !bound_multipliers.allFinite()) return Status::bad_start;
    const Status status = data.study(tolerance, broken, factors.cholesky, factored);
    if (status != Status::running) return status;
    centre = x;
    const bool same = take(), linear = data.largest == S(0);  // whose shift is new
    return (usable && same && !linear) || build(factored) ? Status::running : Status::stalled;
  }

  /// Factors W anew, from the factor of Q if that is known. Constraints that depend on those before leave it. False if
  /// that fails.
  bool build(bool factored = false) {
    for (int attempt = 0;; ++attempt) {
      factors.free.clear();
      bounded = 0;
      for (Index i = 0; i < size(); ++i) {
        if (at(i) == 0) factors.free.push_back(i);
        bounded += held(i);
      }
      if (factors.build(data.Q, data.shift, factored && attempt == 0)) break;
      if (data.singular || attempt > 0) return false;
      regularize();
    }
    for (Index k = 0; k < count(); ++k) {
      if (!holds(k)) continue;
      project(k);
      if (depends()) {
        leave(k);
      } else {
        factors.direct(d, z);
        factors.add(k, d, z);
      }
    }
    return true;
  }

  /// Takes Q for singular from here on.
  void regularize() {
    data.regularize();
    centre = x;
  }

  /// Leaves in a and d the gradient a of constraint k in the order of F, and J'a.
  void project(Index k) {
    factors.gather(data.normals.col(k), a);
    factors.project(a, d);
  }
  /// The same for the bound of a free variable.
  void project_bound(Index i) {
    const Index place = factors.place[std::size_t(i)];
    a.head(factors.size()).setZero();
    a[place] = 1;
    factors.project_unit(place, d);
  }

  /// Whether a, with d = J'a, is a combination of the gradients of W, by the coefficients r, which it leaves.
  bool depends() {
    const Index nf = factors.size(), q = factors.count();
    const auto upper = factors.R.topLeftCorner(q, q).template triangularView<Eigen::Upper>();
    r.head(q) = d.head(q);
    upper.solveInPlace(r.head(q));
    if (q == nf) return true;
    const S outside = d.segment(q, nf - q).norm(), whole = d.head(nf).norm();
    if (outside > std::sqrt(epsilon) * whole) return false;
    if (whole == S(0)) return true;
    // What J says is as good as the condition of Q allows; so look at the gradients themselves.
    for (int pass = 0;; ++pass) {
      z.head(nf) = a.head(nf);
      for (Index k = 0; k < q; ++k) {
        const auto normal = data.normals.col(factors.working[std::size_t(k)]);
        for (Index i = 0; i < nf; ++i) z[i] -= r[k] * normal[factors.free[std::size_t(i)]];
      }
      if (pass == 1) break;
      factors.project(z, d);
      spare.head(q) = d.head(q);
      upper.solveInPlace(spare.head(q));
      r.head(q) += spare.head(q);
    }
    S sum = a.head(nf).norm();
    for (Index k = 0; k < q; ++k) sum += std::abs(r[k]) * data.norms[factors.working[std::size_t(k)]];
    factors.project(a, d);
    return z.head(nf).norm() <= 1000 * epsilon * sum;
  }

  /// Takes a constraint, or m + the variable whose bound it is, out of W. False if Q is singular on what is free then:
  /// W has to be built anew.
  bool remove(Index which) {
    if (which < count()) {
      const auto place = std::find(factors.working.begin(), factors.working.end(), which);
      factors.drop(Index(place - factors.working.begin()));
      leave(which);
      return true;
    }
    const Index i = which - count();
    x[i] = bound(i);
    active.bounds[std::size_t(i)] = 0;
    bound_multipliers[i] = 0;
    --bounded;
    return factors.release(i, data.Q, data.shift, data.normals);
  }

  /// Takes a constraint, or m + a variable with the bound on that side, into W, given d of `project` and z of `direct`.
  void add(Index which, S side) {
    if (which < count()) {
      active.constraints[std::size_t(which)] = 1;
      factors.add(which, d, z);
      return;
    }
    const Index i = which - count();
    active.bounds[std::size_t(i)] = side > 0 ? std::int8_t(1) : std::int8_t(-1);
    x[i] = bound(i);
    ++bounded;
    factors.fix(factors.place[std::size_t(i)], z);
  }

  /// Makes a multiplier of the bounds of variable i one of the right sign.
  void clip(Index i, S& multiplier) const {
    if (at(i) == 0)
      multiplier = 0;
    else if (!data.fixed(i))
      multiplier = at(i) < 0 ? std::max(multiplier, S(0)) : std::min(multiplier, S(0));
  }

 private:
  void leave(Index k) {
    active.constraints[std::size_t(k)] = 0;
    multipliers[k] = 0;
  }

  /// Makes W of `active` one that can be. True if it is that of the factors.
  bool take() {
    bool same = true;
    bounded = 0;
    for (Index i = 0; i < size(); ++i) {
      auto& side = active.bounds[std::size_t(i)];
      if (data.fixed(i))
        side = side == 0 ? std::int8_t(-1) : side;
      else if (side != 0 && !std::isfinite(bound(i)))
        side = 0;
      bounded += held(i);
      clip(i, bound_multipliers[i]);
      same = same && (factors.place[std::size_t(i)] >= 0) == (side == 0);
    }
    Index constraints = 0;
    for (Index k = 0; k < count(); ++k) {
      if (!data.inequality(k)) active.constraints[std::size_t(k)] = 1;
      if (!holds(k)) multipliers[k] = 0;
      if (data.inequality(k)) multipliers[k] = std::max(multipliers[k], S(0));
      constraints += holds(k);
    }
    for (const Index k : factors.working) same = same && holds(k);
    return same && constraints == factors.count();
  }
};

/// What is met first on a way; of several, the one that is met most steeply.
template <class S>
struct Nearest {
  S step = std::numeric_limits<S>::infinity();
  S slope = 0;
  Eigen::Index first = -1;
  void meet(S at, S steepness, Eigen::Index which) {
    if (!(at < step || (at == step && first >= 0 && steepness > slope))) return;
    step = at;
    slope = steepness;
    first = which;
  }
};

}  // namespace mesaopt::detail
