#include <mesaopt/problems/bilevel_levels.hpp>

#include <mesaopt/core/constraints.hpp>
#include <mesaopt/nested/places.hpp>

#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {
/// F = x0 y0, f = x1 + y1², G = x0² y1 - 1, g = (x0 y0², x1 y1).
struct Small : problems::BilevelProblem<Small> {
  template <class X, class Y>
  ScalarOf<Y> outer_value(const X& x, const Y& y) const {
    return x[0] * y[0];
  }
  template <class X, class Y>
  ScalarOf<Y> inner_value(const X& x, const Y& y) const {
    return x[1] + y[1] * y[1];
  }
  static Eigen::Index outer_inequalities() { return 1; }
  static Eigen::Index inner_inequalities() { return 2; }
  template <class X, class Y, class C>
  void outer_constraints(const X& x, const Y& y, C& c) const {
    c[0] = x[0] * x[0] * y[1] - 1.0;
  }
  template <class X, class Y, class C>
  void inner_constraints(const X& x, const Y& y, C& c) const {
    c[0] = x[0] * y[0] * y[0];
    c[1] = x[1] * y[1];
  }
};
const VectorXd x = Eigen::Vector2d(2, 3), y = Eigen::Vector2d(5, 7);
}  // namespace

TEST_CASE("a level without constraints is an objective, one with them is constrained", "[problems]") {
  STATIC_REQUIRE(Objective<At<problems::InnerLevel<Small>, VectorXd>, VectorXd>);
  STATIC_REQUIRE_FALSE(Constrained<At<problems::InnerLevel<Small>, VectorXd>, VectorXd>);
  STATIC_REQUIRE(DifferentiableConstraints<At<problems::ConstrainedInnerLevel<Small>, VectorXd>, VectorXd>);
  CHECK(Small{}.outer()(x, y) == 10);
  CHECK(Small{}.inner()(x, y) == 52);
}

TEST_CASE("constraints of both levels come with exact Jacobians", "[problems]") {
  const auto outer = Small{}.constrained_outer();
  const auto inner = Small{}.constrained_inner();
  VectorXd G(1), g(2);
  MatrixXd Jx(1, 2), Jy(1, 2), J(2, 2);
  CHECK(outer.equalities() + inner.equalities() == 0);
  outer.constraints(x, y, G, Jx, Jy);
  inner.constraints(x, y, g, J);
  CHECK(G[0] == 27);
  CHECK(Jx == (MatrixXd(1, 2) << 28, 0).finished());
  CHECK(Jy == (MatrixXd(1, 2) << 0, 4).finished());
  CHECK(g == Eigen::Vector2d(50, 21));
  CHECK(J == (MatrixXd(2, 2) << 20, 0, 0, 3).finished());
}
