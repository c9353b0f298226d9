#include <mesaopt/core/number_text.hpp>

#include <cmath>
#include <cstdlib>
#include <limits>

#include <mesaopt/core/random.hpp>

#include "support/catch.hpp"

using mesaopt::detail::number_text;

TEST_CASE("Numbers are written with the digits that tell them from others, and no more", "[number_text]") {
  CHECK(number_text(1.0) == "1");
  CHECK(number_text(-0.5) == "-0.5");
  CHECK(number_text(0.1) == "0.1");
  CHECK(number_text(0.1f) == "0.1");
  CHECK(number_text(1e-9) == "1e-09");
  CHECK(number_text(0.1 + 0.2) == "0.30000000000000004");
  CHECK(number_text(-std::numeric_limits<double>::infinity()) == "-inf");
  CHECK(number_text(std::numeric_limits<double>::quiet_NaN()) == "nan");
}

TEST_CASE("What is written of a number reads back as it", "[number_text]") {
  mesaopt::Random random{.seed = 1};
  for (int k = 0; k < 200; ++k) {
    const double number = std::ldexp(random.normal(), int(random.below(2000)) - 1000);
    CHECK(std::strtod(number_text(number).c_str(), nullptr) == number);
  }
  const double least = std::numeric_limits<double>::denorm_min(), most = -std::numeric_limits<double>::max();
  CHECK(std::strtod(number_text(least).c_str(), nullptr) == least);
  CHECK(std::strtod(number_text(most).c_str(), nullptr) == most);
}
