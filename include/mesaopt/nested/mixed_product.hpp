#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

#include <Eigen/Core>

#include <mesaopt/core/objective.hpp>
#include <mesaopt/nested/places.hpp>

namespace mesaopt::detail {

/// out = ∂/∂x (∂g/∂y · v): the family's own `mixed_product`, else central differences of gradients, one coordinate of x
/// after the other.
template <class Place, Point X, Point Y, class C>
void mixed_product(const Place& place, const X& x, const Y& y, const Y& v, X& out, X& moved, Y& scratch, C& calls) {
  using S = ScalarOf<Y>;
  using F = PlacedOf<Place, X>;
  out.setZero(x.size());
  if constexpr (!depends_on_outer<Place>) {
    return;
  } else if constexpr (!Remembers<F, Y> && requires { place.g.mixed_product(x, y, v, out); }) {
    ++calls.counts[0].hessian_products;
    place.g.mixed_product(x, y, v, out);
  } else if constexpr (Remembers<F, Y> &&
                       requires(const Call<MemoryOf<F, Y>>& call) { place.g.mixed_product(x, y, v, out, call); }) {
    ++calls.counts[0].hessian_products;
    calls.make([&](const auto& call) { place.g.mixed_product(x, y, v, out, call); });
  } else {
    scratch.resize(y.size());
    moved = x;
    for (Eigen::Index j = 0; j < x.size(); ++j) {
      const S h = std::cbrt(std::numeric_limits<S>::epsilon()) * std::max(S(1), std::abs(x[j]));
      calls.counts[0].gradients += 2;
      moved[j] = x[j] + h;
      calls.make([&](const auto& call) { evaluate_gradient(placed(place, moved), y, scratch, call); });
      const S above = scratch.dot(v);
      moved[j] = x[j] - h;
      calls.make([&](const auto& call) { evaluate_gradient(placed(place, moved), y, scratch, call); });
      out[j] = (above - scratch.dot(v)) / (2 * h);
      moved[j] = x[j];
    }
  }
}

}  // namespace mesaopt::detail
