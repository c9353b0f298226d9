#pragma once

#include <type_traits>
#include <utility>

#include <mesaopt/core/point.hpp>
#include <mesaopt/objective/box.hpp>
#include <mesaopt/objective/in_box.hpp>

namespace mesaopt {

/// An objective with bounds on its variables, for optimizers that keep them. Everything else is the objective's own.
/// See `within`.
template <class F, Point X>
struct Within : F {
  Box<X> bounds;
  [[nodiscard]] const Box<X>& box() const { return bounds; }
};

/// The objective f on a box, for an optimizer that keeps bounds:  `minimize(within(f, box), x0, CmaEs{})`.
///
/// Such an optimizer evaluates f inside the box alone. If f has a box already, this one takes its place.
/// Throws std::invalid_argument for a box that is none (see Box).
template <class F, Point X>
requires std::is_class_v<F> Within<F, X> within(F f, Box<X> box) {
  box.check();
  return {{std::move(f)}, std::move(box)};
}

}  // namespace mesaopt
