#pragma once

#include <tuple>

#include <Eigen/Core>

#include <mesaopt/core/constraints.hpp>
#include <mesaopt/core/evaluation.hpp>
#include <mesaopt/core/point.hpp>

namespace mesaopt::detail {

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
/// A start with the shape and the width of a distribution to draw from.
template <Point Y, class M>
struct DistributedInnerStart {
  const Y& x;
  const M& memory;
  const MatrixOf<Y>& covariance;
  ScalarOf<Y> step_size;
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
