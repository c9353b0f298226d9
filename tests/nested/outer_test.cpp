#include <mesaopt/nested/outer.hpp>

#include <span>

#include <Eigen/Core>

#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {
/// Half of (y0 − 1)² + (2 y1)², with y0 + y1 <= 3.
struct Held {
  double operator()(const VectorXd& y) const { return ((y[0] - 1) * (y[0] - 1) + 4 * y[1] * y[1]) / 2; }
  static Eigen::Index residual_count() { return 2; }
  void residuals(const VectorXd& y, VectorXd& r) const { r << y[0] - 1, 2 * y[1]; }
  void residuals(const VectorXd& y, VectorXd& r, MatrixXd& J) const {
    residuals(y, r);
    J << 1, 0, 0, 2;
  }
  static Eigen::Index equalities() { return 0; }
  static Eigen::Index inequalities() { return 1; }
  void constraints(const VectorXd& y, VectorXd& c) const { c[0] = y.sum() - 3; }
  void constraints(const VectorXd& y, VectorXd& c, MatrixXd& J) const {
    constraints(y, c);
    J.setOnes();
  }
};
struct ValueAlone {
  double operator()(const VectorXd&, const VectorXd&) const { return 0; }
};
const VectorXd x = VectorXd::Constant(3, 9), y = Eigen::Vector2d(5, 7);
}  // namespace

TEST_CASE("what an outer objective gives is told apart", "[nested]") {
  using F = OfSolution<Held>;
  STATIC_REQUIRE(detail::OuterValue<F, VectorXd, VectorXd>);
  STATIC_REQUIRE_FALSE(detail::OuterGradient<F, VectorXd, VectorXd>);
  STATIC_REQUIRE(detail::OuterResiduals<F, VectorXd, VectorXd>);
  STATIC_REQUIRE(detail::OuterConstraints<F, VectorXd, VectorXd, MatrixXd, MatrixXd>);
  STATIC_REQUIRE_FALSE(detail::OuterResiduals<ValueAlone, VectorXd, VectorXd>);
  STATIC_REQUIRE_FALSE(detail::OuterConstraints<ValueAlone, VectorXd, VectorXd>);
}

TEST_CASE("residuals and constraints of the solution alone do not depend on the outer point", "[nested]") {
  const auto F = of_solution(Held{});
  VectorXd r(2), c(1);
  MatrixXd Rx = MatrixXd::Ones(2, 3), Ry(2, 2), Cx = MatrixXd::Ones(1, 3), Cy(1, 2);
  CHECK(F(x, y).value == 106);
  F.residuals(x, y, r, Rx, Ry);
  F.constraints(x, y, c, Cx, Cy);
  CHECK(r == Eigen::Vector2d(4, 14));
  CHECK(c[0] == 9);
  CHECK(Rx.isZero(0));
  CHECK(Cx.isZero(0));
  CHECK(Ry == (MatrixXd(2, 2) << 1, 0, 0, 2).finished());
  CHECK(Cy.isOnes(0));
  CHECK(F.residual_count() == 2);
  CHECK(F.equalities() == 0);
  CHECK(F.inequalities() == 1);
}

namespace {
struct HeldSum {
  Eigen::Index terms() const { return 9; }
  double operator()(const Eigen::VectorXd& at, std::span<const Eigen::Index> batch, Eigen::VectorXd& gy) const {
    gy = double(batch[0]) * at;
    return double(batch[0]) * at.squaredNorm() / 2;
  }
};
}  // namespace

TEST_CASE("a finite sum of the solution alone is one of both points that does not depend on the outer", "[nested]") {
  const auto F = of_solution(HeldSum{});
  CHECK(F.terms() == 9);
  const Eigen::VectorXd from = Eigen::VectorXd::Ones(2), at = Eigen::VectorXd::Constant(3, 2);
  Eigen::VectorXd gx = from, gy = at;
  const Eigen::Index batch[] = {4};
  CHECK(F(from, at, std::span<const Eigen::Index>(batch), gx, gy).value == 24);
  CHECK(gx.isZero(0));
  CHECK(gy == 4 * at);
}
