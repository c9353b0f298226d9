#include <mesaopt/nested/active_constraints.hpp>

#include <Eigen/Dense>

#include <mesaopt/core/calls.hpp>
#include <mesaopt/nested/places.hpp>

#include "nested/restricted_problems.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using namespace restricted;

TEST_CASE("the active constraints of a solution, their multipliers and the space they leave are found", "[nested]") {
  const VectorXd x = VectorXd::Zero(3);
  const Program program(5);
  const At<Program, VectorXd> f{program, x};
  const VectorXd y = program.solution(x);
  Calls<VectorXd> calls;
  detail::ActiveConstraints<VectorXd> active;
  VectorXd gradient(8);
  f(y, gradient);
  CHECK(active.find(f, y, gradient, calls, 10.0) == Reason::none);
  CHECK(active.active == std::vector<Eigen::Index>{0, 1, 2});
  CHECK(active.side[program.held] == 1);
  CHECK(active.side.cwiseAbs().sum() == 1);
  CHECK(active.multipliers[0] == Approx(-0.3).epsilon(1e-10));
  CHECK(active.multipliers[1] == Approx(program.multiplier).epsilon(1e-10));
  CHECK(active.multipliers[3] == 0);
  CHECK(gradient.norm() < 1e-12);  // of the Lagrangian, without what the bound holds
  CHECK(active.step.norm() < 1e-12);

  VectorXd v = VectorXd::LinSpaced(8, -1, 2);
  active.project(v);
  CHECK(v[program.held] == 0);
  CHECK((program.A.topRows(3) * v).norm() < 1e-13);
  const VectorXd once = v;
  active.project(v);
  CHECK((v - once).norm() < 1e-14);
}

TEST_CASE("a point that violates its constraints is no solution", "[nested]") {
  const VectorXd x = VectorXd::Zero(3);
  const Program program(5);
  const At<Program, VectorXd> f{program, x};
  VectorXd y = program.solution(x), gradient(8);
  y[0] += 0.1;
  f(y, gradient);
  Calls<VectorXd> calls;
  detail::ActiveConstraints<VectorXd> active;
  CHECK(active.find(f, y, gradient, calls, 10.0) == Reason::inner_not_converged);
}
