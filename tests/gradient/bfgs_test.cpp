#include <mesaopt/gradient/bfgs.hpp>

#include <cmath>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/bytes.hpp>
#include <mesaopt/core/fields.hpp>
#include <mesaopt/core/minimize.hpp>
#include <mesaopt/gradient/lbfgs.hpp>
#include <mesaopt/problems/rosenbrock.hpp>

#include "gradient/unconstrained_problems.hpp"
#include "support/allocations.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::MatrixXd;
using Eigen::VectorXd;
using problems::Rosenbrock;

namespace {

/// A prior that knows a matrix.
struct WithInverse {
  VectorXd x;
  MatrixXd inverse_hessian;
};
struct WithCovariance {
  VectorXd x;
  MatrixXd covariance;
  double step_size;
};
static_assert(HasInverseHessian<WithInverse>);
static_assert(HasInverseHessian<Bfgs::State<VectorXd>>);
static_assert(!HasInverseHessian<Lbfgs::State<VectorXd>>);
static_assert(Direction<BfgsDirection, VectorXd>);

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

}  // namespace

TEST_CASE("BFGS finds the published minima of Moré, Garbow and Hillstrom", "[bfgs]") {
  std::uint64_t evaluations = 0;
  for (const auto& problem : tests::published()) {
    CAPTURE(problem.name);
    const auto s = minimize(problem.f, problem.start, Bfgs{}, GradientBelow{1e-8} || MaxEvaluations{1000});
    CHECK((s.status == Status::gradient_below || s.status == Status::stalled));
    CHECK(tests::is_minimum(problem, s.value));
    evaluations += s.counts[0].evaluations();
  }
  CHECK(evaluations < 900);
}

TEST_CASE("BFGS solves Rosenbrock in at most 42 evaluations at any size", "[bfgs]") {
  for (const Eigen::Index n : {2, 10, 100}) {
    const VectorXd start = Rosenbrock::start(n);
    const auto s = minimize(Rosenbrock{}, start, Bfgs{}, GradientBelow{1e-8});
    CHECK(s.status == Status::gradient_below);
    CHECK(s.counts[0].evaluations() <= 42);
    CHECK((s.x - Rosenbrock::solution(n)).lpNorm<Eigen::Infinity>() < 1e-7);
  }
}

TEST_CASE("The update is that of the textbook", "[bfgs]") {
  // Nocedal & Wright, equations 6.17 and 6.20, as matrices. Values of a quadratic add nothing to its slopes.
  const Eigen::Index n = 6;
  const tests::Quadratic f{tests::spread(n, 50)};
  const BfgsDirection direction;
  BfgsDirection::Memory<VectorXd> m;
  VectorXd x = VectorXd::Ones(n), g(n), next_g(n), d(n);
  double value = f(x, g);
  direction.init(x, x, m);
  MatrixXd H = MatrixXd::Identity(n, n);
  for (int k = 0; k < 8; ++k) {
    const VectorXd step = VectorXd::LinSpaced(n, 1, 2).array().sin() * std::cos(k + 1.0) - 0.01 * k * g.array();
    const VectorXd next = x + step;
    const double next_value = f(next, next_g);
    const VectorXd y = next_g - g;
    if (k == 0) H *= step.dot(y) / y.squaredNorm();
    const MatrixXd V = MatrixXd::Identity(n, n) - y * step.transpose() / step.dot(y);
    H = (V.transpose() * H * V + step * step.transpose() / step.dot(y)).eval();
    direction.learn(x, g, next, next_g, {next_value - value, 0}, m);
    CHECK((m.inverse_hessian - H).norm() < 1e-11 * H.norm());
    CHECK(m.inverse_hessian == m.inverse_hessian.transpose());
    int none = 0;
    direction.query(none, none, next, next_g, m, d);
    CHECK((d + H * next_g).norm() < 1e-11 * d.norm());
    x = next;
    g = next_g;
    value = next_value;
  }
}

TEST_CASE("With exact steps BFGS ends on a quadratic after as many as it has variables, and knows its Hessian",
          "[bfgs]") {
  const Eigen::Index n = 8;
  const tests::Quadratic f{tests::spread(n, 100)};
  const BfgsDirection direction;
  BfgsDirection::Memory<VectorXd> m;
  VectorXd x = VectorXd::LinSpaced(n, 1, 40).array().sin(), g(n), next_g(n), d(n);  // has a part of every eigenvector
  double value = f(x, g);
  const double first = g.norm();
  direction.init(x, x, m);
  for (int k = 0, none = 0; k < n; ++k) {
    direction.query(none, none, x, g, m, d);
    VectorXd plain(n);
    f(d, next_g);
    f(VectorXd(VectorXd::Zero(n)), plain);
    const VectorXd next = x - g.dot(d) / d.dot(next_g - plain) * d;
    const double next_value = f(next, next_g);
    direction.learn(x, g, next, next_g, {next_value - value, 0}, m);
    x = next;
    g = next_g;
    value = next_value;
  }
  CHECK(g.norm() < 1e-9 * first);
  CHECK((m.inverse_hessian - tests::spread(n, 100, -1)).norm() < 1e-7);
}

TEST_CASE("A pair without curvature is refused", "[bfgs]") {
  const BfgsDirection direction;
  BfgsDirection::Memory<VectorXd> m;
  const VectorXd x = VectorXd::Zero(3), g = VectorXd::Ones(3), s = VectorXd::Unit(3, 0);
  direction.init(x, x, m);
  direction.learn(x, g, s, VectorXd(g - s), {-1, 0}, m);
  direction.learn(x, g, s, VectorXd(g + VectorXd::Unit(3, 1)), {-1, 0}, m);
  direction.learn(x, g, x, g, {0, 0}, m);
  CHECK_FALSE(direction.scaled(m));
  CHECK(m.inverse_hessian == MatrixXd::Identity(3, 3));
  CHECK_FALSE(direction.forget(m));
  direction.learn(x, g, s, VectorXd(g + s), {-1, 0}, m);
  CHECK(direction.scaled(m));
  CHECK(direction.forget(m));
  CHECK(m.inverse_hessian == MatrixXd::Identity(3, 3));
}

TEST_CASE("Curvature is taken further on along the step where values tell of it, and not where they are noise",
          "[bfgs]") {
  // x⁴/4 from 1 to 2: mean curvature 7, at the end 12, which the cubic takes for 11.5.
  const auto learnt = [](double at, double noise) {
    const BfgsDirection direction{.curvature_at = at};
    BfgsDirection::Memory<Eigen::Vector<double, 1>> m;
    const Eigen::Vector<double, 1> x(1.0), g(1.0), next(2.0), next_g(8.0);
    direction.init(x, x, m);
    direction.learn(x, g, next, next_g, {3.75, noise}, m);
    return 1 / m.inverse_hessian(0, 0);
  };
  CHECK(learnt(0.5, 0) == Approx(7));
  CHECK(learnt(1, 0) == Approx(11.5));
  CHECK(learnt(5.0 / 6, 0) == Approx(10));
  CHECK(learnt(1, 0.1) == Approx(7));
}

TEST_CASE("A run begins with the inverse Hessian of a prior", "[bfgs]") {
  const Eigen::Index n = 12;
  const tests::Quadratic f{tests::spread(n, 1e4)};
  const MatrixXd inverse = tests::spread(n, 1e4, -1);
  const VectorXd start = VectorXd::Constant(n, 3);
  const auto rule = GradientBelow{1e-7} || MaxIterations{200};
  const auto cold = minimize(f, start, Bfgs{}, rule);
  CHECK(cold.counts[0].evaluations() > 20);

  SECTION("that is exact: one step") {
    const auto s = minimize(f, WithInverse{start, inverse}, Bfgs{}, rule);
    CHECK(s.status == Status::gradient_below);
    CHECK(s.counts[0].iterations == 1);
    CHECK(s.counts[0].evaluations() == 2);
  }
  SECTION("of another run, from another point") {
    auto prior = cold.state;
    prior.x = start;
    const auto s = minimize(f, prior, Bfgs{}, rule);
    CHECK(s.status == Status::gradient_below);
    CHECK(s.counts[0].evaluations() < cold.counts[0].evaluations() / 2);
    auto solution = cold;
    solution.x = start;
    CHECK(minimize(f, solution, Bfgs{}, rule).counts == s.counts);
  }
  SECTION("in the shape of a covariance, whatever its scale") {
    for (const double scale : {1e-6, 1.0, 1e6}) {
      const auto s = minimize(f, WithCovariance{start, scale * inverse, 0.3}, Bfgs{}, rule);
      CHECK(s.status == Status::gradient_below);
      CHECK(s.counts[0].iterations <= 3);
    }
  }
  SECTION("from the curvature pairs of L-BFGS") {
    auto prior = minimize(f, start, Lbfgs{.memory = 30}, rule).state;
    prior.x = start;
    const auto s = minimize(f, prior, Bfgs{}, rule);
    CHECK(s.status == Status::gradient_below);
    CHECK(s.counts[0].evaluations() < cold.counts[0].evaluations() / 2);
  }
  SECTION("but not one of another size, nor one that learnt nothing") {
    const auto other = minimize(f, WithInverse{start, MatrixXd::Identity(3, 3)}, Bfgs{}, rule);
    CHECK(other.counts == cold.counts);
    Bfgs::State<VectorXd> fresh;
    Bfgs{}.init(f, start, fresh);
    CHECK(minimize(f, fresh, Bfgs{}, rule).counts == cold.counts);
  }
  SECTION("and forgets one that is not positive definite") {
    const auto s = minimize(f, WithInverse{start, -MatrixXd::Identity(n, n)}, Bfgs{}, rule);
    CHECK(s.status == Status::gradient_below);
  }
}

TEMPLATE_TEST_CASE("BFGS works for float and double, fixed and dynamic sizes", "[bfgs]", Eigen::Vector2f,
                   Eigen::VectorXf, (Eigen::Vector<double, 6>)) {
  using S = ScalarOf<TestType>;
  const bool is_double = std::is_same_v<S, double>;
  const TestType start = Rosenbrock::start<TestType>();
  const auto s = minimize(Rosenbrock{}, start, Bfgs{}, GradientBelow{is_double ? 1e-10 : 1e-4});
  CHECK(s.status == Status::gradient_below);
  CHECK(s.counts[0].evaluations() <= 50);
  CHECK((s.x.array() - S(1)).abs().maxCoeff() < S(is_double ? 1e-9 : 1e-3));
}

TEST_CASE("A step of BFGS allocates nothing, and nothing at all for points of fixed size", "[bfgs]") {
  if constexpr (!counting_allocations) return;
  const auto rule = GradientBelow{1e-8} || MaxEvaluations{1000};
  RunOf<Bfgs, std::remove_const_t<decltype(rule)>, Rosenbrock, VectorXd> run;
  const VectorXd start = Rosenbrock::start(50);
  begin(Rosenbrock{}, start, Bfgs{}, rule, run);
  const long before = allocations();
  resume(Rosenbrock{}, Bfgs{}, rule, run);
  begin(Rosenbrock{}, start, Bfgs{}, rule, run);
  resume(Rosenbrock{}, Bfgs{}, rule, run);
  CHECK(allocations() == before);
  CHECK(run.status == Status::gradient_below);
  const Eigen::Vector<double, 6> fixed = Rosenbrock::start<Eigen::Vector<double, 6>>();
  const long again = allocations();
  const auto s = minimize(Rosenbrock{}, fixed, Bfgs{}, GradientBelow{1e-8});
  CHECK(allocations() == again);
  CHECK(s.status == Status::gradient_below);
}

TEST_CASE("A run of BFGS copied or saved anywhere goes on to the same bits", "[bfgs]") {
  const auto rule = GradientBelow{1e-8} || MaxEvaluations{1000};
  using R = RunOf<Bfgs, std::remove_const_t<decltype(rule)>, Rosenbrock, VectorXd>;
  for (const Eigen::Index n : {2, 6, 34}) {
    R whole;
    begin(Rosenbrock{}, VectorXd(Rosenbrock::start(n)), Bfgs{}, rule, whole);
    std::vector<R> forks;
    std::vector<std::vector<std::byte>> saved;
    for (int k = 0; k < 12; ++k) {
      forks.push_back(whole);
      saved.push_back(save(whole));
      advance(Rosenbrock{}, Bfgs{}, rule, whole);
    }
    resume(Rosenbrock{}, Bfgs{}, rule, whole);
    CHECK(whole.status == Status::gradient_below);
    for (std::size_t k = 0; k < forks.size(); ++k) {
      resume(Rosenbrock{}, Bfgs{}, rule, forks[k]);
      CHECK(identical(forks[k], whole));
      R loaded;
      load(saved[k], loaded);
      resume(Rosenbrock{}, Bfgs{}, rule, loaded);
      CHECK(identical(loaded, whole));
    }
  }
}

TEST_CASE("A NaN, an exception or the limit on evaluations in the middle of BFGS does no harm", "[bfgs]") {
  const Eigen::Vector2d start = Rosenbrock::start<Eigen::Vector2d>();
  enum class Wrong { nan, thrown };
  struct Failing {
    std::uint64_t* calls;
    std::uint64_t at;
    Wrong wrong;
    double operator()(const Eigen::Vector2d& x, Eigen::Vector2d& g) const {
      const double value = Rosenbrock{}(x, g);
      if ((*calls)++ != at) return value;
      if (wrong == Wrong::thrown) throw std::runtime_error("lost");
      return not_a_number;
    }
  };
  const auto rule = GradientBelow{1e-8} || MaxEvaluations{200};
  RunOf<Bfgs, std::remove_const_t<decltype(rule)>, Failing, Eigen::Vector2d> run;
  for (std::uint64_t at = 1; at < 36; ++at) {
    std::uint64_t calls = 0;
    const Failing nan{&calls, at, Wrong::nan};
    begin(nan, start, Bfgs{}, rule, run);
    resume(nan, Bfgs{}, rule, run);
    CHECK(run.status == Status::gradient_below);
    calls = 0;
    const Failing thrown{&calls, at, Wrong::thrown};
    begin(thrown, start, Bfgs{}, rule, run);
    CHECK_THROWS_AS(resume(thrown, Bfgs{}, rule, run), std::runtime_error);
    Eigen::Vector2d gradient;
    CHECK(Rosenbrock{}(run.state.x, gradient) == run.state.value);
    CHECK(gradient == run.state.gradient);
    resume(thrown, Bfgs{}, rule, run);
    CHECK(run.status == Status::gradient_below);
  }
  double last = std::numeric_limits<double>::infinity();
  for (std::int64_t limit = 1; limit < 40; ++limit) {
    std::uint64_t calls = 0;
    const Failing f{&calls, 1000, Wrong::nan};
    const auto s = minimize(f, start, Bfgs{}, GradientBelow{1e-8} || MaxEvaluations{limit});
    CHECK(s.status == Status::max_evaluations);
    CHECK(calls == std::uint64_t(limit));
    CHECK(s.value <= last);
    last = s.value;
  }
}

TEST_CASE("BFGS does not depend on scales of value and space", "[bfgs]") {
  const VectorXd start = Rosenbrock::start(4);
  struct Scaled {
    double values, space;
    double operator()(const VectorXd& x, VectorXd& g) const {
      const double value = Rosenbrock{}(VectorXd(x / space), g);
      g *= values / space;
      return values * value;
    }
  };
  const auto plain = minimize(Scaled{1, 1}, start, Bfgs{}, GradientBelow{1e-8});
  const auto high = minimize(Scaled{64, 1}, start, Bfgs{}, GradientBelow{64e-8});
  CHECK(high.x == plain.x);
  CHECK(high.counts == plain.counts);
  for (const double space : {1e-8, 1e8}) {
    const auto s = minimize(Scaled{1, space}, VectorXd(start * space), Bfgs{}, GradientBelow{1e-8 / space});
    CHECK(s.status == Status::gradient_below);
    CHECK(s.counts[0].evaluations() < 90);
  }
}

TEST_CASE("Asked for more than floating point can give, BFGS stalls soon", "[bfgs]") {
  for (const double condition : {1e2, 1e4, 1e6}) {
    const tests::Quadratic f{tests::spread(10, condition)};
    const auto s = minimize(f, VectorXd(VectorXd::Constant(10, 3)), Bfgs{}, GradientBelow{0} || MaxIterations{2000});
    CHECK((s.status == Status::stalled || s.status == Status::gradient_below));
    CHECK(s.counts[0].evaluations() < 200);
    CHECK(s.state.gradient.norm() < 1e-14 * condition);
  }
}

TEST_CASE("BFGS refuses settings out of their range", "[bfgs]") {
  const VectorXd start = Rosenbrock::start(2);
  CHECK_THROWS_WITH(minimize(Rosenbrock{}, start, Bfgs{.curvature_at = 0.4}), Catch::Contains("Bfgs::curvature_at"));
  CHECK_THROWS_AS(minimize(Rosenbrock{}, start, Bfgs{.line_search = {.curvature = 2}}), std::invalid_argument);
}
