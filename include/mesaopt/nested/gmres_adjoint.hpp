#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include <Eigen/Core>

#include <mesaopt/core/evaluation.hpp>
#include <mesaopt/core/point.hpp>
#include <mesaopt/nested/adjoint_system.hpp>

namespace mesaopt::detail {

/// Workspace of `gmres`, sized at first use, and the triangular matrix that it leaves.
template <Point Y>
struct GmresScratch {
  using S = ScalarOf<Y>;
  Y v{}, p{};
  Eigen::MatrixX<S> basis{}, R{};                   ///< one vector a column, and the factor of the Hessenberg matrix
  Eigen::VectorX<S> cosine{}, sine{}, rest{}, u{};  ///< rotations, rotated right-hand side, weights
  Eigen::Index steps = 0;                           ///< rows of R after the first cycle

  void resize(Eigen::Index size, Eigen::Index restart) {
    v.resize(size);
    p.resize(size);
    if (basis.rows() == size && basis.cols() == restart + 1) return;
    basis.resize(size, restart + 1);
    R.resize(restart + 1, restart);
    cosine.resize(restart);
    sine.resize(restart);
    rest.resize(restart + 1);
    u.resize(restart);
  }

  /// The largest (or smallest) singular value of R, to few digits, by power (or inverse) iteration on R'R.
  [[nodiscard]] S singular_value(bool smallest) {
    auto w = u.head(steps);
    const auto T = R.topLeftCorner(steps, steps).template triangularView<Eigen::Upper>();
    w.setOnes();
    S norm = 0;
    for (int i = 0; i < 12; ++i) {
      w /= w.norm();
      if (smallest) {
        T.adjoint().solveInPlace(w);
        T.solveInPlace(w);
      } else {
        for (Eigen::Index k = 0; k < steps; ++k) w[k] = R.row(k).segment(k, steps - k).dot(w.tail(steps - k));
        for (Eigen::Index k = steps - 1; k >= 0; --k) w[k] = R.col(k).head(k + 1).dot(w.head(k + 1));
      }
      norm = std::sqrt(w.norm());
      if (!(norm > 0) || !std::isfinite(norm)) return smallest ? S(0) : norm;
    }
    return smallest ? 1 / norm : norm;
  }
};

template <class S>
struct GmresOutcome {
  std::uint64_t iterations = 0;
  S residual = 0;  ///< relative to the right-hand side
  S least = 0;     ///< smallest and largest singular value met, estimated; 0: not known
  S most = 0;
};

/// Solves A x = b for a matrix without symmetry from the x given, beginning anew after `restart` iterations.
///
/// `apply(p, q)` fills q = A p. Saad & Schultz (1986), "GMRES: a generalized minimal residual algorithm for solving
/// nonsymmetric linear systems", SIAM J. Sci. Stat. Comput. 7, algorithm 4 with modified Gram-Schmidt.
template <Point Y, class Apply>
GmresOutcome<ScalarOf<Y>> gmres(const Y& b, Y& x, GmresScratch<Y>& s, double tolerance, std::uint64_t limit,
                                Eigen::Index restart, const Apply& apply) {
  using S = ScalarOf<Y>;
  GmresOutcome<S> outcome;
  const S size = b.norm();
  s.resize(b.size(), restart);
  s.steps = 0;
  if (x.size() != b.size() || !x.allFinite()) x.setZero(b.size());
  if (!(size > 0)) {
    x.setZero();
    return outcome;
  }
  S before = std::numeric_limits<S>::infinity();
  for (bool first = true;; first = false) {
    if (x.isZero(0)) {
      s.v = b;
    } else {
      apply(x, s.p);
      ++outcome.iterations;
      s.v = b - s.p;
      if (first && !(s.v.norm() < size)) {  // the guess is worse than none
        x.setZero();
        s.v = b;
      }
    }
    const S norm = s.v.norm();
    outcome.residual = norm / size;
    if (!(outcome.residual > S(tolerance)) || outcome.iterations >= limit || !(outcome.residual < before))
      return outcome;
    before = S(0.99) * outcome.residual;  // a cycle that gains less is stagnation
    s.basis.col(0) = s.v / norm;
    s.rest.setZero();
    s.rest[0] = norm;
    Eigen::Index k = 0;
    while (k < restart && outcome.iterations < limit && std::abs(s.rest[k]) > S(tolerance) * size) {
      s.v = s.basis.col(k);
      apply(s.v, s.p);
      ++outcome.iterations;
      auto column = s.R.col(k);
      const S whole = s.p.norm();
      column.head(k + 2).setZero();
      for (int twice = 0; twice < 2; ++twice)
        for (Eigen::Index i = 0; i <= k; ++i) {
          const S part = s.basis.col(i).dot(s.p);
          column[i] += part;
          s.p -= part * s.basis.col(i);
        }
      const S next = s.p.norm();
      for (Eigen::Index i = 0; i < k; ++i) {
        const S upper = column[i], lower = column[i + 1];
        column[i] = s.cosine[i] * upper + s.sine[i] * lower;
        column[i + 1] = s.cosine[i] * lower - s.sine[i] * upper;
      }
      const S length = std::hypot(column[k], next);
      if (!(length > std::numeric_limits<S>::epsilon() * whole) || !std::isfinite(length)) break;  // A is singular here
      s.cosine[k] = column[k] / length;
      s.sine[k] = next / length;
      column[k] = length;
      s.rest[k + 1] = -s.sine[k] * s.rest[k];
      s.rest[k] *= s.cosine[k];
      ++k;
      if (next <= std::numeric_limits<S>::epsilon() * whole) break;  // nothing is left to explore
      s.basis.col(k) = s.p / next;
    }
    if (first && k > 0) {
      s.steps = k;
      outcome.most = s.singular_value(false);
      outcome.least = s.singular_value(true);
    }
    for (Eigen::Index i = k - 1; i >= 0; --i) {
      S weight = s.rest[i];
      for (Eigen::Index j = i + 1; j < k; ++j) weight -= s.R(i, j) * s.u[j];
      s.u[i] = weight / s.R(i, i);
      x += s.u[i] * s.basis.col(i);
    }
  }
}

}  // namespace mesaopt::detail

namespace mesaopt {

/// Solves the adjoint system of `implicit(...)` by GMRES, from the previous adjoint: for inner solutions that are fixed
/// points or roots, whose second derivatives need not be symmetric. It does not ask whether the solution is a minimum.
struct GmresAdjoint {
  Eigen::Index restart = 100;  ///< iterations after which it begins anew; at most the inner variables are used

  template <Point Y>
  using Scratch = detail::GmresScratch<Y>;

  /// Throws std::invalid_argument for a setting out of its range.
  void check() const {
    if (restart < 1) detail::refuse("GmresAdjoint::restart", double(restart), "it must be 1 or more");
  }

  template <class System, Point Y>
  Certificate operator()(const System& system, detail::GmresScratch<Y>& scratch) const {
    auto& record = system.record;
    Certificate c = system.begun();
    const auto solve = [&](const Y& b, Y& solution) {
      const auto outcome =
          detail::gmres(b, solution, scratch, system.with.tolerance, system.limit(), std::min(restart, system.y.size()),
                        [&](const Y& p, Y& q) { system.adjoint_product(p, q); });
      system.calls().counts[0].linear_iterations += outcome.iterations;
      return outcome;
    };
    auto outcome = solve(system.right, record.adjoint);
    c.adjoint_residual = double(outcome.residual);
    if (outcome.most == 0) {
      // The previous adjoint serves as it is; what the system is like has yet to be seen.
      record.step.setZero(system.y.size());
      outcome = solve(system.right.norm() > 0 ? system.right : record.gradient, record.step);
    }
    c.condition = outcome.most > 0 ? double(outcome.most / outcome.least) : 0.0;
    c.distance = outcome.most > 0 ? double(record.gradient.norm() / outcome.least / system.scale()) : c.stationarity;
    system.judge(c, outcome.iterations < system.limit() ? Reason::adjoint_inconsistent : Reason::adjoint_not_converged);
    return c;
  }
};

}  // namespace mesaopt
