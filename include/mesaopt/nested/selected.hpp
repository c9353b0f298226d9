#pragma once

#include <cstdint>
#include <utility>

#include <Eigen/Core>

#include <mesaopt/core/evaluation.hpp>
#include <mesaopt/core/point.hpp>
#include <mesaopt/core/stopping.hpp>

namespace mesaopt {

/// Which of several inner solutions is meant: the one that is best for the outer level, or the worst.
enum class Selection : std::uint8_t { optimistic, pessimistic };

/// An inner objective that leaves something open, and an outer one that decides it. See `selected`.
template <class G, class Outer>
struct Selected {
  G g;
  Outer outer;
  double weight;  ///< of the outer objective: positive for optimistic, negative for pessimistic

  /// g(x, y) + weight · F(x, y), and its gradient in y. The outer objective's slope in x has no use, and is made in
  /// scratch of its own.
  template <Point X, Point Y>
  Evaluation<ScalarOf<Y>> operator()(const X& x, const Y& y, Y& gy) const {
    X slope(x.size());
    Y outer_y(y.size());
    Evaluation<ScalarOf<Y>> evaluation = g(x, y, gy);
    const Evaluation<ScalarOf<Y>> above = outer(x, y, slope, outer_y);
    if (!above.usable()) return above;
    evaluation.value += ScalarOf<Y>(weight) * above.value;
    gy += ScalarOf<Y>(weight) * outer_y;
    return evaluation;
  }
  template <Point X, Point Y>
  Evaluation<ScalarOf<Y>> operator()(const X& x, const Y& y) const {
    Y gy(y.size());
    return (*this)(x, y, gy);
  }
};

/// The family g(x, y) ± weight · F(x, y): where g has many minima in y, all of one value, the one of least F
/// (optimistic), or of largest F (pessimistic), as the weight goes to 0; the solution errs in proportion to the weight.
///
/// Too large a weight leads away from the minima of g, and for the pessimistic selection to where g − weight · F has no
/// minimum. F is the outer objective, callable as `F(x, y, gx, gy)`, g as `g(x, y, gy)`; neither has a Memory. Second
/// derivatives are made by differences. Both notions: Dempe (2002), "Foundations of bilevel programming", section 5.1.
/// Throws std::invalid_argument for a weight that is not more than 0.
template <class G, class Outer>
Selected<G, Outer> selected(G g, Outer outer, Selection selection, double weight = 1e-4) {
  if (!(weight > 0)) detail::refuse("selected: weight", weight, "it must be more than 0");
  return {std::move(g), std::move(outer), selection == Selection::optimistic ? weight : -weight};
}

}  // namespace mesaopt
