// L-BFGS-B against other libraries' methods for bounds, side by side in one process: until no entry of the projected
// gradient is above 1e-8, 10 pairs each, the same objective code for all.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/minimize.hpp>
#include <mesaopt/gradient/lbfgsb.hpp>
#include <mesaopt/objective/bounds.hpp>

#include "turns.hpp"

#ifdef MESAOPT_PEER_NLOPT
#include <nlopt.h>
#endif
#ifdef MESAOPT_PEER_DLIB
#include <dlib/optimization.h>
#endif

namespace {

constexpr double tolerance = 1e-8;
constexpr int memory = 10;
constexpr long most_evaluations = 20000;

using Index = std::ptrdiff_t;

/// An objective of n variables with bounds and a start.
struct Problem {
  const char* name;
  double (*f)(const double* x, double* g, Index n);
  std::vector<double> lower, upper, start;
};

double rosenbrock(const double* x, double* g, Index n) {
  double sum = 0;
  for (Index i = 0; i < n; i += 2) {
    const double valley = x[i + 1] - x[i] * x[i], slope = 1 - x[i];
    sum += 100 * valley * valley + slope * slope;
    g[i] = -400 * x[i] * valley - 2 * slope;
    g[i + 1] = 200 * valley;
  }
  return sum;
}

/// The sample problem that comes with the Fortran code of L-BFGS-B.
double sample(const double* x, double* g, Index n) {
  double sum = (x[0] - 1) * (x[0] - 1) / 4, before = 0;
  g[0] = 2 * (x[0] - 1);
  for (Index i = 0; i + 1 < n; ++i) {
    const double valley = x[i + 1] - x[i] * x[i];
    sum += valley * valley;
    g[i] = (i == 0 ? g[0] : 8 * before) - 16 * x[i] * valley;
    before = valley;
  }
  g[n - 1] = 8 * before;
  return 4 * sum;
}

/// Elastic-plastic torsion of a square bar, on a grid of as many points a side as fit: a convex quadratic, whose
/// bounds are active where the bar yields. Averick, Carter, Moré & Xue (1992), "The MINPACK-2 test problem collection",
/// section 4.2 with c = 5.
double torsion(const double* x, double* g, Index n) {
  const Index side = Index(std::lround(std::sqrt(double(n))));
  const double h = 1.0 / double(side + 1), load = 5 * h * h;
  double sum = 0;
  for (Index j = 0; j < side; ++j)
    for (Index i = 0; i < side; ++i) {
      const Index at = j * side + i;
      const double here = x[at], right = i + 1 < side ? x[at + 1] : 0, up = j + 1 < side ? x[at + side] : 0,
                   left = i > 0 ? x[at - 1] : 0, down = j > 0 ? x[at - side] : 0;
      g[at] = 4 * here - right - up - left - down - load;
      sum += here * (g[at] - load);
    }
  return sum / 2;
}

double distance_to_side(Index i, Index side) { return double(std::min(i + 1, side - i)) / double(side + 1); }

std::vector<Problem> problems(Index n) {
  const auto size = std::size_t(n);
  const double infinity = std::numeric_limits<double>::infinity();
  const std::vector<double> ones(size, 1.0);
  std::vector<double> start = ones;
  for (std::size_t i = 0; i < size; i += 2) start[i] = -1.2;
  std::vector<Problem> all;
  all.push_back({"Rosenbrock, bounds far away", rosenbrock, std::vector<double>(size, -10.0),
                 std::vector<double>(size, 10.0), start});
  all.push_back({"Rosenbrock, half of the variables end at bounds", rosenbrock, std::vector<double>(size, -infinity),
                 std::vector<double>(size, infinity), start});
  for (std::size_t i = 0; i < size; i += 2) {
    all.back().lower[i] = -1.5;
    all.back().upper[i] = 0.8;
  }
  all.push_back({"sample problem of L-BFGS-B", sample, std::vector<double>(size, -100.0),
                 std::vector<double>(size, 100.0), std::vector<double>(size, 3.0)});
  for (std::size_t i = 0; i < size; i += 2) all.back().lower[i] = 1;
  const Index side = Index(std::lround(std::sqrt(double(n))));
  if (side * side == n) {
    all.push_back({"torsion of a bar", torsion, std::vector<double>(size), std::vector<double>(size), {}});
    for (Index k = 0; k < n; ++k) {
      const double most = std::min(distance_to_side(k % side, side), distance_to_side(k / side, side));
      all.back().lower[std::size_t(k)] = -most;
      all.back().upper[std::size_t(k)] = most;
    }
    all.back().start = all.back().lower;
  }
  return all;
}

/// The largest entry of the projected gradient.
double residual(const Problem& p, const double* x, const double* g) {
  double most = 0;
  for (std::size_t i = 0; i < p.start.size(); ++i)
    most = std::max(most, std::abs(x[i] - std::clamp(x[i] - g[i], p.lower[i], p.upper[i])));
  return most;
}

/// What one solve did.
struct Solve {
  long evaluations = 0;
  double value = 0, residual = std::numeric_limits<double>::infinity();
};

using Solver = Contender<Solve>;

struct Objective {
  double (*f)(const double*, double*, Index);
  double operator()(const Eigen::VectorXd& x, Eigen::VectorXd& g) const { return f(x.data(), g.data(), x.size()); }
};

std::vector<Solver> solvers(const Problem& p) {
  std::vector<Solver> all;
  const auto n = Index(p.start.size());
  const auto vector = [n](const std::vector<double>& v) { return Eigen::VectorXd(Eigen::VectorXd::Map(v.data(), n)); };
  const auto f = mesaopt::within(Objective{p.f}, mesaopt::Box<Eigen::VectorXd>{vector(p.lower), vector(p.upper)});
  const mesaopt::GradientBelow stopping{tolerance};
  const mesaopt::LbfgsB optimizer{.memory = memory};
  mesaopt::RunOf<mesaopt::LbfgsB, mesaopt::GradientBelow, decltype(f), Eigen::VectorXd> run;
  all.push_back({"mesaopt", [=, from = vector(p.start)]() mutable {
                   mesaopt::begin(f, from, optimizer, stopping, run);
                   mesaopt::resume(f, optimizer, stopping, run);
                   return Solve{long(run.state.calls.counts[0].evaluations()), run.state.value,
                                residual(p, run.state.x.data(), run.state.gradient.data())};
                 }});
#ifdef MESAOPT_PEER_NLOPT
  all.push_back({"NLopt", [=] {
                   struct Data {
                     const Problem& p;
                     Solve solve;
                     nlopt_opt opt;
                   } data{p, {}, nlopt_create(NLOPT_LD_LBFGS, unsigned(n))};
                   std::vector<double> x = p.start;
                   nlopt_set_vector_storage(data.opt, memory);
                   nlopt_set_lower_bounds(data.opt, p.lower.data());
                   nlopt_set_upper_bounds(data.opt, p.upper.data());
                   nlopt_set_maxeval(data.opt, most_evaluations);
                   const auto evaluate = [](unsigned size, const double* at, double* g, void* given) {
                     auto& mine = *static_cast<Data*>(given);
                     ++mine.solve.evaluations;
                     const double value = mine.p.f(at, g, Index(size));
                     mine.solve.residual = residual(mine.p, at, g);
                     if (mine.solve.residual <= tolerance) nlopt_force_stop(mine.opt);
                     return value;
                   };
                   nlopt_set_min_objective(data.opt, evaluate, &data);
                   nlopt_optimize(data.opt, x.data(), &data.solve.value);
                   nlopt_destroy(data.opt);
                   return data.solve;
                 }});
#endif
#ifdef MESAOPT_PEER_DLIB
  using Vector = dlib::matrix<double, 0, 1>;
  struct Stop {
    const Problem& p;
    Solve* solve;
    bool should_continue_search(const Vector& x, double value, const Vector& g) const {
      solve->value = value;
      solve->residual = residual(p, &x(0), &g(0));
      return solve->residual > tolerance && solve->evaluations < most_evaluations;
    }
  };
  all.push_back({"dlib", [=] {
                   Solve solve;
                   Vector x(n), lower(n), upper(n), gradient(n), at;
                   std::copy(p.start.begin(), p.start.end(), x.begin());
                   std::copy(p.lower.begin(), p.lower.end(), lower.begin());
                   std::copy(p.upper.begin(), p.upper.end(), upper.begin());
                   // It asks for value and gradient apart, at the same points.
                   const auto value = [&](const Vector& q) {
                     ++solve.evaluations;
                     at = q;
                     return p.f(&q(0), &gradient(0), n);
                   };
                   const auto derivative = [&](const Vector& q) -> const Vector& {
                     if (!std::equal(q.begin(), q.end(), at.begin(), at.end())) value(q);
                     return gradient;
                   };
                   dlib::find_min_box_constrained(dlib::lbfgs_search_strategy(memory), Stop{p, &solve}, value,
                                                  derivative, x, lower, upper);
                   return solve;
                 }});
#endif
  return all;
}

}  // namespace

int main(int count, char** arguments) {
  const double budget = count > 1 ? std::atof(arguments[1]) : 2;  // seconds for each problem and size
  std::printf(
      "Gradient evaluations and µs per solve (times that of mesaopt) until no entry of the projected gradient is above "
      "1e-8; one that is never reached is given instead\n\n| problem | n |");
  bool head = true;
  for (const Index n : {2, 10, 100, 1000, 10000})
    for (const Problem& p : problems(n)) {
      std::vector<Solver> all = solvers(p);
      take_turns(all, budget);
      if (head) {
        for (const Solver& solver : all) std::printf(" %s |", solver.name.c_str());
        std::printf("\n| --- | --- |");
        for (std::size_t i = 0; i < all.size(); ++i) std::printf(" --- |");
        std::printf("\n");
        head = false;
      }
      std::printf("| %s | %td |", p.name, n);
      for (const Solver& solver : all) {
        std::printf(" %ld, %.1f (%.2f)", solver.last.evaluations, 1e6 * solver.seconds,
                    solver.seconds / all[0].seconds);
        if (!(solver.last.residual <= tolerance)) std::printf(" %.0e", solver.last.residual);
        std::printf(" |");
      }
      std::printf("\n");
      std::fflush(stdout);
    }
  return 0;
}
