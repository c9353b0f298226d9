#pragma once

#include <algorithm>
#include <concepts>
#include <type_traits>
#include <utility>

#include <Eigen/Core>

#include <mesaopt/core/call.hpp>
#include <mesaopt/core/evaluation.hpp>
#include <mesaopt/core/objective.hpp>
#include <mesaopt/core/point.hpp>
#include <mesaopt/objective/dual.hpp>

namespace mesaopt {

namespace detail {

/// The point type X with another scalar.
template <class X, class D>
using Rebound = Eigen::Matrix<D, X::RowsAtCompileTime, 1, 0, X::MaxRowsAtCompileTime, 1>;

/// Directions that are differentiated at once: eight, or as many as a small point of fixed size has.
template <class X>
inline constexpr int chunk = X::SizeAtCompileTime == Eigen::Dynamic ? 8 : std::min(8, int(X::SizeAtCompileTime));

/// Two kinds of duals: chunks of directions; and those with one more direction inside, for second derivatives.
template <class X>
using First = Dual<ScalarOf<X>, chunk<X>>;
template <class X>
using Along = Dual<ScalarOf<X>, 1>;
template <class X>
using Second = Dual<Along<X>, chunk<X>>;

/// to = from, with no tangents.
template <class X, class P>
void lift(const X& from, P& to) {
  to.resize(from.size());
  for (Eigen::Index i = 0; i < from.size(); ++i) to[i] = ScalarOf<P>(ScalarOf<X>(from[i]));
}
/// to = from + v ε for the inner one of nested duals, or the only one.
template <class X, class P>
void lift(const X& from, const X& v, P& to) {
  lift(from, to);
  for (Eigen::Index i = 0; i < from.size(); ++i) {
    if constexpr (std::same_as<ScalarOf<P>, Along<X>>)
      to[i].tangent[0] = v[i];
    else
      to[i].value.tangent[0] = v[i];
  }
}

/// Calls `evaluate()` with each chunk of the coordinates of p as its directions in turn, and `take(i, k)` for each
/// coordinate i, which is direction k of the chunk.
template <class P, class Evaluate, class Take>
void sweep(P& p, const Evaluate& evaluate, const Take& take) {
  using D = ScalarOf<P>;
  constexpr Eigen::Index width = std::tuple_size_v<decltype(D::tangent)>;
  for (Eigen::Index i = 0; i < p.size(); i += width) {
    const Eigen::Index here = std::min(width, p.size() - i);
    for (Eigen::Index k = 0; k < here; ++k) p[i + k].tangent[std::size_t(k)] = 1;
    evaluate();
    for (Eigen::Index k = 0; k < here; ++k) {
      take(i + k, std::size_t(k));
      p[i + k].tangent[std::size_t(k)] = 0;
    }
  }
}

/// The evaluation without its tangents.
template <class S, class D>
Evaluation<S> plain(const Evaluation<D>& from) {
  Evaluation<S> to(from.value.value, from.verdict, from.reason);
  to.value_error = from.value_error.value;
  to.gradient_error = from.gradient_error.value;
  to.certificate = from.certificate;
  return to;
}

template <class X>
struct ForwardModeScratch {
  Rebound<X, First<X>> first{}, first_gradient{};
  Rebound<X, Along<X>> along{}, along_gradient{};
  Rebound<X, Second<X>> second{};
};

}  // namespace detail

/// An objective with the derivatives that it lacks, from dual numbers. See `forward_mode`.
template <class F>
struct ForwardMode {
  F f;

  static constexpr bool quadratic = is_quadratic<F>;
  static constexpr bool stochastic = is_stochastic<F>;

  template <class X>
  using Memory = Workspace<detail::ForwardModeScratch<X>>;

  /// f(x).
  template <Point X>
  Evaluation<ScalarOf<X>> operator()(const X& x, const Call<Memory<X>>&) const requires detail::PlainValue<F, X> {
    return f(x);
  }

  /// f(x) and its gradient: f's own, else in chunks of eight directions.
  template <Point X>
  Evaluation<ScalarOf<X>> operator()(const X& x, X& gradient, const Call<Memory<X>>& call) const {
    using S = ScalarOf<X>;
    if constexpr (own_gradient<X>) {
      return f(x, gradient);
    } else {
      static_assert(!Remembers<F, X>, "mesaopt: forward_mode cannot differentiate an objective that declares a Memory");
      static_assert(detail::PlainValue<F, detail::Rebound<X, detail::First<X>>>,
                    "mesaopt: forward_mode needs an objective that is a template over its point type, and so can be "
                    "called with dual numbers");
      auto& p = call.record.first;
      Evaluation<detail::First<X>> now;
      detail::lift(x, p);
      detail::sweep(
          p, [&] { now = f(p); }, [&](Eigen::Index i, std::size_t k) { gradient[i] = now.value.tangent[k]; });
      return detail::plain<S>(now);
    }
  }

  /// out = (second derivative at x) v: f's own, else the gradient's derivative along v, else by duals of duals.
  template <Point X>
  void hessian_product(const X& x, const X& v, X& out, const Call<Memory<X>>& call) const {
    auto& s = call.record;
    out.resize(x.size());
    if constexpr (requires { f.hessian_product(x, v, out); }) {
      f.hessian_product(x, v, out);
    } else if constexpr (own_gradient<detail::Rebound<X, detail::Along<X>>>) {
      detail::lift(x, v, s.along);
      s.along_gradient.resize(x.size());
      f(s.along, s.along_gradient);
      for (Eigen::Index i = 0; i < x.size(); ++i) out[i] = s.along_gradient[i].tangent[0];
    } else {
      Evaluation<detail::Second<X>> now;
      detail::lift(x, v, s.second);
      detail::sweep(
          s.second, [&] { now = f(s.second); },
          [&](Eigen::Index i, std::size_t k) { out[i] = now.value.tangent[k].tangent[0]; });
    }
  }

  /// H = second derivative at x: f's own, else eight columns a gradient, else column by column.
  template <Point X>
  void hessian(const X& x, MatrixOf<X>& H, const Call<Memory<X>>& call) const {
    auto& s = call.record;
    const Eigen::Index n = x.size();
    H.resize(n, n);
    if constexpr (requires { f.hessian(x, H); }) {
      f.hessian(x, H);
    } else if constexpr (own_gradient<detail::Rebound<X, detail::First<X>>>) {
      detail::lift(x, s.first);
      s.first_gradient.resize(n);
      detail::sweep(
          s.first, [&] { f(s.first, s.first_gradient); },
          [&](Eigen::Index j, std::size_t k) {
            for (Eigen::Index i = 0; i < n; ++i) H(i, j) = s.first_gradient[i].tangent[k];
          });
    } else {
      Evaluation<detail::Second<X>> now;
      detail::lift(x, s.second);
      for (Eigen::Index j = 0; j < n; ++j) {
        s.second[j].value.tangent[0] = 1;
        detail::sweep(
            s.second, [&] { now = f(s.second); },
            [&](Eigen::Index i, std::size_t k) { H(i, j) = now.value.tangent[k].tangent[0]; });
        s.second[j].value.tangent[0] = 0;
      }
    }
  }

 private:
  template <class P>
  static constexpr bool own_gradient = detail::PlainGradient<F, P>;
};

template <class F>
ForwardMode(F) -> ForwardMode<F>;

/// The objective f with exact derivatives, where f is a template over its point type: `template <Point X> ScalarOf<X>
/// operator()(const X& x) const`, and the like with a gradient.
///
///     minimize(forward_mode(f), x0, Lbfgs{});
///
/// A gradient takes n/8 evaluations in numbers of nine parts; a Hessian product one gradient in numbers of two parts,
/// or, where f has no gradient of its own, n/8 values in numbers of eighteen. So it suits up to some dozen variables,
/// and second derivatives of objectives whose gradient is written by hand. Nothing is allocated after the first call.
/// f must not declare a Memory. For how to write f see Dual.
/// Griewank & Walther (2008), "Evaluating Derivatives", chapter 3.
template <class F>
ForwardMode<F> forward_mode(F f) {
  return {std::move(f)};
}

}  // namespace mesaopt
