#include <mesaopt/core/minimize.hpp>

#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/fields.hpp>
#include <mesaopt/gradient/lbfgs.hpp>
#include <mesaopt/problems/rosenbrock.hpp>

#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::VectorXd;
using problems::Rosenbrock;

TEST_CASE("minimize takes an optimizer, with a stopping rule or its own, or a search", "[core]") {
  const VectorXd x0 = Rosenbrock::start<VectorXd>(2);
  const auto a = minimize(Rosenbrock{}, x0, Lbfgs{});
  const auto b = minimize(Rosenbrock{}, x0, Lbfgs{}, Lbfgs{}.default_stopping());
  const auto c = minimize(Rosenbrock{}, x0, Search{Lbfgs{}, Lbfgs{}.default_stopping()});
  CHECK(a.status == Status::gradient_below);
  CHECK(a.x.isApprox(VectorXd::Ones(2), 1e-7));
  CHECK(identical(a.state, b.state));
  CHECK(identical(a.state, c.state));
}

TEST_CASE("lambdas, also with state, are objectives", "[core]") {
  const Eigen::Vector3d center(1, 2, 3);
  const auto f = [center](const Eigen::Vector3d& x, Eigen::Vector3d& gradient) {
    gradient = 2 * (x - center);
    return (x - center).squaredNorm();
  };
  const Eigen::Vector3d x0 = Eigen::Vector3d::Zero();
  CHECK(minimize(f, x0, Lbfgs{}).x.isApprox(center, 1e-8));
}

TEST_CASE("observers see the start and every step, and one can end the run", "[core]") {
  const VectorXd x0 = Rosenbrock::start<VectorXd>(2);
  std::vector<double> values;
  int steps = -1;
  const auto watch = [&](const auto& state, const Progress& progress) {
    values.push_back(state.value);
    CHECK(progress.counts.iterations == std::uint64_t(++steps));
  };
  const auto s = minimize(Rosenbrock{}, x0, Lbfgs{}, GradientBelow{}, watch);
  CHECK(values.size() == s.counts[0].iterations + 1);
  CHECK(values.front() == Rosenbrock{}(x0));
  CHECK(values.back() == s.value);

  const auto stop = [](const auto&, const Progress& progress) {
    return progress.counts.iterations < 4 ? Status::running : Status::cancelled;
  };
  steps = -1;
  const auto cut = minimize(Rosenbrock{}, x0, Lbfgs{}, GradientBelow{}, stop, watch);
  CHECK(cut.status == Status::cancelled);
  CHECK(cut.counts[0].iterations == 4);
  CHECK(steps == 4);
}

TEST_CASE("starts that are none are refused, naming coordinate and value", "[core]") {
  CHECK_THROWS_AS(minimize(Rosenbrock{}, VectorXd(), Lbfgs{}), std::invalid_argument);
  CHECK_THROWS_WITH(minimize(Rosenbrock{}, VectorXd(), Lbfgs{}), Catch::Contains("start") && Catch::Contains("0"));
  VectorXd x0 = VectorXd::Zero(3);
  for (const double bad : {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    x0[2] = bad;
    CHECK_THROWS_WITH(minimize(Rosenbrock{}, x0, Lbfgs{}), Catch::Contains("coordinate 2 is " + std::to_string(bad)));
  }
}
