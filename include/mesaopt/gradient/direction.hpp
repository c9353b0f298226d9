#pragma once

#include <concepts>

#include <mesaopt/core/point.hpp>

namespace mesaopt {

/// By how much a step changed the value, and by how much it may be wrong.
template <class S>
struct ValueChange {
  S change = 0, noise = 0;
};

namespace detail {
template <class D, class X>
concept LearnsFromValues = requires(const D& direction, const X& x, typename D::template Memory<X>& memory) {
  direction.learn(x, x, x, x, ValueChange<ScalarOf<X>>{}, memory);
};
}  // namespace detail

/// A direction d to move in, from what a run has seen, kept in its `Memory<X>`:
///
///     direction.init(start, x, memory);                       // at the start, with what the start brings
///     direction.query(f, calls, x, gradient, memory, d);      // fills d
///     direction.learn(x, gradient, next_x, next_gradient, memory);
///     direction.forget(memory) -> bool           // back to steepest descent; false if it is that already
///     direction.scaled(memory) -> bool           // whether step 1 is the natural one
///
/// Two things are optional: a direction that learns from values too takes a ValueChange before `memory` in `learn`, and
/// `first_step(memory)` gives the very first step along −g, or 0 where it does not know.
template <class D, class X>
concept Direction = requires(const D& direction, const X& x, X& d, typename D::template Memory<X>& memory) {
  direction.init(x, x, memory);
  requires detail::LearnsFromValues<D, X> || requires { direction.learn(x, x, x, x, memory); };
  { direction.forget(memory) } -> std::same_as<bool>;
  { direction.scaled(memory) } -> std::same_as<bool>;
};

/// A direction that keeps to a box, which its memory holds (kept_box.hpp): from x in the box, x + d is in it as well.
template <class D, class X>
concept KeepsBox = requires(const typename D::template Memory<X>& memory) {
  memory.box.projected;
};

}  // namespace mesaopt
