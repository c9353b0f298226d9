#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <utility>

#include <Eigen/Core>

#include <mesaopt/core/evaluation.hpp>
#include <mesaopt/core/point.hpp>
#include <mesaopt/nested/adjoint_system.hpp>
#include <mesaopt/nested/uniqueness.hpp>

namespace mesaopt::detail {

/// Workspace of `minres`, sized at first use, and the tridiagonal matrix that it leaves.
template <Point Y>
struct MinresScratch {
  Y before{}, v{}, p{}, older{}, old{}, w{};
  Eigen::VectorX<ScalarOf<Y>> alpha{}, beta{};  ///< diagonal, and what is below each entry of it
  Eigen::Index steps = 0;                       ///< rows of it

  void resize(Eigen::Index size, Eigen::Index limit) {
    for (Y* u : {&before, &v, &p, &older, &old, &w}) u->resize(size);
    if (alpha.size() < limit) {
      alpha.resize(limit);
      beta.resize(limit);
    }
  }

  /// How many eigenvalues of the tridiagonal matrix are below t: the negative pivots of T − tI.
  [[nodiscard]] Eigen::Index below(ScalarOf<Y> t) const {
    using S = ScalarOf<Y>;
    Eigen::Index count = 0;
    S pivot = 1;
    for (Eigen::Index k = 0; k < steps; ++k) {
      const S b = k > 0 ? beta[k - 1] : S(0);
      pivot = alpha[k] - t - b * b / pivot;
      if (pivot == 0) pivot = std::numeric_limits<S>::min();
      count += pivot < 0;
    }
    return count;
  }
  /// A bound on the largest magnitude of an eigenvalue.
  [[nodiscard]] ScalarOf<Y> largest() const {
    using S = ScalarOf<Y>;
    S most = 0;
    for (Eigen::Index k = 0; k < steps; ++k)
      most = std::max(most, std::abs(alpha[k]) + (k > 0 ? beta[k - 1] : S(0)) + (k + 1 < steps ? beta[k] : S(0)));
    return most;
  }
  /// The smallest magnitude of an eigenvalue, by bisection.
  [[nodiscard]] ScalarOf<Y> smallest() const {
    using S = ScalarOf<Y>;
    S low = 0, high = largest();
    for (int i = 0; i < 60; ++i) {
      const S t = (low + high) / 2;
      (below(t) > below(-t) ? high : low) = t;
    }
    return high;
  }
};

template <class S>
struct MinresOutcome {
  std::uint64_t iterations = 0;
  S residual = 0;              ///< relative to the right-hand side
  bool least_squares = false;  ///< ended where the residual can fall no further: the system has no solution
};

/// Solves A x = b, or finds the least residual, for symmetric A, which may be indefinite or singular, from the x given.
///
/// `apply(p, q)` fills q = A p, with a relative error of `noise`. Paige & Saunders (1975), "Solution of sparse
/// indefinite systems of linear equations", SIAM J. Numer. Anal. 12, section 6; ended by |Ar| as in Choi, Paige &
/// Saunders (2011), "MINRES-QLP", section 2.
template <Point Y, class Apply>
MinresOutcome<ScalarOf<Y>> minres(const Y& b, Y& x, MinresScratch<Y>& s, double tolerance, std::uint64_t limit,
                                  const Apply& apply, ScalarOf<Y> noise = 0) {
  using S = ScalarOf<Y>;
  MinresOutcome<S> outcome;
  const S size = b.norm(), negligible = std::max(S(1e5) * std::numeric_limits<S>::epsilon(), noise);
  s.resize(b.size(), Eigen::Index(limit));
  s.steps = 0;
  if (x.size() != b.size() || !x.allFinite()) x.setZero(b.size());
  if (!(size > 0)) {
    x.setZero();
    return outcome;
  }
  if (!x.isZero(0)) {
    apply(x, s.p);
    ++outcome.iterations;
    s.v = b - s.p;
    if (!(s.v.norm() < size)) x.setZero();  // the guess is worse than none
  }
  if (x.isZero(0)) s.v = b;
  S before = 0;
  // The residual is known by recurrence, which rounding spoils: begun anew from the true one as long as that helps.
  for (bool again = false;; again = true) {
    S eta = s.v.norm();
    outcome.residual = eta / size;
    if (!(outcome.residual > S(tolerance)) || outcome.iterations >= limit || outcome.least_squares) return outcome;
    if (again && !(outcome.residual < before / 10)) return outcome;
    before = outcome.residual;
    s.v /= eta;
    s.before.setZero();
    s.old.setZero();
    s.older.setZero();
    S beta = 0, c = 1, c_old = 1, sine = 0, sine_old = 0, norm = 0;
    Eigen::Index k = 0;
    while (outcome.iterations < limit && std::abs(eta) > S(tolerance) * size) {
      apply(s.v, s.p);
      ++outcome.iterations;
      const S alpha = s.v.dot(s.p);
      s.p -= alpha * s.v + beta * s.before;
      const S next = s.p.norm();
      if (!std::isfinite(next)) break;
      if (!again) {
        s.alpha[k] = alpha;
        s.beta[k] = next;
        s.steps = ++k;
      }
      norm = std::max(norm, std::hypot(alpha, next, beta));
      const S delta = c * alpha - c_old * sine * beta;
      if (std::hypot(delta, c * next) <= negligible * norm) {
        outcome.least_squares = true;
        break;
      }
      const S rho1 = std::hypot(delta, next), rho2 = sine * alpha + c_old * c * beta, rho3 = sine_old * beta;
      c_old = std::exchange(c, delta / rho1);
      sine_old = std::exchange(sine, next / rho1);
      s.w = (s.v - rho3 * s.older - rho2 * s.old) / rho1;
      x += c * eta * s.w;
      eta *= -sine;
      s.older.swap(s.old);
      s.old.swap(s.w);
      if (next <= std::numeric_limits<S>::epsilon() * norm) break;  // nothing is left to explore
      s.before.swap(s.v);
      s.v = s.p / next;
      beta = next;
    }
    apply(x, s.p);
    ++outcome.iterations;
    s.v = b - s.p;
  }
}

}  // namespace mesaopt::detail

namespace mesaopt {

/// Solves the adjoint system of `implicit(...)` by MINRES on Hessian products, from the previous adjoint. The inner
/// Hessian may be singular, where the system has a solution, and, if a saddle is what is wanted, indefinite.
struct MinresAdjoint {
  bool saddle = false;  ///< the inner solution may be a saddle, as that of a min-max problem

  template <Point Y>
  using Scratch = detail::MinresScratch<Y>;

  template <class System, Point Y>
  Certificate operator()(const System& system, detail::MinresScratch<Y>& scratch) const {
    using S = ScalarOf<Y>;
    auto& record = system.record;
    Certificate c = system.begun();
    const auto solve = [&](const Y& b, Y& solution) {
      const auto outcome = detail::minres(
          b, solution, scratch, system.with.tolerance, system.limit(), [&](const Y& p, Y& q) { system.product(p, q); },
          system.noise());
      system.calls().counts[0].linear_iterations += outcome.iterations;
      return outcome;
    };
    const auto outcome = solve(system.right, record.adjoint);
    c.adjoint_residual = double(outcome.residual);
    if (scratch.steps == 0) {
      // The previous adjoint serves as it is; what the Hessian is like has yet to be seen.
      record.step.setZero(system.y.size());
      solve(system.right.norm() > 0 ? system.right : record.gradient, record.step);
    }
    const S most = scratch.largest(), zero = std::max(S(1e3) * std::numeric_limits<S>::epsilon(), system.noise());
    const S least = scratch.steps > 0 ? scratch.smallest() : S(0);
    c.condition = most > 0 ? double(most / least) : 0.0;
    c.distance = most > 0 ? double(record.gradient.norm() / least / system.scale()) : c.stationarity;
    if (!saddle && scratch.below(-zero * most) > 0) {
      system.refuse(c, Reason::inner_indefinite);
      return c;
    }
    system.judge(c, outcome.least_squares || outcome.iterations < system.limit() ? Reason::adjoint_inconsistent
                                                                                 : Reason::adjoint_not_converged);
    if (c.reason == Reason::adjoint_inconsistent && !saddle && scratch.v.norm() > 0) {
      // What is left of the right-hand side lies where there is no curvature.
      record.linear.resize(system.y.size());
      record.linear.p = scratch.v / scratch.v.norm();
      if (detail::flat_valley(system, most, [&](const Y& r, Y& z) { z = r / (most > 0 ? most : S(1)); }))
        c.reason = Reason::inner_not_unique;
    }
    return c;
  }
};

}  // namespace mesaopt
