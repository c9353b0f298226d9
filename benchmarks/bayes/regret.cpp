// Simple regret of Bayesian optimization on functions with known minima: the difference between the lowest value found
// and the least there is, median over seeds; and the processor time of a suggestion, beside dlib's search where that
// was found. Prints Markdown.
//
//     regret [seeds = 20] [function or "time" = all] [first seed = 0]

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <numbers>
#include <string>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/bayes/gaussian_process.hpp>
#include <mesaopt/core/minimize.hpp>
#include <mesaopt/core/random.hpp>
#include <mesaopt/direct/random_search.hpp>
#include <mesaopt/objective/bounds.hpp>
#include <mesaopt/problems/hartmann6.hpp>
#include <mesaopt/recipes/bayesian_optimization.hpp>

#ifdef MESAOPT_PEER_DLIB
#include <dlib/global_optimization.h>
#endif

using namespace mesaopt;
using Eigen::VectorXd;
using std::numbers::pi;

namespace {

// All functions are of the unit cube.
double branin(const VectorXd& u) {
  const double x = -5 + 15 * u[0], y = 15 * u[1];
  const double a = y - 5.1 / (4 * pi * pi) * x * x + 5 / pi * x - 6;
  return a * a + 10 * (1 - 1 / (8 * pi)) * std::cos(x) + 10;
}

double hartmann6(const VectorXd& x) { return problems::Hartmann6{}(x); }

double ackley(const VectorXd& u) {
  const VectorXd x = (-32.768 + 65.536 * u.array()).matrix();
  const double n = double(x.size());
  return 20 + std::numbers::e - 20 * std::exp(-0.2 * std::sqrt(x.squaredNorm() / n)) -
         std::exp((2 * pi * x.array()).cos().sum() / n);
}

double levy(const VectorXd& u) {
  const VectorXd w = (1 + (-11 + 20 * u.array()) / 4).matrix();
  const Eigen::Index n = w.size();
  const auto square = [](double a) { return a * a; };
  double sum = square(std::sin(pi * w[0]));
  for (Eigen::Index i = 0; i + 1 < n; ++i) sum += square(w[i] - 1) * (1 + 10 * square(std::sin(pi * w[i] + 1)));
  return sum + square(w[n - 1] - 1) * (1 + square(std::sin(2 * pi * w[n - 1])));
}

double rosenbrock(const VectorXd& u) {
  const VectorXd x = (-5 + 15 * u.array()).matrix();
  double sum = 0;
  for (Eigen::Index i = 0; i + 1 < x.size(); ++i)
    sum += 100 * std::pow(x[i + 1] - x[i] * x[i], 2) + std::pow(1 - x[i], 2);
  return sum;
}

struct Problem {
  const char* name;
  Eigen::Index n;
  double (*f)(const VectorXd&);
  double least;
  std::vector<int> at;
  double noise = 0;
  double trap = 0;
};

struct Any {
  std::function<double(const VectorXd&)> f;
  double operator()(const VectorXd& x) const { return f(x); }
};

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t n = values.size();
  return (values[(n - 1) / 2] + values[n / 2]) / 2;
}

double cpu_seconds() { return double(std::clock()) / double(CLOCKS_PER_SEC); }

/// The regret after each evaluation; of a noisy function, of the exact value at the point that the noisy values choose.
template <class O>
std::vector<double> regrets(const Problem& problem, const O& optimizer, std::uint64_t seed) {
  std::vector<double> out;
  double lowest = 1e300, regret = 1e300;
  Random noise{seed + 1000};
  const Any f{[&](const VectorXd& x) {
    const double exact = problem.f(x);
    const double value = exact + (problem.noise > 0 ? problem.noise * noise.normal() : 0);
    if (value < lowest) lowest = value, regret = exact - problem.least;
    out.push_back(regret);
    return value;
  }};
  const Box<VectorXd> cube{VectorXd::Zero(problem.n), VectorXd::Ones(problem.n)};
  Random random{seed};
  VectorXd x0(problem.n);
  for (double& part : x0) part = random.uniform();
  minimize(within(f, cube), x0, optimizer, MaxEvaluations{problem.at.back()});
  return out;
}

template <class Make>
void row(const Problem& problem, const char* name, const Make& make, int seeds, int first) {
  std::vector<std::vector<double>> all;
  const double began = cpu_seconds();
  for (int seed = first; seed < first + seeds; ++seed)
    all.push_back(regrets(problem, make(std::uint64_t(seed)), std::uint64_t(seed)));
  const double seconds = cpu_seconds() - began;
  for (const int at : problem.at) {
    std::vector<double> values;
    for (const auto& one : all) values.push_back(one[std::size_t(at) - 1]);
    std::sort(values.begin(), values.end());
    const auto out = std::count_if(values.begin(), values.end(), [&](double v) { return v < problem.trap; });
    std::printf("| %s | %s | %d | %.1e | %.1e | %.1e |", problem.name, name, at, median(values),
                values[values.size() / 4], values[3 * values.size() / 4]);
    if (problem.trap > 0)
      std::printf(" %d of %d |", int(out), seeds);
    else
      std::printf(" |");
    std::printf(" %.2f |\n", 1e3 * seconds / seeds / problem.at.back());
  }
  std::fflush(stdout);
}

/// Processor time of each suggestion on a function of 6 variables: mean over the 20 before n evaluations.
void suggestion_times() {
  const Problem problem{"Hartmann6", 6, hartmann6, problems::Hartmann6::minimum, {205}};
  std::vector<std::vector<double>> ours, theirs;
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    std::vector<double> stamps;
    const Problem timed = problem;
    const Any f{[&](const VectorXd& x) {
      stamps.push_back(cpu_seconds());
      return timed.f(x);
    }};
    const Box<VectorXd> cube{VectorXd::Zero(6), VectorXd::Ones(6)};
    minimize(within(f, cube), VectorXd(VectorXd::Constant(6, 0.5)), BayesianOptimization{.seed = seed},
             MaxEvaluations{206});
    ours.push_back(stamps);
#ifdef MESAOPT_PEER_DLIB
    // What find_min_global does by default, step by step: called itself on a function as cheap as this one it takes
    // ever fewer of the 5000 Monte Carlo samples that it would spend on a costly one.
    stamps.clear();
    dlib::global_function_search search(
        dlib::function_spec(dlib::matrix<double, 0, 1>(dlib::zeros_matrix<double>(6, 1)),
                            dlib::matrix<double, 0, 1>(dlib::ones_matrix<double>(6, 1))));
    search.set_seed(time_t(seed));
    for (int k = 0; k < 206; ++k) {
      auto next = search.get_next_x();
      const VectorXd x = Eigen::Map<const VectorXd>(next.x().begin(), 6);
      next.set(-f(x));
    }
    theirs.push_back(stamps);
#endif
  }
  const auto mean = [](const std::vector<std::vector<double>>& runs, std::size_t n) {
    std::vector<double> each;
    for (const auto& stamps : runs)
      if (stamps.size() > n) each.push_back((stamps[n] - stamps[n - 20]) / 20);
    return each.empty() ? std::nan("") : 1e3 * *std::min_element(each.begin(), each.end());
  };
  std::printf("\n| processor time of a suggestion in 6 variables, refits included | n = 50 | n = 100 | n = 200 |\n");
  std::printf("| --- | --- | --- | --- |\n");
  std::printf("| BayesianOptimization | %.2f ms | %.2f ms | %.2f ms |\n", mean(ours, 50), mean(ours, 100),
              mean(ours, 200));
  if (!theirs.empty())
    std::printf("| dlib, the search of find_min_global | %.2f ms | %.2f ms | %.2f ms |\n", mean(theirs, 50),
                mean(theirs, 100), mean(theirs, 200));

  // A point appended to 1000.
  Random random{1};
  GaussianProcess process(SmoothModel{}(6), GaussianProcessSettings<double>{.noise = 1e-4});
  Eigen::MatrixXd X(6, 1000);
  VectorXd y(1000);
  for (Eigen::Index j = 0; j < 1000; ++j) {
    for (Eigen::Index i = 0; i < 6; ++i) X(i, j) = random.uniform();
    y[j] = hartmann6(X.col(j));
  }
  process.fit(X, y);
  process.append(VectorXd(VectorXd::Constant(6, 0.1)), 0.0);  // which doubles the capacity
  double least = 1e300;
  for (int k = 0; k < 20; ++k) {
    VectorXd x(6);
    for (double& part : x) part = random.uniform();
    const double value = hartmann6(x), began = cpu_seconds();
    process.append(x, value);
    least = std::min(least, cpu_seconds() - began);
  }
  std::printf("\nA point appended at n = 1000: %.2f ms\n", 1e3 * least);
}

}  // namespace

int main(int argc, char** argv) {
  const int seeds = argc > 1 ? std::atoi(argv[1]) : 20;
  const std::string only = argc > 2 ? argv[2] : "";
  const int first = argc > 3 ? std::atoi(argv[3]) : 0;
  const std::vector<Problem> problems{{"Branin", 2, branin, 0.39788735772973816, {30, 50}},
                                      {"Hartmann6", 6, hartmann6, problems::Hartmann6::minimum, {50, 100}, 0, 0.1},
                                      {"Rosenbrock-4", 4, rosenbrock, 0, {50, 100}},
                                      {"Ackley-5", 5, ackley, 0, {50, 100}},
                                      {"Levy-10", 10, levy, 0, {50, 100}},
                                      {"Branin, noise 1", 2, branin, 0.39788735772973816, {50, 100}, 1}};
  std::printf(
      "| function | search | evaluations | median regret | quartile | quartile | out of the trap | ms each |\n");
  std::printf("| --- | --- | --- | --- | --- | --- | --- | --- |\n");
  for (const Problem& problem : problems) {
    if (!only.empty() && only != problem.name) continue;
    row(
        problem, "BayesianOptimization",
        [&](std::uint64_t seed) { return BayesianOptimization{.noisy = problem.noise > 0, .seed = seed}; }, seeds,
        first);
    row(
        problem, "random", [](std::uint64_t seed) { return RandomSearch{.batch = 1, .seed = seed}; }, seeds, first);
  }
  if (only.empty() || only == "time") suggestion_times();
}
