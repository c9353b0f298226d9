#include <mesaopt/nested/restricted_adjoint.hpp>

#include <cmath>
#include <cstdint>

#include <Eigen/Dense>

#include <mesaopt/core/minimize.hpp>
#include <mesaopt/nested/implicit.hpp>
#include <mesaopt/nested/nested.hpp>

#include "nested/restricted_problems.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using namespace restricted;

namespace {

template <class G>
struct Answer {
  Evaluation<double> evaluation;
  VectorXd gradient, differences;

  Answer(const G& g, const VectorXd& x, const VectorXd& start, const Implicit& implicit = {}) {
    const auto F = nested(Target{}, response(family(g), Oracle{}, start), implicit);
    Calls<VectorXd, MemoryOf<decltype(F), VectorXd>> calls;
    gradient.resize(x.size());
    evaluation = calls.gradient(F, x, gradient);
    differences.resize(x.size());
    for (Eigen::Index j = 0; j < x.size(); ++j) {
      VectorXd there = x;
      const double h = 1e-5;
      there[j] = x[j] + h;
      const double above = calls.value(F, there).value;
      there[j] = x[j] - h;
      differences[j] = (above - calls.value(F, there).value) / (2 * h);
    }
  }
};

}  // namespace

TEST_CASE("through equalities, inequalities and a bound that moves, the hypergradient is that of the closed form",
          "[nested]") {
  const VectorXd x = VectorXd::Zero(3), start = VectorXd::Zero(8);
  for (const std::uint64_t seed : {1u, 2u, 3u, 4u, 5u, 6u, 7u, 8u}) {
    const Program program(seed);
    for (const Eigen::Index dense_limit : {256, 1}) {
      CAPTURE(seed, dense_limit);
      const Answer answer(program, x, start, Implicit{.dense_limit = dense_limit});
      CHECK(answer.evaluation.verdict == Verdict::fine);
      CHECK(answer.evaluation.certificate.adjoint_residual < 1e-11);
      CHECK(answer.evaluation.certificate.stationarity < 1e-12);
      CHECK((answer.gradient - answer.differences).norm() < 1e-7 * std::max(1.0, answer.gradient.norm()));

      // dy/dx by the KKT system, column by column: y(x) is linear.
      const VectorXd y = program.solution(x);
      VectorXd exact(3);
      for (Eigen::Index j = 0; j < 3; ++j)
        exact[j] = (y - Target::wanted(y)).dot(program.solution(VectorXd::Unit(3, j)) - y);
      CHECK((answer.gradient - exact).norm() < 1e-9 * std::max(1.0, exact.norm()));
    }
  }
}

TEST_CASE("the curvature of an active constraint counts", "[nested]") {
  VectorXd x(4);
  x << 1, -2, 0.5, 1.5;
  for (const bool equality : {false, true}) {
    CAPTURE(equality);
    const Answer answer(NearestOnBall{equality}, x, VectorXd(VectorXd::Zero(4)));
    const VectorXd y = x / x.norm(), gy = y - Target::wanted(y);
    VectorXd exact = (gy - y * y.dot(gy)) / x.norm();
    exact[0] += 2 * x[0];
    CHECK(answer.evaluation.verdict <= Verdict::inexact);
    CHECK((answer.gradient - exact).norm() < 1e-8);
  }
}

TEST_CASE("a constraint or bound that is active with a multiplier of zero is refused and named", "[nested]") {
  const VectorXd x = VectorXd::Zero(3), start = VectorXd::Zero(8);
  for (const std::uint64_t seed : {1u, 2u, 3u, 4u}) {
    CAPTURE(seed);
    Program weak(seed);
    weak.d += weak.multiplier * weak.A.row(weak.equal).transpose();  // the first inequality has multiplier 0 now
    const Answer constraint(weak, x, start);
    CHECK(constraint.evaluation.verdict == Verdict::not_differentiable);
    CHECK(constraint.evaluation.reason == Reason::constraint_weakly_active);
    CHECK(constraint.gradient.array().isNaN().all());

    Program bound(seed);
    bound.d[bound.held] += bound.bound_multiplier;
    const Answer at_bound(bound, x, start);
    CHECK(at_bound.evaluation.reason == Reason::constraint_weakly_active);
  }
}

TEST_CASE("dependent active constraints are refused and named", "[nested]") {
  const Answer twice(Program(3, true), VectorXd(VectorXd::Zero(3)), VectorXd(VectorXd::Zero(8)));
  CHECK(twice.evaluation.verdict == Verdict::not_differentiable);
  CHECK(twice.evaluation.reason == Reason::constraints_dependent);
}

TEST_CASE("a point that is no solution, or a reduced Hessian that is singular, is refused", "[nested]") {
  struct Off : Program {
    using Program::Program;
    [[nodiscard]] VectorXd solution(const VectorXd& x) const {
      VectorXd y = Program::solution(x);
      y[0] += 0.3;
      return y;
    }
  };
  const VectorXd x = VectorXd::Zero(3), start = VectorXd::Zero(8);
  const Answer off(Off(2), x, start);
  CHECK(off.evaluation.verdict == Verdict::not_differentiable);
  CHECK(off.evaluation.reason == Reason::inner_not_converged);

  Program flat(2);
  flat.Q.setZero();
  const Answer singular(flat, x, start);
  CHECK(singular.evaluation.verdict == Verdict::not_differentiable);
}
