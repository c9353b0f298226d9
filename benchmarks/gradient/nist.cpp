// The NIST's reference sets for nonlinear regression, both starts each: correct digits, the least of all parameters,
// at most 11, and evaluations of the residuals. The folder with their files is the first argument, ../shared/data/nist
// by default; without it, the three sets that come with the library.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/minimize.hpp>
#include <mesaopt/gradient/damped_gauss_newton.hpp>
#include <mesaopt/gradient/levenberg_marquardt.hpp>
#include <mesaopt/gradient/powell_dogleg.hpp>
#include <mesaopt/problems/nist.hpp>

#ifdef MESAOPT_PEER_CERES
#include <ceres/ceres.h>
#endif

using Eigen::VectorXd;
using mesaopt::problems::Nist;

namespace {

struct Answer {
  VectorXd x{};
  long evaluations = 0;
  std::string why{};
};

struct Method {
  const char* name;
  std::function<Answer(const Nist&, const VectorXd&)> solve;
  double digits = 0;
  int solved = 0;
};

template <class O>
Method ours(const char* name, const O& optimizer) {
  return {name, [optimizer](const Nist& set, const VectorXd& start) {
            const auto s = mesaopt::minimize(set.objective(), start, optimizer);
            return Answer{s.x, long(s.counts[0].evaluations()), sentence(s.status)};
          }};
}

#ifdef MESAOPT_PEER_CERES
struct Cost : ceres::CostFunction {
  using Objective = decltype(std::declval<const Nist&>().objective());
  Objective f;
  mutable mesaopt::Calls<VectorXd, mesaopt::MemoryOf<Objective, VectorXd>> calls{};
  mutable VectorXd residuals{};
  mutable Eigen::MatrixXd jacobian{};
  explicit Cost(const Nist& set) : f(set.objective()) {
    set_num_residuals(int(f.residual_count()));
    mutable_parameter_block_sizes()->push_back(int(set.certified.size()));
  }
  bool Evaluate(double const* const* x, double* r, double** J) const override {
    const VectorXd at = VectorXd::Map(x[0], parameter_block_sizes()[0]);
    const bool wanted = J != nullptr && J[0] != nullptr;
    wanted ? calls.residuals(f, at, residuals, jacobian) : calls.residuals(f, at, residuals);
    VectorXd::Map(r, residuals.size()) = residuals;
    using RowMajor = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
    if (wanted) Eigen::Map<RowMajor>(J[0], residuals.size(), at.size()) = jacobian;
    return true;
  }
};

Method by_ceres(const char* name, ceres::LinearSolverType solver, ceres::TrustRegionStrategyType strategy) {
  return {name, [=](const Nist& set, const VectorXd& start) {
            VectorXd x = start;
            ceres::Problem problem;
            auto* const cost = new Cost(set);
            problem.AddResidualBlock(cost, nullptr, x.data());
            ceres::Solver::Options options;
            options.parameter_tolerance = options.function_tolerance = options.gradient_tolerance =
                std::numeric_limits<double>::epsilon();
            options.max_num_iterations = 10000;
            options.linear_solver_type = solver;
            options.trust_region_strategy_type = strategy;
            options.logging_type = ceres::SILENT;
            ceres::Solver::Summary summary;
            ceres::Solve(options, &problem, &summary);
            return Answer{x, long(cost->calls.counts[0].evaluations()), summary.message};
          }};
}
#endif

std::vector<Method> all_methods() {
  std::vector<Method> all{
      ours("LevenbergMarquardt", mesaopt::LevenbergMarquardt{}),
      ours("LevenbergMarquardt, QR", mesaopt::LevenbergMarquardt{.solver = mesaopt::LeastSquaresSolver::qr}),
      ours("PowellDogleg, QR", mesaopt::PowellDogleg{.solver = mesaopt::LeastSquaresSolver::qr}),
      ours("DampedGaussNewton, QR", mesaopt::DampedGaussNewton{.solver = mesaopt::LeastSquaresSolver::qr})};
#ifdef MESAOPT_PEER_CERES
  all.push_back(by_ceres("Ceres LM, QR", ceres::DENSE_QR, ceres::LEVENBERG_MARQUARDT));
  all.push_back(by_ceres("Ceres LM, Cholesky", ceres::DENSE_NORMAL_CHOLESKY, ceres::LEVENBERG_MARQUARDT));
  all.push_back(by_ceres("Ceres dogleg, QR", ceres::DENSE_QR, ceres::DOGLEG));
#endif
  return all;
}

std::vector<Nist> all_sets(const std::filesystem::path& folder) {
  std::vector<Nist> sets;
  if (std::filesystem::is_directory(folder)) {
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::directory_iterator(folder))
      if (entry.path().extension() == ".dat") files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    for (const auto& path : files) {
      std::ifstream file(path);
      sets.push_back(Nist::read(file, path.stem().string()));
    }
  }
  if (sets.empty()) sets = {Nist::misra1a(), Nist::mgh17(), Nist::box_bod()};
  // These are at hand whether the folder has them or not.
  for (const Nist& own : {Nist::misra1a(), Nist::mgh17(), Nist::box_bod()})
    if (std::none_of(sets.begin(), sets.end(), [&](const Nist& set) { return set.name == own.name; }))
      sets.push_back(own);
  return sets;
}

}  // namespace

int main(int count, char** arguments) {
#ifdef MESAOPT_PEER_CERES
  setenv("GLOG_minloglevel", "3", 1);  // values that are not finite are no news here
#endif
  auto methods = all_methods();
  const auto sets = all_sets(count > 1 ? arguments[1] : "../shared/data/nist");
  std::printf("Correct digits, and evaluations in brackets.\n\n| set | parameters | start |");
  for (const Method& method : methods) std::printf(" %s |", method.name);
  std::printf("\n| --- | ---: | ---: |");
  for (std::size_t k = 0; k < methods.size(); ++k) std::printf(" ---: |");
  std::printf("\n");
  int starts = 0;
  std::vector<std::string> failures;
  for (const Nist& set : sets)
    for (int k = 0; k < 2; ++k) {
      ++starts;
      std::printf("| %s | %td | %d |", set.name.c_str(), set.certified.size(), k + 1);
      for (Method& method : methods) {
        const Answer answer = method.solve(set, set.starts[std::size_t(k)]);
        const double digits = set.correct_digits(answer.x);
        method.digits += digits;
        method.solved += digits >= 4;
        std::printf(" %.2f (%ld) |", digits, answer.evaluations);
        if (digits < 4)
          failures.push_back(std::string("- ") + method.name + ", " + set.name + " from start " +
                             std::to_string(k + 1) + ": " + answer.why);
      }
      std::printf("\n");
    }
  std::printf("| mean | | |");
  for (const Method& method : methods) std::printf(" %.3f |", method.digits / starts);
  std::printf("\n| four digits, of %d | | |", starts);
  for (const Method& method : methods) std::printf(" %d |", method.solved);
  std::printf("\n\nStarts that fail:\n\n");
  for (const auto& failure : failures) std::printf("%s\n", failure.c_str());
}
