#include <mesaopt/recipes/walk_forward.hpp>

#include <cmath>
#include <limits>

#include <Eigen/Dense>

#include <mesaopt/core/minimize.hpp>
#include <mesaopt/core/random.hpp>
#include <mesaopt/gradient/dual_active_set.hpp>
#include <mesaopt/gradient/lbfgs.hpp>

#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::MatrixXd;
using Eigen::VectorXd;
using P = PortfolioParameter;

namespace {
using Walk = WalkForward<DualActiveSet>;
constexpr double forever = std::numeric_limits<double>::infinity();

/// One common factor and noise of its own for each asset, with different means and sizes.
MatrixXd some_returns(Eigen::Index rows = 90, Eigen::Index assets = 5) {
  MatrixXd noise(rows, assets + 1);
  Random{11}.fill_normal(noise);
  MatrixXd returns(rows, assets);
  for (Eigen::Index i = 0; i < assets; ++i)
    returns.col(i) =
        0.004 + 0.002 * double(i) + (0.03 * noise.col(0) + (0.02 + 0.01 * double(i)) * noise.col(i + 1)).array();
  return returns;
}

double difference(const Walk& walk, VectorXd x, Eigen::Index j, double h = 1e-5) {
  Calls<VectorXd, MemoryOf<Walk, VectorXd>> calls;
  x[j] += h;
  const double above = calls.value(walk, x).value;
  x[j] -= 2 * h;
  return (above - calls.value(walk, x).value) / (2 * h);
}
}  // namespace

TEST_CASE("the gradient through the chain of rebalancings agrees with differences", "[recipes]") {
  for (const double limit : {forever, 0.15}) {
    WalkForwardSettings how{.window = 24, .every = 3, .cost = 30};
    how.goal = limit < 1 ? WalkForwardGoal::volatility : WalkForwardGoal::sharpe;
    how.rules.turnover_most = limit;
    how.rules.most = 0.45;
    how.rules.groups = MatrixXd::Zero(1, 5);
    how.rules.groups.leftCols(2).setOnes();
    how.rules.group_most = VectorXd::Constant(1, 0.55);
    how.parameters.turnover_penalty = 1e-3;
    how.chosen = {P::risk_aversion, P::turnover_penalty, P::shrinkage, P::half_life};
    const Walk walk(some_returns(), DualActiveSet{}, how);
    VectorXd x(4), gradient(4);
    x << std::log(12.0), std::log(1e-3), -0.5, std::log(15.0);
    Calls<VectorXd, MemoryOf<Walk, VectorXd>> calls;
    const auto evaluation = calls.gradient(walk, x, gradient);
    CAPTURE(limit, gradient.transpose(), sentence(evaluation.reason));
    CHECK(evaluation.differentiable());
    CHECK(evaluation.value == calls.value(walk, x).value);
    for (Eigen::Index j = 0; j < 4; ++j) {
      CAPTURE(j);
      CHECK(gradient[j] == Approx(difference(walk, x, j)).epsilon(1e-5).margin(1e-7));
    }
    CHECK(calls.counts[1].evaluations() > 0);
  }
}

TEST_CASE("the minimum-variance portfolio at full shrinkage to the identity is that of equal weights", "[recipes]") {
  WalkForwardSettings how{.window = 24, .cost = 0};
  const Walk walk(some_returns(), DualActiveSet{}, how);
  const auto report = walk.report({.risk_aversion = forever, .turnover_penalty = 0, .shrinkage = 1});
  CHECK((report.weights.array() - 0.2).abs().maxCoeff() < 1e-14);
  const auto equal = walk.equal_weights();
  CHECK(report.sharpe == Approx(equal.sharpe).epsilon(1e-12));
}

TEST_CASE("costs, turnover and rules are kept by every rebalancing", "[recipes]") {
  WalkForwardSettings how{.window = 24, .cost = 50};
  how.rules.most = 0.4;
  how.rules.turnover_most = 0.1;
  const Walk walk(some_returns(), DualActiveSet{}, how);
  const models::PortfolioParameters p{.risk_aversion = 3, .turnover_penalty = 1e-4};
  const auto report = walk.report(p);
  CHECK((report.weights.colwise().sum().array() - 1).abs().maxCoeff() < 1e-12);
  CHECK(report.weights.minCoeff() >= -1e-12);
  CHECK(report.weights.maxCoeff() <= 0.4 + 1e-12);
  CHECK(report.turnover <= 0.1 + 1e-9);
  CHECK(report.wealth.size() == 66);

  how.cost = 0;
  const auto free = Walk(some_returns(), DualActiveSet{}, how).report(p);
  CHECK(free.wealth.back() > report.wealth.back());
}

TEST_CASE("the future never changes what was decided before it", "[recipes]") {
  const WalkForwardSettings how{.window = 24};
  MatrixXd returns = some_returns();
  const auto before = Walk(returns, DualActiveSet{}, how).report({});
  returns.bottomRows(10).array() += 0.5;
  const auto after = Walk(returns, DualActiveSet{}, how).report({});
  const Eigen::Index same = 66 - 10 + 1;  // the rebalancing before the change has not seen it
  CHECK(before.weights.leftCols(same) == after.weights.leftCols(same));
  CHECK(before.weights.col(same) != after.weights.col(same));
}

TEST_CASE("a search by gradients finds a better shrinkage than the first guess", "[recipes]") {
  const WalkForwardSettings how{.window = 24, .cost = 10};
  const Walk walk(some_returns(), DualActiveSet{}, how);
  const VectorXd x0 = VectorXd::Constant(1, -3);
  const auto best = minimize(walk, x0, Lbfgs{}, GradientBelow{1e-7} || MaxIterations{50});
  CAPTURE(best);
  Calls<VectorXd, MemoryOf<Walk, VectorXd>> calls;
  CHECK(best.value <= calls.value(walk, x0).value);
  CHECK_FALSE(failed(best.status));
}

TEST_CASE("settings and returns that do not fit are refused by name", "[recipes]") {
  CHECK_THROWS_WITH(Walk(some_returns(), DualActiveSet{}, {.window = 1}),
                    Catch::Contains("WalkForwardSettings::window"));
  CHECK_THROWS_WITH(Walk(some_returns(), DualActiveSet{}, {.window = 89}),
                    Catch::Contains("WalkForwardSettings::last"));
  CHECK_THROWS_WITH(Walk(some_returns(), DualActiveSet{}, {.cost = -1}), Catch::Contains("WalkForwardSettings::cost"));
  MatrixXd returns = some_returns();
  returns(3, 3) = std::numeric_limits<double>::quiet_NaN();
  CHECK_THROWS_WITH(Walk(returns, DualActiveSet{}, {}), Catch::Contains("NaN"));
  const Walk walk(some_returns(), DualActiveSet{}, {});
  CHECK_THROWS_WITH(walk.parameters(VectorXd::Zero(2)), Catch::Contains("size 2"));
}
