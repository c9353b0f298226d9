#pragma once

#include <tuple>

#include <mesaopt/core/search.hpp>
#include <mesaopt/gradient/first_order.hpp>
#include <mesaopt/gradient/fused.hpp>
#include <mesaopt/gradient/schedule.hpp>

namespace mesaopt {

/// Gradient descent with a given learning rate:  x ← x − α g.
///
/// One gradient a step; the value may rise, and does for good where α is above 2/L, L the largest curvature. A step
/// into where the objective is not finite is halved, up to ten times. With mini_batches(f, ...) this is stochastic
/// gradient descent (SGD). T is the number type of the settings: see GradientDescent, the alias for double. Cauchy
/// (1847); Robbins & Monro (1951).
template <class T>
struct BasicGradientDescent {
  T learning_rate = T(1e-2);  ///< α, more than 0
  T weight_decay = T(0);      ///< decoupled, 0 or more: see FirstOrderState
  Schedule schedule{};        ///< factor on the learning rate

  static constexpr bool needs_gradient = true;
  template <Point X>
  struct Memory {
    static constexpr std::tuple<> fields() { return {}; }
  };
  template <Point X, class M = Nothing>
  using State = FirstOrderState<BasicGradientDescent, X, M>;

  /// The gradient below 1e-6, at most 10 000 iterations.
  [[nodiscard]] auto default_stopping() const { return GradientBelow{1e-6} || MaxIterations{10000}; }

  /// Throws std::invalid_argument for a setting out of its range.
  void check() const { detail::check_first_order(*this, "GradientDescent"); }

  template <class F, Start P, class M>
  requires Differentiable<F, PointOf<P>>
  void init(const F& f, const P& start, State<PointOf<P>, M>& state) const {
    detail::first_order_init(*this, f, start, state);
  }
  template <class F, Point X, class M>
  requires Differentiable<F, X>
  void step(const F& f, State<X, M>& state) const { detail::first_order_step(*this, f, state); }

  template <Point X>
  void begin(const X&, Memory<X>&) const {}
  template <Point X>
  void propose(const X& x, const X& gradient, const T& rate, Memory<X>&, X& next) const {
    using S = ScalarOf<X>;
    detail::with_decay<S>(rate, weight_decay, [&](const auto& keep) { next = keep * x - S(rate) * gradient; });
  }
};

using GradientDescent = BasicGradientDescent<double>;

}  // namespace mesaopt
