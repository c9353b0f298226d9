#include <mesaopt/nested/minres_adjoint.hpp>

#include <cmath>

#include <Eigen/Core>

#include "nested/adjoint_problem.hpp"
#include "support/allocations.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using namespace adjoint;

namespace {
auto run(const MatrixXd& A, const VectorXd& b, VectorXd& x, detail::MinresScratch<VectorXd>& scratch,
         std::uint64_t limit = 200) {
  return detail::minres(b, x, scratch, 1e-14, limit, [&](const VectorXd& p, VectorXd& q) { q.noalias() = A * p; });
}
}  // namespace

TEST_CASE("MINRES solves indefinite systems, and sees the spectrum", "[nested]") {
  VectorXd values = VectorXd::LinSpaced(30, -4, 9);
  values[9] = 0.05;
  const MatrixXd A = with_eigenvalues(values);
  const VectorXd b = some(30);
  VectorXd x;
  detail::MinresScratch<VectorXd> scratch;
  const auto outcome = run(A, b, x, scratch);
  CHECK((A * x - b).norm() < 1e-13 * b.norm());
  CHECK(outcome.residual < 1e-13);
  CHECK_FALSE(outcome.least_squares);
  CHECK(scratch.smallest() == Approx(values.cwiseAbs().minCoeff()).epsilon(1e-6));
  CHECK(scratch.largest() >= 9 * (1 - 1e-9));
  CHECK(scratch.below(0) >= 9);  // rounding may show an eigenvalue twice
  CHECK(scratch.below(-4.01) == 0);
}

TEST_CASE("its residual never rises with the iterations", "[nested]") {
  const MatrixXd A = with_eigenvalues(VectorXd::LinSpaced(12, -1, 1.7));
  const VectorXd b = some(12);
  double last = 1;
  for (std::uint64_t limit = 1; limit < 12; ++limit) {
    VectorXd x;
    detail::MinresScratch<VectorXd> scratch;
    run(A, b, x, scratch, limit);
    const double residual = (A * x - b).norm() / b.norm();
    CHECK(residual <= last * (1 + 1e-12));
    last = residual;
  }
  CHECK(last < 1);
}

TEST_CASE("a singular system gets a solution, or the least residual if it has none", "[nested]") {
  VectorXd values = VectorXd::LinSpaced(10, 1, 3);
  values[4] = 0;
  const MatrixXd A = with_eigenvalues(values);
  VectorXd x;
  detail::MinresScratch<VectorXd> scratch;
  const VectorXd in_range = A * some(10);
  CHECK(run(A, in_range, x, scratch).residual < 1e-13);
  const VectorXd b = some(10);
  x.setZero();
  const auto outcome = run(A, b, x, scratch);
  CHECK(outcome.least_squares);
  CHECK((A * (A * x - b)).norm() < 1e-10);
  CHECK(outcome.residual > 1e-3);
}

TEST_CASE("from a good guess MINRES needs fewer iterations, and with its workspace no memory", "[nested]") {
  const MatrixXd A = with_eigenvalues(VectorXd::LinSpaced(40, -2, 5));
  const VectorXd b = some(40);
  VectorXd x;
  detail::MinresScratch<VectorXd> scratch;
  const auto cold = run(A, b, x, scratch);
  VectorXd warm = x + 1e-12 * some(40, 0.1);
  const auto before = allocations();
  const auto outcome = run(A, b, warm, scratch);
  CHECK(allocations() == before);
  CHECK(outcome.iterations < cold.iterations * 3 / 4);
  VectorXd zero = VectorXd::Zero(40), answer = b;
  CHECK(run(A, zero, answer, scratch).iterations == 0);
  CHECK(answer.isZero(0));
}

TEST_CASE("a saddle is refused by MINRES unless it is what is wanted", "[nested]") {
  VectorXd values(5);
  values << -1, 0.5, 2, 3, -4;
  const MatrixXd H = with_eigenvalues(values);
  const VectorXd right = some(5), gradient = 1e-9 * some(5, 0.1);
  CHECK(solve(MinresAdjoint{}, H, right, gradient).certificate.reason == Reason::inner_indefinite);
  const auto answer = solve(MinresAdjoint{.saddle = true}, H, right, gradient);
  CHECK(answer.certificate.verdict == Verdict::fine);
  CHECK((H * answer.adjoint - right).norm() < 1e-13 * right.norm());
  CHECK(answer.certificate.distance == Approx(gradient.norm() / 0.5));
  // Where the system is solved from the start, what the Hessian is like is found out all the same.
  const auto again = solve(MinresAdjoint{}, H, right, gradient, answer.adjoint, {1e-12, 1e-4, 1e-2, 0, 0});
  CHECK(again.certificate.reason == Reason::inner_indefinite);
}

TEST_CASE("a singular Hessian is solved by MINRES where that can be, and refused where not", "[nested]") {
  VectorXd values(5);
  values << 1, 0.5, 2, 3, 0;
  const MatrixXd H = with_eigenvalues(values);
  const auto fine = solve(MinresAdjoint{}, H, H * some(5), VectorXd::Zero(5));
  CHECK(fine.certificate.verdict == Verdict::fine);
  CHECK((H * (fine.adjoint - some(5))).norm() < 1e-12);
  CHECK(solve(MinresAdjoint{}, H, some(5), VectorXd::Zero(5)).certificate.reason == Reason::inner_not_unique);
}
