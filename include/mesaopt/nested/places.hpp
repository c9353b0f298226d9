#pragma once

#include <concepts>
#include <type_traits>
#include <utility>

#include <mesaopt/core/objective.hpp>

namespace mesaopt {

namespace detail {
/// True for objectives whose own Hessian products are made by differences, which say so:
/// `static constexpr bool differenced_hessian = true`.
template <class F>
inline constexpr bool says_differenced = [] {
  if constexpr (requires { F::differenced_hessian; })
    return bool(F::differenced_hessian);
  else
    return false;
}();

/// True where second derivatives come from differences, by the objective itself or for want of its own.
template <class F, class X>
inline constexpr bool differenced_hessian = says_differenced<F> || !(HasHessian<F, X> || HasHessianProduct<F, X>);
}  // namespace detail

/// A two-argument function g(x, y) as an objective of y for a fixed outer point x. It refers to both.
template <class G, class X>
struct At {
  const G& g;
  const X& x;

  static constexpr bool quadratic = is_quadratic<G>;
  static constexpr bool stochastic = is_stochastic<G>;
  static constexpr bool differenced_hessian = detail::says_differenced<G>;
  template <class Y>
  requires Remembers<G, Y>
  using Memory = MemoryOf<G, Y>;

  /// g(x, y), g(x, y, gradient), each with the call last if g takes one.
  template <class Y, class... Rest>
  requires std::invocable<const G&, const X&, const Y&, Rest...>
  auto operator()(const Y& y, Rest&&... rest) const -> std::invoke_result_t<const G&, const X&, const Y&, Rest...> {
    return g(x, y, std::forward<Rest>(rest)...);
  }
  template <class Y, class... Rest>
  requires requires(const G& f, const X& u, const Y& y, Y& out, Rest&... rest) {
    f.hessian_product(u, y, y, out, rest...);
  }
  void hessian_product(const Y& y, const Y& v, Y& out, Rest&... rest) const {
    g.hessian_product(x, y, v, out, rest...);
  }
  template <class Y, class... Rest>
  requires requires(const G& f, const X& u, const Y& y, MatrixOf<Y>& out, Rest&... rest) {
    f.hessian(u, y, out, rest...);
  }
  void hessian(const Y& y, MatrixOf<Y>& out, Rest&... rest) const { g.hessian(x, y, out, rest...); }
};

/// Marks a two-argument function g(x, y) as an inner objective that depends on the outer point. See `family`.
template <class G>
struct Family {
  G g;
};

/// The inner objective g(x, ·) of a response, chosen by the outer point x.
///
/// g is callable as `g(x, y) -> value` and, for gradients, `g(x, y, gradient in y) -> value`. For hypergradients it may
/// also give, with y's size for out_y and x's for out_x:
///
///     g.hessian(x, y, H)                        H = ∂²g/∂y²
///     g.hessian_product(x, y, v, out_y)         ∂²g/∂y² v
///     g.mixed_product(x, y, v, out_x)           ∂/∂x (∂g/∂y · v)
///     g.mixed_direction(x, y, u, out_y)         (∂²g/∂y∂x) u
///     g.gauss_newton_product(x, y, v, out_y)    a positive semidefinite stand-in for the Hessian
///
/// What is missing is made by central differences of gradients.
template <class G>
Family<G> family(G g) {
  return {std::move(g)};
}

/// Marks a place of a response that depends on the outer point. See `by_outer`.
template <class Make>
struct ByOuter {
  Make make;
};

/// Something made anew for every outer point x: an objective, a search, or a start.
///
///     by_outer([](const auto& x) { return Adam{.learning_rate = std::exp(x[0])}; })
///
/// What depends on the outer point is always marked, never guessed from what is callable: an Eigen vector, for one, is
/// itself callable with a vector.
template <class Make>
ByOuter<Make> by_outer(Make make) {
  return {std::move(make)};
}

namespace detail {
/// What stands in a place when the outer point is x. A family refers to x and to itself.
template <class T, class X>
const T& placed(const T& constant, const X&) {
  return constant;
}
template <class G, class X>
At<G, X> placed(const Family<G>& family, const X& x) {
  return {family.g, x};
}
template <class Make, class X>
auto placed(const ByOuter<Make>& place, const X& x) {
  return place.make(x);
}

template <class T>
inline constexpr bool depends_on_outer = false;
template <class G>
inline constexpr bool depends_on_outer<Family<G>> = true;
template <class Make>
inline constexpr bool depends_on_outer<ByOuter<Make>> = true;

template <class Place, class X>
using PlacedOf = std::remove_cvref_t<decltype(placed(std::declval<const Place&>(), std::declval<const X&>()))>;
}  // namespace detail

}  // namespace mesaopt
