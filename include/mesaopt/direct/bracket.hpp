#pragma once

#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>

#include <mesaopt/core/evaluation.hpp>
#include <mesaopt/core/objective.hpp>
#include <mesaopt/core/stopping.hpp>

namespace mesaopt::detail {

/// The bounds of an objective of one variable. Throws std::invalid_argument unless they are finite, lower < upper, and
/// x is one number between them; `who` names the search.
template <class F, Point X>
void take_bracket(const F& f, const X& x, const char* who, ScalarOf<X>& lower, ScalarOf<X>& upper) {
  if (x.size() != 1)
    throw std::invalid_argument(std::string("start: has size ") + std::to_string(x.size()) + "; " + who +
                                " searches along one variable");
  const auto& box = f.box();
  if (box.lower.size() != 1)
    throw std::invalid_argument("box: has size " + std::to_string(box.lower.size()) + ", but the start 1");
  lower = box.lower[0];
  upper = box.upper[0];
  if (!(std::isfinite(lower) && std::isfinite(upper) && lower < upper))
    throw std::invalid_argument("box: is [" + std::to_string(lower) + ", " + std::to_string(upper) + "]; " + who +
                                " needs finite lower < upper");
  if (!(lower <= x[0] && x[0] <= upper)) refuse("start: coordinate 0", double(x[0]), "it must lie in the box");
}

/// What counts as the value of an evaluation: infinity if it has none, so that the search turns away from it.
template <class S>
S or_worst(const Evaluation<S>& evaluation) {
  return evaluation.usable() ? evaluation.value : std::numeric_limits<S>::infinity();
}

}  // namespace mesaopt::detail
