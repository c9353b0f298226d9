#pragma once

#include <exception>
#include <limits>
#include <utility>

#include <Eigen/Core>

#include <mesaopt/core/call.hpp>
#include <mesaopt/core/evaluation.hpp>
#include <mesaopt/core/objective.hpp>

namespace mesaopt {

/// An objective whose exceptions are failed evaluations. See `exceptions_as_failures`.
template <class F>
struct ExceptionsAsFailures {
  F f;

  static constexpr bool quadratic = is_quadratic<F>;
  static constexpr bool stochastic = is_stochastic<F>;

  template <class X>
  using Memory = MemoryOf<F, X>;

  /// f(x), or a failure.
  template <Point X>
  requires detail::HasValue<F, X> Evaluation<ScalarOf<X>>
  operator()(const X& x, const Call<Memory<X>>& call) const {
    X unused;
    return guarded<X>([&] { return detail::evaluate(f, x, unused, call); });
  }

  /// f(x) and its gradient, or a failure with a gradient of NaN.
  template <Point X>
  requires Differentiable<F, X> Evaluation<ScalarOf<X>>
  operator()(const X& x, X& gradient, const Call<Memory<X>>& call) const {
    const auto evaluation = guarded<X>([&] { return detail::evaluate_gradient(f, x, gradient, call); });
    if (evaluation.reason == Reason::threw) gradient.setConstant(std::numeric_limits<ScalarOf<X>>::quiet_NaN());
    return evaluation;
  }

  /// out = (second derivative at x) v, or NaN.
  template <Point X>
  requires detail::HasHessianProduct<F, X>
  void hessian_product(const X& x, const X& v, X& out, const Call<Memory<X>>& call) const {
    or_nan(out, [&] { detail::evaluate_hessian_product(f, x, v, out, call); });
  }

  /// H = second derivative at x, or NaN.
  template <Point X>
  requires detail::HasHessian<F, X>
  void hessian(const X& x, MatrixOf<X>& H, const Call<Memory<X>>& call) const {
    or_nan(H, [&] { detail::evaluate_hessian(f, x, H, call); });
  }

  /// The bounds of f.
  decltype(auto) box() const requires requires { f.box(); }
  { return f.box(); }

 private:
  template <class X, class Evaluate>
  static Evaluation<ScalarOf<X>> guarded(const Evaluate& evaluate) {
    try {
      return evaluate();
    } catch (const std::exception&) {
      return Evaluation<ScalarOf<X>>::failure(Reason::threw);
    }
  }

  template <class Out, class Evaluate>
  static void or_nan(Out& out, const Evaluate& evaluate) {
    try {
      evaluate();
    } catch (const std::exception&) {
      out.setConstant(std::numeric_limits<typename Out::Scalar>::quiet_NaN());
    }
  }
};

template <class F>
ExceptionsAsFailures(F) -> ExceptionsAsFailures<F>;

/// The objective f, whose std::exceptions count as failed evaluations (Reason::threw), which searches step around, in
/// place of ending the run. Without it they reach the caller of the search.
///
///     minimize(exceptions_as_failures(simulation), x0, CmaEs{});
///
/// Whatever else f may throw still passes through. How batches are evaluated is said outside of it:
/// `on(Threads{8}, exceptions_as_failures(f))`.
template <class F>
ExceptionsAsFailures<F> exceptions_as_failures(F f) {
  return {std::move(f)};
}

}  // namespace mesaopt
