#include <mesaopt/bayes/expected_improvement.hpp>

#include "marginal_rule.hpp"
#include "support/catch.hpp"

using mesaopt::ExpectedImprovement;

TEST_CASE("expected improvement is its closed form at 60 digits, also in the far tail", "[bayes]") {
  // By mpmath, as in normal_test.cpp: value and derivatives by mean and variance.
  auto a = ask(ExpectedImprovement{}, 0.3, 0.04, 0.1);
  CHECK(a.value == Approx(0.016663094117537259677).epsilon(1e-14));
  CHECK(a.by_mean == Approx(-0.15865525393145705141).epsilon(1e-14));
  CHECK(a.by_variance == Approx(0.60492681129785837449).epsilon(1e-14));
  a = ask(ExpectedImprovement{}, -0.5, 0.25, 0.1);
  CHECK(a.value == Approx(0.62805122535858150939).epsilon(1e-14));
  CHECK(a.by_mean == Approx(-0.88493032977829173198).epsilon(1e-14));
  CHECK(a.by_variance == Approx(0.19418605498321294041).epsilon(1e-14));
  a = ask(ExpectedImprovement{}, 2.0, 0.01, -0.5);
  CHECK(a.value == Approx(1.2187970462990368643e-140).epsilon(1e-12));
  CHECK(a.by_mean == Approx(-3.0566967063825609164e-138).epsilon(1e-12));
  CHECK(a.by_variance == Approx(3.8269648682096963298e-136).epsilon(1e-12));
}

TEST_CASE("expected improvement in single precision agrees with double precision", "[bayes]") {
  const auto a = ask(ExpectedImprovement{}, 0.3f, 0.04f, 0.1f);
  CHECK(a.value == Approx(0.016663094117537).epsilon(1e-5));
  CHECK(a.by_variance == Approx(0.604926811297).epsilon(1e-5));
}

TEST_CASE("derivatives of expected improvement agree with differences", "[bayes]") {
  for (const double mean : {-2.0, 0.1, 0.5, 1.5})
    CHECK(derivative_error(ExpectedImprovement{.margin = 0.2}, mean, 0.3, 0.4) < 1e-8);
}

TEST_CASE("a margin lowers what is to be improved upon", "[bayes]") {
  CHECK(ask(ExpectedImprovement{.margin = 0.25}, 0.3, 0.04, 0.5).value ==
        ask(ExpectedImprovement{}, 0.3, 0.04, 0.25).value);
}

TEST_CASE("without variance the improvement is what is certain", "[bayes]") {
  auto a = ask(ExpectedImprovement{}, 0.25, 0.0, 1.0);
  CHECK(a.value == 0.75);
  CHECK(a.by_mean == -1);
  a = ask(ExpectedImprovement{}, 1.5, 0.0, 1.0);
  CHECK(a.value == 0);
  CHECK(a.by_mean == 0);
  CHECK(a.by_variance == 0);
  CHECK(std::isnan(ask(ExpectedImprovement{}, std::nan(""), 0.0, 1.0).value));
  CHECK(std::isnan(ask(ExpectedImprovement{}, 0.0, std::nan(""), 1.0).value));
}
