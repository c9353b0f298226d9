#include <mesaopt/nested/neumann_adjoint.hpp>

#include <cmath>

#include <Eigen/Core>

#include "nested/adjoint_problem.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using namespace adjoint;

TEST_CASE("so many terms of the Neumann series are what its formula says", "[nested]") {
  const MatrixXd H = with_eigenvalues(VectorXd::LinSpaced(6, 0.4, 2));
  const VectorXd right = some(6);
  VectorXd term = right, sum = VectorXd::Zero(6);
  for (int k = 0; k < 7; ++k) {
    sum += 0.45 * term;
    term -= 0.45 * (H * term).eval();
  }
  const auto answer =
      solve(NeumannAdjoint{.terms = 7, .step = 0.45}, H, right, VectorXd::Zero(6), {}, {1e-14, 1, 1e-2, 0, 0});
  CHECK((answer.adjoint - sum).norm() < 1e-14 * sum.norm());
  CHECK(answer.certificate.adjoint_residual == Approx((right - H * sum).norm() / right.norm()));
  // From an adjoint at hand, the series is that of its residual.
  const VectorXd guess = 0.3 * right;
  const auto warm =
      solve(NeumannAdjoint{.terms = 1, .step = 0.45}, H, right, VectorXd::Zero(6), guess, {1e-14, 1, 1e-2, 0, 0});
  CHECK((warm.adjoint - (guess + 0.45 * (right - H * guess))).norm() < 1e-14);
}

TEST_CASE("the Neumann series finds its step, and converges where curvature is positive", "[nested]") {
  const MatrixXd H = 1e6 * with_eigenvalues(VectorXd::LinSpaced(6, 0.4, 2));
  const VectorXd right = some(6), gradient = 1e-3 * some(6, 0.2);
  const auto answer = solve(NeumannAdjoint{.terms = 300}, H, right, gradient);
  CHECK(answer.certificate.verdict == Verdict::fine);
  CHECK((H * answer.adjoint - right).norm() < 1e-13 * right.norm());
  CHECK(answer.certificate.condition == Approx(5).epsilon(0.1));
  CHECK(answer.certificate.distance == Approx(gradient.norm() / 4e5).epsilon(0.1));
}

TEST_CASE("too few terms are refused, and so is a series that grows", "[nested]") {
  const MatrixXd H = with_eigenvalues(VectorXd::LinSpaced(6, 0.4, 2));
  const VectorXd right = some(6), gradient = VectorXd::Zero(6);
  const auto few = solve(NeumannAdjoint{.terms = 5}, H, right, gradient);
  CHECK(few.certificate.reason == Reason::adjoint_not_converged);
  CHECK(few.certificate.adjoint_residual < 1);
  CHECK(solve(NeumannAdjoint{.terms = 5, .step = 3}, H, right, gradient, {}, {1e-14, 1e9, 1e9, 0, 0})
            .certificate.reason == Reason::adjoint_not_converged);
  CHECK(solve(NeumannAdjoint{}, -H, right, gradient).certificate.reason == Reason::inner_indefinite);
  CHECK_THROWS_WITH(NeumannAdjoint{.terms = 0}.check(), Catch::Contains("NeumannAdjoint::terms"));
  CHECK_THROWS_WITH(NeumannAdjoint{.step = -1}.check(), Catch::Contains("NeumannAdjoint::step"));
}
