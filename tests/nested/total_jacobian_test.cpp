#include <mesaopt/nested/total_jacobian.hpp>

#include <functional>

#include <Eigen/Core>

#include <mesaopt/core/minimize.hpp>
#include <mesaopt/gradient/levenberg_marquardt.hpp>
#include <mesaopt/gradient/newton.hpp>
#include <mesaopt/gradient/sqp.hpp>
#include <mesaopt/nested/implicit.hpp>
#include <mesaopt/nested/nested.hpp>
#include <mesaopt/problems/quadratic_bilevel.hpp>

#include "support/allocations.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::MatrixXd;
using Eigen::VectorXd;
using problems::QuadraticBilevel;

namespace {

const QuadraticBilevel q = QuadraticBilevel::random(3, 4, 7);
const VectorXd x = VectorXd::LinSpaced(3, -1, 2);

/// The family of the quadratic problem, with or without what it may do without: mixed products by differences then.
struct Inner {
  static constexpr bool quadratic = true;
  double operator()(const VectorXd& u, const VectorXd& y, VectorXd& gy) const { return q.inner()(u, y, gy); }
  void hessian(const VectorXd& u, const VectorXd& y, MatrixXd& out) const { q.inner().hessian(u, y, out); }
  void hessian_product(const VectorXd& u, const VectorXd& y, const VectorXd& v, VectorXd& out) const {
    q.inner().hessian_product(u, y, v, out);
  }
  void mixed_product(const VectorXd& u, const VectorXd& y, const VectorXd& v, VectorXd& out) const {
    q.inner().mixed_product(u, y, v, out);
  }
  void mixed_direction(const VectorXd& u, const VectorXd& y, const VectorXd& v, VectorXd& out) const {
    q.inner().mixed_direction(u, y, v, out);
  }
};

/// Outer residuals and constraints P x + Q y − p, as many as P has rows, and the outer value of the problem, or half
/// the sum of squares of the residuals.
struct Linear {
  MatrixXd P, Q;
  VectorXd p;
  bool squares = false;
  Eigen::Index equal = 0;
  double operator()(const VectorXd& u, const VectorXd& y) const {
    return squares ? (P * u + Q * y - p).squaredNorm() / 2 : q.outer()(u, y);
  }
  double operator()(const VectorXd& u, const VectorXd& y, VectorXd& gx, VectorXd& gy) const {
    if (!squares) return q.outer()(u, y, gx, gy);
    const VectorXd r = P * u + Q * y - p;
    gx = P.transpose() * r;
    gy = Q.transpose() * r;
    return r.squaredNorm() / 2;
  }
  [[nodiscard]] Eigen::Index residual_count() const { return p.size(); }
  void residuals(const VectorXd& u, const VectorXd& y, VectorXd& r) const { r = P * u + Q * y - p; }
  void residuals(const VectorXd& u, const VectorXd& y, VectorXd& r, MatrixXd& Jx, MatrixXd& Jy) const {
    residuals(u, y, r);
    Jx = P;
    Jy = Q;
  }
};
struct Coupled : Linear {
  [[nodiscard]] Eigen::Index equalities() const { return equal; }
  [[nodiscard]] Eigen::Index inequalities() const { return p.size() - equal; }
  void constraints(const VectorXd& u, const VectorXd& y, VectorXd& c) const { residuals(u, y, c); }
  void constraints(const VectorXd& u, const VectorXd& y, VectorXd& c, MatrixXd& Jx, MatrixXd& Jy) const {
    residuals(u, y, c, Jx, Jy);
  }
};

Coupled coupled(Eigen::Index rows) {
  Random random{3};
  Coupled c;
  c.P.resize(rows, 3);
  c.Q.resize(rows, 4);
  c.p.resize(rows);
  random.fill_normal(c.P);
  random.fill_normal(c.Q);
  random.fill_normal(c.p);
  return c;
}
const Search exact{Newton{}, GradientBelow{1e-14} || MaxIterations{50}};
const VectorXd origin = VectorXd::Zero(4);
auto make(const Coupled& outer, const Implicit& hypergradient = {}) {
  return nested(outer, response(family(Inner{}), exact, origin), hypergradient);
}
using Problem = decltype(make(coupled(1)));
using Evaluations = Calls<VectorXd, MemoryOf<Problem, VectorXd>>;

}  // namespace

TEST_CASE("a nested objective has constraints and residuals if its outer objective has", "[nested]") {
  STATIC_REQUIRE(DifferentiableConstraints<Problem, VectorXd>);
  STATIC_REQUIRE(LeastSquares<Problem, VectorXd>);
  STATIC_REQUIRE(OptimizerFor<Sqp, Problem, VectorXd>);
  using Plain = decltype(nested(Linear{}, response(family(Inner{}), exact, origin)));
  STATIC_REQUIRE_FALSE(Constrained<Plain, VectorXd>);
  STATIC_REQUIRE_FALSE(LeastSquares<Plain, VectorXd>);  // no hypergradient, no Jacobian
}

TEST_CASE("Jacobians of coupling constraints and residuals are those of the closed form, whatever their number",
          "[nested]") {
  const MatrixXd Y = q.sensitivity();
  for (const Eigen::Index rows : {1, 3, 6})
    for (const Eigen::Index dense : {0, 256}) {  // by conjugate gradients, and by one factorization
      CAPTURE(rows, dense);
      const auto outer = coupled(rows);
      const auto f = make(outer, Implicit{.dense_limit = dense});
      Evaluations calls;
      VectorXd c, r;
      MatrixXd J, K;
      REQUIRE(calls.constraints(f, x, c, J));
      CHECK((c - (outer.P * x + outer.Q * q.response(x) - outer.p)).norm() < 1e-12);
      CHECK((J - (outer.P + outer.Q * Y)).norm() < 1e-9);
      const auto evaluation = calls.residuals(f, x, r, K);
      CHECK(evaluation.value == Approx(c.squaredNorm() / 2));
      CHECK(evaluation.verdict == Verdict::fine);
      CHECK(K == J);
      CHECK(r == c);
    }
}

TEST_CASE("value, gradient and constraints at one point come from one inner solve", "[nested]") {
  const auto f = make(coupled(2));
  Evaluations calls;
  VectorXd c, g;
  MatrixXd J;
  calls.gradient(f, x, g);
  const auto steps = calls.counts[1].iterations;
  CHECK((g - q.hypergradient(x)).norm() < 1e-10);
  const auto products = calls.counts[1].hessian_products, hessians = calls.counts[1].hessians;
  calls.constraints(f, x, c);
  CHECK(calls.counts[1].iterations == steps);
  calls.constraints(f, x, c, J);
  CHECK(calls.counts[1].iterations == steps);
  CHECK(calls.counts[1].hessians == hessians);  // its factorization serves all rows
  CHECK(calls.counts[1].hessian_products == products + 2);
  calls.constraints(f, VectorXd(2 * x), c);
  CHECK(calls.counts[1].iterations > steps);
}

TEST_CASE("what another objective left in the record is not taken for an inner solution", "[nested]") {
  const auto f = make(coupled(2));
  auto other = f;
  other.outer.p.setConstant(5);
  Evaluations calls;
  VectorXd c, again;
  calls.begin(x);
  calls.constraints(f, x, c);
  const auto steps = calls.counts[1].evaluations();
  calls.begin(x);  // a new run in place, at the same point
  CHECK(calls.counts[1].evaluations() == 0);
  calls.constraints(other, x, again);
  CHECK(calls.counts[1].evaluations() == steps);
  calls.value(f, x);
  calls.accept();  // the memory has changed, and with it where an inner run begins
  const auto before = calls.counts[1].evaluations();
  calls.constraints(f, x, c);
  CHECK(calls.counts[1].evaluations() > before);
}

TEST_CASE("quadratic levels under a linear coupling constraint reach what linear algebra says", "[nested]") {
  auto outer = coupled(1);
  outer.equal = 1;
  const auto f = make(outer);
  const auto s = minimize(f, x, Sqp{});
  // min ½ x'Sx + s'x under a'x = b: the KKT system.
  const MatrixXd S = q.second_derivative();
  const VectorXd slope = q.hypergradient(VectorXd::Zero(3));
  const VectorXd a = (outer.P + outer.Q * q.sensitivity()).row(0).transpose();
  const double b = outer.p[0] - outer.Q.row(0).dot(q.response(VectorXd::Zero(3)));
  const VectorXd free = -S.ldlt().solve(slope), along = S.ldlt().solve(a);
  const VectorXd best = free + along * (b - a.dot(free)) / a.dot(along);
  CHECK(succeeded(s.status));
  CHECK((s.x - best).norm() < 1e-6);
}

TEST_CASE("Levenberg and Marquardt's method solves a nested calibration in a few steps", "[nested]") {
  auto outer = coupled(6);
  outer.squares = true;
  const Linear calibration = outer;
  const auto f = nested(calibration, response(family(Inner{}), exact, origin), Implicit{});
  const auto s = minimize(f, x, LevenbergMarquardt{});
  const MatrixXd J = outer.P + outer.Q * q.sensitivity();
  const VectorXd r = outer.Q * q.response(VectorXd::Zero(3)) - outer.p;
  const VectorXd normal = J.transpose() * r;
  const MatrixXd JJ = J.transpose() * J;
  CHECK(succeeded(s.status));
  CHECK((s.x + JJ.ldlt().solve(normal)).norm() < 1e-7);
  CHECK(s.counts[0].evaluations() < 12);
}

TEST_CASE("an inner run that fails leaves no constraints and no residuals", "[nested]") {
  const auto outer = coupled(2);
  const auto f = make(outer);
  Evaluations calls;
  VectorXd c, r, far = VectorXd::Constant(3, 1e308);
  MatrixXd J;
  CHECK_FALSE(calls.constraints(f, far, c));
  CHECK_FALSE(calls.constraints(f, far, c, J));
  CHECK(calls.residuals(f, far, r, J).reason == Reason::inner_failed);
}
