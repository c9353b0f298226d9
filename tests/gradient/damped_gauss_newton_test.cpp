#include <mesaopt/gradient/damped_gauss_newton.hpp>

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

namespace {
/// Everything in a box, that of Gay or a wide one, so that one type of objective serves.
using Boxed = Within<MoreGarbowHillstrom, VectorXd>;
Boxed wide(int number) {
  const MoreGarbowHillstrom f(number);
  const double infinity = std::numeric_limits<double>::infinity();
  return within(f, Box{VectorXd::Constant(f.variables(), -infinity), VectorXd::Constant(f.variables(), infinity)});
}
}  // namespace

TEST_CASE("Gauss-Newton solves linear residuals in one step, also without full rank", "[gradient]") {
  for (const int number : {32, 33, 34}) {
    const auto f = wide(number);
    const auto s = minimize(f, f.start(), DampedGaussNewton{});
    CAPTURE(number, s);
    CHECK(s.value == Approx(f.minimum()).epsilon(1e-12));
    CHECK(s.counts[0].iterations <= 4);
    CHECK_FALSE(failed(s.status));
  }
}

TEST_CASE("Gauss-Newton converges fast where residuals are small at the minimum", "[gradient]") {
  for (const int number : {5, 7, 8, 9, 12, 28, 29, 30}) {
    const auto f = wide(number);
    const auto s = minimize(f, f.start(), DampedGaussNewton{});
    const double least = f.minimum();
    CAPTURE(number, s);
    CHECK(std::abs(s.value - least) <= 1e-9 * (least == 0 ? 1.0 : least));
    CHECK(s.counts[0].iterations <= 16);
  }
}

TEST_CASE("Gauss-Newton never rises, and always ends", "[gradient]") {
  for (int number = 1; number <= 20; ++number) {
    const auto f = wide(number);
    const auto s = minimize(f, f.start(), DampedGaussNewton{}, MaxEvaluations{500});
    CAPTURE(number, s);
    CHECK(s.value <= f(f.start()));
    CHECK(s.counts[0].evaluations() <= 500);
    CHECK(s.value == Approx(f(s.x)).epsilon(1e-13));
  }
}

TEST_CASE("Gauss-Newton finds minima within bounds", "[gradient]") {
  for (const int number : {4, 5, 7, 14, 18}) {
    const MoreGarbowHillstrom f(number);
    const auto box = f.bounds();
    const VectorXd start = f.start().cwiseMax(box.lower).cwiseMin(box.upper);
    const auto s = minimize(within(f, box), start, DampedGaussNewton{});
    CAPTURE(number, s);
    CHECK(box.contains(s.x));
    CHECK(s.value == Approx(f.bounded_minimum()).epsilon(1e-9).margin(1e-15));
  }
}

TEST_CASE("Gauss-Newton goes on bit for bit after being saved, and allocates nothing", "[gradient]") {
  const auto f = wide(14);
  RunOf<DampedGaussNewton, MaxIterations, Boxed, VectorXd> run;
  const MaxIterations stopping{100};
  begin(f, f.start(), DampedGaussNewton{}, stopping, run);
  auto before = allocations();
  advance(f, DampedGaussNewton{}, stopping, run);
  CHECK(allocations() == before);
  for (int i = 0; i < 5; ++i) advance(f, DampedGaussNewton{}, stopping, run);
  decltype(run) loaded;
  load(save(run), loaded);
  before = allocations();
  resume(f, DampedGaussNewton{}, stopping, run);
  CHECK(allocations() == before);
  resume(f, DampedGaussNewton{}, stopping, loaded);
  CHECK(identical(run, loaded));
}

TEST_CASE("Gauss-Newton refuses settings out of range by name", "[gradient]") {
  const auto f = wide(1);
  CHECK_THROWS_WITH(minimize(f, f.start(), DampedGaussNewton{.step_tolerance = -1}),
                    Catch::Contains("DampedGaussNewton::step_tolerance"));
}
