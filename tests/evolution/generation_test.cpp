#include <mesaopt/evolution/generation.hpp>

#include <cstdint>
#include <limits>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/fields.hpp>

#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::VectorXd;

namespace {
using Answers = std::vector<Evaluation<double>>;
using Ids = std::vector<std::uint64_t>;
constexpr double none = std::numeric_limits<double>::quiet_NaN();

/// Four points (0, 0), (1, 1), (2, 2), (3, 3), named 40 to 43.
Generation<VectorXd> drawn() {
  Generation<VectorXd> g;
  g.begin(VectorXd(VectorXd::Zero(2)), 4, 1);
  g.ask([&] {
    for (Eigen::Index k = 0; k < 4; ++k) g.points.col(k).setConstant(double(k));
    g.number(40);
  });
  return g;
}
}  // namespace

TEST_CASE("what was not told is asked again, and only that", "[generation]") {
  auto g = drawn();
  CHECK_FALSE(g.take(Ids{41, 43}, Answers{7.0, 5.0}));
  const auto batch = g.ask([] { FAIL("nothing is to be drawn"); });
  CHECK(batch.ids == Ids{40, 42});
  CHECK(batch.points.col(1) == Eigen::Vector2d(2, 2));
  CHECK(g.take(Ids{42, 40}, Answers{6.0, 9.0}));
  CHECK(g.value == 5);
  CHECK(g.x == Eigen::Vector2d(3, 3));
}

TEST_CASE("points given up on close a generation, and their ranks go to their neighbours", "[generation]") {
  auto g = drawn();
  g.take(Ids{40, 43}, Answers{7.0, 5.0});
  CHECK_FALSE(g.drop(Ids{41}));
  CHECK(g.ask([] { FAIL("nothing is to be drawn"); }).ids == Ids{42});
  const auto before = g;
  CHECK_THROWS_WITH(g.take(Ids{41}, Answers{1.0}), Catch::Contains("41"));
  CHECK_THROWS_WITH(g.drop(Ids{43}), Catch::Contains("43"));
  CHECK_THROWS_WITH(g.drop(Ids{42, 42}), Catch::Contains("half"));
  CHECK(identical(g, before));
  CHECK(g.drop(Ids{42}));
  std::vector<Eigen::Index> best_first;
  g.order(best_first);
  CHECK(best_first == std::vector<Eigen::Index>{3, 3, 0, 0});
  g.ask([&] { g.number(44); });
  CHECK(g.open == 4);
}

TEST_CASE("of equal values the first point drawn is kept, whichever is told first", "[generation]") {
  auto g = drawn();
  g.take(Ids{42, 41}, Answers{5.0, 5.0});
  CHECK(g.x == Eigen::Vector2d(1, 1));
}

TEST_CASE("a wrong name or a wrong number of answers changes nothing", "[generation]") {
  auto g = drawn();
  g.take(Ids{41}, Answers{7.0});
  const auto before = g;
  CHECK_THROWS_WITH(g.take(Ids{40, 41}, Answers{1.0, 1.0}), Catch::Contains("41"));
  CHECK_THROWS_WITH(g.take(Ids{40, 40}, Answers{1.0, 1.0}), Catch::Contains("40"));
  CHECK_THROWS_WITH(g.take(Ids{44}, Answers{1.0}), Catch::Contains("44"));
  CHECK_THROWS_WITH(g.take(Ids{40}, Answers{1.0, 1.0}), Catch::Contains("ids: are 1"));
  CHECK(identical(g, before));
}

TEST_CASE("points without a value rank last, the others by value and then by order", "[generation]") {
  std::vector<Eigen::Index> order;
  detail::rank(Answers{3.0, none, 1.0, 3.0, none}, order);
  CHECK(order == std::vector<Eigen::Index>{2, 0, 3, 1, 4});
}

TEST_CASE("to ask before a run was begun is refused", "[generation]") {
  Generation<VectorXd> g;
  CHECK_THROWS_WITH(g.ask([] {}), Catch::Contains("init comes before ask"));
}
