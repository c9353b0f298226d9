#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include <Eigen/Core>

#include <mesaopt/core/call.hpp>
#include <mesaopt/core/evaluation.hpp>
#include <mesaopt/nested/adjoint_system.hpp>
#include <mesaopt/nested/conjugate_gradient.hpp>
#include <mesaopt/nested/response.hpp>
#include <mesaopt/nested/uniqueness.hpp>

namespace mesaopt::detail {

/// Solves for the adjoint by conjugate gradients on Hessian products from the previous one, preconditioned by the
/// factorization of a Hessian nearby, if the record holds one.
template <class System>
Certificate conjugate_gradient_adjoint(const System& system) {
  using S = typename System::S;
  auto& record = system.record;
  const auto limit = system.limit();
  const S size = system.right.norm();
  Certificate c = system.begun();
  const bool preconditioned = record.factored;
  const auto solve = [&](const auto& b, auto& solution) {
    const auto outcome = conjugate_gradient(
        b, solution, record.linear, system.with.tolerance, limit, [&](const auto& p, auto& q) { system.product(p, q); },
        [&](const auto& r, auto& z) {
          z = r;
          if (preconditioned) solve_factorized(record.factor, z);
        },
        system.noise());
    system.calls().counts[0].linear_iterations += outcome.iterations;
    return outcome;
  };
  auto outcome = solve(system.right, record.adjoint);
  c.adjoint_residual = double(outcome.residual);
  if (outcome.most == 0 && !outcome.negative_curvature) {
    // The previous adjoint serves as it is, so no curvature was met, without which nothing is known of the distance.
    record.step.setZero(system.y.size());
    outcome = solve(size > 0 ? system.right : record.gradient, record.step);
    outcome.residual = S(c.adjoint_residual);
  }
  c.condition = outcome.most > 0 ? double(outcome.most / outcome.least) : 0.0;
  c.distance =
      outcome.most > 0 ? double(record.gradient.norm() / outcome.least / system.scale()) : double(c.stationarity);
  if (outcome.negative_curvature) {
    system.refuse(c, Reason::inner_indefinite);
    return c;
  }
  if (!(outcome.residual <= S(system.with.accept_residual))) {
    // Rounding of the curvature shows as zero curvature before the residual has vanished: there is no solution.
    const bool inconsistent = outcome.iterations < limit;
    system.refuse(c, inconsistent ? Reason::adjoint_inconsistent : Reason::adjoint_not_converged);
    // It ended along a direction without curvature.
    auto& [r, z, p, q] = record.linear;
    const S length = p.norm();
    if (inconsistent && length > 0 && std::isfinite(length)) {
      p /= length;
      if (flat_valley(system, outcome.most, [&](const auto& from, auto& step) {
            step = from;
            if (outcome.most > 0) step /= outcome.most;
          }))
        c.reason = Reason::inner_not_unique;
    }
    return c;
  }
  if (!(c.distance <= system.with.accept_distance) || !record.adjoint.allFinite())
    system.refuse(c, Reason::inner_not_converged);
  return c;
}

template <class Place, class X, class Y, class F>
inline constexpr bool has_gauss_newton = requires(const Place& place, const X& x, const Y& y, Y& out) {
  place.g.gauss_newton_product(x, y, y, out);
}
|| requires(const Place& place, const X& x, const Y& y, Y& out, const Call<MemoryOf<F, Y>>& call) {
  place.g.gauss_newton_product(x, y, y, out, call);
};

/// Solves for the adjoint with the inner family's Gauss-Newton matrix in place of the Hessian, damped by `damping`
/// times its curvature along the right-hand side. What it answers is at best `inexact`.
template <class Place, class F, class X, class Y, class Record>
Certificate gauss_newton_adjoint(const AdjointSystem<Place, F, X, Y, Record>& system, double damping) {
  using S = ScalarOf<Y>;
  auto& record = system.record;
  auto& calls = system.calls();
  const Y& right = system.right;
  const auto product = [&](const Y& p, Y& q) {
    ++calls.counts[0].hessian_products;
    calls.make([&](const auto& call) {
      if constexpr (Remembers<F, Y>)
        system.place.g.gauss_newton_product(system.x, system.y, p, q, call);
      else
        system.place.g.gauss_newton_product(system.x, system.y, p, q);
    });
  };
  Certificate c = system.begun();
  // The curvature along the right-hand side sets the scale of the damping.
  record.scratch.resize(system.y.size());
  product(right, record.scratch);
  const S size = right.squaredNorm();
  const S damp = size > 0 ? S(damping) * right.dot(record.scratch) / size : S(damping);
  const auto apply = [&](const Y& p, Y& q) {
    product(p, q);
    q += damp * p;
  };
  const auto outcome = conjugate_gradient(right, record.adjoint, record.linear, std::max(system.with.tolerance, 1e-6),
                                          system.limit(), apply, [](const auto& r, auto& z) { z = r; });
  calls.counts[0].linear_iterations += outcome.iterations;
  c.adjoint_residual = double(outcome.residual);
  c.condition = outcome.most > 0 ? double(outcome.most / outcome.least) : 0.0;
  c.distance = outcome.most > 0 ? double(record.gradient.norm() / outcome.least / system.scale()) : 0.0;
  c.verdict = Verdict::inexact;
  c.reason = Reason::gauss_newton_adjoint;
  if (!record.adjoint.allFinite() || !(c.adjoint_residual < 1)) {
    c.verdict = Verdict::not_differentiable;
    c.reason = Reason::adjoint_not_converged;
  }
  return c;
}

}  // namespace mesaopt::detail

namespace mesaopt {

/// Solves the adjoint system of `implicit(...)` by conjugate gradients on Hessian products, from the previous adjoint.
struct ConjugateGradientAdjoint {
  template <class System, class Scratch>
  Certificate operator()(const System& system, Scratch&) const {
    return detail::conjugate_gradient_adjoint(system);
  }
};

}  // namespace mesaopt
