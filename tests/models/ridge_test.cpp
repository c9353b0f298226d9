#include <mesaopt/models/ridge.hpp>

#include <Eigen/Cholesky>

#include <mesaopt/core/objective.hpp>
#include <mesaopt/models/ridge_validation.hpp>
#include <mesaopt/problems/ridge_instance.hpp>

#include "models/differences.hpp"
#include "models/refusal.hpp"
#include "support/allocations.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using models::RidgeTraining;
using models::RidgeValidation;
using problems::RidgeInstance;
using Vector = Eigen::VectorXd;
using Matrix = Eigen::MatrixXd;

static_assert(is_quadratic<RidgeTraining<float>>);

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

TEST_CASE("the outer value and its two derivatives of the ridge instance are the published ones", "[models]") {
  const RidgeTraining training(RidgeInstance::inputs(), RidgeInstance::targets());
  const RidgeValidation validation(RidgeInstance::validation_inputs(), RidgeInstance::validation_targets());
  const Eigen::Index d = RidgeInstance::weights;
  for (const auto& row : RidgeInstance::table) {
    const Vector x = Vector::Constant(1, row.theta);
    const Vector zero = Vector::Zero(d);
    Matrix H(d, d), B(d, d);
    Vector slope(d), gv(d), along(d), bend(d), direct(1);
    training.hessian(x, zero, H);
    training(x, zero, slope);
    const auto factors = H.llt();
    const Vector w = -factors.solve(slope);
    CHECK(validation(w, gv) == Approx(row.value).epsilon(1e-12));
    const Vector adjoint = factors.solve(gv);
    training.mixed_product(x, w, adjoint, direct);
    CHECK(-direct[0] == Approx(row.derivative).epsilon(1e-12));
    // w' and w'' solve the once and twice differentiated optimality condition.
    training.mixed_direction(x, w, Vector(Vector::Ones(1)), along);
    const Vector w1 = -factors.solve(along);
    const Vector w2 = w1 - 2 * std::exp(row.theta) * factors.solve(w1);
    validation.hessian_product(w, w1, bend);
    CHECK(w2.dot(gv) + w1.dot(bend) == Approx(row.second_derivative).epsilon(1e-10));
  }
}

TEST_CASE("the derivatives of ridge training agree with differences for one penalty and for one a weight", "[models]") {
  for (const Eigen::Index n : {15, 3}) {
    const Eigen::Index d = 6;
    const RidgeTraining<double> g(wave(n, d), ramp(n, 1, -2));
    for (const Eigen::Index penalties : {Eigen::Index(1), Eigen::Index(d)}) {
      const Vector x = ramp(penalties, -2, 1), w = ramp(d, -1, 2), v = ramp(d, 0.3, -1), u = ramp(penalties, 1, 0.2);
      Vector gw(d), hv(d), mixed(penalties), direction(d), newton(d);
      Matrix H(d, d);
      CHECK(g(x, w, gw) == Approx(g(x, w)).epsilon(1e-13));
      const auto gradient = [&](const Vector& at_x, const Vector& at_w) {
        Vector out(d);
        g(at_x, at_w, out);
        return out;
      };
      CHECK(differences::distance(gw, differences::gradient([&](const Vector& at) { return g(x, at); }, w)) < 1e-9);
      g.hessian_product(x, w, v, hv);
      CHECK(differences::distance(hv, differences::along([&](const Vector& at) { return gradient(x, at); }, w, v)) <
            1e-9);
      g.hessian(x, w, H);
      CHECK(differences::distance(H * v, hv) < 1e-14);
      g.gauss_newton_product(x, w, v, newton);
      CHECK(newton == hv);
      g.mixed_product(x, w, v, mixed);
      CHECK(differences::distance(
                mixed, differences::gradient([&](const Vector& at) { return gradient(at, w).dot(v); }, x)) < 1e-9);
      g.mixed_direction(x, w, u, direction);
      CHECK(differences::distance(direction,
                                  differences::along([&](const Vector& at) { return gradient(at, w); }, x, u)) < 1e-9);
      CHECK(direction.dot(v) == Approx(mixed.dot(u)).epsilon(1e-13));
    }
  }
}

TEST_CASE("ridge regression works in float and on points of fixed size", "[models]") {
  const RidgeTraining<float> g(wave(9, 3).cast<float>(), ramp(9, 0, 1).cast<float>());
  const RidgeTraining<double> reference(wave(9, 3), ramp(9, 0, 1));
  const Eigen::Vector3f w(1, -1, 2);
  const Eigen::Vector<float, 1> x(-1.0f);
  Eigen::Vector3f gw;
  CHECK(g(x, w, gw) == Approx(reference(Vector(x.cast<double>()), Vector(w.cast<double>()))).epsilon(1e-5));
  Eigen::Matrix3f H;
  g.hessian(x, w, H);
  Eigen::Vector3f hw;
  g.hessian_product(x, w, w, hw);
  CHECK((H * w - hw).norm() < 1e-4f);
}

TEST_CASE("ridge regression never allocates in a call", "[models]") {
  for (const Eigen::Index n : {60, 10}) {
    const Eigen::Index d = 23;
    const RidgeTraining<double> g(wave(n, d), ramp(n, 1, -2));
    for (const Eigen::Index penalties : {Eigen::Index(1), d}) {
      const Vector x = ramp(penalties, -2, 1), w = ramp(d, -1, 2);
      Vector out(d), outer(penalties);
      Matrix H(d, d);
      const long before = allocations();
      g(x, w), g(x, w, out), g.hessian_product(x, w, w, out), g.hessian(x, w, H);
      g.mixed_product(x, w, w, outer), g.mixed_direction(x, w, x, out);
      CHECK(allocations() == before);
    }
  }
}

TEST_CASE("ridge regression refuses sizes that do not fit", "[models]") {
  const Matrix X = wave(9, 3);
  CHECK(refuses([&] { RidgeTraining(X, ramp(8, 0, 1)); }, "9 x 3", "size 8"));
  const RidgeTraining g(X, ramp(9, 0, 1));
  CHECK(refuses([&] { g(ramp(2, 0, 1), ramp(3, 0, 1)); }, "a weight, 3", "size is 2"));
  CHECK(refuses([&] { g(ramp(1, 0, 1), ramp(4, 0, 1)); }, "size is 4"));
}
