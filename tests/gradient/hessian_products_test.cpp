#include <mesaopt/gradient/hessian_products.hpp>

#include <Eigen/Core>

#include <mesaopt/core/calls.hpp>
#include <mesaopt/problems/rosenbrock.hpp>

#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::MatrixXd;
using Eigen::VectorXd;
using problems::Rosenbrock;

namespace {
struct Plain {
  double operator()(const VectorXd& x, VectorXd& g) const { return Rosenbrock{}(x, g); }
};
struct Dense : Plain {
  void hessian(const VectorXd& x, MatrixXd& H) const { Rosenbrock{}.hessian(x, H); }
};
}  // namespace

TEST_CASE("Products with the Hessian are one and the same, however they are had", "[trust_region]") {
  const VectorXd x = Rosenbrock::start(4), v = VectorXd::LinSpaced(4, -1, 2);
  VectorXd expected(4), out(4);
  Rosenbrock{}.hessian_product(x, v, expected);
  const auto check = [&](const auto& f, double tolerance) {
    detail::HessianProducts<VectorXd> products;
    Calls<VectorXd> calls;
    products.at(f, calls, x);
    CHECK(products.multiply(f, calls, x, v, out));
    CHECK((out - expected).norm() <= tolerance * expected.norm());
    return calls.counts[0];
  };
  CHECK(check(Rosenbrock{}, 1e-15).hessian_products == 1);
  CHECK(check(Dense{}, 1e-15).hessians == 1);
  CHECK(check(Plain{}, 1e-7).gradients == 2);
}

TEST_CASE("Products from differences of gradients are refused beyond the limit on evaluations", "[trust_region]") {
  const VectorXd x = Rosenbrock::start(2);
  VectorXd out(2);
  detail::HessianProducts<VectorXd> products;
  Calls<VectorXd> calls;
  calls.limit = 3;
  CHECK(products.multiply(Plain{}, calls, x, x, out));
  CHECK_FALSE(products.multiply(Plain{}, calls, x, x, out));
  CHECK(calls.counts[0].gradients == 2);
  CHECK(products.multiply(Rosenbrock{}, calls, x, x, out));
}
