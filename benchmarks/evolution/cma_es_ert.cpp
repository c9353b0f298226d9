// How many evaluations CMA-ES needs: expected running time to 1e-8 on six functions, beside libcmaes.
//
//   cma_es_ert [seeds = 51]

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/minimize.hpp>
#include <mesaopt/core/random.hpp>
#include <mesaopt/evolution/cma_es.hpp>
#include <mesaopt/problems/ellipsoid.hpp>
#include <mesaopt/problems/sphere.hpp>

namespace {

using Eigen::VectorXd;

/// The chained Rosenbrock function, on which one run in fifteen ends in the local minimum near (-1, 1, ..., 1).
struct ChainedRosenbrock {
  double operator()(const VectorXd& x) const {
    double value = 0;
    for (Eigen::Index i = 0; i + 1 < x.size(); ++i) {
      const double valley = x[i + 1] - x[i] * x[i], slope = 1 - x[i];
      value += 100 * valley * valley + slope * slope;
    }
    return value;
  }
};

struct Effort {
  double median = 0;    // evaluations of the runs that reached the target
  double expected = 0;  // evaluations of all runs over the number of those
  std::size_t reached = 0;
};

template <class F>
Effort effort(const F& f, Eigen::Index n, bool active, std::uint64_t seeds) {
  std::vector<double> successes;
  double total = 0;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    mesaopt::Random random{seed, 1};
    VectorXd x0(n);
    for (auto& entry : x0) entry = random.uniform(-2.0, 2.0);
    const auto solution = mesaopt::minimize(f, x0, mesaopt::CmaEs{.seed = seed, .active = active},
                                            mesaopt::TargetReached{1e-8} || mesaopt::MaxEvaluations{1'000'000});
    const auto evaluations = double(solution.counts[0].evaluations());
    total += evaluations;
    if (solution.status == mesaopt::Status::target_reached) successes.push_back(evaluations);
  }
  if (successes.empty()) return {NAN, INFINITY, 0};
  const auto middle = successes.begin() + std::ptrdiff_t(successes.size() / 2);
  std::nth_element(successes.begin(), middle, successes.end());
  return {*middle, total / double(successes.size()), successes.size()};
}

struct Row {
  const char* name;
  int function;
  Eigen::Index n;
  double median[2], success[2];  // of libcmaes, measured over 15 seeds: plain, active
};

constexpr Row rows[] = {{"sphere", 0, 10, {1370, 1350}, {1, 1}},
                        {"ellipsoid(1e6)", 1, 10, {5770, 4370}, {1, 1}},
                        {"Rosenbrock", 2, 10, {6220, 5250}, {14.0 / 15, 13.0 / 15}},
                        {"sphere", 0, 40, {4905, 4920}, {1, 1}},
                        {"ellipsoid(1e6)", 1, 40, {66960, 43890}, {1, 1}},
                        {"Rosenbrock", 2, 40, {78975, 59535}, {13.0 / 15, 13.0 / 15}}};

}  // namespace

int main(int count, char** arguments) {
  const auto seeds = count > 1 ? std::uint64_t(std::atoll(arguments[1])) : 51;
  std::printf(
      "Evaluations to 1e-8 from [-2, 2]^n with step size 0.5, over %llu seeds. Expected: evaluations of all runs over\n"
      "the number of those that arrived. libcmaes, on the same problems: medians over 15 seeds, and these over the\n"
      "share that arrived.\n\n",
      static_cast<unsigned long long>(seeds));
  for (const bool active : {false, true}) {
    std::printf(
        "| %s CMA-ES | n | median | expected | arrived | libcmaes: median | expected | ratio of medians | ratio |\n"
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n",
        active ? "active" : "plain");
    double logarithms = 0, of_medians = 0;
    for (const Row& row : rows) {
      const Effort ours = row.function == 0   ? effort(mesaopt::problems::Sphere{}, row.n, active, seeds)
                          : row.function == 1 ? effort(mesaopt::problems::Ellipsoid{}, row.n, active, seeds)
                                              : effort(ChainedRosenbrock{}, row.n, active, seeds);
      const double median = row.median[active], expected = median / row.success[active];
      std::printf("| %s | %d | %.0f | %.0f | %zu of %llu | %.0f | %.0f | %.3f | %.3f |\n", row.name, int(row.n),
                  ours.median, ours.expected, ours.reached, static_cast<unsigned long long>(seeds), median, expected,
                  ours.median / median, ours.expected / expected);
      std::fflush(stdout);
      logarithms += std::log(ours.expected / expected);
      of_medians += std::log(ours.median / median);
    }
    std::printf("| geometric mean | | | | | | | %.3f | %.3f |\n\n", std::exp(of_medians / 6), std::exp(logarithms / 6));
  }
}
