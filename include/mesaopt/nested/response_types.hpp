#pragma once

#include <type_traits>
#include <utility>

#include <mesaopt/core/call.hpp>
#include <mesaopt/core/constraints.hpp>
#include <mesaopt/core/objective.hpp>
#include <mesaopt/core/optimizer.hpp>
#include <mesaopt/core/prior.hpp>
#include <mesaopt/core/residuals.hpp>
#include <mesaopt/core/run.hpp>
#include <mesaopt/core/search.hpp>
#include <mesaopt/nested/inner_knowledge.hpp>
#include <mesaopt/nested/inner_start.hpp>
#include <mesaopt/nested/places.hpp>
#include <mesaopt/nested/start.hpp>

namespace mesaopt::detail {

/// Types that follow from the three places of a response and the type X of the outer point.
template <class ObjectivePlace, class SearchPlace, class StartPlace, Point X_>
struct ResponseTypes {
  using X = X_;
  using Start = StartPlace;
  using Place = ObjectivePlace;
  using Objective = PlacedOf<ObjectivePlace, X>;
  using Search = decltype(as_search(std::declval<const PlacedOf<SearchPlace, X>&>()));
  using Optimizer = decltype(Search::optimizer);
  using Stopping = decltype(Search::stopping);
  using From = PlacedOf<decltype(StartPlace::from), X>;
  using Y = PointOf<From>;
  static_assert(
      mesaopt::Objective<Objective, Y>,
      "mesaopt: the inner objective must be callable as f(y) or f(y, gradient), with y of the inner start's "
      "type; or write family(g), with g(x, y) or g(x, y, gradient), for one that depends on the outer point x");
  static_assert(!needs_gradient<Optimizer> || Differentiable<Objective, Y>,
                "mesaopt: the inner optimizer needs gradients of the inner objective: give f(y, gradient) -> value, or "
                "g(x, y, gradient) -> value for a family, or wrap it in finite_difference or forward_mode");
  static_assert(!Bounded<Objective, Y> || handles_bounds<Optimizer>,
                "mesaopt: the inner optimizer does not keep the bounds of the inner objective");
  static_assert(!Constrained<Objective, Y> || handles_constraints<Optimizer>,
                "mesaopt: the inner optimizer does not heed the constraints of the inner objective");
  static_assert(!lacks_jacobian<Optimizer, Objective, Y>,
                "mesaopt: the inner optimizer needs the Jacobian of the inner constraints: give "
                "f.constraints(y, c, J), or g.constraints(x, y, c, J) for a family");
  static_assert(!Regularized<Objective, Y> || handles_regularizer<Optimizer>,
                "mesaopt: the inner optimizer does not heed the regularizer of the inner objective");
  static constexpr bool restricted = Bounded<Objective, Y> || Constrained<Objective, Y> || Regularized<Objective, Y>;
  static_assert(!restricted || !(is_tangent<StartPlace> || is_newton_corrected<StartPlace>),
                "mesaopt: tangent and newton_corrected know no bounds, constraints or regularizers; start an inner "
                "objective that has some from warm(start) or nearest(start)");
  static_assert(OptimizerFor<Optimizer, Objective, Y> || needs_gradient<Optimizer>,
                "mesaopt: the search of a response must be an optimizer, or Search{optimizer, stopping}; this type has "
                "no template State<X, M>, init(f, start, state) and step(f, state) for the inner objective");
  using Run = RunOf<Optimizer, Stopping, Objective, Y>;
  using InnerMemory = MemoryOf<Objective, Y>;
  /// Whether a start brings all that the last accepted inner search knew.
  static constexpr bool hands_on_state = is_continued<StartPlace>;
  using Knowledge = InnerKnowledge<std::remove_cvref_t<decltype(Run::state)>, Y>;
  /// Whether a warm start brings multipliers.
  static constexpr bool hands_on_multipliers =
      Constrained<Objective, Y> && !is_cold<StartPlace> && !hands_on_state && HasMultipliers<decltype(Run::state)>;
  /// Whether with a penalty for each.
  static constexpr bool hands_on_penalties = hands_on_multipliers && HasPenalties<decltype(Run::state)>;
  /// Whether a predicted start brings a distribution: where the inner search knows one.
  static constexpr bool hands_on_distribution = is_predicted<StartPlace> && HasCovariance<decltype(Run::state)>;
};

}  // namespace mesaopt::detail
