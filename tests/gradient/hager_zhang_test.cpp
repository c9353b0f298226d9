#include <mesaopt/gradient/hager_zhang.hpp>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <random>
#include <stdexcept>

#include <Eigen/Core>

#include <mesaopt/core/minimize.hpp>
#include <mesaopt/gradient/descent.hpp>
#include <mesaopt/gradient/lbfgs.hpp>
#include <mesaopt/gradient/more_thuente.hpp>
#include <mesaopt/problems/rosenbrock.hpp>

#include "line_search.hpp"
#include "support/allocations.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using namespace line_search;
using Eigen::VectorXd;
using problems::Rosenbrock;

namespace {
using Phi = std::function<Sample<double>(double)>;

/// The Wolfe conditions, or the approximate ones with values that may rise by `doubt`.
bool satisfied(const HagerZhang& rule, const Sample<double>& start, const Found<double>& found, double doubt = 0) {
  const double delta = rule.decrease, rise = found.value - start.value;
  const bool wolfe = rise <= delta * found.step * start.slope;
  const bool approximate = rise <= doubt && found.slope <= (2 * delta - 1) * start.slope;
  return (wolfe || approximate) && found.slope >= rule.curvature * start.slope;
}
}  // namespace

TEST_CASE("The Hager-Zhang search finds flat points of the functions of Moré and Thuente", "[line_search]") {
  // Minima as of their paper; functions 4 to 6 are flat over a wide range.
  const std::pair<Phi, double> functions[] = {{function_5_1, std::sqrt(2.0)}, {function_5_2, 1.6}, {function_5_3, 1.0}};
  for (const auto& [phi, minimum] : functions)
    for (const double first : {1e-3, 1e-1, 1e1, 1e3}) {
      CAPTURE(minimum, first);
      const HagerZhang rule{.decrease = 0.1, .curvature = 0.1};
      const auto found = search(rule, phi, first);
      CHECK(found.status == LineStatus::accepted);
      CHECK(satisfied(rule, phi(0), found));
      CHECK(found.evaluations <= 17);
    }
  for (const double first : {1e-3, 1e-1, 1e1, 1e3})
    for (const Phi phi : {function_5_4(1e-3, 1e-3), function_5_4(1e-2, 1e-3), function_5_4(1e-3, 1e-2)}) {
      const HagerZhang rule{.decrease = 1e-3, .curvature = 1e-3};
      const auto found = search(rule, phi, first);
      CHECK(found.status == LineStatus::accepted);
      CHECK(satisfied(rule, phi(0), found));
      CHECK(found.evaluations <= 20);
    }
}

TEST_CASE("The Hager-Zhang search finds the minimum by slopes where values cannot tell", "[line_search]") {
  // Section 4 of the paper: near its minimum values of 1 − 2x + x² fix x to about 1e-8, slopes to 1e-16. Rounding makes
  // the start look lowest.
  for (const double far : {1e-8, 1e-9, 1e-10}) {
    CAPTURE(far);
    const auto phi = [far](double t) -> Sample<double> {
      const double x = 1 - far + t;
      return {1 + (1 - 2 * x + x * x) + (t > 0 ? 1e-15 : 0), 2 * (x - 1)};
    };
    const HagerZhang rule{.curvature = 0.1};
    const auto found = search(rule, phi, 5 * far, 1e-14, 1e-11);
    CHECK(found.status == LineStatus::accepted);
    CHECK(found.step == Approx(far).epsilon(0.1));
    CHECK(found.evaluations <= 4);
    // The Wolfe conditions hold nowhere.
    CHECK(search(MoreThuente{.curvature = 0.1}, phi, 5 * far).status == LineStatus::failed);
  }
}

TEST_CASE("L-BFGS with the Hager-Zhang search goes on to the last digits of the gradient", "[line_search]") {
  // A sum of squares that do not vanish: values are 1 + O(|x|²), rounded to 1e-16.
  const auto f = [](const VectorXd& x, VectorXd& g) {
    double value = 1;
    for (Eigen::Index i = 0; i < x.size(); ++i) {
      const double c = std::pow(100.0, double(i) / double(x.size() - 1));
      g[i] = c * (std::exp(x[i]) - 1);
      value += c * (std::exp(x[i]) - x[i] - 1);
    }
    return value;
  };
  const VectorXd start = VectorXd::Constant(20, 1.5);
  const auto best = minimize(f, start, Descent{LbfgsDirection{}, HagerZhang{}}, GradientBelow{1e-14});
  CHECK(best.status == Status::gradient_below);
  CHECK(best.counts[0].evaluations() < 150);
}

TEMPLATE_TEST_CASE("A step that the Hager-Zhang search accepts satisfies its conditions", "[line_search]", float,
                   double) {
  using S = TestType;
  std::mt19937_64 random(1);
  std::uniform_real_distribution<double> uniform(0, 1);
  const auto draw = [&] { return uniform(random); };
  int accepted = 0, evaluations = 0;
  constexpr int trials = 2000;
  for (int trial = 0; trial < trials; ++trial) {
    const S x = S(std::pow(10, 6 * draw() - 3)), f = S(std::pow(10, 6 * draw() - 3));
    const auto phi = wavy<S>(draw, x, f);
    const HagerZhang rule{.curvature = trial % 2 == 0 ? 0.9 : 0.1};
    const auto found = search(rule, phi, x * S(std::pow(10, 4 * draw() - 2)));
    evaluations += found.evaluations;
    if (found.status != LineStatus::accepted) continue;
    ++accepted;
    const Sample<S> start = phi(0);
    const S rise = found.value - start.value, delta = S(rule.decrease);
    CHECK(found.slope >= S(rule.curvature) * start.slope);
    CHECK((rise <= delta * found.step * start.slope || (rise <= 0 && found.slope <= (2 * delta - 1) * start.slope)));
  }
  CHECK(accepted >= trials * 995 / 1000);
  CHECK(evaluations < 5 * trials);
}

TEST_CASE("Scaling steps or values by a power of two changes no Hager-Zhang trial but its scale", "[line_search]") {
  const Phi phi = function_5_4(0.01, 0.001);
  const HagerZhang rule{.decrease = 0.001, .curvature = 0.01};
  const auto plain = search(rule, phi, 10.0);
  for (const double scale : {0x1p-40, 0x1p40}) {
    const auto wide = [&](double t) -> Sample<double> { return {phi(t / scale).value, phi(t / scale).slope / scale}; };
    const auto high = [&](double t) -> Sample<double> { return {phi(t).value * scale, phi(t).slope * scale}; };
    CHECK(search(rule, wide, 10 * scale).step == plain.step * scale);
    CHECK(search(rule, high, 10.0).step == plain.step);
  }
}

TEST_CASE("A trial without a value is a wall to the Hager-Zhang search too", "[line_search]") {
  constexpr double nan = std::numeric_limits<double>::quiet_NaN();
  for (const double first : {0.01, 0.9, 1.2, 100.0, 1e6}) {
    CAPTURE(first);
    for (const double wall : {1.001, 1.5, 10.0}) {
      const auto bowl = [&](double t) -> Sample<double> {
        return t < wall ? Sample<double>{(t - 1) * (t - 1), 2 * (t - 1)} : Sample<double>{nan, nan};
      };
      const auto found = search(HagerZhang{}, bowl, first);
      CHECK(found.status == LineStatus::accepted);
      CHECK(found.step < wall);
    }
    const auto slope = [&](double t) -> Sample<double> {
      return t < 1 ? Sample<double>{-t, -1} : Sample<double>{nan, nan};
    };
    const auto found = search(HagerZhang{}, slope, first);
    CHECK(found.status == LineStatus::accepted);
    CHECK(found.step >= 0.5);
    CHECK(found.step < 1);
  }
  const auto nowhere = [&](double t) -> Sample<double> {
    return t == 0 ? Sample<double>{0, -1} : Sample<double>{nan, nan};
  };
  const auto found = search(HagerZhang{}, nowhere, 1.0);
  CHECK(found.status == LineStatus::failed);
  CHECK(found.evaluations == 30);
}

TEST_CASE("A Hager-Zhang search ends in time whatever the values", "[line_search]") {
  for (const double scale : {1e-300, 1e-160, 1e160, 1e300})
    for (const double first : {1e-300, 1e-10, 1.0, 1e10, 1e300}) {
      const auto parabola = [&](double t) -> Sample<double> { return {scale * (t - 2) * t, scale * 2 * (t - 1)}; };
      CHECK(search(HagerZhang{}, parabola, first).evaluations <= 30);
    }
  const auto wrong_slope = [](double t) -> Sample<double> { return {t, -1}; };
  CHECK(search(HagerZhang{}, wrong_slope, 1.0).status == LineStatus::failed);
  const auto noise = [](double t) -> Sample<double> { return {1, t == 0 ? -1e-18 : 1e-18}; };
  const auto found = search(HagerZhang{}, noise, 1.0, 1e-14, 1e-11);
  CHECK(found.evaluations <= 9);
  const auto endless = [](double t) -> Sample<double> { return {-t, -1}; };
  CHECK(search(HagerZhang{}, endless, 1.0).status == LineStatus::failed);
}

TEST_CASE("L-BFGS with the Hager-Zhang search keeps the limit on evaluations and never rises", "[line_search]") {
  const VectorXd start = Rosenbrock::start(4);
  const Descent optimizer{LbfgsDirection{}, HagerZhang{}};
  for (std::int64_t limit = 1; limit <= 40; limit += 3) {
    const auto some = minimize(Rosenbrock{}, start, optimizer, GradientBelow{1e-8} || MaxEvaluations{limit});
    CHECK(some.counts[0].evaluations() == std::uint64_t(limit));
    CHECK(some.status == Status::max_evaluations);
  }
  double last = std::numeric_limits<double>::infinity();
  const auto all = minimize(Rosenbrock{}, start, optimizer, GradientBelow{1e-8} || MaxEvaluations{300},
                            [&](const auto& state, const Progress&) {
                              CHECK(state.value <= last);
                              last = state.value;
                            });
  CHECK(all.status == Status::gradient_below);
}

TEST_CASE("The Hager-Zhang search refuses settings out of their range", "[line_search]") {
  CHECK_NOTHROW(HagerZhang{}.check());
  CHECK_THROWS_WITH((HagerZhang{.decrease = 0.5}.check()), Catch::Contains("HagerZhang::decrease"));
  CHECK_THROWS_AS((HagerZhang{.curvature = 0.05}.check()), std::invalid_argument);
  CHECK_THROWS_AS((HagerZhang{.curvature = 1}.check()), std::invalid_argument);
  CHECK_THROWS_AS((HagerZhang{.expansion = 1}.check()), std::invalid_argument);
  CHECK_THROWS_AS((HagerZhang{.bisection = 0}.check()), std::invalid_argument);
  CHECK_THROWS_AS((HagerZhang{.shrinkage = 1}.check()), std::invalid_argument);
  CHECK_THROWS_AS((HagerZhang{.max_evaluations = 0}.check()), std::invalid_argument);
}
