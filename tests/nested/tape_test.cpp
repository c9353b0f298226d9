#include <mesaopt/nested/tape.hpp>

#include <limits>

#include <Eigen/Core>

#include <mesaopt/core/stopping.hpp>

#include "support/catch.hpp"

using namespace mesaopt;

TEST_CASE("the steps that a stopping rule allows are known where it limits them", "[nested]") {
  using detail::iteration_limit;
  constexpr auto unknown = detail::CheckpointPlan::unknown;
  CHECK(iteration_limit(MaxIterations{7}) == 7);
  CHECK(iteration_limit(GradientBelow{1e-8} || MaxIterations{70}) == 70);
  CHECK(iteration_limit(MaxIterations{9} || (TargetReached{0} || MaxIterations{8})) == 8);
  CHECK(iteration_limit(GradientBelow{1e-8}) == unknown);
  CHECK(iteration_limit(GradientBelow{1e-8} && MaxIterations{70}) == unknown);
}

TEST_CASE("the distance to the limit is that of a geometric series of steps", "[nested]") {
  struct Steps {
    double last_step, step_before;
  };
  const Eigen::VectorXd y = Eigen::VectorXd::Constant(1, 0.1);
  // 0.25 + 0.125 + ... after steps of 1 and 0.5.
  CHECK(detail::distance_by_steps(Steps{0.5, 1}, y) == Approx(0.5));
  CHECK(detail::distance_by_steps(Steps{0.5, 1}, Eigen::VectorXd(40 * y)) == Approx(0.5 / 4));
  CHECK(detail::distance_by_steps(Steps{0, 1}, y) == 0);
  CHECK(detail::distance_by_steps(Steps{1, 0.5}, y) == std::numeric_limits<double>::infinity());
  CHECK(detail::distance_by_steps(Steps{1, 0}, y) == std::numeric_limits<double>::infinity());
}
