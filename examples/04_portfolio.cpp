// Runs a portfolio of stocks through time. At each rebalancing a quadratic program weighs risk against return and
// trading; what it rests on (how far the covariance is shrunk, how averse to risk and to trading it is) is chosen by a
// search around it, on months before those in which the outcome is judged.
//
//   04_portfolio                                       four stocks, monthly, that come with the examples
//   04_portfolio PRICES.csv [WINDOW EVERY PER_YEAR]    your own prices (models/portfolio/prices.hpp says in which
//   form);
//                                                      daily: 250 21 252
//
// The gradient goes back through all rebalancings, each by the optimality conditions of its program.

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <exception>
#include <iomanip>
#include <iostream>
#include <stdexcept>
#include <string>
#include <system_error>
#include <type_traits>
#include <vector>

#include <mesaopt/core/minimize.hpp>
#include <mesaopt/gradient/dual_active_set.hpp>
#include <mesaopt/gradient/lbfgs.hpp>
#include <mesaopt/models/portfolio/prices.hpp>
#include <mesaopt/objective/in_box.hpp>
#include <mesaopt/recipes/efficient_frontier.hpp>
#include <mesaopt/recipes/walk_forward.hpp>

#include "plot.hpp"

using namespace mesaopt;
using Eigen::VectorXd;
using P = PortfolioParameter;

/// The whole argument as a positive number; throws std::runtime_error for anything else.
template <class Number>
static Number positive(const char* argument, const char* name) {
  const std::string text = argument;
  Number number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || !(number > 0) || !std::isfinite(double(number)))
    throw std::runtime_error(std::string(name) + " needs a number above 0" +
                             (std::is_integral_v<Number> ? ", whole" : "") + ", but is '" + text + "'");
  return number;
}

static int run(int argc, char** argv) {
  const bool own = argc > 1;
  const std::string path = own ? argv[1] : EXAMPLE_DATA "/stocks.csv";
  // Google has been listed since 2004 only; without it there are ten years.
  const auto prices = own ? models::read_prices(path) : models::read_prices(path, {"MSFT", "AMZN", "IBM", "AAPL"});
  const auto returns = prices.returns();

  WalkForwardSettings how{.window = argc > 2 ? positive<Eigen::Index>(argv[2], "WINDOW") : 36,
                          .every = argc > 3 ? positive<Eigen::Index>(argv[3], "EVERY") : 1,
                          .cost = 10,
                          .rows_per_year = argc > 4 ? positive<double>(argv[4], "PER_YEAR") : 12};
  if (returns.rows() < how.window + 4)  // two to choose by and two to judge by
    throw std::runtime_error(path + ": has " + std::to_string(returns.rows()) +
                             " returns, which are too few for a window of " + std::to_string(how.window));
  how.chosen = {P::risk_aversion, P::turnover_penalty, P::shrinkage};
  how.parameters = {.risk_aversion = 5, .turnover_penalty = 1e-4, .shrinkage = 0.05};
  how.first = how.window;
  how.last = how.window + (returns.rows() - how.window) / 2;
  const WalkForward validation(returns, DualActiveSet{}, how);
  how.first = how.last;
  how.last = returns.rows();
  const WalkForward test(returns, DualActiveSet{}, how);

  std::cout << prices.assets.size() << " assets, " << prices.dates.front() << " to " << prices.dates.back()
            << ". Chosen on " << validation.settings.last - validation.settings.first << " rows, judged on the "
            << test.settings.last - test.settings.first << " after them.\n\n";

  // The outer search: logarithms of risk aversion and trading penalty, the logit of the shrinkage, in a box.
  const Box<VectorXd> box(VectorXd(Eigen::Vector3d(0, std::log(1e-5), -4)),
                          VectorXd(Eigen::Vector3d(std::log(300.0), std::log(1.0), 4)));
  const auto boxed = in_box(validation, box);
  const VectorXd start = Eigen::Vector3d(std::log(5.0), std::log(1e-4), std::log(0.05 / 0.95));
  const auto best = minimize(boxed, boxed.from_box(start), Lbfgs{}, GradientBelow{1e-6} || MaxIterations{60});
  const auto chosen = validation.parameters(boxed.to_box(best.x));
  std::cout << "The search for the parameters:\n"
            << best << "\nrisk aversion " << chosen.risk_aversion << ", trading penalty " << chosen.turnover_penalty
            << ", shrinkage " << chosen.shrinkage << "\n\n";

  struct Row {
    const char* name;
    WalkForwardReport before, after;
  };
  const std::vector<Row> rows{{"1/N", validation.equal_weights(), test.equal_weights()},
                              {"untuned", validation.report(how.parameters), test.report(how.parameters)},
                              {"tuned", validation.report(chosen), test.report(chosen)}};
  std::cout << "a year, after costs of " << how.cost << " basis points of what is traded:\n"
            << "               chosen on          judged on, which nobody looked at\n"
            << "             Sharpe ratio    Sharpe ratio   mean    volatility   turnover a rebalancing\n"
            << std::fixed;
  for (const auto& row : rows)
    std::cout << std::left << std::setw(14) << row.name << std::right << std::setw(7) << std::setprecision(3)
              << row.before.sharpe << std::setw(17) << row.after.sharpe << std::setw(12) << row.after.mean
              << std::setw(11) << row.after.volatility << std::setw(13) << row.after.turnover << '\n';
  std::cout.unsetf(std::ios::fixed);
  std::cout << "The last walk solved " << test.report(chosen).weights.cols() << " programs in "
            << rows.back().after.solver_steps << " steps of the active set.\n\n";

  // The frontier as estimated for the last rebalancing of all.
  models::Covariance::Estimate estimate;
  models::Covariance::Scratch scratch;
  models::Covariance{}(returns.bottomRows(how.window), chosen.shrinkage, chosen.half_life, estimate, scratch);
  const auto frontier = efficient_frontier(estimate.mean, estimate.sigma, 60, DualActiveSet{});

  examples::Picture picture("portfolio", 1200, 500);
  picture.table("wealth", {"row", "equal", "untuned", "tuned"});
  for (std::size_t t = 0; t < rows[0].after.wealth.size(); ++t)
    picture.row(double(t + 1) / how.rows_per_year, rows[0].after.wealth[t], rows[1].after.wealth[t],
                rows[2].after.wealth[t]);
  const double year = how.rows_per_year;
  picture.table("frontier", {"volatility", "mean"});
  for (const auto& point : frontier) picture.row(std::sqrt(point.variance * year), point.mean * year);
  picture.table("assets", {"volatility", "mean", "name"});
  for (std::size_t i = 0; i < prices.assets.size(); ++i) {
    const auto k = Eigen::Index(i);
    picture.row(std::sqrt(estimate.sigma(k, k) * year), estimate.mean[k] * year, '"' + prices.assets[i] + '"');
  }
  picture.table("held", {"volatility", "mean"});
  const VectorXd w = rows[2].after.weights.rightCols(1);
  picture.row(std::sqrt(w.dot(estimate.sigma * w) * year), w.dot(estimate.mean) * year);
  picture.commands(R"(
set multiplot layout 1,2
set title 'Wealth out of sample, after costs'; set xlabel 'years'; set key top left
plot data index 'wealth' using 1:2 with lines lw 2 lc rgb grey title '1/N', \
     '' index 'wealth' using 1:3 with lines lw 2 lc rgb orange title 'untuned', \
     '' index 'wealth' using 1:4 with lines lw 3 lc rgb blue title 'tuned'
set title 'Efficient frontier, as estimated at the end'; set xlabel 'volatility a year'; set ylabel 'mean return a year'
set key bottom right
plot data index 'frontier' using 1:2 with lines lw 3 lc rgb blue title 'frontier', \
     '' index 'assets' using 1:2:3 with labels point pt 7 ps 1.2 lc rgb grey offset 0,0.8 notitle, \
     '' index 'held' using 1:2 with points pt 9 ps 2 lc rgb orange title 'held at the end'
unset multiplot)");
  std::cout << picture.draw();
  return 0;
}

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    std::cerr << "error: " << error.what() << '\n';
    return 1;
  }
}
