// The first 19 problems of Moré, Garbow and Hillstrom from 1, 10 and 100 times their standard starts, and the ten with
// the bounds of Gay: which method finds the minimum to 1e-9, relative, or absolute where it is 0, and with how many
// evaluations of the residuals.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/minimize.hpp>
#include <mesaopt/gradient/damped_gauss_newton.hpp>
#include <mesaopt/gradient/levenberg_marquardt.hpp>
#include <mesaopt/gradient/powell_dogleg.hpp>
#include <mesaopt/objective/bounds.hpp>
#include <mesaopt/problems/more_garbow_hillstrom.hpp>

#ifdef MESAOPT_PEER_CERES
#include <ceres/ceres.h>
#endif

using Eigen::VectorXd;
using mesaopt::problems::MoreGarbowHillstrom;

namespace {

struct Answer {
  double value = 0;
  long evaluations = 0;
  std::string why{};
};

struct Method {
  const char* name;
  std::function<Answer(const MoreGarbowHillstrom&, const VectorXd&, bool)> solve;  ///< problem, start, within bounds?
  int solved = 0, nearly = 0;
};

template <class O>
Method ours(const char* name, const O& optimizer) {
  return {name, [optimizer](const MoreGarbowHillstrom& problem, const VectorXd& start, bool bounded) -> Answer {
            const auto answer = [](const auto& s) {
              return Answer{s.value, long(s.counts[0].evaluations()), sentence(s.status)};
            };
            if (!bounded) return answer(mesaopt::minimize(problem, start, optimizer));
            if constexpr (O::Pieces::handles_bounds)
              return answer(mesaopt::minimize(mesaopt::within(problem, problem.bounds()), start, optimizer));
            else
              return {std::nan(""), 0, "takes no bounds"};
          }};
}

#ifdef MESAOPT_PEER_CERES
struct Cost : ceres::CostFunction {
  const MoreGarbowHillstrom& f;
  mutable long evaluations = 0;
  explicit Cost(const MoreGarbowHillstrom& problem) : f(problem) {
    set_num_residuals(int(f.residual_count()));
    mutable_parameter_block_sizes()->push_back(int(f.variables()));
  }
  bool Evaluate(double const* const* x, double* r, double** J) const override {
    ++evaluations;
    const VectorXd at = VectorXd::Map(x[0], f.variables());
    VectorXd residuals(f.residual_count());
    Eigen::MatrixXd jacobian(residuals.size(), at.size());
    f.residuals(at, residuals, jacobian);
    VectorXd::Map(r, residuals.size()) = residuals;
    using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
    if (J != nullptr && J[0] != nullptr) Eigen::Map<RowMajor>(J[0], residuals.size(), at.size()) = jacobian;
    return true;
  }
};

Method by_ceres(const char* name, ceres::LinearSolverType solver, ceres::TrustRegionStrategyType strategy) {
  return {
      name, [=](const MoreGarbowHillstrom& f, const VectorXd& start, bool bounded) {
        VectorXd x = start;
        ceres::Problem problem;
        auto* const cost = new Cost(f);
        problem.AddResidualBlock(cost, nullptr, x.data());
        if (bounded) {
          const auto box = f.bounds();
          for (int j = 0; j < int(x.size()); ++j) {
            if (std::isfinite(box.lower[j])) problem.SetParameterLowerBound(x.data(), j, box.lower[j]);
            if (std::isfinite(box.upper[j])) problem.SetParameterUpperBound(x.data(), j, box.upper[j]);
          }
        }
        ceres::Solver::Options options;
        options.parameter_tolerance = options.function_tolerance = options.gradient_tolerance = 1e-18;
        options.max_num_iterations = 1000;
        options.linear_solver_type = solver;
        options.trust_region_strategy_type = strategy;
        options.logging_type = ceres::SILENT;
        ceres::Solver::Summary summary;
        ceres::Solve(options, &problem, &summary);
        return Answer{summary.final_cost, cost->evaluations, ceres::TerminationTypeToString(summary.termination_type)};
      }};
}
#endif

std::vector<Method> all_methods() {
  std::vector<Method> all{
      ours("LevenbergMarquardt", mesaopt::LevenbergMarquardt{}),
      ours("LevenbergMarquardt, QR", mesaopt::LevenbergMarquardt{.solver = mesaopt::LeastSquaresSolver::qr}),
      ours("PowellDogleg", mesaopt::PowellDogleg{}), ours("DampedGaussNewton", mesaopt::DampedGaussNewton{})};
#ifdef MESAOPT_PEER_CERES
  all.push_back(by_ceres("Ceres LM, QR", ceres::DENSE_QR, ceres::LEVENBERG_MARQUARDT));
  all.push_back(by_ceres("Ceres LM, Cholesky", ceres::DENSE_NORMAL_CHOLESKY, ceres::LEVENBERG_MARQUARDT));
  all.push_back(by_ceres("Ceres dogleg, QR", ceres::DENSE_QR, ceres::DOGLEG));
#endif
  return all;
}

double error(double value, double minimum) {
  const double size = minimum == 0 ? 1 : std::abs(minimum);
  return std::abs(value - minimum) / size;
}

void report(bool bounded) {
  auto methods = all_methods();
  std::printf("| problem | start |");
  for (const Method& method : methods) std::printf(" %s |", method.name);
  std::printf("\n| --- | ---: |");
  for (std::size_t k = 0; k < methods.size(); ++k) std::printf(" ---: |");
  std::printf("\n");
  int total = 0;
  std::vector<std::string> failures;
  for (int number = 1; number <= 19; ++number)
    for (const double factor : {1., 10., 100.}) {
      const MoreGarbowHillstrom problem(number, 0, bounded && (number == 11 || number == 12) ? 3 : 0);  // as Gay did
      if (bounded && (!problem.has_bounds() || factor != 1)) continue;
      ++total;
      std::printf("| %d %s | %g x0 |", number, problem.name(), factor);
      VectorXd start = problem.start(factor);
      if (bounded) start = start.cwiseMax(problem.bounds().lower).cwiseMin(problem.bounds().upper);
      const double minimum = bounded ? problem.bounded_minimum() : problem.minimum();
      for (Method& method : methods) {
        const Answer answer = method.solve(problem, start, bounded);
        const double off = error(answer.value, minimum);
        const bool solved = off <= 1e-9;
        method.solved += solved;
        method.nearly += off <= 1e-4;
        std::printf(" %s%ld |", solved ? "" : "failed, ", answer.evaluations);
        if (!solved && &method == methods.data()) {
          char text[300];
          std::snprintf(text, sizeof text, "- %s from %g x0: value %.10g, minimum %.10g. %s", problem.name(), factor,
                        answer.value, minimum, answer.why.c_str());
          failures.emplace_back(text);
        }
      }
      std::printf("\n");
    }
  std::printf("| solved of %d, to 1e-9 | |", total);
  for (const Method& method : methods) std::printf(" %d |", method.solved);
  std::printf("\n| to 1e-4 | |");
  for (const Method& method : methods) std::printf(" %d |", method.nearly);
  std::printf("\n\nWhat %s does not solve:\n\n", methods[0].name);
  for (const auto& failure : failures) std::printf("%s\n", failure.c_str());
}

}  // namespace

int main() {
#ifdef MESAOPT_PEER_CERES
  setenv("GLOG_minloglevel", "3", 1);  // values that are not finite are no news here
#endif
  report(false);
  std::printf("\nWithin bounds, from the standard start, moved into them:\n\n");
  report(true);
}
