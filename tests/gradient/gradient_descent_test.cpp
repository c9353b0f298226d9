#include <mesaopt/gradient/gradient_descent.hpp>

#include <cmath>
#include <stdexcept>

#include <Eigen/Core>

#include <mesaopt/core/minimize.hpp>
#include <mesaopt/objective/dual.hpp>
#include <mesaopt/problems/rosenbrock.hpp>

#include "gradient/first_order_problems.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using first_order::Bowl;
using first_order::HalfLine;

static_assert(OptimizerFor<GradientDescent, Bowl, Eigen::VectorXd>);
static_assert(OptimizerFor<BasicGradientDescent<float>, Bowl, Eigen::Vector3f>);

TEST_CASE("gradient descent takes the steps of its formula", "[gradient]") {
  const auto s = minimize(Bowl{3}, Eigen::Vector2d(1, 1), GradientDescent{.learning_rate = 0.25}, MaxIterations{2});
  CHECK(s.x[0] == Approx(0.75 * 0.75));
  CHECK(s.x[1] == Approx(0.25 * 0.25));
  CHECK(s.counts[0].gradients == 3);
  CHECK(s.counts[0].values == 0);
}

TEST_CASE("gradient descent with the best learning rate converges at the rate (κ − 1) / (κ + 1)", "[gradient]") {
  const double kappa = 50;
  CHECK(first_order::rate(GradientDescent{.learning_rate = 2 / (1 + kappa)}, Bowl{kappa}, 10, 300, 500) ==
        Approx((kappa - 1) / (kappa + 1)).epsilon(1e-6));
}

TEST_CASE("gradient descent diverges where theory says so, and its run answers the best point", "[gradient]") {
  const auto s = minimize(Bowl{100}, Eigen::VectorXd(Eigen::VectorXd::Ones(3)), GradientDescent{.learning_rate = 0.021},
                          MaxIterations{400});
  CHECK(s.state.value > 1e10);
  CHECK(s.value <= 56);
}

TEST_CASE("gradient descent follows its schedule, also without a run", "[gradient]") {
  const GradientDescent descent{.learning_rate = 0.1, .schedule = {.kind = Schedule::inverse, .steps = 1}};
  StateOf<GradientDescent, Bowl, Eigen::Vector2d> state;
  descent.init(Bowl{}, Eigen::Vector2d(1, 1), state);
  for (const double factor : {1.0, 1.0 / 2, 1.0 / 3}) {
    descent.step(Bowl{}, state);
    CHECK(state.step == Approx(0.1 * factor));
  }
}

TEST_CASE("a step out of the finite is halved until it is in, and the run goes on", "[gradient]") {
  const Eigen::VectorXd x0 = Eigen::VectorXd::Constant(1, 3);
  const GradientDescent descent{.learning_rate = 5};
  const auto first = minimize(HalfLine{}, x0, descent, MaxIterations{1});
  CHECK(first.state.step == 2.5);
  CHECK(first.x[0] == Approx(3 - 2.5 * 2 / 3));
  CHECK(first.status == Status::max_iterations);
  CHECK(first.events[std::size_t(Reason::non_finite_value)].count == 1);

  const auto nowhere = minimize(
      [](const Eigen::VectorXd& x, Eigen::VectorXd& g) {
        g.setOnes();
        return x[0] == 3 ? 1.0 : std::nan("");
      },
      x0, descent);
  CHECK(nowhere.status == Status::non_finite);
  CHECK(nowhere.x == x0);
  CHECK(nowhere.value == 1);
  CHECK(nowhere.counts[0].gradients == 12);
}

TEST_CASE("a gradient that is not finite rejects a step like a value does", "[gradient]") {
  const auto f = [](const Eigen::VectorXd& x, Eigen::VectorXd& g) {
    g = x;
    if (x[0] < 0.1) g[0] = std::numeric_limits<double>::infinity();
    return x.squaredNorm() / 2;
  };
  const auto s =
      minimize(f, Eigen::VectorXd(Eigen::VectorXd::Ones(2)), GradientDescent{.learning_rate = 1}, MaxIterations{1});
  CHECK(s.x[0] == 0.5);
}

TEST_CASE("a step that the objective interrupts by an exception is taken up where it was", "[gradient]") {
  struct Moody {
    const bool& calm;
    double operator()(const Eigen::VectorXd& x, Eigen::VectorXd& g) const {
      if (!calm && x[0] < 0.9) throw std::runtime_error("not now");
      return Bowl{}(x, g);
    }
  };
  bool calm = false;
  const GradientDescent descent{.learning_rate = 0.01};
  StateOf<GradientDescent, Moody, Eigen::VectorXd> state, undisturbed;
  const Eigen::VectorXd x0 = Eigen::VectorXd::LinSpaced(3, 0.905, 1);
  descent.init(Moody{calm}, x0, state);
  CHECK_THROWS_AS(descent.step(Moody{calm}, state), std::runtime_error);
  calm = true;
  descent.step(Moody{calm}, state);
  descent.init(Moody{calm}, x0, undisturbed);
  descent.step(Moody{calm}, undisturbed);
  CHECK(state.x == undisturbed.x);
  CHECK(state.age == 1);
}

TEST_CASE("a run in dual numbers knows its derivative by the weight decay, also where that is 0", "[gradient]") {
  using D = Dual<double, 1>;
  using X = Eigen::Vector<D, 2>;
  const auto flat = [](const X&, X& g) { return g.setConstant(D(0)), D(0); };
  BasicGradientDescent<D> descent{.learning_rate = D(0.1)};
  descent.weight_decay.tangent[0] = 1;
  StateOf<BasicGradientDescent<D>, decltype(flat), X> state;
  descent.init(flat, X(D(2), D(-3)), state);
  for (int k = 0; k < 5; ++k) descent.step(flat, state);
  CHECK(state.x[0].value == 2);
  CHECK(state.x[0].tangent[0] == Approx(-5 * 0.1 * 2));
  CHECK(state.x[1].tangent[0] == Approx(5 * 0.1 * 3));
}

TEST_CASE("gradient descent keeps the evaluation limit", "[gradient]") {
  const auto s = minimize(Bowl{}, Eigen::VectorXd(Eigen::VectorXd::Ones(2)), GradientDescent{}, MaxEvaluations{10});
  CHECK(s.status == Status::max_evaluations);
  CHECK(s.counts[0].evaluations() == 10);
}

TEMPLATE_TEST_CASE("gradient descent works for float and double, fixed and dynamic sizes", "[gradient]",
                   Eigen::Vector3f, Eigen::VectorXf, Eigen::Vector3d, Eigen::VectorXd) {
  const TestType x0 = TestType::Ones(3);
  const auto s =
      minimize(Bowl{10}, x0, GradientDescent{.learning_rate = 0.1}, GradientBelow{1e-5} || MaxIterations{500});
  CHECK(s.status == Status::gradient_below);
  CHECK(first_order::allocations_in_steps(GradientDescent{.learning_rate = 0.01}, x0) == 0);
}

TEST_CASE("gradient descent repeats bit by bit, also when saved in between", "[gradient]") {
  CHECK(first_order::repeats(GradientDescent{}));
  CHECK(first_order::survives_saving(GradientDescent{.weight_decay = 0.1}));
}

TEST_CASE("gradient descent with decoupled weight decay has the values of another implementation", "[gradient]") {
  const auto x = first_order::after_eight_steps(GradientDescent{.learning_rate = 0.01, .weight_decay = 0.5});
  CHECK(first_order::largest_difference(x, -0.75800925696940757, 0.69217302016821836, 0.34401055553459903,
                                        -0.14999149061753383) < 1e-14);
}

TEST_CASE("weight decay follows the schedule of the learning rate", "[gradient]") {
  const auto flat = [](const Eigen::VectorXd&, Eigen::VectorXd& g) { return g.setZero(), 0.0; };
  const GradientDescent descent{
      .learning_rate = 0.1, .weight_decay = 2, .schedule = {.kind = Schedule::inverse, .steps = 1}};
  StateOf<GradientDescent, decltype(flat), Eigen::VectorXd> state;
  descent.init(flat, Eigen::VectorXd(Eigen::VectorXd::Ones(1)), state);
  double expected = 1;
  for (const double factor : {1.0, 1.0 / 2, 1.0 / 3}) {
    descent.step(flat, state);
    expected *= 1 - 0.2 * factor;
    CHECK(state.x[0] == Approx(expected).epsilon(1e-15));
  }
}

TEST_CASE("gradient descent refuses bad starts and settings", "[gradient]") {
  const Eigen::VectorXd x0 = Eigen::VectorXd::Constant(1, -1);
  CHECK(minimize(HalfLine{}, x0, GradientDescent{}).status == Status::bad_start);
  CHECK_THROWS_WITH(minimize(HalfLine{}, x0, GradientDescent{.learning_rate = -1}),
                    Catch::Contains("GradientDescent::learning_rate"));
  CHECK_THROWS_WITH(minimize(HalfLine{}, x0, GradientDescent{.weight_decay = -1}),
                    Catch::Contains("GradientDescent::weight_decay"));
  CHECK_THROWS_WITH(minimize(HalfLine{}, x0, GradientDescent{.schedule = {.steps = 0}}),
                    Catch::Contains("Schedule::steps"));
}
