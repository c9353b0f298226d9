#include <mesaopt/direct/golden_section.hpp>

#include <cmath>
#include <limits>

#include <mesaopt/core/bytes.hpp>
#include <mesaopt/core/fields.hpp>
#include <mesaopt/core/minimize.hpp>

#include "direct/one_variable.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::VectorXd;
using Line = one_variable::Line<VectorXd>;

namespace {
VectorXd at(double x) { return VectorXd::Constant(1, x); }
}  // namespace

TEST_CASE("golden section finds the minima of Brent's test function", "[direct]") {
  for (int i = 1; i <= 6; ++i) {
    const double lower = i * i + 1e-9, upper = (i + 1) * (i + 1) - 1e-9;
    const auto solution = minimize(Line(one_variable::brent, lower, upper), at((lower + upper) / 2), GoldenSection{});
    CAPTURE(i, solution);
    CHECK(solution.status == Status::converged);
    CHECK(solution.x[0] == Approx(one_variable::minima[i - 1].x).epsilon(3e-8));
    CHECK(solution.value == Approx(one_variable::minima[i - 1].value).epsilon(1e-10));
  }
}

TEST_CASE("each evaluation shortens the bracket to its golden section", "[direct]") {
  const Line line([](double x) { return std::abs(x - 0.3); }, 0, 1);
  RunOf<GoldenSection, MaxIterations, Line, VectorXd> run;
  const GoldenSection search{};
  const MaxIterations stopping{30};
  begin(line, at(0.5), search, stopping, run);
  advance(line, search, stopping, run);
  double length = 1;
  for (int i = 0; i < 20; ++i) {
    advance(line, search, stopping, run);
    const double now = run.state.upper - run.state.lower;
    CHECK(now == Approx(length / std::numbers::phi).epsilon(1e-6));
    CHECK(run.state.lower <= 0.3);
    CHECK(run.state.upper >= 0.3);
    length = now;
  }
  CHECK(run.state.calls.counts[0].evaluations() == 22);

  auto copy = run;
  decltype(run) loaded;
  load(save(run), loaded);
  resume(line, search, stopping, run);
  resume(line, search, stopping, copy);
  resume(line, search, stopping, loaded);
  CHECK(identical(run, copy));
  CHECK(identical(run, loaded));
}

TEST_CASE("what is not finite is turned away from", "[direct]") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const auto wall =
      minimize(Line([nan](double x) { return x < 1 ? nan : (x - 1.5) * (x - 1.5); }, 0, 4), at(2), GoldenSection{});
  CHECK(wall.status == Status::converged);
  CHECK(wall.x[0] == Approx(1.5).epsilon(1e-7));
  CHECK(failed(minimize(Line([nan](double) { return nan; }, 0, 4), at(2), GoldenSection{}).status));
}

TEST_CASE("points of another size are refused", "[direct]") {
  const Line line([](double x) { return x * x; }, -1, 2);
  CHECK_THROWS_WITH(minimize(line, VectorXd(VectorXd::Zero(2)), GoldenSection{}), Catch::Contains("size 2"));
  CHECK_THROWS_WITH(minimize(line, at(0), GoldenSection{.tolerance = 0}), Catch::Contains("GoldenSection::tolerance"));
}
