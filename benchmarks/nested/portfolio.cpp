// A minimum-variance portfolio's shrinkage, chosen for the least volatility out of sample by walking forward through
// ten years of daily returns of 30 assets: by the gradient through all rebalancings, by golden section and by CMA-ES;
// and how long an evaluation takes.
//   portfolio [PRICES.csv]      without prices, returns are drawn from a model with one factor
#include <chrono>
#include <cmath>
#include <cstdio>
#include <limits>

#include <Eigen/Core>

#include <mesaopt/core/minimize.hpp>
#include <mesaopt/core/random.hpp>
#include <mesaopt/direct/golden_section.hpp>
#include <mesaopt/evolution/cma_es.hpp>
#include <mesaopt/gradient/dual_active_set.hpp>
#include <mesaopt/gradient/lbfgs.hpp>
#include <mesaopt/models/portfolio/prices.hpp>
#include <mesaopt/objective/bounds.hpp>
#include <mesaopt/recipes/walk_forward.hpp>

using namespace mesaopt;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {

MatrixXd drawn_returns(Eigen::Index rows, Eigen::Index assets) {
  MatrixXd noise(rows, assets + 1);
  Random{.seed = 30}.fill_normal(noise);
  MatrixXd returns(rows, assets);
  for (Eigen::Index i = 0; i < assets; ++i) {
    const double own = 0.008 + 0.0004 * double(i), beta = 0.6 + 0.03 * double(i);
    returns.col(i) = 0.0002 + 0.00001 * double(i) + (0.009 * beta * noise.col(0) + own * noise.col(i + 1)).array();
  }
  return returns;
}

double seconds_since(std::chrono::steady_clock::time_point began) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
}

}  // namespace

int main(int argc, char** argv) {
  const MatrixXd returns = argc > 1 ? models::read_prices(argv[1]).returns() : drawn_returns(2528, 30);
  WalkForwardSettings how{
      .window = 250, .every = 21, .goal = WalkForwardGoal::volatility, .cost = 0, .rows_per_year = 252};
  how.parameters = {.risk_aversion = std::numeric_limits<double>::infinity()};  // minimum variance
  const WalkForward walk(returns, DualActiveSet{}, how);
  std::printf("%td days, %td assets, %td rebalancings.\n\n", returns.rows() + 1, returns.cols(),
              walk.report(how.parameters).weights.cols());

  // Fifty evaluations of value and gradient, from one end of the shrinkage to the other.
  const auto began = std::chrono::steady_clock::now();
  Calls<VectorXd, MemoryOf<decltype(walk), VectorXd>> calls;
  VectorXd x(1), gradient(1);
  for (int i = 0; i < 50; ++i) {
    x[0] = -4 + 8 * i / 49.0;
    calls.gradient(walk, x, gradient);
  }
  const double fifty = seconds_since(began);
  std::printf("50 evaluations with gradient take %.2f s: %llu steps of the active set, %.2f a rebalancing.\n\n", fifty,
              static_cast<unsigned long long>(calls.counts[1].iterations),
              double(calls.counts[1].iterations) / 50 / double(walk.report(how.parameters).weights.cols()));

  // With two months of days the sample says little of 30 assets, and how far it is shrunk counts.
  how.window = 60;
  const WalkForward short_window(returns, DualActiveSet{}, how);
  const VectorXd start = VectorXd::Constant(1, -1.4);
  const Box<VectorXd> box(VectorXd(VectorXd::Constant(1, -6)), VectorXd(VectorXd::Constant(1, 6)));
  std::printf(
      "| search | shrinkage | volatility a year | evaluations | seconds |\n| --- | ---: | ---: | ---: | ---: |\n");
  const auto row = [&](const char* name, const auto& solution) {
    std::printf("| %s | %.8f | %.12f | %llu | %.2f |\n", name, short_window.parameters(solution.x).shrinkage,
                solution.value, static_cast<unsigned long long>(solution.counts[0].evaluations()), solution.seconds);
  };
  row("L-BFGS, gradient through the chain",
      minimize(short_window, start, Lbfgs{}, GradientBelow{1e-10} || MaxIterations{50}));
  row("golden section", minimize(within(short_window, box), start, GoldenSection{}));
  row("CMA-ES", minimize(short_window, start, CmaEs{.step_size = 1, .seed = 1}, MaxEvaluations{400}));
}
