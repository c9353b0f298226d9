#include <mesaopt/nested/conjugate_gradient.hpp>

#include <cmath>
#include <cstdint>
#include <limits>

#include <Eigen/Cholesky>
#include <Eigen/Core>

#include <mesaopt/core/random.hpp>

#include "support/allocations.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {

struct System {
  MatrixXd A;
  VectorXd b;
};
System definite(Eigen::Index n, std::uint64_t seed) {
  Random random{seed};
  MatrixXd R(n, n);
  VectorXd b(n);
  random.fill_normal(R);
  random.fill_normal(b);
  return {R * R.transpose() / double(n) + MatrixXd::Identity(n, n) / 10, b};
}
const auto plain = [](const auto& r, auto& z) { z = r; };

auto solve(const MatrixXd& A, const VectorXd& b, VectorXd& x, std::uint64_t limit = 200, double tolerance = 1e-12) {
  detail::ConjugateGradientScratch<VectorXd> scratch;
  return detail::conjugate_gradient(
      b, x, scratch, tolerance, limit, [&](const VectorXd& p, VectorXd& q) { q = A * p; }, plain);
}

}  // namespace

TEST_CASE("conjugate gradients solve a positive definite system", "[nested]") {
  const auto [A, b] = definite(30, 1);
  VectorXd x;
  const auto outcome = solve(A, b, x);
  CHECK((A * x - b).norm() < 2e-12 * b.norm());
  CHECK(outcome.residual <= 1e-12);
  CHECK_FALSE(outcome.negative_curvature);
  const VectorXd eigenvalues = A.selfadjointView<Eigen::Lower>().eigenvalues();
  CHECK(outcome.least >= eigenvalues.minCoeff() * (1 - 1e-12));
  CHECK(outcome.most <= eigenvalues.maxCoeff() * (1 + 1e-12));
}

TEST_CASE("a good guess spares iterations, a bad one is dropped", "[nested]") {
  const auto [A, b] = definite(30, 2);
  VectorXd cold, warm, bad = VectorXd::Constant(30, 1e6), broken = VectorXd::Constant(30, std::nan("")), short_one(3);
  const auto first = solve(A, b, cold);
  warm = cold * (1 + 1e-8);
  CHECK(solve(A, b, warm).iterations < first.iterations * 3 / 4);
  solve(A, b, bad);
  solve(A, b, broken);
  solve(A, b, short_one);
  for (const VectorXd& x : {warm, bad, broken, short_one}) CHECK((x - cold).norm() < 1e-9 * cold.norm());
}

TEST_CASE("a preconditioner that is the inverse takes one iteration", "[nested]") {
  const auto [A, b] = definite(20, 3);
  const Eigen::LLT<MatrixXd> factor(A);
  detail::ConjugateGradientScratch<VectorXd> scratch;
  VectorXd x;
  const MatrixXd& matrix = A;
  const auto outcome = detail::conjugate_gradient(
      b, x, scratch, 1e-12, 50, [&](const VectorXd& p, VectorXd& q) { q = matrix * p; },
      [&](const VectorXd& r, VectorXd& z) { z = factor.solve(r); });
  CHECK(outcome.iterations == 1);
  CHECK(outcome.residual < 1e-12);
}

TEST_CASE("a singular system is solved if it is consistent, and its residual tells if it is not", "[nested]") {
  MatrixXd A = MatrixXd::Constant(3, 3, 2);
  VectorXd x;
  CHECK(solve(A, VectorXd::Constant(3, 6), x).residual < 1e-12);
  CHECK((x - VectorXd::Ones(3)).norm() < 1e-12);
  x.setZero();
  const auto outcome = solve(A, VectorXd::Unit(3, 0), x);
  CHECK(outcome.residual > 0.1);
  CHECK_FALSE(outcome.negative_curvature);
  CHECK(x.allFinite());
}

TEST_CASE("negative curvature is reported", "[nested]") {
  VectorXd x;
  CHECK(solve(MatrixXd((VectorXd(3) << 1, 2, -1).finished().asDiagonal()), VectorXd::Ones(3), x).negative_curvature);
  x.setZero();
  CHECK(solve(-MatrixXd::Identity(3, 3), VectorXd::Ones(3), x).negative_curvature);
}

TEST_CASE("nothing on the right is solved by nothing", "[nested]") {
  VectorXd x = VectorXd::Ones(3);
  const auto outcome = solve(MatrixXd::Identity(3, 3), VectorXd::Zero(3), x);
  CHECK(outcome.iterations == 0);
  CHECK(x == VectorXd::Zero(3));
}

TEST_CASE("the limit is kept, and NaN ends the iteration", "[nested]") {
  const auto [A, b] = definite(40, 4);
  VectorXd x;
  CHECK(solve(A, b, x, 5).iterations == 5);
  x.setZero();
  CHECK(solve(MatrixXd::Constant(40, 40, std::nan("")), b, x).iterations == 1);
  CHECK(x.allFinite());
}

TEST_CASE("conjugate gradients allocate nothing once their workspace has its size", "[nested][allocations]") {
  const auto [A, b] = definite(12, 5);
  const MatrixXd& matrix = A;
  const VectorXd& right = b;
  detail::ConjugateGradientScratch<VectorXd> scratch;
  VectorXd x;
  const auto once = [&] {
    x.setZero();
    detail::conjugate_gradient(
        right, x, scratch, 1e-12, 50, [&](const VectorXd& p, VectorXd& q) { q.noalias() = matrix * p; }, plain);
  };
  once();
  const long before = allocations();
  once();
  CHECK(allocations() == before);
}
