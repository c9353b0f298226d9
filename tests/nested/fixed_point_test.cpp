#include <mesaopt/nested/fixed_point.hpp>

#include <cmath>

#include <Eigen/Dense>

#include <mesaopt/core/calls.hpp>
#include <mesaopt/gradient/gradient_descent.hpp>
#include <mesaopt/nested/gmres_adjoint.hpp>
#include <mesaopt/nested/implicit_by.hpp>
#include <mesaopt/nested/nested.hpp>
#include <mesaopt/nested/response.hpp>

#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {

/// T(x, y) = A y + b x + c, with A far from symmetric: a rotation that shrinks, and a shear.
struct Spiral {
  MatrixXd A = (MatrixXd(3, 3) << 0.3, -0.8, 0, 0.8, 0.3, 0.5, 0, 0, -0.4).finished();
  VectorXd b = VectorXd::LinSpaced(3, 1, 2), c = VectorXd::LinSpaced(3, -1, 3);

  void operator()(const VectorXd& x, const VectorXd& y, VectorXd& out) const {
    out.noalias() = A * y;
    out += x[0] * b + c;
  }
  void transposed_product(const VectorXd&, const VectorXd&, const VectorXd& v, VectorXd& out) const {
    out.noalias() = A.transpose() * v;
  }
  void mixed_product(const VectorXd&, const VectorXd&, const VectorXd& v, VectorXd& out) const { out[0] = b.dot(v); }
};
/// The same without its derivatives.
struct Bare {
  Spiral whole;
  void operator()(const VectorXd& x, const VectorXd& y, VectorXd& out) const { whole(x, y, out); }
};
struct Square {
  double operator()(const VectorXd& y, VectorXd& gy) const {
    gy = y;
    return y.squaredNorm() / 2;
  }
};

template <class T>
auto hypergradient(const T& map, double x, Evaluation<double>& found) {
  const auto F =
      nested(of_solution(Square{}),
             response(family(fixed_point(map)),
                      Search{GradientDescent{.learning_rate = 1}, GradientBelow{1e-15} || MaxIterations{500}},
                      VectorXd(VectorXd::Zero(3))),
             implicit(GmresAdjoint{}, {.tolerance = 1e-15}));
  Calls<VectorXd, MemoryOf<decltype(F), VectorXd>> calls;
  VectorXd gradient(1);
  found = calls.gradient(F, VectorXd::Constant(1, x), gradient);
  return gradient[0];
}

}  // namespace

TEST_CASE("a fixed point that minimizes nothing has the hypergradient of its closed form", "[nested]") {
  const Spiral map;
  const MatrixXd inverse = (MatrixXd::Identity(3, 3) - map.A).inverse();
  for (const double x : {-2.0, 0.7}) {
    const VectorXd y = inverse * (x * map.b + map.c);
    const double exact = y.dot(inverse * map.b);
    Evaluation<double> found;
    CHECK(hypergradient(map, x, found) == Approx(exact).epsilon(1e-12));
    CHECK(found.value == Approx(y.squaredNorm() / 2).epsilon(1e-13));
    CHECK(found.verdict == Verdict::fine);
    CHECK(found.certificate.adjoint_residual < 1e-14);
    CHECK(found.certificate.distance < 1e-13);
    CHECK(hypergradient(Bare{map}, x, found) == Approx(exact).epsilon(1e-8));
  }
}

TEST_CASE("what a fixed point lacks is its distance from its image", "[nested]") {
  const FixedPoint<Spiral> family{};
  const VectorXd x = VectorXd::Constant(1, 2), y = VectorXd::Ones(3);
  VectorXd residual(3), image(3), out(3), differenced(3);
  const double value = family(x, y, residual);
  CHECK(value == Approx(residual.squaredNorm() / 2));
  family.map(x, y, image);
  CHECK((residual - (y - image)).norm() < 1e-15);
  family.adjoint_product(x, y, residual, out);
  CHECK((out - (residual - family.map.A.transpose() * residual)).norm() < 1e-14);
  FixedPoint<Bare>{}.adjoint_product(x, y, residual, differenced);
  CHECK((out - differenced).norm() < 1e-8);
}
