#include <mesaopt/evolution/violations.hpp>

#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

#include <Eigen/Core>

#include "support/catch.hpp"

using namespace mesaopt;

TEST_CASE("the largest violation is of equalities on either side, of inequalities above 0", "[evolution][violations]") {
  CHECK(detail::largest_violation(Eigen::Vector3d(-2, 1, -5), 1) == 2);
  CHECK(detail::largest_violation(Eigen::Vector3d(-2, 1, -5), 0) == 1);
  CHECK(detail::largest_violation(Eigen::Vector3d(-2, -1, -5), 0) == 0);
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK(std::isnan(detail::largest_violation(Eigen::Vector2d(-1, nan), 0)));
  CHECK(std::isnan(detail::largest_violation(Eigen::Vector2d(nan, -1), 0)));
}

TEST_CASE("half of all values lie between the quartiles", "[evolution][violations]") {
  const std::vector<double> values{8, 1, 3, 100, 5};
  std::vector<double> scratch;
  CHECK(detail::middle_half(
            5, [&](Eigen::Index k) { return values[std::size_t(k)]; }, scratch) == 5);
}
