#include <mesaopt/gradient/more_thuente.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numbers>
#include <random>
#include <stdexcept>
#include <vector>

#include "support/catch.hpp"

using namespace mesaopt;

namespace {

template <class S>
struct Sample {
  S value, slope;
};

template <class S>
struct Found {
  LineStatus status;
  int evaluations;
  S step, value, slope;
};

/// Searches along phi from 0, given the first step; a NaN value is told as a failure.
template <class S, class Phi>
Found<S> search(const MoreThuente& rule, const Phi& phi, S first, S noise = 0, S doubt = 0) {
  const Sample<S> start = phi(S(0));
  MoreThuente::Line<S> line(rule, start.value, start.slope, first, noise, doubt);
  Found<S> found{LineStatus::searching, 0, 0, 0, 0};
  while (found.status == LineStatus::searching) {
    const Sample<S> now = phi(line.trial());
    ++found.evaluations;
    found.step = line.trial();
    found.value = now.value;
    found.slope = now.slope;
    found.status =
        std::isfinite(now.value) && std::isfinite(now.slope) ? line.tell(now.value, now.slope) : line.tell_failure();
  }
  return found;
}

// The test functions of section 5 of the paper.
Sample<double> function_5_1(double a) {
  const double beta = 2, q = a * a + beta;
  return {-a / q, (a * a - beta) / (q * q)};
}
Sample<double> function_5_2(double a) {
  const double u = a + 0.004;
  return {std::pow(u, 5) - 2 * std::pow(u, 4), 5 * std::pow(u, 4) - 8 * std::pow(u, 3)};
}
Sample<double> function_5_3(double a) {
  constexpr double beta = 0.01, l = 39, pi = std::numbers::pi;
  const double value = a <= 1 - beta ? 1 - a : a >= 1 + beta ? a - 1 : (a - 1) * (a - 1) / (2 * beta) + beta / 2;
  const double slope = a <= 1 - beta ? -1 : a >= 1 + beta ? 1 : (a - 1) / beta;
  return {value + 2 * (1 - beta) / (l * pi) * std::sin(l * pi / 2 * a), slope + (1 - beta) * std::cos(l * pi / 2 * a)};
}
auto function_5_4(double beta1, double beta2) {
  return [=](double a) -> Sample<double> {
    const auto gamma = [](double beta) { return std::sqrt(1 + beta * beta) - beta; };
    const double u = std::sqrt((1 - a) * (1 - a) + beta2 * beta2), v = std::sqrt(a * a + beta1 * beta1);
    return {gamma(beta1) * u + gamma(beta2) * v, gamma(beta2) * a / v - gamma(beta1) * (1 - a) / u};
  };
}

struct Row {
  int evaluations;
  double step, slope;
};

/// The paper prints evaluations, and step and slope with two digits.
template <class Phi>
void check_table(const MoreThuente& rule, const Phi& phi, const std::array<Row, 4>& printed) {
  const std::array<double, 4> first{1e-3, 1e-1, 1e1, 1e3};
  for (std::size_t i = 0; i < 4; ++i) {
    CAPTURE(first[i]);
    const auto found = search(rule, phi, first[i]);
    CHECK(found.status == LineStatus::accepted);
    CHECK(found.evaluations == printed[i].evaluations);
    CHECK(found.step == Approx(printed[i].step).epsilon(0.07));  // 0.085 is printed as 0.08
    if (std::abs(printed[i].slope) > 1e-7) CHECK(found.slope == Approx(printed[i].slope).epsilon(0.05));
    CHECK(std::abs(found.slope) < 2 * std::abs(printed[i].slope) + 1e-15);
  }
}

}  // namespace

TEST_CASE("The line search repeats tables I to VI of Moré and Thuente (1994)", "[line_search]") {
  SECTION("I") {
    check_table({0.001, 0.1, 20}, function_5_1,
                {{{6, 1.4, -9.2e-3}, {3, 1.4, 4.7e-3}, {1, 10, 9.4e-3}, {4, 37, 7.3e-4}}});
  }
  SECTION("II") {
    check_table({0.1, 0.1, 20}, function_5_2,
                {{{12, 1.6, 7.1e-9}, {8, 1.6, 10e-10}, {8, 1.6, -5.0e-9}, {11, 1.6, -2.3e-8}}});
  }
  SECTION("III") {
    check_table({0.1, 0.1, 20}, function_5_3,
                {{{12, 1.0, -5.1e-5}, {12, 1.0, -1.9e-4}, {10, 1.0, -2.0e-6}, {13, 1.0, -1.6e-5}}});
  }
  SECTION("IV") {
    check_table({0.001, 0.001, 20}, function_5_4(0.001, 0.001),
                {{{4, 0.08, -6.9e-5}, {1, 0.10, -4.9e-5}, {3, 0.35, -2.9e-6}, {4, 0.83, 1.6e-5}}});
  }
  SECTION("V") {
    check_table({0.001, 0.001, 20}, function_5_4(0.01, 0.001),
                {{{6, 0.075, 1.9e-4}, {3, 0.078, 7.4e-4}, {7, 0.073, -2.6e-4}, {8, 0.076, 4.5e-4}}});
  }
  SECTION("VI") {
    check_table({0.001, 0.001, 20}, function_5_4(0.001, 0.01),
                {{{13, 0.93, 5.2e-4}, {11, 0.93, 8.4e-5}, {8, 0.92, -2.4e-4}, {11, 0.92, -3.2e-4}}});
  }
}

TEMPLATE_TEST_CASE("An accepted step satisfies the strong Wolfe conditions", "[line_search]", float, double) {
  using S = TestType;
  std::mt19937_64 random(1);
  std::uniform_real_distribution<double> uniform(0, 1);
  int accepted = 0, evaluations = 0;
  constexpr int trials = 2000;
  for (int trial = 0; trial < trials; ++trial) {
    // A quartic with waves, downhill at 0 and growing far away, at any scale of steps and values.
    const S x = S(std::pow(10, 6 * uniform(random) - 3)), f = S(std::pow(10, 6 * uniform(random) - 3));
    const S waves = S(0.4 * uniform(random)), slope = S(0.1 + uniform(random)), quartic = S(uniform(random));
    const auto phi = [&](S t) -> Sample<S> {
      const S u = t / x;
      return {f * (-slope * u + u * u / 2 + quartic * u * u * u * u + waves * (1 - std::cos(3 * u)) / 3),
              f / x * (-slope + u + 4 * quartic * u * u * u + waves * std::sin(3 * u))};
    };
    const MoreThuente rule{1e-4, trial % 2 == 0 ? 0.9 : 0.1, 40};
    const S first = x * S(std::pow(10, 4 * uniform(random) - 2));
    const auto found = search(rule, phi, first);
    evaluations += found.evaluations;
    if (found.status != LineStatus::accepted) continue;
    ++accepted;
    const Sample<S> start = phi(0);
    CHECK(found.value <= start.value + S(rule.decrease) * found.step * start.slope);
    CHECK(std::abs(found.slope) <= S(rule.curvature) * std::abs(start.slope));
  }
  CHECK(accepted >= trials * 995 / 1000);
  CHECK(evaluations < 5 * trials);
}

TEST_CASE("Scaling steps by a power of two changes no trial but its scale", "[line_search]") {
  for (const double scale : {0x1p-40, 0x1p40}) {
    const auto phi = [&](double t) -> Sample<double> {
      const auto inner = function_5_4(0.01, 0.001)(t / scale);
      return {inner.value, inner.slope / scale};
    };
    const MoreThuente rule{0.001, 0.01};
    const auto scaled = search(rule, phi, 10 * scale), plain = search(rule, function_5_4(0.01, 0.001), 10.0);
    CHECK(scaled.step == plain.step * scale);
    CHECK(scaled.evaluations == plain.evaluations);
  }
}

TEMPLATE_TEST_CASE("A trial without a value is a wall before which the search stays", "[line_search]", float, double) {
  using S = TestType;
  constexpr S nan = std::numeric_limits<S>::quiet_NaN();
  SECTION("with the minimum before it") {
    for (const S wall : {S(1.001), S(1.5), S(10)})
      for (const S first : {S(0.01), S(1.2), S(100), S(1e6)}) {
        CAPTURE(wall, first);
        const auto phi = [&](S t) -> Sample<S> {
          return t < wall ? Sample<S>{(t - 1) * (t - 1), 2 * (t - 1)} : Sample<S>{nan, nan};
        };
        const auto found = search(MoreThuente{}, phi, first);
        CHECK(found.status == LineStatus::accepted);
        CHECK(found.step < wall);
      }
  }
  SECTION("with the values falling towards it: half way is far enough") {
    for (const S first : {S(0.01), S(0.9), S(1.2), S(100), S(1e6)}) {
      CAPTURE(first);
      const auto phi = [&](S t) -> Sample<S> { return t < 1 ? Sample<S>{-t, -1} : Sample<S>{nan, nan}; };
      const auto found = search(MoreThuente{}, phi, first);
      CHECK(found.status == LineStatus::accepted);
      CHECK(found.step >= S(0.5));
      CHECK(found.step < 1);
    }
  }
  SECTION("everywhere") {
    const auto phi = [&](S t) -> Sample<S> { return t == 0 ? Sample<S>{0, -1} : Sample<S>{nan, nan}; };
    const auto found = search(MoreThuente{}, phi, S(1));
    CHECK(found.status == LineStatus::failed);
    CHECK(found.evaluations == 20);
  }
  SECTION("on the near side of the best step") {
    const auto phi = [&](S t) -> Sample<S> {
      if (t > S(0.2) && t < S(0.3)) return {nan, nan};
      return {std::abs(t - S(0.7)) + t * t / 10, (t < S(0.7) ? S(-1) : S(1)) + t / 5};
    };
    const auto found = search(MoreThuente{1e-4, 0.1, 20}, phi, S(4));
    CHECK(found.evaluations <= 20);
  }
}

TEST_CASE("Huge and tiny values and slopes end a search in time", "[line_search]") {
  constexpr double huge = 1e300;
  for (const double scale : {1e-300, 1e-160, 1e160, huge})
    for (const double first : {1e-300, 1e-10, 1.0, 1e10, huge}) {
      CAPTURE(scale, first);
      const auto parabola = [&](double t) -> Sample<double> { return {scale * (t - 2) * t, scale * 2 * (t - 1)}; };
      const auto found = search(MoreThuente{}, parabola, first);
      CHECK(found.status != LineStatus::searching);
      CHECK(found.evaluations <= 20);
      if (found.status == LineStatus::accepted) CHECK(std::abs(found.slope) <= 0.9 * 2 * scale);
    }
  const auto cliff = [](double t) -> Sample<double> {
    return t < 1e-9 ? Sample<double>{-t, -1} : Sample<double>{huge, huge};
  };
  CHECK(search(MoreThuente{}, cliff, 1.0).evaluations <= 20);
}

TEST_CASE("No step is accepted where the value only rises, and no step ever goes back beyond the start",
          "[line_search]") {
  const auto wrong_slope = [](double t) -> Sample<double> { return {t, -1}; };
  const auto found = search(MoreThuente{}, wrong_slope, 1.0);
  CHECK(found.status == LineStatus::failed);
  CHECK(found.step > 0);
}

TEST_CASE("Where values are noise, slopes decide", "[line_search]") {
  // A parabola with its minimum at 1, on top of which nothing can be seen of it.
  const auto phi = [](double t) -> Sample<double> { return {t == 0 ? 1 : 1 + 1e-15, 2e-18 * (t - 1)}; };
  const auto exact = search(MoreThuente{}, phi, 1.5, 0.0), noisy = search(MoreThuente{}, phi, 1.5, 1e-14);
  CHECK(noisy.status == LineStatus::accepted);
  CHECK(noisy.evaluations == 1);
  CHECK(exact.evaluations > 1);
}

TEST_CASE("Where noise misleads values more than is known, slopes that contradict them are believed", "[line_search]") {
  // Slopes of a parabola with its minimum at 1, and values that are lower only where the step is 0.
  const auto phi = [](double t) -> Sample<double> { return {t == 0 ? 1 : 1 + 1e-12, 2e-18 * (t - 1)}; };
  CHECK(search(MoreThuente{}, phi, 1.5, 1e-14).status == LineStatus::failed);
  const auto found = search(MoreThuente{.decrease = 1e-4, .curvature = 0.1}, phi, 0.1, 1e-14, 1e-11);
  CHECK(found.status == LineStatus::accepted);
  CHECK(found.step == Approx(1).epsilon(0.1));
  // But a real hump is no noise.
  const auto hump = [](double t) -> Sample<double> { return {t == 0 ? 1 : 1.1, 2e-18 * (t - 1)}; };
  CHECK(search(MoreThuente{}, hump, 1.5, 1e-14, 1e-11).status == LineStatus::failed);
}

TEST_CASE("Where noise hides values and slopes are wrong, the search ends after a few trials", "[line_search]") {
  const auto phi = [](double t) -> Sample<double> { return {1, t == 0 ? -1e-18 : 1e-18}; };
  const auto found = search(MoreThuente{}, phi, 1.0, 1e-14);
  CHECK(found.status == LineStatus::failed);
  CHECK(found.evaluations <= 4);
}

TEST_CASE("A line search refuses settings out of their range", "[line_search]") {
  CHECK_THROWS_AS((MoreThuente{.decrease = 0}.check()), std::invalid_argument);
  CHECK_THROWS_AS((MoreThuente{.decrease = 0.5}.check()), std::invalid_argument);
  CHECK_THROWS_AS((MoreThuente{.decrease = 0.1, .curvature = 0.1}.check()), std::invalid_argument);
  CHECK_THROWS_AS((MoreThuente{.curvature = 1}.check()), std::invalid_argument);
  CHECK_THROWS_AS((MoreThuente{.max_evaluations = 0}.check()), std::invalid_argument);
  CHECK_NOTHROW(MoreThuente{}.check());
}
