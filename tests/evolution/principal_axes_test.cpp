#include <mesaopt/evolution/principal_axes.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

#include <Eigen/Core>

#include <mesaopt/core/fields.hpp>
#include <mesaopt/core/random.hpp>

#include "support/allocations.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::Matrix3d, Eigen::MatrixXd, Eigen::MatrixXf, Eigen::Vector3d, Eigen::VectorXd, Eigen::VectorXf;

namespace {

/// A B, without the blocked product of Eigen, which takes the compiler seconds.
MatrixXd times(const MatrixXd& A, const MatrixXd& B) { return A.lazyProduct(B); }

void check_axes(const MatrixXd& A, const MatrixXd& axes, const VectorXd& values, double tolerance) {
  const Eigen::Index n = A.rows();
  CHECK((times(A, axes) - MatrixXd(axes * values.asDiagonal())).norm() <=
        tolerance * (A.norm() + std::numeric_limits<double>::min()));
  CHECK((times(axes.transpose(), axes) - MatrixXd::Identity(n, n)).norm() <= tolerance * double(n));
}

template <class X>
void check_decomposition(const MatrixOf<X>& A, double tolerance) {
  const Eigen::Index n = A.rows();
  MatrixOf<X> axes(n, n);
  X values(n);
  const bool done = detail::PrincipalAxes<X>{}(A, axes, values);
  REQUIRE(done);
  check_axes(A.template cast<double>(), axes.template cast<double>(), values.template cast<double>(), tolerance);
}

/// A symmetric matrix with these eigenvalues.
MatrixXd with_eigenvalues(const VectorXd& values, std::uint64_t seed) {
  const Eigen::Index n = values.size();
  MatrixXd Q = MatrixXd::Identity(n, n);
  Random random{seed};
  for (int reflection = 0; reflection < 3; ++reflection) {
    MatrixXd v(n, 1);
    random.fill_normal(v);
    Q -= times(2 / v.squaredNorm() * times(Q, v), v.transpose());
  }
  const MatrixXd A = times(Q * values.asDiagonal(), Q.transpose());
  return (A + A.transpose()) / 2;
}

}  // namespace

TEST_CASE("eigenvalues of a matrix that is known by heart come out", "[evolution][axes]") {
  // Second differences: 2 - 2 cos(k pi / (n + 1)), k = 1 .. n.
  const Eigen::Index n = 13;
  MatrixXd A = MatrixXd::Zero(n, n);
  A.diagonal().setConstant(2);
  A.diagonal(1).setConstant(-1);
  A.diagonal(-1).setConstant(-1);
  MatrixXd axes(n, n);
  VectorXd values(n);
  REQUIRE(detail::PrincipalAxes<VectorXd>{}(A, axes, values));
  std::sort(values.data(), values.data() + n);
  for (Eigen::Index k = 0; k < n; ++k)
    CHECK(values[k] == Approx(2 - 2 * std::cos(double(k + 1) * std::acos(-1.0) / double(n + 1))).epsilon(1e-13));
}

TEST_CASE("axes are orthonormal and decompose the matrix, for all sizes and conditions", "[evolution][axes]") {
  for (const Eigen::Index n : {1, 2, 3, 4, 5, 8, 9, 13, 40, 101})
    for (const double condition : {1.0, 10.0, 1e6, 1e14}) {
      CAPTURE(n, condition);
      VectorXd values(n);
      for (Eigen::Index i = 0; i < n; ++i) values[i] = std::pow(condition, n > 1 ? double(i) / double(n - 1) : 0.0);
      const MatrixXd A = with_eigenvalues(values, 5);
      check_decomposition<VectorXd>(A, 1e-14);
      check_decomposition<VectorXf>(A.cast<float>(), 1e-5);
    }
}

TEST_CASE("repeated eigenvalues, zeros and extreme scales are no exception", "[evolution][axes]") {
  check_decomposition<VectorXd>(MatrixXd::Zero(6, 6), 0);
  check_decomposition<VectorXd>(MatrixXd::Identity(7, 7), 1e-15);
  check_decomposition<VectorXd>(MatrixXd::Ones(9, 9), 1e-14);
  check_decomposition<VectorXd>(with_eigenvalues(VectorXd{{1, 1, 1, 2, 2, 0, 0, -3}}, 2), 1e-14);
  check_decomposition<VectorXd>(1e-250 * with_eigenvalues(VectorXd{{1, 2, 3, 4}}, 2), 1e-14);
  check_decomposition<VectorXd>(1e250 * with_eigenvalues(VectorXd{{1, 2, 3, 4}}, 2), 1e-14);
  check_decomposition<VectorXf>(MatrixXf{{1e-20f, 1e-25f, 0}, {1e-25f, 1e10f, 1e-5f}, {0, 1e-5f, 1}}, 1e-5);
  check_decomposition<Vector3d>(Matrix3d{{2, 1, 0}, {1, 2, 1}, {0, 1, 2}}, 1e-15);
}

TEST_CASE("the upper triangle is not looked at, NaN and infinity in the lower one are refused", "[evolution][axes]") {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  MatrixXd A = with_eigenvalues(VectorXd{{1, 2, 3}}, 1), axes(3, 3), same(3, 3);
  VectorXd values(3);
  detail::PrincipalAxes<VectorXd> principal_axes;
  REQUIRE(principal_axes(A, axes, values));
  A(0, 2) = std::nan("");
  REQUIRE(principal_axes(A, same, values));
  CHECK(identical(axes, same));
  A(2, 0) = infinity;
  CHECK_FALSE(principal_axes(A, axes, values));
  A(2, 0) = std::nan("");
  CHECK_FALSE(principal_axes(A, axes, values));
}

TEST_CASE("decomposing does not allocate once there is room", "[evolution][axes]") {
  const MatrixXd A = with_eigenvalues(VectorXd::LinSpaced(60, 1, 1e6), 8);
  MatrixXd axes(60, 60);
  VectorXd values(60);
  detail::PrincipalAxes<VectorXd> principal_axes;
  principal_axes.reserve(60);
  const long before = allocations();
  const bool done = principal_axes(A, axes, values);
  CHECK(allocations() == before);
  CHECK(done);
}
