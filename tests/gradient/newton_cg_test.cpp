#include <mesaopt/gradient/newton_cg.hpp>

#include <cmath>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <type_traits>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/bytes.hpp>
#include <mesaopt/core/fields.hpp>
#include <mesaopt/core/minimize.hpp>
#include <mesaopt/problems/rosenbrock.hpp>

#include "gradient/run_laws.hpp"
#include "gradient/unconstrained_problems.hpp"
#include "support/allocations.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::MatrixXd;
using Eigen::VectorXd;
using problems::Rosenbrock;

namespace {
const auto rule = GradientBelow{1e-8} || MaxEvaluations{2000};
using Rule = std::remove_const_t<decltype(rule)>;
static_assert(Direction<NewtonCgDirection, VectorXd>);
}  // namespace

TEST_CASE("Newton-CG finds the published minima of Moré, Garbow and Hillstrom", "[newton_cg]") {
  for (const auto& problem : tests::published()) {
    CAPTURE(problem.name);
    const auto s = minimize(problem.f, problem.start, NewtonCg{}, rule);
    CHECK((s.status == Status::gradient_below || s.status == Status::stalled));
    CHECK(s.value < problem.minimum + 1e-7 * std::max(1.0, 1e2 * problem.minimum));
    CHECK(s.counts[0].hessians == s.counts[0].iterations);  // no products: they are of the dense Hessian
    CHECK(s.counts[0].linear_iterations > 0);
  }
}

TEST_CASE("Newton-CG solves Rosenbrock at any size with few products", "[newton_cg]") {
  for (const Eigen::Index n : {2, 10, 10000}) {
    const VectorXd start = Rosenbrock::start(n);
    const auto s = minimize(Rosenbrock{}, start, NewtonCg{}, rule);
    CHECK(s.status == Status::gradient_below);
    CHECK((s.x.array() - 1).abs().maxCoeff() < 1e-7);
    CHECK(s.counts[0].evaluations() <= 35);
    CHECK(s.counts[0].hessian_products == s.counts[0].linear_iterations);
    CHECK(s.counts[0].linear_iterations < 80);
  }
}

TEST_CASE("The direction of Newton-CG solves Newton's equations as exactly as is asked", "[newton_cg]") {
  const tests::Quadratic f{tests::spread(12, 1e3)};
  Calls<VectorXd> calls;
  const VectorXd x = VectorXd::LinSpaced(12, 1, 40).array().sin();
  VectorXd g(12), d(12), Ad(12), zero(12);
  f(x, g);
  f(VectorXd(VectorXd::Zero(12)), zero);
  NewtonCgDirection::Memory<VectorXd> m;
  for (const double forcing : {0.5, 1e-2, 1e-8}) {
    const NewtonCgDirection direction{.forcing = forcing};
    direction.init(x, x, m);
    direction.query(f, calls, x, g, m, d);
    f(d, Ad);
    CHECK((Ad - zero + g).norm() <= 1.0001 * forcing * g.norm());
    CHECK(d.dot(g) < 0);
    CHECK(direction.scaled(m));
  }
  // The nearer to the solution the more exactly, by the root of how far the gradient has fallen.
  const NewtonCgDirection direction;
  direction.init(x, x, m);
  m.first_norm = 1e8 * g.norm();
  direction.query(f, calls, x, g, m, d);
  f(d, Ad);
  CHECK((Ad - zero + g).norm() <= 1.0001e-4 * g.norm());
  const auto before = calls.counts[0].linear_iterations;
  NewtonCgDirection{.linear_iterations = 3}.query(f, calls, x, g, m, d);
  CHECK(calls.counts[0].linear_iterations == before + 3);
}

TEST_CASE("Negative curvature at once gives the gradient's direction in the curvature's scale", "[newton_cg]") {
  const tests::Quadratic f{-4 * MatrixXd::Identity(3, 3)};
  Calls<VectorXd> calls;
  const VectorXd x = VectorXd::Ones(3), g = VectorXd::LinSpaced(3, 1, 2);
  VectorXd d(3);
  NewtonCgDirection::Memory<VectorXd> m;
  const NewtonCgDirection direction;
  direction.init(x, x, m);
  direction.query(f, calls, x, g, m, d);
  CHECK((d + g / 4).norm() < 1e-14);
  CHECK(direction.forget(m));
  direction.query(f, calls, x, g, m, d);
  CHECK(d == -g);
  CHECK_FALSE(direction.scaled(m));
  CHECK_FALSE(direction.forget(m));
  direction.learn(x, g, x, g, m);
  direction.query(f, calls, x, g, m, d);
  CHECK(d != -g);
}

TEST_CASE("Newton-CG without second derivatives keeps the limit on evaluations with all its differences",
          "[newton_cg]") {
  struct Plain {
    double operator()(const VectorXd& x, VectorXd& g) const { return Rosenbrock{}(x, g); }
  };
  const VectorXd start = Rosenbrock::start(4);
  const auto s = minimize(Plain{}, start, NewtonCg{}, rule);
  CHECK(s.status == Status::gradient_below);
  CHECK(s.counts[0].gradients >= 2 * s.counts[0].linear_iterations);
  for (std::int64_t limit = 1; limit < 80; limit += 3) {
    const auto some = minimize(Plain{}, start, NewtonCg{}, GradientBelow{1e-8} || MaxEvaluations{limit});
    CHECK(some.counts[0].evaluations() <= std::uint64_t(limit));
    CHECK(some.value <= Rosenbrock{}(start));
  }
}

TEST_CASE("A step of Newton-CG allocates nothing, and copied or saved it goes on to the same bits", "[newton_cg]") {
  using R = RunOf<NewtonCg, Rule, Rosenbrock, VectorXd>;
  R whole;
  begin(Rosenbrock{}, VectorXd(Rosenbrock::start(34)), NewtonCg{}, rule, whole);
  for (int k = 0; k < 10; ++k) {
    const long before = allocations();
    advance(Rosenbrock{}, NewtonCg{}, rule, whole);
    if (counting_allocations) CHECK(allocations() == before);
  }
  run_laws::goes_on_to_the_same_bits(Rosenbrock{}, VectorXd(Rosenbrock::start(34)), NewtonCg{}, rule, 10);
  using X = Eigen::Vector<double, 6>;
  const X start = Rosenbrock::start<X>();
  const long before = allocations();
  const auto s = minimize(Rosenbrock{}, start, NewtonCg{}, GradientBelow{1e-8});
  if (counting_allocations) CHECK(allocations() == before);
  CHECK(s.status == Status::gradient_below);
}

TEST_CASE("Newton-CG asked for more digits than there are stalls", "[newton_cg]") {
  const auto s =
      minimize(Rosenbrock{}, VectorXd(Rosenbrock::start(34)), NewtonCg{}, GradientBelow{0} || MaxEvaluations{2000});
  CHECK((s.status == Status::stalled || s.status == Status::gradient_below));
  CHECK(s.counts[0].evaluations() < 100);
  CHECK(s.state.gradient.norm() < 1e-12);
}

TEST_CASE("Newton-CG refuses settings out of their range", "[newton_cg]") {
  CHECK_THROWS_WITH(NewtonCgDirection{.forcing = 1}.check(), Catch::Contains("NewtonCg::forcing"));
  CHECK_THROWS_AS(NewtonCgDirection{.linear_iterations = -1}.check(), std::invalid_argument);
}
