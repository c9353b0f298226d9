#include <mesaopt/nested/gmres_adjoint.hpp>

#include <cmath>

#include <Eigen/Core>

#include "nested/adjoint_problem.hpp"
#include "support/allocations.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using namespace adjoint;

namespace {
/// I + 0.6 times a cyclic shift: a normal matrix with singular values |1 + 0.6 ω|, ω the roots of unity.
MatrixXd shifted(Eigen::Index n, Eigen::Index by) {
  MatrixXd A = MatrixXd::Identity(n, n);
  for (Eigen::Index i = 0; i < n; ++i) A((i + by) % n, i) += 0.6;
  return A;
}
struct System {
  MatrixXd A;
  VectorXd b;
};
auto run(const System& s, VectorXd& x, detail::GmresScratch<VectorXd>& scratch, Eigen::Index restart,
         std::uint64_t limit = 1000) {
  return detail::gmres(s.b, x, scratch, 1e-14, limit, restart,
                       [&](const VectorXd& p, VectorXd& q) { q.noalias() = s.A * p; });
}
}  // namespace

TEST_CASE("GMRES solves systems without symmetry, also when it begins anew", "[nested]") {
  const System s{shifted(24, 5), some(24)};
  for (const Eigen::Index restart : {24, 10}) {
    CAPTURE(restart);
    VectorXd x;
    detail::GmresScratch<VectorXd> scratch;
    const auto outcome = run(s, x, scratch, restart);
    CHECK((s.A * x - s.b).norm() < 1e-13 * s.b.norm());
    CHECK(outcome.residual < 1e-13);
    CHECK(outcome.least >= 0.4 * (1 - 1e-9));
    CHECK(outcome.most <= 1.6 * (1 + 1e-9));
    if (restart == 24) CHECK(outcome.least < 0.5);
  }
}

TEST_CASE("a rotation takes GMRES as many iterations as it has rows", "[nested]") {
  // The cyclic shift is the classical case in which nothing is gained before the last iteration.
  System s{MatrixXd::Zero(6, 6), VectorXd::Unit(6, 0)};
  for (Eigen::Index i = 0; i < 6; ++i) s.A((i + 1) % 6, i) = 1;
  VectorXd x;
  detail::GmresScratch<VectorXd> scratch;
  CHECK(run(s, x, scratch, 6, 5).residual == Approx(1));
  x.setZero();
  CHECK(run(s, x, scratch, 6).iterations == 7);  // one of them to see the residual
  CHECK((x - VectorXd::Unit(6, 5)).norm() < 1e-14);
}

TEST_CASE("a singular system without solution ends GMRES", "[nested]") {
  System s{MatrixXd::Zero(3, 3), VectorXd::Ones(3)};
  s.A(0, 0) = 1;
  s.A(1, 2) = 2;
  VectorXd x;
  detail::GmresScratch<VectorXd> scratch;
  const auto outcome = run(s, x, scratch, 3);
  CHECK(outcome.residual > 0.5);
  CHECK(outcome.iterations < 20);
}

TEST_CASE("with its workspace GMRES allocates nothing", "[nested]") {
  const System s{shifted(60, 7), some(60)};
  VectorXd x;
  detail::GmresScratch<VectorXd> scratch;
  const auto cold = run(s, x, scratch, 60);
  VectorXd warm = x * (1 + 1e-9);
  const auto before = allocations();
  const auto outcome = run(s, warm, scratch, 60);
  CHECK(allocations() == before);
  CHECK(outcome.iterations < cold.iterations);
}

TEST_CASE("GMRES solves for the adjoint of a system without symmetry", "[nested]") {
  const MatrixXd A = shifted(8, 3);
  const VectorXd right = some(8), gradient = 1e-9 * some(8, 0.1);
  const auto answer = solve(GmresAdjoint{}, A, right, gradient);
  CHECK(answer.certificate.verdict == Verdict::fine);
  CHECK((A.transpose() * answer.adjoint - right).norm() < 1e-13 * right.norm());
  CHECK(answer.certificate.condition <= 4 * (1 + 1e-9));
  CHECK(answer.certificate.condition > 3);
  CHECK(answer.certificate.distance > 0);
  const auto again = solve(GmresAdjoint{}, A, right, gradient, answer.adjoint, {1e-12, 1e-4, 1e-2, 0, 0});
  CHECK(again.adjoint == answer.adjoint);
  CHECK(again.certificate.distance > 0);
}

TEST_CASE("GMRES refuses what has no solution, or takes too long", "[nested]") {
  MatrixXd A = MatrixXd::Identity(3, 3);
  A(2, 2) = 0;
  CHECK(solve(GmresAdjoint{}, A, some(3), VectorXd::Zero(3)).certificate.reason == Reason::adjoint_inconsistent);
  const MatrixXd H = with_eigenvalues(VectorXd::LinSpaced(40, 1, 1000));
  CHECK(solve(GmresAdjoint{}, H, some(40), VectorXd::Zero(40), {}, {1e-14, 1e-4, 1e-2, 0, 3}).certificate.reason ==
        Reason::adjoint_not_converged);
  CHECK_THROWS_WITH(GmresAdjoint{.restart = 0}.check(), Catch::Contains("GmresAdjoint::restart"));
}
