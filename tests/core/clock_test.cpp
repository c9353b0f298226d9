#include <mesaopt/core/clock.hpp>

#include <chrono>
#include <thread>

#include "support/catch.hpp"

using namespace mesaopt;

TEST_CASE("the clock goes as the standard library's steady clock does", "[core]") {
  using Clock = std::chrono::steady_clock;
  const auto seconds = [](Clock::duration d) { return std::chrono::duration<double>(d).count(); };
  const auto outer_begin = Clock::now();
  const double begin = detail::clock_seconds();
  const auto inner_begin = Clock::now();
  std::this_thread::sleep_for(std::chrono::milliseconds(5));
  const auto inner_end = Clock::now();
  const double end = detail::clock_seconds();
  const auto outer_end = Clock::now();
  CHECK(end - begin <= seconds(outer_end - outer_begin) + 1e-6);
  CHECK(end - begin >= seconds(inner_end - inner_begin) - 1e-6);
}

TEST_CASE("the clock never goes back", "[core]") {
  double last = detail::clock_seconds();
  for (int i = 0; i < 1000; ++i) {
    const double now = detail::clock_seconds();
    CHECK(now >= last);
    last = now;
  }
}
