#include <mesaopt/bayes/panels.hpp>

#include <cmath>

#include "support/allocations.hpp"
#include "support/catch.hpp"

using Matrix = Eigen::MatrixXd;
using namespace mesaopt::detail;

namespace {
Matrix wave(Eigen::Index rows, Eigen::Index columns) {
  Matrix X(rows, columns);
  for (Eigen::Index i = 0; i < X.size(); ++i) X.data()[i] = std::sin(1.7 * double(i * i % 10007));
  return X;
}
Matrix positive_definite(Eigen::Index n) {
  const Matrix X = wave(n, n);
  return X * X.transpose() + double(n) * Matrix::Identity(n, n);
}
}  // namespace

TEST_CASE("factors and solves by panels are those of Eigen, of all sizes around the panels", "[bayes]") {
  for (const Eigen::Index n : {1, 7, 64, 65, 130, 300}) {
    const Matrix A = positive_definite(n), B = wave(n, n == 300 ? 200 : 3);
    Matrix L = A;
    REQUIRE(factorize_lower<double>(L));
    const Matrix expected = A.llt().matrixL(), factor = L.triangularView<Eigen::Lower>();
    CHECK((factor - expected).norm() < 1e-13 * expected.norm());
    Matrix X = B;
    solve_lower<double>(L, X);
    CHECK((factor * X - B).norm() < 1e-13 * B.norm());
    solve_lower_transposed<double>(L, X);
    CHECK((A * X - B).norm() < 1e-12 * B.norm());
  }
}

TEST_CASE("what is not positive definite has no factor, wherever the fault is", "[bayes]") {
  for (const Eigen::Index at : {0, 63, 64, 149}) {
    Matrix A = positive_definite(150);
    A(at, at) = -1;
    CHECK_FALSE(factorize_lower<double>(A));
    A = positive_definite(150);
    A(at, at) = std::nan("");
    CHECK_FALSE(factorize_lower<double>(A));
  }
}

TEST_CASE("triangular algebra by panels allocates nothing at 700 rows", "[bayes]") {
  Matrix A = positive_definite(700), X = wave(700, 250);
  const long before = allocations();
  CHECK(factorize_lower<double>(A));
  solve_lower<double>(A, X);
  solve_lower_transposed<double>(A, X);
  CHECK(allocations() == before);
}
