#include <mesaopt/gradient/momentum.hpp>

#include <cmath>

#include <Eigen/Core>

#include <mesaopt/core/minimize.hpp>

#include "gradient/first_order_problems.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using first_order::Bowl;
using first_order::HalfLine;

static_assert(OptimizerFor<Momentum, Bowl, Eigen::VectorXd>);
static_assert(OptimizerFor<Nesterov, Bowl, Eigen::Vector3f>);

TEST_CASE("the heavy ball takes Polyak's steps", "[gradient]") {
  const double alpha = 0.1, beta = 0.8;
  Eigen::Vector2d x(1, 1), before = x, g;
  StateOf<Momentum, Bowl, Eigen::Vector2d> state;
  const Momentum momentum{.learning_rate = alpha, .momentum = beta};
  momentum.init(Bowl{3}, x, state);
  for (int k = 0; k < 20; ++k) {
    Bowl{3}(x, g);
    const Eigen::Vector2d next = x - alpha * g + beta * (x - before);
    before = x;
    x = next;
    momentum.step(Bowl{3}, state);
    CHECK((state.x - x).norm() < 1e-14);
  }
}

TEST_CASE("Nesterov's method takes the steps of Sutskever's formula", "[gradient]") {
  const double epsilon = 0.1, mu = 0.8;
  Eigen::Vector2d theta(1, 1), v(0, 0), g;
  StateOf<Nesterov, Bowl, Eigen::Vector2d> state;
  const Nesterov nesterov{.learning_rate = epsilon, .momentum = mu};
  nesterov.init(Bowl{3}, theta, state);
  for (int k = 0; k < 20; ++k) {
    const Eigen::Vector2d ahead = theta + mu * v;
    CHECK((state.x - ahead).norm() < 1e-14);
    Bowl{3}(ahead, g);
    v = mu * v - epsilon * g;
    theta += v;
    nesterov.step(Bowl{3}, state);
    CHECK((state.memory.y - theta).norm() < 1e-14);
  }
}

TEST_CASE("the heavy ball with the best settings converges at the rate (√κ − 1) / (√κ + 1)", "[gradient]") {
  const double kappa = 400, root = std::sqrt(kappa), expected = (root - 1) / (root + 1);
  const Momentum best{.learning_rate = 4 / ((root + 1) * (root + 1)), .momentum = expected * expected};
  // The error is a polynomial of degree one in the step times the power, hence the small excess.
  CHECK(first_order::rate(best, Bowl{kappa}, 10, 100, 300) == Approx(expected).epsilon(0.01));
}

TEST_CASE("Nesterov's method with constant momentum converges at the rate 1 − 1/√κ", "[gradient]") {
  const double kappa = 400, root = std::sqrt(kappa);
  const Nesterov nesterov{.learning_rate = 1 / kappa, .momentum = (root - 1) / (root + 1)};
  CHECK(first_order::rate(nesterov, Bowl{kappa}, 10, 200, 500) == Approx(1 - 1 / root).epsilon(0.01));
}

TEST_CASE("Nesterov's rising momentum keeps the bound of 1983 on a bowl that is nearly flat", "[gradient]") {
  const Bowl f{1e6};
  const Eigen::VectorXd x0 = Eigen::VectorXd::LinSpaced(40, 1, 1);
  const Nesterov nesterov{.learning_rate = 1e-6, .rising = true};
  StateOf<Nesterov, Bowl, Eigen::VectorXd> state;
  nesterov.init(f, x0, state);
  Eigen::VectorXd g(40);
  for (int k = 0; k <= 300; ++k) {
    if (k > 0) CHECK(f(state.memory.y, g) <= 2e6 * x0.squaredNorm() / ((k + 1) * (k + 1)));
    nesterov.step(f, state);
  }
}

TEST_CASE("momentum methods with decoupled weight decay have the values of another implementation", "[gradient]") {
  CHECK(first_order::largest_difference(
            first_order::after_eight_steps(Momentum{.learning_rate = 0.01, .momentum = 0.8, .weight_decay = 0.5}),
            -0.085045221690340914, 0.29466357338083699, 0.310896463203851, 0.36851925895265597) < 1e-14);
  CHECK(first_order::largest_difference(
            first_order::after_eight_steps(Nesterov{.learning_rate = 0.01, .momentum = 0.8, .weight_decay = 0.5}),
            -0.10654407348102997, 0.39899206194046544, 0.38180705708390822, 0.27118955734500688) < 1e-14);
}

TEST_CASE("momentum does not gather speed from weight decay", "[gradient]") {
  const auto flat = [](const Eigen::Vector2d&, Eigen::Vector2d& g) { return g.setZero(), 0.0; };
  const Momentum momentum{.learning_rate = 0.1, .momentum = 0.9, .weight_decay = 1};
  const Nesterov nesterov{.learning_rate = 0.1, .momentum = 0.9, .weight_decay = 1};
  const Eigen::Vector2d x0(1, -3);
  CHECK((minimize(flat, x0, momentum, MaxIterations{20}).state.x - std::pow(0.9, 20) * x0).norm() < 1e-14);
  CHECK((minimize(flat, x0, nesterov, MaxIterations{20}).state.x - std::pow(0.9, 20) * x0).norm() < 1e-14);
}

TEMPLATE_TEST_CASE("momentum methods survive what is not finite, repeat bit by bit, and allocate nothing", "[gradient]",
                   Momentum, Nesterov) {
  const Eigen::VectorXd x0 = Eigen::VectorXd::Constant(2, 3);
  const auto s =
      minimize(HalfLine{}, x0,
               TestType{.learning_rate = 5, .momentum = 0.5, .schedule = {.kind = Schedule::exponential, .steps = 30}},
               MaxIterations{100});
  CHECK(s.status == Status::max_iterations);
  CHECK(s.events[std::size_t(Reason::non_finite_value)].count > 0);
  CHECK((s.x.array() - 1).abs().maxCoeff() < 0.5);
  CHECK(first_order::repeats(TestType{}));
  CHECK(first_order::survives_saving(TestType{.weight_decay = 0.1}));
  CHECK(first_order::allocations_in_steps(TestType{}, Eigen::VectorXd(Eigen::VectorXd::Ones(3))) == 0);
  CHECK(first_order::allocations_in_steps(TestType{}, Eigen::Vector3f(1, 2, 3)) == 0);
}

TEMPLATE_TEST_CASE("momentum methods work for float and double, fixed and dynamic sizes", "[gradient]", Eigen::Vector3f,
                   Eigen::VectorXf, Eigen::Vector3d, Eigen::VectorXd) {
  const TestType x0 = TestType::Ones(3);
  const auto stopping = GradientBelow{1e-5} || MaxIterations{500};
  CHECK(minimize(Bowl{10}, x0, Momentum{.learning_rate = 0.05}, stopping).status == Status::gradient_below);
  CHECK(minimize(Bowl{10}, x0, Nesterov{.learning_rate = 0.05}, stopping).status == Status::gradient_below);
}

TEST_CASE("momentum methods refuse settings out of range", "[gradient]") {
  const Eigen::Vector2d x0(1, 1);
  CHECK_THROWS_WITH(minimize(Bowl{}, x0, Momentum{.learning_rate = 0}), Catch::Contains("Momentum::learning_rate"));
  CHECK_THROWS_WITH(minimize(Bowl{}, x0, Momentum{.momentum = 1}), Catch::Contains("Momentum::momentum"));
  CHECK_THROWS_WITH(minimize(Bowl{}, x0, Nesterov{.learning_rate = -1}), Catch::Contains("Nesterov::learning_rate"));
  CHECK_THROWS_WITH(minimize(Bowl{}, x0, Nesterov{.momentum = -0.1}), Catch::Contains("Nesterov::momentum"));
}
