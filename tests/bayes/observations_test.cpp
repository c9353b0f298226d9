#include <mesaopt/bayes/observations.hpp>

#include <cmath>
#include <limits>

#include <Eigen/Core>

#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::VectorXd;

TEST_CASE("observations count failures but take their values from nowhere", "[bayes][observations]") {
  Observations all(2);
  CHECK(all.worst() == 0);
  CHECK(all.distance(VectorXd{{0, 0}}) == 1);
  all.add(VectorXd{{0.25, 0.5}}, -3);
  all.add(VectorXd{{0.5, 0.5}}, std::numeric_limits<double>::infinity());
  all.add(VectorXd{{1, 0}}, -5, 0.5);
  CHECK(all.size() == 3);
  CHECK(all.usable() == 2);
  CHECK_FALSE(all.usable(1));
  CHECK(std::isnan(all.value(1)));
  CHECK(all.noise(1) == Observations::noise_of_failures);
  CHECK(all.noise(2) == 0.5);
  CHECK(all.worst() == -3);
  CHECK(all.points().col(2) == VectorXd{{1, 0}});
  CHECK(all.distance(VectorXd{{0.5, 0.125}}) == 0.375);
}
