#include <mesaopt/gradient/nonlinear_conjugate_gradient.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <stdexcept>
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
using Eigen::VectorXd;
using problems::Rosenbrock;

namespace {

using Cg = NonlinearConjugateGradient;
static_assert(Direction<ConjugateGradientDirection, VectorXd>);
const auto rule = GradientBelow{1e-8} || MaxEvaluations{20000};
using Rule = std::remove_const_t<decltype(rule)>;
using Functional = std::function<double(const VectorXd&, VectorXd&)>;

}  // namespace

TEST_CASE("Conjugate gradients find published minima of Moré, Garbow and Hillstrom", "[cg]") {
  int found = 0;
  for (const auto& problem : tests::published()) {
    const auto s = minimize(Functional{problem.f}, problem.start, Cg{}, GradientBelow{1e-8} || MaxEvaluations{4000});
    CAPTURE(problem.name, s.value);
    // Watson's with nine variables has a condition of 1e9; Powell's are singular, or nearly so.
    const bool hard = s.status == Status::max_evaluations;
    CHECK((hard || s.value < problem.minimum + 1e-6 * std::max(1.0, problem.minimum)));
    found += !hard;
  }
  CHECK(found >= 14);
}

TEST_CASE("Conjugate gradients solve Rosenbrock in at most 80 evaluations at any size", "[cg]") {
  for (const Eigen::Index n : {2, 10, 100, 1000, 10000}) {
    CAPTURE(n);
    const auto s = minimize(Rosenbrock{}, VectorXd(Rosenbrock::start(n)), Cg{}, rule);
    CHECK(s.status == Status::gradient_below);
    CHECK(s.counts[0].evaluations() <= 80);
    CHECK((s.x.array() - 1).abs().maxCoeff() < 1e-6);
  }
}

TEST_CASE("With exact steps a quadratic ends after as many as it has variables", "[cg]") {
  const Eigen::Index n = 10;
  const tests::Quadratic f{tests::spread(n, 100)};
  for (const double theta : {1.0, 2.0}) {
    const ConjugateGradientDirection direction{.theta = theta};
    ConjugateGradientDirection::Memory<VectorXd> m;
    VectorXd x = VectorXd::LinSpaced(n, 1, 40).array().sin(), g(n), next_g(n), d(n), plain(n), before;
    f(x, g);
    f(VectorXd(VectorXd::Zero(n)), plain);
    const double first = g.norm();
    direction.init(x, x, m);
    for (int k = 0, none = 0; k < n; ++k) {
      direction.query(none, none, x, g, m, d);
      f(d, next_g);
      const VectorXd bent = next_g - plain;
      if (k > 0) CHECK(std::abs(before.dot(bent)) < 1e-9 * before.norm() * bent.norm());
      before = d;
      const VectorXd next = x - g.dot(d) / d.dot(bent) * d;
      f(next, next_g);
      direction.learn(x, g, next, next_g, m);
      x = next;
      g = next_g;
    }
    CHECK(g.norm() < 1e-7 * first);
  }
}

TEST_CASE("The weight is that of the formula, and does not depend on the length of the step", "[cg]") {
  const ConjugateGradientDirection direction{.theta = 2, .eta = 0.4};
  ConjugateGradientDirection::Memory<VectorXd> m;
  for (const Eigen::Index n : {1, 2, 3, 5, 8, 17}) {
    CAPTURE(n);
    const VectorXd s = VectorXd::LinSpaced(n, 1, 2).array().sin(), x = VectorXd::Ones(n);
    const VectorXd y = 2 * s + 0.3 * VectorXd(VectorXd::LinSpaced(n, 0, 3).array().cos());
    for (const double size : {0.1, -0.1, -3.0}) {
      const VectorXd g = size * s + VectorXd(VectorXd::LinSpaced(n, 5, 1).array().cos()), next_g = g + y;
      direction.init(x, x, m);
      direction.learn(x, g, VectorXd(x + s), next_g, m);
      const double sy = s.dot(y), beta = (y - 2 * y.squaredNorm() / sy * s).dot(next_g) / sy;
      const double expected = std::max(beta, 0.4 * s.dot(g) / s.squaredNorm());
      CHECK(m.weight == Approx(expected));
      VectorXd d(n);
      int none = 0;
      direction.query(none, none, x, next_g, m, d);
      CHECK((d + next_g - expected * s).norm() < 1e-12 * (1 + d.norm()));
      CHECK((m.step - s).norm() < 1e-14);
    }
  }
}

TEST_CASE("The directions of conjugate gradients lead down by as much as is proven", "[cg]") {
  // g'd ≤ −(1 − 1/4θ) |g|² wherever the bound on β is not active: Hager & Zhang (2005), theorem 1.1.
  for (const double theta : {0.5, 1.0, 2.0}) {
    const ConjugateGradientDirection direction{.theta = theta, .eta = 1e9};
    ConjugateGradientDirection::Memory<VectorXd> m;
    for (int trial = 0; trial < 200; ++trial) {
      const auto wave = [&](double phase) {
        return VectorXd(VectorXd::LinSpaced(6, phase, 7 * phase + trial).array().sin());
      };
      const VectorXd x = wave(1), next = x + wave(2), g = 3 * wave(0.3);
      VectorXd next_g = g + wave(4), d(6);
      if ((next - x).dot(next_g - g) < 0) next_g = g - (next_g - g);
      direction.init(x, x, m);
      direction.learn(x, g, next, next_g, m);
      int none = 0;
      direction.query(none, none, next, next_g, m, d);
      if ((next - x).dot(g) < 0)  // as after a step downhill
        CHECK(next_g.dot(d) <= -(1 - 1 / (4 * theta)) * next_g.squaredNorm() + 1e-12);
    }
  }
}

TEST_CASE("Where there is no curvature along the last step, conjugate gradients start anew", "[cg]") {
  const ConjugateGradientDirection direction;
  ConjugateGradientDirection::Memory<VectorXd> m;
  const VectorXd x = VectorXd::Zero(3), g = VectorXd::Ones(3), s = VectorXd::Unit(3, 0);
  direction.init(x, x, m);
  direction.learn(x, g, s, VectorXd(g - s), m);
  CHECK(m.weight == 0);
  CHECK_FALSE(direction.forget(m));
  direction.learn(x, g, s, VectorXd(g + 2 * s), m);
  CHECK(m.weight != 0);
  CHECK(direction.first_step(m) == 0.5);
  CHECK(direction.forget(m));
  CHECK(m.weight == 0);
}

TEST_CASE("A run of conjugate gradients takes the length of its first step from a prior", "[cg]") {
  const Functional f = tests::Quadratic{1e6 * tests::spread(10, 10)};
  const VectorXd start = VectorXd::LinSpaced(10, 1, 40).array().sin();
  const auto cold = minimize(f, start, Cg{}, GradientBelow{1e-4} || MaxEvaluations{1000});
  auto prior = cold.state;
  prior.x = start;
  const auto warm = minimize(f, prior, Cg{}, GradientBelow{1e-4} || MaxEvaluations{1000});
  CHECK(warm.status == Status::gradient_below);
  CHECK(warm.counts[0].evaluations() <= cold.counts[0].evaluations());
  Cg::State<VectorXd> state;
  Cg{}.init(f, prior, state);
  CHECK(state.memory.scale == prior.memory.scale);
  CHECK(state.memory.scale > 0);
}

TEMPLATE_TEST_CASE("Conjugate gradients work for float and for fixed sizes, which never touch the heap", "[cg]",
                   Eigen::VectorXf, (Eigen::Vector<double, 6>)) {
  using S = ScalarOf<TestType>;
  const bool is_double = std::is_same_v<S, double>;
  const TestType start = Rosenbrock::start<TestType>();
  const long before = allocations();
  const auto s = minimize(Rosenbrock{}, start, Cg{}, GradientBelow{is_double ? 1e-9 : 1e-3});
  if (is_double) CHECK(allocations() == before);
  CHECK(s.status == Status::gradient_below);
  CHECK((s.x.array() - S(1)).abs().maxCoeff() < S(is_double ? 1e-6 : 1e-2));
}

TEST_CASE("A run of conjugate gradients allocates nothing once begun, and copied or saved it goes on to the same bits",
          "[cg]") {
  using R = RunOf<Cg, Rule, Rosenbrock, VectorXd>;
  for (const Eigen::Index n : {2, 6, 34}) {
    const VectorXd start = Rosenbrock::start(n);
    R whole;
    begin(Rosenbrock{}, start, Cg{}, rule, whole);
    const long before = allocations();
    resume(Rosenbrock{}, Cg{}, rule, whole);
    begin(Rosenbrock{}, start, Cg{}, rule, whole);
    for (int k = 0; k < 8; ++k) advance(Rosenbrock{}, Cg{}, rule, whole);
    if (counting_allocations) CHECK(allocations() == before);
    run_laws::goes_on_to_the_same_bits(Rosenbrock{}, start, Cg{}, rule, 8);
  }
}

TEST_CASE("A NaN, an exception or the limit in the middle of conjugate gradients does no harm", "[cg]") {
  run_laws::survives_any_evaluation(Cg{}, rule, 45, 2);
  run_laws::keeps_to_the_limit(Cg{}, 40);
}

TEST_CASE("Conjugate gradients asked for more digits than there are stall", "[cg]") {
  const Functional f = tests::Quadratic{tests::spread(10, 100)};
  const auto s = minimize(f, VectorXd(VectorXd::LinSpaced(10, 1, 40)), Cg{}, GradientBelow{0} || MaxEvaluations{5000});
  CHECK((s.status == Status::stalled || s.status == Status::gradient_below));
  CHECK(s.counts[0].evaluations() < 400);
  CHECK(s.state.gradient.norm() < 1e-8);
}

TEST_CASE("Conjugate gradients refuse settings out of their range", "[cg]") {
  CHECK_THROWS_WITH(ConjugateGradientDirection{.theta = 0.25}.check(),
                    Catch::Contains("NonlinearConjugateGradient::theta"));
  CHECK_THROWS_AS(ConjugateGradientDirection{.eta = -1}.check(), std::invalid_argument);
}
