#include <mesaopt/gradient/levenberg_marquardt.hpp>

#include <cmath>
#include <functional>
#include <limits>

#include <mesaopt/core/bytes.hpp>
#include <mesaopt/core/fields.hpp>
#include <mesaopt/core/minimize.hpp>
#include <mesaopt/objective/bounds.hpp>
#include <mesaopt/problems/more_garbow_hillstrom.hpp>

#include "support/allocations.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::MatrixXd;
using Eigen::VectorXd;
using problems::MoreGarbowHillstrom;

namespace {
/// Any problem, watched: `before` sees every point.
struct Watched {
  MoreGarbowHillstrom f;
  std::function<void(const VectorXd&, VectorXd&)> after = [](const VectorXd&, VectorXd&) {};

  double operator()(const VectorXd& x) const { return f(x); }
  [[nodiscard]] Eigen::Index residual_count() const { return f.residual_count(); }
  void residuals(const VectorXd& x, VectorXd& r) const {
    f.residuals(x, r);
    after(x, r);
  }
  void residuals(const VectorXd& x, VectorXd& r, MatrixXd& J) const {
    f.residuals(x, r, J);
    after(x, r);
  }
};
Watched problem(int number) { return {MoreGarbowHillstrom(number)}; }
}  // namespace

TEST_CASE("Levenberg-Marquardt finds the published minima of Moré, Garbow and Hillstrom", "[gradient]") {
  int solved = 0;
  for (const auto solver : {LeastSquaresSolver::cholesky, LeastSquaresSolver::qr})
    for (int number = 1; number <= MoreGarbowHillstrom::count; ++number) {
      if (number == 2 || number == 26) continue;  // these have local minima, which is where they lead
      const auto f = problem(number);
      const VectorXd start = f.f.start();
      const auto s = minimize(f, start, LevenbergMarquardt{.solver = solver});
      const double least = f.f.minimum(), error = std::abs(s.value - least);
      solved += error <= 1e-9 * (least == 0 ? 1.0 : std::abs(least));
      CAPTURE(number, s, least);
      CHECK(s.x.allFinite());
      CHECK(s.value <= f(start));
    }
  CHECK(solved >= 64);  // of 66
}

TEST_CASE("Levenberg-Marquardt survives a Jacobian without full rank", "[gradient]") {
  for (const int number : {33, 34}) {  // linear, of rank 1
    const auto f = problem(number);
    for (const auto solver : {LeastSquaresSolver::cholesky, LeastSquaresSolver::qr}) {
      const auto s = minimize(f, VectorXd(f.f.start()), LevenbergMarquardt{.solver = solver});
      CAPTURE(number, s);
      CHECK(s.value == Approx(f.f.minimum()).epsilon(1e-10));
      CHECK_FALSE(failed(s.status));
    }
  }
}

TEST_CASE("Levenberg-Marquardt steps around what is not finite", "[gradient]") {
  auto f = problem(14);
  f.after = [](const VectorXd& x, VectorXd& r) {
    if (x[0] > 1.5) r[0] = std::numeric_limits<double>::quiet_NaN();
  };
  const auto s = minimize(f, VectorXd(f.f.start()), LevenbergMarquardt{});
  CAPTURE(s);
  CHECK(s.value < 1e-20);
  f.after = [](const VectorXd&, VectorXd& r) { r[0] = std::numeric_limits<double>::infinity(); };
  CHECK(minimize(f, VectorXd(f.f.start()), LevenbergMarquardt{}).status == Status::bad_start);
}

TEST_CASE("Levenberg-Marquardt obeys its budget, and an exception leaves it to be taken up", "[gradient]") {
  auto f = problem(14);
  const VectorXd start = f.f.start();
  for (const std::int64_t limit : {1, 2, 5, 9}) {
    const auto s = minimize(f, start, LevenbergMarquardt{}, MaxEvaluations{limit});
    CHECK(s.counts[0].evaluations() == std::uint64_t(limit));
    CHECK(s.value == Approx(f(s.x)).epsilon(1e-14));
  }
  int calls = 0;
  f.after = [&calls](const VectorXd&, VectorXd&) {
    if (++calls == 7) throw std::runtime_error("seven");
  };
  RunOf<LevenbergMarquardt, MaxIterations, Watched, VectorXd> run;
  const MaxIterations stopping{200};
  begin(f, start, LevenbergMarquardt{}, stopping, run);
  CHECK_THROWS_WITH(resume(f, LevenbergMarquardt{}, stopping, run), "seven");
  CHECK(run.state.value == Approx(f.f(run.state.x)).epsilon(1e-14));
  resume(f, LevenbergMarquardt{}, stopping, run);
  CHECK(run.state.value < 1e-20);
}

TEST_CASE("Levenberg-Marquardt goes on bit for bit after a copy and after being saved, and allocates nothing",
          "[gradient]") {
  const auto f = problem(16);
  RunOf<LevenbergMarquardt, MaxIterations, Watched, VectorXd> run;
  const MaxIterations stopping{100};
  const LevenbergMarquardt method{};
  begin(f, VectorXd(f.f.start()), method, stopping, run);
  auto before = allocations();
  advance(f, method, stopping, run);
  CHECK(allocations() == before);
  for (int i = 0; i < 5; ++i) advance(f, method, stopping, run);
  auto copy = run;
  decltype(run) loaded;
  load(save(run), loaded);
  before = allocations();
  resume(f, method, stopping, run);
  CHECK(allocations() == before);
  resume(f, method, stopping, copy);
  resume(f, method, stopping, loaded);
  CHECK(identical(run, copy));
  CHECK(identical(run, loaded));
  CHECK(run.state.value == Approx(42911.10081317817).epsilon(1e-12));
}

TEST_CASE("Levenberg-Marquardt from its own solution has nothing left to do", "[gradient]") {
  const auto f = problem(19);
  const auto once = minimize(f, VectorXd(f.f.start()), LevenbergMarquardt{});
  const auto again = minimize(f, once.state, LevenbergMarquardt{});
  CHECK(again.counts[0].iterations <= 1);
  CHECK(again.value == Approx(once.value).epsilon(1e-14));
}

TEST_CASE("Levenberg-Marquardt finds the minima of Gay within bounds, and evaluates nothing outside of them",
          "[gradient]") {
  int solved = 0;
  for (const auto solver : {LeastSquaresSolver::cholesky, LeastSquaresSolver::qr})
    for (const int number : {3, 4, 5, 7, 9, 11, 12, 14, 16, 18}) {
      Watched f{MoreGarbowHillstrom(number, 0, number == 11 || number == 12 ? 3 : 0)};
      const auto box = f.f.bounds();
      bool inside = true;
      f.after = [&](const VectorXd& x, VectorXd&) { inside = inside && box.contains(x); };
      const double least = f.f.bounded_minimum();
      const VectorXd start = f.f.start().cwiseMax(box.lower).cwiseMin(box.upper);
      const auto s = minimize(within(f, box), start, LevenbergMarquardt{.solver = solver});
      CAPTURE(number, s, least);
      CHECK(inside);
      CHECK(s.status == Status::converged);
      CHECK(s.counts[0].evaluations() <= 60);
      // A multiplier for each coordinate at a bound, a derivative of 0 for each other.
      const VectorXd& left = s.state.stationarity();
      for (Eigen::Index j = 0; j < left.size(); ++j)
        CHECK(std::abs(left[j]) <= 1e-6 * s.state.jacobian.col(j).norm() * s.state.residuals.norm());
      solved += std::abs(s.value - least) <= 1e-9 * std::max(least, 1e-6);
    }
  CHECK(solved >= 18);  // of 20: that of Wood has a local minimum, which is where it leads
}

TEST_CASE("Levenberg-Marquardt in bounds allocates nothing and goes on bit for bit after being saved", "[gradient]") {
  const auto f = within(problem(18), MoreGarbowHillstrom(18).bounds());
  using F = std::remove_cvref_t<decltype(f)>;
  RunOf<LevenbergMarquardt, MaxIterations, F, VectorXd> run;
  const MaxIterations stopping{100};
  const LevenbergMarquardt method{.acceleration = 0.75};
  const VectorXd start = f.f.start().cwiseMax(f.box().lower).cwiseMin(f.box().upper);
  begin(f, start, method, stopping, run);
  auto before = allocations();
  advance(f, method, stopping, run);
  CHECK(allocations() == before);
  for (int i = 0; i < 5; ++i) advance(f, method, stopping, run);
  decltype(run) loaded;
  load(save(run), loaded);
  before = allocations();
  resume(f, method, stopping, run);
  CHECK(allocations() == before);
  resume(f, method, stopping, loaded);
  CHECK(identical(run, loaded));
  CHECK(run.state.value == Approx(f.f.bounded_minimum()).epsilon(1e-9));

  CHECK_THROWS_WITH(minimize(f, VectorXd(VectorXd::Constant(6, 1e3)), method), Catch::Contains("start: coordinate 0"));
}

TEST_CASE("Levenberg-Marquardt refuses settings out of range by name", "[gradient]") {
  const auto f = problem(1);
  CHECK_THROWS_WITH(minimize(f, VectorXd(f.f.start()), LevenbergMarquardt{.first_radius = 0}),
                    Catch::Contains("LevenbergMarquardt::first_radius"));
}
