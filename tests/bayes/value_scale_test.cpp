#include <mesaopt/bayes/value_scale.hpp>

#include <cmath>
#include <limits>
#include <vector>

#include "support/catch.hpp"

using namespace mesaopt;

TEST_CASE("a scale brings values to mean 0 and variance 1", "[bayes][value_scale]") {
  const std::vector<double> values{1, 2, 3, 4};
  std::vector<double> scratch;
  ValueScale scale;
  scale.set(values, scratch);
  CHECK(scale(2.5) == Approx(0).margin(1e-15));
  CHECK(scale(4) == Approx(1.5 / std::sqrt(1.25)));
  CHECK((scale(3) - scale(2)) * scale.step() == Approx(1));
}

TEST_CASE("a scale of values over 600 orders of magnitude stays finite and in order", "[bayes][value_scale]") {
  const double most = std::numeric_limits<double>::max();
  const std::vector<double> values{-1e-300, 0, 1e-300, 1, 1e150, 1e300, most};
  std::vector<double> scratch;
  ValueScale scale;
  scale.set(values, scratch);
  double before = -std::numeric_limits<double>::infinity();
  for (const double value : values) {
    CHECK(std::isfinite(scale(value)));
    CHECK(scale(value) >= before);
    before = scale(value);
  }
  scale.set({-most, 0, most}, scratch);
  CHECK(std::isfinite(scale(most)));
  CHECK(scale(-most) < scale(0));
}

TEST_CASE("a scale of equal values, or of none, is that of unit 1", "[bayes][value_scale]") {
  std::vector<double> scratch;
  ValueScale scale;
  scale.set({0, 0, 0}, scratch);
  CHECK(scale(0) == 0);
  CHECK(scale(1) == 1);
  scale.set({}, scratch);
  CHECK(scale(2) == 2);
}

TEST_CASE("a value scale has an inverse, also in its tail", "[bayes][value_scale]") {
  const ValueScale scale{.middle = 1, .unit = 2, .mean = 0.3, .deviation = 1.7};
  for (const double value : {-4.0, 1.0, 6.9, 40.0, 1e6}) {
    CHECK(scale.value(scale(value)) == Approx(value).epsilon(1e-9));
    const double t = (value - 1) / 2, h = 1e-4 * (1 + std::abs(t));
    const ValueScale::Curve at = scale.of_units(t), back = scale.units(at.value);
    CHECK(at.slope == Approx((scale.of_units(t + h).value - scale.of_units(t - h).value) / (2 * h)).epsilon(1e-4));
    CHECK(at.slope * back.slope == Approx(1));
  }
}
