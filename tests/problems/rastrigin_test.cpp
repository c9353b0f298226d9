#include <mesaopt/problems/rastrigin.hpp>

#include <mesaopt/core/objective.hpp>

#include "models/differences.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using problems::Rastrigin;

static_assert(TwiceDifferentiable<Rastrigin, Eigen::VectorXd>);
static_assert(TwiceDifferentiable<Rastrigin, Eigen::Vector3f>);

TEST_CASE("Rastrigin's function is the sphere at whole numbers and 20 more a variable halfway", "[problems]") {
  CHECK(Rastrigin{}(Eigen::Vector3d(1, -2, 3)) == Approx(14));
  CHECK(Rastrigin{}(Eigen::Vector2d(0.5, 1.5)) == Approx(42.5));
  CHECK(Rastrigin{}(Rastrigin::solution(4)) == Rastrigin::minimum);
}

TEST_CASE("the derivatives of rastrigin agree with differences", "[problems]") {
  for (const Eigen::Index n : {1, 2, 5}) {
    const Rastrigin f{};
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
