#pragma once

#include <tuple>

#include <Eigen/Core>

#include <mesaopt/core/search.hpp>
#include <mesaopt/gradient/first_order.hpp>
#include <mesaopt/gradient/fused.hpp>
#include <mesaopt/gradient/schedule.hpp>

namespace mesaopt {

/// RMSProp: gradient descent in which every coordinate's step is divided by the root of a running mean of its squared
/// gradient:  v ← ρ v + (1 − ρ) g²,  x ← x − α g / (√v + ε).
///
/// Centered, v − m² takes the place of v, m a running mean of g with the same ρ: the gradient's variance, which is
/// small and steps long where the gradient is steady. One gradient a step; non-finite points are handled as by
/// GradientDescent. There is no correction of the start's bias: as v begins at 0, the first step moves a coordinate by
/// α/√(1 − ρ). T is the number type of the settings: see RmsProp, the alias for double. Tieleman & Hinton (2012),
/// "Neural networks for machine learning", lecture 6.5; centered: Graves (2013), "Generating sequences with recurrent
/// neural networks", eq. 38 to 45, with ε outside of the root.
template <class T>
struct BasicRmsProp {
  T learning_rate = T(1e-3);  ///< α, more than 0
  T decay = T(0.9);           ///< ρ, in [0, 1)
  T epsilon = T(1e-8);        ///< ε, more than 0
  bool centered = false;      ///< whether the variance takes the place of the mean square
  T weight_decay = T(0);      ///< decoupled, 0 or more: see FirstOrderState
  Schedule schedule{};        ///< factor on the learning rate

  static constexpr bool needs_gradient = true;
  template <Point X>
  struct Memory {
    X square{}, mean{};  ///< of the gradient; the mean only if centered
    static constexpr auto fields() { return std::tuple{&Memory::square, &Memory::mean}; }
  };
  template <Point X, class M = Nothing>
  using State = FirstOrderState<BasicRmsProp, X, M>;

  /// The gradient below 1e-6, at most 10 000 iterations.
  [[nodiscard]] auto default_stopping() const { return GradientBelow{1e-6} || MaxIterations{10000}; }

  /// Throws std::invalid_argument for a setting out of its range.
  void check() const {
    detail::check_first_order(*this, "RmsProp");
    detail::check_decay(decay, "RmsProp", "decay");
    detail::require_setting(epsilon > T(0), "RmsProp", "epsilon", epsilon, "it must be more than 0");
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
    memory.square.setZero(x.size());
    if constexpr (X::SizeAtCompileTime == Eigen::Dynamic) memory.mean.resize(centered ? x.size() : 0);
    memory.mean.setZero();
  }
  template <Point X>
  void propose(const X& x, const X& gradient, const T& rate, Memory<X>& memory, X& next) const {
    using S = ScalarOf<X>;
    const S alpha = S(rate), guard = S(epsilon), old = S(decay), fresh = S(T(1) - decay);
    detail::with_decay<S>(rate, weight_decay, [&](const auto& keep) {
      if (centered)
        detail::fused(
            [=](const auto& g, const auto& here, auto& square, auto& mean, auto& there) {
              square = old * square + fresh * (g * g);
              mean = old * mean + fresh * g;
              // Rounded, the mean square may be below the square of the mean.
              there = keep * here - alpha * g / (root(larger(square - mean * mean, S(0))) + guard);
            },
            gradient, x, memory.square, memory.mean, next);
      else
        detail::fused(
            [=](const auto& g, const auto& here, auto& square, auto& there) {
              square = old * square + fresh * (g * g);
              there = keep * here - alpha * g / (root(square) + guard);
            },
            gradient, x, memory.square, next);
    });
  }
};

using RmsProp = BasicRmsProp<double>;

}  // namespace mesaopt
