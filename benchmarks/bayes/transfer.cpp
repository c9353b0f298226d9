// What earlier tasks are worth to Bayesian optimization, and that misleading ones do no harm: Branin with random shifts
// and scales as earlier tasks, and another shifted Branin to be minimized by BayesianOptimization, with EarlierTasks
// and without. Evaluations until the lowest value is so near the least there is: median over seeds (quartiles).
//
//     transfer [seeds = 20] [first seed = 1] [case = all]

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <mesaopt/bayes/earlier_tasks.hpp>
#include <mesaopt/bayes/ranked_tasks.hpp>
#include <mesaopt/core/minimize.hpp>
#include <mesaopt/core/random.hpp>
#include <mesaopt/core/sobol.hpp>
#include <mesaopt/objective/bounds.hpp>
#include <mesaopt/recipes/bayesian_optimization.hpp>
#include <numbers>
#include <vector>
using namespace mesaopt;
using std::numbers::pi;
using Vector = Eigen::VectorXd;
using Matrix = Eigen::MatrixXd;
constexpr double least = 0.39788735772973816;
int evaluations = 40;
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
struct Any {
  std::function<double(const Vector&)> f;
  double operator()(const Vector& x) const { return f(x); }
};
struct Case {
  const char* name;
  int alike, misleading, how, points;
  bool own;
};
long used = 0, total = 0;
std::vector<double> run(std::uint64_t seed, double shift, const Case& c) {
  Random random{seed};
  const Task task = [&] {
    Task d(random, shift, 1);
    d.scale = 1;
    return d;
  }();
  Random of_tasks = random.split(1);
  const Box<Vector> box{Vector::Zero(2), Vector::Ones(2)};
  EarlierTasks<Vector> tasks;
  for (int k = 0; k < c.alike + c.misleading; ++k) {
    const Task earlier(of_tasks, shift, k < c.alike ? 1 : -1);
    if (c.own) {
      const auto s = minimize(within(Any{earlier}, box), Vector(Vector::Constant(2, 0.5)),
                              BayesianOptimization{.seed = 1000 * seed + std::uint64_t(k)}, MaxEvaluations{c.points});
      tasks.add(s);
    } else {
      Matrix X(2, c.points);
      Sobol{.dimension = 2, .seed = 1000 * seed + std::uint64_t(k)}.fill(X);
      Vector y(X.cols());
      for (Eigen::Index j = 0; j < X.cols(); ++j) y[j] = earlier(X.col(j));
      tasks.add(X, y);
    }
  }
  std::vector<double> regret;
  const Any f{[&](const Vector& x) {
    const double v = task(x);
    regret.push_back(std::min(regret.empty() ? 1e300 : regret.back(), v - least));
    return v;
  }};
  Random other = random.split(2);
  Vector x0(2);
  for (double& p : x0) p = other.uniform();
  const BayesianOptimization bo{.seed = seed};
  if (c.how == 0)
    minimize(within(f, box), x0, bo, MaxEvaluations{evaluations});
  else if (c.how == 1) {
    auto s = minimize(within(f, box), tasks, bo, MaxEvaluations{evaluations});
    used += s.state.heeds_tasks;
    ++total;
  } else {
    const auto p = bo.pieces();
    BayesianSearch ranked{p.model, p.acquire, p.fit, p.maximize, RankedTasks{}};
    ranked.priors = p.priors;
    ranked.seed = seed;
    auto s = minimize(within(f, box), tasks, ranked, MaxEvaluations{evaluations});
    used += s.state.heeds_tasks;
    ++total;
  }
  return regret;
}
double taken(const std::vector<double>& r, double level) {
  return 1 + double(std::find_if(r.begin(), r.end(), [&](double v) { return v <= level; }) - r.begin());
}
double q(std::vector<double> v, double s) {
  std::sort(v.begin(), v.end());
  const double at = s * double(v.size() - 1);
  auto b = std::size_t(at);
  return v[b] + (at - double(b)) * (v[std::min(b + 1, v.size() - 1)] - v[b]);
}
int main(int n, char** a) {
  const int seeds = n > 1 ? std::atoi(a[1]) : 20;
  const auto first = std::uint64_t(n > 2 ? std::atoi(a[2]) : 1);
  const int only = n > 3 ? std::atoi(a[3]) : -1;
  for (double shift : {0.1, 0.2}) {
    std::printf("shift %g\n", shift);
    std::vector<std::vector<double>> alone;
    int k = -1;
    for (const Case& c : {Case{"alone", 0, 0, 0, 40, false}, Case{"4 alike", 4, 0, 1, 40, false},
                          Case{"4 alike, 20", 4, 0, 1, 20, false}, Case{"4 alike, own runs", 4, 0, 1, 40, true},
                          Case{"1 alike", 1, 0, 1, 40, false}, Case{"4 misleading", 0, 4, 1, 40, false},
                          Case{"2+2", 2, 2, 1, 40, false}, Case{"4 alike RGPE", 4, 0, 2, 40, false},
                          Case{"4 misl RGPE", 0, 4, 2, 40, false}}) {
      ++k;
      if (only >= 0 && k != 0 && k != only) continue;
      used = total = 0;
      std::vector<std::vector<double>> runs;
      for (int s = 0; s < seeds; ++s) runs.push_back(run(first + std::uint64_t(s), shift, c));
      if (alone.empty()) alone = runs;
      std::printf("%-20s", c.name);
      for (double level : {1.0, 0.1, 1e-2, 1e-3, 1e-4}) {
        std::vector<double> e;
        for (auto& r : runs) e.push_back(taken(r, level));
        std::printf(" %5.1f (%4.1f-%4.1f)", q(e, .5), q(e, .25), q(e, .75));
      }
      int later = 0, sooner = 0, miss = 0;
      for (std::size_t i = 0; i < runs.size(); ++i) {
        later += taken(runs[i], 1e-3) > taken(alone[i], 1e-3);
        sooner += taken(runs[i], 1e-3) < taken(alone[i], 1e-3);
        miss += runs[i].back() > 1e-3;
      }
      std::printf(" miss %d later %d sooner %d heeds at end %ld/%ld\n", miss, later, sooner, used, total);
      std::fflush(stdout);
    }
  }
}
