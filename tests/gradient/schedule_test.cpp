#include <mesaopt/gradient/schedule.hpp>

#include <cmath>
#include <cstdint>
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

TEST_CASE("one cycle has the values of PyTorch's OneCycleLR", "[gradient]") {
  const Schedule cycle{.kind = Schedule::one_cycle, .steps = 100, .least = 4e-6};
  CHECK(cycle.factor(0) == Approx(0.04).epsilon(1e-13));
  CHECK(cycle.factor(1) == Approx(0.0428137805659075).epsilon(1e-13));
  CHECK(cycle.factor(10) == Approx(0.295163948464101).epsilon(1e-13));
  CHECK(cycle.factor(29) == 1);
  CHECK(cycle.factor(30) == Approx(0.999496535284524).epsilon(1e-13));
  CHECK(cycle.factor(50) == Approx(0.793893450575732).epsilon(1e-13));
  CHECK(cycle.factor(98) == Approx(0.000507464715475788).epsilon(1e-12));
  CHECK(cycle.factor(99) == Approx(4e-6).epsilon(1e-12));
  CHECK(cycle.factor(1000) == Approx(4e-6).epsilon(1e-12));

  const Schedule odd{.kind = Schedule::one_cycle, .steps = 7, .least = 4e-6, .rise = 0.25};  // its top is between steps
  CHECK(odd.factor(1) == Approx(0.994415435450912).epsilon(1e-13));
  CHECK(odd.factor(3) == Approx(0.611262021936289).epsilon(1e-13));
  CHECK(odd.factor(5) == Approx(0.0868842653195513).epsilon(1e-13));
}

TEST_CASE("one cycle without a rise only falls, and one that is all rise only rises", "[gradient]") {
  const Schedule falls{.kind = Schedule::one_cycle, .steps = 10, .rise = 0};
  const Schedule rises{.kind = Schedule::one_cycle, .steps = 10, .least = 0.5, .rise = 1};
  for (std::uint64_t k = 1; k < 10; ++k) {
    CHECK(falls.factor(k) < falls.factor(k - 1));
    CHECK(rises.factor(k) > rises.factor(k - 1));
  }
  CHECK(rises.factor(9) == 1);
  CHECK(rises.factor(10) == 0.5);
  CHECK(Schedule{.kind = Schedule::one_cycle, .steps = 1}.factor(0) == Approx(0).margin(1e-15));
}

TEST_CASE("cosines restart at 1, each as many times longer as growth says", "[gradient]") {
  const Schedule equal{.kind = Schedule::restarts, .steps = 4, .least = 0.2};
  CHECK(equal.factor(3) == Approx(0.6 - 0.4 * std::sqrt(0.5)));
  CHECK(equal.factor(4) == 1);
  CHECK(equal.factor(4'000'002) == Approx(0.6));

  const Schedule longer{.kind = Schedule::restarts, .steps = 4, .growth = 3, .warm_up = 2};  // begin at 2, 6, 18, 54
  for (const std::uint64_t start : {2u, 6u, 18u, 54u}) {
    CHECK(longer.factor(start) == 1);
    CHECK(longer.factor(2 * start) == Approx(0.5));  // half way to the next
  }
  CHECK(longer.factor(17) == Approx((1 + std::cos(11 * std::acos(-1.0) / 12)) / 2));
  CHECK(Schedule{.kind = Schedule::restarts, .steps = 4, .growth = 1'000'000'000'000'000'000}.factor(1ull << 62) > 0.9);
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
  CHECK_THROWS_WITH(Schedule{.first = 2}.check(), Catch::Contains("Schedule::first"));
  CHECK_THROWS_WITH(Schedule{.rise = -0.1}.check(), Catch::Contains("Schedule::rise"));
  CHECK_THROWS_WITH(Schedule{.growth = 0}.check(), Catch::Contains("Schedule::growth"));
  CHECK_THROWS_WITH(Schedule{.warm_up = -1}.check(), Catch::Contains("Schedule::warm_up"));
}
