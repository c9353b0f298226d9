// The efficient frontiers that are published with the OR-Library's portfolio problems (Chang, Meade, Beasley & Sharaiha
// 2000, "Heuristics for cardinality constrained portfolio optimisation"), solved again: the least variance for each of
// the 2000 returns, long only, every point from the one before. What floating point leaves of the published digits, how
// many changes of the active set a neighbour takes, and how long.
//   orlib_frontiers [FOLDER]      with N.return.csv, N.risk.csv and N.frontier.csv; default ../shared/data/orlib
// Ends with code 77 if the files are not there, 1 if a point fails.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <limits>
#include <sstream>
#include <string>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/gradient/quadratic_program.hpp>

using namespace mesaopt;
using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;
using Program = QuadraticProgram<double>;

namespace {

using Table = std::vector<std::vector<double>>;

/// The numbers of a file, comma by comma; none if it cannot be read, or a row has not `columns` of them.
Table read(const std::string& path, std::size_t columns) {
  std::ifstream file(path);
  Table rows;
  for (std::string line; std::getline(file, line);) {
    std::replace(line.begin(), line.end(), ',', ' ');
    std::istringstream words(line);
    std::vector<double> row;
    for (double number = 0; words >> number;) row.push_back(number);
    if (row.size() != columns) return {};
    rows.push_back(row);
  }
  return rows;
}

/// min x'Cx  subject to  sum x = 1, returns'x = (what is to be set), x >= 0.
Program frontier_program(const Table& assets, const Table& correlations) {
  const auto n = Index(assets.size());
  Program p;
  p.Q.setZero(n, n);
  p.c = VectorXd::Zero(n);
  p.A_eq = MatrixXd::Ones(2, n);
  p.b_eq = VectorXd::Ones(2);
  p.lower = VectorXd::Zero(n);
  for (Index i = 0; i < n; ++i) p.A_eq(1, i) = assets[std::size_t(i)][0];
  for (const auto& row : correlations) {
    const Index i = Index(row[0]) - 1, j = Index(row[1]) - 1;
    if (i < 0 || j < 0 || i >= n || j >= n) continue;
    p.Q(i, j) = p.Q(j, i) = 2 * row[2] * assets[std::size_t(i)][1] * assets[std::size_t(j)][1];
  }
  return p;
}

using Clock = std::chrono::steady_clock;
double microseconds(Clock::time_point since) {
  return std::chrono::duration<double, std::micro>(Clock::now() - since).count();
}

struct Sweep {
  double deviation = 0;                           ///< the worst
  std::vector<double> times = {};                 ///< of each point after the first, in µs
  std::uint64_t steps = 0, most = 0, solved = 0;  ///< changes of the active set in all, and of one point
  int failures = 0;
};

/// Solves all points in their order, each from the one before if `warm`.
Sweep sweep(Program p, const Table& points, std::size_t stride, bool warm) {
  Sweep found;
  QuadraticState<double> state;
  for (std::size_t k = 0; k < points.size(); k += stride) {
    p.b_eq[1] = points[k][0];
    if (!warm) state.forget();
    const auto began = Clock::now();
    solve(p, state);
    const double took = microseconds(began);
    found.failures += state.status != Status::converged;
    found.deviation = std::max(found.deviation, std::abs(state.value - points[k][1]));
    if (k == 0) continue;
    found.times.push_back(took);
    ++found.solved;
    found.steps += state.iterations;
    found.most = std::max(found.most, state.iterations);
  }
  return found;
}

double mean(const std::vector<double>& times) {
  double sum = 0;
  for (const double time : times) sum += time / double(times.size());
  return sum;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string folder = argc > 1 ? argv[1] : "../shared/data/orlib";
  int failures = 0;
  for (const int number : {1, 3, 5}) {
    if (number == 1 && !std::ifstream(folder + "/1.return.csv")) {
      std::fprintf(stderr, "orlib_frontiers: there is no %s/1.return.csv; name the folder of the files\n",
                   folder.c_str());
      return 77;
    }
    const std::string base = folder + "/" + std::to_string(number);
    const Table assets = read(base + ".return.csv", 2), correlations = read(base + ".risk.csv", 3),
                points = read(base + ".frontier.csv", 2);
    if (assets.empty() || correlations.empty() || points.empty()) {
      std::fprintf(stderr, "orlib_frontiers: %s.{return,risk,frontier}.csv are not all tables of numbers\n",
                   base.c_str());
      return 1;
    }
    if (number == 1)
      std::printf(
          "The least variance at each published return, from the highest down, solved by `solve(program, state)` with "
          "the state\nof the point before; \"from nothing\" is every 20th point alone. Times are means, each point the "
          "best of 5. "
          "The files give 10\ndecimals of return and variance.\n\n"
          "| problem | assets | points | worst deviation of the variance | changes of the active set, mean | most | us "
          "| from nothing: changes, mean | us |\n"
          "| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n");
    const Program p = frontier_program(assets, correlations);
    constexpr std::size_t stride = 20;
    Sweep warm = sweep(p, points, 1, true), cold = sweep(p, points, stride, false);
    for (int repetition = 1; repetition < 5; ++repetition)
      for (const bool warmly : {true, false}) {
        auto& times = (warmly ? warm : cold).times;
        const Sweep again = sweep(p, points, warmly ? 1 : stride, warmly);
        for (std::size_t k = 0; k < times.size(); ++k) times[k] = std::min(times[k], again.times[k]);
      }
    failures += warm.failures + cold.failures;
    std::printf("| %d | %zu | %zu | %.1e | %.2f | %d | %.1f | %.1f | %.0f |\n", number, assets.size(), points.size(),
                std::max(warm.deviation, cold.deviation), double(warm.steps) / double(warm.solved), int(warm.most),
                mean(warm.times), double(cold.steps) / double(cold.solved), mean(cold.times));
  }
  if (failures > 0) std::fprintf(stderr, "orlib_frontiers: %d points were not solved\n", failures);
  return failures > 0 ? 1 : 0;
}
