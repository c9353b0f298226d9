#pragma once

#include <concepts>
#include <type_traits>
#include <utility>

#include <mesaopt/core/constraints.hpp>
#include <mesaopt/core/objective.hpp>
#include <mesaopt/core/residuals.hpp>

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

  static constexpr bool linear_constraints = detail::linear_constraints<G>;
  template <class H = G>
  requires requires(const H& h, const X& u) { h.box(u); }
  auto box() const { return g.box(x); }
  template <class H = G>
  requires requires(const H& h) { h.box(); }
  decltype(auto) box() const { return g.box(); }
  template <class H = G>
  requires requires(const H& h, const X& u) { h.regularizer(u); }
  auto regularizer() const { return g.regularizer(x); }
  template <class H = G>
  requires requires(const H& h) { h.regularizer(); }
  decltype(auto) regularizer() const { return g.regularizer(); }

  template <class H = G>
  requires requires(const H& h) { h.equalities(); }
  [[nodiscard]] Eigen::Index equalities() const { return g.equalities(); }
  template <class H = G>
  requires requires(const H& h) { h.inequalities(); }
  [[nodiscard]] Eigen::Index inequalities() const { return g.inequalities(); }
  template <class Y, class... Rest>
  requires requires(const G& f, const X& u, const Y& y, ConstraintsOf<Y>& c, Rest&... rest) {
    f.constraints(u, y, c, rest...);
  }
  void constraints(const Y& y, ConstraintsOf<Y>& c, Rest&... rest) const { g.constraints(x, y, c, rest...); }
  template <class Y, class... Rest>
  requires requires(const G& f, const X& u, const Y& y, const ConstraintsOf<Y>& m, Y& out, Rest&... rest) {
    f.constraints_hessian_product(u, y, m, y, out, rest...);
  }
  void constraints_hessian_product(const Y& y, const ConstraintsOf<Y>& multipliers, const Y& v, Y& out,
                                   Rest&... rest) const {
    g.constraints_hessian_product(x, y, multipliers, v, out, rest...);
  }

  template <class H = G>
  requires requires(const H& h) { h.residual_count(); }
  [[nodiscard]] Eigen::Index residual_count() const { return g.residual_count(); }
  template <class Y, class... Rest>
  requires requires(const G& f, const X& u, const Y& y, ResidualsOf<Y>& r, Rest&... rest) {
    f.residuals(u, y, r, rest...);
  }
  void residuals(const Y& y, ResidualsOf<Y>& r, Rest&... rest) const { g.residuals(x, y, r, rest...); }
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
/// What is missing is made by central differences of gradients. Of an inner objective with residuals, constraints,
/// bounds or a regularizer, g gives with x before y what these concepts ask for: `g.residuals(x, y, r)`,
/// `g.constraints(x, y, c)`,
/// ... ; `g.box()` and `g.regularizer()`, or with x as argument where they depend on it.
template <class G>
Family<G> family(G g) {
  return {std::move(g)};
}

/// Marks a place of a response that depends on the outer point. See `by_outer`.
template <class Make, bool in_duals = false>
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

/// The same with a function that is a template over its point type, and can be called with dual numbers: Unrolled then
/// differentiates through it to rounding, and not by central differences.
///
///     by_outer_in_duals([]<class X>(const X& x) {
///       using std::exp;
///       return BasicAdam<typename X::Scalar>{.learning_rate = exp(x[0])};
///     })
template <class Make>
ByOuter<Make, true> by_outer_in_duals(Make make) {
  return {std::move(make)};
}

namespace detail {
struct Itself {
  template <class X>
  const X& operator()(const X& x) const {
    return x;
  }
};
}  // namespace detail

/// The outer point itself, as an inner start: an initialization to be adapted from.
/// Finn, Abbeel & Levine (2017), "Model-agnostic meta-learning for fast adaptation of deep networks".
inline ByOuter<detail::Itself> from_outer() { return {}; }

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
template <class Make, bool in_duals, class X>
auto placed(const ByOuter<Make, in_duals>& place, const X& x) {
  return place.make(x);
}

template <class T>
inline constexpr bool depends_on_outer = false;
template <class G>
inline constexpr bool depends_on_outer<Family<G>> = true;
template <class Make, bool in_duals>
inline constexpr bool depends_on_outer<ByOuter<Make, in_duals>> = true;

/// True where the bounds that stand in a place may change with x.
template <class Place, class X>
constexpr bool bounds_depend_on_outer() {
  if constexpr (requires(const Place& place, const X& x) { place.g; }) return requires(const Place& place, const X& x) {
      place.g.box(x);
    };
  else
    return depends_on_outer<Place>;
}

/// True where the regularizer that stands in a place may change with x.
template <class Place, class X>
constexpr bool regularizer_depends_on_outer() {
  if constexpr (requires(const Place& place) { place.g; }) return requires(const Place& place, const X& x) {
      place.g.regularizer(x);
    };
  else
    return depends_on_outer<Place>;
}

template <class Place, class X>
using PlacedOf = std::remove_cvref_t<decltype(placed(std::declval<const Place&>(), std::declval<const X&>()))>;
}  // namespace detail

}  // namespace mesaopt
