#include <mesaopt/gradient/adam.hpp>

#include <cmath>
#include <limits>

#include <Eigen/Core>

#include <mesaopt/core/minimize.hpp>
#include <mesaopt/problems/rosenbrock.hpp>

#include "gradient/first_order_problems.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using first_order::Bowl;
using first_order::HalfLine;
using problems::Rosenbrock;

static_assert(OptimizerFor<Adam, Bowl, Eigen::VectorXd>);
static_assert(OptimizerFor<BasicAdam<float>, Bowl, Eigen::Vector3f>);
static_assert(OptimizerFor<AdamW, Bowl, Eigen::VectorXd>);

namespace {

/// Algorithm 1 of Kingma & Ba, and 2 of Loshchilov & Hutter where λ > 0, as printed.
struct Printed {
  double alpha, beta1, beta2, epsilon, lambda = 0;
  Eigen::VectorXd theta, m, v;
  int t = 0;

  Printed(double a, double b1, double b2, double e, double l, const Eigen::VectorXd& start)
      : alpha(a), beta1(b1), beta2(b2), epsilon(e), lambda(l), theta(start) {
    m = v = Eigen::VectorXd::Zero(start.size());
  }
  void step() {
    ++t;
    Eigen::VectorXd g(theta.size());
    Rosenbrock{}(theta, g);
    for (Eigen::Index i = 0; i < theta.size(); ++i) {
      m[i] = beta1 * m[i] + (1 - beta1) * g[i];
      v[i] = beta2 * v[i] + (1 - beta2) * g[i] * g[i];
      const double m_hat = m[i] / (1 - std::pow(beta1, t)), v_hat = v[i] / (1 - std::pow(beta2, t));
      theta[i] -= alpha * m_hat / (std::sqrt(v_hat) + epsilon) + lambda * theta[i];
    }
  }
};

}  // namespace

TEST_CASE("the first step of Adam, worked out by hand", "[gradient]") {
  // g = (2, −0.5): m̂ = g and v̂ = g², so each coordinate moves by α |g| / (|g| + ε) against its gradient.
  struct Plane {
    double operator()(const Eigen::Vector2d& x, Eigen::Vector2d& g) const {
      g = {2, -0.5};
      return g.dot(x);
    }
  };
  StateOf<Adam, Plane, Eigen::Vector2d> state;
  const Adam adam{.learning_rate = 0.1, .epsilon = 0.25};
  adam.init(Plane{}, Eigen::Vector2d(1, 1), state);
  adam.step(Plane{}, state);
  CHECK(state.x[0] == Approx(1 - 0.1 * 2 / 2.25).epsilon(1e-15));
  CHECK(state.x[1] == Approx(1 + 0.1 * 0.5 / 0.75).epsilon(1e-15));
  adam.step(Plane{}, state);  // the same gradient again: the same step
  CHECK(state.x[0] == Approx(1 - 0.2 * 2 / 2.25).epsilon(1e-15));
}

TEST_CASE("Adam takes the steps of the paper's algorithm", "[gradient]") {
  const Eigen::VectorXd x0 = Rosenbrock::start(10);
  Printed printed(0.01, 0.9, 0.999, 1e-8, 0, x0);
  StateOf<Adam, Rosenbrock, Eigen::VectorXd> state;
  const Adam adam{.learning_rate = 0.01};
  adam.init(Rosenbrock{}, x0, state);
  for (int k = 0; k < 200; ++k) {
    printed.step();
    adam.step(Rosenbrock{}, state);
  }
  CHECK((state.x - printed.theta).norm() < 1e-12);
  CHECK((state.memory.first - printed.m).norm() < 1e-10);
}

TEST_CASE("AdamW takes the steps of the paper's algorithm, with λ = learning_rate · weight_decay", "[gradient]") {
  const Eigen::VectorXd x0 = Rosenbrock::start(10);
  Printed printed(0.01, 0.8, 0.99, 1e-6, 0.01 * 0.3, x0);
  StateOf<AdamW, Rosenbrock, Eigen::VectorXd> state;
  const AdamW adam{.learning_rate = 0.01, .beta1 = 0.8, .beta2 = 0.99, .epsilon = 1e-6, .weight_decay = 0.3};
  adam.init(Rosenbrock{}, x0, state);
  for (int k = 0; k < 200; ++k) {
    printed.step();
    adam.step(Rosenbrock{}, state);
  }
  CHECK((state.x - printed.theta).norm() < 1e-12);
}

TEST_CASE("Adam and AdamW have the values of another implementation", "[gradient]") {
  CHECK(first_order::largest_difference(first_order::after_eight_steps(Adam{.learning_rate = 0.1}),
                                        -0.45723522474027189, 0.3547278525987631, 0.15740083983257827,
                                        0.015164812120691831) < 1e-14);
  const auto decayed = first_order::after_eight_steps(AdamW{.learning_rate = 0.1, .weight_decay = 0.5});
  CHECK(first_order::largest_difference(decayed, -0.20233437321346509, 0.21667125980851085, 0.11006570042650843,
                                        0.093961101437282701) < 1e-14);
  CHECK(first_order::after_eight_steps(Adam{.learning_rate = 0.1, .weight_decay = 0.5}) == decayed);
}

TEST_CASE("Adam with a cosine schedule settles at the minimum of Rosenbrock's valley", "[gradient]") {
  const Adam adam{.learning_rate = 0.05, .schedule = {.kind = Schedule::cosine, .steps = 5000, .warm_up = 50}};
  const auto s = minimize(Rosenbrock{}, Eigen::VectorXd(Rosenbrock::start()), adam, MaxIterations{5050});
  CHECK((s.x.array() - 1).abs().maxCoeff() < 1e-3);
}

TEST_CASE("Adam goes as fast along flat coordinates as along steep ones", "[gradient]") {
  const auto s =
      minimize(Bowl{1e8}, Eigen::VectorXd(Eigen::VectorXd::Ones(5)),
               Adam{.learning_rate = 0.1, .schedule = {.kind = Schedule::linear, .steps = 600}}, MaxIterations{600});
  CHECK(s.state.x.cwiseAbs().maxCoeff() < 1e-3);
}

TEMPLATE_TEST_CASE("Adam survives what is not finite, repeats bit by bit, and allocates nothing", "[gradient]", Adam,
                   AdamW) {
  const auto s = minimize(HalfLine{}, Eigen::VectorXd(Eigen::VectorXd::Constant(2, 0.3)),
                          TestType{.learning_rate = 2, .schedule = {.kind = Schedule::exponential, .steps = 100}},
                          MaxIterations{300});
  CHECK(s.status == Status::max_iterations);
  CHECK((s.x.array() - 1).abs().maxCoeff() < 0.1);
  CHECK(s.state.memory.second.allFinite());
  CHECK(first_order::repeats(TestType{}));
  CHECK(first_order::survives_saving(TestType{}));
  CHECK(first_order::allocations_in_steps(TestType{}, Eigen::VectorXd(Eigen::VectorXd::Ones(3))) == 0);
  CHECK(first_order::allocations_in_steps(TestType{}, Eigen::Vector3f(1, 2, 3)) == 0);
}

TEMPLATE_TEST_CASE("Adam works for float and double, fixed and dynamic sizes", "[gradient]", Eigen::Vector3f,
                   Eigen::VectorXf, Eigen::Vector3d, Eigen::VectorXd) {
  const TestType x0 = TestType::Ones(3);
  const Schedule schedule{.kind = Schedule::linear, .steps = 500};
  const auto s = minimize(Bowl{10}, x0, Adam{.learning_rate = 0.05, .schedule = schedule},
                          GradientBelow{1e-4} || MaxIterations{500});
  CHECK(s.status == Status::gradient_below);
  const BasicAdam<float> in_float{.learning_rate = 0.05f, .schedule = schedule};
  CHECK(minimize(Bowl{10}, x0, in_float, GradientBelow{1e-4} || MaxIterations{500}).status == Status::gradient_below);
}

TEST_CASE("In a long run of Adam the corrections of the start end, and leave no numbers that are slow", "[gradient]") {
  struct Slope {
    double operator()(const Eigen::Matrix<double, 1, 1>& x, Eigen::Matrix<double, 1, 1>& g) const {
      g[0] = 3;
      return 3 * x[0];
    }
  };
  const Adam adam{.learning_rate = 0.5, .beta1 = 0.5, .beta2 = 0.75, .epsilon = 1};
  StateOf<Adam, Slope, Eigen::Matrix<double, 1, 1>> state;
  adam.init(Slope{}, Eigen::Matrix<double, 1, 1>(0), state);
  for (int k = 0; k < 4000; ++k) {
    adam.step(Slope{}, state);
    for (const double power : {state.memory.power1, state.memory.power2})
      REQUIRE((power == 0 || power >= std::numeric_limits<double>::min()));
  }
  CHECK(state.memory.power1 == 0);
  CHECK(state.memory.power2 == 0);
  CHECK(state.other[0] - state.x[0] == Approx(0.5 * 3 / (3 + 1)));
}

TEST_CASE("Adam refuses settings out of range", "[gradient]") {
  const Eigen::Vector2d x0(1, 1);
  CHECK_THROWS_WITH(minimize(Bowl{}, x0, Adam{.learning_rate = 0}), Catch::Contains("Adam::learning_rate"));
  CHECK_THROWS_WITH(minimize(Bowl{}, x0, Adam{.beta1 = 1}), Catch::Contains("Adam::beta1"));
  CHECK_THROWS_WITH(minimize(Bowl{}, x0, Adam{.beta2 = -1}), Catch::Contains("Adam::beta2"));
  CHECK_THROWS_WITH(minimize(Bowl{}, x0, Adam{.epsilon = 0}), Catch::Contains("Adam::epsilon"));
  CHECK_THROWS_WITH(minimize(Bowl{}, x0, AdamW{.weight_decay = -1}), Catch::Contains("AdamW::weight_decay"));
}
