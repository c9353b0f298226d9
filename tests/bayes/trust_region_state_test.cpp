#include <mesaopt/bayes/trust_region_state.hpp>

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/bayes/kernels.hpp>
#include <mesaopt/core/bytes.hpp>
#include <mesaopt/core/fields.hpp>

#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::VectorXd;
using State = TrustRegionState<VectorXd, Nothing, kernels::Matern52>;

namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

/// One free variable, two places, and a region that begins with a point of its own.
State begun(const TurboRegion& region) {
  State state;
  state.box = {VectorXd::Zero(1), VectorXd::Ones(1)};
  state.x = state.start = VectorXd::Zero(1);
  state.free = {0};
  state.observations = Observations(1);
  state.points.setZero(1, 2);
  state.waiting.setZero(1, 2);
  state.ids.assign(2, 0);
  state.told.assign(2, true);
  state.begin_region(region, 1);
  return state;
}

void ask(State& state) {
  (void)state.ask([&](Eigen::Index k) {
    state.points(0, k) = state.waiting(0, k) = 0.01 * double(state.next);
    return true;
  });
}

void tell(State& state, const TurboRegion& region, std::uint64_t id, double value) {
  const std::vector<Evaluation<double>> values{value};
  state.learn({&id, 1}, values, region, 2);
}

}  // namespace

TEST_CASE("the first points of a region do not count as successes, and of the others every two count once",
          "[bayes][trust_region_state]") {
  const TurboRegion region{.success_tolerance = 9, .failure_tolerance = 9};
  State state = begun(region);
  ask(state);
  tell(state, region, 0, 5);
  CHECK(state.region.successes == 0);
  ask(state);
  tell(state, region, 1, 4);
  CHECK(state.region.successes == 0);  // one of two
  tell(state, region, 2, 6);
  CHECK(state.region.successes == 1);
  CHECK(state.lowest_local() == 4);
  ask(state);
  tell(state, region, 4, kNan);
  tell(state, region, 3, 4.5);
  CHECK(state.region.failures == 1);
  CHECK(state.region.successes == 0);
}

TEST_CASE("after the end of a region another begins, which does not learn from points of the one before",
          "[bayes][trust_region_state]") {
  const TurboRegion region{.least_length = 0.7, .failure_tolerance = 1};
  State state = begun(region);
  ask(state);
  tell(state, region, 0, 1);
  tell(state, region, 1, 2);
  ask(state);  // 2 and 3
  tell(state, region, 2, 3);
  CHECK(state.restarts == 1);
  CHECK(state.region.length == 0.8);
  CHECK(state.local.size() == 0);
  CHECK(state.first == 4);
  tell(state, region, 3, -1);  // late
  CHECK(state.local.size() == 0);
  CHECK(state.value == -1);
  CHECK(state.observations.size() == 4);
  ask(state);
  tell(state, region, 4, 7);
  CHECK(state.lowest_local() == 7);
}

TEST_CASE("a state of a trust region that was saved and loaded is the same", "[bayes][trust_region_state]") {
  const TurboRegion region;
  State state = begun(region), loaded;
  ask(state);
  tell(state, region, 0, 5);
  tell(state, region, 1, 4);
  load(save(state), loaded);
  CHECK(identical(state, loaded));
  CHECK(loaded.heard == 1);
  CHECK(loaded.best_heard == 4);
  CHECK(loaded.best_before == 5);
}
