#include <mesaopt/models/ridge_validation.hpp>

#include <mesaopt/core/objective.hpp>

#include "models/differences.hpp"
#include "models/refusal.hpp"
#include "support/allocations.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using models::RidgeValidation;
using Vector = Eigen::VectorXd;
using Matrix = Eigen::MatrixXd;

static_assert(TwiceDifferentiable<RidgeValidation<double>, Vector>);
static_assert(TwiceDifferentiable<RidgeValidation<float>, Eigen::Vector3f>);
static_assert(is_quadratic<RidgeValidation<double>>);

namespace {

/// As many or fewer examples than weights, reproducible and without structure.
Matrix wave(Eigen::Index rows, Eigen::Index columns) {
  Matrix X(rows, columns);
  for (Eigen::Index i = 0; i < rows; ++i)
    for (Eigen::Index j = 0; j < columns; ++j)
      X(i, j) = std::sin(1.7 * double(i * j) + double(i)) + 0.5 * std::cos(0.9 * double(i + 3 * j));
  return X;
}

Vector ramp(Eigen::Index n, double first, double last) { return Vector::LinSpaced(n, first, last); }

}  // namespace

TEST_CASE("a value with its gradient, and the value alone, are the sums over examples that define them", "[models]") {
  for (const auto& [n, d] : {std::pair{12, 5}, {12, 12}, {4, 9}, {1, 1}, {30, 7}}) {
    const Matrix X = wave(n, d);
    const Vector y = ramp(n, -1, 3), w = ramp(d, 2, -0.5);
    const RidgeValidation f(X, y);
    const Vector error = X * w - y;
    Vector gradient(d);
    CHECK(f(w) == Approx(error.squaredNorm() / (2 * n)).epsilon(1e-13));
    CHECK(f(w, gradient) == Approx(f(w)).epsilon(1e-13));
    CHECK(differences::distance(gradient, X.transpose() * error / n) < 1e-13);
    Vector product(d);
    Matrix H(d, d);
    f.hessian(w, H);
    f.hessian_product(w, ramp(d, 0, 1), product);
    CHECK(differences::distance(H, X.transpose() * X / n) < 1e-14);
    CHECK(differences::distance(product, H * ramp(d, 0, 1)) < 1e-14);
  }
}

TEST_CASE("a tiny error of a nearly perfect fit keeps all its digits", "[models]") {
  const Matrix X = wave(40, 6);
  const Vector truth = ramp(6, 100, -300);
  const Vector noise = 1e-6 * ramp(40, -1, 1).array().sin();
  const RidgeValidation f(X, X * truth + noise);
  const Vector w = truth.array() + 1e-7;
  const double expected = (X * Vector::Constant(6, 1e-7) - noise).squaredNorm() / 80;
  CHECK(f(w) == Approx(expected).epsilon(1e-6));
}

TEST_CASE("linearly dependent columns are no obstacle", "[models]") {
  Matrix X = wave(20, 4);
  X.col(3) = 2 * X.col(1);
  const Vector y = ramp(20, 0, 1), w = ramp(4, 1, 2);
  CHECK(RidgeValidation(X, y)(w) == Approx((X * w - y).squaredNorm() / 40).epsilon(1e-13));
}

TEST_CASE("ridge validation never allocates in a call", "[models]") {
  for (const Eigen::Index n : {60, 10}) {
    const Eigen::Index d = 23;
    const RidgeValidation<double> f(wave(n, d), ramp(n, 1, -2));
    const Vector w = ramp(d, -1, 2);
    Vector out(d);
    Matrix H(d, d);
    const long before = allocations();
    f(w), f(w, out), f.hessian_product(w, w, out), f.hessian(w, H);
    CHECK(allocations() == before);
  }
}

TEST_CASE("ridge validation refuses sizes that do not fit", "[models]") {
  CHECK(refuses([] { RidgeValidation(Matrix(0, 3), Vector(0)); }, "0 x 3"));
  CHECK(refuses([] { RidgeValidation(wave(9, 3), ramp(8, 0, 1)); }, "9 x 3", "size 8"));
  const RidgeValidation f(wave(9, 3), ramp(9, 0, 1));
  CHECK(refuses([&] { f(ramp(4, 0, 1)); }, "size is 4"));
}
