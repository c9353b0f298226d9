#pragma once

#include <concepts>
#include <cstddef>
#include <span>

#include <Eigen/Core>

#include <mesaopt/core/call.hpp>
#include <mesaopt/core/evaluation.hpp>
#include <mesaopt/core/point.hpp>

namespace mesaopt {

namespace detail {

/// Calls `function(arguments..., call)` if F remembers (declares a Memory), else `function(arguments...)`.
template <class F, class X, class Function, class... Arguments>
decltype(auto) with_call(const Call<MemoryOf<F, X>>& call, Function&& function, Arguments&&... arguments) {
  if constexpr (Remembers<F, X>)
    return function(arguments..., call);
  else
    return function(arguments...);
}

template <class F, class X>
concept PlainValue = !Remembers<F, X> && requires(const F& f, const X& x) {
  { f(x) } -> std::convertible_to<Evaluation<ScalarOf<X>>>;
};
template <class F, class X>
concept CalledValue = Remembers<F, X> && requires(const F& f, const X& x, const Call<MemoryOf<F, X>>& call) {
  { f(x, call) } -> std::convertible_to<Evaluation<ScalarOf<X>>>;
};
template <class F, class X>
concept PlainGradient = !Remembers<F, X> && requires(const F& f, const X& x, X& gradient) {
  { f(x, gradient) } -> std::convertible_to<Evaluation<ScalarOf<X>>>;
};
template <class F, class X>
concept CalledGradient = Remembers<F, X> &&
    requires(const F& f, const X& x, X& gradient, const Call<MemoryOf<F, X>>& call) {
  { f(x, gradient, call) } -> std::convertible_to<Evaluation<ScalarOf<X>>>;
};

template <class F, class X>
concept HasValue = PlainValue<F, X> || CalledValue<F, X>;

template <class F, class X>
concept HasHessianProduct = (!Remembers<F, X> &&
                             requires(const F& f, const X& x, X& out) { f.hessian_product(x, x, out); }) ||
                            (Remembers<F, X> &&
                             requires(const F& f, const X& x, X& out, const Call<MemoryOf<F, X>>& call) {
                               f.hessian_product(x, x, out, call);
                             });
template <class F, class X>
concept HasHessian = (!Remembers<F, X> && requires(const F& f, const X& x, MatrixOf<X>& out) { f.hessian(x, out); }) ||
                     (Remembers<F, X> && requires(const F& f, const X& x, MatrixOf<X>& out,
                                                  const Call<MemoryOf<F, X>>& call) { f.hessian(x, out, call); });

}  // namespace detail

/// An objective that also gives its gradient:  `value = f(x, gradient)`,  gradient sized by the caller.
///
/// One that declares `template <class X> Memory` takes a `const Call<Memory<X>>&` after these arguments, in every
/// function.
template <class F, class X>
concept Differentiable = Point<X> &&(detail::PlainGradient<F, X> || detail::CalledGradient<F, X>);

/// A function of a point, to be minimized:  `value = f(x)`  or, with its gradient,  `value = f(x, gradient)`.
///
/// The value is a number, or an Evaluation. Calling it must not change it: what it remembers belongs to the run
/// (core/call.hpp), so that one objective can serve many runs, on many threads.
template <class F, class X>
concept Objective = Point<X> &&(detail::HasValue<F, X> || Differentiable<F, X>);

/// An objective with second derivatives:  `f.hessian_product(x, v, out)`,  or  `f.hessian(x, H)`,  or both.
template <class F, class X>
concept TwiceDifferentiable = Differentiable<F, X> &&(detail::HasHessianProduct<F, X> || detail::HasHessian<F, X>);

/// An objective that is the mean of `f.terms()` terms and gives value and gradient of the mean over a few of them:
/// `f(x, batch, gradient)`, where batch is a `std::span<const Eigen::Index>`.
template <class F, class X>
concept FiniteSum = Point<X> && requires(const F& f) {
  { f.terms() } -> std::convertible_to<Eigen::Index>;
} &&((!Remembers<F, X> &&
      requires(const F& f, const X& x, X& gradient, std::span<const Eigen::Index> batch) {
        { f(x, batch, gradient) } -> std::convertible_to<Evaluation<ScalarOf<X>>>;
      }) ||
     (Remembers<F, X> && requires(const F& f, const X& x, X& gradient, std::span<const Eigen::Index> batch,
                                  const Call<MemoryOf<F, X>>& call) {
       { f(x, batch, gradient, call) } -> std::convertible_to<Evaluation<ScalarOf<X>>>;
     }));

/// An objective with box bounds on its variables: `f.box()` has `lower` and `upper`. See objective/bounds.hpp.
template <class F, class X>
concept Bounded = Objective<F, X> && requires(const F& f) {
  { f.box().lower } -> std::convertible_to<X>;
  { f.box().upper } -> std::convertible_to<X>;
};

/// An objective that is f plus a regularizer h, which need not be smooth: f(x) and f(x, gradient) are those of the
/// smooth part, and `f.regularizer()` has
///
///     h.value(x)             h(x); 0 for the indicator of a set, which a proximal step does not leave
///     h.proximal(v, t, x)    x = argmin over x of h(x) + |x - v|² / 2t: for a set, the point of it nearest to v
///
/// See objective/regularized.hpp.
template <class F, class X>
concept Regularized = Objective<F, X> && requires(const F& f, const X& v, ScalarOf<X> t, X& x) {
  { f.regularizer().value(v) } -> std::convertible_to<ScalarOf<X>>;
  f.regularizer().proximal(v, t, x);
};

/// True for objectives whose Hessian does not depend on the point, which say so: `static constexpr bool quadratic =
/// true`.
template <class F>
inline constexpr bool is_quadratic = [] {
  if constexpr (requires { std::remove_cvref_t<F>::quadratic; })
    return bool(std::remove_cvref_t<F>::quadratic);
  else
    return false;
}();

/// True for objectives whose value at one point differs from call to call: `static constexpr bool stochastic = true`.
/// The run then answers its last point, as the lowest noisy value means nothing.
template <class F>
inline constexpr bool is_stochastic = [] {
  if constexpr (requires { std::remove_cvref_t<F>::stochastic; })
    return bool(std::remove_cvref_t<F>::stochastic);
  else
    return false;
}();

namespace detail {

/// Value alone; through the gradient where an objective has no cheaper way, into `scratch`.
template <class F, Point X>
Evaluation<ScalarOf<X>> evaluate(const F& f, const X& x, X& scratch, const Call<MemoryOf<F, X>>& call) {
  if constexpr (HasValue<F, X>) {
    return with_call<F, X>(call, f, x);
  } else {
    if (scratch.size() != x.size()) scratch.resize(x.size());
    return with_call<F, X>(call, f, x, scratch);
  }
}

template <class F, Point X>
Evaluation<ScalarOf<X>> evaluate_gradient(const F& f, const X& x, X& gradient, const Call<MemoryOf<F, X>>& call) {
  return with_call<F, X>(call, f, x, gradient);
}

template <class F, Point X>
void evaluate_hessian_product(const F& f, const X& x, const X& v, X& out, const Call<MemoryOf<F, X>>& call) {
  with_call<F, X>(call, [&](const auto&... rest) { f.hessian_product(x, v, out, rest...); });
}

template <class F, Point X>
void evaluate_hessian(const F& f, const X& x, MatrixOf<X>& out, const Call<MemoryOf<F, X>>& call) {
  with_call<F, X>(call, [&](const auto&... rest) { f.hessian(x, out, rest...); });
}

}  // namespace detail

}  // namespace mesaopt
