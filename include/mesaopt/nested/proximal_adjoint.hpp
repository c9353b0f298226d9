#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include <Eigen/Core>

#include <mesaopt/core/evaluation.hpp>
#include <mesaopt/core/objective.hpp>
#include <mesaopt/nested/adjoint_system.hpp>
#include <mesaopt/nested/proximal_product.hpp>
#include <mesaopt/nested/response.hpp>

namespace mesaopt::detail {

/// The adjoint of an inner problem with a regularizer h, whose solution is the fixed point
/// y = T(x, y) = prox_t(y − t∇g(x, y)) for every t > 0.
///
/// With P the derivative of prox_t, symmetric, and H the Hessian of g, (I − (I − tH)P) w = ∂F/∂y and
/// dF/dx = ∂F/∂x + w·∂T/∂x. Solved densely; above `dense_limit` variables by iterating w ← ∂F/∂y + (I − tH)Pw, which
/// contracts for t below 2/|H| where y is a strict minimum. Where the point y − t∇g lies on a kink of prox_t, to the
/// accuracy of the inner solution, y is not differentiable in x, and refused.
/// Bertrand et al. (2022), "Implicit differentiation for fast hyperparameter selection in non-smooth convex learning",
/// theorem 9; Blondel et al. (2022), "Efficient and modular implicit differentiation", section 2.3.
///
/// Leaves w in `record.adjoint`, Pw in `record.restricted.target`, and t in `t`.
template <class F, class Record, class Y>
Certificate proximal_adjoint(const AdjointSettings& with, const F& f, const Y& y, Record& record, const Y& right,
                             ScalarOf<Y>& t) {
  using S = ScalarOf<Y>;
  auto& calls = record.run.state.calls;
  auto& w = record.restricted;
  const auto& h = f.regularizer();
  const auto n = y.size();
  const S scale = std::max(S(1), y.norm()), size = right.norm();
  Certificate certificate;
  const auto refused = [&](Reason reason) {
    certificate.verdict = Verdict::not_differentiable;
    certificate.reason = reason;
    return certificate;
  };
  record.factored = record.factor_exact = false;
  const bool dense = n <= with.dense_limit;
  t = 1;
  if (dense) {
    calls.hessian(f, y, record.hessian);
    const S curvature = record.hessian.cwiseAbs().colwise().sum().maxCoeff();
    if (!std::isfinite(curvature)) return refused(Reason::inner_failed);
    if (curvature > 0) t = 1 / curvature;
  } else if constexpr (requires { record.run.state.step; }) {
    if (record.run.state.step > 0) t = S(record.run.state.step);
  }
  w.shifted = y - t * record.gradient;
  w.target.resize(n);
  w.bent.resize(n);
  h.proximal(w.shifted, t, w.target);
  record.step = w.target - y;
  const S change = record.step.template lpNorm<Eigen::Infinity>();
  certificate.stationarity = double(change / t);
  const S noise = std::max(S(1e3) * change, S(1e4) * std::numeric_limits<S>::epsilon() * scale);
  if (!(h.margin(w.shifted, t) > noise)) return refused(Reason::constraint_weakly_active);

  const auto apply = [&](const Y& v, Y& out) {  // out = (I − tH) P v, and P v in w.target
    h.derivative(w.shifted, t, v, w.target);
    if (dense)
      out.noalias() = record.hessian.template selfadjointView<Eigen::Lower>() * w.target;
    else
      calls.hessian_product(f, y, w.target, out);
    out = w.target - t * out;
  };
  if (dense) {
    w.map.resize(n, n);
    for (Eigen::Index j = 0; j < n; ++j) {
      record.scratch.setZero(n);
      record.scratch[j] = 1;
      apply(record.scratch, w.bent);
      w.map.col(j) = -w.bent;
      w.map(j, j) += 1;
    }
    ++calls.counts[0].factorizations;
    w.lu.compute(w.map);
    const S reciprocal = w.lu.rcond();
    certificate.condition = reciprocal > 0 ? double(1 / reciprocal) : std::numeric_limits<double>::infinity();
    if (!(reciprocal > 10 * S(n) * std::numeric_limits<S>::epsilon() + hessian_noise<F, Y>()))
      return refused(Reason::inner_indefinite);
    record.adjoint = w.lu.solve(right);
    apply(record.adjoint, w.bent);
    record.scratch = right - record.adjoint + w.bent;
    certificate.adjoint_residual = size > 0 ? double(record.scratch.norm() / size) : 0.0;
    // The length of a Newton step of the fixed point equation: (I − P(I − tH)) step = T(y) − y.
    record.scratch = w.lu.transpose().solve(record.step);
    certificate.distance = double(record.scratch.norm() / scale);
  } else {
    const auto limit = std::uint64_t(with.max_iterations > 0 ? with.max_iterations : 20 * n);
    if (record.adjoint.isZero(0)) record.adjoint = right;
    std::uint64_t i = 0;
    S residual = size > 0 ? S(1) : S(0), before = residual, rate = 0;
    for (; i < limit && residual > S(with.tolerance); ++i) {
      apply(record.adjoint, w.bent);
      record.scratch = right + w.bent;
      before = residual;
      residual = (record.scratch - record.adjoint).norm() / size;
      rate = before > 0 ? residual / before : S(0);
      record.adjoint = record.scratch;
      if (!std::isfinite(residual) || (i > 10 && residual >= before && residual < S(with.accept_residual))) break;
    }
    calls.counts[0].linear_iterations += i;
    certificate.adjoint_residual = double(residual);
    certificate.condition = rate < 1 ? double(1 / (1 - rate)) : std::numeric_limits<double>::infinity();
    certificate.distance = rate < 1 ? double(record.step.norm() / (1 - rate) / scale) : 1.0;
    if (!(residual <= S(with.accept_residual))) return refused(Reason::adjoint_not_converged);
  }
  if (!(certificate.distance <= with.accept_distance) || !record.adjoint.allFinite())
    return refused(Reason::inner_not_converged);
  apply(record.adjoint, w.bent);  // leaves Pw
  return certificate;
}

/// out = −w·∂T/∂x, T(x, y) = prox_t(y − t∇g(x, y)): by the family's own `mixed_product`, and `proximal_mixed_product`
/// where the regularizer depends on x, else by central differences.
template <class Place, Point X, Point Y, class Record>
void proximal_mixed_product(const Place& place, const X& x, const Y& y, ScalarOf<Y> t, X& out, Record& record) {
  auto& w = record.restricted;
  mixed_product(place, x, y, w.target, out, record.moved, record.scratch, record.run.state.calls);
  out *= t;
  if constexpr (regularizer_depends_on_outer<Place, X>()) {
    auto& moved = w.outer;
    out = -out;
    proximal_product(place, x, w.shifted, t, record.adjoint, out, record.moved, moved, w.bent);
    out = -out;
  }
}

}  // namespace mesaopt::detail
