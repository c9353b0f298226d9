#include <mesaopt/nested/conjugate_gradient_adjoint.hpp>

#include <cmath>

#include <Eigen/Core>

#include "nested/adjoint_problem.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using namespace adjoint;

TEST_CASE("conjugate gradients solve for the adjoint from the previous one", "[nested]") {
  const MatrixXd H = with_eigenvalues(VectorXd::LinSpaced(20, 0.5, 4));
  const VectorXd right = some(20), gradient = 1e-9 * some(20, 0.1);
  const auto answer = solve(ConjugateGradientAdjoint{}, H, right, gradient);
  CHECK(answer.certificate.verdict == Verdict::fine);
  CHECK((H * answer.adjoint - right).norm() < 1e-13 * right.norm());
  CHECK(answer.certificate.condition <= 8 * (1 + 1e-9));
  const auto warm = solve(ConjugateGradientAdjoint{}, H, right, gradient, answer.adjoint + 1e-10 * right);
  CHECK(warm.iterations < answer.iterations);
}

TEST_CASE("conjugate gradients refuse a saddle", "[nested]") {
  VectorXd values(4);
  values << 1, -0.5, 2, 3;
  CHECK(solve(ConjugateGradientAdjoint{}, with_eigenvalues(values), some(4), VectorXd::Zero(4)).certificate.reason ==
        Reason::inner_indefinite);
}
