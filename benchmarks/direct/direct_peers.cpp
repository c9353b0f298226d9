// Methods without gradients beside NLopt's, in evaluations of the objective: until it is 1e-8 max(1, |f*|) above the
// least value known, local ones from one start with the same first step; until it is 1e-4 |f*| above, global ones. And
// the time that BOBYQA takes for itself, the least of many rounds in which the two libraries take turns.

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/minimize.hpp>
#include <mesaopt/direct/bobyqa.hpp>
#include <mesaopt/direct/compass_search.hpp>
#include <mesaopt/direct/direct_l.hpp>
#include <mesaopt/direct/nelder_mead.hpp>
#include <mesaopt/objective/bounds.hpp>
#include <mesaopt/problems/more_garbow_hillstrom.hpp>

#ifdef MESAOPT_PEER_NLOPT
#include <nlopt.h>
#endif

namespace {

using Eigen::VectorXd;
constexpr int most_evaluations = 20000;
constexpr double infinity = std::numeric_limits<double>::infinity();

struct Problem {
  std::string name;
  std::function<double(const VectorXd&)> f;
  VectorXd start;
  double minimum;
  VectorXd lower, upper;
  double tolerance = 1e-8;  ///< times max(1, |minimum|); of global ones, times |minimum|

  [[nodiscard]] double target() const { return minimum + tolerance; }
  [[nodiscard]] double first_step() const { return 0.1 * std::max(1.0, start.lpNorm<Eigen::Infinity>()); }
};

Problem local(std::string name, std::function<double(const VectorXd&)> f, VectorXd start, double minimum) {
  const Eigen::Index n = start.size();
  const double tolerance = 1e-8 * std::max(1.0, std::abs(minimum));
  return {std::move(name),
          std::move(f),
          std::move(start),
          minimum,
          VectorXd::Constant(n, -infinity),
          VectorXd::Constant(n, infinity),
          tolerance};
}

/// Counts calls until the target is met; 0 if it never is.
struct Watch {
  const Problem* problem;
  int calls = 0, hit = 0;
  double operator()(const VectorXd& x) {
    ++calls;
    const double value = problem->f(x);
    if (hit == 0 && value <= problem->target()) hit = calls;
    return value;
  }
};

struct Watched {
  Watch* watch;
  double operator()(const VectorXd& x) const { return (*watch)(x); }
};

template <class O>
int count(const Problem& p, const O& optimizer) {
  Watch watch{&p};
  const mesaopt::Box<VectorXd> box{p.lower, p.upper};
  mesaopt::minimize(mesaopt::within(Watched{&watch}, box), p.start, optimizer,
                    mesaopt::TargetReached{p.target()} || mesaopt::MaxEvaluations{most_evaluations});
  return watch.hit;
}

#ifdef MESAOPT_PEER_NLOPT
int count(const Problem& p, nlopt_algorithm algorithm) {
  Watch watch{&p};
  const auto n = unsigned(p.start.size());
  nlopt_opt opt = nlopt_create(algorithm, n);
  const auto evaluate = [](unsigned size, const double* x, double*, void* given) {
    return (*static_cast<Watch*>(given))(VectorXd::Map(x, Eigen::Index(size)));
  };
  nlopt_set_min_objective(opt, evaluate, &watch);
  nlopt_set_lower_bounds(opt, p.lower.data());
  nlopt_set_upper_bounds(opt, p.upper.data());
  nlopt_set_initial_step1(opt, p.first_step());
  nlopt_set_stopval(opt, p.target());
  nlopt_set_maxeval(opt, most_evaluations);
  nlopt_set_xtol_abs1(opt, 1e-12);
  VectorXd x = p.start;
  double value = 0;
  nlopt_optimize(opt, x.data(), &value);
  nlopt_destroy(opt);
  return watch.hit;
}
#endif

struct Solver {
  std::string name;
  std::function<int(const Problem&)> count;
};

/// Prints a table; below, for each pair of columns, the geometric mean of the ratios where both arrive.
void table(const std::vector<Problem>& problems, const std::vector<Solver>& solvers,
           const std::vector<std::pair<std::size_t, std::size_t>>& pairs) {
  std::printf("| problem | n |");
  for (const Solver& solver : solvers) std::printf(" %s |", solver.name.c_str());
  std::printf("\n| --- | ---: |");
  for (std::size_t i = 0; i < solvers.size(); ++i) std::printf(" ---: |");
  std::printf("\n");
  std::vector<std::vector<int>> counts;
  for (const Problem& p : problems) {
    std::printf("| %s | %td |", p.name.c_str(), p.start.size());
    counts.emplace_back();
    for (const Solver& solver : solvers) {
      counts.back().push_back(solver.count(p));
      if (counts.back().back() > 0)
        std::printf(" %d |", counts.back().back());
      else
        std::printf(" - |");
    }
    std::printf("\n");
    std::fflush(stdout);
  }
  std::printf("\n");
  for (const auto& [a, b] : pairs) {
    if (b >= solvers.size()) continue;
    double sum = 0;
    int both = 0, only_a = 0, only_b = 0;
    for (const auto& row : counts) {
      if (row[a] > 0 && row[b] > 0) sum += std::log(double(row[a]) / row[b]), ++both;
      only_a += row[a] > 0 && row[b] == 0;
      only_b += row[b] > 0 && row[a] == 0;
    }
    std::printf(
        "%s takes %.3f times the evaluations of %s (geometric mean of %d; %d that only the first solves, %d the "
        "second).\n",
        solvers[a].name.c_str(), std::exp(sum / both), solvers[b].name.c_str(), both, only_a, only_b);
  }
  std::printf("\n");
}

double chained(const VectorXd& x) {
  double sum = 0;
  for (Eigen::Index i = 0; i + 1 < x.size(); ++i)
    sum += 100 * std::pow(x[i + 1] - x[i] * x[i], 2) + std::pow(1 - x[i], 2);
  return sum;
}
double ellipsoid(const VectorXd& x) {
  double sum = 0;
  for (Eigen::Index i = 0; i < x.size(); ++i)
    sum += std::pow(10, 3 * double(i) / std::max(1.0, double(x.size() - 1))) * x[i] * x[i];
  return sum;
}
double pushed(const VectorXd& x) { return (x.array() - 0.3).matrix().squaredNorm() + x.sum() * x.sum(); }
VectorXd all(Eigen::Index n, double value) { return VectorXd::Constant(n, value); }

std::vector<Problem> free_problems() {
  std::vector<Problem> problems;
  problems.push_back(local(
      "sphere", [](const VectorXd& x) { return x.squaredNorm(); }, all(10, 1), 0));
  for (const Eigen::Index n : {5, 10, 20}) problems.push_back(local("ellipsoid, 1e3", ellipsoid, all(n, 1), 0));
  for (const Eigen::Index n : {2, 5}) {
    const VectorXd start = VectorXd::NullaryExpr(n, [](Eigen::Index i) { return i % 2 == 0 ? -1.2 : 1.0; });
    problems.push_back(local("Rosenbrock, chained", chained, start, 0));
  }
  for (int number = 1; number <= 35; ++number) {
    const mesaopt::problems::MoreGarbowHillstrom problem(number);
    if (problem.start().size() <= 12 && std::isfinite(problem.minimum()))
      problems.push_back(local(
          "MGH " + std::to_string(number), [problem](const VectorXd& x) { return problem(x); }, problem.start(),
          problem.minimum()));
  }
  return problems;
}

std::vector<Problem> bounded_problems() {
  std::vector<Problem> problems;
  const auto add = [&](const char* name, double (*f)(const VectorXd&), Eigen::Index n, double start, double lower,
                       double upper, double minimum) {
    problems.push_back(local(name, f, all(n, start), minimum));
    problems.back().lower.setConstant(lower);
    problems.back().upper.setConstant(upper);
  };
  add("Rosenbrock in [-2, 0.8]", chained, 2, 0, -2, 0.8, 0.04);
  for (const Eigen::Index n : {2, 5, 10}) {
    add("(x - 0.3)² + (Σx)² in [0, 2]", pushed, n, 1, 0, 2, 0.09 * double(n * n) / double(n + 1));
    add("ellipsoid in [0.5, 3]", ellipsoid, n, 1.5, 0.5, 3, ellipsoid(all(n, 0.5)));
  }
  for (int number = 1; number <= 35; ++number) {
    const mesaopt::problems::MoreGarbowHillstrom problem(number);
    if (!problem.has_bounds() || problem.start().size() > 12) continue;
    const auto box = problem.bounds();
    const VectorXd start = problem.start().cwiseMax(box.lower).cwiseMin(box.upper);
    problems.push_back(local(
        "MGH " + std::to_string(number) + ", Gay's bounds", [problem](const VectorXd& x) { return problem(x); }, start,
        problem.bounded_minimum()));
    problems.back().lower = box.lower;
    problems.back().upper = box.upper;
    problems.back().tolerance *= 10;
  }
  return problems;
}

double branin(const VectorXd& x) {
  const double pi = 3.14159265358979323846;
  return std::pow(x[1] - 5.1 / (4 * pi * pi) * x[0] * x[0] + 5 / pi * x[0] - 6, 2) +
         10 * (1 - 1 / (8 * pi)) * std::cos(x[0]) + 10;
}
double camel(const VectorXd& x) {
  const double a = x[0] * x[0], b = x[1] * x[1];
  return (4 - 2.1 * a + a * a / 3) * a + x[0] * x[1] + (4 * b - 4) * b;
}
double goldstein(const VectorXd& p) {
  const double x = p[0], y = p[1];
  return (1 + std::pow(x + y + 1, 2) * (19 - 14 * x + 3 * x * x - 14 * y + 6 * x * y + 3 * y * y)) *
         (30 + std::pow(2 * x - 3 * y, 2) * (18 - 32 * x + 12 * x * x + 48 * y - 36 * x * y + 27 * y * y));
}
double hartman(const VectorXd& x) {
  static const double A3[] = {3, 10, 30, .1, 10, 35, 3, 10, 30, .1, 10, 35};
  static const double P3[] = {.3689, .1170, .2673, .4699, .4387, .7470, .1091, .8732, .5547, .03815, .5743, .8828};
  static const double A6[] = {10, 3,   17,  3.5, 1.7, 8, .05, 10, 17,  .1, 8,  14,
                              3,  3.5, 1.7, 10,  17,  8, 17,  8,  .05, 10, .1, 14};
  static const double P6[] = {.1312, .1696, .5569, .0124, .8283, .5886, .2329, .4135, .8307, .3736, .1004, .9991,
                              .2348, .1451, .3522, .2883, .3047, .6650, .4047, .8828, .8732, .5743, .1091, .0381};
  const double c[] = {1, 1.2, 3, 3.2};
  const Eigen::Index n = x.size();
  double sum = 0;
  for (Eigen::Index i = 0; i < 4; ++i) {
    double exponent = 0;
    for (Eigen::Index j = 0; j < n; ++j) {
      const double a = n == 3 ? A3[i * n + j] : A6[i * n + j], p = n == 3 ? P3[i * n + j] : P6[i * n + j];
      exponent += a * (x[j] - p) * (x[j] - p);
    }
    sum -= c[i] * std::exp(-exponent);
  }
  return sum;
}
double shekel(const VectorXd& x, int wells) {
  static const double a[10][4] = {{4, 4, 4, 4}, {1, 1, 1, 1}, {8, 8, 8, 8}, {6, 6, 6, 6}, {3, 7, 3, 7},
                                  {2, 9, 2, 9}, {5, 5, 3, 3}, {8, 1, 8, 1}, {6, 2, 6, 2}, {7, 3.6, 7, 3.6}};
  static const double c[] = {.1, .2, .2, .4, .4, .6, .3, .7, .5, .5};
  double sum = 0;
  for (int i = 0; i < wells; ++i) {
    double distance = c[i];
    for (Eigen::Index j = 0; j < 4; ++j) distance += (x[j] - a[i][j]) * (x[j] - a[i][j]);
    sum -= 1 / distance;
  }
  return sum;
}

std::vector<Problem> global_problems() {
  std::vector<Problem> problems;
  const auto add = [&](const char* name, std::function<double(const VectorXd&)> f, VectorXd lower, VectorXd upper,
                       double minimum) {
    const VectorXd middle = (lower + upper) / 2;
    problems.push_back(
        {name, std::move(f), middle, minimum, std::move(lower), std::move(upper), 1e-4 * std::abs(minimum)});
  };
  add("Branin", branin, VectorXd{{-5, 0}}, VectorXd{{10, 15}}, 0.397887357729739);
  add("six-hump camel", camel, VectorXd{{-3, -2}}, VectorXd{{3, 2}}, -1.031628453489877);
  add("Goldstein and Price", goldstein, all(2, -2), all(2, 2), 3);
  add("Hartman 3", hartman, all(3, 0), all(3, 1), -3.86278214782076);
  add("Hartman 6", hartman, all(6, 0), all(6, 1), -3.32236801141551);
  for (const auto& [wells, minimum] :
       {std::pair{5, -10.1531996790582}, {7, -10.4029405668187}, {10, -10.5364098166920}})
    add(("Shekel " + std::to_string(wells)).c_str(), [wells = wells](const VectorXd& x) { return shekel(x, wells); },
        all(4, 0), all(4, 10), minimum);
  return problems;
}

/// µs that a method takes for each evaluation, of an ellipsoid, beyond those of the evaluation itself.
void times() {
  std::printf(
      "µs of BOBYQA per evaluation of the ellipsoid from all ones, that evaluation included\n\n| n | mesaopt |");
#ifdef MESAOPT_PEER_NLOPT
  std::printf(" NLopt | ratio |\n| ---: | ---: | ---: | ---: |\n");
#else
  std::printf("\n| ---: | ---: |\n");
#endif
  using Clock = std::chrono::steady_clock;
  for (const Eigen::Index n : {5, 10, 20, 40, 80}) {
    Problem p = local("ellipsoid", ellipsoid, all(n, 1), 0);
    std::vector<double> least(2, infinity);
    for (int round = 0; round < 30; ++round)
      for (std::size_t which = 0; which < least.size(); ++which) {
        const auto began = Clock::now();
        int hit = 0;
        if (which == 0) hit = count(p, mesaopt::Bobyqa{.radius = p.first_step(), .tolerance = 1e-10});
#ifdef MESAOPT_PEER_NLOPT
        if (which == 1) hit = count(p, NLOPT_LN_BOBYQA);
#endif
        if (hit > 0)
          least[which] =
              std::min(least[which], 1e6 * std::chrono::duration<double>(Clock::now() - began).count() / hit);
      }
    std::printf("| %td | %.2f |", n, least[0]);
#ifdef MESAOPT_PEER_NLOPT
    std::printf(" %.2f | %.2f |", least[1], least[0] / least[1]);
#endif
    std::printf("\n");
  }
}

}  // namespace

int main() {
  std::vector<Solver> solvers{
      {"Bobyqa",
       [](const Problem& p) { return count(p, mesaopt::Bobyqa{.radius = p.first_step(), .tolerance = 1e-10}); }},
      {"NelderMead",
       [](const Problem& p) {
         return count(
             p, mesaopt::NelderMead{.step_size = p.first_step(), .step_tolerance = 1e-12, .value_tolerance = 1e-12});
       }},
      {"CompassSearch", [](const Problem& p) {
         return count(p, mesaopt::CompassSearch{.step_size = p.first_step(), .step_tolerance = 1e-12});
       }}};
#ifdef MESAOPT_PEER_NLOPT
  solvers.push_back({"NLopt BOBYQA", [](const Problem& p) { return count(p, NLOPT_LN_BOBYQA); }});
  solvers.push_back({"NLopt Nelder-Mead", [](const Problem& p) { return count(p, NLOPT_LN_NELDERMEAD); }});
  solvers.push_back({"NLopt COBYLA", [](const Problem& p) { return count(p, NLOPT_LN_COBYLA); }});
#endif
  std::printf(
      "Evaluations until f is 1e-8 max(1, |f*|) above the minimum f*; -: not within %d, or the method ends "
      "before. All begin with steps of 0.1 max(1, |x|). MGH: Moré, Garbow and Hillstrom, by number.\n\n",
      most_evaluations);
  table(free_problems(), solvers, {{0, 3}, {1, 4}, {0, 5}});
  std::printf("The same with bounds; those of Gay to 1e-7, as their minima are known to 8 digits\n\n");
  table(bounded_problems(), solvers, {{0, 3}, {1, 4}, {0, 5}});

  std::vector<Solver> global{{"DirectL", [](const Problem& p) { return count(p, mesaopt::DirectL{}); }}};
#ifdef MESAOPT_PEER_NLOPT
  global.push_back({"NLopt DIRECT_L", [](const Problem& p) { return count(p, NLOPT_GN_DIRECT_L); }});
  global.push_back({"NLopt ORIG_DIRECT_L", [](const Problem& p) { return count(p, NLOPT_GN_ORIG_DIRECT_L); }});
  global.push_back({"NLopt DIRECT", [](const Problem& p) { return count(p, NLOPT_GN_DIRECT); }});
#endif
  std::printf("Global search: evaluations until f is 1e-4 |f*| above the minimum f*\n\n");
  table(global_problems(), global, {{0, 1}, {0, 2}, {0, 3}});
  times();
  return 0;
}
