#include <mesaopt/bayes/factor.hpp>

#include <Eigen/Cholesky>
#include <Eigen/LU>

#include "support/catch.hpp"

using Matrix = Eigen::MatrixXd;
using Vector = Eigen::VectorXd;

namespace {
Matrix positive_definite(Eigen::Index n) {
  Matrix X(n, n);
  for (Eigen::Index i = 0; i < X.size(); ++i) X.data()[i] = std::sin(1.7 * double(i * i % 1009));
  return X * X.transpose() + double(n) * Matrix::Identity(n, n);
}
}  // namespace

TEST_CASE("the inverse from a factor is that of the matrix, across blocks", "[bayes]") {
  for (const Eigen::Index n : {1, 5, 32, 71}) {
    const Matrix A = positive_definite(n);
    const Matrix L = A.llt().matrixLLT();
    Matrix scratch, inverse;
    mesaopt::detail::invert_factored(L, scratch, inverse);
    const Matrix full = inverse.selfadjointView<Eigen::Upper>();
    CHECK((full * A - Matrix::Identity(n, n)).norm() < 1e-12);
  }
}

TEST_CASE("a factor without a row is the factor of the matrix without it", "[bayes]") {
  const Eigen::Index n = 7;
  const Matrix A = positive_definite(n);
  for (Eigen::Index at = 0; at < n; ++at) {
    Matrix L = A.llt().matrixL();
    Vector v(n);
    mesaopt::detail::remove_from_factor<double>(L, at, v);
    Matrix B(n - 1, n - 1);
    for (Eigen::Index i = 0; i < n - 1; ++i)
      for (Eigen::Index j = 0; j < n - 1; ++j) B(i, j) = A(i + (i >= at), j + (j >= at));
    const Matrix expected = B.llt().matrixL();
    const Matrix got = L.topLeftCorner(n - 1, n - 1).triangularView<Eigen::Lower>();
    CHECK((got - expected).norm() < 1e-13);
  }
}
