#include <mesaopt/bayes/earlier_task.hpp>

#include <Eigen/Core>

#include <mesaopt/bayes/kernels.hpp>

#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::VectorXd;

TEST_CASE("observations that are spread out come first, led by the lowest", "[bayes][earlier_task]") {
  Observations seen(1);
  const double at[] = {0.1, 0.9, 0.5, 0.51, 0.52, 0.53}, values[] = {9, 8, 1, 0.9, 0.8, 0.85};
  for (int i = 0; i < 6; ++i) seen.add(VectorXd{{at[i]}}, values[i], i == 1 ? 0.5 : 0);
  EarlierTask<kernels::SquaredExponential> task;
  task.learn(seen);
  REQUIRE(task.observations.size() == 6);
  CHECK(task.observations.value(0) == 0.8);
  CHECK(task.observations.value(1) == 9);
  CHECK(task.observations.noise(2) == 0.5);
  CHECK(task.model.spread == 3);
}
