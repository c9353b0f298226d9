#include <mesaopt/bayes/log_expected_improvement.hpp>

#include <limits>

#include <mesaopt/bayes/expected_improvement.hpp>

#include "marginal_rule.hpp"
#include "support/catch.hpp"

using namespace mesaopt;

TEST_CASE("the logarithm of improvement is finite where improvement is below 1e-3474367", "[bayes]") {
  // log EI, dEI/dmean / EI and dEI/dvariance / EI by mpmath at 60 digits; mean, variance and best are decimal there.
  auto a = ask(LogExpectedImprovement{}, 3.0, 1e-6, -1.0);
  CHECK(a.value == Approx(-8000024.4147932798908).epsilon(1e-14));
  CHECK(a.by_mean == Approx(-1.3919512736754195039e7 / 3.479877749203911669).epsilon(1e-12));
  CHECK(a.by_variance == Approx(2.7839027213447264681e13 / 3.479877749203911669).epsilon(1e-12));
  a = ask(LogExpectedImprovement{}, 1.0, 1e-4, -0.5);
  CHECK(a.value == Approx(-11265.545512619983923).epsilon(1e-14));
  CHECK(a.by_mean == Approx(-4.091457980903002399e4 / 2.7273962510276655021).epsilon(1e-12));
  CHECK(a.by_variance == Approx(3.0687298554898031825e8 / 2.7273962510276655021).epsilon(1e-12));
  const auto single = ask(LogExpectedImprovement{}, 3.0f, 1e-6f, -1.0f);
  CHECK(single.value == Approx(-8000024.41479).epsilon(1e-6));
  CHECK(single.by_mean == Approx(-1.39195127e7 / 3.479877749).epsilon(1e-5));
}

TEST_CASE("it is the logarithm of expected improvement, with its derivatives", "[bayes]") {
  for (const double mean : {-9.0, -0.3, 0.4, 1.4, 1.6, 8.0}) {
    const LogExpectedImprovement logarithm{.margin = 0.05};
    const auto a = ask(logarithm, mean, 0.3, 0.4), b = ask(ExpectedImprovement{.margin = 0.05}, mean, 0.3, 0.4);
    CHECK(std::exp(a.value) == Approx(b.value).epsilon(1e-12));
    CHECK(a.by_mean == Approx(b.by_mean / b.value).epsilon(1e-12));
    CHECK(a.by_variance == Approx(b.by_variance / b.value).epsilon(1e-12));
    CHECK(derivative_error(logarithm, mean, 0.3, 0.4) < 1e-7);
  }
}

TEST_CASE("its derivatives agree with differences far down", "[bayes]") {
  CHECK(derivative_error(LogExpectedImprovement{}, 3.0, 1e-6, -1.0) < 1e-5);
  CHECK(derivative_error(LogExpectedImprovement{}, 50.0, 1.0, 0.0) < 1e-7);
}

TEST_CASE("without variance the logarithm is that of what is certain", "[bayes]") {
  const auto a = ask(LogExpectedImprovement{}, 0.5, 0.0, 1.0);
  CHECK(a.value == Approx(std::log(0.5)));
  CHECK(a.by_mean == -2);
  CHECK(ask(LogExpectedImprovement{}, 1.0, 0.0, 1.0).value == -std::numeric_limits<double>::infinity());
  CHECK(std::isnan(ask(LogExpectedImprovement{}, std::nan(""), 0.0, 1.0).value));
}
