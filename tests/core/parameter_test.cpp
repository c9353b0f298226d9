#include <mesaopt/core/parameter.hpp>

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include "support/catch.hpp"

using namespace mesaopt;

namespace {

template <class P>
concept HasLog = requires(const P& p) {
  p.log();
};

/// How often each level occurs at n places, one in the middle of every n-th part of [0, 1].
std::vector<int> counts(const Parameter& p, int n) {
  std::vector<int> all(std::size_t(p.levels()), 0);
  for (int k = 0; k < n; ++k) ++all[std::size_t(p.level((k + 0.5) / n))];
  return all;
}

}  // namespace

static_assert(HasLog<ParameterOf<double>> && HasLog<ParameterOf<std::int64_t>>);
static_assert(!HasLog<ParameterOf<std::string_view>> && !HasLog<ParameterOf<bool>>);
static_assert(std::same_as<decltype(integer("n", 1, 2).log().when("m", 3)), ParameterOf<std::int64_t>>);

TEST_CASE("a real number is proportional to its coordinate, or its logarithm is", "[core][space]") {
  const Parameter plain = real("momentum", -2, 6);
  CHECK(plain.number(0.25) == 0);
  CHECK(plain.number(0) == -2);
  CHECK(plain.number(1) == 6);
  const Parameter factor = real("rate", 1e-5, 1e-1).log();
  CHECK(factor.number(0.5) == Approx(1e-3).epsilon(1e-13));
  CHECK(factor.number(0) == 1e-5);
  CHECK(factor.number(1) == 1e-1);
  for (const double outside : {-0.1, -1e300, -std::numeric_limits<double>::infinity()})
    CHECK(factor.number(outside) == 1e-5);
  for (const double outside : {1.1, 1e300, std::numeric_limits<double>::infinity()})
    CHECK(factor.number(outside) == 1e-1);
  CHECK(factor.number(std::numeric_limits<double>::quiet_NaN()) == 1e-5);
  for (const double value : {1e-5, 3e-4, 0.0123, 1e-1})
    CHECK(factor.number(factor.coordinate(value)) == Approx(value).epsilon(1e-13));
  CHECK(plain.levels() == 0);
  CHECK(plain.middle(0.3) == 0.3);
  CHECK(real("fixed", 3, 3).number(real("fixed", 3, 3).coordinate(3)) == 3);
}

TEST_CASE("all integers of a range are equally probable, the least and the largest as well", "[core][space]") {
  const Parameter layers = integer("layers", -1, 5);
  CHECK(counts(layers, 7000) == std::vector<int>(7, 1000));
  CHECK(layers.number(0) == -1);
  CHECK(layers.number(1) == 5);
  for (int k = -1; k <= 5; ++k) CHECK(layers.number(layers.coordinate(k)) == k);
  CHECK(layers.edge(0) == 0);
  CHECK(layers.edge(3) == Approx(3 / 7.0));
  CHECK(layers.edge(7) == 1);
  CHECK(counts(categorical("c", {"a", "b", "c"}), 900) == std::vector<int>(3, 300));
  CHECK(counts(boolean("b"), 100) == std::vector<int>(2, 50));
}

TEST_CASE("a logarithmic integer takes what the logarithms of its neighbourhood take", "[core][space]") {
  const Parameter width = integer("width", 1, 1000).log();
  const double least = std::log(0.5), range = std::log(1000.5) - least;
  for (const int k : {1, 2, 10, 500, 999, 1000}) {
    const auto level = std::int64_t(k - 1);
    CHECK(width.edge(level + 1) - width.edge(level) == Approx(std::log((k + 0.5) / (k - 0.5)) / range).epsilon(1e-9));
    CHECK(width.number(width.coordinate(k)) == k);
    CHECK(width.level(width.edge(level) + 1e-7) == level);
    CHECK(width.level(width.edge(level + 1) - 1e-7) == level);
  }
  // About as many below the geometric mean as above it.
  const auto all = counts(integer("n", 10, 1000).log(), 10000);
  int below = 0;
  for (std::size_t k = 0; k < 90; ++k) below += all[k];
  CHECK(std::abs(below - 5000) < 150);
}

TEST_CASE("the middle of a cell is in it, and stays where it is", "[core][space]") {
  for (const Parameter& p :
       std::vector<Parameter>{integer("a", 0, 6), integer("b", 3, 70).log(), categorical("c", {"x", "y", "z"}),
                              boolean("d"), integer("e", 4, 4), integer("f", -(1L << 38), 1L << 38)})
    for (double u = -0.05; u < 1.1; u += 0.013) {
      const double middle = p.middle(u);
      CHECK(p.level(middle) == p.level(u));
      CHECK(p.middle(middle) == middle);
    }
}

TEST_CASE("values that a parameter cannot have are refused by name", "[core][space]") {
  const Parameter rate = real("rate", 0, 1), layers = integer("layers", 1, 8), kind = categorical("kind", {"a", "1"});
  CHECK_THROWS_WITH(rate.coordinate(1.5), Catch::Contains("'rate' cannot be 1.5"));
  CHECK_THROWS_AS(rate.coordinate("a"), std::invalid_argument);
  CHECK_THROWS_AS(rate.coordinate(std::numeric_limits<double>::quiet_NaN()), std::invalid_argument);
  CHECK_THROWS_WITH(layers.coordinate(9), Catch::Contains("'layers' cannot be 9"));
  CHECK_THROWS_AS(layers.coordinate(2.5), std::invalid_argument);
  CHECK(layers.coordinate(3.0) == layers.coordinate(3));
  CHECK_THROWS_AS(layers.coordinate(true), std::invalid_argument);
  CHECK_THROWS_WITH(kind.coordinate("b"), Catch::Contains("'kind' cannot be b"));
  CHECK_THROWS_AS(kind.coordinate(1), std::invalid_argument);
  CHECK(kind.coordinate("1") == 0.75);
  CHECK(boolean("flag").coordinate(true) == 0.75);
}

TEST_CASE("parameters that are none are refused by name", "[core][space]") {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  CHECK_THROWS_WITH(real("rate", 2, 1).check(), Catch::Contains("'rate' has bounds 2 and 1; needs lower <= upper"));
  CHECK_THROWS_WITH(real("rate", 0, infinity).check(), Catch::Contains("'rate' has bounds 0 and inf"));
  CHECK_THROWS_AS(real("rate", -1e308, 1e308).check(), std::invalid_argument);
  CHECK_THROWS_AS(real("rate", std::nan(""), 1).check(), std::invalid_argument);
  CHECK_THROWS_WITH(real("rate", 0, 1).log().check(), Catch::Contains("needs lower > 0"));
  CHECK_THROWS_WITH(integer("n", 0, 5).log().check(), Catch::Contains("'n'"));
  CHECK_THROWS_AS(integer("n", 5, 4).check(), std::invalid_argument);
  CHECK_THROWS_WITH(integer("n", 0, std::int64_t(1) << 41).check(), Catch::Contains("2^40"));
  CHECK_THROWS_WITH(integer("n", std::int64_t(1) << 53, (std::int64_t(1) << 53) + 1).check(), Catch::Contains("2^53"));
  CHECK_THROWS_AS((Parameter{"n", ParameterKind::integer, 0.5, 3}.check()), std::invalid_argument);
  CHECK_THROWS_WITH(categorical("c", {}).check(), Catch::Contains("'c' has no categories"));
  CHECK_THROWS_WITH(categorical("c", {"a", "b", "a"}).check(), Catch::Contains("'c' has the category 'a' twice"));
  CHECK_THROWS_WITH(real("", 0, 1).check(), Catch::Contains("empty name"));
  CHECK_NOTHROW(integer("n", 1, 5).log().check());
}
