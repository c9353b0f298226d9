#pragma once

#include <array>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <tuple>

#include <mesaopt/core/status.hpp>

namespace mesaopt {

/// How far an evaluation may be relied on.
enum class Verdict : std::uint8_t {
  fine,                ///< as exact as floating point allows
  inexact,             ///< usable, within the error estimates that come with it
  not_differentiable,  ///< the value stands, the gradient does not (it is NaN)
  failed               ///< no value
};

/// Why a verdict is not `fine`.
enum class Reason : std::uint8_t {
  none,
  non_finite_value,
  non_finite_gradient,
  non_finite_constraint,
  threw,
  budget_spent,
  inner_failed,
  inner_not_converged,
  inner_indefinite,
  adjoint_inconsistent,
  adjoint_not_converged,
  gauss_newton_adjoint,
  another_basin,
  start_rejected,
  constraint_weakly_active,
  constraints_dependent,
  derivative_of_run,
  derivative_truncated,
  first_order_gradient,
  sampled_gradient,
  spot_check_failed,
  inner_infeasible,
  inner_unbounded,
  inner_not_unique,
  inner_stopped_early
};
inline constexpr std::size_t reasons = 25;

/// The reason as a sentence.
constexpr const char* sentence(Reason reason) {
  switch (reason) {
    case Reason::none: return "Nothing to report.";
    case Reason::non_finite_value: return "The objective returned NaN or infinity.";
    case Reason::non_finite_gradient: return "The gradient holds NaN or infinity.";
    case Reason::non_finite_constraint: return "A constraint or its Jacobian holds NaN or infinity.";
    case Reason::threw: return "The objective threw an exception.";
    case Reason::budget_spent: return "The evaluation limit was reached first.";
    case Reason::inner_failed: return "The inner run ended without a finite solution.";
    case Reason::inner_not_converged:
      return "The inner run stopped too far from a stationary point to be differentiated.";
    case Reason::inner_indefinite: return "The inner solution is no minimum: its Hessian has negative curvature.";
    case Reason::adjoint_inconsistent: return "The inner Hessian is singular and the adjoint system has no solution.";
    case Reason::adjoint_not_converged: return "The adjoint system was not solved to its tolerance.";
    case Reason::gauss_newton_adjoint: return "The hypergradient uses a damped Gauss-Newton adjoint, an approximation.";
    case Reason::another_basin: return "The inner solution jumped to another basin.";
    case Reason::constraint_weakly_active:
      return "An inner constraint is active with a multiplier of zero: the solution bends here.";
    case Reason::constraints_dependent:
      return "The active inner constraints are dependent: multipliers are not unique.";
    case Reason::derivative_of_run:
      return "The hypergradient is that of the inner run as it went, which is not yet at its minimum.";
    case Reason::derivative_truncated: return "The hypergradient leaves out the earlier steps of the inner run.";
    case Reason::first_order_gradient: return "The hypergradient is made without second derivatives, an approximation.";
    case Reason::sampled_gradient: return "The hypergradient is estimated from random evaluations.";
    case Reason::spot_check_failed: return "The hypergradient disagrees with differences of the outer objective.";
    case Reason::inner_infeasible: return "The inner problem has no point that satisfies its constraints.";
    case Reason::inner_unbounded: return "The inner problem has no solution: its objective falls without bound.";
    case Reason::inner_not_unique:
      return "The inner solution is not unique: its objective is flat along a line through it.";
    case Reason::inner_stopped_early: return "The inner run was stopped by a limit, before its own criterion was met.";
    case Reason::start_rejected: return "A predicted inner start was worse than the old solution and was rejected.";
  }
  return "Unknown reason.";
}

/// What vouches for a hypergradient.
struct Certificate {
  double stationarity = 0;  ///< largest entry of the inner gradient at the inner solution
  double distance = 0;      ///< estimated distance to the inner optimum relative to max(1, |y|): a Newton step's length
  double adjoint_residual = 0;  ///< residual of the adjoint system relative to its right-hand side
  double condition = 0;         ///< estimated condition number of the inner Hessian; 0: not known
  Verdict verdict = Verdict::fine;
  Reason reason = Reason::none;

  static constexpr auto fields() {
    using C = Certificate;
    return std::tuple{&C::stationarity, &C::distance, &C::adjoint_residual, &C::condition, &C::verdict, &C::reason};
  }
};

/// A value with a verdict: what an objective may return in place of a bare number, which is one that is fine.
template <class S>
struct Evaluation {
  S value = std::numeric_limits<S>::quiet_NaN();
  Verdict verdict = Verdict::fine;
  Reason reason = Reason::none;
  std::uint8_t level = 0;                 ///< where the reason arose: 0 here, 1 in the inner run, 2 in the one in that
  Status inner_status = Status::running;  ///< how the run at that level ended, if it is one below
  S value_error = 0;     ///< estimated absolute error of the value; line searches take it as noise level
  S gradient_error = 0;  ///< estimated absolute error of the gradient's norm
  Certificate certificate{};

  constexpr Evaluation() = default;
  constexpr Evaluation(S v) : value(v) {}  // NOLINT(google-explicit-constructor): a bare number is an evaluation
  constexpr Evaluation(S v, Verdict how, Reason why) : value(v), verdict(how), reason(why) {}

  /// No value, and why.
  static constexpr Evaluation failure(Reason why) {
    return {std::numeric_limits<S>::quiet_NaN(), Verdict::failed, why};
  }
  /// The same, for a reason that arose so many levels below, where a run ended so.
  static constexpr Evaluation failure(Reason why, std::uint8_t level, Status inner_status) {
    Evaluation failed = failure(why);
    failed.level = level;
    failed.inner_status = inner_status;
    return failed;
  }
  /// True when the value can be used.
  [[nodiscard]] bool usable() const {
    using std::isfinite;  // and that of dual numbers
    return verdict != Verdict::failed && isfinite(value);
  }
  /// True when value and gradient can be used.
  [[nodiscard]] bool differentiable() const { return verdict < Verdict::not_differentiable && usable(); }

  static constexpr auto fields() {
    using E = Evaluation;
    return std::tuple{&E::value,        &E::verdict,     &E::reason,         &E::level,
                      &E::inner_status, &E::value_error, &E::gradient_error, &E::certificate};
  }
};

}  // namespace mesaopt
