#pragma once

#include <algorithm>
#include <cstdint>
#include <tuple>
#include <type_traits>
#include <utility>

#include <Eigen/Core>

#include <mesaopt/core/calls.hpp>
#include <mesaopt/core/optimizer.hpp>
#include <mesaopt/core/prior.hpp>
#include <mesaopt/core/status.hpp>
#include <mesaopt/core/stopping.hpp>
#include <mesaopt/nested/inner_knowledge.hpp>

namespace mesaopt {

/// An outer optimizer that asks for inner solutions only as exact as it needs them: early steps are cheap.
///
///     minimize(nested(outer, response(..., warm(y0)), Implicit{}), x0, Inexact{Lbfgs{}})
///
/// It sets `calls.tolerance`, which a nested objective answers by ending inner run and adjoint as soon as they are
/// known that well. The tolerance begins at `first`, falls by `decay` at least from step to step, so that the
/// tolerances have a finite sum, as convergence asks for, and stays below `forcing` times the gradient's norm relative
/// to the first one. Pedregosa (2016), "Hyperparameter optimization with approximate gradient" (HOAG), algorithm 1 and
/// theorem 2.
///
/// A step is kept only if the value fell by more than the errors of both values, as the evaluations estimate them: the
/// outer objective itself then fell, not only what is known of it. Else it is taken back, and taken anew with both ends
/// known ten times better, in the end exactly, where the optimizer's own rules decide.
template <class O>
struct Inexact {
  O optimizer{};
  double first = 0.1;          ///< relative tolerance of the first steps
  double decay = 0.9;          ///< more than 0, less than 1
  double forcing = 0.1;        ///< tolerance over the relative norm of the gradient, at most
  double least = 1e-12;        ///< tolerances below are none
  std::uint64_t patience = 3;  ///< evaluations of a step, before it is taken anew with a tolerance ten times smaller

  static constexpr bool needs_gradient = true;
  static constexpr bool handles_bounds = detail::handles_bounds<O>;
  static constexpr bool handles_constraints = detail::handles_constraints<O>;

  template <Point X, class M = Nothing>
  struct State : O::template State<X, M> {
    using Base = typename O::template State<X, M>;
    ScalarOf<X> steepest = 0;  ///< norm of the first gradient
    Base before{};             ///< scratch: the state before the step
    X other{};                 ///< scratch
    static constexpr auto fields() { return std::tuple_cat(Base::fields(), std::tuple{&State::steepest}); }
  };

  [[nodiscard]] auto default_stopping() const { return optimizer.default_stopping(); }

  /// Throws std::invalid_argument for a setting out of its range.
  void check() const {
    if (!(first > 0)) detail::refuse("Inexact::first", first, "it must be more than 0");
    if (!(decay > 0 && decay < 1)) detail::refuse("Inexact::decay", decay, "it must be between 0 and 1");
    if (!(forcing > 0)) detail::refuse("Inexact::forcing", forcing, "it must be more than 0");
    if (!(least >= 0)) detail::refuse("Inexact::least", least, "it must be 0 or more");
    if (patience < 1) detail::refuse("Inexact::patience", double(patience), "it must be 1 or more");
  }

  template <class F, Start P, class M>
  requires Differentiable<F, PointOf<P>>
  void init(const F& f, const P& start, State<PointOf<P>, M>& state) const {
    using Base = typename State<PointOf<P>, M>::Base;
    check();
    state.calls.tolerance = first;
    optimizer.init(f, start, static_cast<Base&>(state));
    state.steepest = state.gradient.norm();
    for (auto* scratch : {&state.other, &state.before.x, &state.before.gradient}) scratch->resize(state.x.size());
    detail::copy_but_calls(static_cast<const Base&>(state), state.before);
  }

  template <class F, Point X, class M>
  requires Differentiable<F, X>
  void step(const F& f, State<X, M>& state) const {
    using Base = typename State<X, M>::Base;
    auto& base = static_cast<Base&>(state);
    double& tolerance = state.calls.tolerance;
    for (;;) {
      detail::copy_but_calls(static_cast<const Base&>(base), state.before);
      if (tolerance == 0) return optimizer.step(f, base);
      attempt(f, base);
      const auto& before = state.before;
      const bool fell = state.value + state.evaluation.value_error < before.value - before.evaluation.value_error;
      if (fell && state.status == Status::running) break;
      const bool spent = state.calls.exhausted();
      if (!fell) detail::copy_but_calls(state.before, base);
      if (spent) return;
      state.status = Status::running;
      if (!sharpen(f, state)) return;
    }
    // Known no better than it is long, a gradient says nothing.
    while (tolerance > 0 && tolerance * double(state.steepest) > double(state.gradient.norm()))
      if (!sharpen(f, state)) return;
    if (!(state.steepest > 0)) return;
    double wanted = std::min(decay * tolerance, forcing * double(state.gradient.norm() / state.steepest));
    // The next step will lower the value by about so much. If that is not far above the error, it had fallen in vain.
    const double before = double(state.before.gradient.squaredNorm()), now = double(state.gradient.squaredNorm());
    const double fall = double(state.before.value - state.value) * std::min(1.0, now / before);
    const double error = double(state.evaluation.value_error);
    const bool vague = 4 * error > fall;
    if (vague) wanted = std::min(wanted, tolerance * fall / (4 * error));
    tolerance = wanted >= least ? wanted : 0;
    if (vague) learn(f, state);
  }

 private:
  /// A step of few evaluations: where values and slopes contradict each other, a line search would look long for what
  /// is not there.
  template <class F, class Base>
  void attempt(const F& f, Base& base) const {
    struct Limit {
      Base& base;
      std::uint64_t whole = base.calls.limit;
      ~Limit() { base.calls.limit = whole; }
    } limit{base};
    base.calls.limit = std::min(limit.whole, base.calls.counts[0].evaluations() + patience);
    optimizer.step(f, base);
  }

  /// Learns value and gradient ten times better; false if that cannot be had.
  template <class F, Point X, class M>
  bool sharpen(const F& f, State<X, M>& state) const {
    double& tolerance = state.calls.tolerance;
    tolerance = tolerance > 10 * least ? tolerance / 10 : 0;
    return learn(f, state);
  }

  /// Learns value and gradient as well as the tolerance says.
  template <class F, Point X, class M>
  bool learn(const F& f, State<X, M>& state) const {
    const auto now = state.calls.gradient(f, state.x, state.other);
    if (now.reason == Reason::budget_spent) return false;
    if (!now.differentiable() || !state.other.allFinite()) {
      state.status = now.usable() ? Status::not_differentiable : Status::non_finite;
      return false;
    }
    state.calls.accept();
    state.gradient = state.other;
    state.value = now.value;
    state.evaluation = now;
    return true;
  }
};

template <class O>
Inexact(O) -> Inexact<O>;

}  // namespace mesaopt
