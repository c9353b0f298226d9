#pragma once

#include <algorithm>
#include <tuple>

#include <Eigen/Core>

#include <mesaopt/core/constraints.hpp>
#include <mesaopt/core/evaluation.hpp>
#include <mesaopt/core/objective.hpp>
#include <mesaopt/core/residuals.hpp>
#include <mesaopt/objective/wrapped.hpp>

namespace mesaopt {

namespace detail {
template <Point X>
struct AugmentedScratch {
  ConstraintsOf<X> c{};
  JacobianOf<X> J{};
};
}  // namespace detail

/// The augmented Lagrangian of a constrained objective f, an objective without constraints:
///
///     f(x) + Σ (λᵢ cᵢ + ρ/2 cᵢ²)                          over equalities cᵢ = 0
///          + Σ (max(0, λᵢ + ρ cᵢ)² − λᵢ²) / 2ρ            over inequalities cᵢ <= 0
///
/// Its gradient is that of the Lagrangian with the multipliers λᵢ + ρ cᵢ, or max(0, λᵢ + ρ cᵢ). It refers to f and to
/// the multipliers. Nocedal & Wright (2006), "Numerical Optimization", eqs. 17.36 and 17.65.
template <class F, Point X>
struct Augmented {
  using S = ScalarOf<X>;
  template <class>
  using Memory = detail::WrappedMemory<MemoryOf<F, X>, detail::AugmentedScratch<X>>;

  const F& f;
  const ConstraintsOf<X>& multipliers;  ///< λ, one a constraint
  S penalty;                            ///< ρ, more than 0

  Evaluation<S> operator()(const X& x, const Call<Memory<X>>& call) const
      requires(detail::HasValue<F, X> || !DifferentiableConstraints<F, X>) {
    const detail::WrappedCall within(call);
    auto& c = call.record.scratch.c;
    prepare(c);
    X unused;
    Evaluation<S> evaluation = detail::evaluate(f, x, unused, within);
    if (!evaluation.usable()) return evaluation;
    ++call.record.cost.constraints;
    detail::evaluate_constraints(f, x, within, c);
    return add(evaluation, c);
  }

  Evaluation<S> operator()(const X& x, X& gradient, const Call<Memory<X>>& call) const
      requires(Differentiable<F, X>&& DifferentiableConstraints<F, X>) {
    const detail::WrappedCall within(call);
    auto& [c, J] = call.record.scratch;
    prepare(c);
    J.resize(c.size(), x.size());
    Evaluation<S> evaluation = detail::evaluate_gradient(f, x, gradient, within);
    if (!evaluation.usable()) return evaluation;
    ++call.record.cost.constraints;
    detail::evaluate_constraints(f, x, within, c, J);
    evaluation = add(evaluation, c);
    const auto equalities = Eigen::Index(f.equalities());
    for (Eigen::Index i = 0; i < c.size(); ++i) c[i] = shifted(i, c[i], equalities);
    gradient.noalias() += J.transpose() * c;
    return evaluation;
  }

  [[nodiscard]] decltype(auto) box() const requires requires(const F& g) { g.box(); }
  { return f.box(); }

  /// The multiplier that constraint i, of value c, has to first order.
  [[nodiscard]] S shifted(Eigen::Index i, S c, Eigen::Index equalities) const {
    const S multiplier = multipliers[i] + penalty * c;
    return i < equalities ? multiplier : std::max(S(0), multiplier);
  }

 private:
  void prepare(ConstraintsOf<X>& c) const { c.resize(multipliers.size()); }

  Evaluation<S> add(Evaluation<S> evaluation, const ConstraintsOf<X>& c) const {
    if (!c.allFinite()) return Evaluation<S>::failure(Reason::non_finite_constraint);
    const auto equalities = Eigen::Index(f.equalities());
    for (Eigen::Index i = 0; i < c.size(); ++i) {
      const S next = shifted(i, c[i], equalities);
      evaluation.value += i < equalities || next > 0 ? c[i] * (multipliers[i] + next) / 2
                                                     : -multipliers[i] * multipliers[i] / (2 * penalty);
    }
    return evaluation;
  }
};

}  // namespace mesaopt
