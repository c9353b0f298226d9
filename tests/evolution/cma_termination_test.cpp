#include <mesaopt/evolution/cma_termination.hpp>

#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <string>

#include <Eigen/Core>

#include <mesaopt/core/minimize.hpp>
#include <mesaopt/core/random.hpp>
#include <mesaopt/evolution/cma_es.hpp>

#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::VectorXd;

namespace {
using Any = std::function<double(const VectorXd&)>;

CmaEnd end_of(const Any& f, const VectorXd& x0, const CmaEs& es = {}) {
  const auto solution = minimize(f, x0, es, MaxEvaluations{200'000});
  CHECK(solution.status == status_of(solution.state.termination.end));
  return solution.state.termination.end;
}
}  // namespace

TEST_CASE("the long history keeps evenly spaced generations from the first to the last", "[cma_termination]") {
  detail::LongHistory<double> history;
  history.begin();
  for (int i = 0; i < 100'000; ++i) {
    history.push(i, 2 * i);
    REQUIRE(history.count <= history.room);
  }
  CHECK(history.count > history.room / 2);
  for (Eigen::Index i = 0; i < history.count; ++i) {
    CHECK(history.best[i] == double(history.stride) * double(i));
    CHECK(history.median[i] == 2 * history.best[i]);
  }
  CHECK(history.best[history.count - 1] > 99'000 - double(history.stride));
}

TEST_CASE("values that fall slowly beneath noise do not stagnate, and those that do not fall do", "[cma_termination]") {
  const auto stagnates = [](double slope, int generations) {
    detail::LongHistory<double> history;
    history.begin();
    Eigen::VectorXd scratch(history.room);
    Random random{.seed = 5};
    int times = 0;
    for (int i = 0; i < generations; ++i) {
      const double value = -slope * i;
      const double noise = random.normal<double>();
      if (history.push(value + noise, value + 1 + noise)) times += history.stagnant(200, scratch);
    }
    return times;
  };
  CHECK(stagnates(0.1, 5000) == 0);
  CHECK(stagnates(0.0, 150) == 0);
  CHECK(stagnates(0.0, 5000) > 10);
}

TEST_CASE("every end of a CMA-ES has its reason", "[cma_termination]") {
  const VectorXd x0 = VectorXd::Constant(3, 1.0);
  const Any sphere = [](const VectorXd& x) { return x.squaredNorm(); };
  CHECK(end_of(sphere, x0) == CmaEnd::values_alike);
  CHECK(end_of(sphere, x0, {.value_tolerance = 0}) == CmaEnd::narrow);
  CHECK(end_of([](const VectorXd&) { return 1.0; }, x0) == CmaEnd::values_equal);
  CHECK(end_of([](const VectorXd& x) { return x.sum(); }, x0) == CmaEnd::grown);
  CHECK(end_of([](const VectorXd&) { return std::numeric_limits<double>::quiet_NaN(); }, x0) == CmaEnd::nothing_finite);
  CHECK(end_of([](const VectorXd& x) { return x[0] * x[0] + 1e16 * (x[1] * x[1] + x[2] * x[2]); }, x0,
               {.step_tolerance = 0, .value_tolerance = 0}) == CmaEnd::ill_conditioned);
  // Around 1e9 the numbers are 1e-7 apart.
  const CmaEnd rounding = end_of([](const VectorXd& x) { return (x.array() - 1e9).matrix().squaredNorm(); },
                                 VectorXd::Constant(3, 1e9), {.step_tolerance = 0, .value_tolerance = 0});
  CHECK((rounding == CmaEnd::axis_without_effect || rounding == CmaEnd::coordinate_without_effect ||
         rounding == CmaEnd::values_equal));
}

TEST_CASE("noise that hides all descent ends a run as stagnation", "[cma_termination]") {
  Random random{.seed = 9};
  const Any noisy = [&](const VectorXd& x) { return x.squaredNorm() + random.normal<double>(); };
  const auto solution = minimize(noisy, VectorXd(VectorXd::Constant(3, 5.0)), CmaEs{}, MaxEvaluations{200'000});
  CHECK(solution.state.termination.end == CmaEnd::stagnation);
  CHECK(solution.status == Status::stalled);
  CHECK(solution.counts[0].evaluations() < 50'000);
}

TEST_CASE("every reason has a sentence of its own", "[cma_termination]") {
  for (int i = 0; i <= int(CmaEnd::nothing_finite); ++i)
    for (int j = 0; j < i; ++j) CHECK(std::string(sentence(CmaEnd(i))) != sentence(CmaEnd(j)));
}
