// L-BFGS against other libraries' L-BFGS, side by side in one process: extended Rosenbrock from its standard start
// until no entry of the gradient is above 1e-8, 10 pairs each, the same objective code for all.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <limits>
#include <string>
#include <type_traits>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/minimize.hpp>
#include <mesaopt/gradient/lbfgs.hpp>

#include "turns.hpp"

#ifdef MESAOPT_PEER_LIBLBFGS
#include <lbfgs.h>
#endif
#ifdef MESAOPT_PEER_NLOPT
#include <nlopt.h>
#endif
#ifdef MESAOPT_PEER_CERES
#include <ceres/gradient_problem.h>
#include <ceres/gradient_problem_solver.h>
#endif
#ifdef MESAOPT_PEER_DLIB
#include <dlib/optimization.h>
#endif

namespace {
long allocations = 0;
}

#ifdef __GLIBC__
extern "C" {
void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t number, std::size_t size);
void* __libc_memalign(std::size_t alignment, std::size_t size);
void* malloc(std::size_t size) {
  ++allocations;
  return __libc_malloc(size);
}
void* calloc(std::size_t number, std::size_t size) {
  ++allocations;
  return __libc_calloc(number, size);
}
void* memalign(std::size_t alignment, std::size_t size) {
  ++allocations;
  return __libc_memalign(alignment, size);
}
void* aligned_alloc(std::size_t alignment, std::size_t size) { return memalign(alignment, size); }
int posix_memalign(void** out, std::size_t alignment, std::size_t size) {
  *out = memalign(alignment, size);
  return *out == nullptr ? 12 : 0;
}
}
#endif

namespace {

constexpr double tolerance = 1e-8;
constexpr int memory = 10;

/// The objective of all.
double rosenbrock(const double* x, double* g, std::ptrdiff_t n) {
  double sum = 0;
  for (std::ptrdiff_t i = 0; i < n; i += 2) {
    const double valley = x[i + 1] - x[i] * x[i], slope = 1 - x[i];
    sum += 100 * valley * valley + slope * slope;
    g[i] = -400 * x[i] * valley - 2 * slope;
    g[i + 1] = 200 * valley;
  }
  return sum;
}

std::vector<double> start(std::ptrdiff_t n) {
  std::vector<double> x(static_cast<std::size_t>(n), 1.0);
  for (std::size_t i = 0; i < x.size(); i += 2) x[i] = -1.2;
  return x;
}

double largest(const double* g, std::ptrdiff_t n) {
  double most = 0;
  for (std::ptrdiff_t i = 0; i < n; ++i) most = std::max(most, std::abs(g[i]));
  return most;
}

/// What one solve did.
struct Solve {
  long evaluations = 0, iterations = 0;
  double error = std::numeric_limits<double>::infinity();  ///< largest distance of a variable to the minimum
};

double distance(const double* x, std::ptrdiff_t n) {
  double most = 0;
  for (std::ptrdiff_t i = 0; i < n; ++i) most = std::max(most, std::abs(x[i] - 1));
  return most;
}

struct Solver {
  std::string name;
  std::function<Solve()> solve;
  double seconds = std::numeric_limits<double>::infinity();
  Solve last{};
  double allocated = 0;  ///< allocations an iteration
};

struct Objective {
  double operator()(const Eigen::VectorXd& x, Eigen::VectorXd& g) const {
    return rosenbrock(x.data(), g.data(), x.size());
  }
};

std::vector<Solver> solvers(std::ptrdiff_t n) {
  std::vector<Solver> all;
  const auto answer = [n](const auto& state) {
    const auto& counts = state.calls.counts[0];
    return Solve{long(counts.evaluations()), long(counts.iterations), distance(state.x.data(), n)};
  };
  const std::vector<double> x0 = start(n);
  const Eigen::VectorXd from = Eigen::VectorXd::Map(x0.data(), n);
  const mesaopt::GradientBelow stopping{tolerance};
  const mesaopt::Lbfgs optimizer{.memory = memory};
  mesaopt::RunOf<mesaopt::Lbfgs, mesaopt::GradientBelow, Objective, Eigen::VectorXd> run;
  all.push_back({"mesaopt, run begun anew in place", [=]() mutable {
                   mesaopt::begin(Objective{}, from, optimizer, stopping, run);
                   mesaopt::resume(Objective{}, optimizer, stopping, run);
                   return answer(run.state);
                 }});
  all.push_back(
      {"mesaopt, `minimize`", [=] { return answer(mesaopt::minimize(Objective{}, from, optimizer, stopping).state); }});
#ifdef MESAOPT_PEER_LIBLBFGS
  all.push_back({"liblbfgs", [=] {
                   Solve solve;
                   lbfgs_parameter_t parameters;
                   lbfgs_parameter_init(&parameters);
                   parameters.m = memory;
                   parameters.epsilon = 0;
                   double* const x = lbfgs_malloc(int(n));
                   std::copy(x0.begin(), x0.end(), x);
                   const auto evaluate = [](void* data, const double* at, double* g, int size, double) {
                     ++static_cast<Solve*>(data)->evaluations;
                     return rosenbrock(at, g, size);
                   };
                   const auto progress = [](void* data, const double*, const double* g, double, double, double, double,
                                            int size, int, int) {
                     ++static_cast<Solve*>(data)->iterations;
                     return largest(g, size) <= tolerance ? 1 : 0;
                   };
                   lbfgs(int(n), x, nullptr, evaluate, progress, &solve, &parameters);
                   solve.error = distance(x, n);
                   lbfgs_free(x);
                   return solve;
                 }});
#endif
#ifdef MESAOPT_PEER_NLOPT
  all.push_back({"NLopt", [=] {
                   struct Data {
                     Solve solve;
                     nlopt_opt opt;
                   } data{{}, nlopt_create(NLOPT_LD_LBFGS, unsigned(n))};
                   std::vector<double> x = x0;
                   double value = 0;
                   nlopt_set_vector_storage(data.opt, memory);
                   const auto evaluate = [](unsigned size, const double* at, double* g, void* given) {
                     auto& mine = *static_cast<Data*>(given);
                     ++mine.solve.evaluations;
                     const double f = rosenbrock(at, g, std::ptrdiff_t(size));
                     if (largest(g, std::ptrdiff_t(size)) <= tolerance) nlopt_force_stop(mine.opt);
                     return f;
                   };
                   nlopt_set_min_objective(data.opt, evaluate, &data);
                   nlopt_optimize(data.opt, x.data(), &value);
                   nlopt_destroy(data.opt);
                   data.solve.iterations = data.solve.evaluations;
                   data.solve.error = distance(x.data(), n);
                   return data.solve;
                 }});
#endif
#ifdef MESAOPT_PEER_CERES
  struct First final : ceres::FirstOrderFunction {
    std::ptrdiff_t n;
    mutable long evaluations = 0;
    explicit First(std::ptrdiff_t size) : n(size) {}
    bool Evaluate(const double* at, double* cost, double* g) const override {
      ++evaluations;
      thread_local std::vector<double> unused;
      if (g == nullptr) {
        unused.resize(std::size_t(n));
        g = unused.data();
      }
      *cost = rosenbrock(at, g, n);
      return true;
    }
    int NumParameters() const override { return int(n); }
  };
  all.push_back({"Ceres", [=] {
                   auto* const function = new First(n);
                   const ceres::GradientProblem problem(function);
                   ceres::GradientProblemSolver::Options options;
                   ceres::GradientProblemSolver::Summary summary;
                   options.max_lbfgs_rank = memory;
                   options.max_num_iterations = 1000;
                   options.gradient_tolerance = tolerance;
                   options.function_tolerance = 0;
                   options.parameter_tolerance = 0;
                   options.logging_type = ceres::SILENT;
                   std::vector<double> x = x0;
                   ceres::Solve(options, problem, x.data(), &summary);
                   return Solve{function->evaluations, long(summary.iterations.size()), distance(x.data(), n)};
                 }});
#endif
#ifdef MESAOPT_PEER_DLIB
  using Vector = dlib::matrix<double, 0, 1>;
  struct Stop {
    long* iterations;
    bool should_continue_search(const Vector&, double, const Vector& g) const {
      ++*iterations;
      return largest(&g(0), g.size()) > tolerance;
    }
  };
  all.push_back({"dlib", [=] {
                   Solve solve;
                   Vector x(n);
                   std::copy(x0.begin(), x0.end(), x.begin());
                   Vector gradient(n), at;
                   // It asks for value and gradient apart, at the same points.
                   const auto value = [&](const Vector& p) {
                     ++solve.evaluations;
                     at = p;
                     return rosenbrock(&p(0), &gradient(0), n);
                   };
                   const auto derivative = [&](const Vector& p) -> const Vector& {
                     if (!std::equal(p.begin(), p.end(), at.begin(), at.end())) value(p);
                     return gradient;
                   };
                   dlib::find_min(dlib::lbfgs_search_strategy(memory), Stop{&solve.iterations}, value, derivative, x,
                                  -std::numeric_limits<double>::infinity());
                   solve.error = distance(&x(0), n);
                   return solve;
                 }});
#endif
  return all;
}

void measure(std::vector<Solver>& all, double budget) {
  for (Solver& solver : all) {
    solver.last = solver.solve();
    const long before = allocations;
    solver.last = solver.solve();
    solver.allocated = double(allocations - before) / double(solver.last.iterations);
  }
  take_turns(all, budget);
}

}  // namespace

int main(int count, char** arguments) {
  const double budget = count > 1 ? std::atof(arguments[1]) : 4;  // seconds for each size
  const std::vector<std::ptrdiff_t> sizes{2, 10, 100, 1000, 10000};
  std::vector<std::vector<Solver>> columns;
  for (const std::ptrdiff_t n : sizes) {
    columns.push_back(solvers(n));
    measure(columns.back(), budget);
  }
  std::printf(
      "Gradient evaluations and µs per solve (times that of mesaopt in place); allocations an iteration at n = "
      "1000\n\n|");
  for (const std::ptrdiff_t n : sizes) std::printf(" | n = %td", n);
  std::printf(" | allocations |\n| ---");
  for (std::size_t i = 0; i <= sizes.size(); ++i) std::printf(" | ---");
  std::printf(" |\n");
  for (std::size_t k = 0; k < columns[0].size(); ++k) {
    std::printf("| %s", columns[0][k].name.c_str());
    for (const auto& column : columns)
      std::printf(" | %ld, %.1f (%.2f)%s", column[k].last.evaluations, 1e6 * column[k].seconds,
                  column[k].seconds / column[0].seconds, column[k].last.error < 1e-6 ? "" : " not solved");
    std::printf(" | %.1f |\n", columns[3][k].allocated);
  }
  return 0;
}
