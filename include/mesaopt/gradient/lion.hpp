#pragma once

#include <limits>
#include <tuple>
#include <type_traits>

#include <Eigen/Core>

#include <mesaopt/core/search.hpp>
#include <mesaopt/gradient/first_order.hpp>
#include <mesaopt/gradient/fused.hpp>
#include <mesaopt/gradient/schedule.hpp>

namespace mesaopt {

/// Lion: every coordinate moves by the learning rate, against the sign of its gradient smoothed over a few steps:
/// x ← x − α sign(β₁ m + (1 − β₁) g),  m ← β₂ m + (1 − β₂) g.
///
/// One gradient a step, and half the memory of Adam. As steps do not become shorter near a minimum, it needs a schedule
/// that ends at 0; its authors take learning rates 3 to 10 times smaller than for AdamW, and weight decays as much
/// larger. A coordinate whose smoothed gradient is 0 stays. Non-finite points are handled as by GradientDescent. T is
/// the number type of the settings: see Lion, the alias for double.
/// Chen et al. (2023), "Symbolic discovery of optimization algorithms", algorithm 2.
template <class T>
struct BasicLion {
  T learning_rate = T(1e-4);  ///< α, more than 0
  T beta1 = T(0.9);           ///< weight of the mean in the step's sign, in [0, 1)
  T beta2 = T(0.99);          ///< decay of the mean, in [0, 1)
  T weight_decay = T(0);      ///< decoupled, 0 or more: see FirstOrderState
  Schedule schedule{};        ///< factor on the learning rate

  static constexpr bool needs_gradient = true;
  template <Point X>
  struct Memory {
    X mean{};
    static constexpr auto fields() { return std::tuple{&Memory::mean}; }
  };
  template <Point X, class M = Nothing>
  using State = FirstOrderState<BasicLion, X, M>;

  /// The gradient below 1e-6, at most 10 000 iterations.
  [[nodiscard]] auto default_stopping() const { return GradientBelow{1e-6} || MaxIterations{10000}; }

  /// Throws std::invalid_argument for a setting out of its range.
  void check() const {
    detail::check_first_order(*this, "Lion");
    detail::check_decay(beta1, "Lion", "beta1");
    detail::check_decay(beta2, "Lion", "beta2");
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
    memory.mean.setZero(x.size());
  }
  template <Point X>
  void propose(const X& x, const X& gradient, const T& rate, Memory<X>& memory, X& next) const {
    using S = ScalarOf<X>;
    const S alpha = S(rate);
    const S keep1 = S(beta1), keep2 = S(beta2), new1 = S(T(1) - beta1), new2 = S(T(1) - beta2);
    detail::with_decay<S>(rate, weight_decay, [&](const auto& keep) {
      detail::fused(
          [=](const auto& g, const auto& here, auto& mean, auto& there) {
            const auto c = keep1 * mean + new1 * g;
            mean = keep2 * mean + new2 * g;
            there = keep * here - alpha * sign(c);
          },
          gradient, x, memory.mean, next);
    });
  }
};

using Lion = BasicLion<double>;

}  // namespace mesaopt
