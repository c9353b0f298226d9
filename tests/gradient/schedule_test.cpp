#include <mesaopt/gradient/schedule.hpp>

#include <cmath>
#include <stdexcept>

#include "support/catch.hpp"

using namespace mesaopt;

TEST_CASE("schedules have the values of their formulas", "[gradient]") {
  CHECK(Schedule{}.factor(0) == 1);
  CHECK(Schedule{}.factor(123456) == 1);

  const Schedule step{.kind = Schedule::step, .steps = 10, .decay = 0.5};
  CHECK(step.factor(9) == 1);
  CHECK(step.factor(10) == 0.5);
  CHECK(step.factor(29) == 0.25);

  const Schedule exponential{.kind = Schedule::exponential, .steps = 10, .decay = 0.25};
  CHECK(exponential.factor(0) == 1);
  CHECK(exponential.factor(5) == Approx(0.5));
  CHECK(exponential.factor(20) == Approx(0.0625));

  const Schedule inverse{.kind = Schedule::inverse, .steps = 4};
  CHECK(inverse.factor(0) == 1);
  CHECK(inverse.factor(4) == 0.5);
  CHECK(inverse.factor(12) == 0.25);

  const Schedule linear{.kind = Schedule::linear, .steps = 10, .least = 0.2};
  CHECK(linear.factor(0) == 1);
  CHECK(linear.factor(5) == Approx(0.6));
  CHECK(linear.factor(10) == Approx(0.2));
  CHECK(linear.factor(1000) == Approx(0.2));

  const Schedule cosine{.kind = Schedule::cosine, .steps = 100, .least = 0.1};
  CHECK(cosine.factor(0) == 1);
  CHECK(cosine.factor(50) == Approx(0.55));
  CHECK(cosine.factor(25) == Approx(0.1 + 0.9 * (1 + std::sqrt(0.5)) / 2));
  CHECK(cosine.factor(100) == Approx(0.1));
  CHECK(cosine.factor(101) == Approx(0.1));
}

TEST_CASE("a warm-up rises in equal parts and meets the schedule at 1", "[gradient]") {
  const Schedule cosine{.kind = Schedule::cosine, .steps = 100, .warm_up = 4};
  CHECK(cosine.factor(0) == 0.25);
  CHECK(cosine.factor(2) == 0.75);
  CHECK(cosine.factor(3) == 1);
  CHECK(cosine.factor(4) == 1);
  CHECK(cosine.factor(54) == Approx(0.5));
  CHECK(cosine.factor(104) == Approx(0).margin(1e-15));
}

TEST_CASE("a schedule refuses settings out of range", "[gradient]") {
  CHECK_THROWS_WITH(Schedule{.steps = 0}.check(), Catch::Contains("Schedule::steps"));
  CHECK_THROWS_WITH(Schedule{.decay = 1.5}.check(), Catch::Contains("Schedule::decay"));
  CHECK_THROWS_WITH(Schedule{.least = -1}.check(), Catch::Contains("Schedule::least"));
  CHECK_THROWS_WITH(Schedule{.warm_up = -1}.check(), Catch::Contains("Schedule::warm_up"));
}
