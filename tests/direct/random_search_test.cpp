#include <mesaopt/direct/random_search.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <stdexcept>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/bytes.hpp>
#include <mesaopt/core/fields.hpp>
#include <mesaopt/core/minimize.hpp>
#include <mesaopt/core/random.hpp>
#include <mesaopt/objective/bounds.hpp>

#include "support/allocations.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::MatrixXd, Eigen::Vector2f, Eigen::VectorXd;

namespace {

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

struct Any {
  std::function<double(const VectorXd&)> f;
  double operator()(const VectorXd& x) const { return f(x); }
};
const Any bowl{[](const VectorXd& x) { return x.squaredNorm(); }};

struct Flat {
  static constexpr bool stochastic = true;
  template <Point X>
  ScalarOf<X> operator()(const X& x) const {
    return std::abs(x[0]);
  }
};

using State = RandomSearch::State<VectorXd>;
using Values = std::vector<Evaluation<double>>;
using Ids = std::vector<std::uint64_t>;

const Box<VectorXd> box{VectorXd{{-1, 10, -100}}, VectorXd{{1, 30, -40}}};
const VectorXd x0{{0.5, 12, -50}};

/// The first `count` points of a search in the box.
MatrixXd drawn(const RandomSearch& search, Eigen::Index count) {
  MatrixXd all(3, count);
  State state;
  search.init(box, x0, state);
  for (Eigen::Index k = 0; k < count;) {
    const auto batch = search.ask(state);
    for (Eigen::Index j = 0; j < batch.points.cols() && k < count; ++j) all.col(k++) = batch.points.col(j);
    const Ids ids = batch.ids;
    search.tell(state, ids, Values(ids.size(), 1.0));
  }
  return all;
}

}  // namespace

static_assert(OptimizerFor<RandomSearch, Any, VectorXd> && OptimizerFor<RandomSearch, Within<Any, VectorXd>, VectorXd>);
static_assert(OptimizerFor<RandomSearch, Flat, Vector2f> && is_stochastic<Flat>);
static_assert(SamplerFor<RandomSearch, VectorXd> && SamplerFor<RandomSearch, Vector2f>);
static_assert(detail::handles_bounds<RandomSearch> && !detail::needs_gradient<RandomSearch>);

TEST_CASE("random search draws the start, then points uniform in the box", "[direct][random_search]") {
  const MatrixXd all = drawn({}, 20001);
  CHECK(all.col(0) == x0);
  const MatrixXd unit =
      (((all.rightCols(20000).colwise() - box.lower).array().colwise()) / (box.upper - box.lower).array()).matrix();
  CHECK((unit.minCoeff() >= 0 && unit.maxCoeff() <= 1));
  for (Eigen::Index i = 0; i < 3; ++i) {
    CHECK(std::abs(unit.row(i).mean() - 0.5) < 5 / std::sqrt(12 * 20000.0));
    for (const double t : {0.1, 0.5, 0.9})
      CHECK(std::abs((unit.row(i).array() < t).cast<double>().mean() - t) < 5 * std::sqrt(t * (1 - t) / 20000));
    const auto a = unit.row(i).array() - 0.5, b = unit.row((i + 1) % 3).array() - 0.5;
    CHECK(std::abs((a * b).mean()) < 5 / 12.0 / std::sqrt(20000.0));
  }
}

TEST_CASE("the points of random search depend on the seed alone", "[direct][random_search]") {
  const MatrixXd one = drawn({.batch = 1}, 40);
  CHECK(identical(drawn({.batch = 7}, 40), one));
  CHECK(drawn({.seed = 2}, 40).rightCols(39) != one.rightCols(39));
  // As many calls as the limit allows, whatever the batch.
  for (const Eigen::Index batch : {1, 7, 100}) {
    int calls = 0;
    const Any counted{[&](const VectorXd& x) { return ++calls, x.squaredNorm(); }};
    const auto solution = minimize(within(counted, box), x0, RandomSearch{.batch = batch}, MaxEvaluations{40});
    CHECK(calls == 40);
    CHECK(solution.status == Status::max_evaluations);
    CHECK(solution.value == one.colwise().squaredNorm().minCoeff());
    CHECK(solution.value == solution.x.squaredNorm());
  }
}

TEST_CASE("random search comes near to the optimum as often as chance has it", "[direct][random_search]") {
  // Of 60 points, the best is among the best 5 % with a probability of 95 %.
  int reached = 0;
  for (std::uint64_t seed = 1; seed <= 400; ++seed) {
    const auto solution = minimize(within(Any{[](const VectorXd& x) { return x[0]; }}, box), x0,
                                   RandomSearch{.seed = seed}, MaxEvaluations{61});
    reached += solution.value < -0.9;
  }
  CHECK(std::abs(reached - 381.6) < 5 * std::sqrt(400 * 0.954 * 0.046));
}

TEST_CASE("without bounds, random search looks around the start", "[direct][random_search]") {
  State state;
  const RandomSearch search{.batch = 500, .radius = 3};
  search.init(x0, state);
  const MatrixXd around = search.ask(state).points.colwise() - x0;
  CHECK(around.cwiseAbs().maxCoeff() <= 3);
  CHECK(around.cwiseAbs().maxCoeff() > 2.9);
  VectorXd open = box.upper;
  open[1] = std::numeric_limits<double>::infinity();
  search.init(Box<VectorXd>{box.lower, open}, x0, state);
  CHECK(search.ask(state).points.row(1).maxCoeff() <= 15);
  CHECK(search.ask(state).points.row(1).minCoeff() >= 10);
}

TEST_CASE("evaluations may come late, in any order, as failures or never", "[direct][random_search]") {
  const RandomSearch search{.batch = 4};
  State state;
  search.init(box, x0, state);
  const MatrixXd first = search.ask(state).points;
  const Ids ids = search.ask(state).ids;
  CHECK(ids == Ids{0, 1, 2, 3});
  CHECK(identical(MatrixXd(search.ask(state).points), first));  // asking again gives the same

  search.tell(state, Ids{2}, Values{5.0});
  CHECK(state.value == 5);
  CHECK(state.x == first.col(2));
  const auto second = search.ask(state);  // the others, and a new one in the free place
  CHECK(second.ids == Ids{0, 1, 4, 3});
  CHECK(second.points.col(1) == first.col(1));
  CHECK(second.points.col(2) != first.col(2));

  search.tell(state, Ids{3, 0}, Values{Evaluation<double>::failure(Reason::threw), 5.0});
  CHECK(state.x == first.col(0));  // of equals the first
  search.tell(state, Ids{4}, Values{not_a_number});
  CHECK(state.value == 5);
  for (std::uint64_t id = 5; id < 200; ++id) {
    CHECK(search.ask(state).ids[1] == 1);  // the one that was lost is offered for ever
    search.tell(state, Ids{id}, Values{7.0});
  }
  CHECK(state.status == Status::running);
}

TEST_CASE("ids that are unknown or told twice are refused, and nothing changes", "[direct][random_search]") {
  const RandomSearch search{.batch = 3};
  State state;
  CHECK_THROWS_WITH(search.ask(state), Catch::Contains("init comes before ask"));
  search.init(box, x0, state);
  search.ask(state);
  search.tell(state, Ids{1}, Values{2.0});
  const State before = state;
  CHECK_THROWS_WITH(search.tell(state, Ids{0, 7}, Values{1.0, 1.0}), Catch::Contains("7 names no point"));
  CHECK_THROWS_AS(search.tell(state, Ids{1}, Values{1.0}), std::invalid_argument);
  CHECK_THROWS_AS(search.tell(state, Ids{2, 0, 2}, Values{1.0, 1.0, 1.0}), std::invalid_argument);
  CHECK_THROWS_WITH(search.tell(state, Ids{0, 2}, Values{1.0}), Catch::Contains("are 2, but evaluations 1"));
  CHECK(identical(state, before));
}

TEST_CASE("a search that is copied, or saved and loaded, goes on with the same bits", "[direct][random_search]") {
  const RandomSearch search{.batch = 5};
  const auto f = within(bowl, box);
  State state;
  search.init(f, x0, state);
  for (int k = 0; k < 3; ++k) search.step(f, state);
  const Ids ids = search.ask(state).ids;
  search.tell(state, Ids{ids[3], ids[1]}, Values{1e9, 1e8});
  State copy = state, loaded = load<State>(save(state));
  for (State* one : {&state, &copy, &loaded})
    for (int k = 0; k < 5; ++k) search.step(f, *one);
  CHECK(identical(copy, state));
  CHECK(identical(loaded, state));

  State fresh;
  for (State* one : {&state, &fresh}) {  // a used state begins anew as a new one does
    search.init(bowl, VectorXd(x0.head(2)), *one);
    for (int k = 0; k < 3; ++k) search.step(bowl, *one);
  }
  CHECK(identical(fresh, state));
}

TEST_CASE("an exception passes through, and the next step evaluates the batch anew", "[direct][random_search]") {
  int calls = 0;
  const Any sometimes{[&](const VectorXd& x) {
    if (++calls == 7) throw std::runtime_error("once");
    return x.squaredNorm();
  }};
  const RandomSearch search{.batch = 5};
  State state, other;
  search.init(box, x0, state);
  search.step(sometimes, state);
  const VectorXd best = state.x;
  CHECK_THROWS_AS(search.step(sometimes, state), std::runtime_error);
  CHECK(state.x == best);
  search.step(sometimes, state);
  search.init(box, x0, other);
  for (int k = 0; k < 2; ++k) search.step(bowl, other);
  CHECK(identical(state.x, other.x));
  CHECK(state.next == other.next);
}

TEST_CASE("where nothing is usable, random search has found nothing, and says so", "[direct][random_search]") {
  const auto nothing =
      minimize(within(Any{[](const VectorXd&) { return not_a_number; }}, box), x0, RandomSearch{}, MaxEvaluations{50});
  CHECK(!succeeded(nothing.status));
  CHECK(std::isnan(nothing.value));
  CHECK(nothing.x == x0);
  CHECK(nothing.events[std::size_t(Reason::non_finite_value)].count == 50);
  const auto mostly = minimize(within(Any{[](const VectorXd& x) { return x[0] < 0.8 ? not_a_number : x[0]; }}, box), x0,
                               RandomSearch{}, MaxEvaluations{100});
  CHECK(mostly.value >= 0.8);
  CHECK(mostly.value < 0.85);
}

TEST_CASE("random search works on small points of floats, and keeps the best of noisy ones",
          "[direct][random_search]") {
  const auto solution = minimize(Flat{}, Vector2f(0.5f, 2.0f), RandomSearch{.radius = 0.5}, MaxEvaluations{200});
  CHECK(solution.value < 0.05f);
  CHECK(solution.value == std::abs(solution.x[0]));
}

TEST_CASE("a step of random search allocates nothing, and settings out of range are refused",
          "[direct][random_search]") {
  const RandomSearch search{};
  const auto f = within(bowl, box);
  State state;
  search.init(f, x0, state);
  search.step(f, state);
  const long before = allocations();
  for (int k = 0; k < 10; ++k) search.step(f, state);
  search.init(f, x0, state);
  search.step(f, state);
  CHECK(allocations() == before);

  CHECK_THROWS_WITH(RandomSearch{.batch = 0}.init(x0, state), Catch::Contains("RandomSearch::batch"));
  CHECK_THROWS_WITH(RandomSearch{.radius = -1}.init(x0, state), Catch::Contains("RandomSearch::radius"));
  CHECK_THROWS_AS(search.init(VectorXd(), state), std::invalid_argument);
  CHECK_THROWS_WITH(search.init(box, VectorXd{{2, 20, -50}}, state), Catch::Contains("start: coordinate 0"));
  CHECK_THROWS_AS(search.ask(state), std::invalid_argument);  // not of the run before
}
