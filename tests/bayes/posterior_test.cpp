#include <mesaopt/bayes/posterior.hpp>

#include <cmath>
#include <stdexcept>

#include <mesaopt/bayes/kernel_algebra.hpp>
#include <mesaopt/bayes/kernels.hpp>

#include "support/catch.hpp"

using namespace mesaopt;
using namespace mesaopt::kernels;
using Matrix = Eigen::MatrixXd;
using Vector = Eigen::VectorXd;

namespace {

// Values from scikit-learn 1.9.1, in Python:
//
//   X = array([[.1, .9], [.4, .2], [.75, .6], [.3, .55], [.95, .05], [.6, 1.3]])
//   y = array([.3, -.7, 1.1, .2, -1.4, .9]);  Q = array([[.5, .5], [.1, .9], [2, -1]])
//   K = (ConstantKernel(1.7) * Matern([.6, 1.4], nu=2.5)
//        + ConstantKernel(.8) * RBF([.5, .9]) * RationalQuadratic(.7, 1.3) + DotProduct(sqrt(.3)))
//   gp = GaussianProcessRegressor(K + WhiteKernel(.01), alpha=0, optimizer=None).fit(X, y - .25)
//   m, C = gp.predict(Q, return_cov=True);  mean = m + .25;  covariance = C - .01 * eye(3)

/// The kernel K above.
auto kernel() {
  const Vector matern = Vector::LinSpaced(2, 0.6, 1.4), squared = Vector::LinSpaced(2, 0.5, 0.9);
  return 1.7 * Matern52{matern} + 0.8 * SquaredExponential{squared} * RationalQuadratic{Vector::Constant(1, 0.7), 1.3} +
         (Constant{0.3} + Linear{});
}
using Process = GaussianProcess<decltype(kernel())>;

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
Process process() {
  Process gp(kernel(), {.noise = 0.01, .mean = 0.25});
  gp.fit(inputs(), targets());
  return gp;
}

}  // namespace

TEST_CASE("the joint posterior is that of scikit-learn to ten digits", "[bayes]") {
  const Process gp = process();
  const Vector mean = (Vector(3) << 0.47549848543338769, 0.30251654206909828, -1.4209738523587365).finished();
  Matrix covariance(3, 3);
  covariance << 0.077930109055764488, -0.0012813036806758049, -0.035863497055067639, -0.0012813036806758049,
      0.0098284062146285576, -0.0048038137523023772, -0.035863497055067639, -0.0048038137523023772, 5.8039750419914249;
  Prediction<double> prediction;
  Matrix joint;
  predict_jointly(gp, queries(), prediction, joint);
  CHECK((prediction.mean - mean).norm() < 1e-12);
  CHECK((prediction.variance - covariance.diagonal()).norm() < 1e-12);
  CHECK((joint - covariance).norm() < 1e-12);
}

TEST_CASE("leaving one out in closed form is fitting without it", "[bayes]") {
  // Computed by solving without each observation, in numpy.
  const Vector residuals = (Vector(6) << -0.14665694702497067, -0.52724632283826978, 1.3777926233932627,
                            0.15756226982887583, -1.8388278353029386, -0.95012032737664531)
                               .finished();
  const Vector variances = (Vector(6) << 0.58277168828551096, 0.33746904795435384, 0.50898172305896283,
                            0.17365038086738194, 1.1118621247008584, 1.2605010159966694)
                               .finished();
  Vector left_out, spread;
  leave_one_out(process(), left_out, spread);
  CHECK((left_out - residuals).norm() < 1e-11);
  CHECK((spread - variances).norm() < 1e-11);
}

TEST_CASE("samples have the mean and covariance of the joint posterior, and are those of their seed", "[bayes]") {
  const Process gp = process();
  const Matrix Q = queries();
  Prediction<double> prediction;
  Matrix covariance, samples, again;
  predict_jointly(gp, Q, prediction, covariance);
  Random random{7}, same{7};
  const Eigen::Index count = 20000;
  CHECK(sample(gp, Q, random, count, samples).jitter == 0);
  sample(gp, Q, same, count, again);
  CHECK(samples == again);
  const Vector mean = samples.rowwise().mean();
  const Matrix centred = samples.colwise() - mean, estimate = centred * centred.transpose() / double(count);
  for (Eigen::Index i = 0; i < 3; ++i) {
    CHECK(std::abs(mean[i] - prediction.mean[i]) < 4 * std::sqrt(covariance(i, i) / double(count)));
    for (Eigen::Index j = 0; j < 3; ++j)
      CHECK(std::abs(estimate(i, j) - covariance(i, j)) <
            5 * std::sqrt(2 * covariance(i, i) * covariance(j, j) / double(count)));
  }
}

TEST_CASE("samples at one point given twice are the same function, with jitter that is reported", "[bayes]") {
  const Matrix twice = queries().col(0).replicate(1, 2);
  Random random{3};
  Matrix samples;
  const Factorization report = sample(process(), twice, random, 50, samples);
  CHECK(report.succeeded);
  CHECK(report.jitter > 0);
  CHECK((samples.row(0) - samples.row(1)).lpNorm<Eigen::Infinity>() < 1e-5);
}

TEST_CASE("a process that could not be factorized samples its prior and has nothing to leave out", "[bayes]") {
  Process gp = process();
  Vector parameters = gp.parameters();
  parameters[10] = 1000;  // an infinite noise
  gp.set_parameters(parameters);
  Vector residuals, variances;
  CHECK_THROWS_AS(leave_one_out(gp, residuals, variances), std::domain_error);
  Prediction<double> prediction;
  Matrix joint;
  predict_jointly(gp, queries(), prediction, joint);
  CHECK(prediction.mean == Vector::Constant(3, 0.25));
  CHECK(joint(0, 1) == Approx(kernel()(queries().col(0), queries().col(1))));
}
