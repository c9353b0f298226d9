#pragma once

#include <utility>

#include <Eigen/Core>

#include <mesaopt/core/call.hpp>
#include <mesaopt/core/evaluation.hpp>
#include <mesaopt/core/objective.hpp>
#include <mesaopt/core/point.hpp>
#include <mesaopt/objective/wrapped.hpp>

namespace mesaopt {

namespace detail {
template <class Y>
struct RatesScratch {
  Y point{}, slope{}, product{};
};
}  // namespace detail

/// An objective f of θ + s ∘ u, as a two-argument function of x = [θ; s] and u. See `learned_rates`.
template <class F>
struct LearnedRates {
  F f;

  static constexpr bool stochastic = is_stochastic<F>;
  template <class Y>
  using Memory = detail::WrappedMemory<MemoryOf<F, Y>, detail::RatesScratch<Y>>;

  template <Point X, Point Y>
  requires Objective<F, Y> Evaluation<ScalarOf<Y>>
  operator()(const X& x, const Y& u, const Call<Memory<Y>>& call) const {
    auto& s = room(x, u, call);
    const Inner<Y> inner(call);
    return detail::evaluate(f, s.point, s.slope, inner);
  }
  template <Point X, Point Y>
  requires Differentiable<F, Y> Evaluation<ScalarOf<Y>>
  operator()(const X& x, const Y& u, Y& gu, const Call<Memory<Y>>& call) const {
    auto& s = room(x, u, call);
    const auto evaluation = gradient(s, call);
    gu = x.tail(u.size()).cwiseProduct(s.slope);
    return evaluation;
  }
  /// As an outer objective.
  template <Point X, Point Y>
  requires Differentiable<F, Y> Evaluation<ScalarOf<Y>>
  operator()(const X& x, const Y& u, X& gx, Y& gu, const Call<Memory<Y>>& call) const {
    auto& s = room(x, u, call);
    const auto evaluation = gradient(s, call);
    gx.head(u.size()) = s.slope;
    gx.tail(u.size()) = u.cwiseProduct(s.slope);
    gu = x.tail(u.size()).cwiseProduct(s.slope);
    return evaluation;
  }
  template <Point X, Point Y>
  requires detail::HasHessianProduct<F, Y>
  void hessian_product(const X& x, const Y& u, const Y& v, Y& out, const Call<Memory<Y>>& call) const {
    auto& s = room(x, u, call);
    product(x, v, s, call);
    out = x.tail(u.size()).cwiseProduct(s.product);
  }
  template <Point X, Point Y>
  requires detail::HasHessianProduct<F, Y>
  void mixed_product(const X& x, const Y& u, const Y& v, X& out, const Call<Memory<Y>>& call) const {
    auto& s = room(x, u, call);
    product(x, v, s, call);
    gradient(s, call);
    out.head(u.size()) = s.product;
    out.tail(u.size()) = v.cwiseProduct(s.slope) + u.cwiseProduct(s.product);
  }

 private:
  template <class Y>
  using Inner = detail::WrappedCall<MemoryOf<F, Y>, detail::RatesScratch<Y>>;

  template <Point X, Point Y>
  static detail::RatesScratch<Y>& room(const X& x, const Y& u, const Call<Memory<Y>>& call) {
    auto& s = call.record.scratch;
    s.point = x.head(u.size()) + x.tail(u.size()).cwiseProduct(u);
    s.slope.resize(u.size());
    s.product.resize(u.size());
    return s;
  }
  template <Point Y>
  Evaluation<ScalarOf<Y>> gradient(detail::RatesScratch<Y>& s, const Call<Memory<Y>>& call) const {
    const Inner<Y> inner(call);
    return detail::evaluate_gradient(f, s.point, s.slope, inner);
  }
  /// s.product = (second derivative) (s ∘ v); overwrites s.slope.
  template <Point X, Point Y>
  void product(const X& x, const Y& v, detail::RatesScratch<Y>& s, const Call<Memory<Y>>& call) const {
    const Inner<Y> inner(call);
    s.slope = x.tail(v.size()).cwiseProduct(v);
    detail::evaluate_hessian_product(f, s.point, s.slope, s.product, inner);
  }
};

/// A task learnt at rates that are learnt with the start: the inner objective g(x, u) = f(θ + s ∘ u), x = [θ; s] being
/// a start θ and, as many, roots s of learning rates.
///
/// From u = 0, a step of gradient descent with learning rate 1 in u moves coordinate i of θ by −sᵢ² ∂f/∂θᵢ. So
///
///     nested(learned_rates(test), response(family(learned_rates(task)), Search{GradientDescent{.learning_rate = 1},
///                                          MaxIterations{1}}, zero), Unrolled{})
///
/// is one task of Li, Zhou, Chen & Li (2017), "Meta-SGD: learning to learn quickly for few-shot learning", but that
/// rates are not negative here; it works with more steps and other optimizers as well. What was adapted is θ + s ∘ u.
/// f may have a Memory.
template <class F>
LearnedRates<F> learned_rates(F f) {
  return {std::move(f)};
}

}  // namespace mesaopt
