#pragma once

#include <cstdint>

#include <Eigen/Core>

#include <mesaopt/core/call.hpp>
#include <mesaopt/core/evaluation.hpp>
#include <mesaopt/core/stopping.hpp>
#include <mesaopt/nested/adjoint_system.hpp>
#include <mesaopt/nested/cholesky_adjoint.hpp>
#include <mesaopt/nested/conjugate_gradient_adjoint.hpp>
#include <mesaopt/nested/implicit_by.hpp>

namespace mesaopt {

/// When the damped Gauss-Newton matrix may stand in for the inner Hessian in the adjoint.
enum class GaussNewton {
  never,
  when_needed,  ///< where the exact adjoint is refused, as for networks whose training stops early
  always
};

/// The hypergradient by the implicit function theorem: at an inner minimum y of g(x, ·),
///
///     dF/dx = ∂F/∂x − (∂²g/∂x∂y) λ,    (∂²g/∂y²) λ = ∂F/∂y.
///
/// The adjoint system is solved by a dense Cholesky factorization where the inner objective gives its Hessian (or has
/// few variables), else by conjugate gradients on Hessian products, starting from the previous adjoint. A singular
/// system that has a solution is solved; one that has none, an indefinite one, and an inner run that stopped too far
/// from a stationary point are refused: the evaluation then says `not_differentiable` and why, and the gradient is NaN.
/// Every gradient comes with a Certificate.
///
/// Inner problems with bounds and constraints are differentiated through their optimality (KKT) conditions
/// (restricted_adjoint.hpp), those with a regularizer through the fixed point of the proximal step
/// (proximal_adjoint.hpp). A constraint that is active with a multiplier of zero, dependent active constraints, and a
/// point on a kink of the proximal map are refused: `constraint_weakly_active`, `constraints_dependent`. Lorraine,
/// Vicol & Duvenaud (2020), "Optimizing millions of hyperparameters by implicit differentiation".
struct Implicit {
  double tolerance = 1e-12;         ///< relative residual of the adjoint asked of conjugate gradients
  double accept_residual = 1e-4;    ///< a larger relative residual is refused
  double accept_distance = 1e-2;    ///< a larger distance to the inner optimum, relative to max(1, |y|), is refused
  Eigen::Index dense_limit = 256;   ///< most inner variables for a dense Hessian
  std::int64_t max_iterations = 0;  ///< of conjugate gradients; 0: twice the inner variables, at least 20
  GaussNewton gauss_newton = GaussNewton::when_needed;  ///< for inner objectives with `gauss_newton_product`
  double damping = 1e-3;  ///< added to the Gauss-Newton matrix, relative to its largest curvature met

  /// Throws std::invalid_argument for a setting out of its range.
  void check() const {
    if (!(tolerance >= 0)) detail::refuse("Implicit::tolerance", tolerance, "it must be 0 or more");
    if (!(accept_residual > 0)) detail::refuse("Implicit::accept_residual", accept_residual, "it must be more than 0");
    if (!(accept_distance > 0)) detail::refuse("Implicit::accept_distance", accept_distance, "it must be more than 0");
    if (dense_limit < 0) detail::refuse("Implicit::dense_limit", double(dense_limit), "it must be 0 or more");
    if (max_iterations < 0) detail::refuse("Implicit::max_iterations", double(max_iterations), "it must be 0 or more");
    if (!(damping >= 0)) detail::refuse("Implicit::damping", damping, "it must be 0 or more");
  }

  /// Solves the inner problem at x, fills the gradient of F(x) = outer(x, y(x)), and answers F(x) with its certificate.
  template <class Outer, class R, Point X, class M>
  Evaluation<ScalarOf<X>> pull(const Outer& outer, const R& response, const X& x, const Call<M>& call,
                               X& gradient) const {
    return detail::implicit_pull(*this, outer, response, x, call, gradient);
  }

  [[nodiscard]] detail::AdjointSettings adjoint_settings() const {
    return {tolerance, accept_residual, accept_distance, dense_limit, max_iterations};
  }

  /// By Cholesky, conjugate gradients, or the Gauss-Newton matrix.
  template <class Place, class F, class X, class Y, class Record, class Scratch>
  Certificate solve_adjoint(const detail::AdjointSystem<Place, F, X, Y, Record>& system, Scratch&) const {
    constexpr bool offers_gauss_newton = detail::has_gauss_newton<Place, X, Y, F>;
    const bool exact_factor = system.record.factored && system.record.factor_exact;
    const auto n = system.y.size();
    Certificate c;
    if (!offers_gauss_newton || gauss_newton != GaussNewton::always) {
      const bool dense = exact_factor || (n <= dense_limit && (detail::HasHessian<F, Y> || n <= 16));
      c = dense ? detail::cholesky_adjoint(system, exact_factor) : detail::conjugate_gradient_adjoint(system);
    }
    if constexpr (offers_gauss_newton) {
      if (gauss_newton == GaussNewton::always ||
          (gauss_newton == GaussNewton::when_needed && c.verdict == Verdict::not_differentiable)) {
        system.record.adjoint.setZero(n);
        c = detail::gauss_newton_adjoint(system, damping);
      }
    }
    return c;
  }
};

}  // namespace mesaopt
