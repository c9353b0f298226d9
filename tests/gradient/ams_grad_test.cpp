#include <mesaopt/gradient/ams_grad.hpp>

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

static_assert(OptimizerFor<AmsGrad, Bowl, Eigen::VectorXd>);
static_assert(OptimizerFor<BasicAmsGrad<float>, Bowl, Eigen::Vector3f>);

TEST_CASE("AMSGrad has the values of another implementation, with and without weight decay", "[gradient]") {
  CHECK(largest_difference(after_eight_steps(AmsGrad{.learning_rate = 0.1, .beta2 = 0.7}), -0.46267107340261598,
                           0.38971516113850602, 0.16262179632383225, 0.00043376810284506684) < 1e-14);
  CHECK(largest_difference(after_eight_steps(AmsGrad{.learning_rate = 0.1, .beta2 = 0.7, .weight_decay = 0.5}),
                           -0.22791526214131211, 0.25111255006169447, 0.11014522526189074,
                           0.066216204297076184) < 1e-14);
}

namespace {

/// The example of theorem 1 of the paper: linear losses on [−1, 1], one in three steep and pointing the other way.
/// Their mean slopes down to x = −1, but Adam with a short memory goes to x = 1.
struct Reddi {
  template <class X>
  using Memory = Workspace<detail::Empty>;

  Evaluation<double> operator()(const Eigen::VectorXd& x, Eigen::VectorXd& g,
                                const Call<Memory<Eigen::VectorXd>>& call) const {
    constexpr double steep = 10;
    g[0] = call.index % 3 == 0 ? steep : -1;
    if (std::abs(x[0]) > 1 && x[0] * g[0] < 0) g[0] = 0;  // no further out
    return g[0] * x[0];
  }
};

}  // namespace

TEST_CASE("AMSGrad goes the right way where rare gradients decide, and Adam does not", "[gradient]") {
  const Eigen::VectorXd x0 = Eigen::VectorXd::Zero(1);
  const double beta2 = 1 / (1 + 100.0);
  const auto adam = minimize(Reddi{}, x0, Adam{.learning_rate = 0.01, .beta1 = 0, .beta2 = beta2}, MaxIterations{3000});
  const auto ams =
      minimize(Reddi{}, x0, AmsGrad{.learning_rate = 0.01, .beta1 = 0, .beta2 = beta2}, MaxIterations{3000});
  CHECK(adam.state.x[0] > 0.9);
  CHECK(ams.state.x[0] < -0.9);
}

TEST_CASE("AMSGrad survives what is not finite, repeats bit by bit, and allocates nothing", "[gradient]") {
  const auto s = minimize(HalfLine{}, Eigen::VectorXd(Eigen::VectorXd::Constant(2, 0.3)),
                          AmsGrad{.learning_rate = 2, .schedule = {.kind = Schedule::exponential, .steps = 100}},
                          MaxIterations{300});
  CHECK(s.status == Status::max_iterations);
  CHECK((s.x.array() - 1).abs().maxCoeff() < 0.1);
  CHECK(first_order::repeats(AmsGrad{}));
  CHECK(first_order::survives_saving(AmsGrad{}));
  CHECK(first_order::allocations_in_steps(AmsGrad{}, Eigen::VectorXd(Eigen::VectorXd::Ones(3))) == 0);
  CHECK(first_order::allocations_in_steps(AmsGrad{}, Eigen::Vector3f(1, 2, 3)) == 0);
}

TEST_CASE("AMSGrad refuses settings out of range", "[gradient]") {
  CHECK_THROWS_WITH(AmsGrad{.learning_rate = 0}.check(), Catch::Contains("AmsGrad::learning_rate"));
  CHECK_THROWS_WITH(AmsGrad{.beta1 = 1}.check(), Catch::Contains("AmsGrad::beta1"));
  CHECK_THROWS_WITH(AmsGrad{.beta2 = -1}.check(), Catch::Contains("AmsGrad::beta2"));
  CHECK_THROWS_WITH(AmsGrad{.epsilon = 0}.check(), Catch::Contains("AmsGrad::epsilon"));
  CHECK_THROWS_WITH(AmsGrad{.weight_decay = -1}.check(), Catch::Contains("AmsGrad::weight_decay"));
  CHECK_THROWS_WITH(AmsGrad{.schedule = {.steps = 0}}.check(), Catch::Contains("Schedule::steps"));
}
