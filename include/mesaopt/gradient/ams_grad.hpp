#pragma once

#include <cmath>
#include <tuple>

#include <Eigen/Core>

#include <mesaopt/core/search.hpp>
#include <mesaopt/gradient/adam.hpp>
#include <mesaopt/gradient/first_order.hpp>
#include <mesaopt/gradient/fused.hpp>
#include <mesaopt/gradient/schedule.hpp>

namespace mesaopt {

/// AMSGrad: Adam whose mean square of a coordinate never falls, so that step sizes do not grow again after the rare
/// large gradient that matters. It converges on convex problems where Adam may not.
///
/// Settings, cost and handling of non-finite points are those of Adam. The largest mean square takes the place of the
/// current one, and Adam's corrections of the start's bias, which the paper leaves out, are applied to it, as in
/// PyTorch. T is the number type of the settings: see AmsGrad, the alias for double. Reddi, Kale & Kumar (2018), "On
/// the convergence of Adam and beyond", algorithm 2.
template <class T>
struct BasicAmsGrad {
  T learning_rate = T(1e-3);  ///< α, more than 0
  T beta1 = T(0.9);           ///< decay of the mean, in [0, 1)
  T beta2 = T(0.999);         ///< decay of the mean square, in [0, 1)
  T epsilon = T(1e-8);        ///< ε, more than 0
  T weight_decay = T(0);      ///< decoupled, 0 or more: see FirstOrderState
  Schedule schedule{};        ///< factor on the learning rate

  static constexpr bool needs_gradient = true;
  template <Point X>
  struct Memory : detail::Moments<T, X> {
    X largest{};  ///< second, at its largest so far
    static constexpr auto fields() {
      return std::tuple_cat(detail::Moments<T, X>::fields(), std::tuple{&Memory::largest});
    }
  };
  template <Point X, class M = Nothing>
  using State = FirstOrderState<BasicAmsGrad, X, M>;

  /// The gradient below 1e-6, at most 10 000 iterations.
  [[nodiscard]] auto default_stopping() const { return GradientBelow{1e-6} || MaxIterations{10000}; }

  /// Throws std::invalid_argument for a setting out of its range.
  void check() const { detail::check_moments(*this, "AmsGrad"); }

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
    memory.begin(x.size());
    memory.largest.setZero(x.size());
  }
  template <Point X>
  void propose(const X& x, const X& gradient, const T& rate, Memory<X>& memory, X& next) const {
    using S = ScalarOf<X>;
    const auto [corrected_rate, corrected_epsilon] = memory.correct(rate, beta1, beta2, epsilon);
    const S alpha = S(corrected_rate), guard = S(corrected_epsilon);
    const S keep1 = S(beta1), keep2 = S(beta2), new1 = S(T(1) - beta1), new2 = S(T(1) - beta2);
    detail::with_decay<S>(rate, weight_decay, [&](const auto& keep) {
      detail::fused(
          [=](const auto& g, const auto& here, auto& mean, auto& square, auto& top, auto& there) {
            mean = keep1 * mean + new1 * g;
            square = keep2 * square + new2 * (g * g);
            top = larger(top, square);
            there = keep * here - alpha * mean / (root(top) + guard);
          },
          gradient, x, memory.first, memory.second, memory.largest, next);
    });
  }
};

using AmsGrad = BasicAmsGrad<double>;

}  // namespace mesaopt
