#include <mesaopt/nested/bunch_kaufman.hpp>

#include <cmath>

#include <Eigen/Dense>

#include <mesaopt/core/random.hpp>

#include "support/allocations.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::MatrixXd;
using Eigen::VectorXd;

TEST_CASE("symmetric indefinite systems are solved, and their negative eigenvalues counted", "[nested]") {
  Random random{.seed = 3};
  detail::BunchKaufman<double> factor;
  for (const Eigen::Index n : {1, 2, 3, 7, 20}) {
    for (int i = 0; i < 20; ++i) {
      MatrixXd A(n, n);
      random.fill_normal(A);
      A = (A + A.transpose()).eval();
      if (i % 2 == 0) A.diagonal().setZero();  // so that no pivot of one row will do
      if (n == 1) A(0, 0) = -2;
      VectorXd x(n);
      random.fill_normal(x);
      const Eigen::SelfAdjointEigenSolver<MatrixXd> eigen(A);
      const double condition = eigen.eigenvalues().cwiseAbs().maxCoeff() / eigen.eigenvalues().cwiseAbs().minCoeff();
      VectorXd y = A * x;
      factor.compute(A, 0.0);
      factor.solve(y);
      CAPTURE(n, i);
      CHECK((y - x).norm() < 1e-14 * condition * x.norm());
      CHECK(factor.negative() == (eigen.eigenvalues().array() < 0).count());
      CHECK(factor.zero() == 0);
    }
  }
}

TEST_CASE("a singular system is solved where it has a solution", "[nested]") {
  MatrixXd A(3, 3);
  A << 2, 2, 0, 2, 2, 0, 0, 0, -3;
  VectorXd y(3);
  y << 4, 4, 6;
  detail::BunchKaufman<double> factor;
  factor.compute(A, 1e-14);
  CHECK(factor.zero() == 1);
  CHECK(factor.negative() == 1);
  const VectorXd right = y;
  factor.solve(y);
  CHECK((A * y - right).norm() < 1e-14);
}

TEST_CASE("a second factorization of the same size allocates nothing", "[nested]") {
  const MatrixXd A = MatrixXd::NullaryExpr(6, 6, [](auto i, auto j) { return std::sin(double(i * j + i + j)); });
  VectorXd y = VectorXd::Ones(6);
  detail::BunchKaufman<double> factor;
  factor.compute(A, 0.0);
  const auto before = allocations();
  factor.compute(A, 0.0);
  factor.solve(y);
  CHECK(allocations() == before);
}
