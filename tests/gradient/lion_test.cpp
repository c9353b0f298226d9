#include <mesaopt/gradient/lion.hpp>

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

static_assert(OptimizerFor<Lion, Bowl, Eigen::VectorXd>);
static_assert(OptimizerFor<BasicLion<float>, Bowl, Eigen::Vector3f>);

TEST_CASE("Lion has the values of another implementation, with and without weight decay", "[gradient]") {
  CHECK(largest_difference(after_eight_steps(Lion{.learning_rate = 0.05}), -0.8, 0.6, 0.2, -0.3) < 1e-14);
  CHECK(largest_difference(
            after_eight_steps(Lion{.learning_rate = 0.05, .beta1 = 0.5, .beta2 = 0.7, .weight_decay = 0.5}),
            -0.61328577171923804, 0.44995541098678593, 0.2391295091556549, -0.20495986988810727) < 1e-14);
}

TEST_CASE("Lion moves every coordinate by the learning rate, however small its gradient, and none whose gradient is 0",
          "[gradient]") {
  const auto slope = [](const Eigen::VectorXd& x, Eigen::VectorXd& g) {
    g << 1e300, -1e-300, 0, 3;
    return g.dot(x);
  };
  const auto s =
      minimize(slope, Eigen::VectorXd(Eigen::VectorXd::Zero(4)), Lion{.learning_rate = 0.5}, MaxIterations{3});
  CHECK(s.state.x == Eigen::Vector4d(-1.5, 1.5, 0, -1.5));
}

TEST_CASE("Lion settles to within its last learning rate", "[gradient]") {
  const auto s =
      minimize(Bowl{1e4}, Eigen::VectorXd(Eigen::VectorXd::Ones(5)),
               Lion{.learning_rate = 0.02, .schedule = {.kind = Schedule::linear, .steps = 400}}, MaxIterations{400});
  CHECK(s.state.x.cwiseAbs().maxCoeff() < 2e-3);
}

TEST_CASE("Lion survives what is not finite, repeats bit by bit, and allocates nothing", "[gradient]") {
  const auto s =
      minimize(HalfLine{}, Eigen::VectorXd(Eigen::VectorXd::Constant(2, 1.7)),
               Lion{.learning_rate = 2, .schedule = {.kind = Schedule::exponential, .steps = 50}}, MaxIterations{200});
  CHECK(s.status == Status::max_iterations);
  CHECK(s.events[std::size_t(Reason::non_finite_value)].count > 0);
  CHECK((s.x.array() - 1).abs().maxCoeff() < 0.1);
  CHECK(first_order::repeats(Lion{}));
  CHECK(first_order::survives_saving(Lion{}));
  CHECK(first_order::allocations_in_steps(Lion{}, Eigen::VectorXd(Eigen::VectorXd::Ones(3))) == 0);
  CHECK(first_order::allocations_in_steps(Lion{}, Eigen::Vector3f(1, 2, 3)) == 0);
}

TEST_CASE("Lion refuses settings out of range", "[gradient]") {
  CHECK_THROWS_WITH(Lion{.learning_rate = 0}.check(), Catch::Contains("Lion::learning_rate"));
  CHECK_THROWS_WITH(Lion{.beta1 = 1}.check(), Catch::Contains("Lion::beta1"));
  CHECK_THROWS_WITH(Lion{.beta2 = -1}.check(), Catch::Contains("Lion::beta2"));
  CHECK_THROWS_WITH(Lion{.weight_decay = -1}.check(), Catch::Contains("Lion::weight_decay"));
}
