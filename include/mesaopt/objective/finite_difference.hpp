#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include <Eigen/Core>

#include <mesaopt/core/counts.hpp>
#include <mesaopt/core/evaluation.hpp>
#include <mesaopt/core/objective.hpp>
#include <mesaopt/core/stopping.hpp>
#include <mesaopt/objective/wrapped.hpp>

namespace mesaopt {

/// How derivatives are taken from differences, and with which steps. Accuracies are relative to the objective's own
/// scale, for smooth objectives computed to rounding (ε = 2e-16 in double, 1e-7 in float).
struct Differences {
  bool central =
      true;  ///< (f(x+h) − f(x−h)) / 2h, error about ε^(2/3) for 2n values; else (f(x+h) − f(x)) / h, ε^(1/2) for n
  double typical = 1;  ///< coordinates smaller than this take steps as if they were of this size
  double noise = 0;    ///< relative error of a value, if larger than rounding: steps grow with it

  /// Throws std::invalid_argument for a setting out of its range.
  void check() const {
    if (!(typical > 0)) detail::refuse("Differences::typical", typical, "it must be more than 0");
    if (!(noise >= 0 && noise < 1)) detail::refuse("Differences::noise", noise, "it must be in [0, 1)");
  }
};

namespace detail {

/// What a gradient by differences needs: for each coordinate, derivative = (sum − weight · f(x)) / width.
template <Point X>
struct DifferenceScratch {
  X moved{}, weight{}, width{}, unused{}, gradient{}, point{};
};

}  // namespace detail

/// An objective with the derivatives that it lacks, from differences. See `finite_difference`.
template <class F>
struct FiniteDifference {
  F f;
  Differences settings{};

  static constexpr bool quadratic = is_quadratic<F>;
  static constexpr bool stochastic = is_stochastic<F>;

  template <class X>
  using Memory = detail::WrappedMemory<MemoryOf<F, X>, detail::DifferenceScratch<X>>;

  /// f(x).
  template <Point X>
  requires Objective<F, X> Evaluation<ScalarOf<X>>
  operator()(const X& x, const Call<Memory<X>>& call) const {
    return detail::evaluate(f, x, call.record.scratch.unused, Inner<X>(call));
  }

  /// f(x) and its gradient: f's own, else by differences. An entry that cannot be had is NaN.
  template <Point X>
  requires Objective<F, X> Evaluation<ScalarOf<X>>
  operator()(const X& x, X& gradient, const Call<Memory<X>>& call) const {
    if constexpr (Differentiable<F, X>)
      return detail::evaluate_gradient(f, x, gradient, Inner<X>(call));
    else
      return differences(x, gradient, call);
  }

  /// out = (second derivative at x) v: f's own, else by central differences of gradients along v. From values alone the
  /// error is about ε^(4/9), 1e-7 in double.
  template <Point X>
  requires Objective<F, X>
  void hessian_product(const X& x, const X& v, X& out, const Call<Memory<X>>& call) const {
    using S = ScalarOf<X>;
    if constexpr (detail::HasHessianProduct<F, X>) {
      detail::evaluate_hessian_product(f, x, v, out, Inner<X>(call));
    } else {
      constexpr bool exact = Differentiable<F, X>;
      auto& scratch = call.record.scratch;
      Counts& cost = call.record.cost;
      const S norm = v.norm();
      out.setZero(x.size());
      if (!(norm > 0)) return;
      const S size = std::max(S(settings.typical), x.template lpNorm<Eigen::Infinity>());
      const S h = std::pow(precision<S>(), exact ? S(1) / 3 : S(2) / 9) * size / v.template lpNorm<Eigen::Infinity>();
      scratch.gradient.resize(x.size());
      for (const S sign : {S(1), S(-1)}) {
        scratch.point = x + sign * h * v;
        ++(exact ? cost.gradients : cost.values);
        (*this)(scratch.point, scratch.gradient, call);
        out += sign * scratch.gradient;
      }
      out /= 2 * h;
    }
  }

  /// H = second derivative at x, where f gives it.
  template <Point X>
  requires detail::HasHessian<F, X>
  void hessian(const X& x, MatrixOf<X>& H, const Call<Memory<X>>& call) const {
    detail::evaluate_hessian(f, x, H, Inner<X>(call));
  }

  /// The bounds of f, which differences respect.
  decltype(auto) box() const requires requires { f.box(); }
  { return f.box(); }

 private:
  template <class X>
  using Inner = detail::WrappedCall<MemoryOf<F, X>, detail::DifferenceScratch<X>>;

  template <class S>
  S precision() const {
    return std::max(S(settings.noise), std::numeric_limits<S>::epsilon());
  }

  template <class X>
  Evaluation<ScalarOf<X>> differences(const X& x, X& gradient, const Call<Memory<X>>& call) const {
    using S = ScalarOf<X>;
    auto& scratch = call.record.scratch;
    const S relative = settings.central ? std::cbrt(precision<S>()) : std::sqrt(precision<S>());
    scratch.weight.resize(x.size());
    scratch.width.resize(x.size());
    scratch.moved = x;
    for (Eigen::Index i = 0; i < x.size(); ++i) {
      const S h = std::copysign(relative * std::max(std::abs(x[i]), S(settings.typical)), x[i]);
      // Steps are what floating point makes of them, so that the quotient's denominator is exact.
      const Sample<S> ahead = sample(x, i, h, call);
      S &sum = gradient[i], &weight = scratch.weight[i], &width = scratch.width[i];
      if (!settings.central && ahead.usable) {
        sum = ahead.value;
        weight = 1;
        width = ahead.step;
        continue;
      }
      const Sample<S> behind = sample(x, i, -h, call);
      if (ahead.usable && behind.usable) {
        sum = ahead.value - behind.value;
        weight = 0;
        width = ahead.step - behind.step;
      } else if (const Sample<S>& near = ahead.usable ? ahead : behind; near.usable) {
        // The parabola through f(x) and two values on the good side is as accurate as a central difference.
        const Sample<S> far = settings.central ? sample(x, i, 2 * near.step, call) : Sample<S>{};
        const S ratio = far.usable ? far.step / near.step : S(0);
        sum = far.usable ? near.value * ratio - far.value / ratio : near.value;
        weight = far.usable ? ratio - 1 / ratio : S(1);
        width = far.usable ? far.step - near.step : near.step;
      } else {
        sum = std::numeric_limits<S>::quiet_NaN();
        weight = 0;
        width = 1;
      }
    }
    // The point itself comes last, so that the wrapped objective's record is the one of x.
    Evaluation<S> evaluation = detail::evaluate(f, x, scratch.unused, Inner<X>(call));
    if (!evaluation.usable()) return evaluation;
    gradient.array() = (gradient.array() - scratch.weight.array() * evaluation.value) / scratch.width.array();
    evaluation.gradient_error =
        (std::max(precision<S>() * std::abs(evaluation.value), evaluation.value_error) / scratch.width.array().abs())
            .matrix()
            .norm();
    if (!gradient.allFinite()) {
      evaluation.verdict = std::max(evaluation.verdict, Verdict::not_differentiable);
      evaluation.reason = Reason::non_finite_gradient;
    }
    return evaluation;
  }

  template <class S>
  struct Sample {
    S value = 0, step = 0;
    bool usable = false;
  };

  /// f where coordinate i is moved by h.
  template <class X, class S = ScalarOf<X>>
  Sample<S> sample(const X& x, Eigen::Index i, S h, const Call<Memory<X>>& call) const {
    auto& scratch = call.record.scratch;
    const S there = x[i] + h;
    if constexpr (requires { f.box(); }) {
      if (there < f.box().lower[i] || there > f.box().upper[i]) return {};
    }
    scratch.moved[i] = there;
    ++call.record.cost.values;
    const Evaluation<S> evaluation = detail::evaluate(f, scratch.moved, scratch.unused, Inner<X>(call));
    scratch.moved[i] = x[i];
    return {evaluation.value, there - x[i], evaluation.usable()};
  }
};

template <class F>
FiniteDifference(F) -> FiniteDifference<F>;
template <class F>
FiniteDifference(F, Differences) -> FiniteDifference<F>;

/// The objective f with the derivatives that it lacks: a gradient from its values, Hessian products from its gradients.
///
///     minimize(finite_difference(f), x0, Lbfgs{});
///
/// Steps are relative to max(|x_i|, typical), of size ε^(1/3) (central) or ε^(1/2) (one-sided). Where a neighbour has
/// no finite value or lies outside of the bounds of f, the difference is taken on the other side alone, to the same
/// order. The evaluation's `gradient_error` estimates the effect of rounding, or of `noise`. Values spent are counted
/// as values, besides the one gradient that was asked for; all of them carry the index of that call, so random
/// objectives are differenced under common random numbers. An evaluation limit is looked at between gradients, not
/// within one: the last one may exceed it by its values, 2n, or 3n beside values that are not finite; a product with
/// the Hessian by two gradients with theirs, a Hessian by n of these. Nocedal & Wright (2006), "Numerical
/// Optimization", section 8.1. Throws std::invalid_argument for settings out of range.
template <class F>
FiniteDifference<F> finite_difference(F f, Differences settings = {}) {
  settings.check();
  return {std::move(f), settings};
}

}  // namespace mesaopt
