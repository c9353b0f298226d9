#include <mesaopt/gradient/steepest_descent.hpp>

#include <Eigen/Core>

#include <mesaopt/core/minimize.hpp>
#include <mesaopt/problems/rosenbrock.hpp>

#include "gradient/first_order_problems.hpp"
#include "support/catch.hpp"

using namespace mesaopt;

static_assert(OptimizerFor<SteepestDescent, first_order::Bowl, Eigen::Vector3f>);

TEST_CASE("steepest descent never goes uphill and reaches the minimum of a bowl", "[gradient]") {
  double last = std::numeric_limits<double>::infinity();
  bool down = true;
  const auto s = minimize(first_order::Bowl{20}, Eigen::VectorXd(Eigen::VectorXd::Ones(5)), SteepestDescent{},
                          GradientBelow{1e-8} || MaxIterations{1000}, [&](const auto& state, const Progress&) {
                            down = down && state.value <= last;
                            last = state.value;
                          });
  CHECK(s.status == Status::gradient_below);
  CHECK(down);
  CHECK(s.x.norm() < 1e-7);
}

TEST_CASE("steepest descent makes its way down Rosenbrock's valley", "[gradient]") {
  const auto s = minimize(problems::Rosenbrock{}, Eigen::VectorXd(problems::Rosenbrock::start()), SteepestDescent{},
                          MaxIterations{200});
  CHECK(s.value < 3);
}

TEMPLATE_TEST_CASE("a step of steepest descent allocates nothing", "[gradient]", Eigen::Vector3f, Eigen::VectorXf,
                   Eigen::Vector3d, Eigen::VectorXd) {
  CHECK(first_order::allocations_in_steps(SteepestDescent{}, TestType(TestType::Ones(3))) == 0);
}
