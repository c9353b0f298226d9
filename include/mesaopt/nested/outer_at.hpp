#pragma once

#include <algorithm>

#include <Eigen/Core>

#include <mesaopt/core/call.hpp>
#include <mesaopt/core/evaluation.hpp>
#include <mesaopt/core/objective.hpp>
#include <mesaopt/core/point.hpp>

namespace mesaopt::detail {

/// The outer objective at (x, y); fills its gradient in x, and `call.record.outer_y` with that in y.
template <class Outer, Point X, Point Y, class M>
Evaluation<ScalarOf<X>> outer_gradient_at(const Outer& outer, const X& x, const Y& y, X& gx, const Call<M>& call) {
  call.record.outer_y.resize(y.size());
  gx.resize(x.size());
  Evaluation<ScalarOf<X>> evaluation = with_call<Outer, Y>(
      call.record.outer_call(call),
      [&](const auto&... last) -> Evaluation<ScalarOf<X>> { return outer(x, y, gx, call.record.outer_y, last...); });
  if (evaluation.differentiable() && !(gx.allFinite() && call.record.outer_y.allFinite())) {
    evaluation.verdict = Verdict::not_differentiable;
    evaluation.reason = Reason::non_finite_gradient;
  }
  return evaluation;
}

/// The outer objective's value at (x, y).
template <class Outer, Point X, Point Y, class M>
Evaluation<ScalarOf<X>> outer_value_at(const Outer& outer, const X& x, const Y& y, const Call<M>& call) {
  return with_call<Outer, Y>(call.record.outer_call(call),
                             [&](const auto&... last) -> Evaluation<ScalarOf<X>> { return outer(x, y, last...); });
}

/// Marks an evaluation whose gradient is an approximation by its nature.
template <class S>
void mark_inexact(Evaluation<S>& evaluation, Reason reason) {
  evaluation.certificate.verdict = std::max(evaluation.certificate.verdict, Verdict::inexact);
  evaluation.certificate.reason = reason;
  evaluation.verdict = std::max(evaluation.verdict, Verdict::inexact);
  evaluation.reason = reason;
}

}  // namespace mesaopt::detail
