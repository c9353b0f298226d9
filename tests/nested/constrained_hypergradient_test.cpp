#include <mesaopt/nested/implicit.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>

#include <Eigen/Dense>

#include <mesaopt/gradient/augmented_lagrangian.hpp>
#include <mesaopt/gradient/dual_active_set.hpp>
#include <mesaopt/gradient/lbfgs.hpp>
#include <mesaopt/gradient/lbfgsb.hpp>
#include <mesaopt/gradient/sqp.hpp>
#include <mesaopt/nested/nested.hpp>
#include <mesaopt/problems/random_program_family.hpp>

#include "nested/nested_run.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using namespace mesaopt::problems;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {

const DualActiveSet dual{};
const Search in_box{LbfgsB{.memory = 30}, GradientBelow{1e-11} || MaxIterations{20000}};
const Sqp sqp{.tolerance = 1e-11, .feasibility = 1e-11};
const auto augmented = [] {
  AugmentedLagrangian method{Search{Lbfgs{.memory = 30}, GradientBelow{1e-11} || MaxIterations{20000}}};
  method.feasibility = 1e-11;
  return method;
}();

/// ½|y − x|² alone, to be given constraints or bounds: its solution is the point of them nearest to x.
template <bool curved, bool bounded, bool constrained>
ProgramFamily<curved, bounded, constrained> nearest(Eigen::Index n) {
  ProgramFamily<curved, bounded, constrained> f;
  f.Q = MatrixXd::Identity(n, n);
  f.B = -f.Q;
  f.d = VectorXd::Zero(n);
  f.G = MatrixXd::Zero(1, n);
  f.E = MatrixXd::Zero(n, n);
  f.lower = VectorXd::Constant(n, -1e3);
  f.upper = VectorXd::Constant(n, 1e3);
  return f;
}

VectorXd four(double a, double b, double c, double d) { return Eigen::Vector4d(a, b, c, d); }

/// Compares with the derivative of y in x, times what the outer objective asks for, and with differences of F; solves
/// again from the solution.
template <class G, class S>
void check(const G& g, const S& search, const VectorXd& x, const VectorXd& y, const MatrixXd& slope) {
  NestedRun run(g, search, x, y);
  const auto cold = run.gradient(x);
  CHECK(cold.verdict == Verdict::fine);
  const VectorXd exact = slope.transpose() * (y - run.wanted(y.size())) + x;
  const double size = std::max(1.0, exact.norm());
  CHECK((run.slope - exact).norm() <= 1e-8 * size);

  const VectorXd first = run.slope;
  run.accept();
  const auto before = run.inner_iterations();
  const auto again = run.gradient(x);
  CHECK(again.verdict == Verdict::fine);
  CHECK(run.inner_iterations() <= before + 1);
  CHECK((run.slope - first).norm() <= 1e-9 * size);
  CHECK((first - run.differences(x)).norm() <= 1e-6 * size);
}

/// The same of random programs.
template <bool curved, bool bounded, bool constrained, class S>
void check_random(const S& search) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    RandomProgramFamily of{.variables = 5 + Eigen::Index(seed)};
    of.inequalities = of.variables;
    of.condition = std::pow(10.0, 0.2 * double(seed));
    const auto made = of.make<curved, bounded, constrained>(seed);
    VectorXd x = VectorXd::Zero(3);
    NestedRun run(made.family, search, x, made.y);
    const auto cold = run.gradient(x);
    CHECK(cold.verdict == Verdict::fine);
    const VectorXd exact = made.response.transpose() * (made.y - run.wanted(made.y.size()));
    const double size = std::max(1.0, exact.norm());
    CHECK((run.slope - exact).norm() <= 1e-7 * size);
    for (Eigen::Index j = 0; j < 3; ++j) {
      const double h = std::min(made.reach[j] / 4, 0.01 / made.response.col(j).norm());
      const auto at = [&](double there) {
        x[j] = there;
        return run.outer(x, made.solution(x));
      };
      const double difference = (8 * (at(h / 2) - at(-h / 2)) - (at(h) - at(-h))) / (6 * h);
      x[j] = 0;
      CHECK(std::abs(run.slope[j] - difference) <= 1e-6 * size);
    }
    const VectorXd first = run.slope;
    run.accept();
    const auto before = run.inner_iterations();
    run.gradient(x);
    CHECK(run.inner_iterations() <= before + 1);
    CHECK((run.slope - first).norm() <= 1e-9 * size);
  }
}

template <bool curved, bool bounded, bool constrained, class S>
void check_refused(const S& search, Defect defect, Reason reason) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed, int(defect));
    RandomProgramFamily of{.variables = 5 + Eigen::Index(seed)};
    of.inequalities = of.variables;
    of.defect = defect;
    const auto made = of.make<curved, bounded, constrained>(seed);
    const VectorXd x = VectorXd::Zero(3);
    NestedRun run(made.family, search, x, made.y);
    const auto said = run.gradient(x);
    CHECK(said.verdict == Verdict::not_differentiable);
    CHECK((said.reason == reason || reason == Reason::none));
    CHECK(run.slope.array().isNaN().all());
  }
}

}  // namespace

TEST_CASE("LbfgsB: the hypergradient of a projection onto a box is that of the free coordinates", "[nested]") {
  auto g = nearest<true, true, false>(4);
  g.lower.setZero();
  g.upper.setOnes();
  const VectorXd x = four(-0.4, 0.3, 1.7, 0.8);
  check(g, in_box, x, x.cwiseMax(0).cwiseMin(1), MatrixXd(four(0, 1, 0, 1).asDiagonal()));

  g.E = MatrixXd::Identity(4, 4) / 2;  // a box that moves half as fast as x
  check(g, in_box, x, four(-0.2, 0.3, 1.7, 0.8), MatrixXd(four(0.5, 1, 1, 1).asDiagonal()));
}

TEST_CASE("DualActiveSet: the hypergradient of a projection onto the simplex is that of the closed form", "[nested]") {
  auto g = nearest<false, true, true>(4);
  g.lower.setZero();
  g.A = MatrixXd::Ones(1, 4);
  g.K = MatrixXd::Zero(1, 4);
  g.D = MatrixXd::Zero(1, 4);
  g.b = VectorXd::Ones(1);
  g.equal = 1;
  // x − τ with τ = 0.1 for the first three, whose sum is 1 then; the fourth is below.
  const VectorXd x = four(0.5, 0.2, 0.6, -0.3);
  MatrixXd slope = MatrixXd::Zero(4, 4);
  slope.topLeftCorner(3, 3) = MatrixXd::Identity(3, 3) - MatrixXd::Constant(3, 3, 1.0 / 3);
  check(g, dual, x, four(0.4, 0.1, 0.5, 0), slope);
}

TEST_CASE(
    "Sqp and AugmentedLagrangian: the hypergradients of the nearest points of a ball and of a plane are those of "
    "the closed form",
    "[nested]") {
  const VectorXd x = four(1, -2, 0.5, 1.5);
  const auto ball = [](auto g) {
    g.A = MatrixXd::Zero(1, 4);
    g.K = MatrixXd::Ones(1, 4);
    g.D = MatrixXd::Zero(1, 4);
    g.b = VectorXd::Constant(1, 0.5);
    return g;
  };
  const VectorXd on_ball = x / x.norm();
  const MatrixXd turn = (MatrixXd::Identity(4, 4) - on_ball * on_ball.transpose()) / x.norm();
  check(ball(nearest<true, true, true>(4)), sqp, x, on_ball, turn);
  check(ball(nearest<true, false, true>(4)), augmented, x, on_ball, turn);

  const VectorXd a = four(1, 2, -1, 3);
  const auto plane = [&](auto g) {
    g.A = a.transpose();
    g.K = MatrixXd::Zero(1, 4);
    g.D = MatrixXd::Zero(1, 4);
    g.D(0, 1) = 2;  // a'y = 0.7 + 2x₁
    g.b = VectorXd::Constant(1, 0.7);
    g.equal = 1;
    return g;
  };
  const VectorXd on_plane = x - a * (a.dot(x) - 0.7 - 2 * x[1]) / a.squaredNorm();
  const MatrixXd along = MatrixXd::Identity(4, 4) - a * (a - 2 * VectorXd::Unit(4, 1)).transpose() / a.squaredNorm();
  check(plane(nearest<true, true, true>(4)), sqp, x, on_plane, along);
  check(plane(nearest<true, false, true>(4)), augmented, x, on_plane, along);
}

TEST_CASE(
    "hypergradients through random programs are those of the closed form and of differences, and a solve from "
    "its own solution takes one iteration and gives the same",
    "[nested]") {
  check_random<false, true, true>(dual);
  check_random<true, true, false>(in_box);
  check_random<true, true, true>(sqp);
  check_random<true, false, true>(augmented);
}

TEST_CASE("constraints and bounds that hold with a multiplier of zero, dependent ones, and flat directions are refused",
          "[nested]") {
  const auto weak = Reason::constraint_weakly_active, dependent = Reason::constraints_dependent;
  check_refused<false, true, true>(dual, Defect::weak_constraint, weak);
  check_refused<true, true, true>(sqp, Defect::weak_constraint, weak);
  check_refused<true, false, true>(augmented, Defect::weak_constraint, weak);
  check_refused<false, true, true>(dual, Defect::weak_bound, weak);
  check_refused<true, true, false>(in_box, Defect::weak_bound, weak);
  check_refused<true, true, true>(sqp, Defect::weak_bound, weak);
  check_refused<false, true, true>(dual, Defect::dependent, dependent);
  check_refused<true, true, true>(sqp, Defect::dependent, dependent);
  check_refused<true, false, true>(augmented, Defect::dependent, dependent);
  // On a flat set of solutions another constraint may hold where the solver ends: refused all the same.
  check_refused<false, true, true>(dual, Defect::flat, Reason::none);
  check_refused<true, true, false>(in_box, Defect::flat, Reason::none);
  check_refused<true, true, true>(sqp, Defect::flat, Reason::none);
  check_refused<true, false, true>(augmented, Defect::flat, Reason::none);
}
