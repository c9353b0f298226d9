#include <mesaopt/nested/adjoint_system.hpp>

#include "nested/adjoint_problem.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using namespace adjoint;

TEST_CASE("the mixed product is the family's own, or made by differences", "[nested]") {
  struct Bare {  // ½ Σ eˣ y²
    double operator()(const VectorXd& x, const VectorXd& y, VectorXd& gy) const {
      gy = x.array().exp() * y.array();
      return y.dot(gy) / 2;
    }
  };
  struct Own : Bare {
    void mixed_product(const VectorXd& x, const VectorXd& y, const VectorXd& v, VectorXd& out) const {
      out = x.array().exp() * y.array() * v.array();
    }
  };
  const VectorXd x = some(3), y = some(3, 0.2), v = some(3, 1.9);
  VectorXd exact = x.array().exp() * y.array() * v.array(), out(3), moved, scratch;
  Calls<VectorXd> calls;
  detail::mixed_product(family(Bare{}), x, y, v, out, moved, scratch, calls);
  CHECK((out - exact).norm() < 1e-9);
  CHECK(calls.counts[0].gradients == 6);
  detail::mixed_product(family(Own{}), x, y, v, out, moved, scratch, calls);
  CHECK(out == exact);
  CHECK(calls.counts[0].hessian_products == 1);
  detail::mixed_product(Bare{}, x, y, v, out, moved, scratch, calls);
  CHECK(out.isZero(0));
}

TEST_CASE("an adjoint system multiplies by the Hessian and by its transpose, and counts it", "[nested]") {
  MatrixXd A(2, 2);
  A << 1, 2, 3, 4;
  const Form f{A};
  const Place place{{&A}};
  const VectorXd x = VectorXd::Zero(1), y = VectorXd::Constant(2, 3.0), right = VectorXd::Ones(2);
  Record record;
  record.gradient = VectorXd::Constant(2, -0.5);
  record.adjoint = right;
  const detail::AdjointSettings with{1e-14, 1e-4, 1e-2, 256, 0};
  const detail::AdjointSystem<Place, Form, VectorXd, VectorXd, Record> system{with, place, f, x, y, record, right};
  VectorXd q(2);
  system.product(VectorXd::Unit(2, 0), q);
  CHECK(q == A.col(0));
  system.adjoint_product(VectorXd::Unit(2, 0), q);
  CHECK(q == A.row(0).transpose());
  CHECK(record.run.state.calls.counts[0].hessian_products == 2);
  CHECK(system.limit() == 20);
  CHECK(system.scale() == y.norm());
  CHECK(system.noise() == 0);

  Certificate c = system.begun();
  CHECK(c.stationarity == 0.5);
  c.adjoint_residual = 1e-5;
  c.distance = 1e-3;
  system.judge(c, Reason::adjoint_inconsistent);
  CHECK(c.verdict == Verdict::fine);
  c.distance = 0.1;
  system.judge(c, Reason::adjoint_inconsistent);
  CHECK(c.reason == Reason::inner_not_converged);
  c.adjoint_residual = 1e-3;
  system.judge(c, Reason::adjoint_inconsistent);
  CHECK(c.reason == Reason::adjoint_inconsistent);
}
