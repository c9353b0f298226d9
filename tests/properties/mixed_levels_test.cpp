// Levels of different families: CMA-ES over L-BFGS over Brent. What is wrong at one of them is told at the top, with
// the level at which it arose. Bayesian optimization over Adam is in recipes/bayesian_optimization_test.cpp.

#include <cmath>
#include <cstddef>
#include <functional>
#include <stdexcept>

#include <Eigen/Core>

#include <mesaopt/core/minimize.hpp>
#include <mesaopt/direct/brent.hpp>
#include <mesaopt/evolution/cma_es.hpp>
#include <mesaopt/gradient/lbfgs.hpp>
#include <mesaopt/nested/implicit.hpp>
#include <mesaopt/nested/joint.hpp>
#include <mesaopt/nested/nested.hpp>
#include <mesaopt/nested/response.hpp>
#include <mesaopt/objective/box.hpp>
#include <mesaopt/problems/three_levels.hpp>

#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::VectorXd;
using problems::ThreeLevels;

namespace {

VectorXd point(double x) { return VectorXd::Constant(1, x); }
Box<VectorXd> interval(double lower, double upper) { return {point(lower), point(upper)}; }

/// The bottom level in an interval, as Brent's method needs; `at_each_call` may spoil it.
struct Bottom : ThreeLevels::Bottom {
  std::function<double(double)> at_each_call = [](double) { return 0; };
  Box<VectorXd> bounds = interval(-4, 6);
  [[nodiscard]] const Box<VectorXd>& box() const { return bounds; }
  double operator()(const VectorXd& u, const VectorXd& z) const {
    return ThreeLevels::Bottom::operator()(u, z) + at_each_call(u[0]);
  }
  double operator()(const VectorXd& u, const VectorXd& z, VectorXd& gz) const {
    return ThreeLevels::Bottom::operator()(u, z, gz) + at_each_call(u[0]);
  }
};
/// The top level of [x; y] and z.
struct Top {
  double operator()(const VectorXd& u, const VectorXd& z) const {
    return std::pow(u[0] - 3, 2) + u[1] * u[1] + z.squaredNorm();
  }
};

auto three_levels(const Bottom& bottom) {
  const auto answer = response(family(bottom), Brent{}, point(0));
  const auto middle = nested(ThreeLevels::Middle{}, answer, Implicit{});
  return nested(
      joint(nested(Top{}, answer)),
      response(family(joint(middle)), Search{Lbfgs{}, GradientBelow{1e-7} || MaxIterations{50}}, warm(point(0))));
}
const CmaEs cma{.step_size = 0.5, .seed = 3};

}  // namespace

TEST_CASE("CMA-ES over L-BFGS over Brent finds the solution of three levels", "[properties][nested]") {
  const auto s = minimize(three_levels({}), point(-1), cma, MaxEvaluations{120});
  CHECK(s.x[0] == Approx(ThreeLevels::x_star).margin(1e-4));
  CHECK(s.value == Approx(ThreeLevels::minimum).epsilon(1e-8));
  static_assert(decltype(s)::levels == 3);
  CHECK(s.counts[0].evaluations() == 120);
  CHECK(s.counts[0].gradients == 0);
  CHECK(s.counts[1].gradients >= 2 * s.counts[0].values);
  CHECK(s.counts[2].values >= 5 * s.counts[1].gradients);  // Brent's, by values alone
}

TEST_CASE("what fails two levels below is told at the top with its level, and the search goes on",
          "[properties][nested]") {
  // Without an answer of Brent's to x above 1.5 the search has to do with the rest.
  Bottom bottom;
  bottom.at_each_call = [](double x) { return x > 1.5 ? std::nan("") : 0; };
  const auto s = minimize(three_levels(bottom), point(1.4), cma, MaxEvaluations{120});
  CHECK(s.value == Approx(ThreeLevels::minimum).epsilon(1e-6));
  CHECK_FALSE(failed(s.status));
  const Event& event = s.events[std::size_t(Reason::inner_failed)];
  CHECK(event.count > 0);
  CHECK(event.count < 60);
  CHECK(int(event.level) == 2);
  CHECK(event.inner_status != Status::running);
}

TEST_CASE("an exception two levels below leaves the best point so far, and its level", "[properties][nested]") {
  Bottom bottom;
  int calls = 0;
  bottom.at_each_call = [&calls](double) -> double {
    if (++calls > 1500) throw std::runtime_error("the sensor is off");
    return 0;
  };
  const auto F = three_levels(bottom);
  const MaxEvaluations stopping{120};
  RunOf<CmaEs, MaxEvaluations, std::remove_const_t<decltype(F)>, VectorXd> run;
  begin(F, point(-1), cma, stopping, run);
  CHECK_THROWS_WITH(resume(F, cma, stopping, run), "the sensor is off");
  const auto s = solution(run);
  CHECK(s.evaluation.usable());
  CHECK(s.value < 20);
  CHECK(s.status == Status::running);
  CHECK(s.events[std::size_t(Reason::threw)].count == 1);
  CHECK(int(s.events[std::size_t(Reason::threw)].level) == 2);
}
