#pragma once

#include <utility>

#include <Eigen/Core>

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

  template <Point Y>
  requires detail::PlainValue<F, Y> Evaluation<ScalarOf<Y>>
  operator()(const Y& x, const Y& y) const { return drawn(f(y), x, y); }
  template <Point Y>
  requires detail::PlainGradient<F, Y> Evaluation<ScalarOf<Y>>
  operator()(const Y& x, const Y& y, Y& gy) const {
    const auto evaluation = drawn(f(y, gy), x, y);
    gy += ScalarOf<Y>(strength) * (y - x);
    return evaluation;
  }
  template <Point Y>
  requires detail::HasHessian<F, Y>
  void hessian(const Y&, const Y& y, MatrixOf<Y>& out) const {
    f.hessian(y, out);
    out.diagonal().array() += ScalarOf<Y>(strength);
  }
  template <Point Y>
  requires detail::HasHessianProduct<F, Y>
  void hessian_product(const Y&, const Y& y, const Y& v, Y& out) const {
    f.hessian_product(y, v, out);
    out += ScalarOf<Y>(strength) * v;
  }
  template <Point Y>
  void mixed_product(const Y&, const Y&, const Y& v, Y& out) const {
    out = -ScalarOf<Y>(strength) * v;
  }
  template <Point Y>
  void mixed_direction(const Y&, const Y&, const Y& u, Y& out) const {
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
/// 3 and 6. f has no Memory.
template <class F>
Anchored<F> anchored(F f, double strength) {
  return {std::move(f), strength};
}

}  // namespace mesaopt
