#include <mesaopt/recipes/trust_region_bayes.hpp>

#include <cmath>
#include <numbers>

#include <Eigen/Core>

#include <mesaopt/core/fields.hpp>
#include <mesaopt/core/minimize.hpp>
#include <mesaopt/objective/bounds.hpp>

#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::VectorXd;

namespace {

/// Ackley (1987), least at 0, where it is 0; around 20 far away.
struct Ackley {
  double operator()(const VectorXd& x) const {
    const double n = double(x.size());
    return 20 + std::numbers::e - 20 * std::exp(-0.2 * std::sqrt(x.squaredNorm() / n)) -
           std::exp((2 * std::numbers::pi * x.array()).cos().sum() / n);
  }
};

}  // namespace

TEST_CASE("a trust region brings Ackley's function of 10 variables below 3 in 140 evaluations by fours, twice the same",
          "[recipes][trust_region_bayes]") {
  const auto f = within(Ackley{}, Box<VectorXd>{VectorXd::Constant(10, -5), VectorXd::Constant(10, 10)});
  const VectorXd x0 = VectorXd::Constant(10, 7);
  CHECK(f(x0) > 12);
  const TrustRegionBayes search{.batch = 4, .seed = 1};
  const auto solution = minimize(f, x0, search, MaxEvaluations{140});
  CHECK(solution.value < 3);
  CHECK(solution.counts[0].values == 140);
  CHECK(identical(solution.state, minimize(f, x0, search, MaxEvaluations{140}).state));
}
