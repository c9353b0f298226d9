#include <mesaopt/evolution/openai_es.hpp>

#include <cmath>
#include <cstdint>
#include <limits>

#include <Eigen/Core>

#include <mesaopt/core/bytes.hpp>
#include <mesaopt/core/fields.hpp>
#include <mesaopt/core/minimize.hpp>
#include <mesaopt/objective/bounds.hpp>

#include "support/allocations.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::VectorXd;

namespace {
struct Bowl {
  double centre = 0;
  bool exponential = false, broken = false;
  double operator()(const VectorXd& x) const {
    if (broken) return std::numeric_limits<double>::quiet_NaN();
    const double value = (x.array() - centre).square().sum();
    return exponential ? std::exp(value) : value;
  }
};
}  // namespace

TEST_CASE("the first step moves every coordinate by the learning rate, against the estimated gradient", "[openai_es]") {
  const OpenAiEs es{.population = 20};
  OpenAiEs::State<VectorXd> state;
  const Bowl f;
  const VectorXd x0 = VectorXd::Constant(4, 2.0);
  es.init(f, x0, state);
  es.step(f, state);
  // Adam's first step is its learning rate times the sign of the gradient.
  CHECK(((state.mean - x0).cwiseAbs().array() - 0.05).abs().maxCoeff() < 1e-6);
  // Points come in pairs on either side of the mean.
  for (Eigen::Index k = 0; k < 20; k += 2)
    CHECK((state.points.col(k) + state.points.col(k + 1) - 2 * x0).norm() < 1e-14);
}

TEST_CASE("it comes near a minimum of a hundred variables, and nearer with decay", "[openai_es]") {
  const Bowl f{.centre = 1};
  const VectorXd x0 = VectorXd::Zero(100);
  const auto steady = minimize(f, x0, OpenAiEs{.population = 40}, MaxEvaluations{40'000});
  CHECK(f(steady.state.mean) < 1);
  const auto narrowed = minimize(f, x0, OpenAiEs{.population = 40, .decay = 0.99}, MaxEvaluations{40'000});
  CHECK(f(narrowed.state.mean) < 1e-3 * f(steady.state.mean));
}

TEST_CASE("only ranks count", "[openai_es]") {
  const VectorXd x0 = VectorXd::Constant(3, 0.5);
  const auto plain = minimize(Bowl{}, x0, OpenAiEs{}, MaxIterations{50});
  const auto other = minimize(Bowl{.exponential = true}, x0, OpenAiEs{}, MaxIterations{50});
  CHECK(plain.state.mean == other.state.mean);
}

TEST_CASE("weight decay draws the mean to the origin", "[openai_es]") {
  const Bowl f{.centre = 2};
  const VectorXd x0 = VectorXd::Constant(3, 2.0);
  const auto free = minimize(f, x0, OpenAiEs{}, MaxIterations{400});
  const auto drawn = minimize(f, x0, OpenAiEs{.weight_decay = 0.5}, MaxIterations{400});
  CHECK(drawn.state.mean.norm() < free.state.mean.norm() - 0.2);
}

TEST_CASE("it keeps a box", "[openai_es]") {
  const auto f = within(Bowl{.centre = 3}, Box<VectorXd>{VectorXd::Constant(3, -1.0), VectorXd::Constant(3, 2.0)});
  const auto s = minimize(f, VectorXd(VectorXd::Zero(3)), OpenAiEs{.decay = 0.99}, MaxEvaluations{20'000});
  CHECK(s.x.maxCoeff() <= 2);
  CHECK(s.value == Approx(3).epsilon(1e-3));
}

TEST_CASE("a step of OpenAI-ES allocates nothing, and a saved run goes on with the same bits", "[openai_es]") {
  const OpenAiEs es{};
  OpenAiEs::State<VectorXd> state, loaded;
  const Bowl f;
  es.init(f, VectorXd(VectorXd::Constant(6, 1.0)), state);
  es.step(f, state);
  const long before = allocations();
  for (int i = 0; i < 50; ++i) es.step(f, state);
  CHECK(allocations() == before);
  load(save(state), loaded);
  for (int i = 0; i < 20; ++i) {
    es.step(f, state);
    es.step(f, loaded);
  }
  CHECK(identical(state, loaded));
}

TEST_CASE("a generation without a value ends OpenAI-ES as non-finite", "[openai_es]") {
  const auto s = minimize(Bowl{.broken = true}, VectorXd(VectorXd::Zero(2)), OpenAiEs{});
  CHECK(s.status == Status::non_finite);
  CHECK(s.x == VectorXd::Zero(2));
}

TEST_CASE("OpenAI-ES refuses settings out of their range", "[openai_es]") {
  const VectorXd x0 = VectorXd::Zero(2);
  CHECK_THROWS_WITH(minimize(Bowl{}, x0, OpenAiEs{.population = 3}), Catch::Contains("OpenAiEs::population"));
  CHECK_THROWS_WITH(minimize(Bowl{}, x0, OpenAiEs{.decay = 0}), Catch::Contains("OpenAiEs::decay"));
  CHECK_THROWS_WITH(minimize(Bowl{}, x0, OpenAiEs{.beta2 = 1}), Catch::Contains("OpenAiEs::beta2"));
}
