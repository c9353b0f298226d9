#pragma once

#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>

#include <mesaopt/core/number_text.hpp>
#include <mesaopt/core/objective.hpp>
#include <mesaopt/core/point.hpp>
#include <mesaopt/core/stopping.hpp>

namespace mesaopt::detail {

/// An interval [lower, upper] that a search in one dimension starts from.
template <class S>
struct Bracket {
  S lower, upper;
};

/// The box of f as an interval. Throws std::invalid_argument if the start does not have exactly one coordinate, or lies
/// outside of the box, or the box is not finite.
template <class F, Point X>
Bracket<ScalarOf<X>> bracket_of(const F& f, const X& start) {
  if (start.size() != 1)
    throw std::invalid_argument("start: has " + std::to_string(start.size()) +
                                " coordinates; this optimizer searches along a single one");
  const X lower = f.box().lower, upper = f.box().upper;
  if (lower.size() != 1 || upper.size() != 1)
    throw std::invalid_argument("box: has size " + std::to_string(lower.size()) + "; it must have size 1");
  if (!std::isfinite(lower[0]) || !std::isfinite(upper[0]))
    throw std::invalid_argument("box: is [" + number_text(lower[0]) + ", " + number_text(upper[0]) +
                                "]; this optimizer needs finite bounds");
  if (!(lower[0] <= start[0] && start[0] <= upper[0]))
    throw std::invalid_argument("start: is " + number_text(start[0]) + "; it must lie in the box, in [" +
                                number_text(lower[0]) + ", " + number_text(upper[0]) + "]");
  return {lower[0], upper[0]};
}

/// How near to x a minimum can be told from x: relative |x| + absolute, where 0 stands for √ε.
template <class S>
S resolution(double relative, double absolute, S x) {
  const S root = std::sqrt(std::numeric_limits<S>::epsilon());
  return (relative > 0 ? S(relative) : root) * std::abs(x) + (absolute > 0 ? S(absolute) : root);
}

/// Throws std::invalid_argument if one of the two tolerances is negative or not finite.
inline void check_resolution(const char* relative_name, double relative, const char* absolute_name, double absolute) {
  if (!(relative >= 0 && relative < 1)) refuse(relative_name, relative, "it must be in [0, 1)");
  if (!(absolute >= 0 && std::isfinite(absolute))) refuse(absolute_name, absolute, "it must be 0 or more");
}

/// 2 − φ: the golden section of 1, from below.
template <class S>
inline constexpr S golden = S(0.38196601125010515179541316563436188L);

}  // namespace mesaopt::detail
