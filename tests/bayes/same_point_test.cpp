#include <mesaopt/bayes/same_point.hpp>

#include "support/catch.hpp"
#include "support/kernel_checks.hpp"

using namespace mesaopt::kernels;
using Vector = Eigen::VectorXd;

TEST_CASE("what is particular to a point is shared with no other, however near", "[bayes]") {
  const SamePoint k{0.25};
  const Vector x{{0.1, 0.7}}, y{{0.1, std::nextafter(0.7, 1.0)}};
  CHECK(k(x, x) == 0.25);
  CHECK(k(x, y) == 0);
  CHECK(parameter_count(k) == 0);
  CHECK(disagreement(k, points_in_cube(2, 30)) == 0);
  CHECK_THROWS_AS((SamePoint{0}(x, x)), std::invalid_argument);
}
