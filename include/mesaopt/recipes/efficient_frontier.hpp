#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/search.hpp>
#include <mesaopt/objective/quadratic_program.hpp>

namespace mesaopt {

/// A portfolio on the efficient frontier.
struct FrontierPoint {
  double mean = 0;          ///< μ'w
  double variance = 0;      ///< w'Σw, the least that any portfolio of this mean has
  Eigen::VectorXd weights;  ///< w
  std::int64_t steps = 0;   ///< of the search, from the portfolio before
};

/// The long-only portfolios of least variance for `points` means, evenly spaced from that of the portfolio of least
/// variance of all to the largest mean of an asset, each solved from the active set of the one before.
///
/// The search is one for quadratic programs: an optimizer that heeds bounds and constraints, such as DualActiveSet.
/// Throws std::invalid_argument for sizes that differ and fewer than two points, and std::runtime_error if a program
/// cannot be solved. Markowitz (1952), "Portfolio selection".
template <class Piece>
std::vector<FrontierPoint> efficient_frontier(const Eigen::VectorXd& mean, const Eigen::MatrixXd& sigma,
                                              Eigen::Index points, const Piece& piece) {
  const auto n = mean.size();
  if (sigma.rows() != n || sigma.cols() != n)
    throw std::invalid_argument("efficient_frontier: sigma: is " + std::to_string(sigma.rows()) + " x " +
                                std::to_string(sigma.cols()) + "; it must have a row and a column for each of the " +
                                std::to_string(n) + " means");
  if (points < 2) detail::refuse("efficient_frontier: points", double(points), "they must be 2 or more");
  const auto search = as_search(piece);
  using Program = QuadraticProgram<double>;
  using Run = RunOf<decltype(search.optimizer), decltype(search.stopping), Program, Eigen::VectorXd>;

  Program least{.Q = sigma, .c = Eigen::VectorXd::Zero(n)};
  least.A_eq = Eigen::RowVectorXd::Ones(n);
  least.b_eq = Eigen::VectorXd::Ones(1);
  least.lower = Eigen::VectorXd::Zero(n);
  std::vector<FrontierPoint> frontier;
  const auto keep = [&](const Run& run) {
    if (failed(run.status) || !best_point(run).allFinite())
      throw std::runtime_error(std::string("efficient_frontier: no portfolio found. ") + sentence(run.status));
    const Eigen::VectorXd& w = best_point(run);
    frontier.push_back({mean.dot(w), w.dot(sigma * w), w, std::int64_t(run.state.calls.counts[0].iterations)});
  };
  Run first;
  begin(least, Eigen::VectorXd(Eigen::VectorXd::Constant(n, 1 / double(n))), search.optimizer, search.stopping, first);
  resume(least, search.optimizer, search.stopping, first);
  keep(first);

  Program program = least;
  program.A_eq.resize(2, n);
  program.A_eq << Eigen::RowVectorXd::Ones(n), mean.transpose();
  program.b_eq = Eigen::Vector2d(1, frontier.front().mean);
  const double low = frontier.front().mean, high = mean.maxCoeff();
  Run run;
  for (Eigen::Index k = 1; k < points; ++k) {
    program.b_eq[1] = low + (high - low) * double(k) / double(points - 1);
    if (k == 1) {
      begin(program, frontier.front().weights, search.optimizer, search.stopping, run);
    } else {
      const auto prior = run.state;
      begin(program, prior, search.optimizer, search.stopping, run);
    }
    resume(program, search.optimizer, search.stopping, run);
    keep(run);
  }
  return frontier;
}

}  // namespace mesaopt
