#include <mesaopt/problems/ellipsoid.hpp>

#include <mesaopt/core/objective.hpp>

#include "models/differences.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using problems::Ellipsoid;

static_assert(TwiceDifferentiable<Ellipsoid, Eigen::VectorXd>);
static_assert(TwiceDifferentiable<Ellipsoid, Eigen::Vector3f>);

TEST_CASE("the weights of the ellipsoid grow evenly in the logarithm up to the condition number", "[problems]") {
  const Ellipsoid f{.condition = 1e4};
  CHECK(f(Eigen::Vector3d(1, 0, 0)) == Approx(1));
  CHECK(f(Eigen::Vector3d(0, 1, 0)) == Approx(100));
  CHECK(f(Eigen::Vector3d(0, 0, 1)) == Approx(1e4));
  Eigen::VectorXd last = Eigen::VectorXd::Unit(40, 39);
  CHECK(Ellipsoid{}(last) == Approx(1e6).epsilon(1e-13));
  CHECK(f(Ellipsoid::solution(4)) == Ellipsoid::minimum);
  CHECK(is_quadratic<Ellipsoid>);
}

TEST_CASE("the derivatives of ellipsoid agree with differences", "[problems]") {
  for (const Eigen::Index n : {1, 2, 5}) {
    const Ellipsoid f{.condition = 50};
    const Eigen::VectorXd x = Eigen::VectorXd::LinSpaced(n, -1.3, 0.7), v = Eigen::VectorXd::LinSpaced(n, 2, -1);
    Eigen::VectorXd gradient(n), product(n);
    Eigen::MatrixXd H(n, n);
    CHECK(f(x, gradient) == Approx(f(x)));
    f.hessian_product(x, v, product);
    f.hessian(x, H);
    CHECK(differences::distance(gradient, differences::gradient(f, x)) < 1e-8);
    CHECK(differences::distance(product, differences::along(differences::gradient_of(f), x, v)) < 1e-8);
    CHECK(differences::distance(product, H * v) < 1e-14);
  }
}
