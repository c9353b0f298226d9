#include <mesaopt/gradient/trust_region.hpp>

#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <stdexcept>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/bytes.hpp>
#include <mesaopt/core/fields.hpp>
#include <mesaopt/core/minimize.hpp>
#include <mesaopt/gradient/dogleg.hpp>
#include <mesaopt/problems/rosenbrock.hpp>

#include "gradient/unconstrained_problems.hpp"
#include "support/allocations.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::MatrixXd;
using Eigen::VectorXd;
using problems::Rosenbrock;

namespace {

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();
const auto rule = GradientBelow{1e-8} || MaxEvaluations{500};
using Rule = std::remove_const_t<decltype(rule)>;
using Region = TrustRegionDogleg;

/// Anything with a gradient, and perhaps a Hessian.
struct Any {
  std::function<double(const VectorXd&, VectorXd&)> f;
  std::function<void(const VectorXd&, MatrixXd&)> H = [](const VectorXd& x, MatrixXd& out) {
    Rosenbrock{}.hessian(x, out);
  };
  double operator()(const VectorXd& x, VectorXd& g) const { return f(x, g); }
  void hessian(const VectorXd& x, MatrixXd& out) const { H(x, out); }
};

double rosenbrock(const VectorXd& x, VectorXd& g) { return Rosenbrock{}(x, g); }

struct WithRadius {
  VectorXd x;
  double radius;
};

}  // namespace

TEST_CASE("A trust region finds the published minima of Moré, Garbow and Hillstrom", "[trust_region]") {
  std::uint64_t evaluations = 0;
  for (const auto& problem : tests::published()) {
    CAPTURE(problem.name);
    const Any f{problem.f, [&](const VectorXd& x, MatrixXd& H) { problem.f.hessian(x, H); }};
    const auto s = minimize(f, problem.start, Region{}, rule);
    CHECK((s.status == Status::gradient_below || s.status == Status::stalled));
    CHECK(tests::is_minimum(problem, s.value));
    CHECK(s.counts[0].hessians == s.counts[0].iterations);
    evaluations += s.counts[0].evaluations();
  }
  CHECK(evaluations < 500);
}

TEST_CASE("A trust region solves Rosenbrock in at most 24 evaluations at any size", "[trust_region]") {
  for (const Eigen::Index n : {2, 10, 100}) {
    const auto s = minimize(Any{rosenbrock}, VectorXd(Rosenbrock::start(n)), Region{}, rule);
    CHECK(s.status == Status::gradient_below);
    CHECK(s.counts[0].evaluations() <= 24);
    CHECK((s.x.array() - 1).abs().maxCoeff() < 1e-8);
  }
}

TEST_CASE("A quadratic is solved as soon as its minimum is in the region, which then grows no more", "[trust_region]") {
  const tests::Quadratic q{tests::spread(8, 100)};
  const Any f{q, [&](const VectorXd& x, MatrixXd& H) { q.hessian(x, H); }};
  const VectorXd start = VectorXd::LinSpaced(8, 1, 40).array().sin();
  const auto wide = minimize(f, start, Region{.first_radius = 1e3}, rule);
  CHECK(wide.counts[0].iterations == 1);
  CHECK(wide.counts[0].evaluations() == 2);
  const auto narrow = minimize(f, start, Region{.first_radius = 1e-3}, rule);
  CHECK(narrow.status == Status::gradient_below);
  const double length = (narrow.x - start).norm();
  // 1e-3 (1 + 2 + 4 + ...) reaches it.
  CHECK(narrow.counts[0].iterations <= std::uint64_t(2 + std::log2(length / 1e-3)));
}

TEST_CASE("The value never rises, and a rejected step leaves the point where it was", "[trust_region]") {
  double last = std::numeric_limits<double>::infinity();
  const auto s = minimize(Any{rosenbrock}, VectorXd(Rosenbrock::start(6)), Region{.first_radius = 30}, rule,
                          [&](const auto& state, const Progress&) {
                            VectorXd gradient(6);
                            CHECK(state.value <= last);
                            CHECK(rosenbrock(state.x, gradient) == state.value);
                            CHECK(gradient == state.gradient);
                            last = state.value;
                          });
  CHECK(s.status == Status::gradient_below);
  CHECK(s.counts[0].evaluations() > s.counts[0].iterations + 1);
}

TEST_CASE("A trust region leaves the neighbourhood of a saddle for a minimum", "[trust_region]") {
  // x⁴ − x² + xy + y²: minima at x = ±√(5/8), of value −25/64.
  const Any f{[](const VectorXd& x, VectorXd& g) {
                const double a = x[0], b = x[1];
                g[0] = 4 * a * a * a - 2 * a + b;
                g[1] = a + 2 * b;
                return a * a * a * a - a * a + a * b + b * b;
              },
              [](const VectorXd& x, MatrixXd& H) { H << 12 * x[0] * x[0] - 2, 1, 1, 2; }};
  for (const VectorXd& start : {VectorXd(Eigen::Vector2d(1e-3, 0)), VectorXd(Eigen::Vector2d(0.2, -3))}) {
    const auto s = minimize(f, start, Region{}, rule);
    CHECK(s.status == Status::gradient_below);
    CHECK(s.value == Approx(-25.0 / 64));
    CHECK(s.counts[0].evaluations() < 25);
  }
}

TEST_CASE("Where there is no usable Hessian a trust region descends along the gradient", "[trust_region]") {
  for (const double broken : {0.0, not_a_number, std::numeric_limits<double>::infinity()}) {
    const Any f{[](const VectorXd& x, VectorXd& g) {
                  g = x;
                  return x.squaredNorm() / 2;
                },
                [&](const VectorXd&, MatrixXd& H) { H.setConstant(broken); }};
    const auto s = minimize(f, VectorXd(VectorXd::Constant(2, 3)), Region{}, rule);
    CHECK(s.status == Status::gradient_below);
    CHECK(s.counts[0].evaluations() < 100);
  }
}

TEST_CASE("Asked for more digits than there are a trust region stalls, with slopes where values are noise",
          "[trust_region]") {
  for (const double far : {0.0, 1e6}) {
    const Any f{[far](const VectorXd& x, VectorXd& g) { return Rosenbrock{}(x, g) + far; }};
    const auto s = minimize(f, VectorXd(Rosenbrock::start(4)), Region{}, GradientBelow{0} || MaxEvaluations{500});
    CHECK((s.status == Status::stalled || s.status == Status::gradient_below));
    CHECK(s.counts[0].evaluations() < 60);
    CHECK(s.state.gradient.norm() < 1e-12);
  }
}

TEST_CASE("A trust region steps around a NaN, and stays within a border", "[trust_region]") {
  for (std::uint64_t at = 1; at < 22; ++at) {
    std::uint64_t calls = 0;
    const Any f{[&](const VectorXd& x, VectorXd& g) {
      const double value = rosenbrock(x, g);
      return calls++ == at ? not_a_number : value;
    }};
    CHECK(minimize(f, VectorXd(Rosenbrock::start(2)), Region{}, rule).status == Status::gradient_below);
  }
  const Any barrier{[](const VectorXd& x, VectorXd& g) {
                      if (x.minCoeff() <= 0) return not_a_number;
                      g = 1 - 0.01 / x.array();
                      return x.sum() - 0.01 * x.array().log().sum();
                    },
                    [](const VectorXd& x, MatrixXd& H) {
                      H.setZero();
                      H.diagonal() = 0.01 / x.array().square();
                    }};
  const auto inside = minimize(barrier, VectorXd(VectorXd::LinSpaced(4, 1, 9)), Region{}, rule);
  CHECK(inside.status == Status::gradient_below);
  CHECK((inside.x.array() / 0.01 - 1).abs().maxCoeff() < 1e-5);
  std::uint64_t calls = 0;
  const Any ever{[&](const VectorXd& x, VectorXd& g) { return calls++ < 5 ? rosenbrock(x, g) : not_a_number; }};
  const auto lost = minimize(ever, VectorXd(Rosenbrock::start(2)), Region{}, rule);
  CHECK(lost.status == Status::non_finite);
  CHECK(calls < 60);
  calls = 5;
  CHECK(minimize(ever, VectorXd(Rosenbrock::start(2)), Region{}, rule).status == Status::bad_start);
}

TEST_CASE("An exception in a trust region leaves a run that goes on, and the limit on evaluations is kept",
          "[trust_region]") {
  RunOf<Region, Rule, Any, VectorXd> run;
  const VectorXd start = Rosenbrock::start(2);
  for (std::uint64_t at = 1; at < 22; ++at) {
    std::uint64_t calls = 0;
    const Any f{[&](const VectorXd& x, VectorXd& g) {
      if (calls++ == at) throw std::runtime_error("lost");
      return rosenbrock(x, g);
    }};
    begin(f, start, Region{}, rule, run);
    CHECK_THROWS_AS(resume(f, Region{}, rule, run), std::runtime_error);
    VectorXd gradient(2);
    CHECK(rosenbrock(run.state.x, gradient) == run.state.value);
    CHECK(gradient == run.state.gradient);
    resume(f, Region{}, rule, run);
    CHECK(run.status == Status::gradient_below);
  }
  double last = std::numeric_limits<double>::infinity();
  for (std::int64_t limit = 1; limit < 22; ++limit) {
    const auto s = minimize(Any{rosenbrock}, start, Region{}, GradientBelow{1e-8} || MaxEvaluations{limit});
    CHECK(s.status == Status::max_evaluations);
    CHECK(s.counts[0].evaluations() == std::uint64_t(limit));
    CHECK(s.value <= last);
    last = s.value;
  }
}

TEST_CASE("A run in a trust region copied or saved anywhere goes on to the same bits, and allocates nothing",
          "[trust_region]") {
  using R = RunOf<Region, Rule, Any, VectorXd>;
  const Any f{rosenbrock};
  for (const Eigen::Index n : {2, 34}) {
    R whole;
    begin(f, VectorXd(Rosenbrock::start(n)), Region{}, rule, whole);
    std::vector<R> forks;
    std::vector<std::vector<std::byte>> saved;
    for (int k = 0; k < 12; ++k) {
      forks.push_back(whole);
      saved.push_back(save(whole));
      const long before = allocations();
      advance(f, Region{}, rule, whole);
      if (counting_allocations) CHECK(allocations() == before);
    }
    resume(f, Region{}, rule, whole);
    CHECK(whole.status == Status::gradient_below);
    for (std::size_t k = 0; k < forks.size(); ++k) {
      R loaded;
      load(saved[k], loaded);
      for (R* run : {&forks[k], &loaded}) {
        resume(f, Region{}, rule, *run);
        CHECK(identical(*run, whole));
      }
    }
  }
}

TEST_CASE("A trust region for points of fixed size never touches the heap", "[trust_region]") {
  using X = Eigen::Vector<double, 6>;
  const X start = Rosenbrock::start<X>();
  const long before = allocations();
  const auto s = minimize(Rosenbrock{}, start, Region{}, GradientBelow{1e-8});
  if (counting_allocations) CHECK(allocations() == before);
  CHECK(s.status == Status::gradient_below);
}

TEST_CASE("A trust region hands its radius on, and does not depend on scales", "[trust_region]") {
  Region::State<VectorXd> state;
  Region{}.init(Any{rosenbrock}, WithRadius{Rosenbrock::start(2), 0.25}, state);
  CHECK(state.radius == 0.25);
  const auto first = minimize(Any{rosenbrock}, VectorXd(Rosenbrock::start(2)), Region{}, rule);
  Region{}.init(Any{rosenbrock}, first, state);
  CHECK(state.radius == first.state.radius);
  Region{.first_radius = 3}.init(Any{rosenbrock}, first, state);
  CHECK(state.radius == 3);
  for (const double space : {0x1p-30, 0x1p30}) {
    const Any f{[&](const VectorXd& x, VectorXd& g) {
                  const double value = rosenbrock(x / space, g);
                  g /= space;
                  return value;
                },
                [&](const VectorXd& x, MatrixXd& H) {
                  Rosenbrock{}.hessian(VectorXd(x / space), H);
                  H /= space * space;
                }};
    const VectorXd start = space * Rosenbrock::start(2);
    const auto s = minimize(f, start, Region{}, GradientBelow{1e-8 / space} || MaxEvaluations{500});
    CHECK(s.x == space * first.x);
    CHECK(s.counts == first.counts);
  }
}

TEST_CASE("A trust region refuses settings out of their range", "[trust_region]") {
  CHECK_THROWS_WITH(Region{.first_radius = -1}.check(), Catch::Contains("TrustRegion::first_radius"));
  CHECK_THROWS_AS(Region{.accepted = 0.25}.check(), std::invalid_argument);
  CHECK_THROWS_AS(Region{.growth = 1}.check(), std::invalid_argument);
  CHECK_THROWS_AS((Region{.subproblem = {.first_shift = 0}}.check()), std::invalid_argument);
}
