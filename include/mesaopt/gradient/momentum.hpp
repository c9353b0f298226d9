#pragma once

#include <cmath>
#include <tuple>
#include <type_traits>

#include <mesaopt/core/search.hpp>
#include <mesaopt/gradient/first_order.hpp>
#include <mesaopt/gradient/fused.hpp>
#include <mesaopt/gradient/schedule.hpp>

namespace mesaopt {

/// Gradient descent with momentum, the heavy ball:  x_{k+1} = x_k − α g(x_k) + β (x_k − x_{k−1}).
///
/// On a quadratic of curvatures from μ to L, α = 4/(√L + √μ)² and β = ((√κ − 1)/(√κ + 1))², κ = L/μ, are best: the
/// error falls by √β a step. Non-finite points are handled as by GradientDescent. T is the number type of the settings:
/// see Momentum, the alias for double.
/// Polyak (1964), "Some methods of speeding up the convergence of iteration methods".
template <class T>
struct BasicMomentum {
  T learning_rate = T(1e-2);  ///< α, more than 0
  T momentum = T(0.9);        ///< β, in [0, 1)
  T weight_decay = T(0);      ///< decoupled, 0 or more: see FirstOrderState
  Schedule schedule{};        ///< factor on the learning rate

  static constexpr bool needs_gradient = true;
  template <Point X>
  struct Memory {   // the state knows the last point anyway
    T kept = T(1);  ///< what the last step multiplied it by, for weight decay
    static constexpr auto fields() { return std::tuple{&Memory::kept}; }
  };
  template <Point X, class M = Nothing>
  using State = FirstOrderState<BasicMomentum, X, M>;

  /// The gradient below 1e-6, at most 10 000 iterations.
  [[nodiscard]] auto default_stopping() const { return GradientBelow{1e-6} || MaxIterations{10000}; }

  /// Throws std::invalid_argument for a setting out of its range.
  void check() const {
    detail::check_first_order(*this, "Momentum");
    detail::check_decay(momentum, "Momentum", "momentum");
  }

  template <class F, Start P, class M>
  requires Differentiable<F, PointOf<P>>
  void init(const F& f, const P& start, State<PointOf<P>, M>& state) const {
    detail::first_order_init(*this, f, start, state);
  }
  template <class F, Point X, class M>
  requires Differentiable<F, X>
  void step(const F& f, State<X, M>& state) const { detail::first_order_step(*this, f, state); }

  template <Point X>
  void begin(const X&, Memory<X>& memory) const {
    memory.kept = T(1);
  }
  /// next comes in as the point before x, which is x itself at the start.
  template <Point X>
  void propose(const X& x, const X& gradient, const T& rate, Memory<X>& memory, X& next) const {
    using S = ScalarOf<X>;
    detail::with_decay<S>(rate, weight_decay, [&]<class Keep>(const Keep& keep) {
      if constexpr (std::is_same_v<Keep, detail::One>)
        next = x + S(momentum) * (x - next) - S(rate) * gradient;
      else
        next = keep * x + S(momentum) * (x - S(memory.kept) * next) - S(rate) * gradient;
    });
    memory.kept = T(1) - rate * weight_decay;
  }
};

using Momentum = BasicMomentum<double>;

/// Nesterov's accelerated gradient: the gradient is taken where momentum is about to lead,
/// y_{k+1} = x_k − α g(x_k),  x_{k+1} = y_{k+1} + β_k (y_{k+1} − y_k).
///
/// With constant β_k for strongly convex objectives and networks: α = 1/L and β = (√κ − 1)/(√κ + 1) on curvatures from
/// L/κ to L. With `rising` for convex ones: β_k = (a_k − 1)/a_{k+1}, a_0 = 1, a_{k+1} = (1 + √(4a_k² + 1))/2, and α =
/// 1/L leave f(y_k) − f* ≤ 2L |x_0 − x*|² / (k + 1)². Non-finite points are handled as by GradientDescent. T is the
/// number type of the settings: see Nesterov, the alias for double. Nesterov (1983), "A method for solving the convex
/// programming problem with convergence rate O(1/k²)"; with constant momentum the form of Sutskever, Martens, Dahl &
/// Hinton (2013), eq. 3 and 4, whose θ + μv is x here.
template <class T>
struct BasicNesterov {
  T learning_rate = T(1e-2);  ///< α, more than 0
  T momentum = T(0.9);        ///< β, in [0, 1)
  T weight_decay = T(0);      ///< decoupled, 0 or more: see FirstOrderState
  bool rising = false;        ///< momentum rises from 0 towards 1 by itself
  Schedule schedule{};        ///< factor on the learning rate

  static constexpr bool needs_gradient = true;
  template <Point X>
  struct Memory {
    X y{};
    double a = 1;
    static constexpr auto fields() { return std::tuple{&Memory::y, &Memory::a}; }
  };
  template <Point X, class M = Nothing>
  using State = FirstOrderState<BasicNesterov, X, M>;

  /// The gradient below 1e-6, at most 10 000 iterations.
  [[nodiscard]] auto default_stopping() const { return GradientBelow{1e-6} || MaxIterations{10000}; }

  /// Throws std::invalid_argument for a setting out of its range.
  void check() const {
    detail::check_first_order(*this, "Nesterov");
    detail::check_decay(momentum, "Nesterov", "momentum");
  }

  template <class F, Start P, class M>
  requires Differentiable<F, PointOf<P>>
  void init(const F& f, const P& start, State<PointOf<P>, M>& state) const {
    detail::first_order_init(*this, f, start, state);
  }
  template <class F, Point X, class M>
  requires Differentiable<F, X>
  void step(const F& f, State<X, M>& state) const { detail::first_order_step(*this, f, state); }

  template <Point X>
  void begin(const X& x, Memory<X>& memory) const {
    memory.y = x;
    memory.a = 1;
  }
  template <Point X>
  void propose(const X& x, const X& gradient, const T& rate, Memory<X>& memory, X& next) const {
    using S = ScalarOf<X>;
    S beta = S(momentum);
    if (rising) {
      const double a = (1 + std::sqrt(4 * memory.a * memory.a + 1)) / 2;
      beta = S((memory.a - 1) / a);
      memory.a = a;
    }
    const S alpha = S(rate);
    detail::with_decay<S>(rate, weight_decay, [&](const auto& keep) {
      detail::fused(
          [=](const auto& here, const auto& g, auto& y, auto& there) {
            const auto ahead = keep * here - alpha * g;
            there = ahead + beta * (here - alpha * g - y);
            y = ahead;
          },
          x, gradient, memory.y, next);
    });
  }
};

using Nesterov = BasicNesterov<double>;

}  // namespace mesaopt
