#pragma once

#include <algorithm>
#include <cmath>
#include <tuple>

#include <Eigen/Core>

#include <mesaopt/core/prior.hpp>
#include <mesaopt/core/search.hpp>
#include <mesaopt/core/vectors.hpp>
#include <mesaopt/gradient/adam.hpp>
#include <mesaopt/gradient/first_order.hpp>
#include <mesaopt/gradient/gradient_descent.hpp>

namespace mesaopt {

namespace detail {
/// True for methods whose step from a point is the learning rate times a vector that does not depend on it.
template <class Method>
inline constexpr bool steps_by_learning_rate = false;
template <class T>
inline constexpr bool steps_by_learning_rate<BasicGradientDescent<T>> = true;
template <class T, bool decays>
inline constexpr bool steps_by_learning_rate<BasicAdam<T, decays>> = true;
}  // namespace detail

/// A method of gradient descent whose learning rate is itself adapted as it runs, by gradient descent on what the last
/// step made of the objective: SGD-HD and Adam-HD.
///
///     minimize(f, x0, HypergradientDescent{Adam{.learning_rate = 1e-4}})
///
/// The derivative of the value at x_t by the learning rate of the step that led there, u_{t−1} = α ∇_α u_{t−1}, is
/// h = g_t · ∇_α u_{t−1}. Before the next step α ← α − β h, or, `relative`, α ← α (1 − β h / (|g_t| |∇_α u_{t−1}|)),
/// which does not depend on the scale of the objective. It costs no evaluation, and forgets all but the last step: to
/// choose the learning rate for a whole run, put it into `by_outer(...)` and take `Unrolled`. A step never makes α less
/// than a half of what it was, which the papers leave open. Method is GradientDescent, Adam or AdamW, and brings its
/// schedule, a factor on α.
///
/// Baydin, Cornish, Martínez Rubio, Schmidt & Wood (2018), "Online learning rate adaptation with hypergradient
/// descent", ICLR: SGD-HD, Adam-HD, and the multiplicative rule; Almeida, Langlois, Amaral & Plakhov (1998), "Parameter
/// adaptation in stochastic optimization".
template <class Method>
struct HypergradientDescent {
  Method method{};       ///< its learning rate is the first one
  double rate = 0.02;    ///< β, more than 0; in (0, 1) if relative
  bool relative = true;  ///< whether α changes by a factor that knows no scale

  static constexpr bool needs_gradient = true;
  static_assert(detail::steps_by_learning_rate<Method>,
                "mesaopt: HypergradientDescent takes GradientDescent, Adam and AdamW, whose step is the learning rate "
                "times what does not depend on it");

  template <Point X, class M = Nothing>
  struct State : FirstOrderState<Method, X, M> {
    ScalarOf<X> learning_rate = 0;  ///< α, without the schedule's factor

    static constexpr auto fields() {
      return std::tuple_cat(FirstOrderState<Method, X, M>::fields(), std::tuple{&State::learning_rate});
    }
  };

  [[nodiscard]] auto default_stopping() const { return method.default_stopping(); }

  /// Throws std::invalid_argument for a setting out of its range.
  void check() const {
    method.check();
    if (!(rate > 0) || !std::isfinite(rate))
      detail::refuse("HypergradientDescent::rate", rate, "it must be more than 0, and finite");
    if (relative && !(rate < 1)) detail::refuse("HypergradientDescent::rate", rate, "it must be in (0, 1) if relative");
  }

  template <class F, Start P, class M>
  requires Differentiable<F, PointOf<P>>
  void init(const F& f, const P& start, State<PointOf<P>, M>& state) const {
    check();
    state.learning_rate = ScalarOf<PointOf<P>>(method.learning_rate);
    detail::first_order_init(method, f, start, static_cast<FirstOrderState<Method, PointOf<P>, M>&>(state));
  }

  template <class F, Point X, class M>
  requires Differentiable<F, X>
  void step(const F& f, State<X, M>& state) const {
    if (!state.proposed && state.age > 0) adapt(state);
    Method here = method;
    here.learning_rate = decltype(here.learning_rate)(state.learning_rate);
    detail::first_order_step(here, f, static_cast<FirstOrderState<Method, X, M>&>(state));
  }

 private:
  /// Between steps `other` is the point before x, and `step` the learning rate by which it was left.
  template <Point X, class M>
  void adapt(State<X, M>& state) const {
    using S = ScalarOf<X>;
    S along(0), slope(0), way(0);
    for (Eigen::Index i = 0; i < state.x.size(); ++i) {
      const S moved = state.x[i] - state.other[i];
      along += state.gradient[i] * moved;
      slope += state.gradient[i] * state.gradient[i];
      way += moved * moved;
    }
    const S size = std::sqrt(slope) * std::sqrt(way), last = state.learning_rate;
    if (!(size > 0) || !std::isfinite(size)) return;
    const S next = relative ? last * (1 - S(rate) * along / size) : last - S(rate) * along / state.step;
    if (std::isfinite(next)) state.learning_rate = std::max(next, last / 2);
  }
};

template <class Method>
HypergradientDescent(Method) -> HypergradientDescent<Method>;
template <class Method>
HypergradientDescent(Method, double) -> HypergradientDescent<Method>;
template <class Method>
HypergradientDescent(Method, double, bool) -> HypergradientDescent<Method>;

}  // namespace mesaopt
