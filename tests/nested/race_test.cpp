#include <mesaopt/nested/race.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <vector>

#include <mesaopt/core/run.hpp>

#include "support/catch.hpp"

using namespace mesaopt;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

/// A runner whose value after each evaluation is written down, and which counts how far it was sent.
struct Script {
  double (*curve)(double);
  std::uint64_t sent = 0;
  void run_to(std::uint64_t evaluations) { sent = std::max(sent, evaluations); }
  double value_at(std::uint64_t evaluations) const { return curve(double(evaluations)); }
  double first_value() const { return curve(0); }
  double value() const { return curve(double(sent)); }
  std::uint64_t reached(double level) const {
    for (std::uint64_t t = 0; t <= sent; ++t)
      if (curve(double(t)) <= level) return t;
    return std::numeric_limits<std::uint64_t>::max();
  }
};
double slow(double t) { return std::exp(-0.01 * t); }
double fast(double t) { return std::exp(-0.2 * t); }
double late(double t) { return t < 150 ? 0.5 : 1e-9; }
double nothing(double) { return infinity; }

struct Result {
  bool refused;
  std::uint64_t warm, cold;
};
Result race(double (*warm)(double), double (*cold)(double), Race settings = {}) {
  Script w{warm}, c{cold};
  const bool refused = detail::cold_wins(settings, 200, w, c);
  return {refused, w.sent, c.sent};
}

}  // namespace

TEST_CASE("a race that is decided ends, and most of it is not run", "[nested]") {
  const auto kept = race(fast, slow), refused = race(slow, fast);
  CHECK_FALSE(kept.refused);
  CHECK(kept.cold < 100);
  CHECK(refused.refused);
  CHECK(refused.warm < 100);
  // The loser waits where the winner goes ahead.
  CHECK(kept.warm > kept.cold);
  CHECK(refused.cold > refused.warm);
  // A run that finds nothing has lost at the first look at which it may.
  CHECK(race(nothing, slow).refused);
  CHECK(race(nothing, slow).warm <= 12);
  CHECK_FALSE(race(slow, nothing).refused);
}

TEST_CASE("a race in doubt goes on to its end, and there the lower one wins", "[nested]") {
  const auto end = [](double t) { return 1.01 * slow(t); };
  CHECK(race(end, slow).refused);
  CHECK(race(end, slow).warm == 200);
  CHECK_FALSE(race(slow, end).refused);
  CHECK_FALSE(race(slow, slow).refused);  // a draw is that of the one handed over
  // What comes from behind is seen if it is not told to stop too early.
  CHECK(race(slow, late, {.decisive = infinity}).refused);
}

TEST_CASE("settings of a race that are out of range are refused", "[nested]") {
  CHECK(detail::length(Race{}, 1000) == 300);
  CHECK(detail::length(Race{.evaluations = 7}, 1000) == 7);
  CHECK(detail::length(Race{.share = 1e-9}, 1000) == 1);
  CHECK_THROWS_AS(detail::length(Race{.share = 0.6}, 1000), std::invalid_argument);
  CHECK_THROWS_AS(detail::length(Race{.evaluations = -1}, 1000), std::invalid_argument);
  CHECK_THROWS_AS(detail::length(Race{.tolerance = 1}, 1000), std::invalid_argument);
  CHECK_THROWS_AS(detail::length(Race{.decisive = 1}, 1000), std::invalid_argument);
  CHECK_THROWS_AS(detail::length(Race{.decisive = std::nan("")}, 1000), std::invalid_argument);
  CHECK_THROWS_AS(detail::length(Race{}, std::numeric_limits<std::uint64_t>::max()), std::invalid_argument);
}
