#include <mesaopt/gradient/fixed_step.hpp>

#include <Eigen/Core>

#include <mesaopt/core/minimize.hpp>
#include <mesaopt/gradient/newton.hpp>
#include <mesaopt/gradient/steepest_descent.hpp>

#include "gradient/first_order_problems.hpp"
#include "support/catch.hpp"

using namespace mesaopt;

TEST_CASE("a Descent of fixed steps follows them without asking for a lower value", "[gradient]") {
  const Descent descent{Steepest{}, FixedStep{.learning_rate = 0.5}};
  StateOf<decltype(descent), first_order::Bowl, Eigen::Vector2d> state;
  descent.init(first_order::Bowl{3}, Eigen::Vector2d(1, 1), state);
  descent.step(first_order::Bowl{3}, state);
  CHECK(state.x.isApprox(Eigen::Vector2d(0.5, -0.5)));
  CHECK(state.step == 0.5);
}

TEST_CASE("fixed steps follow their schedule in a run", "[gradient]") {
  const Descent descent{Steepest{},
                        FixedStep{.learning_rate = 0.5, .schedule = {.kind = Schedule::inverse, .steps = 1}}};
  std::vector<double> steps;
  minimize(first_order::Bowl{3}, Eigen::Vector2d(1, 1), descent, MaxIterations{4},
           [&](const auto& state, const Progress&) { steps.push_back(state.step); });
  CHECK(steps == std::vector<double>{0, 0.5, 0.25, 0.5 / 3, 0.125});
}

TEST_CASE("the pure Newton iteration is a Descent of fixed steps", "[gradient]") {
  const auto s =
      minimize(first_order::HalfLine{}, Eigen::VectorXd(Eigen::VectorXd::Constant(1, 0.5)),
               Descent{NewtonDirection{}, FixedStep{.learning_rate = 1}}, GradientBelow{1e-12} || MaxIterations{20});
  CHECK(s.status == Status::gradient_below);
  CHECK(s.counts[0].iterations <= 6);  // the error of x − log x is squared: 1/2, 1/4, 1/16, ...
}

TEST_CASE("a fixed step that leads out of the finite is halved, and the run goes on", "[gradient]") {
  const auto s = minimize(first_order::HalfLine{}, Eigen::VectorXd(Eigen::VectorXd::Constant(1, 3)),
                          Descent{Steepest{}, FixedStep{.learning_rate = 5}}, MaxIterations{1});
  CHECK(s.status == Status::max_iterations);
  CHECK(s.state.step == 2.5);
}

TEST_CASE("a fixed step refuses a learning rate that is not positive", "[gradient]") {
  CHECK_THROWS_WITH(FixedStep{.learning_rate = 0}.check(), Catch::Contains("FixedStep::learning_rate"));
  CHECK_THROWS_WITH((FixedStep{.schedule = {.steps = 0}}.check()), Catch::Contains("Schedule::steps"));
}
