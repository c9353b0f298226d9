#include <mesaopt/problems/hartmann6.hpp>

#include <mesaopt/core/objective.hpp>

#include "models/differences.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using problems::Hartmann6;

static_assert(Differentiable<Hartmann6, Eigen::VectorXd>);
static_assert(Differentiable<Hartmann6, Eigen::Vector<float, 6>>);

TEST_CASE("Hartmann's function has its published minimum, and its gradient is zero there", "[problems]") {
  Eigen::VectorXd x = Hartmann6::solution(), gradient(6);
  CHECK(Hartmann6{}(x, gradient) == Approx(Hartmann6::minimum).epsilon(1e-9));
  CHECK(gradient.lpNorm<Eigen::Infinity>() < 1e-4);
}

TEST_CASE("the second minimum of Hartmann's function is 0.119 above the first", "[problems]") {
  // The trap of the studies of Bayesian optimization, 0.119 above; that it is a minimum the gradient says.
  Eigen::VectorXd x{{0.40465, 0.88244, 0.84610, 0.57399, 0.13893, 0.03850}}, gradient(6);
  CHECK(Hartmann6{}(x, gradient) == Approx(Hartmann6::minimum + 0.119).epsilon(1e-3));
  CHECK(gradient.lpNorm<Eigen::Infinity>() < 1e-2);
}

TEST_CASE("the gradient of Hartmann's function agrees with differences", "[problems]") {
  const Hartmann6 f{};
  const Eigen::VectorXd x = Eigen::VectorXd::LinSpaced(6, 0.1, 0.8);
  Eigen::VectorXd gradient(6);
  CHECK(f(x, gradient) == Approx(f(x)));
  CHECK(differences::distance(gradient, differences::gradient(f, x)) < 1e-8);
}
