#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>

#include <Eigen/Core>

#include <mesaopt/core/evaluation.hpp>
#include <mesaopt/core/stopping.hpp>
#include <mesaopt/nested/conjugate_gradient.hpp>
#include <mesaopt/nested/proximal_adjoint.hpp>
#include <mesaopt/nested/response.hpp>
#include <mesaopt/nested/restricted_adjoint.hpp>

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
                               X& gradient) const;

 private:
  /// Solves for the adjoint with the true Hessian; fills certificate, `value_error` through the record.
  template <class F, class Record, class Y>
  Certificate solve_adjoint(const F& f, const Y& y, Record& record, const Y& right, bool exact_factor) const;
  template <class Place, class F, class Record, class X, class Y>
  Certificate solve_gauss_newton(const Place& place, const F& f, const X& x, const Y& y, Record& record,
                                 const Y& right) const;
};

namespace detail {

template <class Place, class X, class Y, class F>
inline constexpr bool has_gauss_newton = requires(const Place& place, const X& x, const Y& y, Y& out) {
  place.g.gauss_newton_product(x, y, y, out);
}
|| requires(const Place& place, const X& x, const Y& y, Y& out, const Call<MemoryOf<F, Y>>& call) {
  place.g.gauss_newton_product(x, y, y, out, call);
};

/// out = ∂/∂x (∂g/∂y · v): the family's own `mixed_product`, else central differences of gradients, one coordinate of x
/// after the other.
template <class Place, Point X, Point Y, class C>
void mixed_product(const Place& place, const X& x, const Y& y, const Y& v, X& out, X& moved, Y& scratch, C& calls) {
  using S = ScalarOf<Y>;
  using F = PlacedOf<Place, X>;
  out.setZero(x.size());
  if constexpr (!depends_on_outer<Place>) {
    return;
  } else if constexpr (!Remembers<F, Y> && requires { place.g.mixed_product(x, y, v, out); }) {
    ++calls.counts[0].hessian_products;
    place.g.mixed_product(x, y, v, out);
  } else if constexpr (Remembers<F, Y> &&
                       requires(const Call<MemoryOf<F, Y>>& call) { place.g.mixed_product(x, y, v, out, call); }) {
    ++calls.counts[0].hessian_products;
    calls.make([&](const auto& call) { place.g.mixed_product(x, y, v, out, call); });
  } else {
    scratch.resize(y.size());
    moved = x;
    for (Eigen::Index j = 0; j < x.size(); ++j) {
      const S h = std::cbrt(std::numeric_limits<S>::epsilon()) * std::max(S(1), std::abs(x[j]));
      calls.counts[0].gradients += 2;
      moved[j] = x[j] + h;
      calls.make([&](const auto& call) { evaluate_gradient(placed(place, moved), y, scratch, call); });
      const S above = scratch.dot(v);
      moved[j] = x[j] - h;
      calls.make([&](const auto& call) { evaluate_gradient(placed(place, moved), y, scratch, call); });
      out[j] = (above - scratch.dot(v)) / (2 * h);
      moved[j] = x[j];
    }
  }
}

inline constexpr auto unpreconditioned = [](const auto& r, auto& z) { z = r; };

}  // namespace detail

template <class F, class Record, class Y>
Certificate Implicit::solve_adjoint(const F& f, const Y& y, Record& record, const Y& right, bool exact_factor) const {
  using S = ScalarOf<Y>;
  const S epsilon = std::numeric_limits<S>::epsilon();
  auto& calls = record.run.state.calls;
  Certificate c;
  const auto n = y.size();
  const S scale = std::max(S(1), y.norm()), size = right.norm();
  c.stationarity = double(record.gradient.template lpNorm<Eigen::Infinity>());
  const auto refuse = [&](Reason reason) {
    c.verdict = Verdict::not_differentiable;
    c.reason = reason;
  };
  const S noise = detail::hessian_noise<F, Y>();
  const bool dense = n <= dense_limit && (detail::HasHessian<F, Y> || n <= 16);

  if (dense || exact_factor) {
    if (!exact_factor) {
      calls.hessian(f, y, record.hessian);
      record.factor = record.hessian;
      ++calls.counts[0].factorizations;
      record.factored = record.factor_exact =
          record.hessian.allFinite() && detail::factorize(record.factor, true, noise);
    }
    const auto& H = record.hessian;
    if (!H.allFinite()) {
      refuse(Reason::inner_failed);
      return c;
    }
    if (record.factored) {
      record.adjoint = right;
      detail::solve_factorized(record.factor, record.adjoint);
      // One step of refinement makes the residual as small as the arithmetic allows.
      record.scratch.noalias() = H.template selfadjointView<Eigen::Lower>() * record.adjoint;
      record.scratch = right - record.scratch;
      c.adjoint_residual = size > 0 ? double(record.scratch.norm() / size) : 0.0;
      detail::solve_factorized(record.factor, record.scratch);
      record.adjoint += record.scratch;
      record.step = -record.gradient;
      detail::solve_factorized(record.factor, record.step);
      c.distance = double(record.step.norm() / scale);
      // |H| by its largest column sum, |H⁻¹| by inverse iteration.
      record.scratch.setOnes(n);
      S inverse = 0;
      for (int i = 0; i < 3; ++i) {
        record.scratch /= record.scratch.norm();
        detail::solve_factorized(record.factor, record.scratch);
        inverse = record.scratch.norm();
      }
      c.condition = double(H.cwiseAbs().colwise().sum().maxCoeff() * inverse);
    } else {
      // Singular or indefinite? Shifted by what rounding may have taken, a singular Hessian has a factorization; it
      // serves as preconditioner, and the residual tells whether the system has a solution.
      const S largest = H.cwiseAbs().colwise().sum().maxCoeff();
      const S zero = std::max(10 * S(n) * epsilon, noise) * largest;
      record.factor = H;
      record.factor.diagonal().array() += zero;
      ++calls.counts[0].factorizations;
      if (!(zero > 0) || !detail::factorize(record.factor, false)) {
        refuse(zero > 0 ? Reason::inner_indefinite : Reason::adjoint_inconsistent);
        return c;
      }
      record.adjoint.setZero(n);
      const auto outcome = detail::conjugate_gradient(
          right, record.adjoint, record.linear, tolerance, std::uint64_t(std::max<Eigen::Index>(20, 2 * n)),
          [&](const Y& p, Y& q) { q.noalias() = H.template selfadjointView<Eigen::Lower>() * p; },
          [&](const Y& r, Y& z) {
            z = r;
            detail::solve_factorized(record.factor, z);
          },
          std::max(S(n) * epsilon, noise), largest);
      calls.counts[0].linear_iterations += outcome.iterations;
      record.step = -record.gradient;
      detail::solve_factorized(record.factor, record.step);
      c.adjoint_residual = double(outcome.residual);
      c.distance = double(record.step.norm() / scale);
      c.condition = std::numeric_limits<double>::infinity();
      if (!(c.adjoint_residual <= accept_residual)) {
        refuse(Reason::adjoint_inconsistent);
        return c;
      }
    }
  } else {
    const auto limit = std::uint64_t(max_iterations > 0 ? max_iterations : std::max<Eigen::Index>(20, 2 * n));
    const auto apply = [&](const Y& p, Y& q) { calls.hessian_product(f, y, p, q); };
    const bool preconditioned = record.factored;
    const auto solve = [&](const Y& b, Y& solution) {
      const auto outcome = detail::conjugate_gradient(
          b, solution, record.linear, tolerance, limit, apply,
          [&](const Y& r, Y& z) {
            z = r;
            if (preconditioned) detail::solve_factorized(record.factor, z);
          },
          noise);
      calls.counts[0].linear_iterations += outcome.iterations;
      return outcome;
    };
    auto outcome = solve(right, record.adjoint);
    c.adjoint_residual = double(outcome.residual);
    if (outcome.most == 0 && !outcome.negative_curvature) {
      // The previous adjoint serves as it is, so no curvature was met, without which nothing is known of the distance.
      record.step.setZero(n);
      outcome = solve(size > 0 ? right : record.gradient, record.step);
      outcome.residual = S(c.adjoint_residual);
    }
    c.condition = outcome.most > 0 ? double(outcome.most / outcome.least) : 0.0;
    c.distance = outcome.most > 0 ? double(record.gradient.norm() / outcome.least / scale) : double(c.stationarity);
    if (outcome.negative_curvature) {
      refuse(Reason::inner_indefinite);
      return c;
    }
    if (!(outcome.residual <= S(accept_residual))) {
      // Rounding of the curvature shows as zero curvature before the residual has vanished: there is no solution.
      refuse(outcome.iterations < limit ? Reason::adjoint_inconsistent : Reason::adjoint_not_converged);
      return c;
    }
  }
  if (!(c.distance <= accept_distance) || !record.adjoint.allFinite()) refuse(Reason::inner_not_converged);
  return c;
}

template <class Place, class F, class Record, class X, class Y>
Certificate Implicit::solve_gauss_newton(const Place& place, const F&, const X& x, const Y& y, Record& record,
                                         const Y& right) const {
  using S = ScalarOf<Y>;
  auto& calls = record.run.state.calls;
  const auto product = [&](const Y& p, Y& q) {
    ++calls.counts[0].hessian_products;
    calls.make([&](const auto& call) {
      if constexpr (Remembers<F, Y>)
        place.g.gauss_newton_product(x, y, p, q, call);
      else
        place.g.gauss_newton_product(x, y, p, q);
    });
  };
  Certificate c;
  c.stationarity = double(record.gradient.template lpNorm<Eigen::Infinity>());
  // The curvature along the right-hand side sets the scale of the damping.
  record.scratch.resize(y.size());
  product(right, record.scratch);
  const S size = right.squaredNorm();
  const S damp = size > 0 ? S(damping) * right.dot(record.scratch) / size : S(damping);
  const auto apply = [&](const Y& p, Y& q) {
    product(p, q);
    q += damp * p;
  };
  const auto limit = std::uint64_t(max_iterations > 0 ? max_iterations : std::max<Eigen::Index>(20, 2 * y.size()));
  const auto outcome = detail::conjugate_gradient(right, record.adjoint, record.linear, std::max(tolerance, 1e-6),
                                                  limit, apply, detail::unpreconditioned);
  calls.counts[0].linear_iterations += outcome.iterations;
  c.adjoint_residual = double(outcome.residual);
  c.condition = outcome.most > 0 ? double(outcome.most / outcome.least) : 0.0;
  c.distance = outcome.most > 0 ? double(record.gradient.norm() / outcome.least / std::max(S(1), y.norm())) : 0.0;
  c.verdict = Verdict::inexact;
  c.reason = Reason::gauss_newton_adjoint;
  if (!record.adjoint.allFinite() || !(c.adjoint_residual < 1)) {
    c.verdict = Verdict::not_differentiable;
    c.reason = Reason::adjoint_not_converged;
  }
  return c;
}

template <class Outer, class R, Point X, class M>
Evaluation<ScalarOf<X>> Implicit::pull(const Outer& outer, const R& response, const X& x, const Call<M>& call,
                                       X& gradient) const {
  using S = ScalarOf<X>;
  using Y = typename R::template Y<X>;
  using F = typename R::template Types<X>::Objective;
  static_assert(Differentiable<F, Y>,
                "mesaopt: Implicit needs the gradient of the inner objective: give g(x, y, gradient), or wrap it in "
                "finite_difference or forward_mode");
  static_assert(!Constrained<F, Y> || DifferentiableConstraints<F, Y>,
                "mesaopt: Implicit needs the Jacobian of the inner constraints: give g.constraints(x, y, c, J) beside "
                "g.constraints(x, y, c)");
  check();
  auto& record = call.record.response;
  const auto nan = std::numeric_limits<S>::quiet_NaN();
  response.solve(x, call.memory.response, record);
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
  const auto& f = detail::placed(response.objective, x);
  const Y& y = best_point(run);

  // The inner gradient at y: at hand unless the best point is not the last one, or the inner optimizer uses none.
  bool known = false;
  if constexpr (requires { run.state.gradient; } && detail::is_monotone<std::remove_cvref_t<decltype(run.state)>>) {
    record.gradient = run.state.gradient;
    known = true;
  }
  const auto differentiate = [&](const Y& there) {
    record.gradient.resize(y.size());
    ++calls.counts[0].gradients;
    calls.make([&](const auto& inner) { detail::evaluate_gradient(f, there, record.gradient, inner); });
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
    return detail::with_call<Outer, Y>(call.record.outer_call(call), [&](const auto&... last) -> Evaluation<S> {
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
  const bool exact_factor = record.factored && record.factor_exact;
  using Place = std::remove_cvref_t<decltype(response.objective)>;
  constexpr bool restricted = R::template Types<X>::restricted;
  [[maybe_unused]] const Y* at = &y;  // where the derivatives are taken
  constexpr bool offers_gauss_newton = !restricted && detail::has_gauss_newton<Place, X, Y, F>;
  [[maybe_unused]] S t = 0;  // the step of the fixed point that stands for a regularized problem
  if constexpr (restricted) {
    static_assert(
        !Regularized<F, Y> || !(Bounded<F, Y> || Constrained<F, Y>),
        "mesaopt: Implicit differentiates through a regularizer, or through bounds and constraints, not both");
    const detail::AdjointSettings settings{tolerance, accept_residual, accept_distance, dense_limit, max_iterations};
    if constexpr (Regularized<F, Y>) {
      c = detail::proximal_adjoint(settings, f, y, record, call.record.outer_y, t);
    } else {
      c = detail::restricted_adjoint(settings, f, y, record, call.record.outer_y);
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
          c = detail::restricted_adjoint(settings, f, corrected, record, call.record.outer_y);
          at = &corrected;
        } else {
          c.verdict = Verdict::not_differentiable;
          c.reason = Reason::inner_not_converged;
        }
      }
    }
  } else if (!offers_gauss_newton || gauss_newton != GaussNewton::always) {
    c = solve_adjoint(f, y, record, call.record.outer_y, exact_factor);
  }
  if constexpr (offers_gauss_newton) {
    if (gauss_newton == GaussNewton::always ||
        (gauss_newton == GaussNewton::when_needed && c.verdict == Verdict::not_differentiable)) {
      record.adjoint.setZero(y.size());
      c = solve_gauss_newton(response.objective, f, x, y, record, call.record.outer_y);
    }
  }
  evaluation.certificate = c;
  if (c.verdict == Verdict::not_differentiable) {
    gradient.setConstant(nan);
    evaluation.verdict = c.verdict;
    evaluation.reason = c.reason;
    return evaluation;
  }
  record.adjoint_known = true;
  S error = 0;  // to first order, what F changes by when the inner run is brought to its end
  if constexpr (restricted && Regularized<F, Y>) {
    detail::proximal_mixed_product(response.objective, x, y, t, call.record.mixed, record);
    error = std::abs(record.adjoint.dot(record.step));
  } else if constexpr (restricted) {
    detail::restricted_mixed_product(response.objective, x, *at, call.record.mixed, record);
    error = std::abs(record.adjoint.dot(record.gradient));
  } else {
    detail::mixed_product(response.objective, x, y, record.adjoint, call.record.mixed, record.moved, record.scratch,
                          calls);
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

}  // namespace mesaopt
