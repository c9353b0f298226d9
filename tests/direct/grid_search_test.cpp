#include <mesaopt/direct/grid_search.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/bytes.hpp>
#include <mesaopt/core/fields.hpp>
#include <mesaopt/core/minimize.hpp>
#include <mesaopt/core/space.hpp>
#include <mesaopt/objective/bounds.hpp>
#include <mesaopt/objective/in_space.hpp>

#include "support/allocations.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::Vector2d, Eigen::VectorXd;

namespace {

struct Any {
  std::function<double(const VectorXd&)> f;
  double operator()(const VectorXd& x) const { return f(x); }
};

/// Of configurations, written down.
struct Noted {
  std::function<double(const std::string&)> f;
  double operator()(const Configuration& c) const {
    std::ostringstream out;
    out << c;
    return f(out.str());
  }
};

using State = GridSearch::State<VectorXd>;
const Box<VectorXd> box{VectorXd{{-1, 0}}, VectorXd{{1, 20}}};

/// The points evaluated after the start, as text.
std::vector<std::string> visited(const GridSearch& search) {
  std::vector<std::string> all;
  const Any f{[&](const VectorXd& x) {
    std::ostringstream out;
    out << x[0] << ' ' << x[1];
    all.push_back(out.str());
    return x.squaredNorm();
  }};
  CHECK(minimize(within(f, box), VectorXd{{0.5, 3}}, search).status == Status::converged);
  CHECK(all.front() == "0.5 3");
  all.erase(all.begin());
  return all;
}

}  // namespace

static_assert(OptimizerFor<GridSearch, Within<Any, VectorXd>, VectorXd> && SamplerFor<GridSearch, VectorXd>);

TEST_CASE("grid search goes through all points from bound to bound, then ends", "[direct][grid_search]") {
  const std::vector<std::string> nine{"-1 0", "-1 10", "-1 20", "0 0", "0 10", "0 20", "1 0", "1 10", "1 20"};
  for (const Eigen::Index batch : {1, 4, 10, 30}) CHECK(visited({.points = 3, .batch = batch}) == nine);
  CHECK(visited({.points = 1}) == std::vector<std::string>{"0 10"});

  const auto shuffled = visited({.points = 3, .shuffled = true});
  CHECK(shuffled != nine);
  CHECK(std::set(shuffled.begin(), shuffled.end()) == std::set(nine.begin(), nine.end()));
  CHECK(visited({.points = 3, .shuffled = true, .seed = 2}) != shuffled);
}

TEST_CASE("grid search finds the best point of the grid, or the start if that is better", "[direct][grid_search]") {
  const auto f = within(Any{[](const VectorXd& x) { return std::abs(x[0] - 0.47) + std::abs(x[1] - 13); }}, box);
  const auto solution = minimize(f, VectorXd{{0, 0}}, GridSearch{.points = 21});
  CHECK(solution.x[0] == Approx(0.5));
  CHECK(solution.x[1] == Approx(13));
  CHECK(solution.counts[0].values == 21 * 21 + 1);
  CHECK(minimize(f, VectorXd{{0.47, 13.01}}, GridSearch{.points = 21}).value == Approx(0.01));
  const auto cut = minimize(f, VectorXd{{0, 0}}, GridSearch{.points = 21}, MaxEvaluations{100});
  CHECK(cut.counts[0].values == 100);
  CHECK(cut.status == Status::max_evaluations);
}

TEST_CASE("in a search space the grid takes every category and integer once, and factors of real numbers",
          "[direct][grid_search]") {
  const Space space{real("rate", 1e-4, 1).log(), integer("layers", 1, 2), categorical("act", {"tanh", "relu"}),
                    integer("width", 1, 1000)};
  std::set<std::string> seen;
  const auto f = in_space(Noted{[&](const std::string& text) { return seen.insert(text), 1.0; }}, space);
  const VectorXd start = space.point({{"width", 7}});
  const auto solution = minimize(f, start, GridSearch{.points = 3});
  CHECK(solution.counts[0].values == 1 + 3 * 2 * 2 * 3);
  CHECK(seen.size() == 1 + 3 * 2 * 2 * 3);
  CHECK(seen.count("rate = 0.01, layers = 2, act = relu, width = 1000") == 1);
  CHECK(seen.count("rate = 0.0001, layers = 1, act = tanh, width = 1") == 1);
  CHECK(seen.count("rate = 1, layers = 2, act = tanh, width = 501") == 1);
}

TEST_CASE("the end of a grid may be told late, copied or loaded", "[direct][grid_search]") {
  const GridSearch search{.points = 2, .batch = 4};
  State state;
  search.init(box, VectorXd{{0, 0}}, state);
  const auto told = [&](State& to, const std::vector<std::uint64_t>& ids, double value) {
    search.tell(to, ids, std::vector<Evaluation<double>>(ids.size(), value));
  };
  CHECK(search.ask(state).ids == std::vector<std::uint64_t>{0, 1, 2, 3});
  told(state, {3, 0, 1}, 2.0);
  CHECK(search.ask(state).ids == std::vector<std::uint64_t>{4, 2});  // five points in all
  told(state, {4}, 1.0);
  CHECK(search.ask(state).ids == std::vector<std::uint64_t>{2});
  CHECK(search.ask(state).points.col(0) == Vector2d(-1, 20));
  CHECK(state.status == Status::running);
  State loaded = load<State>(save(state));
  for (State* one : {&state, &loaded}) {
    told(*one, {2}, 0.0);
    CHECK(one->status == Status::converged);
    CHECK(one->x == Vector2d(-1, 20));
    CHECK(search.ask(*one).ids.empty());
    CHECK(search.ask(*one).points.cols() == 0);
  }
  CHECK(identical(state, loaded));
}

TEST_CASE("a grid without a usable value has failed, and one that cannot be is refused", "[direct][grid_search]") {
  const Any nothing{[](const VectorXd&) { return std::numeric_limits<double>::infinity(); }};
  CHECK(minimize(within(nothing, box), VectorXd{{0, 0}}, GridSearch{}).status == Status::non_finite);
  State state;
  CHECK_THROWS_WITH(GridSearch{.points = 0}.init(VectorXd{{0, 0}}, state), Catch::Contains("GridSearch::points: is 0"));
  CHECK_THROWS_WITH(GridSearch{}.init(VectorXd::Zero(40).eval(), state), Catch::Contains("2^63 points"));
  CHECK_THROWS_WITH(GridSearch{.batch = 0}.init(VectorXd{{0, 0}}, state), Catch::Contains("GridSearch::batch"));

  const auto f = within(Any{[](const VectorXd& x) { return x[0]; }}, box);
  const GridSearch search{.points = 10};
  search.init(f, VectorXd{{0, 0}}, state);
  search.step(f, state);
  const long before = allocations();
  for (int k = 0; k < 4; ++k) search.step(f, state);
  CHECK(allocations() == before);
}
