#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <tuple>
#include <type_traits>
#include <utility>

#include <Eigen/Core>

#include <mesaopt/core/point.hpp>
#include <mesaopt/core/search.hpp>
#include <mesaopt/nested/places.hpp>
#include <mesaopt/nested/tape.hpp>
#include <mesaopt/objective/forward_mode.hpp>

namespace mesaopt::detail {

/// The settings of an optimizer that can be differentiated by, in the order of its reverse rule.
template <class O>
auto settings_of(const O& optimizer) {
  return std::apply(
      [&](const auto&... members) {
        return std::array<std::common_type_t<std::remove_cvref_t<decltype(optimizer.*members)>...>, sizeof...(members)>{
            optimizer.*members...};
      },
      ReverseRuleOf<O>::type::settings());
}

/// Calls take(j, slopes) for every coordinate j of x with the derivatives by it of what values(x) answers, an array: by
/// dual numbers, or by central differences.
template <bool in_duals, Point X, class Values, class Take>
void differentiate_place(const X& x, Rebound<X, First<X>>& dual, X& moved, const Values& values, const Take& take) {
  using S = ScalarOf<X>;
  if constexpr (in_duals) {
    lift(x, dual);
    auto now = values(dual);
    sweep(
        dual, [&] { now = values(dual); },
        [&](Eigen::Index j, std::size_t k) { take(j, [&](auto i) { return S(now[i].tangent[k]); }); });
  } else {
    moved = x;
    for (Eigen::Index j = 0; j < x.size(); ++j) {
      const S h = std::cbrt(std::numeric_limits<S>::epsilon()) * std::max(S(1), std::abs(x[j]));
      moved[j] = x[j] + h;
      const auto above = values(moved);
      moved[j] = x[j] - h;
      const auto below = values(moved);
      moved[j] = x[j];
      take(j, [&](auto i) { return S(above[i] - below[i]) / (2 * h); });
    }
  }
}

/// gradient += the part that goes through the optimizer's settings, whose adjoints the tape holds.
template <class Make, bool in_duals, Point X, class T>
void pull_settings(const ByOuter<Make, in_duals>& place, const X& x, T& tape, X& gradient) {
  differentiate_place<in_duals>(
      x, tape.dual_x, tape.moved,
      [&](const auto& there) { return settings_of(as_search(place.make(there)).optimizer); },
      [&](Eigen::Index j, const auto& slope) {
        for (std::size_t i = 0; i < T::settings_count; ++i)
          if (tape.settings[i] != 0) gradient[j] += tape.settings[i] * slope(i);
      });
}

/// gradient += the part that goes through the start of the inner run, whose adjoint is the tape's y.
template <class Make, bool in_duals, Point X, class T>
void pull_start(const ByOuter<Make, in_duals>& place, const X& x, T& tape, X& gradient) {
  static_assert(Point<PlacedOf<ByOuter<Make, in_duals>, X>>,
                "mesaopt: a start in by_outer(...) must answer a point to be differentiated through");
  if constexpr (std::is_same_v<Make, Itself>)
    gradient += tape.y;
  else
    differentiate_place<in_duals>(
        x, tape.dual_x, tape.moved, [&](const auto& there) { return place.make(there); },
        [&](Eigen::Index j, const auto& slope) {
          for (Eigen::Index i = 0; i < tape.y.size(); ++i) gradient[j] += tape.y[i] * slope(i);
        });
}

}  // namespace mesaopt::detail
