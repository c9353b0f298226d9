#include <mesaopt/bayes/bayesian_search.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <stdexcept>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/bayes/kernels.hpp>
#include <mesaopt/bayes/log_expected_improvement.hpp>
#include <mesaopt/core/bytes.hpp>
#include <mesaopt/core/fields.hpp>
#include <mesaopt/core/minimize.hpp>
#include <mesaopt/gradient/lbfgsb.hpp>
#include <mesaopt/objective/bounds.hpp>

#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::VectorXd;

namespace {

struct Model {
  kernels::SquaredExponential operator()(Eigen::Index n) const { return {VectorXd::Constant(n, 0.5)}; }
};
using Fit = Search<LbfgsB, decltype(GradientBelow{} || MaxEvaluations{})>;
using Bayes = BayesianSearch<Model, LogExpectedImprovement, Fit, Fit>;
using State = Bayes::State<VectorXd>;

Bayes bayes(Eigen::Index batch = 1, std::uint64_t seed = 1) {
  Bayes search{{},
               {},
               {LbfgsB{}, GradientBelow{1e-3} || MaxEvaluations{30}},
               {LbfgsB{}, GradientBelow{1e-9} || MaxEvaluations{30}}};
  search.proposal.candidates = 64;
  search.proposal.neighbours = 16;
  search.priors = {.length_scale_deviation = 3, .noise_location = -14, .noise_deviation = 4};  // for exact values
  search.batch = batch;
  search.seed = seed;
  return search;
}

struct Any {
  std::function<double(const VectorXd&)> f;
  double operator()(const VectorXd& x) const { return f(x); }
};
using On2 = Within<Any, VectorXd>;

const Box<VectorXd> square{VectorXd{{-1, -1}}, VectorXd{{2, 1}}};
double bowl(const VectorXd& x) { return 3 + std::pow(x[0] - 0.7, 2) + 2 * std::pow(x[1] + 0.2, 2) + 0.5 * x[0] * x[1]; }
const VectorXd x0{{0, 0}};

using Values = std::vector<Evaluation<double>>;

/// Begins in the box and evaluates until so many values were told.
State told(const Bayes& search, const std::function<double(const VectorXd&)>& f, int count,
           const Box<VectorXd>& box = square) {
  State state;
  search.init(box, VectorXd(box.lower.cwiseMax(VectorXd::Zero(box.lower.size())).cwiseMin(box.upper)), state);
  for (int k = 0; k < count && state.status == Status::running; ++k) {
    const auto batch = search.ask(state);
    if (batch.ids.empty()) break;
    const auto ids = batch.ids;
    Values values;
    for (Eigen::Index j = 0; j < batch.points.cols(); ++j) {
      CHECK(box.contains(batch.points.col(j)));
      values.emplace_back(f(batch.points.col(j)));
    }
    search.tell(state, ids, values);
  }
  return state;
}

}  // namespace

static_assert(OptimizerFor<Bayes, On2, VectorXd>);
static_assert(SamplerFor<Bayes, VectorXd>);

TEST_CASE("a Bayesian search finds the minimum of a bowl to 6 digits in 25 evaluations", "[bayes][bayesian_search]") {
  const auto solution = minimize(within(Any{bowl}, square), x0, bayes(), MaxEvaluations{25});
  CHECK(solution.status == Status::max_evaluations);
  CHECK(solution.counts[0].values == 25);
  // 2(x - 0.7) + y/2 = 0 and 4(y + 0.2) + x/2 = 0.
  const double y = (-0.8 - 0.35) / (4 - 0.125), x = 0.7 - y / 4;
  CHECK(solution.value == Approx(bowl(VectorXd{{x, y}})).epsilon(1e-6));
  CHECK(solution.x[0] == Approx(x).margin(2e-3));
}

TEST_CASE("a Bayesian search driven from outside, saved in the middle, or copied gives the same bits",
          "[bayes][bayesian_search]") {
  const Bayes search = bayes(2);
  State whole = told(search, bowl, 7);
  State half = told(search, bowl, 4);
  State loaded;
  load(save(half), loaded);
  CHECK(identical(half, loaded));
  State copy = half;
  for (State* state : {&half, &loaded, &copy}) {
    for (int k = 0; k < 3; ++k) {
      const auto batch = search.ask(*state);
      const auto ids = batch.ids;
      Values values;
      for (Eigen::Index j = 0; j < batch.points.cols(); ++j) values.emplace_back(bowl(batch.points.col(j)));
      search.tell(*state, ids, values);
    }
    CHECK(identical(*state, whole));
  }
  CHECK_FALSE(identical(told(bayes(2, 2), bowl, 4), half));
}

TEST_CASE("more points may wait than were observed, and they differ", "[bayes][bayesian_search]") {
  const Bayes search = bayes(12);
  State state;
  search.init(square, x0, state);
  auto ids = search.ask(state).ids;
  CHECK(ids.size() == 12);
  const Values one{1.5};
  search.tell(state, {ids.data() + 3, 1}, one);
  const auto again = search.ask(state);
  CHECK(again.ids.size() == 12);
  for (Eigen::Index i = 0; i < 12; ++i)
    for (Eigen::Index j = 0; j < i; ++j) CHECK(again.points.col(i) != again.points.col(j));
  CHECK(state.value == 1.5);
}

TEST_CASE("failures, infinities and 300 orders of magnitude do not stop a Bayesian search",
          "[bayes][bayesian_search]") {
  const auto hole = [](const VectorXd& x) { return x[0] < 0 ? std::nan("") : bowl(x); };
  const State holes = told(bayes(), hole, 25);
  CHECK(holes.observations.size() == 25);
  CHECK(holes.value < 3.2);
  const State wide = told(
      bayes(), [](const VectorXd& x) { return 1e-150 * std::pow(10.0, 150 * (x[0] + 1)) + x[1]; }, 16);
  CHECK(wide.observations.size() == 16);
  CHECK(wide.value < -0.5);
  const State nothing = told(
      bayes(), [](const VectorXd&) { return std::numeric_limits<double>::infinity(); }, 12);
  CHECK(std::isnan(nothing.value));
  CHECK(nothing.observations.usable() == 0);
  const State constant = told(
      bayes(), [](const VectorXd&) { return 5.0; }, 12);
  CHECK(constant.value == 5);
}

TEST_CASE("a box of one point is evaluated once, then the search has stalled", "[bayes][bayesian_search]") {
  const VectorXd point{{0.5, 0.5}};
  const auto solution = minimize(within(Any{bowl}, Box<VectorXd>{point, point}), point, bayes(), MaxEvaluations{9});
  CHECK(solution.status == Status::stalled);
  CHECK(solution.counts[0].values == 1);
  CHECK(solution.value == bowl(point));
}

TEST_CASE("an exception of the objective passes through and the same points are evaluated next",
          "[bayes][bayesian_search]") {
  const Bayes search = bayes();
  int count = 0;
  const On2 f = within(Any{[&](const VectorXd& x) {
                         if (++count == 3) throw std::runtime_error("once");
                         return bowl(x);
                       }},
                       square);
  State state;
  search.init(f, x0, state);
  search.step(f, state), search.step(f, state);
  CHECK_THROWS_AS(search.step(f, state), std::runtime_error);
  CHECK(state.open == 1);
  search.step(f, state);
  CHECK(state.observations.size() == 3);
}

TEST_CASE("the well of a bowl is filled once its minimum is found, a curved valley is not on the way along it",
          "[bayes][bayesian_search]") {
  CHECK(told(bayes(), bowl, 25).wells.size() == 1);
  const auto valley = [](const VectorXd& x) {  // Rosenbrock's function
    double sum = 0;
    for (Eigen::Index i = 0; i + 1 < x.size(); ++i)
      sum += 100 * std::pow(x[i + 1] - x[i] * x[i], 2) + std::pow(1 - x[i], 2);
    return sum;
  };
  const State along = told(bayes(), valley, 40, {VectorXd::Constant(4, -5), VectorXd::Constant(4, 10)});
  CHECK(along.wells.empty());
  CHECK(along.value < 100);
}

TEST_CASE("a Bayesian search finds the minimum of a bowl in float points of fixed size", "[bayes][bayesian_search]") {
  using X = Eigen::Vector2f;
  const Bayes search = bayes();
  Bayes::State<X> state;
  search.init(Box<X>{X{-1, -1}, X{2, 1}}, X(X::Zero()), state);
  for (int k = 0; k < 20; ++k) {
    const auto batch = search.ask(state);
    REQUIRE(batch.ids.size() == 1);
    const auto id = batch.ids[0];
    const std::vector<Evaluation<float>> value{float(bowl(batch.points.col(0).cast<double>()))};
    search.tell(state, {&id, 1}, value);
  }
  CHECK(state.value == Approx(bowl(VectorXd{{0.7 + 1.15 / 15.5, -1.15 / 3.875}})).epsilon(1e-5));
  CHECK(state.x[0] == Approx(0.7 + 1.15 / 15.5).margin(1e-2));
}

TEST_CASE("a Bayesian search goes down in 200 variables, more than Sobol's sequence has", "[bayes][bayesian_search]") {
  REQUIRE(Sobol::most_dimensions < 200);
  Bayes search = bayes(2);
  search.initial = 4;
  const auto sphere = [](const VectorXd& x) { return (x.array() - 1).square().sum(); };
  const State state = told(search, sphere, 6, {VectorXd::Zero(200), VectorXd::Constant(200, 3)});
  CHECK(state.observations.size() == 12);
  const auto values = state.observed_values();
  CHECK(values.tail(8).minCoeff() < values.head(4).minCoeff());
}

TEST_CASE("a Bayesian search takes the observations of a prior", "[bayes][bayesian_search]") {
  const State first = told(bayes(), bowl, 12);
  State next;
  const Bayes search = bayes();
  search.init(within(Any{bowl}, square), first, next);
  CHECK(next.inherited == 12);
  CHECK(std::isnan(next.value));
  CHECK((next.observed_points() - first.observed_points()).cwiseAbs().maxCoeff() < 1e-12);
}

TEST_CASE("a similar task that is known saves evaluations, and one upside down is dropped",
          "[bayes][bayesian_search]") {
  const auto moved = [](const VectorXd& x) { return 5 + 20 * bowl(x + VectorXd{{0.2, -0.1}}); };
  EarlierTasks<VectorXd> tasks;
  tasks.add(told(bayes(), moved, 14));
  const On2 f = within(Any{bowl}, square);
  const auto informed = minimize(f, tasks, bayes(), MaxEvaluations{6});
  CHECK(informed.state.inherited == 0);
  CHECK(informed.state.tasks.size() == 1);
  CHECK(informed.value < bowl(VectorXd{{0.774, -0.297}}) + 2e-3);
  CHECK(minimize(f, x0, bayes(), MaxEvaluations{6}).value > informed.value);
  State copy;
  load(save(informed.state), copy);
  CHECK(identical(copy, informed.state));

  EarlierTasks<VectorXd> misleading;
  misleading.add(told(
      bayes(), [](const VectorXd& x) { return -bowl(x); }, 10));
  const auto alone = minimize(f, misleading, bayes(), MaxEvaluations{12});
  CHECK(alone.value < bowl(VectorXd{{0.774, -0.297}}) + 1e-3);
}

TEST_CASE("once evaluations have failed on one side, few are wasted there", "[bayes][bayesian_search]") {
  int failed = 0;
  const State state = told(
      bayes(),
      [&](const VectorXd& x) {
        if (x[0] >= 0.2) return bowl(x);
        ++failed;
        return std::nan("");
      },
      22);
  CHECK(failed <= 6);                        // 4 of the 6 first points
  CHECK(state.sound.size() >= 21 - failed);  // the last one was not looked at yet
  CHECK(state.value < bowl(VectorXd{{0.774, -0.297}}) + 1e-4);
}

TEST_CASE("with noise the answer has the lowest posterior mean, and the lowest value is told as well",
          "[bayes][bayesian_search]") {
  Bayes search = bayes();
  search.noisy = true;
  Random noise{.seed = 4};
  const State state = told(
      search, [&](const VectorXd& x) { return bowl(x) + 0.5 * noise.normal(); }, 18);
  double lowest = 1e300;
  for (const double value : state.observed_values()) lowest = std::min(lowest, value);
  CHECK(state.lowest_told == lowest);
  Prediction<double> prediction;
  state.plain.process.predict(state.observations.points(), prediction);
  Eigen::Index at = 0;
  const double least = prediction.mean.minCoeff(&at);
  CHECK((state.x - state.observed_points().col(at)).norm() < 1e-12);
  CHECK(state.value == state.observed_values()[at]);
  CHECK(state.expected == Approx(state.plain.scale.value(least)));
}

TEST_CASE("settings of a Bayesian search out of their range are refused", "[bayes][bayesian_search]") {
  State state;
  Bayes search = bayes();
  CHECK_THROWS_AS(search.init(square, VectorXd{{9, 9}}, state), std::invalid_argument);
  CHECK_THROWS_AS(search.ask(state), std::invalid_argument);
  search.batch = 0;
  CHECK_THROWS_AS(search.check(), std::invalid_argument);
  search = bayes();
  search.prior_noise = -1;
  CHECK_THROWS_AS(search.check(), std::invalid_argument);
}
