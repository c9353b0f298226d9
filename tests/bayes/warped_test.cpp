#include <mesaopt/bayes/warped.hpp>

#include <mesaopt/bayes/gaussian_process.hpp>
#include <mesaopt/bayes/kernel_algebra.hpp>
#include <mesaopt/bayes/kernels.hpp>
#include <mesaopt/bayes/likelihood.hpp>
#include <mesaopt/core/minimize.hpp>
#include <mesaopt/gradient/lbfgs.hpp>

#include "support/catch.hpp"
#include "support/kernel_checks.hpp"

using namespace mesaopt;
using namespace mesaopt::kernels;
using Vector = Eigen::VectorXd;
using Matrix = Eigen::MatrixXd;

namespace {
const Vector x = (Vector(2) << 0.1, 0.9).finished(), y = (Vector(2) << 0.75, 0.6).finished();
const Vector scales = (Vector(2) << 0.6, 1.4).finished();
const Vector a = (Vector(2) << 0.7, 1.6).finished(), b = (Vector(2) << 1.4, 0.6).finished();
}  // namespace

TEST_CASE("a warped kernel has the value of numpy", "[bayes]") {
  // w = 1 - (1 - (1e-7 + x (1 - 2e-7))**a)**b;  the Matern 5/2 of |(w(x) - w(y)) / scales|
  CHECK(Warped<Matern52>{Matern52{scales}, a, b}(x, y) == Approx(0.46789739820735865).epsilon(1e-13));
  CHECK(warped(Matern52{scales}, 2)(x, y) == Approx(Matern52{scales}(x, y)).epsilon(1e-6));
}

TEST_CASE("gradients of warped kernels agree with central differences, of stationary ones or not", "[bayes]") {
  const Warped<Matern52> k{Matern52{scales}, a, b};
  CHECK(gradient_error(k, x, y) < 1e-9);
  // Where the points coincide the kernel is at its maximum, and the differences err by the curvature of the warp.
  Vector by_x, by_parameters;
  gradients(k, x, x, by_x, by_parameters);
  CHECK(by_x.isZero(1e-14));
  CHECK(by_parameters.isZero(1e-14));
  CHECK(gradient_error(Warped<Sum<Matern52, Linear>>{Matern52{scales} + Linear{}, a, Vector::Constant(1, 0.8)}, x, y) <
        1e-9);
  CHECK(disagreement(k, points_in_cube(2, 50)) < 1e-11);
}

TEST_CASE("a warped kernel has finite gradients at the ends, and none beyond", "[bayes]") {
  const Warped<Matern52> k{Matern52{scales}, a, b};
  Vector by_x, by_parameters;
  for (const double end : {0.0, 1.0}) {
    gradients(k, Vector(Vector::Constant(2, end)), y, by_x, by_parameters);
    CHECK(by_x.allFinite());
    CHECK(by_parameters.allFinite());
  }
  gradients(k, (Vector(2) << -0.5, 1.5).finished(), y, by_x, by_parameters);
  CHECK(by_x.isZero(0));
  CHECK_THROWS_AS((Warped<Matern52>{Matern52{scales}, -a, b}(x, y)), std::invalid_argument);
}

TEST_CASE("a function that varies at one end alone is fitted better with a warp, and predicted better", "[bayes]") {
  const auto f = [](double u) { return std::sin(20 * std::pow(u, 0.25)); };
  Matrix X(1, 25), Q(1, 200);
  for (Eigen::Index i = 0; i < 25; ++i) X(0, i) = std::pow((double(i) + 0.5) / 25, 2);
  for (Eigen::Index i = 0; i < 200; ++i) Q(0, i) = (double(i) + 0.5) / 200;
  const Vector values = X.row(0).transpose().unaryExpr(f), truth = Q.row(0).transpose().unaryExpr(f);
  const auto outcome = [&](auto gp, double& error) {
    gp.fit(X, values);
    const auto fitted = minimize(likelihood(gp, DimensionScaledPriors{}), gp.parameters(), Lbfgs{});
    gp.set_parameters(fitted.x);
    Prediction<double> prediction;
    gp.predict(Q, prediction);
    error = (prediction.mean - truth).norm();
    return gp.log_marginal_likelihood();
  };
  double plain_error = 0, warped_error = 0;
  const GaussianProcessSettings<double> settings{.noise = 1e-4, .learn_mean = false};
  const Matern52 start{Vector::Constant(1, 0.2)};
  const double plain = outcome(GaussianProcess<Matern52>(start, settings), plain_error);
  const double with = outcome(GaussianProcess<Warped<Matern52>>(warped(start, 1), settings), warped_error);
  CHECK(with > plain + 5);
  CHECK(warped_error < 0.5 * plain_error);
}
