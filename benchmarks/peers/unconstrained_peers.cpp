// Dense BFGS, nonlinear conjugate gradients and trust regions against other libraries', side by side in one process:
// the extended Rosenbrock valley (in pairs) and the chained one, from their standard start until no entry of the
// gradient is above 1e-8, the same objective code for all.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/minimize.hpp>
#include <mesaopt/gradient/bfgs.hpp>
#include <mesaopt/gradient/dogleg.hpp>
#include <mesaopt/gradient/more_sorensen.hpp>
#include <mesaopt/gradient/newton_cg.hpp>
#include <mesaopt/gradient/nonlinear_conjugate_gradient.hpp>
#include <mesaopt/gradient/steihaug.hpp>

#include "turns.hpp"

#ifdef MESAOPT_PEER_NLOPT
#include <nlopt.h>
#endif
#ifdef MESAOPT_PEER_CERES
#include <ceres/gradient_problem.h>
#include <ceres/gradient_problem_solver.h>
#include <glog/logging.h>
#endif
#ifdef MESAOPT_PEER_DLIB
#include <dlib/optimization.h>
#endif

namespace {

using Index = std::ptrdiff_t;
constexpr double tolerance = 1e-8;
constexpr long patience = 200000;  // evaluations

/// The objective of all: terms 100 (x[i+1] − x[i]²)² + (1 − x[i])² for every i, or every second.
struct Valley {
  Index stride = 2;

  double value(const double* x, Index n) const {
    double sum = 0;
    for (Index i = 0; i + 1 < n; i += stride) {
      const double valley = x[i + 1] - x[i] * x[i], slope = 1 - x[i];
      sum += 100 * valley * valley + slope * slope;
    }
    return sum;
  }
  double gradient(const double* x, double* g, Index n) const {
    double sum = 0;
    if (stride == 2) {
      for (Index i = 0; i < n; i += 2) {
        const double valley = x[i + 1] - x[i] * x[i], slope = 1 - x[i];
        sum += 100 * valley * valley + slope * slope;
        g[i] = -400 * x[i] * valley - 2 * slope;
        g[i + 1] = 200 * valley;
      }
      return sum;
    }
    double before = 0;
    for (Index i = 0; i + 1 < n; ++i) {
      const double valley = x[i + 1] - x[i] * x[i], slope = 1 - x[i];
      sum += 100 * valley * valley + slope * slope;
      g[i] = before - 400 * x[i] * valley - 2 * slope;
      before = 200 * valley;
    }
    g[n - 1] = before;
    return sum;
  }
  /// H(i, j) for all i, j of a matrix that is zero elsewhere.
  template <class Matrix>
  void hessian(const double* x, Matrix& H, Index n) const {
    for (Index i = 0; i < n; ++i) H(i, i) = 0;
    for (Index i = 0; i + 1 < n; i += stride) {
      H(i, i) += 1200 * x[i] * x[i] - 400 * x[i + 1] + 2;
      H(i, i + 1) = H(i + 1, i) = -400 * x[i];
      H(i + 1, i + 1) += 200;
    }
  }
  void product(const double* x, const double* v, double* out, Index n) const {
    double before = 0;
    for (Index i = 0; i < n; i += 1) out[i] = 0;
    for (Index i = 0; i + 1 < n; i += stride) {
      out[i] = (stride == 1 ? before : 0.0) + (1200 * x[i] * x[i] - 400 * x[i + 1] + 2) * v[i] - 400 * x[i] * v[i + 1];
      before = 200 * v[i + 1] - 400 * x[i] * v[i];
      out[i + 1] = before;
    }
  }
};

double largest(const double* g, Index n) {
  double most = 0;
  for (Index i = 0; i < n; ++i) most = std::max(most, std::abs(g[i]));
  return most;
}

/// What one solve did.
struct Solve {
  long evaluations = 0;
  double error = std::numeric_limits<double>::infinity();  ///< largest distance of a variable to a minimum
};

/// Distance to (1, ..., 1), or, as the chained valley has another one, how far the gradient is from zero.
double distance(const Valley& f, const double* x, Index n) {
  std::vector<double> g(static_cast<std::size_t>(n));
  f.gradient(x, g.data(), n);
  double most = 0;
  for (Index i = f.stride == 2 ? 0 : 1; i < n; ++i) most = std::max(most, std::abs(x[i] - 1));
  return f.stride == 2 ? most : largest(g.data(), n);
}

using Solver = Contender<Solve>;

struct Objective {
  Valley f;
  double operator()(const Eigen::VectorXd& x) const { return f.value(x.data(), x.size()); }
  double operator()(const Eigen::VectorXd& x, Eigen::VectorXd& g) const {
    return f.gradient(x.data(), g.data(), x.size());
  }
  void hessian(const Eigen::VectorXd& x, Eigen::MatrixXd& H) const {
    H.setZero();
    f.hessian(x.data(), H, x.size());
  }
  void hessian_product(const Eigen::VectorXd& x, const Eigen::VectorXd& v, Eigen::VectorXd& out) const {
    f.product(x.data(), v.data(), out.data(), x.size());
  }
};

struct Problem {
  Valley f;
  Index n;
  std::vector<double> start;
};

/// mesaopt's run, begun anew in place.
template <class O>
Solver mine(const std::string& name, Index most, const Problem& p, const O& optimizer) {
  using mesaopt::operator||;
  const auto stopping = mesaopt::GradientBelow{tolerance} || mesaopt::MaxEvaluations{patience};
  const Eigen::VectorXd from = Eigen::VectorXd::Map(p.start.data(), p.n);
  const Objective f{p.f};
  mesaopt::RunOf<O, std::remove_const_t<decltype(stopping)>, Objective, Eigen::VectorXd> run;
  return {name, most, [=]() mutable {
            mesaopt::begin(f, from, optimizer, stopping, run);
            mesaopt::resume(f, optimizer, stopping, run);
            return Solve{long(run.state.calls.counts[0].evaluations()), distance(f.f, run.state.x.data(), from.size())};
          }};
}

#ifdef MESAOPT_PEER_DLIB
using DlibVector = dlib::matrix<double, 0, 1>;

struct DlibStop {
  long* evaluations;
  bool should_continue_search(const DlibVector&, double, const DlibVector& g) const {
    return largest(&g(0), g.size()) > tolerance && *evaluations < patience;
  }
};

/// It asks for value and gradient apart, at the same points.
template <class Strategy>
Solver dlib_search(const std::string& name, Index most, const Problem& p, const Strategy& strategy) {
  return {name, most, [=] {
            Solve solve;
            DlibVector x(p.n), gradient(p.n), at;
            std::copy(p.start.begin(), p.start.end(), x.begin());
            const auto value = [&](const DlibVector& point) {
              ++solve.evaluations;
              at = point;
              return p.f.gradient(&point(0), &gradient(0), p.n);
            };
            const auto derivative = [&](const DlibVector& point) -> const DlibVector& {
              if (!std::equal(point.begin(), point.end(), at.begin(), at.end())) value(point);
              return gradient;
            };
            dlib::find_min(strategy, DlibStop{&solve.evaluations}, value, derivative, x,
                           -std::numeric_limits<double>::infinity());
            solve.error = distance(p.f, &x(0), p.n);
            return solve;
          }};
}

struct DlibModel {
  using column_vector = DlibVector;
  using general_matrix = dlib::matrix<double>;
  const Problem* p;
  long* evaluations;
  double operator()(const column_vector& x) const {
    ++*evaluations;
    return p->f.value(&x(0), p->n);
  }
  void get_derivative_and_hessian(const column_vector& x, column_vector& g, general_matrix& H) const {
    g.set_size(p->n);
    H.set_size(p->n, p->n);
    H = 0;
    p->f.gradient(&x(0), &g(0), p->n);
    p->f.hessian(&x(0), H, p->n);
  }
};
#endif

#ifdef MESAOPT_PEER_CERES
struct First final : ceres::FirstOrderFunction {
  Valley f;
  Index n;
  mutable long evaluations = 0;
  First(const Valley& valley, Index size) : f(valley), n(size) {}
  bool Evaluate(const double* at, double* cost, double* g) const override {
    ++evaluations;
    *cost = g == nullptr ? f.value(at, n) : f.gradient(at, g, n);
    return true;
  }
  int NumParameters() const override { return int(n); }
};

Solver ceres_search(const std::string& name, Index most, const Problem& p, ceres::LineSearchDirectionType direction,
                    ceres::NonlinearConjugateGradientType type = ceres::POLAK_RIBIERE) {
  return {name, most, [=] {
            auto* const function = new First(p.f, p.n);
            const ceres::GradientProblem problem(function);
            ceres::GradientProblemSolver::Options options;
            ceres::GradientProblemSolver::Summary summary;
            options.line_search_direction_type = direction;
            options.nonlinear_conjugate_gradient_type = type;
            options.max_num_iterations = 100000;
            options.gradient_tolerance = tolerance;
            options.function_tolerance = 0;
            options.parameter_tolerance = 0;
            options.logging_type = ceres::SILENT;
            std::vector<double> x = p.start;
            ceres::Solve(options, problem, x.data(), &summary);
            return Solve{function->evaluations, distance(p.f, x.data(), p.n)};
          }};
}
#endif

#ifdef MESAOPT_PEER_NLOPT
Solver nlopt_search(const std::string& name, Index most, const Problem& p, nlopt_algorithm algorithm) {
  return {name, most, [=] {
            struct Data {
              Solve solve;
              nlopt_opt opt;
              const Valley* f;
            } data{{}, nlopt_create(algorithm, unsigned(p.n)), &p.f};
            std::vector<double> x = p.start;
            double value = 0;
            const auto evaluate = [](unsigned size, const double* at, double* g, void* given) {
              auto& d = *static_cast<Data*>(given);
              ++d.solve.evaluations;
              if (g == nullptr) return d.f->value(at, Index(size));
              const double f = d.f->gradient(at, g, Index(size));
              if (largest(g, Index(size)) <= tolerance) nlopt_force_stop(d.opt);
              return f;
            };
            nlopt_set_min_objective(data.opt, evaluate, &data);
            nlopt_set_maxeval(data.opt, patience);
            nlopt_set_maxtime(data.opt, 20);
            nlopt_optimize(data.opt, x.data(), &value);
            nlopt_destroy(data.opt);
            data.solve.error = distance(p.f, x.data(), p.n);
            return data.solve;
          }};
}
#endif

std::vector<Solver> quasi_newton(const Problem& p) {
  std::vector<Solver> all;
  constexpr Index dense = 100;
  all.push_back(mine("mesaopt Bfgs", dense, p, mesaopt::Bfgs{}));
#ifdef MESAOPT_PEER_DLIB
  all.push_back(dlib_search("dlib bfgs", dense, p, dlib::bfgs_search_strategy()));
#endif
#ifdef MESAOPT_PEER_CERES
  all.push_back(ceres_search("Ceres BFGS", dense, p, ceres::BFGS));
#endif
#ifdef MESAOPT_PEER_NLOPT
  all.push_back(nlopt_search("NLopt VAR2 (limited memory)", dense, p, NLOPT_LD_VAR2));
#endif
  return all;
}

std::vector<Solver> conjugate_gradients(const Problem& p) {
  std::vector<Solver> all;
  constexpr Index any = 10000;
  all.push_back(mine("mesaopt NonlinearConjugateGradient", any, p, mesaopt::NonlinearConjugateGradient{}));
#ifdef MESAOPT_PEER_DLIB
  all.push_back(dlib_search("dlib cg", any, p, dlib::cg_search_strategy()));
#endif
#ifdef MESAOPT_PEER_CERES
  all.push_back(ceres_search("Ceres, Polak-Ribière", any, p, ceres::NONLINEAR_CONJUGATE_GRADIENT));
  all.push_back(
      ceres_search("Ceres, Hestenes-Stiefel", any, p, ceres::NONLINEAR_CONJUGATE_GRADIENT, ceres::HESTENES_STIEFEL));
#endif
  return all;
}

std::vector<Solver> newton(const Problem& p) {
  std::vector<Solver> all;
  constexpr Index dense = 100, any = 10000;
  all.push_back(mine("mesaopt TrustRegionSteihaug", any, p, mesaopt::TrustRegionSteihaug{}));
  all.push_back(mine("mesaopt NewtonCg", any, p, mesaopt::NewtonCg{}));
  all.push_back(mine("mesaopt TrustRegionDogleg", dense, p, mesaopt::TrustRegionDogleg{}));
  all.push_back(mine("mesaopt TrustRegionExact", dense, p, mesaopt::TrustRegionExact{}));
#ifdef MESAOPT_PEER_DLIB
  all.push_back({"dlib find_min_trust_region", dense, [=] {
                   Solve solve;
                   DlibVector x(p.n);
                   std::copy(p.start.begin(), p.start.end(), x.begin());
                   dlib::find_min_trust_region(DlibStop{&solve.evaluations}, DlibModel{&p, &solve.evaluations}, x);
                   solve.error = distance(p.f, &x(0), p.n);
                   return solve;
                 }});
#endif
#ifdef MESAOPT_PEER_NLOPT
  all.push_back(nlopt_search("NLopt TNEWTON_PRECOND_RESTART", any, p, NLOPT_LD_TNEWTON_PRECOND_RESTART));
#endif
  return all;
}

template <class Family>
void table(const char* title, const Family& family, const std::vector<Index>& sizes, double budget) {
  for (const Index stride : {2, 1}) {
    std::vector<std::vector<Solver>> columns;
    std::vector<Problem> problems;
    for (const Index n : sizes) {
      if (stride == 1 && n > 1000) continue;  // conjugate gradients take minutes
      problems.push_back({{stride}, n, std::vector<double>(std::size_t(n), 1.0)});
      for (std::size_t i = 0; i < problems.back().start.size(); i += 2) problems.back().start[i] = -1.2;
    }
    for (const Problem& p : problems) {
      columns.push_back(family(p));
      take_turns(columns.back(), budget, [&p](const Solver& solver) { return p.n <= solver.most; });
    }
    std::printf("\n%s, %s valley\n\n|", title, stride == 2 ? "extended" : "chained");
    for (const Problem& p : problems) std::printf(" | n = %td", p.n);
    std::printf(" |\n| ---");
    for (std::size_t i = 0; i < problems.size(); ++i) std::printf(" | ---");
    std::printf(" |\n");
    for (std::size_t k = 0; k < columns[0].size(); ++k) {
      std::printf("| %s", columns[0][k].name.c_str());
      for (std::size_t c = 0; c < columns.size(); ++c) {
        const Solver& solver = columns[c][k];
        if (problems[c].n > solver.most)
          std::printf(" | –");
        else
          std::printf(" | %ld, %.1f (%.2f)%s", solver.last.evaluations, 1e6 * solver.seconds,
                      solver.seconds / columns[c][0].seconds, solver.last.error < 1e-6 ? "" : " not solved");
      }
      std::printf(" |\n");
    }
  }
}

}  // namespace

int main(int count, char** arguments) {
  const double budget = count > 1 ? std::atof(arguments[1]) : 2;  // seconds for each size
#ifdef MESAOPT_PEER_CERES
  FLAGS_minloglevel = google::GLOG_ERROR;  // it tells of every restart
#endif
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  std::printf("Evaluations of value and gradient, and µs per solve (times that of the first row).\n");
  table("Quasi-Newton", quasi_newton, {2, 10, 100}, budget);
  table("Conjugate gradients", conjugate_gradients, {2, 10, 100, 1000, 10000}, budget);
  table("Second derivatives", newton, {2, 10, 100, 1000, 10000}, budget);
  return 0;
}
