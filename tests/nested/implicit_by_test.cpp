#include <mesaopt/nested/implicit_by.hpp>

#include <array>
#include <cmath>
#include <cstdint>

#include <Eigen/Core>

#include <mesaopt/core/calls.hpp>
#include <mesaopt/gradient/gradient_descent.hpp>
#include <mesaopt/nested/cholesky_adjoint.hpp>
#include <mesaopt/nested/conjugate_gradient_adjoint.hpp>
#include <mesaopt/nested/gmres_adjoint.hpp>
#include <mesaopt/nested/ldlt_adjoint.hpp>
#include <mesaopt/nested/minres_adjoint.hpp>
#include <mesaopt/nested/nested.hpp>
#include <mesaopt/nested/neumann_adjoint.hpp>
#include <mesaopt/nested/response.hpp>

#include "nested/ridge_solution.hpp"
#include "support/allocations.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::VectorXd;

namespace {

enum class By { cholesky, ldlt, conjugate_gradients, minres, gmres, neumann };

/// Each of the solvers, chosen at run time, so that one nested objective serves all tests.
struct AnyAdjoint {
  By by;
  NeumannAdjoint neumann{.terms = 3000};

  template <Point Y>
  struct Scratch {
    detail::BunchKaufman<double> ldlt{};
    detail::MinresScratch<Y> minres{};
    detail::GmresScratch<Y> gmres{};
    NeumannAdjoint::Scratch<Y> neumann{};
  };
  void check() const { neumann.check(); }
  template <class System, class S>
  Certificate operator()(const System& system, S& scratch) const {
    switch (by) {
      case By::cholesky: return CholeskyAdjoint{}(system, scratch);
      case By::ldlt: return LdltAdjoint{}(system, scratch.ldlt);
      case By::conjugate_gradients: return ConjugateGradientAdjoint{}(system, scratch);
      case By::minres: return MinresAdjoint{}(system, scratch.minres);
      case By::gmres: return GmresAdjoint{}(system, scratch.gmres);
      case By::neumann: break;
    }
    return neumann(system, scratch.neumann);
  }
};

const Search to_the_end{GradientDescent{.learning_rate = 0.45}, GradientBelow{5e-16} || MaxIterations{3000}};

auto problem(AnyAdjoint solver, AdjointDemands demands = {.tolerance = 1e-15}) {
  return nested(of_solution(ridge_validation()),
                response(family(ridge_training()), to_the_end, warm(VectorXd(VectorXd::Zero(5)))),
                implicit(solver, demands));
}
using Problem = decltype(problem({By::cholesky}));

/// The largest eigenvalue of the inner Hessian at θ = −1, shared/bilevel_problems.
constexpr double largest = 1.327040;

}  // namespace

TEST_CASE("every solver of the adjoint system gives the closed form's hypergradient of ridge regression", "[nested]") {
  for (const By by : {By::cholesky, By::ldlt, By::conjugate_gradients, By::minres, By::gmres, By::neumann}) {
    const auto F = problem({by});
    Calls<VectorXd, MemoryOf<Problem, VectorXd>> calls;
    VectorXd gradient(5), x(5);
    for (const double level : {-3.0, -1.0, 0.5}) {
      x << level, level + 0.3, level, level - 0.5, level;
      const RidgeSolution known(x);
      for (int again = 0; again < 2; ++again) {  // the second time from the adjoint itself
        const auto found = calls.gradient(F, x, gradient);
        calls.accept();
        CAPTURE(int(by), level, again);
        CHECK((gradient - known.gradient).norm() < 1e-12 * known.gradient.norm());
        CHECK(found.verdict == Verdict::fine);
        CHECK(found.certificate.adjoint_residual < 1e-13);
        CHECK(found.certificate.distance < 1e-12);
        CHECK(found.certificate.condition >= 1);
        CHECK(found.certificate.condition < 300);
      }
    }
  }
}

TEST_CASE("the Neumann series errs after so many terms as known", "[nested]") {
  const VectorXd theta = VectorXd::Constant(1, -1.0);
  const RidgeSolution known(theta);
  Eigen::MatrixXd H(5, 5);
  ridge_training().hessian(theta, VectorXd(VectorXd::Zero(5)), H);
  const double step = 1 / H.operatorNorm();
  CHECK(1 / step == Approx(largest).epsilon(1e-6));
  struct Row {
    std::int64_t terms;
    double error;
  };
  for (const Row row : {Row{5, 7.853e-3}, Row{10, 5.940e-4}, Row{20, 1.693e-5}, Row{50, 5.203e-10}, Row{100, 4e-15}}) {
    CAPTURE(row.terms);
    const auto F = problem({By::neumann, {row.terms, step}}, {.tolerance = 0, .accept_residual = 0.9});
    Calls<VectorXd, MemoryOf<Problem, VectorXd>> calls;
    VectorXd gradient(1);
    const auto found = calls.gradient(F, theta, gradient);
    const double error = std::abs(gradient[0] - known.gradient[0]);
    if (row.terms < 100) {
      CHECK(error == Approx(row.error).epsilon(5e-4));
      CHECK(found.gradient_error > error);
    } else {
      CHECK(error <= row.error);
    }
    CHECK((found.verdict == Verdict::inexact) == (row.terms < 50));
  }
}

TEST_CASE("what is demanded of an adjoint decides what is refused", "[nested]") {
  const VectorXd theta = VectorXd::Constant(1, -1.0);
  const auto with = [&](AdjointDemands demands, AnyAdjoint solver) {
    Calls<VectorXd, MemoryOf<Problem, VectorXd>> calls;
    VectorXd gradient(1);
    return calls.gradient(problem(solver, demands), theta, gradient);
  };
  CHECK(with({}, {By::neumann, {5, 0}}).reason == Reason::adjoint_not_converged);
  CHECK(with({.accept_residual = 0.5}, {By::neumann, {5, 0}}).verdict == Verdict::inexact);
  CHECK(with({.max_iterations = 1}, {By::minres}).reason == Reason::adjoint_not_converged);
  CHECK(with({.max_iterations = 1}, {By::gmres}).reason == Reason::adjoint_not_converged);
  CHECK_THROWS_WITH(with({.tolerance = -1}, {By::ldlt}), Catch::Contains("AdjointDemands::tolerance"));
  CHECK_THROWS_WITH(with({.accept_residual = 0}, {By::ldlt}), Catch::Contains("AdjointDemands::accept_residual"));
  CHECK_THROWS_WITH(with({.accept_distance = 0}, {By::ldlt}), Catch::Contains("AdjointDemands::accept_distance"));
  CHECK_THROWS_WITH(with({.max_iterations = -1}, {By::ldlt}), Catch::Contains("AdjointDemands::max_iterations"));
  CHECK_THROWS_WITH(with({}, {By::ldlt, {0, 0}}), Catch::Contains("NeumannAdjoint::terms"));
}

TEST_CASE("no solver allocates after its first adjoint, and one that is asked for less does less", "[nested]") {
  for (const By by : {By::cholesky, By::ldlt, By::conjugate_gradients, By::minres, By::gmres, By::neumann}) {
    CAPTURE(int(by));
    const auto F = problem({by});
    Calls<VectorXd, MemoryOf<Problem, VectorXd>> calls;
    VectorXd gradient(5), x = VectorXd::Constant(5, -1);
    calls.gradient(F, x, gradient);
    calls.accept();
    calls.gradient(F, x, gradient);
    calls.accept();
    x[1] += 0.1;
    const auto before = allocations();
    calls.gradient(F, x, gradient);
    calls.accept();
    CHECK(allocations() == before);

    x[1] -= 0.1;
    const auto exact = calls.counts[1];
    calls.tolerance = 1e-3;
    const auto loose = calls.gradient(F, x, gradient);
    const RidgeSolution known(x);
    CHECK(calls.counts[1].gradients - exact.gradients < 30);
    CHECK(loose.certificate.distance < 2e-3);
    CHECK(loose.certificate.distance > 1e-7);
    CHECK(loose.verdict == Verdict::inexact);
    CHECK((gradient - known.gradient).norm() < 2e-2 * known.gradient.norm());
  }
}
