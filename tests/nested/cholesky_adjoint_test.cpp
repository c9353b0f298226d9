#include <mesaopt/nested/cholesky_adjoint.hpp>

#include <cmath>

#include <Eigen/Core>

#include "nested/adjoint_problem.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using namespace adjoint;

TEST_CASE("Cholesky solves for the adjoint, and estimates distance and condition", "[nested]") {
  const MatrixXd H = with_eigenvalues(VectorXd::LinSpaced(6, 0.5, 4));
  const VectorXd right = some(6), step = 1e-9 * some(6, 0.1), gradient = H * step;
  const auto answer = solve(CholeskyAdjoint{}, H, right, gradient);
  CHECK(answer.certificate.verdict == Verdict::fine);
  CHECK((H * answer.adjoint - right).norm() < 1e-14 * right.norm());
  CHECK(answer.certificate.distance == Approx(step.norm()));
  CHECK(answer.certificate.condition > 0.9 * 8);
}

TEST_CASE("Cholesky refuses a saddle and a system without solution", "[nested]") {
  VectorXd values(4);
  values << 1, -0.5, 2, 3;
  CHECK(solve(CholeskyAdjoint{}, with_eigenvalues(values), some(4), VectorXd::Zero(4)).certificate.reason ==
        Reason::inner_indefinite);
  const MatrixXd H = MatrixXd::Constant(4, 4, 2.0);
  CHECK(solve(CholeskyAdjoint{}, H, some(4), VectorXd::Zero(4)).certificate.reason == Reason::inner_not_unique);
  const auto fine = solve(CholeskyAdjoint{}, H, H * some(4), VectorXd::Zero(4));
  CHECK(fine.certificate.verdict == Verdict::fine);
  CHECK((H * (fine.adjoint - some(4))).norm() < 1e-12);
}
