#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include <Eigen/Core>

#include <mesaopt/core/constraints.hpp>
#include <mesaopt/core/evaluation.hpp>
#include <mesaopt/nested/active_constraints.hpp>
#include <mesaopt/nested/adjoint_system.hpp>
#include <mesaopt/nested/conjugate_gradient.hpp>
#include <mesaopt/nested/response.hpp>
#include <mesaopt/nested/uniqueness.hpp>

namespace mesaopt::detail {

/// The adjoint of an inner problem with bounds or constraints, by its optimality (KKT) conditions.
///
/// With H the Hessian of the Lagrangian in y and A the gradients of the active constraints, on the coordinates that no
/// bound holds,
///
///     [ H  A ] [p]   [∂F/∂y]
///     [ A' 0 ] [q] = [  0  ],    dF/dx = ∂F/∂x − ∂/∂x (p·∂L/∂y + q·c) + b·∂(bounds)/∂x,
///
/// where b = ∂F/∂y − Hp − Aq at the coordinates that bounds hold. p lies in the null space of A', onto which P
/// projects: it solves PHP p = P ∂F/∂y, densely with what P leaves out filled up by a multiple of I − P, else by
/// conjugate gradients. Fiacco (1983), "Introduction to sensitivity and stability analysis in nonlinear programming",
/// section 3.2.
///
/// The same system gives the step of Newton's method from y to the solution, whose length is the certificate's
/// distance, and by which ActiveConstraints::judge tells whether what is active is so for certain.
///
/// Leaves p in `record.adjoint`, q and b in `record.restricted`, and the gradient of the Lagrangian in
/// `record.gradient`.
template <class F, class Record, class Y>
Certificate restricted_adjoint(const AdjointSettings& with, const F& f, const Y& y, Record& record, const Y& right) {
  using S = ScalarOf<Y>;
  auto& calls = record.run.state.calls;
  auto& a = record.restricted.constraints;
  auto& scratch = record.restricted.scratch;
  const auto n = y.size();
  const S scale = std::max(S(1), y.norm()), noise = hessian_noise<F, Y>(), size = right.norm();
  Certificate certificate;
  const auto refused = [&](Reason reason) {
    certificate.verdict = Verdict::not_differentiable;
    certificate.reason = reason;
    return certificate;
  };
  const bool dense = n <= with.dense_limit && (HasHessian<F, Y> || n <= 16);
  auto& H = record.hessian;
  record.factored = record.factor_exact = false;
  S curvature = 0;
  if (dense) {
    calls.hessian(f, y, H);
    curvature = H.template lpNorm<Eigen::Infinity>();
    if (!std::isfinite(curvature)) return refused(Reason::inner_failed);
  }
  const Reason found = a.find(f, y, record.gradient, calls, curvature);
  certificate.stationarity = double(record.gradient.template lpNorm<Eigen::Infinity>());
  if (found != Reason::none) return refused(found);

  const auto apply = [&](const Y& p, Y& q) {
    if (dense)
      q.noalias() = H.template selfadjointView<Eigen::Lower>() * p;
    else
      calls.hessian_product(f, y, p, q);
    if constexpr (Constrained<F, Y>) {
      if (!dense && !linear_constraints<F>) {
        constraints_hessian_product(f, y, a.multipliers, p, record.restricted.bent, calls, scratch);
        q += record.restricted.bent;
      }
    }
  };
  const auto apply_projected = [&](const Y& p, Y& q) {
    apply(p, q);
    a.project(q);
  };
  auto& K = record.factor;
  bool singular = false;
  S largest = 0;  // curvature
  if (dense) {
    if constexpr (Constrained<F, Y> && !linear_constraints<F>) {
      for (Eigen::Index j = 0; j < n; ++j) {
        record.step.setZero(n);
        record.step[j] = 1;
        constraints_hessian_product(f, y, a.multipliers, record.step, record.restricted.bent, calls, scratch);
        H.col(j) += record.restricted.bent;
      }
      for (Eigen::Index j = 0; j < n; ++j)
        for (Eigen::Index i = 0; i < j; ++i) H(i, j) = H(j, i) = (H(i, j) + H(j, i)) / 2;
    }
    // K = PHP + σ(I − P), column by column.
    K.resize(n, n);
    const S most = H.diagonal().cwiseAbs().maxCoeff(), sigma = most > 0 ? most : S(1);
    for (Eigen::Index j = 0; j < n; ++j) {
      record.step.setZero(n);
      record.step[j] = 1;
      a.project(record.step);
      record.scratch.noalias() = H.template selfadjointView<Eigen::Lower>() * record.step;
      a.project(record.scratch);
      K.col(j) = record.scratch - sigma * record.step;
      K(j, j) += sigma;
    }
    largest = K.cwiseAbs().colwise().sum().maxCoeff();
    const S rounding = std::max(10 * S(n) * std::numeric_limits<S>::epsilon(), noise);
    ++calls.counts[0].factorizations;
    auto& whole = record.restricted.map;
    whole = K;
    if (!factorize(K, true, rounding)) {
      // Singular or indefinite? Shifted by what rounding may have taken, a singular matrix has a factorization; it
      // serves as preconditioner, and the residual tells whether the system has a solution.
      singular = true;
      K = whole;
      K.diagonal().array() += rounding * largest;
      ++calls.counts[0].factorizations;
      if (!factorize(K, false)) return refused(Reason::inner_indefinite);
    }
    record.scratch.setOnes(n);
    S inverse = 0;
    for (int i = 0; i < 3; ++i) {
      record.scratch /= record.scratch.norm();
      solve_factorized(K, record.scratch);
      inverse = record.scratch.norm();
    }
    certificate.condition = singular ? std::numeric_limits<double>::infinity() : double(largest * inverse);
  }

  // Solves PHP out = b, b in the range of P, from the `out` given.
  const auto limit = std::uint64_t(with.max_iterations > 0 ? with.max_iterations : std::max<Eigen::Index>(20, 2 * n));
  const auto solve = [&](const Y& b, Y& out, double tolerance) {
    LinearOutcome<S> outcome;
    if (dense && !singular) {
      out = b;
      solve_factorized(K, out);
      a.project(out);
      apply_projected(out, record.scratch);
      record.scratch = b - record.scratch;
      outcome.residual = b.norm() > 0 ? record.scratch.norm() / b.norm() : S(0);
      solve_factorized(K, record.scratch);
      out += record.scratch;
    } else {
      outcome = conjugate_gradient(
          b, out, record.linear, tolerance, limit, apply_projected,
          [&](const Y& r, Y& z) {
            z = r;
            if (dense) solve_factorized(K, z);
          },
          dense ? std::max(S(n) * std::numeric_limits<S>::epsilon(), noise) : noise, largest);
      calls.counts[0].linear_iterations += outcome.iterations;
    }
    a.project(out);
    return outcome;
  };

  Y& target = record.restricted.target;
  target = right;
  a.project(target);
  if (dense)
    record.adjoint.setZero(n);
  else
    a.project(record.adjoint);  // where the last one left off, but moved into today's null space
  const auto outcome = solve(target, record.adjoint, with.tolerance);
  certificate.adjoint_residual = double(outcome.residual);
  if (outcome.negative_curvature) return refused(Reason::inner_indefinite);
  const bool consistent = outcome.residual * target.norm() <= S(with.accept_residual) * size;
  if (singular) {
    null_direction(K, record.linear);
    a.project(record.linear.p);
    if (const S length = record.linear.p.norm(); length > S(0.5)) {
      record.linear.p /= length;
      if (restricted_one_of_many(f, y, record, largest)) {
        if (!consistent) return refused(Reason::inner_not_unique);
        certificate.reason = Reason::inner_not_unique;
      }
    }
  }
  if (!consistent)
    return refused(singular || outcome.iterations < limit ? Reason::adjoint_inconsistent
                                                          : Reason::adjoint_not_converged);

  apply(a.step, target);
  target = -(record.gradient + target);
  a.project(target);
  record.step.setZero(n);
  const auto newton = solve(target, record.step, 1e-3);
  a.step += record.step;
  certificate.distance = double(a.step.norm() / scale);
  if (!dense) {
    const S most = std::max(outcome.most, newton.most), least = std::min(outcome.least, newton.least);
    certificate.condition = most > 0 ? double(most / least) : 0.0;
    if (most > 0) certificate.distance += double(newton.residual * target.norm() / least / scale);
  }
  if (!(certificate.distance <= with.accept_distance) || !record.adjoint.allFinite())
    return refused(Reason::inner_not_converged);
  apply(a.step, record.scratch);
  const Reason reason = a.judge(f, y, record.gradient, record.scratch);
  if (reason != Reason::none) return refused(reason);

  apply(record.adjoint, record.scratch);
  record.scratch = right - record.scratch;
  if constexpr (Constrained<F, Y>) {
    target = record.scratch;
    a.project_bounds(target);
    a.solve_normals(target, a.adjoint);
    for (const auto i : a.active) record.scratch -= a.adjoint[i] * a.J.row(i).transpose();
  }
  a.bound_adjoint = record.scratch;
  for (Eigen::Index i = 0; i < n; ++i)
    if (a.side[i] == 0) a.bound_adjoint[i] = 0;
  return certificate;
}

/// out = ∂/∂x (p·∂L/∂y + q·c) − b·∂(bounds)/∂x, which is what the adjoint takes from the outer gradient.
///
/// The objective's part is the family's own `mixed_product`; constraints have one too,
/// `g.constraints_mixed_product(x, y, multipliers, p, q, out)` = ∂/∂x (multipliers·J p + q·c); what is missing is made
/// by central differences, one coordinate of x after the other.
template <class Place, Point X, Point Y, class Record>
void restricted_mixed_product(const Place& place, const X& x, const Y& y, X& out, Record& record) {
  using S = ScalarOf<Y>;
  using F = PlacedOf<Place, X>;
  auto& calls = record.run.state.calls;
  auto& a = record.restricted.constraints;
  mixed_product(place, x, y, record.adjoint, out, record.moved, record.scratch, calls);
  if constexpr (depends_on_outer<Place>) {
    constexpr bool own = !Remembers<F, Y> && requires(X & o) {
      place.g.constraints_mixed_product(x, y, a.multipliers, record.adjoint, a.adjoint, o);
    };
    if constexpr (Constrained<F, Y> && own) {
      ++calls.counts[0].hessian_products;
      place.g.constraints_mixed_product(x, y, a.multipliers, record.adjoint, a.adjoint, record.restricted.outer);
      out += record.restricted.outer;
    }
    const bool constraints_move = Constrained<F, Y> && !own && !a.active.empty();
    const bool bounds_move = bounds_depend_on_outer<Place, X>() && (a.side.array() != 0).any();
    if (!constraints_move && !bounds_move) return;
    auto& scratch = record.restricted.scratch;
    const auto along = [&](const X& there) -> S {
      const auto& f = placed(place, there);
      S sum = 0;
      if constexpr (Constrained<F, Y> && !own) {
        calls.constraints(f, y, scratch.c, scratch.J);
        for (const auto i : a.active)
          sum += a.multipliers[i] * scratch.J.row(i).dot(record.adjoint) + a.adjoint[i] * scratch.c[i];
      }
      if constexpr (Bounded<F, Y>) {
        const auto& box = f.box();
        for (Eigen::Index i = 0; i < y.size(); ++i)
          if (a.side[i] != 0) sum -= a.bound_adjoint[i] * (a.side[i] < 0 ? box.lower[i] : box.upper[i]);
      }
      return sum;
    };
    record.moved = x;
    for (Eigen::Index j = 0; j < x.size(); ++j) {
      const S h = std::cbrt(std::numeric_limits<S>::epsilon()) * std::max(S(1), std::abs(x[j]));
      record.moved[j] = x[j] + h;
      const S above = along(record.moved);
      record.moved[j] = x[j] - h;
      out[j] += (above - along(record.moved)) / (2 * h);
      record.moved[j] = x[j];
    }
  }
}

}  // namespace mesaopt::detail
