#include <mesaopt/bayes/prediction.hpp>

#include <cmath>

#include <Eigen/Cholesky>

#include <mesaopt/bayes/gaussian_process.hpp>
#include <mesaopt/bayes/kernel_algebra.hpp>
#include <mesaopt/bayes/kernels.hpp>

#include "support/catch.hpp"
#include "support/kernel_checks.hpp"

using namespace mesaopt;
using Vector = Eigen::VectorXd;
using Matrix = Eigen::MatrixXd;

namespace {

using namespace mesaopt::kernels;
using K = Sum<Matern52, Sum<Constant, Linear>>;
GaussianProcess<K> process() {
  const Vector slopes = Vector::LinSpaced(2, 0.7, -1.2);
  GaussianProcess<K> gp(Matern52{Vector::LinSpaced(2, 0.6, 1.4)} + (Constant{0.5} + Linear{}),
                        {.noise = 0.01, .mean = 0.25, .slopes = slopes});
  // More than a panel of observations.
  gp.fit(points_in_cube(2, 70), points_in_cube(1, 70).transpose());
  return gp;
}
Matrix inputs() {
  Matrix X(2, 6);
  X << 0.1, 0.4, 0.75, 0.3, 0.95, 0.6, 0.9, 0.2, 0.6, 0.55, 0.05, 1.3;
  return X;
}
Vector targets() {
  Vector y(6);
  y << 0.3, -0.7, 1.1, 0.2, -1.4, 0.9;
  return y;
}
Matrix queries() {
  Matrix Q(2, 3);
  Q << 0.5, 0.1, 2, 0.5, 0.9, -1;
  return Q;
}

}  // namespace

TEST_CASE("predictions are those of the textbook's formula", "[bayes]") {
  const auto gp = process();
  const Matrix Q = queries(), X = gp.points();
  Matrix C, cross;
  kernels::covariance(gp.kernel(), X, C);
  kernels::covariance(gp.kernel(), X, Q, cross);
  C.diagonal().array() += 0.01;
  const Eigen::LLT<Matrix> factor(C);
  Prediction<double> prediction;
  gp.predict(Q, prediction);
  for (Eigen::Index j = 0; j < 3; ++j) {
    const Vector k = cross.col(j);
    const Vector rest = gp.values() - X.transpose() * gp.settings().slopes - Vector::Constant(70, 0.25);
    const double mean = 0.25 + gp.settings().slopes.dot(Q.col(j)) + k.dot(factor.solve(rest));
    CHECK(prediction.mean[j] == Approx(mean).epsilon(1e-11));
    CHECK(prediction.variance[j] == Approx(gp.kernel()(Q.col(j), Q.col(j)) - k.dot(factor.solve(k))).epsilon(1e-9));
  }
}

TEST_CASE("a linear mean with normal weights is that of Rasmussen and Williams, by kernels", "[bayes]") {
  // Equation 2.41 in numpy, with h = (1, x), b = (0.25, 0, 0), B = diag(4, 9, 9) and the Matern52 of these scales:
  //   A = inv(B) + H solve(Ky, H');  beta = solve(A, H solve(Ky, y) + inv(B) b);  R = H_q - H solve(Ky, Kq)
  //   mean = Kq' solve(Ky, y) + R' beta;  variance = diag(Kqq - Kq' solve(Ky, Kq) + R' solve(A, R))
  const auto k = Matern52{Vector::LinSpaced(2, 0.6, 1.4)} + (Constant{4} + Linear{Vector::Constant(1, 9)});
  GaussianProcess<K> gp(k, {.noise = 0.01, .mean = 0.25, .learn_mean = false});
  gp.fit(inputs(), targets());
  Prediction<double> prediction;
  gp.predict(queries(), prediction);
  CHECK(
      (prediction.mean - (Vector(3) << 0.41088234528667494, 0.3155555291301555, -4.822082626996991).finished()).norm() <
      1e-11);
  CHECK((prediction.variance - (Vector(3) << 0.028611617753432014, 0.009599675425063124, 4.583826485636258).finished())
            .norm() < 1e-11);
}

TEST_CASE("a point alone is predicted as it is among others", "[bayes]") {
  const auto gp = process();
  const Matrix Q = queries();
  Prediction<double> all, one;
  gp.predict_with_gradients(Q, all);
  for (Eigen::Index i = 0; i < 3; ++i) {
    gp.predict_with_gradients(Q.col(i), one);
    // Sums of weights of some hundreds in all, in another order.
    CHECK(std::abs(one.mean[0] - all.mean[i]) < 1e-15 * gp.weights().lpNorm<1>());
    CHECK(std::abs(one.variance[0] - all.variance[i]) < 1e-13);
    CHECK((one.mean_gradient - all.mean_gradient.col(i)).norm() < 1e-12);
    CHECK((one.variance_gradient - all.variance_gradient.col(i)).norm() < 1e-12);
  }
}

TEST_CASE("gradients of mean and variance agree with central differences", "[bayes]") {
  const auto gp = process();
  Prediction<double> prediction, up, down;
  const Matrix Q = queries();
  gp.predict_with_gradients(Q, prediction);
  const double h = 1e-5;
  for (Eigen::Index c = 0; c < 2; ++c) {
    Matrix above = Q, below = Q;
    above.row(c).array() += h;
    below.row(c).array() -= h;
    gp.predict(above, up);
    gp.predict(below, down);
    const Vector mean = (up.mean - down.mean) / (2 * h), variance = (up.variance - down.variance) / (2 * h);
    CHECK((prediction.mean_gradient.row(c).transpose() - mean).norm() < 1e-8 * (1 + mean.norm()));
    CHECK((prediction.variance_gradient.row(c).transpose() - variance).norm() < 1e-8 * (1 + variance.norm()));
  }
}
