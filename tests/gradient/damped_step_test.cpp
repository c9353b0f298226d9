#include <mesaopt/gradient/damped_step.hpp>

#include <cmath>

#include <mesaopt/core/bytes.hpp>

#include "gradient/residual_problems.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::VectorXd;

namespace {
/// A step of one model within a radius, and what comes with it.
struct Step {
  detail::LinearizedResiduals<VectorXd> model;
  DampedStep::Memory<VectorXd> memory{};
  int factorizations = 0;
  VectorXd p{};
  double length = 0;

  void within(double radius, const VectorXd& gradient, const VectorXd& scale) {
    p.resize(gradient.size());
    DampedStep{}.reserve(p.size(), memory);
    length = DampedStep{}(model, gradient, scale, radius, true, memory, factorizations, p);
  }
};
}  // namespace

TEST_CASE("damped steps have the length of the radius, within a quarter and a half", "[gradient]") {
  for (const auto solver : {LeastSquaresSolver::cholesky, LeastSquaresSolver::qr})
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      const test::LinearResiduals problem(9, 6, seed);
      const VectorXd scale = VectorXd::LinSpaced(6, 0.3, 3);
      Step step{problem.linearized(solver)};
      step.within(1e9, problem.gradient, scale);
      const double whole = step.length;
      CHECK(step.memory.damping == 0);
      CHECK(DampedStep{}.whole(step.memory));
      CHECK(step.factorizations == 1);
      for (const double part : {0.3, 1e-2, 1e-5}) {
        step.factorizations = 0;
        step.within(part * whole, problem.gradient, scale);
        CAPTURE(seed, part);
        CHECK(step.length == Approx(scale.cwiseProduct(step.p).norm()).epsilon(1e-12));
        CHECK(step.length >= 0.75 * part * whole);
        CHECK(step.length <= 1.5 * part * whole);
        CHECK_FALSE(DampedStep{}.whole(step.memory));
        CHECK(step.factorizations <= 5);
        // It is the best of its length: the gradient of the model is −λD²p.
        const VectorXd slope = problem.gradient + problem.J.transpose() * (problem.J * step.p);
        const VectorXd pull = step.memory.damping * scale.cwiseAbs2().cwiseProduct(step.p);
        CHECK((slope + pull).norm() <= 1e-10 * problem.gradient.norm());
        CHECK(DampedStep{}.predicted(step.model, problem.gradient, step.p, step.length, step.memory) ==
              Approx(-problem.model(step.p)).epsilon(1e-9));
      }
      step.factorizations = 0;
      step.within(1e-5 * whole, problem.gradient, scale);
      CHECK(step.factorizations == 1);  // the damping is known already
    }
}

TEST_CASE("damped steps exist where the Jacobian has no full rank", "[gradient]") {
  test::LinearResiduals problem(9, 4, 3);
  problem.J.col(3) = problem.J.col(0);
  problem.J.col(2).setZero();
  problem.gradient = problem.J.transpose() * problem.r;
  for (const auto solver : {LeastSquaresSolver::cholesky, LeastSquaresSolver::qr})
    for (const double radius : {1e9, 1.0, 1e-3}) {
      Step step{problem.linearized(solver)};
      step.within(radius, problem.gradient, VectorXd::Ones(4));
      CAPTURE(radius, step.p.transpose());
      CHECK(step.p.allFinite());
      CHECK(step.length > 0);
      CHECK(step.length <= 1.5 * radius);
      CHECK(problem.model(step.p) < 0);
      CHECK(step.factorizations <= 26);
    }
}

TEST_CASE("damped steps between bounds keep both radius and bounds, and are predicted as they are", "[gradient]") {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const test::LinearResiduals problem(9, 6, seed);
    const VectorXd low = VectorXd::Constant(6, -0.1), high = VectorXd::Constant(6, 0.2), scale = VectorXd::Ones(6);
    Step step{problem.linearized(LeastSquaresSolver::cholesky)};
    step.model.keep_between(low, high, problem.gradient);
    for (const double radius : {1e3, 0.2, 0.05}) {
      step.within(radius, problem.gradient, scale);
      CAPTURE(seed, radius);
      CHECK((step.p - low).minCoeff() >= 0);
      CHECK((high - step.p).minCoeff() >= 0);
      CHECK(step.length <= 1.5 * radius);
      const double predicted = DampedStep{}.predicted(step.model, problem.gradient, step.p, step.length, step.memory);
      CHECK(predicted == Approx(-problem.model(step.p)).epsilon(1e-9));
      CHECK(predicted > 0);
    }
  }
}
