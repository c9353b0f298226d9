#include <mesaopt/problems/rosenbrock.hpp>

#include <unsupported/Eigen/AutoDiff>

#include <mesaopt/core/objective.hpp>

#include "models/differences.hpp"
#include "models/refusal.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using problems::Rosenbrock;

static_assert(TwiceDifferentiable<Rosenbrock, Eigen::VectorXd>);
static_assert(TwiceDifferentiable<Rosenbrock, Eigen::Vector2f>);

namespace {
using Dual = Eigen::AutoDiffScalar<Eigen::Vector2d>;
}
template <>
struct mesaopt::IsReal<Dual> : std::true_type {};

TEST_CASE("at its customary start Rosenbrock's function is 24.2 a pair", "[problems]") {
  CHECK(Rosenbrock{}(Rosenbrock::start()) == Approx(24.2));
  CHECK(Rosenbrock{}(Rosenbrock::start(20)) == Approx(242));
  CHECK(Rosenbrock{}(Rosenbrock::start<Eigen::Vector2f>()) == Approx(24.2f));
  Eigen::VectorXd x = Rosenbrock::start(10), gradient(10);
  CHECK(Rosenbrock{}(x, gradient) == Approx(121));
  CHECK(gradient[0] == Approx(-215.6));
  CHECK(gradient[9] == Approx(-88));
}

TEST_CASE("Rosenbrock's minimum is zero and flat at all ones", "[problems]") {
  for (const Eigen::Index n : {2, 6, 8, 14}) {
    const Eigen::VectorXd x = Rosenbrock::solution(n);
    Eigen::VectorXd gradient = Eigen::VectorXd::Ones(n);
    CHECK(Rosenbrock{}(x, gradient) == Rosenbrock::minimum);
    CHECK(gradient.isZero(0));
  }
}

TEST_CASE("the derivatives of Rosenbrock's function agree with differences", "[problems]") {
  for (const Eigen::Index n : {2, 8, 10, 26}) {
    const Eigen::VectorXd x = Eigen::VectorXd::LinSpaced(n, -1.5, 1.7), v = Eigen::VectorXd::LinSpaced(n, 2, -1);
    Eigen::VectorXd gradient(n), product(n);
    Eigen::MatrixXd H(n, n);
    const Rosenbrock f;
    CHECK(f(x, gradient) == f(x));
    f.hessian_product(x, v, product);
    f.hessian(x, H);
    CHECK(differences::distance(gradient, differences::gradient(f, x)) < 1e-8);
    CHECK(differences::distance(product, differences::along(differences::gradient_of(f), x, v)) < 1e-8);
    CHECK(differences::distance(product, H * v) < 1e-14);
  }
}

TEST_CASE("Rosenbrock's function may be evaluated in dual numbers", "[problems]") {
  Eigen::Vector<Dual, 2> x(Dual(-1.2, 2, 0), Dual(1, 2, 1)), duals;
  Eigen::Vector2d gradient;
  Rosenbrock{}(Eigen::Vector2d(-1.2, 1), gradient);
  CHECK((Rosenbrock{}(x).derivatives() - gradient).norm() < 1e-12);
  Rosenbrock{}(x, duals);
  Eigen::Matrix2d H;
  Rosenbrock{}.hessian(Eigen::Vector2d(-1.2, 1), H);
  CHECK((duals[0].derivatives() - H.col(0)).norm() < 1e-12);
  CHECK((duals[1].derivatives() - H.col(1)).norm() < 1e-12);
}

TEST_CASE("an odd number of variables is refused", "[problems]") {
  const Eigen::VectorXd odd = Eigen::VectorXd::Ones(3);
  CHECK_THROWS_AS(Rosenbrock{}(odd), std::invalid_argument);
  CHECK_THROWS_AS(Rosenbrock::start(5), std::invalid_argument);
  CHECK(refuses([] { Rosenbrock::solution(0); }, "it is 0"));
}
