#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include <Eigen/Core>

#include <mesaopt/core/point.hpp>

namespace mesaopt::detail {

/// Workspace of the method of conjugate gradients, sized at first use.
template <Point X>
struct ConjugateGradientScratch {
  X r{}, z{}, p{}, q{};
  void resize(Eigen::Index size) {
    for (X* v : {&r, &z, &p, &q}) v->resize(size);
  }
};

template <class S>
struct LinearOutcome {
  std::uint64_t iterations = 0;
  S residual = 0;                           ///< relative to the right-hand side
  S least = std::numeric_limits<S>::max();  ///< smallest and largest curvature p'Ap / p'p met
  S most = 0;
  bool negative_curvature = false;
};

/// Solves A x = b for symmetric positive semidefinite A from the x given, to the relative residual asked for.
///
/// `apply(p, q)` fills q = A p, `precondition(r, z)` fills z ≈ A⁻¹ r. A singular but consistent system is solved as
/// well. `largest` is the largest curvature, if known: the first direction of a singular system may have none. Ends at
/// negative curvature, and where rounding, or the relative `noise` of the products, lets the residual fall no further.
/// Hestenes & Stiefel (1952); Nocedal & Wright (2006), algorithm 5.3.
template <Point X, class Apply, class Precondition>
LinearOutcome<ScalarOf<X>> conjugate_gradient(const X& b, X& x, ConjugateGradientScratch<X>& w, double tolerance,
                                              std::uint64_t limit, const Apply& apply, const Precondition& precondition,
                                              ScalarOf<X> noise = 0, ScalarOf<X> largest = 0) {
  using S = ScalarOf<X>;
  LinearOutcome<S> outcome;
  outcome.most = largest;
  const S scale = b.norm();
  if (!(scale > 0)) {
    x.setZero(b.size());
    return outcome;
  }
  w.resize(b.size());
  if (x.size() != b.size() || !x.allFinite()) x.setZero(b.size());
  if (x.isZero(0)) {
    w.r = b;
  } else {
    apply(x, w.q);
    ++outcome.iterations;
    w.r = b - w.q;
    if (!(w.r.norm() < scale)) {  // the guess is worse than none
      x.setZero();
      w.r = b;
    }
  }
  outcome.residual = w.r.norm() / scale;
  S rz_before = 0;
  const S negligible = std::max(std::numeric_limits<S>::epsilon(), noise);
  const S negative = std::max(100 * std::numeric_limits<S>::epsilon(), noise);
  while (outcome.residual > S(tolerance) && outcome.iterations < limit) {
    precondition(w.r, w.z);
    const S rz = w.r.dot(w.z);
    if (!(rz > 0)) break;
    if (rz_before > 0)
      w.p = w.z + rz / rz_before * w.p;
    else
      w.p = w.z;
    rz_before = rz;
    apply(w.p, w.q);
    ++outcome.iterations;
    const S pp = w.p.squaredNorm(), pq = w.p.dot(w.q);
    if (!std::isfinite(pq)) break;
    if (pq <= negligible * outcome.most * pp) {
      // Curvature that is zero to rounding: nothing to gain along p. Below that it is truly negative.
      outcome.negative_curvature = pq < -negative * outcome.most * pp || (outcome.most == 0 && pq < 0);
      break;
    }
    outcome.least = std::min(outcome.least, pq / pp);
    outcome.most = std::max(outcome.most, pq / pp);
    const S step = rz / pq;
    x += step * w.p;
    w.r -= step * w.q;
    outcome.residual = w.r.norm() / scale;
  }
  return outcome;
}

}  // namespace mesaopt::detail
