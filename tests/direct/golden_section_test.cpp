#include <mesaopt/direct/golden_section.hpp>

#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <stdexcept>

#include <Eigen/Core>

#include <mesaopt/core/bytes.hpp>
#include <mesaopt/core/fields.hpp>
#include <mesaopt/core/minimize.hpp>
#include <mesaopt/objective/box.hpp>

#include "support/allocations.hpp"
#include "support/catch.hpp"

using namespace mesaopt;

namespace {

using X = Eigen::Vector<double, 1>;

/// Any function of one variable, on an interval.
struct Any {
  std::function<double(double)> function;
  double lower, upper;
  double operator()(const X& x) const { return function(x[0]); }
  [[nodiscard]] Box<X> box() const { return {X{lower}, X{upper}}; }
};

auto run(const Any& f, const GoldenSection& golden = {}) { return minimize(f, X{f.lower}, golden); }

}  // namespace

static_assert(OptimizerFor<GoldenSection, Any, X>);

TEST_CASE("Each evaluation of golden section makes the bracket 0.618 times as wide", "[direct]") {
  const double minimum = GENERATE(0.0, 0.1, 0.38, 0.5, 0.77, 1.0);
  CAPTURE(minimum);
  const Any f{[minimum](double x) { return std::sqrt(std::abs(x - minimum)); }, 0, 1};
  const double ratio = (std::sqrt(5.0) - 1) / 2;
  minimize(f, X{0}, GoldenSection{}, MaxEvaluations{1000}, [&](const auto& state, const Progress& progress) {
    const auto evaluations = double(progress.counts.evaluations());
    CHECK(state.upper - state.lower == Approx(std::pow(ratio, evaluations - 1)).epsilon(1e-6));
    CHECK((state.lower <= minimum && minimum <= state.upper));
  });
}

TEST_CASE("Golden section finds minima of functions that are not smooth, in the number of evaluations of theory",
          "[direct]") {
  const auto check = [](const char* name, const std::function<double(double)>& function, double minimum) {
    CAPTURE(name);
    const auto s = run({function, -2, 3}, {.relative_tolerance = 1e-15, .absolute_tolerance = 1e-6});
    CHECK(s.status == Status::converged);
    CHECK(std::abs(s.x[0] - minimum) < 1e-6);
    // The bracket's longer part is 0.618 of it: 5 · 0.618^(n − 1) · 0.618 <= 1e-6 from n = 33 on.
    CHECK(s.counts[0].evaluations() == 33);
  };
  check(
      "a kink", [](double x) { return x < 1 ? 1 - x : 5 * (x - 1); }, 1);
  check(
      "a jump", [](double x) { return x < 0.25 ? 2 - x : x; }, 0.25);
  check(
      "a cusp", [](double x) { return std::cbrt(std::abs(x + 1.7)); }, -1.7);
  check(
      "at an end", [](double x) { return x; }, -2);
}

TEST_CASE("Golden section takes a trial that is not finite for a high one", "[direct]") {
  const double wrong = GENERATE(std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity());
  const bool below = GENERATE(false, true);
  const Any f{[=](double x) {
                const double y = below ? 1 - x : x;
                return y > 0.5 ? wrong : (y - 0.2) * (y - 0.2);
              },
              0, 1};
  const auto s = run(f);
  CHECK(s.status == Status::converged);
  CHECK(s.x[0] == Approx(below ? 0.8 : 0.2).epsilon(1e-6));
  CHECK(run({[wrong](double) { return wrong; }, 0, 1}).status == Status::bad_start);
}

TEST_CASE("Golden section keeps to the budget, and passes exceptions through", "[direct]") {
  int calls = 0;
  const Any f{[&](double x) {
                if (++calls == 7) throw std::runtime_error("now");
                return std::abs(x - 0.3);
              },
              0, 1};
  const auto s = minimize(f, X{0}, GoldenSection{}, MaxEvaluations{5});
  CHECK(s.status == Status::max_evaluations);
  CHECK(calls == 5);
  CHECK(s.value == std::abs(s.x[0] - 0.3));
  calls = 0;
  GoldenSection::State<X> state;
  GoldenSection{}.init(f, X{0}, state);
  const auto go_on = [&] {
    while (state.status == Status::running) GoldenSection{}.step(f, state);
  };
  CHECK_THROWS_WITH(go_on(), "now");
  go_on();
  calls = 100;
  CHECK(state.x == run(f).x);
}

TEST_CASE("Golden section asked for more digits than there are ends all the same", "[direct]") {
  const auto s = run({[](double x) { return std::abs(x - 0.3); }, 0, 1},
                     {.relative_tolerance = 1e-300, .absolute_tolerance = 1e-300});
  CHECK(s.status == Status::stalled);
  CHECK(std::abs(s.x[0] - 0.3) < 1e-14);
  CHECK(s.counts[0].evaluations() < 100);
}

TEST_CASE("A saved and loaded run of golden section has the same bits, and steps allocate nothing", "[direct]") {
  const Any f{[](double x) { return std::abs(x - 0.3); }, 0, 1};
  const auto steps = [&](auto& state, int count) {
    for (int i = 0; i < count && state.status == Status::running; ++i) GoldenSection{}.step(f, state);
  };
  GoldenSection::State<X> state, copy;
  GoldenSection{}.init(f, X{0}, state);
  steps(state, 3);
  load(save(state), copy);
  const long before = allocations();
  steps(state, 100);
  CHECK(allocations() == before);
  steps(copy, 100);
  CHECK(state.status == Status::converged);
  CHECK(identical(state, copy));
}

TEST_CASE("Golden section refuses tolerances below 0", "[direct]") {
  const Any f{[](double x) { return x; }, 0, 1};
  CHECK_THROWS_WITH(run(f, {.absolute_tolerance = -1}), Catch::Contains("GoldenSection::absolute_tolerance"));
  CHECK_THROWS_AS(run(f, {.relative_tolerance = 1}), std::invalid_argument);
}
