#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>

#include <Eigen/Core>

#include <mesaopt/core/evaluation.hpp>
#include <mesaopt/nested/adjoint_system.hpp>
#include <mesaopt/nested/conjugate_gradient.hpp>
#include <mesaopt/nested/response.hpp>
#include <mesaopt/nested/uniqueness.hpp>

namespace mesaopt::detail {

/// Solves for the adjoint by a Cholesky factorization of the inner Hessian, the record's own if that is `exact`.
///
/// A singular Hessian, shifted by what rounding may have taken, serves as preconditioner of conjugate gradients, and
/// the residual tells whether the system has a solution. An indefinite one is refused.
template <class System>
Certificate cholesky_adjoint(const System& system, bool exact) {
  using S = typename System::S;
  auto& record = system.record;
  auto& calls = system.calls();
  const auto n = system.y.size();
  const S scale = system.scale(), size = system.right.norm(), noise = system.noise();
  Certificate c = system.begun();
  if (!exact) {
    calls.hessian(system.f, system.y, record.hessian);
    record.factor = record.hessian;
    ++calls.counts[0].factorizations;
    record.factored = record.factor_exact = record.hessian.allFinite() && factorize(record.factor, true, noise);
  }
  const auto& H = record.hessian;
  if (!H.allFinite()) {
    system.refuse(c, Reason::inner_failed);
    return c;
  }
  if (record.factored) {
    record.adjoint = system.right;
    solve_factorized(record.factor, record.adjoint);
    record.scratch.noalias() = H.template selfadjointView<Eigen::Lower>() * record.adjoint;
    record.scratch = system.right - record.scratch;
    c.adjoint_residual = size > 0 ? double(record.scratch.norm() / size) : 0.0;
    if (S(c.adjoint_residual) > 16 * std::numeric_limits<S>::epsilon()) {
      // One step of refinement makes the residual as small as the arithmetic allows.
      solve_factorized(record.factor, record.scratch);
      record.adjoint += record.scratch;
    }
    record.step = -record.gradient;
    solve_factorized(record.factor, record.step);
    c.distance = double(record.step.norm() / scale);
    // |H| by its largest column sum, |H⁻¹| by inverse iteration.
    record.scratch.setOnes(n);
    S inverse = 0;
    for (int i = 0; i < 3; ++i) {
      record.scratch /= record.scratch.norm();
      solve_factorized(record.factor, record.scratch);
      inverse = record.scratch.norm();
    }
    c.condition = double(H.cwiseAbs().colwise().sum().maxCoeff() * inverse);
    if (!(c.distance <= system.with.accept_distance) || !record.adjoint.allFinite())
      system.refuse(c, Reason::inner_not_converged);
    return c;
  }
  const S epsilon = std::numeric_limits<S>::epsilon();
  const S largest = H.cwiseAbs().colwise().sum().maxCoeff();
  const S zero = std::max(10 * S(n) * epsilon, noise) * largest;
  c.condition = std::numeric_limits<double>::infinity();
  const auto judged = [&] {
    system.judge(c, Reason::adjoint_inconsistent);
    if (c.reason != Reason::inner_not_converged && one_of_many(system, largest, zero))
      c.reason = Reason::inner_not_unique;
    return c;
  };
  if (!(largest > 0)) {  // no curvature at all
    record.adjoint.setZero(n);
    c.adjoint_residual = size > 0 ? 1 : 0;
    c.distance = c.stationarity > 0 ? c.condition : 0;
    return judged();
  }
  record.factor = H;
  record.factor.diagonal().array() += zero;
  ++calls.counts[0].factorizations;
  if (!factorize(record.factor, false)) {
    system.refuse(c, Reason::inner_indefinite);
    return c;
  }
  record.adjoint.setZero(n);
  const auto outcome = conjugate_gradient(
      system.right, record.adjoint, record.linear, system.with.tolerance,
      std::uint64_t(std::max<Eigen::Index>(20, 2 * n)),
      [&](const auto& p, auto& q) { q.noalias() = H.template selfadjointView<Eigen::Lower>() * p; },
      [&](const auto& r, auto& z) {
        z = r;
        solve_factorized(record.factor, z);
      },
      std::max(S(n) * epsilon, noise), largest);
  calls.counts[0].linear_iterations += outcome.iterations;
  record.step = -record.gradient;
  solve_factorized(record.factor, record.step);
  c.adjoint_residual = double(outcome.residual);
  c.distance = double(record.step.norm() / scale);
  return judged();
}

}  // namespace mesaopt::detail

namespace mesaopt {

/// Solves the adjoint system of `implicit(...)` by a Cholesky factorization of the dense inner Hessian, which has to be
/// positive definite, or singular with a system that has a solution.
struct CholeskyAdjoint {
  template <class System, class Scratch>
  Certificate operator()(const System& system, Scratch&) const {
    return detail::cholesky_adjoint(system, system.record.factored && system.record.factor_exact);
  }
};

}  // namespace mesaopt
