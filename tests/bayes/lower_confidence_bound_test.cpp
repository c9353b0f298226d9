#include <mesaopt/bayes/lower_confidence_bound.hpp>

#include "marginal_rule.hpp"
#include "support/catch.hpp"

using namespace mesaopt;

TEST_CASE("the bound is so many standard deviations below the mean, negated", "[bayes]") {
  const auto a = ask(LowerConfidenceBound{.deviations = 3}, 1.25, 0.25, 100.0);
  CHECK(a.value == 0.25);
  CHECK(a.by_mean == -1);
  CHECK(a.by_variance == 3);
  CHECK(derivative_error(LowerConfidenceBound{}, 0.3, 0.2, 0.0) < 1e-8);
  CHECK(ask(LowerConfidenceBound{}, 1.0f, 4.0f, 0.0f).value == 3);
}

TEST_CASE("without variance the bound is the mean", "[bayes]") {
  const auto a = ask(LowerConfidenceBound{}, 1.25, 0.0, 0.0);
  CHECK(a.value == -1.25);
  CHECK(a.by_variance == 0);
}

TEST_CASE("the posterior mean heeds no variance", "[bayes]") {
  const auto a = ask(PosteriorMean{}, 1.25, 0.5, 0.0);
  CHECK(a.value == -1.25);
  CHECK(a.by_mean == -1);
  CHECK(a.by_variance == 0);
}
