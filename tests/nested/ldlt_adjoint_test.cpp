#include <mesaopt/nested/ldlt_adjoint.hpp>

#include <cmath>

#include <Eigen/Core>

#include "nested/adjoint_problem.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using namespace adjoint;

TEST_CASE("a saddle is refused by LDL' unless it is what is wanted", "[nested]") {
  VectorXd values(5);
  values << -1, 0.5, 2, 3, -4;
  const MatrixXd H = with_eigenvalues(values);
  const VectorXd right = some(5), step = 1e-9 * some(5, 0.1), gradient = H * step;
  CHECK(solve(LdltAdjoint{}, H, right, gradient).certificate.reason == Reason::inner_indefinite);
  const auto answer = solve(LdltAdjoint{.saddle = true}, H, right, gradient);
  CHECK(answer.certificate.verdict == Verdict::fine);
  CHECK((H * answer.adjoint - right).norm() < 1e-14 * right.norm());
  CHECK(answer.certificate.distance == Approx(step.norm()));
  CHECK(answer.certificate.condition >= 8 * 0.9);
  CHECK(answer.certificate.condition < 8 * 5);
  CHECK(answer.certificate.stationarity == gradient.lpNorm<Eigen::Infinity>());
}

TEST_CASE("a singular Hessian is solved by LDL' where that can be, and refused where not", "[nested]") {
  VectorXd values(5);
  values << 1, 0.5, 2, 3, 0;
  const MatrixXd H = with_eigenvalues(values);
  const auto fine = solve(LdltAdjoint{}, H, H * some(5), VectorXd::Zero(5));
  CHECK(fine.certificate.verdict == Verdict::fine);
  CHECK((H * (fine.adjoint - some(5))).norm() < 1e-13);
  CHECK(std::isinf(fine.certificate.condition));
  CHECK(solve(LdltAdjoint{}, H, some(5), VectorXd::Zero(5)).certificate.reason == Reason::inner_not_unique);
  CHECK(solve(LdltAdjoint{}, H * std::nan(""), some(5), VectorXd::Zero(5)).certificate.reason == Reason::inner_failed);
}
