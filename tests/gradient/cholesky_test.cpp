#include <mesaopt/gradient/cholesky.hpp>

#include <cmath>

#include <Eigen/Core>

#include "gradient/trust_region_subproblems.hpp"
#include "support/allocations.hpp"
#include "support/catch.hpp"

using mesaopt::detail::cholesky;
using mesaopt::detail::cholesky_solve;
using namespace trust_region;

TEST_CASE("The factor of a shifted matrix solves its systems without allocating", "[trust_region]") {
  for (const Eigen::Index n : {1, 2, 7, 40}) {
    const VectorXd eigenvalues = n == 1 ? VectorXd(VectorXd::Ones(1)) : VectorXd::LinSpaced(n, 0.1, 30);
    const MatrixXd H = turned(eigenvalues, gradient(n, 3));
    const VectorXd g = gradient(n);
    MatrixXd R(n, n);
    VectorXd u(n), d(n);
    for (const double shift : {0.0, 2.0}) {
      const long before = allocations();
      CHECK(cholesky(H, shift, R, u) == 0);
      cholesky_solve(R, g, d);
      if (counting_allocations) CHECK(allocations() == before);
      VectorXd residual = g + shift * d;
      for (Eigen::Index j = 0; j < n; ++j) residual += d[j] * H.col(j);
      CHECK(residual.norm() < 1e-11 * g.norm());
    }
  }
}

TEST_CASE("Where there is negative curvature the answer is a shift that is needed, but may not be enough",
          "[trust_region]") {
  for (const double least : {-1e-6, -0.5, -20.0}) {
    const MatrixXd H = turned(VectorXd::LinSpaced(5, least, 30), gradient(5, 3));
    MatrixXd R(5, 5);
    VectorXd u(5);
    const double more = cholesky(H, 0.0, R, u);
    CHECK(more > 0);
    CHECK(more <= -least * 1.01 + 1e-12);
    CHECK(cholesky(H, -1.001 * least + 1e-9, R, u) == 0);
  }
  MatrixXd R(2, 2);
  VectorXd u(2);
  CHECK(cholesky(MatrixXd(MatrixXd::Zero(2, 2)), 1.0, R, u) == 0);
  CHECK(cholesky(MatrixXd(MatrixXd::Ones(2, 2)), 0.0, R, u) > 0);
}
