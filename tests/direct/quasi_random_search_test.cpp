#include <mesaopt/direct/quasi_random_search.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <set>
#include <stdexcept>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/bytes.hpp>
#include <mesaopt/core/fields.hpp>
#include <mesaopt/core/minimize.hpp>
#include <mesaopt/direct/random_search.hpp>
#include <mesaopt/objective/bounds.hpp>

#include "support/allocations.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::MatrixXd, Eigen::VectorXd;

namespace {

struct Any {
  std::function<double(const VectorXd&)> f;
  double operator()(const VectorXd& x) const { return f(x); }
};
const Any bowl{[](const VectorXd& x) { return x.squaredNorm(); }};

template <class Search>
using StateOfSearch = typename Search::template State<VectorXd>;

VectorXd all(Eigen::Index n, double value) { return VectorXd::Constant(n, value); }

}  // namespace

static_assert(OptimizerFor<QuasiRandomSearch, Within<Any, VectorXd>, VectorXd>);
static_assert(SamplerFor<QuasiRandomSearch, VectorXd> && SamplerFor<HaltonSearch, VectorXd>);
static_assert(SamplerFor<QuasiRandomSearch, Eigen::Vector2f>);

TEST_CASE("after the start, quasi-random search has one of 64 points in each rectangle of the box",
          "[direct][quasi_random_search]") {
  const Box<VectorXd> box{VectorXd{{-4, 0}}, VectorXd{{4, 8}}};
  const QuasiRandomSearch search{.batch = 65, .seed = 4};
  StateOfSearch<QuasiRandomSearch> state;
  search.init(box, VectorXd{{1, 1}}, state);
  const auto batch = search.ask(state);
  CHECK(batch.points.col(0) == VectorXd{{1, 1}});
  std::set<std::pair<int, int>> squares, columns;
  for (Eigen::Index k = 1; k < 65; ++k) {
    const double a = batch.points(0, k) + 4, b = batch.points(1, k);
    squares.emplace(int(a), int(b));
    columns.emplace(int(8 * a), 0);
    CHECK(box.contains(batch.points.col(k)));
  }
  CHECK(squares.size() == 64);
  CHECK(columns.size() == 64);
}

TEST_CASE("the points of quasi-random search are those of its sequence, whatever the batch",
          "[direct][quasi_random_search]") {
  const Box<VectorXd> unit{all(5, 0), all(5, 1)};
  MatrixXd sobol(5, 48), halton(5, 48);
  Sobol{.dimension = 5, .seed = 9}.fill(sobol);
  Halton{.dimension = 5, .seed = 9}.fill(halton);
  MatrixXd seen(5, 49);
  Eigen::Index k = 0;
  const Any watched{[&](const VectorXd& x) { return seen.col(k++) = x, 1 + x.sum(); }};
  for (const Eigen::Index batch : {1, 10}) {
    k = 0;
    (void)minimize(within(watched, unit), all(5, 0.5), QuasiRandomSearch{.batch = batch, .seed = 9},
                   MaxEvaluations{49});
    CHECK(seen.rightCols(48) == sobol);
  }
  k = 0;
  (void)minimize(within(watched, unit), all(5, 0.5), HaltonSearch{.seed = 9}, MaxEvaluations{49});
  CHECK(seen.rightCols(48) == halton);
}

TEST_CASE("the best of quasi-random points is nearer to an optimum anywhere than the best of random ones",
          "[direct][quasi_random_search]") {
  // Distances in two variables of 64 points to optima at random, on average over 200.
  const Box<VectorXd> unit{all(2, 0), all(2, 1)};
  Random random{.seed = 1};
  double sobol = 0, halton = 0, plain = 0;
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    const VectorXd optimum{{random.uniform(), random.uniform()}};
    const auto f = within(Any{[&](const VectorXd& x) { return (x - optimum).norm(); }}, unit);
    const MaxEvaluations limit{65};
    sobol += minimize(f, all(2, 0), QuasiRandomSearch{.seed = seed}, limit).value;
    halton += minimize(f, all(2, 0), HaltonSearch{.seed = seed}, limit).value;
    plain += minimize(f, all(2, 0), RandomSearch{.seed = seed}, limit).value;
  }
  CHECK(sobol < 0.93 * plain);
  CHECK(halton < 0.93 * plain);
}

TEST_CASE("a quasi-random search that is copied, or saved and loaded, goes on with the same bits",
          "[direct][quasi_random_search]") {
  using State = StateOfSearch<QuasiRandomSearch>;
  const QuasiRandomSearch search{.batch = 5};
  const auto f = within(bowl, Box<VectorXd>{all(7, -2), all(7, 1)});
  State state;
  search.init(f, all(7, 0.7), state);
  for (int k = 0; k < 3; ++k) search.step(f, state);
  State copy = state, loaded = load<State>(save(state));
  for (State* one : {&state, &copy, &loaded})
    for (int k = 0; k < 5; ++k) search.step(f, *one);
  CHECK(identical(copy, state));
  CHECK(identical(loaded, state));

  const long before = allocations();
  for (int k = 0; k < 5; ++k) search.step(f, state);
  search.init(f, state.x, state);
  search.step(f, state);
  CHECK(allocations() == before);
  State fresh;
  search.init(f, state.start, fresh);
  search.step(f, fresh);
  CHECK(identical(fresh, state));
}

TEST_CASE("more variables than Sobol has are refused, and Halton takes them", "[direct][quasi_random_search]") {
  StateOfSearch<QuasiRandomSearch> sobol;
  CHECK_THROWS_WITH(QuasiRandomSearch{}.init(all(162, 0), sobol), Catch::Contains("Sobol::dimension: is 162"));
  CHECK_THROWS_AS(QuasiRandomSearch{}.ask(sobol), std::invalid_argument);
  CHECK_THROWS_WITH(QuasiRandomSearch{.batch = -1}.init(all(2, 0), sobol), Catch::Contains("QuasiRandomSearch::batch"));
  StateOfSearch<HaltonSearch> halton;
  HaltonSearch{}.init(all(162, 0), halton);
  CHECK(HaltonSearch{}.ask(halton).points.rows() == 162);
}
