#include <mesaopt/nested/inner_start.hpp>

#include <Eigen/Core>

#include <mesaopt/core/call.hpp>
#include <mesaopt/core/prior.hpp>

#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::VectorXd;

TEST_CASE("each start of an inner run is a prior that knows what it is for, and no more", "[nested]") {
  using Plain = detail::InnerStart<VectorXd, Nothing>;
  using Restricted = detail::RestrictedInnerStart<VectorXd, Nothing>;
  using Distributed = detail::DistributedInnerStart<VectorXd, Nothing>;
  using Spread = detail::SpreadInnerStart<VectorXd, Nothing>;
  using Known = detail::EvaluatedInnerStart<VectorXd, Nothing>;
  static_assert(HasMemory<Plain, Nothing> && !HasMultipliers<Plain> && !detail::knows_evaluation<Plain>);
  static_assert(HasMemory<Restricted, Nothing> && HasMultipliers<Restricted> && !HasCovariance<Restricted>);
  static_assert(HasMemory<Distributed, Nothing> && HasCovariance<Distributed> && !HasVariances<Distributed>);
  static_assert(HasMemory<Spread, Nothing> && HasVariances<Spread> && !HasCovariance<Spread>);
  static_assert(HasMemory<Known, Nothing> && detail::knows_evaluation<Known>);

  const VectorXd x = VectorXd::Ones(2), values = VectorXd::Ones(3);
  const Eigen::MatrixXd points = Eigen::MatrixXd::Random(2, 3);
  const Nothing memory;
  const detail::ObservedInnerStart<VectorXd, Nothing> seen{x, memory, points, values};
  CHECK(&seen.observed_points() == &points);
  CHECK(&seen.observed_values() == &values);
}
