// CMA-ES against pagmo's, side by side in one process: the same functions, step size, population and starts until 1e-8
// is reached, and the time of everything but the objective. The times are the least of many rounds, in which the
// libraries take turns, so that they hold on a machine with other work as well.
//
//   cma_es_peers [seeds = 15]

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/minimize.hpp>
#include <mesaopt/core/random.hpp>
#include <mesaopt/evolution/cma_es.hpp>

#ifdef MESAOPT_PEER_PAGMO
#include <pagmo/algorithm.hpp>
#include <pagmo/algorithms/cmaes.hpp>
#include <pagmo/population.hpp>
#include <pagmo/problem.hpp>
#endif

namespace {

constexpr double target = 1e-8, step_size = 0.5;
constexpr std::uint64_t most = 1'000'000;

/// The objectives of all: sphere, ellipsoid of condition 1e6, chained Rosenbrock.
double value(int function, const double* x, std::ptrdiff_t n) {
  double sum = 0;
  if (function == 0)
    for (std::ptrdiff_t i = 0; i < n; ++i) sum += x[i] * x[i];
  if (function == 1) {
    const double ratio = std::pow(1e6, 1 / double(n - 1));
    double weight = 1;
    for (std::ptrdiff_t i = 0; i < n; ++i, weight *= ratio) sum += weight * x[i] * x[i];
  }
  if (function == 2)
    for (std::ptrdiff_t i = 0; i + 1 < n; ++i) {
      const double valley = x[i + 1] - x[i] * x[i], slope = 1 - x[i];
      sum += 100 * valley * valley + slope * slope;
    }
  return sum;
}

std::vector<double> start(std::ptrdiff_t n, std::uint64_t seed) {
  mesaopt::Random random{seed, 1};
  std::vector<double> x(static_cast<std::size_t>(n));
  for (double& entry : x) entry = random.uniform(-2.0, 2.0);
  return x;
}

struct Outcome {
  std::uint64_t evaluations = 0;
  double best = 0;
};

struct Solver {
  std::string name;
  std::function<Outcome(int function, std::ptrdiff_t n, std::uint64_t seed, std::uint64_t limit)> run;
};

Outcome ours(int function, std::ptrdiff_t n, std::uint64_t seed, std::uint64_t limit, bool active) {
  const std::vector<double> x0 = start(n, seed);
  const auto f = [function](const Eigen::VectorXd& x) { return value(function, x.data(), x.size()); };
  const auto solution =
      mesaopt::minimize(f, Eigen::VectorXd(Eigen::Map<const Eigen::VectorXd>(x0.data(), n)),
                        mesaopt::CmaEs{.step_size = step_size, .seed = seed, .active = active},
                        mesaopt::TargetReached{target} || mesaopt::MaxEvaluations{std::int64_t(limit)});
  return {solution.counts[0].evaluations(), solution.value};
}

#ifdef MESAOPT_PEER_PAGMO
/// pagmo knows no target, so the problem counts, and throws when it is reached.
struct Problem {
  int function = 0;
  std::ptrdiff_t n = 2;
  std::uint64_t limit = 0;
  Outcome* outcome = nullptr;
  struct Reached {};

  std::vector<double> fitness(const std::vector<double>& x) const {
    const double answer = value(function, x.data(), n);
    ++outcome->evaluations;
    outcome->best = std::min(outcome->best, answer);
    if (answer <= target || outcome->evaluations >= limit) throw Reached{};
    return {answer};
  }
  /// The unit of its step size is the width of the box, which it need not keep.
  std::pair<std::vector<double>, std::vector<double>> get_bounds() const {
    const auto size = static_cast<std::size_t>(n);
    return {std::vector<double>(size, -0.5), std::vector<double>(size, 0.5)};
  }
};

/// It starts from the best of a population: here from copies of the start, not counted.
Outcome pagmos(int function, std::ptrdiff_t n, std::uint64_t seed, std::uint64_t limit) {
  const auto lambda = std::uint64_t(4 + int(3 * std::log(double(n))));
  Outcome outcome{0, std::numeric_limits<double>::infinity()};
  pagmo::population population{pagmo::problem{Problem{function, n, limit, &outcome}}, 0, unsigned(seed)};
  const std::vector<double> x0 = start(n, seed);
  for (std::uint64_t i = 0; i < lambda; ++i) population.push_back(x0, {value(function, x0.data(), n)});
  const pagmo::cmaes cmaes(unsigned(limit / lambda + 1), -1, -1, -1, -1, step_size, 0, 0, false, false, unsigned(seed));
  try {
    cmaes.evolve(population);
  } catch (const Problem::Reached&) {
  }
  return outcome;
}
#endif

std::vector<Solver> solvers() {
  std::vector<Solver> all;
  all.push_back({"mesaopt, active", [](int f, std::ptrdiff_t n, std::uint64_t seed, std::uint64_t limit) {
                   return ours(f, n, seed, limit, true);
                 }});
  all.push_back({"mesaopt, plain", [](int f, std::ptrdiff_t n, std::uint64_t seed, std::uint64_t limit) {
                   return ours(f, n, seed, limit, false);
                 }});
#ifdef MESAOPT_PEER_PAGMO
  all.push_back({"pagmo", pagmos});
#endif
  return all;
}

/// The objective alone, a hundred thousand times.
double objective_seconds(int function, std::ptrdiff_t n) {
  std::vector<double> x = start(n, 1);
  double sum = 0;
  const auto began = std::chrono::steady_clock::now();
  for (int i = 0; i < 100000; ++i) {
    x[0] = 1e-5 * i;
    sum += value(function, x.data(), n);
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  return sum > 0 ? seconds / 100000 : 0;
}

}  // namespace

int main(int count, char** arguments) {
  const auto seeds = count > 1 ? std::uint64_t(std::atoll(arguments[1])) : 15;
  const auto all = solvers();
  const char* const names[] = {"sphere", "ellipsoid", "Rosenbrock"};
  const std::ptrdiff_t sizes[] = {10, 40};

  std::printf("Median evaluations to 1e-8 over %llu seeds (how many arrived, if not all)\n\n|",
              static_cast<unsigned long long>(seeds));
  for (const auto n : sizes)
    for (const char* name : names) std::printf(" | %s %td", name, n);
  std::printf(" |\n| --- | ---: | ---: | ---: | ---: | ---: | ---: |\n");
  for (const Solver& solver : all) {
    std::printf("| %s", solver.name.c_str());
    for (const auto n : sizes)
      for (int function = 0; function < 3; ++function) {
        std::vector<std::uint64_t> evaluations;
        for (std::uint64_t seed = 1; seed <= seeds; ++seed)
          if (const Outcome outcome = solver.run(function, n, seed, most); outcome.best <= target)
            evaluations.push_back(outcome.evaluations);
        std::sort(evaluations.begin(), evaluations.end());
        if (evaluations.empty())
          std::printf(" | -");
        else
          std::printf(" | %llu", static_cast<unsigned long long>(evaluations[evaluations.size() / 2]));
        if (evaluations.size() < seeds) std::printf(" (%zu)", evaluations.size());
        std::fflush(stdout);
      }
    std::printf(" |\n");
  }

  using Clock = std::chrono::steady_clock;
  std::printf(
      "\nNanoseconds an evaluation on the ellipsoid, without the objective's own (times that of mesaopt, active)\n\n|");
  const std::ptrdiff_t timed[] = {5, 10, 20, 40, 100};
  for (const auto n : timed) std::printf(" | n = %td", n);
  std::printf(" |\n| --- | ---: | ---: | ---: | ---: | ---: |\n");
  std::vector<std::vector<double>> nanoseconds(all.size());
  for (const auto n : timed) {
    std::vector<double> least(all.size(), std::numeric_limits<double>::infinity());
    double objective = std::numeric_limits<double>::infinity();
    for (int round = 0; round < 7; ++round) {
      objective = std::min(objective, objective_seconds(1, n));
      for (std::size_t k = 0; k < all.size(); ++k) {
        const auto began = Clock::now();
        const Outcome outcome = all[k].run(1, n, 1, 3000);
        const double seconds = std::chrono::duration<double>(Clock::now() - began).count();
        least[k] = std::min(least[k], seconds / double(outcome.evaluations));
      }
    }
    for (std::size_t k = 0; k < all.size(); ++k) nanoseconds[k].push_back(1e9 * (least[k] - objective));
  }
  for (std::size_t k = 0; k < all.size(); ++k) {
    std::printf("| %s", all[k].name.c_str());
    for (std::size_t i = 0; i < nanoseconds[k].size(); ++i)
      std::printf(" | %.0f (%.2f)", nanoseconds[k][i], nanoseconds[k][i] / nanoseconds[0][i]);
    std::printf(" |\n");
  }
}
