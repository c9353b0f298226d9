#include <mesaopt/objective/quadratic_program.hpp>

#include <limits>
#include <stdexcept>

#include <Eigen/Core>

#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;
using Program = QuadraticProgram<double>;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

/// Problem 35 of Hock & Schittkowski (1981) without its constant, 9, and with an equation, x₁ + x₂ + x₃ = 2, more.
Program beale() {
  Program p;
  p.Q.resize(3, 3);
  p.Q << 4, 2, 2, 2, 4, 0, 2, 0, 2;
  p.c.resize(3);
  p.c << -8, -6, -4;
  p.A.resize(1, 3);
  p.A << 1, 1, 2;
  p.b.setConstant(1, 3);
  p.A_eq.setOnes(1, 3);
  p.b_eq.setConstant(1, 2);
  p.lower.setZero(3);
  return p;
}
VectorXd vector(double a, double b, double c) {
  VectorXd v(3);
  v << a, b, c;
  return v;
}
bool same(const VectorXd& a, const VectorXd& b) { return a.size() == b.size() && (a.array() == b.array()).all(); }

}  // namespace

static_assert(Differentiable<Program, VectorXd> && Constrained<Program, VectorXd> && Bounded<Program, VectorXd>);
static_assert(is_quadratic<Program>);

TEST_CASE("A quadratic program has the values and gradients of its formula", "[quadratic_program]") {
  const Program p = beale();
  VectorXd g(3), out(3);
  const VectorXd start = vector(0.5, 0.5, 0.5);
  CHECK(9 + p(start) == 2.25);  // published
  CHECK(9 + p(start, g) == 2.25);
  CHECK(same(g, vector(-4, -3, -2)));
  CHECK(9 + p(vector(4.0 / 3, 7.0 / 9, 4.0 / 9)) == Approx(1.0 / 9));  // published
  p.hessian_product(start, vector(1, 0, -1), out);
  CHECK(same(out, vector(2, 2, 0)));
  MatrixXd H;
  p.hessian(start, H);
  CHECK(H == p.Q);
}

TEST_CASE("Its constraints are the equations, then the inequalities", "[quadratic_program]") {
  const Program p = beale();
  VectorXd c(2);
  MatrixXd J(2, 3);
  p.constraints(vector(1, 2, 3), c, J);
  CHECK(c[0] == 4);
  CHECK(c[1] == 6);
  CHECK(J(0, 2) == 1);
  CHECK(J(1, 2) == 2);
  VectorXd out = vector(1, 1, 1);
  p.constraints_hessian_product(out, c, out, out);
  CHECK(same(out, vector(0, 0, 0)));
  const auto box = p.box();
  CHECK(same(box.lower, vector(0, 0, 0)));
  CHECK(same(box.upper, vector(infinity, infinity, infinity)));
}

TEST_CASE("What is left empty is zero, or without bounds", "[quadratic_program]") {
  const Program p{.c = vector(1, 2, 3)};
  CHECK_NOTHROW(p.check());
  VectorXd g(3), c(0);
  MatrixXd H, J(0, 3);
  CHECK(p(vector(1, 1, 1), g) == 6);
  CHECK(p(vector(1, 1, 1)) == 6);
  CHECK(same(g, p.c));
  p.hessian(g, H);
  CHECK(H.isZero(0));
  p.constraints(g, c, J);
  CHECK(p.equalities() + p.inequalities() == 0);
  CHECK(p.box().lower[2] == -infinity);
}

TEST_CASE("A quadratic program that does not fit together is refused by the name of what is wrong",
          "[quadratic_program]") {
  Program p = beale();
  SECTION("no variables") {
    p.c.resize(0);
    CHECK_THROWS_WITH(p.check(), Catch::Contains("QuadraticProgram::c: is empty"));
  }
  SECTION("sizes") {
    p.A_eq.resize(1, 2);
    CHECK_THROWS_WITH(p.check(), "QuadraticProgram::A_eq: is 1 x 2; it must be 1 x 3");
  }
  SECTION("sides without gradients") {
    p.A.resize(0, 0);
    CHECK_THROWS_WITH(p.check(), Catch::Contains("QuadraticProgram::A: is 0 x 0"));
  }
  SECTION("gradients without sides") {
    p.b.resize(0);
    CHECK_THROWS_WITH(p.check(), Catch::Contains("QuadraticProgram::A: is 1 x 3"));
  }
  SECTION("asymmetry, by its size") {
    p.Q(0, 2) += 0x1p-30;
    CHECK_THROWS_WITH(p.check(),
                      "QuadraticProgram::Q: must be symmetric, but Q(0, 2) differs from Q(2, 0) by "
                      "9.313225746154785e-10");
  }
  SECTION("asymmetry by rounding is none") {
    p.Q(0, 2) += 0x1p-50;
    CHECK_NOTHROW(p.check());
  }
}
