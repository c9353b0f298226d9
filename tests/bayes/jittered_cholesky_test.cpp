#include <mesaopt/bayes/jittered_cholesky.hpp>

#include <cmath>
#include <limits>

#include "support/catch.hpp"

using mesaopt::Factorization;
using mesaopt::detail::jittered_cholesky;
using Matrix = Eigen::MatrixXd;
using Vector = Eigen::VectorXd;

TEST_CASE("a positive definite matrix is factorized at once, without jitter", "[bayes]") {
  Matrix A(3, 3);
  A << 4, 2, 1, 2, 5, 3, 1, 3, 6;
  const Matrix expected = A;
  const Vector diagonal = A.diagonal();
  const Factorization report = jittered_cholesky<double>(A, diagonal);
  CHECK(report.succeeded);
  CHECK(report.jitter == 0);
  CHECK(report.attempts == 1);
  const Matrix L = A.triangularView<Eigen::Lower>();
  CHECK((L * L.transpose()).isApprox(expected, 1e-14));
}

TEST_CASE("a singular matrix gets the first jitter that suffices, which is reported", "[bayes]") {
  Matrix A = Matrix::Constant(4, 4, 2);
  const Vector diagonal = A.diagonal();
  const Factorization report = jittered_cholesky<double>(A, diagonal);
  CHECK(report.succeeded);
  CHECK(report.attempts > 1);
  const double unit = 4 * std::numeric_limits<double>::epsilon() * 2;
  CHECK(report.jitter == Approx(unit * std::pow(10, report.attempts - 2)).epsilon(1e-12));
  CHECK(report.jitter < 1e-11);
  const Matrix L = A.triangularView<Eigen::Lower>();
  CHECK((L * L.transpose() - Matrix::Constant(4, 4, 2) - report.jitter * Matrix::Identity(4, 4)).norm() < 1e-14);
  // A tenth of it would not have done.
  Matrix B = Matrix::Constant(4, 4, 2);
  CHECK(jittered_cholesky<double>(B, Vector(diagonal.array() + report.jitter / 10)).attempts > 1);
}

TEST_CASE("a matrix that no small jitter repairs is reported as failed", "[bayes]") {
  Matrix A(2, 2), B(2, 2);
  A << 1, 5, 5, 1;
  B << 1, std::nan(""), std::nan(""), 1;
  CHECK_FALSE(jittered_cholesky<double>(A, Vector(Vector::Ones(2))).succeeded);
  CHECK_FALSE(jittered_cholesky<double>(B, Vector(Vector::Ones(2))).succeeded);
  Matrix C = Matrix::Identity(2, 2);
  CHECK_FALSE(jittered_cholesky<double>(C, Vector(Vector::Constant(2, std::nan("")))).succeeded);
}
