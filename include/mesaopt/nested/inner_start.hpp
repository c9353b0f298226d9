#pragma once

#include <tuple>
#include <type_traits>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/constraints.hpp>
#include <mesaopt/core/evaluation.hpp>
#include <mesaopt/core/point.hpp>
#include <mesaopt/core/prior.hpp>

namespace mesaopt::detail {

/// A prior that knows a penalty for each constraint beside its multiplier.
template <class P>
concept HasPenalties = HasMultipliers<P> && requires(const P& p) {
  p.weights;
  p.settled;
};

/// The start of an inner run together with what the objective remembers from the last accepted one.
template <Point Y, class M>
struct InnerStart {
  const Y& x;
  const M& memory;
};
/// What is taken over from the last accepted inner run beside its point: multipliers, and the penalty of a method that
/// has one, 0 for others.
template <Point Y>
struct InnerMultipliers {
  ConstraintsOf<Y> multipliers{};
  ScalarOf<Y> penalty = 0;
  static constexpr auto fields() { return std::tuple{&InnerMultipliers::multipliers, &InnerMultipliers::penalty}; }
};
/// A start with these.
template <Point Y, class M>
struct RestrictedInnerStart {
  const Y& x;
  const M& memory;
  const ConstraintsOf<Y>& multipliers;
  const ScalarOf<Y>& penalty;
};
/// The same of an evolution strategy, which has a penalty for each constraint.
template <Point Y>
struct InnerPenalties {
  ConstraintsOf<Y> multipliers{}, weights{};
  std::vector<bool> settled{};
  static constexpr auto fields() {
    return std::tuple{&InnerPenalties::multipliers, &InnerPenalties::weights, &InnerPenalties::settled};
  }
};
template <class State, Point Y>
using HeldBy = std::conditional_t<HasPenalties<State>, InnerPenalties<Y>, InnerMultipliers<Y>>;
/// A start with these.
template <Point Y, class M>
struct PenalizedInnerStart {
  const Y& x;
  const M& memory;
  const ConstraintsOf<Y>&multipliers, &weights;
  const std::vector<bool>& settled;
};
/// A start with these, and with the shape and the width of a distribution to draw from.
template <Point Y, class M>
struct PenalizedDistributedInnerStart {
  static constexpr bool knows_width = true;
  const Y& x;
  const M& memory;
  const MatrixOf<Y>& covariance;
  ScalarOf<Y> step_size;
  const ConstraintsOf<Y>&multipliers, &weights;
  const std::vector<bool>& settled;
};
/// A start with the shape and the width of a distribution to draw from.
template <Point Y, class M>
struct DistributedInnerStart {
  static constexpr bool knows_width = true;
  const Y& x;
  const M& memory;
  const MatrixOf<Y>& covariance;
  ScalarOf<Y> step_size;
};
/// A start with variances to draw with.
template <Point Y, class M>
struct SpreadInnerStart {
  const Y& x;
  const M& memory;
  const Y& variances;
  ScalarOf<Y> step_size;
};
/// A start with observations of a similar objective.
template <Point Y, class M>
struct ObservedInnerStart {
  const Y& x;
  const M& memory;
  const PointsOf<Y>& points;
  const Eigen::VectorX<ScalarOf<Y>>& values;
  const PointsOf<Y>& observed_points() const { return points; }
  const Eigen::VectorX<ScalarOf<Y>>& observed_values() const { return values; }
};
/// A start at a point where the new inner objective was evaluated already.
template <Point Y, class M>
struct EvaluatedInnerStart {
  struct Evaluated {};
  const Y& x;
  const mesaopt::Evaluation<ScalarOf<Y>>& value;
  const Y& gradient;
  const M& memory;
};

}  // namespace mesaopt::detail
