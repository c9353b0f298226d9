#include <mesaopt/direct/brent.hpp>

#include <cmath>
#include <limits>

#include <mesaopt/core/minimize.hpp>

#include "direct/one_variable.hpp"
#include "support/allocations.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::VectorXd;
using Line = one_variable::Line<VectorXd>;

namespace {
VectorXd at(double x) { return VectorXd::Constant(1, x); }
}  // namespace

TEST_CASE("Brent's method finds the minima of Brent's own test function", "[direct]") {
  std::uint64_t evaluations = 0;
  for (int i = 1; i <= 6; ++i) {
    const double lower = i * i + 1e-9, upper = (i + 1) * (i + 1) - 1e-9;
    const auto solution = minimize(Line(one_variable::brent, lower, upper), at((lower + upper) / 2), Brent{});
    CAPTURE(i, solution);
    CHECK(solution.status == Status::converged);
    CHECK(solution.x[0] == Approx(one_variable::minima[i - 1].x).epsilon(2e-8));
    CHECK(solution.value == Approx(one_variable::minima[i - 1].value).epsilon(1e-10));
    evaluations += solution.counts[0].evaluations();
  }
  CHECK(evaluations <= 6 * 18);  // the book's table takes 9 to 15 each, at a looser tolerance
}

TEST_CASE("a parabola takes a handful of evaluations, and a minimum at a bound is approached", "[direct]") {
  const auto parabola = minimize(Line([](double x) { return (x - 2) * (x - 2); }, -10, 10), at(0), Brent{});
  CHECK(parabola.x[0] == Approx(2).epsilon(1e-8));
  CHECK(parabola.counts[0].evaluations() < 12);
  const auto corner = minimize(Line([](double x) { return x; }, 1, 3), at(2), Brent{});
  CHECK(corner.x[0] == Approx(1).epsilon(1e-7));
  CHECK(corner.x[0] >= 1);
}

TEST_CASE("what is not finite is turned away from, and nothing but that is a failure", "[direct]") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const auto wall =
      minimize(Line([nan](double x) { return x < 1 ? nan : (x - 1.5) * (x - 1.5); }, 0, 4), at(2), Brent{});
  CHECK(wall.status == Status::converged);
  CHECK(wall.x[0] == Approx(1.5).epsilon(1e-7));
  const auto none = minimize(Line([nan](double) { return nan; }, 0, 4), at(2), Brent{});
  CHECK(failed(none.status));
}

TEST_CASE("a step allocates nothing, and budgets hold", "[direct]") {
  const Line line(one_variable::brent, 1.0001, 3.9999);
  RunOf<Brent, MaxEvaluations, Line, VectorXd> run;
  begin(line, at(2), Brent{}, MaxEvaluations{9}, run);
  advance(line, Brent{}, MaxEvaluations{9}, run);
  const auto before = allocations();
  resume(line, Brent{}, MaxEvaluations{9}, run);
  CHECK(allocations() == before);
  CHECK(run.status == Status::max_evaluations);
  CHECK(run.state.calls.counts[0].evaluations() == 9);
}

TEST_CASE("points of another size and bounds that bracket nothing are refused", "[direct]") {
  const Line line([](double x) { return x * x; }, -1, 2);
  CHECK_THROWS_WITH(minimize(line, VectorXd(VectorXd::Zero(2)), Brent{}), Catch::Contains("size 2"));
  CHECK_THROWS_WITH(minimize(line, at(3), Brent{}), Catch::Contains("must lie in the box"));
  const Line open([](double x) { return x * x; }, -std::numeric_limits<double>::infinity(), 2);
  CHECK_THROWS_WITH(minimize(open, at(0), Brent{}), Catch::Contains("finite lower < upper"));
  CHECK_THROWS_WITH(minimize(line, at(0), Brent{.absolute = 0}), Catch::Contains("Brent::absolute"));
}

TEST_CASE("single precision and fixed size serve as well", "[direct]") {
  using X = Eigen::Matrix<float, 1, 1>;
  const one_variable::Line<X> line([](float x) { return std::cosh(x - 1); }, -3, 4);
  const auto solution = minimize(line, X(0.0F), Brent{.relative = 4e-4, .absolute = 1e-4});
  CHECK(solution.status == Status::converged);
  CHECK(solution.x[0] == Approx(1).margin(2e-3));
}
