// Levenberg-Marquardt against other libraries', side by side in one process, the same residuals and Jacobian for all,
// until no entry of J'r is above a tolerance (Eigen's until its relative tests of 1e-10 hold: it has no such test). The
// times are the least of many rounds, in which the libraries take turns, so that they hold on a machine with other
// work.

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include <Eigen/Core>
#include <unsupported/Eigen/NonLinearOptimization>

#include <mesaopt/core/minimize.hpp>
#include <mesaopt/gradient/levenberg_marquardt.hpp>

#ifdef MESAOPT_PEER_CERES
#include <ceres/ceres.h>
#include <ceres/tiny_solver.h>
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

using Eigen::Index;
using Eigen::VectorXd;

/// Where a Jacobian goes, row by row or column by column, if it is wanted.
struct Out {
  double* data;
  Index row, column;
  explicit operator bool() const { return data != nullptr; }
  double& operator()(Index i, Index j) const { return data[i * row + j * column]; }
};

struct Rosenbrock {
  static constexpr int N = 2, M = 2;
  static constexpr const char* name = "Rosenbrock";
  static constexpr double minimum = 0, tolerance = 1e-8;
  static VectorXd start() { return Eigen::Vector2d(-1.2, 1); }
  void operator()(const double* x, double* r, Out J) const {
    r[0] = 10 * (x[1] - x[0] * x[0]);
    r[1] = 1 - x[0];
    if (!J) return;
    J(0, 0) = -20 * x[0];
    J(0, 1) = 10;
    J(1, 0) = -1;
    J(1, 1) = 0;
  }
};

struct PowellSingular {
  static constexpr int N = 4, M = 4;
  static constexpr const char* name = "Powell singular";
  static constexpr double minimum = 0, tolerance = 1e-8;
  static VectorXd start() { return Eigen::Vector4d(3, -1, 0, 1); }
  void operator()(const double* x, double* r, Out J) const {
    const double a = x[1] - 2 * x[2], b = x[0] - x[3], five = 2.23606797749979, ten = 3.1622776601683795;
    r[0] = x[0] + 10 * x[1];
    r[1] = five * (x[2] - x[3]);
    r[2] = a * a;
    r[3] = ten * b * b;
    if (!J) return;
    const double rows[4][4] = {
        {1, 10, 0, 0}, {0, 0, five, -five}, {0, 2 * a, -4 * a, 0}, {2 * ten * b, 0, 0, -2 * ten * b}};
    for (int i = 0; i < 4; ++i)
      for (int j = 0; j < 4; ++j) J(i, j) = rows[i][j];
  }
};

struct Wood {
  static constexpr int N = 4, M = 6;
  static constexpr const char* name = "Wood";
  static constexpr double minimum = 0, tolerance = 1e-8;
  static VectorXd start() { return Eigen::Vector4d(-3, -1, -3, -1); }
  void operator()(const double* x, double* r, Out J) const {
    const double ten = 3.1622776601683795, ninety = 9.486832980505138;
    r[0] = 10 * (x[1] - x[0] * x[0]);
    r[1] = 1 - x[0];
    r[2] = ninety * (x[3] - x[2] * x[2]);
    r[3] = 1 - x[2];
    r[4] = ten * (x[1] + x[3] - 2);
    r[5] = (x[1] - x[3]) / ten;
    if (!J) return;
    const double rows[6][4] = {{-20 * x[0], 10, 0, 0}, {-1, 0, 0, 0},    {0, 0, -2 * ninety * x[2], ninety},
                               {0, 0, -1, 0},          {0, ten, 0, ten}, {0, 1 / ten, 0, -1 / ten}};
    for (int i = 0; i < 6; ++i)
      for (int j = 0; j < 4; ++j) J(i, j) = rows[i][j];
  }
};

struct BrownDennis {
  static constexpr int N = 4, M = 20;
  static constexpr const char* name = "Brown-Dennis";
  static constexpr double minimum = 42911.1008131782, tolerance = 1e-4;
  static VectorXd start() { return Eigen::Vector4d(25, 5, -5, -1); }
  double exponential[M], sine[M], cosine[M];
  BrownDennis() {
    for (int i = 0; i < M; ++i) {
      const double t = (i + 1) / 5.0;
      exponential[i] = std::exp(t);
      sine[i] = std::sin(t);
      cosine[i] = std::cos(t);
    }
  }
  void operator()(const double* x, double* r, Out J) const {
    for (int i = 0; i < M; ++i) {
      const double t = (i + 1) / 5.0, a = x[0] + t * x[1] - exponential[i], b = x[2] + x[3] * sine[i] - cosine[i];
      r[i] = a * a + b * b;
      if (!J) continue;
      J(i, 0) = 2 * a;
      J(i, 1) = 2 * a * t;
      J(i, 2) = 2 * b;
      J(i, 3) = 2 * b * sine[i];
    }
  }
};

/// m neurons of n inputs, fitted to data with noise.
template <int n, int m>
struct Neurons {
  static constexpr int N = n, M = m;
  static constexpr const char* name = n == 10   ? "neurons 10 x 100"
                                      : n == 30 ? "neurons 30 x 300"
                                                : "neurons 100 x 1000";
  static constexpr double minimum = -1, tolerance = 1e-8;  // not known
  Eigen::MatrixXd inputs = Eigen::MatrixXd(m, n);
  VectorXd outputs = VectorXd(m), weights = VectorXd(n);
  Neurons() {
    for (int i = 0; i < m; ++i)
      for (int j = 0; j < n; ++j) inputs(i, j) = std::sin(1.0 + 3.7 * i * i + 1.3 * j * i + 2.1 * j);
    for (int j = 0; j < n; ++j) weights[j] = std::cos(5.0 * j) / std::sqrt(double(n));
    for (int i = 0; i < m; ++i) outputs[i] = std::tanh(inputs.row(i).dot(weights)) + 0.1 * std::sin(11.0 * i);
  }
  static VectorXd start() { return VectorXd::Zero(n); }
  void operator()(const double* x, double* r, Out J) const {
    Eigen::Map<VectorXd> out(r, m);
    out.noalias() = inputs * VectorXd::Map(x, n);
    for (int i = 0; i < m; ++i) r[i] = std::tanh(r[i]);
    if (J && J.row == 1) {
      for (int j = 0; j < n; ++j)
        for (int i = 0; i < m; ++i) J(i, j) = (1 - r[i] * r[i]) * inputs(i, j);
    } else if (J) {
      for (int i = 0; i < m; ++i)
        for (int j = 0; j < n; ++j) J(i, j) = (1 - r[i] * r[i]) * inputs(i, j);
    }
    out -= outputs;
  }
};

struct Solve {
  long evaluations = 0, jacobians = 0, iterations = 0;
  double value = std::numeric_limits<double>::infinity();
};

struct Solver {
  std::string name;
  std::function<Solve()> solve;
  double seconds = std::numeric_limits<double>::infinity();
  Solve last{};
  double allocated = 0;  ///< allocations a solve
};

template <class P>
struct Objective {
  const P* problem;
  static Index residual_count() { return P::M; }
  template <class X, class R>
  void residuals(const X& x, R& r) const {
    (*problem)(x.data(), r.data(), {nullptr, 1, P::M});
  }
  template <class X, class R, class J>
  void residuals(const X& x, R& r, J& jacobian) const {
    (*problem)(x.data(), r.data(), {jacobian.data(), 1, P::M});
  }
  template <class X>
  double operator()(const X&) const {
    return 0;
  }
};

#ifdef MESAOPT_PEER_CERES
template <class P>
struct CeresCost : ceres::SizedCostFunction<P::M, P::N> {
  const P* problem;
  mutable long evaluations = 0, jacobians = 0;
  explicit CeresCost(const P* p) : problem(p) {}
  bool Evaluate(double const* const* x, double* r, double** J) const override {
    ++(J && J[0] ? jacobians : evaluations);
    (*problem)(x[0], r, {J ? J[0] : nullptr, P::N, 1});
    return true;
  }
};

template <class P, int n = P::N, int m = P::M>
struct TinyFunction {
  using Scalar = double;
  enum { NUM_RESIDUALS = m, NUM_PARAMETERS = n };
  const P* problem;
  mutable long evaluations = 0, jacobians = 0;
  int NumResiduals() const { return P::M; }
  int NumParameters() const { return P::N; }
  bool operator()(const double* x, double* r, double* J) const {
    ++(J ? jacobians : evaluations);
    (*problem)(x, r, {J, 1, P::M});
    return true;
  }
};
#endif

template <class P>
struct EigenFunctor {
  using Scalar = double;
  using InputType = VectorXd;
  using ValueType = VectorXd;
  using JacobianType = Eigen::MatrixXd;
  enum { InputsAtCompileTime = Eigen::Dynamic, ValuesAtCompileTime = Eigen::Dynamic };
  const P* problem;
  mutable VectorXd unused = VectorXd(P::M);
  Index inputs() const { return P::N; }
  Index values() const { return P::M; }
  int operator()(const VectorXd& x, VectorXd& r) const {
    (*problem)(x.data(), r.data(), {nullptr, 1, P::M});
    return 0;
  }
  int df(const VectorXd& x, Eigen::MatrixXd& J) const {
    (*problem)(x.data(), unused.data(), {J.data(), 1, P::M});
    return 0;
  }
};

template <class P>
std::vector<Solver> solvers(const P& problem) {
  std::vector<Solver> all;
  const P* const p = &problem;
  const VectorXd x0 = P::start();
  const auto answer = [](const auto& state) {
    const auto& counts = state.calls.counts[0];
    return Solve{long(counts.values), long(counts.gradients), long(counts.iterations), double(state.value)};
  };
  const mesaopt::GradientBelow stopping{P::tolerance};
  const auto ours = [&]<class X>(const char* kind, const X& from) {
    const Objective<P> f{p};
    const mesaopt::LevenbergMarquardt optimizer{};
    mesaopt::RunOf<mesaopt::LevenbergMarquardt, mesaopt::GradientBelow, Objective<P>, X> run;
    all.push_back({std::string("mesaopt, ") + kind + ", in place", [=]() mutable {
                     mesaopt::begin(f, from, optimizer, stopping, run);
                     mesaopt::resume(f, optimizer, stopping, run);
                     return answer(run.state);
                   }});
    all.push_back({std::string("mesaopt, ") + kind + ", `minimize`",
                   [=] { return answer(mesaopt::minimize(f, from, optimizer, stopping).state); }});
  };
  if constexpr (P::N <= 10) ours("fixed size", Eigen::Vector<double, P::N>(x0));
  ours("dynamic", x0);
#ifdef MESAOPT_PEER_CERES
  for (const bool qr : {false, true})
    all.push_back(
        {qr ? "Ceres LM, QR" : "Ceres LM, Cholesky", [=] {
           VectorXd x = x0;
           auto* const cost = new CeresCost<P>(p);
           ceres::Problem ceres_problem;
           ceres_problem.AddResidualBlock(cost, nullptr, x.data());
           ceres::Solver::Options options;
           options.gradient_tolerance = P::tolerance;
           options.function_tolerance = options.parameter_tolerance = 1e-30;
           options.max_num_iterations = 1000;
           options.linear_solver_type = qr ? ceres::DENSE_QR : ceres::DENSE_NORMAL_CHOLESKY;
           options.logging_type = ceres::SILENT;
           ceres::Solver::Summary summary;
           ceres::Solve(options, &ceres_problem, &summary);
           return Solve{cost->evaluations, cost->jacobians, long(summary.iterations.size()), summary.final_cost};
         }});
  const auto tiny = [&]<class F>(const char* name, F function) {
    using Solver = ceres::TinySolver<F>;
    all.push_back({name, [=, solver = Solver{}]() mutable {
                     function.evaluations = function.jacobians = 0;
                     solver.options.gradient_tolerance = P::tolerance;
                     solver.options.parameter_tolerance = 1e-30;
                     solver.options.cost_threshold = solver.options.function_tolerance = 0;
                     solver.options.max_num_iterations = 1000;
                     typename Solver::Parameters x = x0;
                     const auto& summary = solver.Solve(function, &x);
                     return Solve{function.evaluations, function.jacobians, summary.iterations, summary.final_cost};
                   }});
  };
  if constexpr (P::N <= 10) tiny("Ceres TinySolver, fixed size", TinyFunction<P>{p});
  tiny("Ceres TinySolver, dynamic", TinyFunction<P, Eigen::Dynamic, Eigen::Dynamic>{p});
#endif
  all.push_back({"Eigen's unsupported LM", [=] {
                   EigenFunctor<P> functor{p};
                   Eigen::LevenbergMarquardt<EigenFunctor<P>> lm(functor);
                   lm.parameters.ftol = lm.parameters.xtol = 1e-10;
                   lm.parameters.maxfev = 1000;
                   VectorXd x = x0;
                   lm.minimize(x);
                   return Solve{long(lm.nfev), long(lm.njev), long(lm.iter), lm.fnorm * lm.fnorm / 2};
                 }});
  return all;
}

void measure(std::vector<Solver>& all, double budget) {
  using Clock = std::chrono::steady_clock;
  const auto timed = [](Solver& solver, int repetitions) {
    const auto began = Clock::now();
    for (int i = 0; i < repetitions; ++i) solver.last = solver.solve();
    return std::chrono::duration<double>(Clock::now() - began).count() / repetitions;
  };
  for (Solver& solver : all) {
    timed(solver, 1);
    const long before = allocations;
    solver.last = solver.solve();
    solver.allocated = double(allocations - before);
  }
  const auto began = Clock::now();
  while (std::chrono::duration<double>(Clock::now() - began).count() < budget)
    for (Solver& solver : all) {
      timed(solver, 1);  // warm after the others
      const int repetitions = solver.seconds > 1 ? 1 : std::clamp(int(2e-4 / solver.seconds), 1, 100);
      solver.seconds = std::min(solver.seconds, timed(solver, repetitions));
    }
}

template <class P>
void report(double budget) {
  const P problem;
  auto all = solvers(problem);
  measure(all, budget);
  double least = P::minimum;
  if (least < 0) least = all[0].last.value;
  for (const Solver& solver : all)
    if (P::minimum < 0) least = std::min(least, solver.last.value);
  std::printf("\n%s, no entry of J'r above %g\n\n| | µs | ratio | r alone | r and J | steps | allocations |\n", P::name,
              P::tolerance);
  std::printf("| --- | --- | --- | --- | --- | --- | --- |\n");
  for (const Solver& solver : all)
    std::printf("| %s | %.2f | %.2f | %ld | %ld | %ld | %.0f |%s\n", solver.name.c_str(), 1e6 * solver.seconds,
                solver.seconds / all[0].seconds, solver.last.evaluations, solver.last.jacobians, solver.last.iterations,
                solver.allocated, solver.last.value <= least + 1e-7 * std::max(least, 1e-2) ? "" : " not solved");
}

}  // namespace

int main(int count, char** arguments) {
  const double budget = count > 1 ? std::atof(arguments[1]) : 3;  // seconds for each problem
  report<Rosenbrock>(budget);
  report<PowellSingular>(budget);
  report<Wood>(budget);
  report<BrownDennis>(budget);
  report<Neurons<10, 100>>(budget);
  report<Neurons<30, 300>>(budget);
  report<Neurons<100, 1000>>(budget);
  return 0;
}
