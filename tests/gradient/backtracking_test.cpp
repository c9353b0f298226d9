#include <mesaopt/gradient/backtracking.hpp>

#include <cmath>
#include <limits>
#include <random>
#include <stdexcept>

#include <mesaopt/core/minimize.hpp>
#include <mesaopt/gradient/descent.hpp>
#include <mesaopt/gradient/newton.hpp>
#include <mesaopt/problems/rosenbrock.hpp>

#include "line_search.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using namespace line_search;
using problems::Rosenbrock;

TEST_CASE("A step of sufficient decrease is accepted as it is", "[line_search]") {
  for (const double first : {1e-3, 1.0, 1.9}) {
    const auto parabola = [](double t) -> Sample<double> { return {(t - 1) * (t - 1), 2 * (t - 1)}; };
    const auto found = search(Backtracking{}, parabola, first);
    CHECK(found.status == LineStatus::accepted);
    CHECK(found.step == first);
    CHECK(found.evaluations == 1);
  }
}

TEST_CASE("A step back goes to the minimum of the cubic, which of a cubic is exact", "[line_search]") {
  // t³ − 3t falls to its minimum at 1; beyond √3 it is above its start.
  const auto cubic = [](double t) -> Sample<double> { return {t * t * t - 3 * t, 3 * t * t - 3}; };
  for (const double first : {2.1, 4.0, 8.0}) {
    const auto found = search(Backtracking{}, cubic, first);
    CHECK(found.evaluations == 2);
    CHECK(found.step == Approx(1));
  }
  const auto parabola = [](double t) -> Sample<double> { return {(t - 1) * (t - 1), 2 * (t - 1)}; };
  CHECK(search(Backtracking{}, parabola, 4.0).step == Approx(1));
  // Between a tenth and a half of the last trial.
  CHECK(search(Backtracking{}, parabola, 15.0).step == Approx(1.5));
  const auto steep = [](double t) -> Sample<double> { return {t < 1 ? -t : 1e3, t < 1 ? -1 : 1e3}; };
  CHECK(search(Backtracking{}, steep, 1.0).step == Approx(0.1));
  CHECK(search(Backtracking{.least = 0.3}, steep, 1.0).step == Approx(0.3));
}

TEMPLATE_TEST_CASE("Backtracking always ends with sufficient decrease", "[line_search]", float, double) {
  using S = TestType;
  std::mt19937_64 random(1);
  std::uniform_real_distribution<double> uniform(0, 1);
  const auto draw = [&] { return uniform(random); };
  for (int trial = 0; trial < 1000; ++trial) {
    const S x = S(std::pow(10, 6 * draw() - 3)), f = S(std::pow(10, 6 * draw() - 3));
    const auto phi = wavy<S>(draw, x, f);
    const auto found = search(Backtracking{}, phi, x * S(std::pow(10, 3 * draw())));
    REQUIRE(found.status == LineStatus::accepted);
    CHECK(found.value <= phi(0).value + S(1e-4) * found.step * phi(0).slope);
  }
}

TEST_CASE("Backtracking steps back from where there is no value", "[line_search]") {
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  const auto phi = [&](double t) -> Sample<double> {
    return t < 1e-3 ? Sample<double>{-t, -1} : Sample<double>{nan, nan};
  };
  const auto found = search(Backtracking{}, phi, 1.0);
  CHECK(found.status == LineStatus::accepted);
  CHECK(found.step < 1e-3);
  CHECK(found.step > 1e-4);
  const auto nowhere = [&](double t) -> Sample<double> {
    return t == 0 ? Sample<double>{0, -1} : Sample<double>{nan, nan};
  };
  CHECK(search(Backtracking{}, nowhere, 1.0).evaluations == 30);
  CHECK(search(Backtracking{.max_evaluations = 7}, nowhere, 1.0).status == LineStatus::failed);
}

TEST_CASE("Backtracking lets slopes decide where values are noise", "[line_search]") {
  const auto phi = [](double t) -> Sample<double> { return {t == 0 ? 1 : 1 + 1e-15, 2e-18 * (t - 1)}; };
  CHECK(search(Backtracking{}, phi, 1.5, 1e-14).evaluations == 1);
  CHECK(search(Backtracking{}, phi, 1.5).status == LineStatus::failed);
  // Twice as far as the minimum the slope has not fallen: back to it.
  const auto found = search(Backtracking{}, phi, 2.5, 1e-14);
  CHECK(found.status == LineStatus::accepted);
  CHECK(found.step == Approx(1));
}

TEST_CASE("Newton's directions need no more than backtracking", "[line_search]") {
  const Eigen::VectorXd start = Rosenbrock::start(10);
  const auto s = minimize(Rosenbrock{}, start, Descent{NewtonDirection{}, Backtracking{}}, GradientBelow{1e-12});
  CHECK(s.status == Status::gradient_below);
  CHECK(s.counts[0].evaluations() < 35);
}

TEST_CASE("Backtracking refuses settings out of their range", "[line_search]") {
  CHECK_NOTHROW(Backtracking{}.check());
  CHECK_THROWS_WITH((Backtracking{.decrease = 0.5}.check()), Catch::Contains("Backtracking::decrease"));
  CHECK_THROWS_AS((Backtracking{.least = 0}.check()), std::invalid_argument);
  CHECK_THROWS_AS((Backtracking{.least = 0.6}.check()), std::invalid_argument);
  CHECK_THROWS_AS((Backtracking{.most = 1}.check()), std::invalid_argument);
  CHECK_THROWS_AS((Backtracking{.max_evaluations = 0}.check()), std::invalid_argument);
}
