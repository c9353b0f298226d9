#include <mesaopt/problems/ridge_instance.hpp>

#include "support/catch.hpp"

using mesaopt::problems::RidgeInstance;

TEST_CASE("the ridge instance has the published first example and targets", "[problems]") {
  const Eigen::MatrixXd X = RidgeInstance::inputs();
  REQUIRE(X.rows() == 20);
  REQUIRE(X.cols() == RidgeInstance::weights);
  const double first[] = {.577590085109709, .886701752997574, .823129449440876, .390425583773821, -.250797364051278};
  for (Eigen::Index j = 0; j < 5; ++j) CHECK(X(0, j) == Approx(first[j]).epsilon(1e-13));
  CHECK(RidgeInstance::targets()[0] == Approx(-1.688094619698792).epsilon(1e-13));
  CHECK(RidgeInstance::validation_targets()[0] == Approx(.382785384569596).epsilon(1e-13));
}

TEST_CASE("validation examples of the ridge instance continue the training examples", "[problems]") {
  CHECK(RidgeInstance::validation_inputs().rows() == 15);
  CHECK(RidgeInstance::validation_targets().size() == 15);
  CHECK(RidgeInstance::validation_inputs()(0, 0) == Approx(std::sin(0.7 * 21) + 0.1 * std::cos(1.3 * 21 + 1)));
}
