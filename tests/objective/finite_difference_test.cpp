#include <mesaopt/objective/finite_difference.hpp>

#include <cmath>
#include <limits>
#include <stdexcept>

#include <Eigen/Core>

#include <mesaopt/core/minimize.hpp>
#include <mesaopt/gradient/lbfgs.hpp>
#include <mesaopt/objective/box.hpp>
#include <mesaopt/problems/quadratic.hpp>
#include <mesaopt/problems/rosenbrock.hpp>

#include "support/allocations.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using problems::Rosenbrock;

namespace {

struct Value {
  template <Point X>
  ScalarOf<X> operator()(const X& x) const {
    return Rosenbrock{}(x);
  }
};

struct Gradient {
  template <Point X>
  ScalarOf<X> operator()(const X& x, X& gradient) const {
    return Rosenbrock{}(x, gradient);
  }
};

template <class F, class X>
struct Probe {
  F f;
  MemoryOf<F, X> memory{};
  typename MemoryOf<F, X>::Record record{};
  Call<MemoryOf<F, X>> call() { return {memory, record, 0, 7}; }
};

template <class X, class F>
Probe<F, X> probe_for(F f) {
  return {f};
}

template <class X>
X somewhere(Eigen::Index n) {
  X x(n);
  for (Eigen::Index i = 0; i < n; ++i) x[i] = ScalarOf<X>(std::sin(double(3 * i + 1)));
  return x;
}

/// Relative error of the gradient of Rosenbrock's function.
template <class X>
double error(Differences settings) {
  const X x = somewhere<X>(6);
  auto probe = probe_for<X>(finite_difference(Value{}, settings));
  X g(6), expected(6);
  Rosenbrock{}(x, expected);
  CHECK(probe.f(x, g, probe.call()).value == Rosenbrock{}(x));
  return double((g - expected).norm() / expected.norm());
}

}  // namespace

static_assert(!Differentiable<Value, Eigen::VectorXd>);
static_assert(TwiceDifferentiable<FiniteDifference<Value>, Eigen::VectorXd>);
static_assert(TwiceDifferentiable<FiniteDifference<Gradient>, Eigen::Vector4f>);

TEST_CASE("gradients by differences are as accurate as documented", "[objective]") {
  CHECK(error<Eigen::VectorXd>({}) < 2e-10);
  CHECK(error<Eigen::VectorXd>({.central = false}) < 2e-7);
  CHECK(error<Eigen::VectorXf>({}) < 2e-4);
  CHECK(error<Eigen::VectorXf>({.central = false}) < 1e-2);
  CHECK(error<Eigen::Vector<double, 6>>({}) < 2e-10);
}

TEST_CASE("differences along one coordinate of a parabola are exact up to rounding", "[objective]") {
  const auto f = [](const Eigen::VectorXd& x) { return 3 * x[0] * x[0] + 2 * x[0]; };
  auto probe = probe_for<Eigen::VectorXd>(finite_difference(f));
  for (const double at : {0.0, 1.0, -2.0, 1e6, 1e-9}) {
    const Eigen::VectorXd x = Eigen::VectorXd::Constant(1, at);
    Eigen::VectorXd g(1);
    const auto evaluation = probe.f(x, g, probe.call());
    CHECK(g[0] == Approx(6 * at + 2).epsilon(1e-9));
    CHECK(std::abs(g[0] - (6 * at + 2)) <= 10 * evaluation.gradient_error + 1e-10);
    CHECK(evaluation.verdict == Verdict::fine);
  }
}

TEST_CASE("a noisy objective is differenced over longer steps", "[objective]") {
  const auto f = [](const Eigen::VectorXd& x) { return std::exp(x[0]) * (1 + 1e-6 * std::sin(1e9 * x[0])); };
  const auto miss = [&](double noise) {
    auto probe = probe_for<Eigen::VectorXd>(finite_difference(f, {.noise = noise}));
    const Eigen::VectorXd x = Eigen::VectorXd::Constant(1, 0.3);
    Eigen::VectorXd g(1);
    probe.f(x, g, probe.call());
    return std::abs(g[0] / std::exp(0.3) - 1);
  };
  CHECK(miss(1e-6) < 3e-4);
}

TEST_CASE("Hessian products come from gradients, or from values alone", "[objective]") {
  const Eigen::VectorXd x = somewhere<Eigen::VectorXd>(6), v = 100 * x.reverse();
  Eigen::VectorXd out(6), expected(6);
  Rosenbrock{}.hessian_product(x, v, expected);
  auto gradient = probe_for<Eigen::VectorXd>(finite_difference(Gradient{}));
  gradient.f.hessian_product(x, v, out, gradient.call());
  CHECK((out - expected).norm() < 1e-9 * expected.norm());
  CHECK(gradient.record.cost.gradients == 2);
  auto value = probe_for<Eigen::VectorXd>(finite_difference(Value{}));
  value.f.hessian_product(x, v, out, value.call());
  CHECK((out - expected).norm() < 1e-5 * expected.norm());
  CHECK(value.record.cost.values == 26);
  auto own = probe_for<Eigen::VectorXd>(finite_difference(Rosenbrock{}));
  own.f.hessian_product(x, v, out, own.call());
  CHECK(out == expected);
  gradient.f.hessian_product(x, Eigen::VectorXd(0 * v), out, gradient.call());
  CHECK(out.norm() == 0);
}

TEST_CASE("values spent on differences are counted", "[objective]") {
  const auto s = minimize(finite_difference(Value{}), Eigen::VectorXd(Rosenbrock::start(4)), Lbfgs{},
                          GradientBelow{1e-6} || MaxIterations{200});
  CHECK(s.status == Status::gradient_below);
  CHECK(s.counts[0].values == 8 * s.counts[0].gradients);
  CHECK((s.x.array() - 1).abs().maxCoeff() < 1e-5);
  const auto forward = minimize(finite_difference(Value{}, {.central = false}), Eigen::VectorXd(Rosenbrock::start(4)),
                                Lbfgs{}, GradientBelow{1e-3} || MaxIterations{200});
  CHECK(forward.counts[0].values == 4 * forward.counts[0].gradients);
}

TEST_CASE("beside a neighbour that is not finite the difference is one-sided, and as accurate", "[objective]") {
  const auto f = [](const Eigen::Vector2d& x) { return std::pow(x[0], 1.5) + std::exp(x[1]); };  // NaN for x_0 < 0
  auto probe = probe_for<Eigen::Vector2d>(finite_difference(f));
  Eigen::Vector2d g;
  const auto wall = [](const Eigen::Vector2d& x) { return x[0] > 2 ? std::nan("") : std::sin(x[0]) + x[1]; };
  auto at_wall = probe_for<Eigen::Vector2d>(finite_difference(wall));
  CHECK(at_wall.f(Eigen::Vector2d(2, 1), g, at_wall.call()).differentiable());
  CHECK(g[0] == Approx(std::cos(2)).epsilon(1e-8));
  CHECK(g[1] == Approx(1));
  // Values end at 0, on which the point lies.
  CHECK(probe.f(Eigen::Vector2d(0, 1), g, probe.call()).differentiable());
  CHECK(g[0] == Approx(0).margin(1e-2));
  CHECK(g[1] == Approx(std::exp(1)).epsilon(1e-9));

  const auto island = [](const Eigen::Vector2d& x) { return x[0] == 1 ? x[1] : std::nan(""); };
  auto on_island = probe_for<Eigen::Vector2d>(finite_difference(island));
  const auto alone = on_island.f(Eigen::Vector2d(1, 3), g, on_island.call());
  CHECK(alone.value == 3);
  CHECK(alone.verdict == Verdict::not_differentiable);
  CHECK(alone.reason == Reason::non_finite_gradient);
  CHECK(std::isnan(g[0]));
  CHECK(g[1] == Approx(1));
}

TEST_CASE("differences stay within the bounds of the objective", "[objective]") {
  struct Boxed {
    Box<Eigen::Vector2d> bounds{Eigen::Vector2d(0, 0), Eigen::Vector2d(1, 1)};
    const auto& box() const { return bounds; }
    double operator()(const Eigen::Vector2d& x) const {
      if (!bounds.contains(x)) throw std::domain_error("outside");
      return std::exp(x[0]) * x[1];
    }
  };
  auto probe = probe_for<Eigen::Vector2d>(finite_difference(Boxed{}));
  Eigen::Vector2d g;
  probe.f(Eigen::Vector2d(1, 0), g, probe.call());
  CHECK(g[0] == Approx(0).margin(1e-9));
  CHECK(g[1] == Approx(std::exp(1)).epsilon(1e-8));
  static_assert(Bounded<decltype(probe.f), Eigen::Vector2d>);
}

namespace {

/// Remembers the last accepted point, and does one inner value and one gradient a call.
struct Remembering {
  template <class X>
  struct Memory {
    static constexpr std::size_t levels_below = 1;
    struct Record {
      X at{};
      std::uint64_t index = 0;
      std::array<Counts, 1> counts{};
      Counts cost{};
    };
    X last{};
    void absorb(const Record& record) { last = record.at; }
    static constexpr auto fields() { return std::tuple{&Memory::last}; }
  };
  template <Point X>
  ScalarOf<X> operator()(const X& x, const Call<Memory<X>>& call) const {
    call.record.at = x;
    call.record.index = call.index;
    ++call.record.counts[0].values;
    ++call.record.cost.linear_iterations;
    return x.squaredNorm();
  }
};

}  // namespace

TEST_CASE("an objective that remembers learns the point itself, and its levels are counted", "[objective]") {
  Calls<Eigen::VectorXd, FiniteDifference<Remembering>::Memory<Eigen::VectorXd>> calls;
  static_assert(decltype(calls)::levels == 2);
  const Eigen::VectorXd x = somewhere<Eigen::VectorXd>(3);
  Eigen::VectorXd g(3);
  calls.counts[0].values = 40;
  calls.gradient(finite_difference(Remembering{}), x, g);
  CHECK((g - 2 * x).norm() < 1e-9);
  calls.accept();
  CHECK(calls.memory.inner.last == x);
  CHECK(calls.slot.record.inner.index == 40);
  CHECK(calls.counts[0].gradients == 1);
  CHECK(calls.counts[0].values == 46);
  CHECK(calls.counts[0].linear_iterations == 7);
  CHECK(calls.counts[1].values == 7);
}

TEST_CASE("differences allocate nothing after the first call", "[objective]") {
  auto probe = probe_for<Eigen::VectorXd>(finite_difference(Value{}));
  const Eigen::VectorXd x = somewhere<Eigen::VectorXd>(20);
  Eigen::VectorXd g(20);
  probe.f(x, g, probe.call());
  probe.f.hessian_product(x, x, g, probe.call());
  const long before = allocations();
  probe.f(x, g, probe.call());
  probe.f.hessian_product(x, x, g, probe.call());
  CHECK(allocations() == before);
}

TEST_CASE("a limit on evaluations is exceeded by the values of one gradient at most", "[objective]") {
  const auto f = finite_difference(Value{});
  bool exceeded = false;
  for (int limit = 1; limit <= 40; ++limit) {
    const auto s = minimize(f, somewhere<Eigen::VectorXd>(6), Lbfgs{}, MaxEvaluations{limit});
    CAPTURE(limit);
    CHECK(s.status == Status::max_evaluations);
    CHECK(s.counts[0].evaluations() >= unsigned(limit));
    CHECK(s.counts[0].evaluations() <= unsigned(limit) + 2 * 6);
    exceeded = exceeded || s.counts[0].evaluations() == unsigned(limit) + 2 * 6;
    CHECK(s.value == Value{}(s.x));
  }
  CHECK(exceeded);
}

TEST_CASE("differences refuse settings out of range", "[objective]") {
  CHECK_THROWS_WITH(finite_difference(Value{}, {.typical = 0}), Catch::Contains("Differences::typical"));
  CHECK_THROWS_WITH(finite_difference(Value{}, {.noise = 1}), Catch::Contains("Differences::noise"));
}
