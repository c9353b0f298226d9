#include <mesaopt/bayes/trust_region_search.hpp>

#include <cmath>
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
  kernels::Matern52 operator()(Eigen::Index n) const { return {VectorXd::Constant(n, 0.5)}; }
};
using Fit = Search<LbfgsB, decltype(GradientBelow{} || MaxEvaluations{})>;
using Local = TrustRegionSearch<Model, LogExpectedImprovement, Fit, Fit>;
using State = Local::State<VectorXd>;

Local local(Eigen::Index batch = 1, std::uint64_t seed = 1) {
  Local search{{},
               {},
               {LbfgsB{}, GradientBelow{1e-2} || MaxEvaluations{20}},
               {LbfgsB{}, GradientBelow{1e-6} || MaxEvaluations{20}}};
  search.candidates = 64;
  search.batch = batch;
  search.seed = seed;
  return search;
}

struct Any {
  std::function<double(const VectorXd&)> f;
  double operator()(const VectorXd& x) const { return f(x); }
};
using Bowl = Within<Any, VectorXd>;

Box<VectorXd> cube(Eigen::Index n) { return {VectorXd::Constant(n, -2), VectorXd::Constant(n, 3)}; }
/// Least, 3, at (0.1, 0.2, ...).
double bowl(const VectorXd& x) {
  double sum = 3;
  for (Eigen::Index i = 0; i < x.size(); ++i) sum += (1 + double(i)) * std::pow(x[i] - 0.1 * double(i + 1), 2);
  return sum;
}

/// Asks and tells a number of batches.
void drive(const Local& search, State& state, const std::function<double(const VectorXd&)>& f, int batches) {
  for (int k = 0; k < batches; ++k) {
    const auto batch = search.ask(state);
    const auto ids = batch.ids;
    std::vector<Evaluation<double>> values;
    for (Eigen::Index j = 0; j < batch.points.cols(); ++j) {
      CHECK(state.box.contains(batch.points.col(j)));
      values.emplace_back(f(batch.points.col(j)));
    }
    search.tell(state, ids, values);
  }
}

State begun(const Local& search, Eigen::Index n) {
  State state;
  search.init(cube(n), VectorXd(VectorXd::Constant(n, -1)), state);
  return state;
}

}  // namespace

static_assert(OptimizerFor<Local, Bowl, VectorXd>);
static_assert(SamplerFor<Local, VectorXd>);

TEST_CASE("a trust region finds the minimum of a bowl in 10 variables to a twentieth in 101 evaluations",
          "[bayes][trust_region_search]") {
  const auto f = within(Any{bowl}, cube(10));
  const auto solution = minimize(f, VectorXd(VectorXd::Constant(10, -1)), local(4), MaxEvaluations{101});
  CHECK(solution.status == Status::max_evaluations);
  CHECK(solution.counts[0].values == 101);  // in the middle of a batch
  CHECK(solution.value < 3.05);
  CHECK(solution.value >= 3);
  CHECK(solution.value == bowl(solution.x));
}

TEST_CASE("a trust region saved in the middle of a batch, or copied, gives the same bits",
          "[bayes][trust_region_search]") {
  const Local search = local(3);
  State whole = begun(search, 4);
  drive(search, whole, bowl, 4);
  (void)search.ask(whole);
  State copy = whole, loaded;
  load(save(whole), loaded);
  for (State* state : {&whole, &copy, &loaded}) drive(search, *state, bowl, 4);
  CHECK(whole.observations.size() == 24);
  CHECK(identical(whole, copy));
  CHECK(identical(whole, loaded));
  State other = begun(local(3, 2), 4);
  drive(local(3, 2), other, bowl, 8);
  CHECK_FALSE(identical(whole, other));
}

TEST_CASE("proposals lie in the box around the best point that the length tells", "[bayes][trust_region_search]") {
  Local search = local(2);
  search.region.start_length = 0.1;
  State state = begun(search, 4);
  drive(search, state, bowl, 4);
  REQUIRE(state.next == state.designed);
  const VectorXd best = state.to_cube(state.x);
  (void)search.ask(state);
  const VectorXd scales = detail::length_scales_of(state.plain.process.kernel(), 4);
  VectorXd lower, upper;
  search.region.box(best, scales, state.region, lower, upper);
  for (Eigen::Index j = 0; j < 2; ++j) {
    CHECK((state.waiting.col(j) - lower).minCoeff() >= -1e-12);
    CHECK((upper - state.waiting.col(j)).minCoeff() >= -1e-12);
  }
  CHECK(state.waiting.col(0) != state.waiting.col(1));
}

TEST_CASE("a region without success ends, the next one begins anew, and the best point is kept",
          "[bayes][trust_region_search]") {
  Local search = local(2);
  search.region.failure_tolerance = 1;
  search.region.least_length = 0.3;
  State state = begun(search, 2);
  int count = 0;
  const auto rising = [&](const VectorXd&) { return 5.0 + ++count; };
  drive(search, state, rising, 3);
  CHECK(state.region.length == 0.4);
  CHECK(state.local.size() == 6);
  drive(search, state, rising, 1);
  CHECK(state.restarts == 1);
  CHECK(state.region.length == 0.8);
  CHECK(state.local.size() == 0);
  CHECK(state.observations.size() == 8);
  CHECK(state.value == 6);
  drive(search, state, rising, 2);
  CHECK(state.local.size() == 4);
}

TEST_CASE("an evaluation that comes after its region has ended is remembered but not learnt from",
          "[bayes][trust_region_search]") {
  Local search = local(2);
  search.region.failure_tolerance = 1;
  search.region.least_length = 0.7;
  State state = begun(search, 2);
  drive(search, state, bowl, 2);
  const std::vector<Evaluation<double>> high{1e3}, low{-1.0};
  const auto first = search.ask(state).ids;
  search.tell(state, {first.data(), 1}, high);
  const auto second = search.ask(state).ids;
  REQUIRE(second.size() == 2);
  // The one that waits since then does, and the new one ends the region.
  const auto late = first[1], now = second[0] == late ? second[1] : second[0];
  search.tell(state, {&now, 1}, high);
  REQUIRE(state.restarts == 1);
  search.tell(state, {&late, 1}, low);
  CHECK(state.value == -1);
  CHECK(state.local.size() == 0);
}

TEST_CASE("failures, infinities and constants do not stop a trust region", "[bayes][trust_region_search]") {
  const Local search = local(2);
  State holes = begun(search, 3);
  drive(
      search, holes, [](const VectorXd& x) { return x[0] < 0 ? std::nan("") : bowl(x); }, 15);
  CHECK(holes.observations.size() == 30);
  CHECK(holes.value < 3.5);
  State nothing = begun(search, 3);
  drive(
      search, nothing, [](const VectorXd&) { return std::numeric_limits<double>::infinity(); }, 8);
  CHECK(std::isnan(nothing.value));
  CHECK(nothing.observations.size() == 16);
  State constant = begun(search, 3);
  drive(
      search, constant, [](const VectorXd&) { return 5.0; }, 12);
  CHECK(constant.value == 5);
  CHECK(constant.region.length < 0.8);
}

TEST_CASE("in a trust region an exception of the objective passes through and the same points are evaluated next",
          "[bayes][trust_region_search]") {
  int count = 0;
  const Bowl f = within(Any{[&](const VectorXd& x) {
                          if (++count == 3) throw std::runtime_error("once");
                          return bowl(x);
                        }},
                        cube(10));
  const Local search = local();
  State state;
  search.init(f, VectorXd(VectorXd::Zero(10)), state);
  search.step(f, state), search.step(f, state);
  CHECK_THROWS_AS(search.step(f, state), std::runtime_error);
  CHECK(state.open == 1);
  search.step(f, state);
  CHECK(state.observations.size() == 3);
}

TEST_CASE("a trust region that learns from the nearest observations alone gives the same bits after loading",
          "[bayes][trust_region_search]") {
  Local search = local(2);
  search.nearest = 20;
  State whole = begun(search, 3), loaded;
  drive(search, whole, bowl, 12);
  CHECK(whole.plain.process.size() == 20);
  load(save(whole), loaded);
  for (State* state : {&whole, &loaded}) drive(search, *state, bowl, 8);
  CHECK(identical(whole, loaded));
  CHECK(whole.local.size() == 40);
  CHECK(whole.plain.process.size() == 20);
  CHECK(whole.value < 3.05);
}

TEST_CASE("a trust region goes down in float points of fixed size", "[bayes][trust_region_search]") {
  using X = Eigen::Vector3f;
  const Local search = local(2);
  Local::State<X> state;
  search.init(Box<X>{X::Constant(-2), X::Constant(3)}, X(X::Constant(-1)), state);
  for (int k = 0; k < 15; ++k) {
    const auto batch = search.ask(state);
    const auto ids = batch.ids;
    std::vector<Evaluation<float>> values;
    for (Eigen::Index j = 0; j < batch.points.cols(); ++j)
      values.emplace_back(float(bowl(batch.points.col(j).cast<double>())));
    search.tell(state, ids, values);
  }
  CHECK(state.value < 3.05F);
  CHECK(state.value >= 3);
}

TEST_CASE("a trust region goes down in 200 variables, more than Sobol's sequence has", "[bayes][trust_region_search]") {
  Local search = local(2);
  search.initial = 4;
  State state = begun(search, 200);
  drive(
      search, state, [](const VectorXd& x) { return x.squaredNorm(); }, 6);
  const auto values = state.observed_values();
  CHECK(values.size() == 12);
  CHECK(values.tail(8).minCoeff() < values.head(4).minCoeff());
}

TEST_CASE("a trust region begins with the observations of a prior", "[bayes][trust_region_search]") {
  const Local search = local(2);
  State first = begun(search, 3), next;
  drive(search, first, bowl, 5);
  search.init(within(Any{bowl}, cube(3)), first, next);
  CHECK(next.inherited == 10);
  CHECK(next.local.size() == 10);
  CHECK(std::isnan(next.value));
}

TEST_CASE("settings of a trust region out of their range are refused", "[bayes][trust_region_search]") {
  State state;
  Local search = local();
  CHECK_THROWS_AS(search.init(cube(2), VectorXd{{9, 9}}, state), std::invalid_argument);
  search.batch = 0;
  CHECK_THROWS_AS(search.check(), std::invalid_argument);
  search = local();
  search.candidates = 0;
  CHECK_THROWS_AS(search.check(), std::invalid_argument);
  search = local();
  search.region.least_length = 0;
  CHECK_THROWS_AS(search.check(), std::invalid_argument);
}
