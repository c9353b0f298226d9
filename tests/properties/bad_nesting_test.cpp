// Inner problems that are infeasible, unbounded, not solved, or throw: by gradients, by evolution and in a chain. Each
// ends in a status, with the level and the stage, and the best complete result is kept.

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <stdexcept>
#include <string>
#include <tuple>

#include <Eigen/Core>

#include <mesaopt/core/minimize.hpp>
#include <mesaopt/evolution/cma_es.hpp>
#include <mesaopt/gradient/lbfgs.hpp>
#include <mesaopt/gradient/sqp.hpp>
#include <mesaopt/nested/chain.hpp>
#include <mesaopt/nested/implicit.hpp>
#include <mesaopt/nested/nested.hpp>
#include <mesaopt/nested/response.hpp>

#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::VectorXd;

namespace {

VectorXd point(double x) { return VectorXd::Constant(1, x); }

/// ½ curvature(x) r² + quartic r⁴ with r = y − x − 1, under x <= y <= top, which has no point for x > top.
struct Inner {
  std::function<double(double)> curvature = [](double) { return 1; };
  double top = 2, quartic = 0;
  std::function<void()> at_each_call = [] {};

  static constexpr bool linear_constraints = true;
  [[nodiscard]] Eigen::Index equalities() const { return 0; }
  [[nodiscard]] Eigen::Index inequalities() const { return 2; }
  double operator()(const VectorXd& x, const VectorXd& y, VectorXd& gy) const {
    at_each_call();
    const double k = curvature(x[0]), r = y[0] - x[0] - 1;
    gy[0] = k * r + 4 * quartic * r * r * r;
    return k * r * r / 2 + quartic * r * r * r * r;
  }
  void constraints(const VectorXd& x, const VectorXd& y, VectorXd& c) const { c << x[0] - y[0], y[0] - top; }
  void constraints(const VectorXd& x, const VectorXd& y, VectorXd& c, Eigen::MatrixXd& J) const {
    constraints(x, y, c);
    J << -1, 1;
  }
};
/// (x − 3)² + (y − x − 1)²: least at x = 3, if the inner constraints have it.
struct Outer {
  double operator()(const VectorXd& x, const VectorXd& y) const {
    return std::pow(x[0] - 3, 2) + std::pow(y[0] - x[0] - 1, 2);
  }
  double operator()(const VectorXd& x, const VectorXd& y, VectorXd& gx, VectorXd& gy) const {
    const double r = y[0] - x[0] - 1;
    gx[0] = 2 * (x[0] - 3) - 2 * r;
    gy[0] = 2 * r;
    return (*this)(x, y);
  }
};

auto over(const Inner& inner, std::int64_t steps = 50, double start = 0) {
  return nested(Outer{},
                response(family(inner), Search{Sqp{}, GradientBelow{1e-9} || MaxIterations{steps}}, cold(point(start))),
                Implicit{});
}

const CmaEs cma{.step_size = 0.7, .seed = 5};
const MaxEvaluations enough{150};

template <class S>
const Event& event(const S& solution, Reason reason) {
  return solution.events[std::size_t(reason)];
}

}  // namespace

TEST_CASE("where the inner problem is infeasible there is no value, and the outer search goes on",
          "[properties][nested]") {
  // In x <= 1 y = x + 1 and F = (x − 3)²; then y = 2 and F = (x − 3)² + (x − 1)², which is least at x = 2, the last
  // point that has an answer.
  const Inner inner;
  const auto evolved = minimize(over(inner), point(0), cma, enough);
  CHECK(evolved.x[0] == Approx(2).margin(1e-3));
  CHECK(evolved.x[0] <= 2 + 1e-8);
  CHECK(event(evolved, Reason::inner_infeasible).count > 0);
  CHECK(int(event(evolved, Reason::inner_infeasible).level) == 1);
  CHECK(event(evolved, Reason::inner_infeasible).inner_status == Status::infeasible);

  const auto by_slopes = minimize(over(inner), point(0.3), Lbfgs{}, GradientBelow{} || enough);
  CHECK(by_slopes.evaluation.usable());
  CHECK(by_slopes.value <= 2.4);
  CHECK(by_slopes.x[0] <= 2 + 1e-8);
  CHECK(event(by_slopes, Reason::inner_infeasible).count > 0);
  CHECK(by_slopes.status != Status::running);

  const auto nowhere = minimize(over(inner), point(5), Lbfgs{}, enough);
  CHECK(nowhere.status == Status::bad_start);
  CHECK(nowhere.evaluation.reason == Reason::inner_infeasible);
  CHECK(message(nowhere) == std::string(sentence(Status::bad_start)) + " " + sentence(Reason::inner_infeasible) +
                                " (at level 1: " + sentence(Status::infeasible) + ")");
}

TEST_CASE("an inner run that diverges is told, and its point is not taken for an answer", "[properties][nested]") {
  // For x > 0.5 the inner objective is concave, and as good as without bounds.
  const Inner falling{[](double x) { return x > 0.5 ? -1 : 1; }, 1e200};
  const auto evolved = minimize(over(falling, 50, 5), point(0), cma, enough);
  CHECK(evolved.evaluation.usable());
  CHECK(evolved.x[0] == Approx(0.5).margin(1e-2));
  CHECK(evolved.x[0] <= 0.5);
  const auto by_slopes = minimize(over(falling, 50, 5), point(0), Lbfgs{}, GradientBelow{} || enough);
  CHECK(by_slopes.evaluation.usable());
  CHECK(by_slopes.x[0] <= 0.5);
  for (const auto& events : {evolved.events, by_slopes.events}) {
    const Event& deepest = events[std::size_t(detail::deepest(events))];
    CHECK(deepest.count > 0);
    CHECK(int(deepest.level) == 1);
    CHECK(deepest.inner_status != Status::converged);
  }
}

TEST_CASE("an inner run that is stopped early is told, not differentiated, and the start is kept",
          "[properties][nested]") {
  const Inner quartic{[](double) { return 0; }, 9, 1};
  const auto s = minimize(over(quartic, 1), point(0), Lbfgs{}, enough);
  CHECK(s.status == Status::not_differentiable);
  CHECK(s.evaluation.reason == Reason::inner_not_converged);
  CHECK(int(s.evaluation.level) == 1);
  CHECK(s.x[0] == 0);
  CHECK(std::isfinite(s.value));
  CHECK(message(s).find("(at level 1: " + std::string(sentence(Status::max_iterations))) != std::string::npos);
  const auto values_alone = minimize(over(quartic, 1), point(0), cma, enough);
  CHECK(event(values_alone, Reason::inner_stopped_early).count > 0);
  CHECK(int(event(values_alone, Reason::inner_stopped_early).level) == 1);
  CHECK(values_alone.evaluation.usable());
}

TEST_CASE("a chain names stage and level of what ends it, and keeps what is complete", "[properties][nested]") {
  const Search search{Lbfgs{}, GradientBelow{1e-6} || MaxEvaluations{60}};
  Inner wide;
  wide.top = 9;
  Inner throwing = wide;
  int calls = 0;
  throwing.at_each_call = [&calls] {
    if (++calls > 12) throw std::runtime_error("the sensor is off");
  };
  const auto whole = stage("wide", over(wide), search, point(0));

  const auto thrown =
      chain(whole, stage("off", over(throwing), search, point(0), [](const VectorXd&, VectorXd& x) { x[0] = 0.5; }))();
  CHECK(thrown.status == Status::threw);
  CHECK(thrown.completed == 1);
  CHECK(std::get<0>(thrown.stages).solution.x[0] == Approx(3).epsilon(1e-5));
  const auto& off = std::get<1>(thrown.stages);
  CHECK(off.end == StageEnd::threw);
  CHECK(off.solution.status == Status::threw);
  CHECK(off.solution.evaluation.usable());
  CHECK(int(off.level) == 1);
  CHECK(thrown.message() == "Stage off: It threw an exception. the sensor is off (at level 1)");

  const auto infeasible = chain(whole, stage("narrow", over(Inner{}), search, point(0)))();  // handed x = 3
  CHECK(infeasible.status == Status::bad_start);
  CHECK(infeasible.completed == 1);
  const auto& narrow = std::get<1>(infeasible.stages);
  CHECK(narrow.end == StageEnd::failed);
  CHECK(int(narrow.level) == 1);
  CHECK(narrow.inner_status == Status::infeasible);
  CHECK(infeasible.message().find("Stage narrow") == 0);
  CHECK(infeasible.message().find("at level 1") != std::string::npos);
}
