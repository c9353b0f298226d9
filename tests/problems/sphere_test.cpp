#include <mesaopt/problems/sphere.hpp>

#include <mesaopt/core/objective.hpp>

#include "models/differences.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using problems::Sphere;

static_assert(TwiceDifferentiable<Sphere, Eigen::VectorXd>);
static_assert(TwiceDifferentiable<Sphere, Eigen::Vector3f>);

TEST_CASE("the sphere is the squared distance to the origin", "[problems]") {
  CHECK(Sphere{}(Eigen::Vector3f(1, 2, 2)) == 9.0f);
  CHECK(Sphere{}(Sphere::solution(4)) == Sphere::minimum);
  CHECK(is_quadratic<Sphere>);
}

TEST_CASE("the derivatives of sphere agree with differences", "[problems]") {
  for (const Eigen::Index n : {1, 2, 5}) {
    const Sphere f{};
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
