#include <mesaopt/objective/regularized.hpp>

#include <stdexcept>

#include <mesaopt/objective/ball.hpp>
#include <mesaopt/objective/box_set.hpp>
#include <mesaopt/objective/group_l1.hpp>
#include <mesaopt/objective/l1.hpp>
#include <mesaopt/objective/simplex.hpp>
#include <mesaopt/problems/rosenbrock.hpp>

#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::VectorXd;
using problems::Rosenbrock;

namespace {
/// A regularizer of a user's own, without derivatives: half the square of the norm.
struct Ridge {
  double value(const VectorXd& x) const { return x.squaredNorm() / 2; }
  void proximal(const VectorXd& v, double t, VectorXd& x) const { x = v / (1 + t); }
};
struct None {};
}  // namespace

static_assert(Regularizer<Ridge, VectorXd> && !DifferentiableRegularizer<Ridge, VectorXd>);
static_assert(!Regularizer<None, VectorXd>);
static_assert(DifferentiableRegularizer<L1, VectorXd> && DifferentiableRegularizer<L1, Eigen::Vector3f>);
static_assert(DifferentiableRegularizer<GroupL1, VectorXd> && DifferentiableRegularizer<Nonnegative, VectorXd>);
static_assert(DifferentiableRegularizer<BoxSet<VectorXd>, VectorXd> && DifferentiableRegularizer<Ball, VectorXd>);
static_assert(DifferentiableRegularizer<Simplex, VectorXd>);
static_assert(Regularized<WithRegularizer<Rosenbrock, L1>, VectorXd>);
static_assert(TwiceDifferentiable<WithRegularizer<Rosenbrock, L1>, VectorXd>);
static_assert(!Regularized<Rosenbrock, VectorXd>);
static_assert(detail::is_separable<L1> && detail::is_separable<Nonnegative> && !detail::is_separable<GroupL1>);
static_assert(!detail::is_separable<Ridge> && !detail::is_separable<Simplex>);

TEST_CASE("A regularized objective is the objective, and knows the regularizer", "[regularized]") {
  const auto f = regularized(Rosenbrock{}, Ridge{});
  const VectorXd x = Eigen::Vector2d(-1.2, 1);
  VectorXd gradient(2), expected(2);
  CHECK(f(x) == Rosenbrock{}(x));
  CHECK(f(x, gradient) == Rosenbrock{}(x, expected));
  CHECK(gradient == expected);
  CHECK(f.regularizer().value(x) == x.squaredNorm() / 2);
}

TEST_CASE("A lambda can be regularized, anew as well, and settings are checked", "[regularized]") {
  const auto sum = [](const VectorXd& x) { return x.sum(); };
  const auto once = regularized(sum, L1{1});
  const auto twice = regularized(once, Simplex{2});
  CHECK(twice(VectorXd(VectorXd::Ones(3))) == 3);
  CHECK(twice.regularizer().total == 2);
  CHECK_THROWS_AS(regularized(sum, L1{-1}), std::invalid_argument);
}
