#include <mesaopt/core/space.hpp>

#include <cstdint>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/random.hpp>

#include "support/allocations.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::VectorXd;

namespace {

const auto rate = real("learning_rate", 1e-5, 1e-1).log();
const auto layers = integer("layers", 1, 8);
const auto optimizer = categorical("optimizer", {"adam", "sgd", "rmsprop"});
const auto momentum = real("momentum", 0, 0.99).when("optimizer", {"sgd", "rmsprop"});
const auto nesterov = boolean("nesterov").when("optimizer", "sgd").when_at_least("momentum", 0.1);
const auto width = integer("width_3", 16, 512).log().when_at_least("layers", 3);
const Space space{rate, layers, momentum, nesterov, optimizer, width};  // children may come before their parents

VectorXd draw(Random& random) {
  VectorXd x(space.dimension());
  for (double& u : x) u = random.uniform(-0.05, 1.05);
  return x;
}

template <class T>
concept HasConfiguration = requires(const Space& s, T&& x) {
  s.configuration(std::forward<T>(x));
};

}  // namespace

static_assert(HasConfiguration<VectorXd&> && HasConfiguration<const VectorXd&> && HasConfiguration<Eigen::Vector3d&>);
static_assert(!HasConfiguration<VectorXd>, "a view of a temporary point would dangle");
static_assert(!HasConfiguration<Eigen::VectorXf&>);

TEST_CASE("settings become a point, and the point the same values", "[core][space]") {
  const VectorXd x = space.point({{"optimizer", "sgd"},
                                  {"learning_rate", 3e-3},
                                  {"layers", 4},
                                  {"momentum", 0.9},
                                  {"nesterov", true},
                                  {"width_3", 100}});
  const Configuration c = space.configuration(x);
  const double r = c[rate];
  const std::int64_t l = c[layers];
  const std::string_view o = c[optimizer];
  const bool n = c[nesterov];
  CHECK(r == Approx(3e-3).epsilon(1e-13));
  CHECK(l == 4);
  CHECK(o == "sgd");
  CHECK(n);
  CHECK(c.real("momentum") == Approx(0.9).epsilon(1e-13));
  CHECK(c.integer("width_3") == 100);
  CHECK(c.category("optimizer") == "sgd");
  CHECK(c.boolean("nesterov"));
  std::ostringstream out;
  out << c;
  CHECK(out.str() ==
        "learning_rate = 0.003, layers = 4, momentum = 0.9, nesterov = true, optimizer = sgd, width_3 = 100");

  const VectorXd middle = space.point();
  CHECK(space.configuration(middle).real("learning_rate") == Approx(1e-3));
  CHECK(space.configuration(middle).category("optimizer") == "sgd");
}

TEST_CASE("inactive parameters are told apart from values", "[core][space]") {
  VectorXd x = space.point({{"optimizer", "adam"}, {"layers", 2}});
  const Configuration c = space.configuration(x);
  CHECK(!c.active("momentum"));
  CHECK(!c.active("width_3"));
  CHECK(c.active("layers"));
  CHECK(!c.find(momentum).has_value());
  CHECK(c.find(layers) == std::optional<std::int64_t>(2));
  CHECK_THROWS_WITH(c[momentum], Catch::Contains("'momentum' is inactive"));
  std::ostringstream out;
  out << c;
  CHECK(out.str() == "learning_rate = 0.001, layers = 2, optimizer = adam");

  x = space.point({{"optimizer", "rmsprop"}, {"momentum", 0.5}, {"layers", 3}});
  CHECK(c.active("momentum"));  // a view: it reads the point as it is now
  CHECK(!c.active("nesterov"));
  CHECK(c.active("width_3"));
  x = space.point({{"optimizer", "sgd"}, {"momentum", 0.05}});
  CHECK(!c.active("nesterov"));
  x = space.point({{"optimizer", "sgd"}, {"momentum", 0.2}});
  CHECK(c.active("nesterov"));
}

TEST_CASE("a parameter below an inactive one is inactive", "[core][space]") {
  const Space chain{integer("c", 1, 3).when("b", 2), integer("b", 1, 2).when("a", 2), integer("a", 1, 2)};
  VectorXd x = chain.point({{"a", 1}, {"b", 2}});
  CHECK(!chain.configuration(x).active("c"));
  x = chain.point({{"a", 2}, {"b", 2}});
  CHECK(chain.configuration(x).active("c"));
}

TEST_CASE("conditions that branch at every one of many levels are read at once", "[core][space]") {
  std::vector<Parameter> many{integer("0", 1, 2), integer("1", 1, 2)};
  for (int k = 2; k < 60; ++k)
    many.push_back(
        integer(std::to_string(k), 1, 2).when(std::to_string(k - 1), 2).when_at_least(std::to_string(k - 2), 2));
  const Space deep{many};
  VectorXd x = VectorXd::Ones(60);
  CHECK(deep.configuration(x).active("59"));
  x[3] = 0;
  CHECK(!deep.configuration(x).active("59"));
  CHECK(deep.configuration(x).active("3"));
}

TEST_CASE("points of the same values have the same representative", "[core][space]") {
  Random random{.seed = 3};
  for (int k = 0; k < 2000; ++k) {
    const VectorXd x = draw(random);
    VectorXd same = x, center, of_center, of_same;
    space.representative(x, center);
    space.representative(center, of_center);
    CHECK(center == of_center);
    std::ostringstream before, after;
    before << space.configuration(x);
    after << space.configuration(center);
    CHECK(before.str() == after.str());
    CHECK((center.minCoeff() >= 0 && center.maxCoeff() <= 1));
    for (Eigen::Index i = 0; i < x.size(); ++i)
      if (!space.active(i, x.data())) same[i] = random.uniform();
    space.representative(same, of_same);
    CHECK(of_same == center);
    space.representative(same, same);
    CHECK(same == center);
  }
}

TEST_CASE("what an optimizer needs to know of a coordinate can be read", "[core][space]") {
  std::vector<ParameterKind> kinds;
  std::vector<std::int64_t> levels;
  for (const Parameter& p : space.parameters()) {
    kinds.push_back(p.kind);
    levels.push_back(p.levels());
  }
  CHECK(kinds == std::vector{ParameterKind::real, ParameterKind::integer, ParameterKind::real, ParameterKind::category,
                             ParameterKind::category, ParameterKind::integer});
  CHECK(levels == std::vector<std::int64_t>{0, 8, 0, 2, 3, 497});
  CHECK(space.index("optimizer") == 4);
  CHECK(space.parameter(1).edge(4) == 0.5);
}

TEST_CASE("reading values allocates nothing", "[core][space]") {
  const VectorXd x = space.point({{"optimizer", "sgd"}});
  const long before = allocations();
  const Configuration c = space.configuration(x);
  const double sum = c[rate] + double(c[layers]) + c[momentum] + double(c[optimizer].size());
  const auto w = c.find(width);
  CHECK(allocations() == before);
  CHECK(sum > 0);
  CHECK(w.has_value());
}

TEST_CASE("spaces that are none are refused, naming the parameter", "[core][space]") {
  const auto a = integer("a", 1, 3), b = integer("b", 1, 3);
  CHECK_THROWS_WITH(Space{}, Catch::Contains("no parameters"));
  CHECK_THROWS_WITH((Space{a, real("a", 0, 1)}), Catch::Contains("'a' is there twice"));
  CHECK_THROWS_WITH((Space{a, real("r", 2, 1)}), Catch::Contains("'r' has bounds 2 and 1"));
  CHECK_THROWS_WITH((Space{a, b.when("c", 1)}), Catch::Contains("'b' has a condition on 'c', which is not there"));
  CHECK_THROWS_WITH((Space{a, b.when("a", 4)}), Catch::Contains("'b' has a condition on 'a' to be 4"));
  CHECK_THROWS_WITH((Space{optimizer, b.when("optimizer", "sdg")}), Catch::Contains("to be sdg"));
  CHECK_THROWS_WITH((Space{rate, b.when("learning_rate", 1e-3)}), Catch::Contains("a real number"));
  CHECK_THROWS_WITH((Space{optimizer, b.when_at_least("optimizer", 1)}), Catch::Contains("'b'"));
  CHECK_THROWS_WITH((Space{a.when("a", 1)}), Catch::Contains("'a' has a condition on itself"));
  CHECK_THROWS_WITH((Space{a.when("b", 1), b.when("a", 1)}), Catch::Contains("on itself, through others or not"));
  const auto c = integer("c", 1, 3);
  CHECK_THROWS_AS((Space{b, a.when("b", 1), b.when("c", 1), c.when("b", 2)}), std::invalid_argument);
  CHECK_THROWS_AS((Space{integer("d", 1, 3).when("a", 1), a.when("b", 1), b.when("c", 1), c.when("b", 2)}),
                  std::invalid_argument);
}

TEST_CASE("points, settings and readings that do not fit the space are refused by name", "[core][space]") {
  CHECK_THROWS_WITH(space.point({{"layer", 3}}), Catch::Contains("'layer' is not in the space"));
  CHECK_THROWS_WITH(space.point({{"layers", 3}, {"layers", 3}}), Catch::Contains("'layers' is set twice"));
  CHECK_THROWS_WITH(space.point({{"layers", 9}}), Catch::Contains("'layers' cannot be 9"));
  const VectorXd wrong(3), x = space.point();
  CHECK_THROWS_WITH(space.configuration(wrong), Catch::Contains("has size 3, but the space 6"));
  const Configuration c = space.configuration(x);
  CHECK_THROWS_WITH(c.real("layers"), Catch::Contains("'layers' is of another kind"));
  CHECK_THROWS_WITH(c.boolean("optimizer"), Catch::Contains("'optimizer' is of another kind"));
  CHECK_THROWS_WITH(c.active("depth"), Catch::Contains("'depth' is not in the space"));
  CHECK_THROWS_WITH(c[real("depth", 0, 1)], Catch::Contains("'depth' is not in the space"));
}
