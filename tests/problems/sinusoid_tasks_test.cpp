#include <mesaopt/problems/sinusoid_tasks.hpp>

#include <cmath>

#include "support/catch.hpp"

using mesaopt::problems::SinusoidTasks;

TEST_CASE("sinusoid tasks have amplitudes, phases and inputs over the whole of their ranges", "[problems]") {
  const SinusoidTasks tasks{.seed = 3};
  const double pi = 3.14159265358979323846;
  double amplitudes = 0, phases = 0, inputs = 0, widest = 0, squares = 0;
  const int count = 4000;
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto wave = tasks.task(i);
    REQUIRE((wave.amplitude >= 0.1 && wave.amplitude <= 5 && wave.phase >= 0 && wave.phase <= pi));
    amplitudes += wave.amplitude;
    phases += wave.phase;
    squares += wave.amplitude * wave.amplitude;
    const auto points = tasks.examples(i, 2);
    inputs += points.inputs.mean();
    widest = std::max(widest, points.inputs.cwiseAbs().maxCoeff());
    REQUIRE(points.targets[1] == wave.amplitude * std::sin(points.inputs[1] - wave.phase));
  }
  CHECK(amplitudes / count == Approx(2.55).epsilon(0.03));
  CHECK(squares / count == Approx(125.0 / 14.7 - 0.001 / 14.7).epsilon(0.05));
  CHECK(phases / count == Approx(pi / 2).epsilon(0.03));
  CHECK(std::abs(inputs / count) < 0.15);
  CHECK((widest > 4.99 && widest <= 5));
}

TEST_CASE("a sinusoid task is the same whenever it is asked for, and its draws are independent", "[problems]") {
  const SinusoidTasks tasks{.seed = 3}, others{.seed = 4};
  CHECK(tasks.examples(7, 5).inputs == tasks.examples(7, 5).inputs);
  CHECK(tasks.examples(7, 5).targets == tasks.examples(7, 10).targets.head(5));
  CHECK(tasks.examples(7, 5, 0).inputs != tasks.examples(7, 5, 1).inputs);
  CHECK(tasks.examples(7, 5).inputs != tasks.examples(8, 5).inputs);
  CHECK(tasks.task(7).phase != others.task(7).phase);
  const auto grid = tasks.grid(7, 101);
  CHECK(grid.inputs[0] == -5);
  CHECK(grid.inputs[100] == 5);
  CHECK(grid.targets[50] == Approx(-tasks.task(7).amplitude * std::sin(tasks.task(7).phase)));
}

TEST_CASE("frequencies of sinusoid tasks are 1 unless asked for, and spread over their range then", "[problems]") {
  const SinusoidTasks tasks{.seed = 3, .least_frequency = 0.8, .most_frequency = 1.2};
  double sum = 0, least = 2, most = 0;
  for (std::uint64_t i = 0; i < 1000; ++i) {
    const auto wave = tasks.task(i), plain = SinusoidTasks{.seed = 3}.task(i);
    REQUIRE((plain.frequency == 1 && plain.amplitude == wave.amplitude && plain.phase == wave.phase));
    sum += wave.frequency;
    least = std::min(least, wave.frequency);
    most = std::max(most, wave.frequency);
  }
  CHECK(sum / 1000 == Approx(1).epsilon(0.02));
  CHECK((least >= 0.8 && least < 0.81 && most <= 1.2 && most > 1.19));
  const auto wave = tasks.task(5);
  CHECK(tasks.grid(5, 3).targets[2] == Approx(wave.amplitude * std::sin(5 * wave.frequency - wave.phase)));
}
