// What the pieces of Bayesian optimization are worth, in a loop as plain as can be: the lowest value found less the
// least there is, median over 20 seeds (quartiles). Prints Markdown.
//
//   1. Batches of 4 on Hartmann6, by q-EI and by believing, against one point at a time.
//   2. The two simulations of Gardner et al. (2014), "Bayesian optimization with inequality constraints", section 4.1,
//      where the constraint is unknown: modelled by its values, learnt from failures alone, and not at all.
//
//     acquisition_cases [seeds]

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <tuple>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/bayes/acquisition.hpp>
#include <mesaopt/bayes/batch_improvement.hpp>
#include <mesaopt/bayes/classification.hpp>
#include <mesaopt/bayes/fantasies.hpp>
#include <mesaopt/bayes/gaussian_process.hpp>
#include <mesaopt/bayes/kernel_algebra.hpp>
#include <mesaopt/bayes/kernels.hpp>
#include <mesaopt/bayes/likelihood.hpp>
#include <mesaopt/bayes/log_expected_improvement.hpp>
#include <mesaopt/bayes/log_product.hpp>
#include <mesaopt/bayes/probability_of_improvement.hpp>
#include <mesaopt/core/minimize.hpp>
#include <mesaopt/core/random.hpp>
#include <mesaopt/core/sobol.hpp>
#include <mesaopt/gradient/lbfgsb.hpp>
#include <mesaopt/objective/bounds.hpp>
#include <mesaopt/problems/hartmann6.hpp>

using namespace mesaopt;
using Matrix = Eigen::MatrixXd;
using Vector = Eigen::VectorXd;
using Kernel = kernels::Product<kernels::Constant, kernels::SquaredExponential>;
using Process = GaussianProcess<Kernel>;

namespace {

/// Of the unit square; feasible where the constraint is at most 0.
struct Simulation {
  const char* name;
  double (*f)(double, double);
  double (*c)(double, double);
};
const Simulation simulations[] = {
    {"simulation 1", [](double x, double y) { return std::cos(2 * x) * std::cos(y) + std::sin(x); },
     [](double x, double y) { return std::cos(x) * std::cos(y) - std::sin(x) * std::sin(y) - 0.5; }},
    {"simulation 2", [](double x, double y) { return std::sin(x) + y; },
     [](double x, double y) { return std::sin(x) * std::sin(y) + 0.95; }}};

/// The least feasible value, by grids that close in on it.
double least(const Simulation& s) {
  double lowest = 1e300, x0 = 3, y0 = 3;
  for (double half = 3; half > 1e-7; half /= 4) {
    const double cx = x0, cy = y0;
    for (int i = 0; i <= 1000; ++i)
      for (int j = 0; j <= 1000; ++j) {
        const double x = std::clamp(cx + half * (i / 500.0 - 1), 0.0, 6.0);
        const double y = std::clamp(cy + half * (j / 500.0 - 1), 0.0, 6.0);
        if (s.c(x, y) <= 0 && s.f(x, y) < lowest) lowest = s.f(x, y), x0 = x, y0 = y;
      }
  }
  return lowest;
}

/// Values less their mean, over their deviation.
Vector standardized(const Vector& y) {
  const Vector centred = y.array() - y.mean();
  const double deviation = std::sqrt(centred.squaredNorm() / double(y.size()));
  return deviation > 0 ? Vector(centred / deviation) : centred;
}

/// Hyperparameters of greatest posterior density, from those of `process`; `values` as they are.
void fit(Process& process, const Matrix& X, const Vector& values) {
  process.fit(X, values);
  const Vector start = process.parameters();
  Vector lower = Vector::Constant(start.size(), -4), upper = Vector::Constant(start.size(), 4);
  lower[start.size() - 2] = std::log(1e-8);
  upper[start.size() - 2] = std::log(1e-1);
  const Vector inside = start.cwiseMax(lower).cwiseMin(upper);
  const auto fitted = minimize(within(likelihood(process), Box<Vector>{lower, upper}), inside, LbfgsB{},
                               MaxEvaluations{80} || GradientBelow{1e-4});
  if (fitted.x.allFinite()) process.set_parameters(fitted.x);
}
Process blank(Eigen::Index n) {
  return Process(Kernel{{1}, kernels::SquaredExponential{Vector::Constant(n, 0.5)}}, {.noise = 1e-5});
}

/// The minimizer of an acquisition over the unit cube: the best of searches from the best of many points.
template <class F>
Vector most_promising(const F& f, Eigen::Index n, const Vector& incumbent, std::uint64_t seed) {
  constexpr Eigen::Index looks = 256, searches = 4;
  Matrix points(n, looks);
  Sobol sobol{.dimension = n, .seed = seed};
  sobol.fill(points);
  Random random{seed};
  for (Eigen::Index j = 0; j < looks / 8; ++j) {
    // Near the best so far, in each point of a batch.
    for (Eigen::Index i = 0; i < n; ++i)
      points(i, j) = std::clamp(incumbent[i % incumbent.size()] + 0.05 * random.normal(), 0.0, 1.0);
  }
  using M = MemoryOf<F, Vector>;
  const M memory{};
  typename M::Record record{};
  std::vector<std::pair<double, Eigen::Index>> order;
  for (Eigen::Index j = 0; j < looks; ++j) {
    const Evaluation<double> at = f(Vector(points.col(j)), Call<M>{memory, record});
    order.push_back({at.usable() ? at.value : std::numeric_limits<double>::infinity(), j});
  }
  std::sort(order.begin(), order.end());
  Vector best = points.col(order[0].second);
  double value = order[0].first;
  const Box<Vector> cube{Vector::Zero(n), Vector::Ones(n)};
  for (Eigen::Index k = 0; k < searches; ++k) {
    const auto found =
        minimize(within(f, cube), Vector(points.col(order[std::size_t(k)].second)), LbfgsB{}, MaxEvaluations{60});
    if (found.value < value) value = found.value, best = found.x;
  }
  return best;
}

enum class Batches { one, joint, believer };

std::vector<double> hartmann_run(Batches how, std::uint64_t seed, int evaluations) {
  constexpr Eigen::Index n = 6, initial = 12, q = 4;
  Matrix X(n, initial);
  Sobol{.dimension = n, .seed = seed}.fill(X);
  Vector y(initial);
  for (Eigen::Index i = 0; i < initial; ++i) y[i] = problems::Hartmann6{}(Vector(X.col(i)));
  Process process = blank(n);
  for (std::uint64_t turn = 0; y.size() < evaluations; ++turn) {
    const Vector z = standardized(y);
    fit(process, X, z);
    Eigen::Index at;
    const double best = z.minCoeff(&at);
    const Vector incumbent = X.col(at);
    const std::uint64_t draw = seed * 1000 + turn;
    Matrix next(n, how == Batches::one ? 1 : q);
    if (how == Batches::joint) {
      const Vector stacked =
          most_promising(batch_improvement(process, best, q, {}, {.seed = draw}), n * q, incumbent, draw);
      next = Eigen::Map<const Matrix>(stacked.data(), n, q);
    } else {
      Process believed = process;
      for (Eigen::Index j = 0; j < next.cols(); ++j) {
        next.col(j) = most_promising(acquisition(believed, LogExpectedImprovement{}, best), n, incumbent,
                                     draw + 100000 * std::uint64_t(j));
        believe(believed, Matrix(next.col(j)));
      }
    }
    const Eigen::Index old = y.size();
    X.conservativeResize(n, old + next.cols());
    y.conservativeResize(old + next.cols());
    for (Eigen::Index j = 0; j < next.cols(); ++j) {
      X.col(old + j) = next.col(j);
      y[old + j] = problems::Hartmann6{}(Vector(next.col(j)));
    }
  }
  std::vector<double> regret;
  double lowest = 1e300;
  for (const double value : y) regret.push_back((lowest = std::min(lowest, value)) + 3.32236801141551);
  return regret;
}

enum class Knowledge { values, failures, none };

std::vector<double> simulation_run(const Simulation& s, double optimum, Knowledge how, std::uint64_t seed,
                                   int evaluations) {
  constexpr Eigen::Index initial = 6;
  Matrix X(2, initial);
  Sobol{.dimension = 2, .seed = seed}.fill(X);
  std::vector<double> f, c, regret;
  double lowest = std::numeric_limits<double>::infinity();
  const auto evaluate = [&](const Vector& u) {
    f.push_back(s.f(6 * u[0], 6 * u[1]));
    c.push_back(s.c(6 * u[0], 6 * u[1]));
    if (c.back() <= 0) lowest = std::min(lowest, f.back());
    regret.push_back(lowest - optimum);
  };
  for (Eigen::Index i = 0; i < initial; ++i) evaluate(X.col(i));
  Process objective = blank(2), constraint = blank(2);
  for (std::uint64_t turn = 0; int(f.size()) < evaluations; ++turn) {
    // With failures alone, the objective is known where it did not fail.
    std::vector<Eigen::Index> known;
    std::vector<bool> feasible;
    for (Eigen::Index i = 0; i < X.cols(); ++i) {
      feasible.push_back(c[std::size_t(i)] <= 0);
      if (how != Knowledge::failures || feasible.back()) known.push_back(i);
    }
    Vector y(Eigen::Index(known.size()));
    Matrix at(2, y.size());
    for (Eigen::Index i = 0; i < y.size(); ++i) {
      y[i] = f[std::size_t(known[std::size_t(i)])];
      at.col(i) = X.col(known[std::size_t(i)]);
    }
    double best = std::numeric_limits<double>::infinity();
    Vector incumbent = X.col(0);
    if (y.size() > 0) {
      const Vector z = standardized(y);
      fit(objective, at, z);
      for (Eigen::Index i = 0; i < y.size(); ++i)
        if ((how == Knowledge::none || feasible[std::size_t(known[std::size_t(i)])]) && z[i] < best)
          best = z[i], incumbent = at.col(i);
    }
    const std::uint64_t draw = seed * 1000 + turn;
    const auto improvement = acquisition(objective, LogExpectedImprovement{}, best);
    const bool any = std::isfinite(best);
    Vector next;
    if (how == Knowledge::none) {
      next = most_promising(improvement, 2, incumbent, draw);
    } else if (how == Knowledge::values) {
      const Vector values = Eigen::Map<const Vector>(c.data(), Eigen::Index(c.size()));
      const double scale = std::sqrt((values.array() - values.mean()).square().mean());
      fit(constraint, X, Vector(values / scale));
      const auto chance = acquisition(constraint, LogProbabilityOfImprovement{}, 0.0);
      next = any ? most_promising(log_product(improvement, chance), 2, incumbent, draw)
                 : most_promising(chance, 2, incumbent, draw);
    } else {
      // The length scale of greatest evidence, of some. Until something succeeds there is none: on with the sequence.
      Process feasibility = blank(2);
      double evidence = -std::numeric_limits<double>::infinity();
      for (const double scale : {0.05, 0.1, 0.2, 0.4}) {
        Process trial(Kernel{{25}, kernels::SquaredExponential{Vector::Constant(2, scale)}}, {.noise = 1e-4});
        const Classification report = fit_feasibility(trial, X, feasible);
        if (report.converged && report.log_evidence > evidence) evidence = report.log_evidence, feasibility = trial;
      }
      const auto chance = acquisition(feasibility, LogProbabilityOfFeasibility{}, 0.0);
      next.resize(2);
      if (any)
        next = most_promising(log_product(improvement, chance), 2, incumbent, draw);
      else
        Sobol{.dimension = 2, .seed = seed, .index = std::uint64_t(X.cols())}.fill(next);
    }
    X.conservativeResize(2, X.cols() + 1);
    X.col(X.cols() - 1) = next;
    evaluate(next);
  }
  return regret;
}

double quantile(std::vector<double> values, double share) {
  std::sort(values.begin(), values.end());
  return values[std::size_t(share * double(values.size() - 1) + 0.5)];
}
void print(const char* problem, const char* name, const std::vector<std::vector<double>>& runs,
           const std::vector<int>& at) {
  std::printf("| %s | %s |", problem, name);
  for (const int n : at) {
    std::vector<double> values;
    for (const auto& run : runs) values.push_back(run[std::size_t(n - 1)]);
    std::printf(" %.2g (%.1g-%.1g) |", quantile(values, 0.5), quantile(values, 0.25), quantile(values, 0.75));
  }
  std::printf("\n");
  std::fflush(stdout);
}

}  // namespace

int main(int count, char** arguments) {
  const auto seeds = std::uint64_t(count > 1 ? std::atoi(arguments[1]) : 20);
  std::printf("| Problem | Constraint | after 15 evaluations | 25 | 40 |\n| --- | --- | --- | --- | --- |\n");
  for (const Simulation& s : simulations) {
    const double optimum = least(s);
    for (const auto& [how, name] :
         {std::pair{Knowledge::values, "modelled by its values"},
          std::pair{Knowledge::failures, "learnt from failures"}, std::pair{Knowledge::none, "not modelled"}}) {
      std::vector<std::vector<double>> runs;
      for (std::uint64_t seed = 1; seed <= seeds; ++seed) runs.push_back(simulation_run(s, optimum, how, seed, 40));
      print(s.name, name, runs, {15, 25, 40});
    }
  }
  std::printf("\n| Hartmann6 | Rounds after 12 points | after 32 evaluations | 52 | 80 |\n");
  std::printf("| --- | --- | --- | --- | --- |\n");
  for (const auto& [how, name, rounds] :
       {std::tuple{Batches::one, "one at a time", "68"}, std::tuple{Batches::joint, "batches of 4, q-EI", "17"},
        std::tuple{Batches::believer, "batches of 4, believer", "17"}}) {
    std::vector<std::vector<double>> runs;
    for (std::uint64_t seed = 1; seed <= seeds; ++seed) runs.push_back(hartmann_run(how, seed, 80));
    print(name, rounds, runs, {32, 52, 80});
  }
}
