#include <mesaopt/bayes/cholesky_pull.hpp>

#include <Eigen/Cholesky>

#include "support/catch.hpp"

using Matrix = Eigen::MatrixXd;

TEST_CASE("derivatives by a matrix are those by its Cholesky factor, by differences", "[bayes]") {
  Matrix A(3, 3), weights(3, 3);
  A << 4, 1, 0.5, 1, 3, -0.7, 0.5, -0.7, 2;
  weights << 0.3, 0, 0, -1.2, 0.8, 0, 2, 0.4, -0.6;
  const auto f = [&](const Matrix& of) { return weights.cwiseProduct(Matrix(Eigen::LLT<Matrix>(of).matrixL())).sum(); };
  const Matrix L = Eigen::LLT<Matrix>(A).matrixL();
  Matrix by = weights, scratch;
  mesaopt::detail::pull_cholesky(L, by, scratch);
  CHECK((by - by.transpose()).norm() == 0);
  for (Eigen::Index i = 0; i < 3; ++i)
    for (Eigen::Index j = 0; j <= i; ++j) {
      Matrix step = Matrix::Zero(3, 3);
      step(i, j) = step(j, i) = 1e-6;
      const double difference = (f(A + step) - f(A - step)) / 2e-6;
      CHECK((i == j ? 1 : 2) * by(i, j) == Approx(difference).margin(1e-8));
    }
}
