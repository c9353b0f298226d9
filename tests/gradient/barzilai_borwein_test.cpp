#include <mesaopt/gradient/barzilai_borwein.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
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
using Eigen::VectorXd;
using problems::Rosenbrock;

namespace {
const auto rule = GradientBelow{1e-6} || MaxEvaluations{5000};
using Rule = std::remove_const_t<decltype(rule)>;
using Functional = std::function<double(const VectorXd&, VectorXd&)>;
using Bb = BarzilaiBorwein;
}  // namespace

TEST_CASE("Barzilai-Borwein steps solve Rosenbrock in about a hundred evaluations at any size", "[barzilai_borwein]") {
  for (const Eigen::Index n : {2, 10, 1000}) {
    const Functional f = Rosenbrock{};
    const auto s = minimize(f, VectorXd(Rosenbrock::start(n)), Bb{}, rule);
    CHECK(s.status == Status::gradient_below);
    CHECK(s.counts[0].evaluations() < 130);
    CHECK((s.x.array() - 1).abs().maxCoeff() < 1e-4);
  }
}

TEST_CASE("Steps are those of the paper, by the last step and gradient change", "[barzilai_borwein]") {
  const Functional f = tests::Quadratic{tests::spread(6, 20)};
  VectorXd x = VectorXd::LinSpaced(6, 1, 40).array().sin(), g = x, before_x, before_g;
  Bb::State<VectorXd> state;
  Bb{}.init(f, x, state);
  for (int k = 0; k < 12; ++k) {
    before_x = state.x;
    before_g = state.gradient;
    const double scale = state.scale;
    Bb{}.step(f, state);
    const VectorXd s = state.x - before_x, y = state.gradient - before_g;
    if (k > 0) CHECK((s + scale * before_g).norm() < 1e-12 * s.norm());
    CHECK(state.scale == Approx(s.squaredNorm() / s.dot(y)));
    CHECK(state.scale >= 1 / 20.0 - 1e-9);  // an inverse curvature
    CHECK(state.scale <= 1 + 1e-9);
  }
}

TEST_CASE("Barzilai-Borwein steps are far faster than steepest descent where curvatures differ", "[barzilai_borwein]") {
  // Steepest descent needs about κ ln(1/ε) / 2 steps, here 9000.
  const Functional f = tests::Quadratic{tests::spread(20, 1e3)};
  const VectorXd start = VectorXd::LinSpaced(20, 1, 40).array().sin();
  const auto s = minimize(f, start, Bb{}, rule);
  CHECK(s.status == Status::gradient_below);
  CHECK(s.counts[0].evaluations() < 600);
}

TEST_CASE("Values may rise, but never above the highest of the last ones", "[barzilai_borwein]") {
  const Functional f = Rosenbrock{};
  for (const int memory : {1, 4, 16}) {
    std::vector<double> values;
    bool rose = false;
    minimize(f, VectorXd(Rosenbrock::start(4)), Bb{.memory = memory}, GradientBelow{1e-6} || MaxEvaluations{300},
             [&](const auto& state, const Progress&) {
               if (!values.empty()) {
                 const auto last = std::min(values.size(), std::size_t(memory));
                 CHECK(state.value <= *std::max_element(values.end() - std::ptrdiff_t(last), values.end()));
                 rose = rose || state.value > values.back();
               }
               values.push_back(state.value);
             });
    CHECK(rose == (memory > 1));
  }
}

TEST_CASE("A run of Barzilai-Borwein steps takes its first one from a prior", "[barzilai_borwein]") {
  const Functional f = tests::Quadratic{tests::spread(6, 20)};
  const VectorXd start = VectorXd::LinSpaced(6, 1, 40).array().sin();
  auto prior = minimize(f, start, Bb{}, rule);
  Bb::State<VectorXd> state;
  Bb{}.init(f, prior, state);
  CHECK(state.scale == prior.state.scale);
  CHECK(state.scale > 0);
}

TEST_CASE("A NaN, an exception, a border or the limit in the middle of Barzilai-Borwein steps does no harm",
          "[barzilai_borwein]") {
  run_laws::survives_any_evaluation(Bb{}, rule, 60, 3);
  run_laws::keeps_to_the_limit(Bb{}, 40);
  const Functional bordered = [](const VectorXd& x, VectorXd& g) {
    g = 1 - 0.1 / x.array();
    return x.minCoeff() <= 0 ? std::numeric_limits<double>::quiet_NaN() : x.sum() - 0.1 * x.array().log().sum();
  };
  const auto inside = minimize(bordered, VectorXd(VectorXd::LinSpaced(3, 1, 4)), Bb{}, rule);
  CHECK(inside.status == Status::gradient_below);
  CHECK((inside.x.array() - 0.1).abs().maxCoeff() < 1e-5);
}

TEST_CASE("Barzilai-Borwein steps allocate nothing, and copied or saved they go on to the same bits",
          "[barzilai_borwein]") {
  using R = RunOf<Bb, Rule, Functional, VectorXd>;
  const Functional f = Rosenbrock{};
  R whole;
  begin(f, VectorXd(Rosenbrock::start(34)), Bb{}, rule, whole);
  for (int k = 0; k < 20; ++k) advance(f, Bb{}, rule, whole);
  const long before = allocations();
  for (int k = 0; k < 10; ++k) Bb{}.step(f, whole.state);
  if (counting_allocations) CHECK(allocations() == before);
  run_laws::goes_on_to_the_same_bits(f, VectorXd(Rosenbrock::start(34)), Bb{}, rule, 20);
  using X = Eigen::Vector<float, 4>;
  const X start = Rosenbrock::start<X>();
  const long again = allocations();
  const auto s = minimize(Rosenbrock{}, start, Bb{}, GradientBelow{1e-3} || MaxIterations{2000});
  if (counting_allocations) CHECK(allocations() == again);
  CHECK(s.status == Status::gradient_below);
}

TEST_CASE("Barzilai-Borwein steps asked for more digits than there are stall", "[barzilai_borwein]") {
  const Functional f = tests::Quadratic{tests::spread(10, 100)};
  const auto s = minimize(f, VectorXd(VectorXd::LinSpaced(10, 1, 40)), Bb{}, GradientBelow{0} || MaxEvaluations{5000});
  CHECK((s.status == Status::stalled || s.status == Status::gradient_below));
  CHECK(s.counts[0].evaluations() < 800);
  CHECK(s.state.gradient.norm() < 1e-11);
}

TEST_CASE("Barzilai-Borwein steps refuse settings out of their range", "[barzilai_borwein]") {
  CHECK_THROWS_WITH(Bb{.memory = 17}.check(), Catch::Contains("BarzilaiBorwein::memory"));
  CHECK_THROWS_AS(Bb{.memory = 0}.check(), std::invalid_argument);
  CHECK_THROWS_AS(Bb{.decrease = 0}.check(), std::invalid_argument);
}
