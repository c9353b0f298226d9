#include <mesaopt/gradient/rms_prop.hpp>

#include <cmath>

#include <Eigen/Core>

#include <mesaopt/core/minimize.hpp>

#include "gradient/first_order_problems.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using first_order::after_eight_steps;
using first_order::Bowl;
using first_order::HalfLine;
using first_order::largest_difference;

static_assert(OptimizerFor<RmsProp, Bowl, Eigen::VectorXd>);
static_assert(OptimizerFor<BasicRmsProp<float>, Bowl, Eigen::Vector3f>);

TEST_CASE("RMSProp has the values of another implementation, centered or not", "[gradient]") {
  CHECK(largest_difference(after_eight_steps(RmsProp{.learning_rate = 0.05}), -0.64058234916319567, 0.59200139167438393,
                           0.29828771608975835, -0.14290148913324385) < 1e-14);
  CHECK(largest_difference(after_eight_steps(RmsProp{.learning_rate = 0.05, .weight_decay = 0.5}), -0.5119920598334331,
                           0.51958280945620139, 0.27142910562677303, -0.1029789364938503) < 1e-14);
  CHECK(largest_difference(after_eight_steps(RmsProp{.learning_rate = 0.05, .centered = true}), -0.56966074481177931,
                           0.57330795313448468, 0.30920802163569461, -0.079231265154812769) < 1e-14);
  CHECK(largest_difference(
            after_eight_steps(
                RmsProp{.learning_rate = 0.05, .decay = 0.6, .epsilon = 1e-3, .centered = true, .weight_decay = 0.5}),
            -0.37189770404942607, 0.502044008245082, 0.30467126106295939, -0.0028711533832672942) < 1e-14);
}

TEST_CASE("the first step of RMSProp is the learning rate over the root of 1 − decay", "[gradient]") {
  const auto s =
      minimize(Bowl{1e6}, Eigen::Vector2d(1, -1), RmsProp{.learning_rate = 0.01, .decay = 0.75}, MaxIterations{1});
  CHECK(s.state.x[0] == Approx(1 - 0.02).epsilon(1e-7));
  CHECK(s.state.x[1] == Approx(-1 + 0.02).epsilon(1e-7));
}

TEST_CASE("centered RMSProp takes the steps of ε alone where the gradient never varies, and no root of less than 0",
          "[gradient]") {
  const auto plane = [](const Eigen::VectorXd& x, Eigen::VectorXd& g) { return g.setConstant(0.1), 0.1 * x.sum(); };
  const auto s =
      minimize(plane, Eigen::VectorXd(Eigen::VectorXd::Zero(3)),
               RmsProp{.learning_rate = 0.01, .decay = 0.3, .epsilon = 0.5, .centered = true}, MaxIterations{200});
  CHECK(s.status == Status::max_iterations);
  CHECK(s.state.x.allFinite());
  CHECK(s.state.x[0] == Approx(-200 * 0.01 * 0.1 / 0.5).epsilon(0.01));
}

TEST_CASE("RMSProp comes down a bowl of condition 1e8 as fast along flat coordinates as along steep ones",
          "[gradient]") {
  const auto s = minimize(Bowl{1e8}, Eigen::VectorXd(Eigen::VectorXd::Ones(5)),
                          RmsProp{.learning_rate = 0.03, .schedule = {.kind = Schedule::linear, .steps = 300}},
                          MaxIterations{300});
  CHECK(s.state.x.cwiseAbs().maxCoeff() < 1e-3);
}

TEST_CASE("RMSProp survives what is not finite, repeats bit by bit, and allocates nothing", "[gradient]") {
  const auto s = minimize(HalfLine{}, Eigen::VectorXd(Eigen::VectorXd::Constant(2, 1.7)),
                          RmsProp{.learning_rate = 0.6, .schedule = {.kind = Schedule::exponential, .steps = 100}},
                          MaxIterations{300});
  CHECK(s.status == Status::max_iterations);
  CHECK(s.events[std::size_t(Reason::non_finite_value)].count > 0);
  CHECK((s.x.array() - 1).abs().maxCoeff() < 0.1);
  CHECK(first_order::repeats(RmsProp{}));
  CHECK(first_order::survives_saving(RmsProp{.centered = true}));
  CHECK(first_order::allocations_in_steps(RmsProp{.centered = true}, Eigen::VectorXd(Eigen::VectorXd::Ones(3))) == 0);
  CHECK(first_order::allocations_in_steps(RmsProp{.centered = true}, Eigen::Vector3f(1, 2, 3)) == 0);
}

TEST_CASE("a state of centered RMSProp restarted without is that of a fresh one", "[gradient]") {
  StateOf<RmsProp, Bowl, Eigen::VectorXd> used, fresh;
  const Eigen::VectorXd x0 = Eigen::VectorXd::Ones(3);
  RmsProp{.centered = true}.init(Bowl{}, x0, used);
  RmsProp{.centered = true}.step(Bowl{}, used);
  RmsProp{}.init(Bowl{}, x0, used);
  RmsProp{}.init(Bowl{}, x0, fresh);
  CHECK(identical(used, fresh));
}

TEST_CASE("RMSProp refuses settings out of range", "[gradient]") {
  CHECK_THROWS_WITH(RmsProp{.learning_rate = 0}.check(), Catch::Contains("RmsProp::learning_rate"));
  CHECK_THROWS_WITH(RmsProp{.decay = 1}.check(), Catch::Contains("RmsProp::decay"));
  CHECK_THROWS_WITH(RmsProp{.epsilon = 0}.check(), Catch::Contains("RmsProp::epsilon"));
  CHECK_THROWS_WITH(RmsProp{.weight_decay = -1}.check(), Catch::Contains("RmsProp::weight_decay"));
}
