#include <mesaopt/gradient/gauss_newton_step.hpp>

#include "gradient/residual_problems.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::VectorXd;

TEST_CASE("Gauss-Newton steps lead to the minimum of linear residuals, and are shortened to a radius", "[gradient]") {
  for (const auto solver : {LeastSquaresSolver::cholesky, LeastSquaresSolver::qr}) {
    const test::LinearResiduals problem(9, 4, 1);
    auto model = problem.linearized(solver);
    const VectorXd scale = VectorXd::LinSpaced(4, 0.5, 2);
    GaussNewtonStep::Memory<VectorXd> memory;
    GaussNewtonStep{}.reserve(problem.J.cols(), memory);
    int count = 0;
    VectorXd p(4), part(4);
    const double length = GaussNewtonStep{}(model, problem.gradient, scale, 1e9, true, memory, count, p);
    CHECK(length == Approx(scale.cwiseProduct(p).norm()));
    CHECK((problem.J.transpose() * (problem.r + problem.J * p)).norm() <= 1e-12);
    CHECK(GaussNewtonStep{}.predicted(model, problem.gradient, p, length, memory) ==
          Approx(-problem.model(p)).epsilon(1e-12));
    const double shorter = GaussNewtonStep{}(model, problem.gradient, scale, length / 4, false, memory, count, part);
    CHECK(shorter == Approx(length / 4));
    CHECK((4 * part - p).norm() <= 1e-14);
    CHECK(count == 1);
    CHECK(GaussNewtonStep{}.predicted(model, problem.gradient, part, shorter, memory) ==
          Approx(-problem.model(part)).epsilon(1e-12));
  }
}

TEST_CASE("Gauss-Newton steps without full rank lead near the shortest of all minima", "[gradient]") {
  for (const auto solver : {LeastSquaresSolver::cholesky, LeastSquaresSolver::qr}) {
    test::LinearResiduals problem(9, 3, 1);
    problem.J.col(2) = problem.J.col(1);
    problem.gradient = problem.J.transpose() * problem.r;
    auto model = problem.linearized(solver);
    GaussNewtonStep::Memory<VectorXd> memory;
    GaussNewtonStep{}.reserve(problem.J.cols(), memory);
    int count = 0;
    VectorXd p(3);
    CHECK(GaussNewtonStep{}(model, problem.gradient, VectorXd(VectorXd::Ones(3)), 1e9, true, memory, count, p) > 0);
    CHECK(memory.damping > 0);
    CHECK((problem.J.transpose() * (problem.r + problem.J * p)).norm() <= 1e-9);
    CHECK(p[1] == Approx(p[2]).epsilon(0.1));  // of equal columns the shortest solution takes equal parts
    CHECK(count <= 4);
  }
}

TEST_CASE("Gauss-Newton steps are refused where nothing is finite", "[gradient]") {
  test::LinearResiduals problem(3, 2, 1);
  problem.J.setConstant(1e200);
  problem.gradient = problem.J.transpose() * problem.r;
  auto model = problem.linearized(LeastSquaresSolver::cholesky);
  GaussNewtonStep::Memory<VectorXd> memory;
  GaussNewtonStep{}.reserve(problem.J.cols(), memory);
  int count = 0;
  VectorXd p(2);
  CHECK(GaussNewtonStep{}(model, problem.gradient, VectorXd(VectorXd::Ones(2)), 1e9, true, memory, count, p) == 0);
  CHECK(count <= 24);
}
