#include <mesaopt/gradient/dogleg_step.hpp>

#include "gradient/residual_problems.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::VectorXd;

TEST_CASE("dogleg steps go down the gradient, bend, and end at the minimum of linear residuals", "[gradient]") {
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    const test::LinearResiduals problem(9, 4, seed);
    auto model = problem.linearized(seed % 2 == 0 ? LeastSquaresSolver::cholesky : LeastSquaresSolver::qr);
    const VectorXd scale = VectorXd::LinSpaced(4, 0.5, 2);
    DoglegStep::Memory<VectorXd> memory;
    DoglegStep{}.reserve(problem.J.cols(), memory);
    int count = 0;
    VectorXd p(4);
    const double whole = DoglegStep{}(model, problem.gradient, scale, 1e9, true, memory, count, p);
    CHECK(DoglegStep{}.whole(memory));
    CHECK((problem.J.transpose() * (problem.r + problem.J * p)).norm() <= 1e-12);
    // The least down the gradient, by the formula for a parabola.
    const VectorXd down = -problem.gradient.cwiseQuotient(scale.cwiseAbs2());
    const double least = -problem.gradient.dot(down) / (problem.J * down).squaredNorm();
    const double inner = least * scale.cwiseProduct(down).norm();
    double before = 0;
    for (const double part : {0.01, 0.5, 0.99}) {
      DoglegStep{}(model, problem.gradient, scale, part * inner, false, memory, count, p);
      CHECK((p - part * least * down).norm() <= 1e-12 * p.norm());
    }
    for (int k = 0; k <= 10; ++k) {
      const double radius = inner + (whole - inner) * k / 10 * 0.9999;
      const double length = DoglegStep{}(model, problem.gradient, scale, radius, false, memory, count, p);
      CAPTURE(seed, k);
      CHECK(length == radius);
      CHECK(scale.cwiseProduct(p).norm() == Approx(radius).epsilon(1e-9));
      CHECK_FALSE(DoglegStep{}.whole(memory));
      const double predicted = DoglegStep{}.predicted(model, problem.gradient, p, length, memory);
      CHECK(predicted == Approx(-problem.model(p)).epsilon(1e-10));
      CHECK(predicted > before);
      before = predicted;
    }
    CHECK(count == 1);
  }
}

TEST_CASE("dogleg steps within a radius need no full rank", "[gradient]") {
  test::LinearResiduals problem(9, 3, 1);
  problem.J.col(2) = problem.J.col(1);
  problem.gradient = problem.J.transpose() * problem.r;
  auto model = problem.linearized(LeastSquaresSolver::cholesky);
  DoglegStep::Memory<VectorXd> memory;
  DoglegStep{}.reserve(problem.J.cols(), memory);
  int count = 0;
  VectorXd p(3);
  for (const double radius : {1e-3, 1.0, 1e3}) {
    const double length =
        DoglegStep{}(model, problem.gradient, VectorXd(VectorXd::Ones(3)), radius, true, memory, count, p);
    CHECK(length > 0);
    CHECK(p.norm() <= radius * (1 + 1e-12));
    CHECK(problem.model(p) < 0);
  }
}
