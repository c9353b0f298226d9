#include <mesaopt/gradient/noise.hpp>

#include "support/catch.hpp"

using namespace mesaopt;

TEST_CASE("noise is the rounding of the value and the error that the evaluation states", "[gradient]") {
  Evaluation<double> evaluation = -3.0;
  CHECK(detail::noise_of(-3.0, evaluation) == 192 * 0x1p-52);
  evaluation.value_error = 0.25;
  CHECK(detail::noise_of(0.0, evaluation) == 0.5);
}
