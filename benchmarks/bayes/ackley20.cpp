// Ackley's function of 20 variables on [-5, 10], with the minimum shifted by the seed: the lowest value after 464
// evaluations in batches of 4, in a trust region, by the plain Bayesian search, and of a Sobol sequence. Prints
// Markdown.
//
//     ackley20 [first seed = 0] [seeds = 20] [seeds of the plain search = 10]

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <numbers>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/minimize.hpp>
#include <mesaopt/core/random.hpp>
#include <mesaopt/core/sobol.hpp>
#include <mesaopt/objective/bounds.hpp>
#include <mesaopt/recipes/bayesian_optimization.hpp>
#include <mesaopt/recipes/trust_region_bayes.hpp>

using namespace mesaopt;
using Eigen::VectorXd;

namespace {

constexpr int dimension = 20, evaluations = 464;
const Box<VectorXd> box{VectorXd::Constant(dimension, -5), VectorXd::Constant(dimension, 10)};

struct Ackley {
  VectorXd minimizer;
  double operator()(const VectorXd& y) const {
    const VectorXd x = y - minimizer;
    const double n = double(x.size());
    return 20 + std::numbers::e - 20 * std::exp(-0.2 * std::sqrt(x.squaredNorm() / n)) -
           std::exp((2 * std::numbers::pi * x.array()).cos().sum() / n);
  }
};

/// The minimizer, uniform in the middle four fifths of the box, and the start, uniform in the box.
struct Case {
  Ackley f;
  VectorXd start;
  explicit Case(std::uint64_t seed) {
    Random random{seed};
    f.minimizer.resize(dimension);
    start.resize(dimension);
    for (double& part : f.minimizer) part = -5 + 15 * (0.1 + 0.8 * random.uniform());
    for (double& part : start) part = -5 + 15 * random.uniform();
  }
};

template <class Run>
void row(const char* name, std::uint64_t first, std::uint64_t seeds, const Run& run) {
  std::vector<double> values;
  const std::clock_t began = std::clock();
  for (std::uint64_t seed = first; seed < first + seeds; ++seed) values.push_back(run(Case(seed), seed));
  const double seconds = double(std::clock() - began) / double(CLOCKS_PER_SEC) / double(seeds);
  std::sort(values.begin(), values.end());
  const std::size_t n = values.size();
  std::printf("| %s | %d | %.3f | %.3f | %.3f | %.3f | %.2f s |\n", name, int(seeds),
              (values[(n - 1) / 2] + values[n / 2]) / 2, values.front(), values[3 * n / 4], values.back(), seconds);
  std::fflush(stdout);
}

}  // namespace

int main(int count, char** arguments) {
  const auto first = std::uint64_t(count > 1 ? std::atoi(arguments[1]) : 0);
  const auto seeds = std::uint64_t(std::max(1, count > 2 ? std::atoi(arguments[2]) : 20));
  const auto plain = std::uint64_t(std::max(1, count > 3 ? std::atoi(arguments[3]) : 10));
  std::printf("| lowest value | seeds | median | least | upper quartile | largest | processor time of a run |\n");
  std::printf("| --- | ---: | ---: | ---: | ---: | ---: | ---: |\n");
  row("Sobol sequence", first, seeds, [](const Case& with, std::uint64_t seed) {
    Sobol sobol{.dimension = dimension, .seed = seed};
    VectorXd u(dimension);
    double least = 1e300;
    for (int k = 0; k < evaluations; ++k) {
      sobol.fill(u);
      least = std::min(least, with.f(VectorXd(-5 + 15 * u.array())));
    }
    return least;
  });
  row("TrustRegionBayes", first, seeds, [](const Case& with, std::uint64_t seed) {
    return minimize(within(with.f, box), with.start, TrustRegionBayes{.batch = 4, .seed = seed},
                    MaxEvaluations{evaluations})
        .value;
  });
  row("BayesianOptimization", first, plain, [](const Case& with, std::uint64_t seed) {
    return minimize(within(with.f, box), with.start, BayesianOptimization{.batch = 4, .seed = seed},
                    MaxEvaluations{evaluations})
        .value;
  });
}
