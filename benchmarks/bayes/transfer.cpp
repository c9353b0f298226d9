// What earlier tasks are worth to Bayesian optimization, and that misleading ones do no harm: Branin with random shifts
// and scales as earlier tasks, each known at 40 points, and another shifted Branin to be minimized by a plain loop on a
// RankingEnsemble, against the same loop without earlier tasks. LogEI, and every second point the minimizer of the
// mean. Evaluations until the lowest value is so near the least there is, median over seeds (quartiles); one more than
// the 40 that are made, where it never is. Last columns: in how many runs not, and later and sooner than alone. Prints
// Markdown.
//
//     transfer [seeds = 20] [first seed = 1]

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <numbers>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/bayes/acquisition.hpp>
#include <mesaopt/bayes/gaussian_process.hpp>
#include <mesaopt/bayes/kernel_algebra.hpp>
#include <mesaopt/bayes/kernels.hpp>
#include <mesaopt/bayes/likelihood.hpp>
#include <mesaopt/bayes/log_expected_improvement.hpp>
#include <mesaopt/bayes/lower_confidence_bound.hpp>
#include <mesaopt/bayes/ranking_ensemble.hpp>
#include <mesaopt/core/minimize.hpp>
#include <mesaopt/core/random.hpp>
#include <mesaopt/core/sobol.hpp>
#include <mesaopt/gradient/lbfgsb.hpp>
#include <mesaopt/objective/bounds.hpp>

using namespace mesaopt;
using std::numbers::pi;
using Matrix = Eigen::MatrixXd;
using Vector = Eigen::VectorXd;
using Kernel = kernels::Product<kernels::Constant, kernels::SquaredExponential>;
using Process = GaussianProcess<Kernel>;

namespace {

constexpr double least = 0.39788735772973816;
constexpr int evaluations = 40, first_points = 3;
const std::vector<double> levels{1, 1e-1, 1e-2, 1e-3};

/// ± scale * branin of the unit square, shifted by up to `most` times its width.
struct Task {
  double shift[2], scale;

  Task(Random& random, double most, double sign)
      : shift{15 * most * (2 * random.uniform() - 1), 15 * most * (2 * random.uniform() - 1)},
        scale(sign * std::pow(10, 2 * random.uniform() - 1)) {}
  double operator()(const Vector& u) const {
    const double x = -5 + 15 * u[0] + shift[0], y = 15 * u[1] + shift[1];
    const double a = y - 5.1 / (4 * pi * pi) * x * x + 5 / pi * x - 6;
    return scale * (a * a + 10 * (1 - 1 / (8 * pi)) * std::cos(x) + 10);
  }
};

Process blank() { return Process(Kernel{{1}, kernels::SquaredExponential{Vector::Constant(2, 0.5)}}, {.noise = 1e-6}); }

/// Of exact values, which show length scales by themselves.
const DimensionScaledPriors vague{.length_scale_deviation = 3, .noise_location = -14, .noise_deviation = 4};

/// Sets hyperparameters to those of greatest posterior density.
void fit(Process& process, const DimensionScaledPriors& priors = vague) {
  const Vector start = process.parameters();
  Vector lower = Vector::Constant(start.size(), -4), upper = Vector::Constant(start.size(), 6);
  lower[start.size() - 2] = std::log(1e-8);
  upper[start.size() - 2] = std::log(1e-2);
  const Vector inside = start.cwiseMax(lower).cwiseMin(upper);
  const auto fitted = minimize(within(likelihood(process, priors), Box<Vector>{lower, upper}), inside, LbfgsB{},
                               MaxEvaluations{80} || GradientBelow{1e-4});
  if (fitted.x.allFinite()) process.set_parameters(fitted.x);
}

/// Priors of the length scales that earlier tasks have.
DimensionScaledPriors learnt_from(const std::vector<Process>& earlier) {
  DimensionScaledPriors priors = vague;
  if (earlier.empty()) return priors;
  Vector logs(2 * Eigen::Index(earlier.size()));
  for (std::size_t k = 0; k < earlier.size(); ++k)
    logs.segment(2 * Eigen::Index(k), 2) = earlier[k].kernel().b.length_scales.array().log().matrix();
  priors.length_scale_location = logs.mean() - std::log(2) / 2;
  priors.length_scale_deviation = std::max(0.1, std::sqrt((logs.array() - logs.mean()).square().mean()));
  return priors;
}

/// The minimizer of an objective over the unit square: the best of searches from the best of many points.
template <class F>
Vector minimizer(const F& f, const Vector& incumbent, Random& random) {
  constexpr Eigen::Index looks = 256, near = 32, searches = 3;
  Matrix points(2, looks);
  Sobol{.dimension = 2, .seed = std::uint64_t(1e9 * random.uniform())}.fill(points);
  for (Eigen::Index j = 0; j < near; ++j)
    for (Eigen::Index i = 0; i < 2; ++i)
      points(i, j) = std::clamp(incumbent[i] + std::pow(10, -1 - double(j % 3)) * random.normal(), 0.0, 1.0);
  RankingEnsemble<Kernel>::Predicted scratch;
  Vector values;
  f.values(points, scratch, values);
  Vector best = incumbent;
  double value = std::numeric_limits<double>::infinity();
  const Box<Vector> square{Vector::Zero(2), Vector::Ones(2)};
  for (Eigen::Index k = 0; k < searches; ++k) {
    Eigen::Index first = 0;
    if (!std::isfinite(values.minCoeff(&first))) break;
    values[first] = std::numeric_limits<double>::infinity();
    const auto found = minimize(within(f, square), Vector(points.col(first)), LbfgsB{}, MaxEvaluations{50});
    if (found.value < value) value = found.value, best = found.x;
  }
  return best;
}

struct Case {
  const char* name;
  int alike, misleading;  ///< earlier tasks, shifted and scaled, and negated besides
  bool scales;            ///< whether length scales are expected to be theirs
};

/// Regret after each evaluation.
std::vector<double> run(std::uint64_t seed, double shift, const Case& c) {
  Random random{seed};
  const Task task = [&] {
    Task drawn(random, shift, 1);
    drawn.scale = 1;
    return drawn;
  }();
  Random of_tasks = random.split(1), of_loop = random.split(2);
  RankingEnsemble<Kernel> ensemble(blank());
  for (int k = 0; k < c.alike + c.misleading; ++k) {
    const Task earlier(of_tasks, shift, k < c.alike ? 1 : -1);
    Matrix X(2, 40);
    Sobol{.dimension = 2, .seed = 1000 * seed + std::uint64_t(k)}.fill(X);
    Vector y(X.cols());
    for (Eigen::Index j = 0; j < X.cols(); ++j) y[j] = earlier(X.col(j));
    Process process = earlier_process(blank().kernel(), X, y, blank().settings());
    fit(process);
    ensemble.add(std::move(process));
  }

  Matrix X(2, first_points);
  Sobol{.dimension = 2, .seed = seed}.fill(X);
  std::vector<double> values, regret;
  const auto evaluate = [&](const Vector& x) {
    values.push_back(task(x));
    regret.push_back(std::min(regret.empty() ? 1e300 : regret.back(), values.back() - least));
  };
  for (Eigen::Index j = 0; j < X.cols(); ++j) evaluate(X.col(j));
  while (int(values.size()) < evaluations) {
    const Eigen::Map<const Vector> y(values.data(), Eigen::Index(values.size()));
    Eigen::Index lowest = 0;
    y.minCoeff(&lowest);
    RankingEnsemble<Kernel>::Predicted at_points;
    const double deviation = std::sqrt((y.array() - y.mean()).square().mean());
    ensemble.current() = blank();
    ensemble.current().fit(X, (y.array() - y.mean()) / deviation);
    fit(ensemble.current(), c.scales ? learnt_from(ensemble.earlier()) : vague);
    ensemble.weigh(of_loop);
    ensemble.predict(X, at_points);
    const double best = at_points.mean.minCoeff();
    const Vector next = values.size() % 2 == 1
                            ? minimizer(acquisition(ensemble, PosteriorMean{}, best), X.col(lowest), of_loop)
                            : minimizer(acquisition(ensemble, LogExpectedImprovement{}, best), X.col(lowest), of_loop);
    X.conservativeResize(2, X.cols() + 1);
    X.col(X.cols() - 1) = next;
    evaluate(next);
  }
  return regret;
}

/// Evaluations until the regret was at a level, or one more than were made.
double taken(const std::vector<double>& regret, double level) {
  return 1 + double(std::find_if(regret.begin(), regret.end(), [&](double r) { return r <= level; }) - regret.begin());
}
double quantile(std::vector<double> values, double share) {
  std::sort(values.begin(), values.end());
  const double at = share * double(values.size() - 1);
  const auto below = std::size_t(at);
  return values[below] + (at - double(below)) * (values[std::min(below + 1, values.size() - 1)] - values[below]);
}

}  // namespace

int main(int count, char** arguments) {
  const int seeds = count > 1 ? std::atoi(arguments[1]) : 20;
  const auto first = std::uint64_t(count > 2 ? std::atoi(arguments[2]) : 1);
  for (const double shift : {0.1, 0.03}) {
    std::printf("\n| Shifts of at most %g |", shift);
    for (const double level : levels) std::printf(" to %g |", level);
    std::printf(" not to %g | later to 0.01 | sooner |\n", levels.back());
    std::printf("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n");
    std::vector<std::vector<double>> alone;
    for (const Case& c :
         {Case{"alone", 0, 0, false}, Case{"4 alike", 4, 0, false}, Case{"4 alike, and their scales", 4, 0, true},
          Case{"4 misleading", 0, 4, false}, Case{"2 alike, 2 misleading", 2, 2, false}}) {
      std::vector<std::vector<double>> runs;
      for (int k = 0; k < seeds; ++k) runs.push_back(run(first + std::uint64_t(k), shift, c));
      if (alone.empty()) alone = runs;
      std::printf("| %s |", c.name);
      for (const double level : levels) {
        std::vector<double> each;
        for (const auto& regret : runs) each.push_back(taken(regret, level));
        std::printf(" %.1f (%.1f-%.1f) |", quantile(each, 0.5), quantile(each, 0.25), quantile(each, 0.75));
      }
      int later = 0, sooner = 0;
      for (std::size_t k = 0; k < runs.size(); ++k) {
        later += taken(runs[k], 0.01) > taken(alone[k], 0.01);
        sooner += taken(runs[k], 0.01) < taken(alone[k], 0.01);
      }
      std::printf(" %d | %d | %d |\n",
                  int(std::count_if(runs.begin(), runs.end(), [](const auto& r) { return r.back() > levels.back(); })),
                  later, sooner);
      std::fflush(stdout);
    }
  }
}
