#include <mesaopt/bayes/covariance.hpp>

#include <cmath>

#include <mesaopt/bayes/kernels.hpp>

#include "support/allocations.hpp"
#include "support/catch.hpp"

using namespace mesaopt::kernels;
using Matrix = Eigen::MatrixXd;
using Vector = Eigen::VectorXd;

TEST_CASE("covariance matrices hold the kernel of each pair, and refilling them allocates nothing", "[bayes]") {
  // More points than a kernel takes at once.
  const Eigen::Index n = 2 * most_points + 3;
  Matrix X(3, n), K, cross;
  for (Eigen::Index i = 0; i < X.size(); ++i) X.data()[i] = std::sin(1.7 * double(i * i % 101));
  const Matern32 k{(Vector(3) << 0.5, 1, 2).finished()};
  const Matrix Y = X.leftCols(5).array() + 0.1;
  covariance(k, X, K);
  covariance(k, X, Y, cross);
  double worst = 0;
  for (Eigen::Index i = 0; i < n; ++i)
    for (Eigen::Index j = 0; j < n; ++j) worst = std::max(worst, std::abs(K(i, j) - k(X.col(i), X.col(j))));
  for (Eigen::Index i = 0; i < n; ++i)
    for (Eigen::Index j = 0; j < 5; ++j) worst = std::max(worst, std::abs(cross(i, j) - k(X.col(i), Y.col(j))));
  CHECK(worst < 1e-15);
  CHECK(K == K.transpose());
  const long before = allocations();
  covariance(k, X, K);
  covariance(k, X, Y, cross);
  CHECK(allocations() == before);
}
