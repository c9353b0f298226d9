#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

#include <Eigen/Core>

#include <mesaopt/core/objective.hpp>
#include <mesaopt/core/point.hpp>
#include <mesaopt/nested/places.hpp>

namespace mesaopt::detail {

/// Calls take(j, there, here, h) for every coordinate j of x, with x moved by h in that coordinate, and by −h.
template <Point X, class Take>
void difference_coordinates(const X& x, X& above, X& below, const Take& take) {
  using S = ScalarOf<X>;
  above = below = x;
  for (Eigen::Index j = 0; j < x.size(); ++j) {
    const S h = std::cbrt(std::numeric_limits<S>::epsilon()) * std::max(S(1), std::abs(x[j]));
    above[j] = x[j] + h;
    below[j] = x[j] - h;
    take(j, above[j] - below[j]);
    above[j] = below[j] = x[j];
  }
}

/// out += ∂/∂x (p · prox_t(v)), where the regularizer of the inner objective depends on the outer point x: by the
/// family's own `g.proximal_mixed_product(x, v, t, p, out)`, else by central differences of the proximal step, one
/// coordinate of x after the other. The objective itself is not evaluated.
template <class Place, Point X, Point Y>
void proximal_product(const Place& place, const X& x, const Y& v, ScalarOf<Y> t, const Y& p, X& out, X& above, X& below,
                      Y& scratch) {
  if constexpr (regularizer_depends_on_outer<Place, X>()) {
    if constexpr (requires { place.g.proximal_mixed_product(x, v, t, p, out); }) {
      above.setZero(x.size());
      place.g.proximal_mixed_product(x, v, t, p, above);
      out += above;
    } else {
      scratch.resize(v.size());
      const auto along = [&](const X& there) -> ScalarOf<Y> {
        placed(place, there).regularizer().proximal(v, t, scratch);
        return p.dot(scratch);
      };
      difference_coordinates(x, above, below, [&](Eigen::Index j, const auto& apart) {
        const auto most = along(above);
        out[j] += (most - along(below)) / apart;
      });
    }
  }
}

/// out += Σ pᵢ ∂(bound of coordinate i)/∂x over the coordinates i that the box holds, where its bounds depend on x: by
/// central differences. `side(i)` is less than 0 at a lower bound, more at an upper one, else 0.
template <class Place, Point X, Point Y, class Side>
void bounds_product(const Place& place, const X& x, const Y& p, X& out, X& above, X& below, const Side& side) {
  if constexpr (bounds_depend_on_outer<Place, X>()) {
    const auto along = [&](const X& there) {
      const auto& f = placed(place, there);
      const auto& box = f.box();
      ScalarOf<Y> sum(0);
      for (Eigen::Index i = 0; i < p.size(); ++i)
        if (const int at = side(i); at != 0) sum += p[i] * (at < 0 ? box.lower[i] : box.upper[i]);
      return sum;
    };
    difference_coordinates(x, above, below, [&](Eigen::Index j, const auto& apart) {
      const auto most = along(above);
      out[j] += (most - along(below)) / apart;
    });
  }
}

/// True if the reverse rule of an optimizer goes through a proximal step.
template <class Rule>
inline constexpr bool restricts = requires {
  requires Rule::restricted;
};

/// True if the start of an inner run goes through a projection with a derivative of its own.
template <class F, class Place, class From, class X, class Y>
constexpr bool maps_start() {
  if constexpr (Regularized<F, Y>)
    if (depends_on_outer<From> || regularizer_depends_on_outer<Place, X>()) return true;
  if constexpr (Bounded<F, Y>)
    if (bounds_depend_on_outer<Place, X>()) return true;
  return false;
}

/// map: the projection of the start.
template <class F, Point Y, class Map>
void project_start(const F& f, const Y& start, Map& map) {
  map.v = start;
  map.t = 0;
  map.map(f);
}

/// How the step `map` (gradient/reverse_proximal.hpp) changes with the outer point, backwards: out += ∂(p · u)/∂x.
template <class F, class Place, Point X, Point Y, class Map>
void map_product(const Place& place, const X& x, const Map& map, Y& p, X& out, X& above, X& below, Y& scratch) {
  if constexpr (Bounded<F, Y>)
    bounds_product(place, x, p, out, above, below, [&](Eigen::Index i) { return map.side(i); });
  if constexpr (Regularized<F, Y>) {
    if constexpr (regularizer_depends_on_outer<Place, X>()) {
      map.template release<F>(p);
      proximal_product(place, x, map.v, map.t, p, out, above, below, scratch);
    }
  }
}

/// The same forwards: out += (∂u/∂x) along coordinate j of x.
template <class F, class Place, Point X, Point Y, class Map>
void map_direction(const Place& place, const X& x, const Map& map, [[maybe_unused]] X& direction, Eigen::Index j,
                   Y& out, X& moved, Y& scratch, Y& other) {
  using S = ScalarOf<Y>;
  const S h = std::cbrt(std::numeric_limits<S>::epsilon()) * std::max(S(1), std::abs(x[j]));
  moved = x;
  if constexpr (Bounded<F, Y> && bounds_depend_on_outer<Place, X>()) {
    for (const S way : {h, -h}) {
      moved[j] = x[j] + way;
      const auto& f = placed(place, moved);
      const auto& box = f.box();
      for (Eigen::Index i = 0; i < out.size(); ++i)
        if (const int at = map.side(i); at != 0) out[i] += (at < 0 ? box.lower[i] : box.upper[i]) / (2 * way);
    }
    moved[j] = x[j];
  }
  if constexpr (Regularized<F, Y>) {
    if constexpr (regularizer_depends_on_outer<Place, X>()) {
      scratch.resize(out.size());
      if constexpr (requires { place.g.proximal_mixed_direction(x, map.v, map.t, direction, scratch); }) {
        place.g.proximal_mixed_direction(x, map.v, map.t, direction, scratch);
      } else {
        other.resize(out.size());
        moved[j] = x[j] + h;
        placed(place, moved).regularizer().proximal(map.v, map.t, scratch);
        moved[j] = x[j] - h;
        placed(place, moved).regularizer().proximal(map.v, map.t, other);
        scratch = (scratch - other) / (2 * h);
      }
      map.template release<F>(scratch);
      out += scratch;
    }
  }
}

}  // namespace mesaopt::detail
