#include <mesaopt/problems/quadratic.hpp>

#include <mesaopt/core/objective.hpp>

#include "models/differences.hpp"
#include "models/refusal.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using problems::Quadratic;

static_assert(TwiceDifferentiable<Quadratic<>, Eigen::VectorXd>);
static_assert(TwiceDifferentiable<Quadratic<float, 3>, Eigen::Vector3f>);
static_assert(is_quadratic<Quadratic<>>);

TEST_CASE("a quadratic worked out by hand has these values and this minimum", "[problems]") {
  // x^2 + x y + 1.5 y^2 - 4 x - 7 y: at (1, 2) 1 + 2 + 6 - 4 - 14.
  const Quadratic f(Eigen::Matrix2d{{2, 1}, {1, 3}}, Eigen::Vector2d(4, 7));
  const Eigen::Vector2d at(0, 1);
  Eigen::Vector2d gradient, product;
  CHECK(f(Eigen::Vector2d(1, 2)) == Approx(-9));
  CHECK(f(at) == Approx(-5.5));
  CHECK(f(at, gradient) == Approx(-5.5));
  CHECK(gradient == Eigen::Vector2d(-3, -4));
  f.hessian_product(at, Eigen::Vector2d(1, -1), product);
  CHECK(product == Eigen::Vector2d(1, -2));
  CHECK(f.solution().isApprox(Eigen::Vector2d(1, 2)));
  CHECK(f.minimum() == Approx(-9));
}

TEST_CASE("a quadratic of dynamic size agrees with differences", "[problems]") {
  const Eigen::Index n = 7;
  Eigen::MatrixXd A = Eigen::MatrixXd::NullaryExpr(n, n, [](auto i, auto j) { return 1 / double(1 + i + j); });
  const Quadratic<> f(A, Eigen::VectorXd::LinSpaced(n, -1, 1));
  const Eigen::VectorXd x = Eigen::VectorXd::LinSpaced(n, 3, -1);
  Eigen::VectorXd gradient(n);
  Eigen::MatrixXd H(n, n);
  CHECK(f(x, gradient) == Approx(f(x)));
  f.hessian(x, H);
  CHECK(H == A);
  CHECK(differences::distance(gradient, differences::gradient(f, x)) < 1e-9);
}

TEST_CASE("a quadratic refuses points of another size than its own", "[problems]") {
  const Quadratic<> f(Eigen::MatrixXd::Identity(3, 3), Eigen::VectorXd::Ones(3));
  const Eigen::VectorXd x = Eigen::VectorXd::Ones(2);
  Eigen::VectorXd gradient(2);
  CHECK(refuses([&] { f(x); }, "size is 2"));
  CHECK(refuses([&] { f(x, gradient); }, "size is 2"));
}

TEST_CASE("a quadratic refuses matrices that do not fit or are not symmetric", "[problems]") {
  const Eigen::MatrixXd wide = Eigen::MatrixXd::Identity(2, 3), square = Eigen::MatrixXd::Identity(2, 2);
  const Eigen::Vector2d b(1, 1);
  CHECK(refuses([&] { Quadratic<>(wide, b); }, "2 x 3"));
  CHECK(refuses([&] { Quadratic<>(square, Eigen::VectorXd::Ones(3)); }, "size 3"));
  CHECK(refuses([&] { Quadratic(Eigen::Matrix2d{{1, 2}, {0, 1}}, b); }, "symmetric"));
  CHECK(refuses<std::domain_error>([&] { Quadratic(Eigen::Matrix2d{{1, 2}, {2, 1}}, b).solution(); }, "definite"));
}
