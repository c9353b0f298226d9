#include <mesaopt/gradient/powell_dogleg.hpp>

#include <cmath>

#include <mesaopt/core/bytes.hpp>
#include <mesaopt/core/fields.hpp>
#include <mesaopt/core/minimize.hpp>
#include <mesaopt/objective/bounds.hpp>
#include <mesaopt/problems/more_garbow_hillstrom.hpp>

#include "support/allocations.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::VectorXd;
using problems::MoreGarbowHillstrom;

TEST_CASE("Powell's dogleg finds the published minima of Moré, Garbow and Hillstrom", "[gradient]") {
  int solved = 0;
  for (int number = 1; number <= MoreGarbowHillstrom::count; ++number) {
    if (number == 2 || number == 26) continue;  // these have local minima, which is where they lead
    const MoreGarbowHillstrom f(number);
    const auto s = minimize(f, f.start(), PowellDogleg{});
    const double least = f.minimum(), error = std::abs(s.value - least);
    CAPTURE(number, s, least);
    CHECK(s.value <= f(f.start()));
    CHECK_FALSE(failed(s.status));
    solved += error <= 1e-9 * (least == 0 ? 1.0 : std::abs(least));
  }
  CHECK(solved >= 30);  // of 33
}

TEST_CASE("Powell's dogleg factorizes once a point, goes on bit for bit, and allocates nothing", "[gradient]") {
  const MoreGarbowHillstrom f(14);
  RunOf<PowellDogleg, MaxIterations, MoreGarbowHillstrom, VectorXd> run;
  const MaxIterations stopping{100};
  begin(f, f.start(), PowellDogleg{}, stopping, run);
  auto before = allocations();
  advance(f, PowellDogleg{}, stopping, run);
  CHECK(allocations() == before);
  for (int i = 0; i < 5; ++i) advance(f, PowellDogleg{}, stopping, run);
  decltype(run) loaded;
  load(save(run), loaded);
  before = allocations();
  resume(f, PowellDogleg{}, stopping, run);
  CHECK(allocations() == before);
  resume(f, PowellDogleg{}, stopping, loaded);
  CHECK(identical(run, loaded));
  CHECK(run.state.calls.counts[0].factorizations <= run.state.calls.counts[0].iterations);
}

TEST_CASE("Powell's dogleg refuses settings out of range by name, and bounds by their type", "[gradient]") {
  const MoreGarbowHillstrom f(1);
  CHECK_THROWS_WITH(minimize(f, f.start(), PowellDogleg{.first_radius = -1}),
                    Catch::Contains("PowellDogleg::first_radius"));
  STATIC_REQUIRE_FALSE(OptimizerFor<PowellDogleg, Within<MoreGarbowHillstrom, VectorXd>, VectorXd>);
}
