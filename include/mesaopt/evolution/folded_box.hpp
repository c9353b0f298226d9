#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <tuple>

#include <Eigen/Core>

#include <mesaopt/core/point.hpp>
#include <mesaopt/objective/box.hpp>

namespace mesaopt {

/// A map from all points u onto those x in a box, by which a sampler of normal draws keeps bounds.
///
/// Away from the bounds x is u. Within `margin` of a bound it bends, as a parabola whose vertex lies on the bound, at
/// u = bound -+ margin; beyond the vertex the box is met again in the mirror, and so on for ever. So an optimum on a
/// bound is a smooth minimum in u, every x in the box can be drawn, and none outside.
/// The same map as in N. Hansen's pycma (`BoxConstraintsLinQuadTransformation`), with margins in proportion to the
/// initial step size, so that it does not change with the units.
template <Point X>
struct FoldedBox {
  using S = ScalarOf<X>;
  bool bounded = false;  ///< whether there is a box; if not, u is x, and nothing below may be called
  Box<X> box{};
  S widest = 0;          ///< the margin, where the box is twice as wide or wider
  bool clipped = false;  ///< whether u stands for the nearest x in the box instead: see BoundPenalty

  static constexpr auto fields() {
    return std::tuple{&FoldedBox::bounded, &FoldedBox::box, &FoldedBox::widest, &FoldedBox::clipped};
  }

  /// Takes a box and the margin, or neither: nullptr for none of n coordinates' bounds.
  void set(const Box<X>* bounds, Eigen::Index n, S margin) {
    bounded = bounds != nullptr;
    widest = margin;
    if (bounded) {
      box = *bounds;
    } else {
      // Nothing reads them, but a state is saved and compared with them.
      constexpr S infinity = std::numeric_limits<S>::infinity();
      box.lower.setConstant(n, -infinity);
      box.upper.setConstant(n, infinity);
    }
  }

  /// True for a coordinate that can have one value only.
  [[nodiscard]] bool fixed(Eigen::Index i) const { return box.lower[i] == box.upper[i]; }

  /// Coordinate i of the x that u stands for.
  [[nodiscard]] S to_box(Eigen::Index i, S u) const {
    const S lower = box.lower[i], upper = box.upper[i];
    if (lower == upper) return lower;
    if (clipped) return std::clamp(u, lower, upper);
    const S a = margin(i);
    if (lower + a <= u && u <= upper - a) return u;
    if (!std::isfinite(u)) return u > 0 ? upper : lower;  // where draws overflow
    if (!std::isfinite(upper)) return onto(lower, a, std::abs(u - (lower - a)));
    if (!std::isfinite(lower)) return -onto(-upper, a, std::abs(upper + a - u));
    const S span = (upper - lower) + 2 * a;
    S from = std::abs(u - (lower - a));
    if (from > span) {
      from = std::fmod(from, 2 * span);
      if (from > span) from = 2 * span - from;
    }
    return std::clamp(from < span - 2 * a ? onto(lower, a, from) : -onto(-upper, a, span - from), lower, upper);
  }

  /// The u, between the vertices, that stands for x in the box.
  [[nodiscard]] S from_box(Eigen::Index i, S x) const {
    const S lower = box.lower[i], upper = box.upper[i];
    if (lower == upper) return lower;
    if (clipped) return x;
    const S a = margin(i);
    if (x - lower < a) return lower - a + 2 * std::sqrt(a * (x - lower));
    if (upper - x < a) return upper + a - 2 * std::sqrt(a * (upper - x));
    return x;
  }

 private:
  [[nodiscard]] S margin(Eigen::Index i) const { return std::min(widest, box.upper[i] / 2 - box.lower[i] / 2); }

  /// What lies `from` above the vertex that belongs to a lower bound.
  static S onto(S bound, S a, S from) { return from < 2 * a ? bound + from * from / (4 * a) : bound + (from - a); }
};

}  // namespace mesaopt
