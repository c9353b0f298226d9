#pragma once

#include <cmath>
#include <limits>
#include <tuple>
#include <type_traits>
#include <utility>

#include <Eigen/Core>

#include <mesaopt/core/search.hpp>
#include <mesaopt/gradient/first_order.hpp>
#include <mesaopt/gradient/fused.hpp>
#include <mesaopt/gradient/schedule.hpp>

namespace mesaopt {

namespace detail {

/// Running means of the gradient and of its square, and the powers of their decays that correct the start's bias.
template <class T, Point X>
struct Moments {
  X first{}, second{};
  T power1 = T(1), power2 = T(1);
  static constexpr auto fields() {
    return std::tuple{&Moments::first, &Moments::second, &Moments::power1, &Moments::power2};
  }

  /// Powers too small to be told from 0 in 1 − power are 0: processors are slow with the smallest numbers there are.
  static T next_power(const T& power, const T& beta) {
    const T next = power * beta;
    if constexpr (std::is_floating_point_v<T>) return next < std::numeric_limits<T>::min() ? T(0) : next;
    return next;
  }

  void begin(Eigen::Index size) {
    first.setZero(size);
    second.setZero(size);
    power1 = power2 = T(1);
  }

  /// Counts a step, and draws the corrections of the bias into rate and ε: section 2 of the paper, last sentence.
  std::pair<T, T> correct(const T& rate, const T& beta1, const T& beta2, const T& epsilon) {
    using std::sqrt;
    power1 = next_power(power1, beta1);
    power2 = next_power(power2, beta2);
    const T root = sqrt(T(1) - power2);
    return {rate * root / (T(1) - power1), epsilon * root};
  }

  /// next = (1 − rate · decay) x − rate m̂ / (√v̂ + ε).
  void propose(const X& x, const X& gradient, const T& rate, const T& beta1, const T& beta2, const T& epsilon,
               const T& decay, X& next) {
    using S = ScalarOf<X>;
    const auto [corrected_rate, corrected_epsilon] = correct(rate, beta1, beta2, epsilon);
    const S alpha = S(corrected_rate), guard = S(corrected_epsilon);
    const S keep1 = S(beta1), keep2 = S(beta2), new1 = S(T(1) - beta1), new2 = S(T(1) - beta2);
    with_decay<S>(rate, decay, [&](const auto& keep) {
      fused(
          [=](const auto& g, const auto& here, auto& mean, auto& square, auto& there) {
            mean = keep1 * mean + new1 * g;
            square = keep2 * square + new2 * (g * g);
            there = keep * here - alpha * mean / (root(square) + guard);
          },
          gradient, x, first, second, next);
    });
  }
};

template <class Method>
void check_moments(const Method& method, const char* owner) {
  check_first_order(method, owner);
  check_decay(method.beta1, owner, "beta1");
  check_decay(method.beta2, owner, "beta2");
  using T = std::remove_cvref_t<decltype(method.epsilon)>;
  require_setting(method.epsilon > T(0), owner, "epsilon", method.epsilon, "it must be more than 0");
}

}  // namespace detail

/// Adam: gradient descent in which every coordinate has a step size of its own, from running means of its gradient and
/// of the gradient's square. Robust on noisy gradients: what networks are trained by.
///
/// One gradient a step, which moves a coordinate by about `learning_rate`. The value may rise; non-finite points are
/// handled as by GradientDescent. T is the number type of the settings: see Adam, the alias for double; with `decays`
/// it is AdamW. Kingma & Ba (2015), "Adam: a method for stochastic optimization", algorithm 1, ε outside of the root as
/// there.
template <class T, bool decays = false>
struct BasicAdam {
  T learning_rate = T(1e-3);                ///< α, more than 0
  T beta1 = T(0.9);                         ///< decay of the mean, in [0, 1)
  T beta2 = T(0.999);                       ///< decay of the mean square, in [0, 1)
  T epsilon = T(1e-8);                      ///< ε, more than 0
  T weight_decay = T(decays ? 1e-2 : 0.0);  ///< decoupled, 0 or more: see FirstOrderState
  Schedule schedule{};                      ///< factor on the learning rate

  static constexpr bool needs_gradient = true;
  template <Point X>
  using Memory = detail::Moments<T, X>;
  template <Point X, class M = Nothing>
  using State = FirstOrderState<BasicAdam, X, M>;

  /// The gradient below 1e-6, at most 10 000 iterations.
  [[nodiscard]] auto default_stopping() const { return GradientBelow{1e-6} || MaxIterations{10000}; }

  /// Throws std::invalid_argument for a setting out of its range.
  void check() const { detail::check_moments(*this, decays ? "AdamW" : "Adam"); }

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
  }
  template <Point X>
  void propose(const X& x, const X& gradient, const T& rate, Memory<X>& memory, X& next) const {
    memory.propose(x, gradient, rate, beta1, beta2, epsilon, weight_decay, next);
  }
};

using Adam = BasicAdam<double>;

/// Adam with decoupled weight decay, as it is by default: each step also draws x towards 0, by learning_rate ·
/// weight_decay · x, untouched by the coordinates' own step sizes.
///
/// The product learning_rate · weight_decay is the λ of the paper; the schedule is a factor on both terms, as there.
/// Loshchilov & Hutter (2019), "Decoupled weight decay regularization", algorithm 2.
template <class T>
using BasicAdamW = BasicAdam<T, true>;
using AdamW = BasicAdamW<double>;

}  // namespace mesaopt
