#include <mesaopt/bayes/probability_of_improvement.hpp>

#include <limits>

#include "marginal_rule.hpp"
#include "support/catch.hpp"

using namespace mesaopt;

TEST_CASE("the probability and its logarithm are those of 60 digits", "[bayes]") {
  // By mpmath: erfc((mean - best) / sqrt(2 variance)) / 2.
  CHECK(ask(ProbabilityOfImprovement{}, 0.3, 0.04, 0.1).value == Approx(0.15865525393145705141).epsilon(1e-14));
  CHECK(ask(ProbabilityOfImprovement{}, -0.5, 0.25, 0.1).value == Approx(0.88493032977829173198).epsilon(1e-14));
  CHECK(ask(ProbabilityOfImprovement{}, 2.0, 0.01, -0.5).value == Approx(3.0566967063825609164e-138).epsilon(1e-12));
  CHECK(ask(LogProbabilityOfImprovement{}, 0.3, 0.04, 0.1).value == Approx(-1.8410216450092635058).epsilon(1e-14));
  CHECK(ask(LogProbabilityOfImprovement{}, 3.0, 1e-6, -1.0).value == Approx(-8000009.2129882358067).epsilon(1e-14));
  CHECK(ask(LogProbabilityOfImprovement{}, 3.0f, 1e-6f, -1.0f).value == Approx(-8000009.21298824).epsilon(1e-6));
}

TEST_CASE("derivatives of the probability and its logarithm agree with differences", "[bayes]") {
  for (const double mean : {-2.0, 0.1, 0.5, 1.5, 4.0}) {
    CHECK(derivative_error(ProbabilityOfImprovement{.margin = 0.2}, mean, 0.3, 0.4) < 1e-8);
    CHECK(derivative_error(LogProbabilityOfImprovement{.margin = 0.2}, mean, 0.3, 0.4) < 1e-7);
  }
}

TEST_CASE("without variance an improvement is certain or impossible", "[bayes]") {
  CHECK(ask(ProbabilityOfImprovement{}, 0.5, 0.0, 1.0).value == 1);
  CHECK(ask(ProbabilityOfImprovement{}, 1.0, 0.0, 1.0).value == 0);
  CHECK(ask(ProbabilityOfImprovement{}, 1.5, 0.0, 1.0).by_mean == 0);
  CHECK(ask(LogProbabilityOfImprovement{}, 0.5, 0.0, 1.0).value == 0);
  CHECK(ask(LogProbabilityOfImprovement{}, 1.0, 0.0, 1.0).value == -std::numeric_limits<double>::infinity());
  CHECK(std::isnan(ask(ProbabilityOfImprovement{}, std::nan(""), 0.0, 1.0).value));
  CHECK(std::isnan(ask(LogProbabilityOfImprovement{}, std::nan(""), 0.0, 1.0).value));
}
