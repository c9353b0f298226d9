#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <utility>

#include <Eigen/Core>

#include <mesaopt/core/call.hpp>
#include <mesaopt/core/evaluation.hpp>
#include <mesaopt/core/objective.hpp>
#include <mesaopt/core/stopping.hpp>
#include <mesaopt/nested/adjoint_system.hpp>
#include <mesaopt/nested/proximal_adjoint.hpp>
#include <mesaopt/nested/response.hpp>
#include <mesaopt/nested/restricted_adjoint.hpp>

namespace mesaopt::detail {

/// The implicit function theorem but for the solver of its linear system: solves the inner problem at x, fills the
/// gradient of F(x) = outer(x, y(x)), and answers F(x) with its certificate.
///
/// `method` has `check()`, `adjoint_settings()`, and `solve_adjoint(system, scratch)`, which leaves the adjoint in the
/// record and answers the certificate. Inner problems with bounds, constraints or a regularizer have adjoints of their
/// own.
template <class Method, class Outer, class R, Point X, class M>
Evaluation<ScalarOf<X>> implicit_pull(const Method& method, const Outer& outer, const R& response, const X& x,
                                      const Call<M>& call, X& gradient) {
  using S = ScalarOf<X>;
  using Y = typename R::template Y<X>;
  using F = typename R::template Types<X>::Objective;
  static_assert(Differentiable<F, Y>,
                "mesaopt: Implicit needs the gradient of the inner objective: give g(x, y, gradient), or wrap it in "
                "finite_difference or forward_mode");
  static_assert(!Constrained<F, Y> || DifferentiableConstraints<F, Y>,
                "mesaopt: Implicit needs the Jacobian of the inner constraints: give g.constraints(x, y, c, J) beside "
                "g.constraints(x, y, c)");
  method.check();
  auto& record = call.record.response;
  const auto nan = std::numeric_limits<S>::quiet_NaN();
  response.solve(x, call.memory.response, record, call.tolerance);
  if (!record.solved) {
    gradient.setConstant(x.size(), nan);
    return Evaluation<S>::failure(Reason::inner_failed);
  }
  struct Spend {
    typename R::template Record<X>& record;
    ~Spend() { R::collect(record); }
  } spend{record};

  auto& run = record.run;
  auto& calls = run.state.calls;
  R::collect(record);
  const auto& f = placed(response.objective, x);
  const Y& y = best_point(run);

  // The inner gradient at y: at hand unless the best point is not the last one, or the inner optimizer uses none.
  bool known = false;
  if constexpr (requires { run.state.gradient; } && is_monotone<std::remove_cvref_t<decltype(run.state)>>) {
    record.gradient = run.state.gradient;
    known = true;
  }
  const auto differentiate = [&](const Y& there) {
    record.gradient.resize(y.size());
    ++calls.counts[0].gradients;
    calls.make([&](const auto& inner) { evaluate_gradient(f, there, record.gradient, inner); });
  };
  if (!known) differentiate(y);

  call.record.outer_y.resize(y.size());
  gradient.resize(x.size());
  // What only some points need gets its room at all: so no later step allocates.
  record.linear.resize(y.size());
  record.moved.resize(x.size());
  call.record.mixed.resize(x.size());
  if constexpr (R::template Types<X>::restricted) record.restricted.corrected.resize(y.size());
  const auto outside = [&](const Y& there) {
    return with_call<Outer, Y>(call.record.outer_call(call), [&](const auto&... last) -> Evaluation<S> {
      return outer(x, there, gradient, call.record.outer_y, last...);
    });
  };
  Evaluation<S> evaluation = outside(y);
  if (!evaluation.usable()) {
    gradient.setConstant(nan);
    return evaluation;
  }
  const bool inner_known = record.gradient.allFinite();
  if (!inner_known || !call.record.outer_y.allFinite() || !gradient.allFinite()) {
    gradient.setConstant(nan);
    evaluation.verdict = Verdict::not_differentiable;
    evaluation.reason = inner_known ? Reason::non_finite_gradient : Reason::inner_failed;
    return evaluation;
  }

  if (call.memory.response.adjoint_known)
    record.adjoint = call.memory.response.adjoint;
  else
    record.adjoint.setZero(y.size());
  Certificate c;
  AdjointSettings settings = method.adjoint_settings();
  // Who asks for less gets the adjoint, and differentiates the inner solution, no better than that.
  settings.tolerance = std::max(settings.tolerance, call.tolerance);
  settings.accept_residual = std::max(settings.accept_residual, 2 * call.tolerance);
  settings.accept_distance = std::max(settings.accept_distance, 2 * call.tolerance);
  using Place = std::remove_cvref_t<decltype(response.objective)>;
  constexpr bool restricted = R::template Types<X>::restricted;
  [[maybe_unused]] const Y* at = &y;  // where the derivatives are taken
  [[maybe_unused]] S t = 0;           // the step of the fixed point that stands for a regularized problem
  if constexpr (restricted) {
    static_assert(
        !Regularized<F, Y> || !(Bounded<F, Y> || Constrained<F, Y>),
        "mesaopt: Implicit differentiates through a regularizer, or through bounds and constraints, not both");
    if constexpr (Regularized<F, Y>) {
      c = proximal_adjoint(settings, f, y, record, call.record.outer_y, t);
    } else {
      c = restricted_adjoint(settings, f, y, record, call.record.outer_y);
      // Where the solution can be told from the point that was found, it is there that the derivatives are taken.
      if (c.verdict == Verdict::fine && c.distance > std::sqrt(double(std::numeric_limits<S>::epsilon()))) {
        auto& corrected = record.restricted.corrected;
        corrected = y + record.restricted.constraints.step;
        if constexpr (Bounded<F, Y>) {
          const auto& box = f.box();
          corrected = corrected.cwiseMax(box.lower).cwiseMin(box.upper);
        }
        differentiate(corrected);
        evaluation = outside(corrected);
        if (record.gradient.allFinite() && evaluation.usable() && gradient.allFinite() &&
            call.record.outer_y.allFinite()) {
          c = restricted_adjoint(settings, f, corrected, record, call.record.outer_y);
          at = &corrected;
        } else {
          c.verdict = Verdict::not_differentiable;
          c.reason = Reason::inner_not_converged;
        }
      }
    }
  } else {
    const AdjointSystem<Place, F, X, Y, std::remove_cvref_t<decltype(record)>> system{
        settings, response.objective, f, x, y, record, call.record.outer_y};
    c = method.solve_adjoint(system, call.record.hypergradient);
  }
  evaluation.certificate = c;
  if (c.verdict == Verdict::not_differentiable) {
    gradient.setConstant(nan);
    evaluation.verdict = c.verdict;
    evaluation.reason = c.reason;
    return evaluation;
  }
  record.adjoint_known = true;
  if (const auto slope = double(record.gradient.norm()); slope > 0 && c.distance > 0) record.reach = c.distance / slope;
  S error = 0;  // to first order, what F changes by when the inner run is brought to its end
  if constexpr (restricted && Regularized<F, Y>) {
    proximal_mixed_product(response.objective, x, y, t, call.record.mixed, record);
    error = std::abs(record.adjoint.dot(record.step));
  } else if constexpr (restricted) {
    restricted_mixed_product(response.objective, x, *at, call.record.mixed, record);
    error = std::abs(record.adjoint.dot(record.gradient));
  } else {
    mixed_product(response.objective, x, y, record.adjoint, call.record.mixed, record.moved, record.scratch, calls);
    error = std::abs(record.adjoint.dot(record.gradient));
  }
  gradient -= call.record.mixed;
  if (!gradient.allFinite()) {
    gradient.setConstant(nan);
    evaluation.verdict = evaluation.certificate.verdict = Verdict::not_differentiable;
    evaluation.reason = evaluation.certificate.reason = Reason::non_finite_gradient;
    return evaluation;
  }
  evaluation.value_error += error;
  evaluation.gradient_error += S(c.distance + c.adjoint_residual) * gradient.norm();
  if (c.verdict == Verdict::fine && (c.distance > 1e-6 || c.adjoint_residual > 1e-6))
    evaluation.certificate.verdict = Verdict::inexact;
  evaluation.verdict = std::max(evaluation.verdict, evaluation.certificate.verdict);
  if (c.reason != Reason::none) evaluation.reason = c.reason;
  return evaluation;
}

}  // namespace mesaopt::detail

namespace mesaopt {

/// What is asked of an adjoint, and what is refused, whatever solves for it.
struct AdjointDemands {
  double tolerance = 1e-12;         ///< relative residual of the adjoint asked of what iterates
  double accept_residual = 1e-4;    ///< a larger relative residual is refused
  double accept_distance = 1e-2;    ///< a larger distance to the inner solution, relative to max(1, |y|), is refused
  std::int64_t max_iterations = 0;  ///< of Krylov methods; 0: twice the inner variables, at least 20
};

/// The hypergradient by the implicit function theorem, as `Implicit`, by the given solver of its linear system. See
/// `implicit`.
template <class Solver>
struct ImplicitBy {
  Solver solver{};
  AdjointDemands demands{};

  template <class Y>
  struct ScratchOf {
    using type = detail::Empty;
  };
  template <class Y>
  requires requires { typename Solver::template Scratch<Y>; }
  struct ScratchOf<Y> {
    using type = typename Solver::template Scratch<Y>;
  };
  template <class, class R, Point X>
  using Memory = Workspace<typename ScratchOf<typename R::template Y<X>>::type>;

  /// Throws std::invalid_argument for a setting out of its range.
  void check() const {
    const auto& d = demands;
    if (!(d.tolerance >= 0)) detail::refuse("AdjointDemands::tolerance", d.tolerance, "it must be 0 or more");
    if (!(d.accept_residual > 0))
      detail::refuse("AdjointDemands::accept_residual", d.accept_residual, "it must be more than 0");
    if (!(d.accept_distance > 0))
      detail::refuse("AdjointDemands::accept_distance", d.accept_distance, "it must be more than 0");
    if (d.max_iterations < 0)
      detail::refuse("AdjointDemands::max_iterations", double(d.max_iterations), "it must be 0 or more");
    if constexpr (requires { solver.check(); }) solver.check();
  }

  /// Solves the inner problem at x, fills the gradient of F(x) = outer(x, y(x)), and answers F(x) with its certificate.
  template <class Outer, class R, Point X, class M>
  Evaluation<ScalarOf<X>> pull(const Outer& outer, const R& response, const X& x, const Call<M>& call,
                               X& gradient) const {
    static_assert(!R::template Types<X>::restricted,
                  "mesaopt: inner problems with bounds, constraints or a regularizer have adjoints of their own: write "
                  "Implicit{} for implicit(...)");
    return detail::implicit_pull(*this, outer, response, x, call, gradient);
  }

  [[nodiscard]] detail::AdjointSettings adjoint_settings() const {
    return {demands.tolerance, demands.accept_residual, demands.accept_distance, 0, demands.max_iterations};
  }
  template <class System, class Scratch>
  Certificate solve_adjoint(const System& system, Scratch& scratch) const {
    return solver(system, scratch);
  }
};

/// The hypergradient by the implicit function theorem with the solver of your choice: CholeskyAdjoint, LdltAdjoint,
/// ConjugateGradientAdjoint, MinresAdjoint, GmresAdjoint, NeumannAdjoint.
///
///     nested(outer, training, implicit(NeumannAdjoint{.terms = 20}, {.accept_residual = 0.5}))
///
/// It is for inner problems without bounds, constraints or regularizers. `Implicit` chooses between the first and the
/// third by itself.
template <class Solver>
ImplicitBy<Solver> implicit(Solver solver, AdjointDemands demands = {}) {
  return {std::move(solver), demands};
}

}  // namespace mesaopt
