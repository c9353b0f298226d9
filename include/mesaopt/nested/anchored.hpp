#pragma once

#include <concepts>
#include <utility>

#include <Eigen/Core>

#include <mesaopt/core/call.hpp>
#include <mesaopt/core/objective.hpp>
#include <mesaopt/core/point.hpp>

namespace mesaopt {

/// An objective of y that is drawn towards the outer point, as a two-argument function g(x, y). See `anchored`.
template <class F>
struct Anchored {
  F f;
  double strength;

  static constexpr bool quadratic = is_quadratic<F>;
  static constexpr bool stochastic = is_stochastic<F>;

  template <class Y>
  requires Remembers<F, Y>
  using Memory = MemoryOf<F, Y>;

  template <Point Y, class... Last>
  requires(!Point<Last> && ...) && std::invocable<const F&, const Y&, const Last&...>  //
      Evaluation<ScalarOf<Y>> operator()(const Y& x, const Y& y, const Last&... call) const {
    return drawn(f(y, call...), x, y);
  }
  template <Point Y, class... Last>
  requires(!Point<Last> && ...) && std::invocable<const F&, const Y&, Y&, const Last&...>  //
      Evaluation<ScalarOf<Y>> operator()(const Y& x, const Y& y, Y& gy, const Last&... call) const {
    const auto evaluation = drawn(f(y, gy, call...), x, y);
    gy += ScalarOf<Y>(strength) * (y - x);
    return evaluation;
  }
  template <Point Y, class... Last>
  requires requires(const F& g, const Y& y, MatrixOf<Y>& out, const Last&... call) { g.hessian(y, out, call...); }
  void hessian(const Y&, const Y& y, MatrixOf<Y>& out, const Last&... call) const {
    f.hessian(y, out, call...);
    out.diagonal().array() += ScalarOf<Y>(strength);
  }
  template <Point Y, class... Last>
  requires requires(const F& g, const Y& y, Y& out, const Last&... call) { g.hessian_product(y, y, out, call...); }
  void hessian_product(const Y&, const Y& y, const Y& v, Y& out, const Last&... call) const {
    f.hessian_product(y, v, out, call...);
    out += ScalarOf<Y>(strength) * v;
  }
  template <Point Y, class... Last>
  requires requires(const F& g, const Y& y, Y& out, const Last&... call) { g.gauss_newton_product(y, y, out, call...); }
  void gauss_newton_product(const Y&, const Y& y, const Y& v, Y& out, const Last&... call) const {
    f.gauss_newton_product(y, v, out, call...);
    out += ScalarOf<Y>(strength) * v;
  }
  template <Point Y, class... Last>
  requires(!Point<Last> && ...) void mixed_product(const Y&, const Y&, const Y& v, Y& out, const Last&...) const {
    out = -ScalarOf<Y>(strength) * v;
  }
  template <Point Y, class... Last>
  requires(!Point<Last> && ...) void mixed_direction(const Y&, const Y&, const Y& u, Y& out, const Last&...) const {
    out = -ScalarOf<Y>(strength) * u;
  }

 private:
  template <Point Y>
  Evaluation<ScalarOf<Y>> drawn(Evaluation<ScalarOf<Y>> evaluation, const Y& x, const Y& y) const {
    evaluation.value += ScalarOf<Y>(strength) / 2 * (y - x).squaredNorm();
    return evaluation;
  }
};

/// The inner objective g(x, y) = f(y) + ½ strength |y − x|²: a task that is adapted from x without going far.
///
/// With it the solution of the inner run depends on x however long it runs, and `Implicit` needs no second derivatives
/// but those of f: dF/dx = ∂F/∂x + (I + ∂²f/∂y² / strength)⁻¹ ∂F/∂y. So
///
///     nested(of_solution(test), response(family(anchored(task, 2.0)), Lbfgs{},
///                                        by_outer([](const auto& x) { return x; })), Implicit{})
///
/// is one task of Rajeswaran, Finn, Kakade & Levine (2019), "Meta-learning with implicit gradients" (iMAML), equations
/// 3 and 6.
template <class F>
Anchored<F> anchored(F f, double strength) {
  return {std::move(f), strength};
}

}  // namespace mesaopt
