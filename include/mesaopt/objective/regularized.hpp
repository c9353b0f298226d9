#pragma once

#include <concepts>
#include <type_traits>
#include <utility>

#include <Eigen/Core>

#include <mesaopt/core/objective.hpp>
#include <mesaopt/core/point.hpp>

namespace mesaopt {

/// A regularizer: a convex function h of a point that need not be smooth, but whose proximal step is easy. Or a convex
/// set, as the function that is 0 on it and infinite elsewhere; the proximal step then is the projection.
///
///     h.value(x)                  h(x); of a set 0 everywhere: proximal steps do not leave it
///     h.proximal(v, t, x)         x = argmin over x of h(x) + |x - v|² / 2t, with x sized by the caller, who may give
///     v
///                                 itself; t >= 0, and t = 0 moves nothing but points outside of the set
///
/// Those of the library (L1, GroupL1, Nonnegative, BoxSet, Ball, Simplex) also have what it takes to differentiate
/// through them:
///
///     h.derivative(v, t, d, out)  out = Pd, where P is the derivative of the proximal step at v, a symmetric matrix;
///     out
///                                 may be d
///     h.margin(v, t)              how far v is from where the proximal step bends, in units of v: 0 at a kink,
///                                 infinite where there are none
///
/// One that is a sum of functions of single coordinates may say so: `static constexpr bool separable = true`. It can
/// then be used together with bounds.
template <class H, class X>
concept Regularizer = Point<X> && requires(const H& h, const X& v, ScalarOf<X> t, X& x) {
  { h.value(v) } -> std::convertible_to<ScalarOf<X>>;
  h.proximal(v, t, x);
};

/// A regularizer that can be differentiated through.
template <class H, class X>
concept DifferentiableRegularizer = Regularizer<H, X> && requires(const H& h, const X& v, ScalarOf<X> t, X& out) {
  h.derivative(v, t, v, out);
  { h.margin(v, t) } -> std::convertible_to<ScalarOf<X>>;
};

/// An objective plus a regularizer. Everything else is the objective's own. See `regularized`.
template <class F, class H>
struct WithRegularizer : F {
  H penalty;
  [[nodiscard]] const H& regularizer() const { return penalty; }
};

/// The objective f + h, for an optimizer that heeds regularizers:
///
///     minimize(regularized(f, L1{0.1}), x0, Fista{})
///
/// f(x) and f(x, gradient) are still those of f alone. Throws std::invalid_argument if h has settings out of range.
template <class F, class H>
requires std::is_class_v<F> WithRegularizer<F, H> regularized(F f, H h) {
  if constexpr (requires { h.check(); }) h.check();
  return {{std::move(f)}, std::move(h)};
}

namespace detail {
template <class H>
inline constexpr bool is_separable = [] {
  if constexpr (requires { std::remove_cvref_t<H>::separable; })
    return bool(std::remove_cvref_t<H>::separable);
  else
    return false;
}();
}  // namespace detail

}  // namespace mesaopt
