#include <mesaopt/bayes/gaussian_process.hpp>

#include <cmath>
#include <limits>
#include <type_traits>

#include <mesaopt/bayes/kernel_algebra.hpp>
#include <mesaopt/bayes/kernels.hpp>
#include <mesaopt/core/bytes.hpp>
#include <mesaopt/core/fields.hpp>

#include "support/allocations.hpp"
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
//   m, C = gp.predict(Q, return_cov=True);  mean = m + .25;  variance = diag(C) - .01
//   ll, gradient = gp.log_marginal_likelihood(gp.kernel_.theta, eval_gradient=True)

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

/// The largest difference of two processes' predictions at the queries, and of their likelihoods.
double distance(const Process& a, const Process& b) {
  Prediction<double> of_a, of_b;
  a.predict(queries(), of_a);
  b.predict(queries(), of_b);
  return std::max({(of_a.mean - of_b.mean).lpNorm<Eigen::Infinity>(),
                   (of_a.variance - of_b.variance).lpNorm<Eigen::Infinity>(),
                   std::abs(a.log_marginal_likelihood() - b.log_marginal_likelihood())});
}

}  // namespace

TEST_CASE("the posterior is that of scikit-learn to ten digits", "[bayes]") {
  const Process gp = process();
  const Vector mean = (Vector(3) << 0.47549848543338769, 0.30251654206909828, -1.4209738523587365).finished();
  const Vector variance = (Vector(3) << 0.077930109055764488, 0.0098284062146285576, 5.8039750419914249).finished();
  Prediction<double> prediction;
  gp.predict(queries(), prediction);
  CHECK((prediction.mean - mean).norm() < 1e-12);
  CHECK((prediction.variance - variance).norm() < 1e-12);
  CHECK(gp.factorization().succeeded);
  CHECK(gp.factorization().jitter == 0);
}

TEST_CASE("the marginal likelihood and its gradient are those of scikit-learn to ten digits", "[bayes]") {
  const Process gp = process();
  Vector gradient;
  Matrix a, b;
  CHECK(gp.log_marginal_likelihood() == Approx(-9.1181071339938029).epsilon(1e-13));
  CHECK(gp.log_marginal_likelihood(gradient, a, b) == gp.log_marginal_likelihood());
  // scikit-learn lists shape before length scale, and differentiates by log(deviation) where we do by log(variance);
  // its linear kernel has a fixed factor, whose derivative, gradient[9], is tested by differences below; that by the
  // mean is solve(K(X) + .01 * eye(6), y - .25).sum().
  const Vector expected =
      (Vector(12) << -0.31165520434206462, 0.64967508602245438, -0.75527337480657508, 0.47423044532639824,
       0.56428831169183991, -0.78934754951103181, -0.7511606353958209, 0.06970844098669042, -0.029029360722780145 / 2,
       gradient[9], -0.00068400574913540443, -0.60728768583032455)
          .finished();
  CHECK((gradient - expected).lpNorm<Eigen::Infinity>() < 1e-12);
  const Vector at = gp.parameters();
  for (const Eigen::Index c : {9, 10, 11}) {
    Process up = gp, down = gp;
    up.set_parameters(at + 1e-5 * Vector::Unit(12, c));
    down.set_parameters(at - 1e-5 * Vector::Unit(12, c));
    CHECK(gradient[c] ==
          Approx((up.log_marginal_likelihood() - down.log_marginal_likelihood()) / 2e-5).epsilon(1e-6).margin(1e-9));
  }
}

TEST_CASE("noise known for each observation enters as numpy says", "[bayes]") {
  // B = K(X) + .01 * eye(6) + diag([0, .02, 0, .1, .005, 0]);  C = K(X, Q)
  // mean = .25 + C.T @ solve(B, y - .25);  variance = diag(K(Q) - C.T @ solve(B, C))
  Process gp(kernel(), {.noise = 0.004, .mean = 0.25, .noise_floor = 0.006});
  gp.fit(inputs(), targets(), (Vector(6) << 0, 0.02, 0, 0.1, 0.005, 0).finished());
  Prediction<double> prediction;
  gp.predict(queries(), prediction);
  CHECK(gp.log_marginal_likelihood() == Approx(-9.3182037316823223).epsilon(1e-13));
  CHECK(prediction.mean[0] == Approx(0.45398693769320486).epsilon(1e-11));
  CHECK(prediction.mean[2] == Approx(-1.441935913819667).epsilon(1e-11));
  CHECK(prediction.variance[0] == Approx(0.097915549325568119).epsilon(1e-11));
  CHECK(prediction.variance[2] == Approx(5.8224700326314149).epsilon(1e-11));
}

TEST_CASE("a point alone is predicted as it is among others", "[bayes]") {
  const Process gp = process();
  const Matrix Q = queries();
  Prediction<double> all, one;
  gp.predict_with_gradients(Q, all);
  for (Eigen::Index i = 0; i < 3; ++i) {
    gp.predict_with_gradients(Q.col(i), one);
    CHECK(std::abs(one.mean[0] - all.mean[i]) < 1e-13);
    CHECK(std::abs(one.variance[0] - all.variance[i]) < 1e-13);
    CHECK((one.mean_gradient - all.mean_gradient.col(i)).norm() < 1e-12);
    CHECK((one.variance_gradient - all.variance_gradient.col(i)).norm() < 1e-12);
  }
}

TEST_CASE("gradients of mean and variance agree with central differences", "[bayes]") {
  const Process gp = process();
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
    CHECK((prediction.mean_gradient.row(c).transpose() - mean).norm() < 1e-8);
    CHECK((prediction.variance_gradient.row(c).transpose() - variance).norm() < 1e-8);
  }
}

TEST_CASE("growing by points and removing them equals fitting the rest", "[bayes]") {
  const Matrix X = inputs();
  const Vector y = targets();
  Process grown(kernel(), {.noise = 0.01, .mean = 0.25});
  for (Eigen::Index i = 0; i < 6; ++i) grown.append(X.col(i), y[i]);
  CHECK(distance(grown, process()) < 1e-12);
  for (const Eigen::Index at : {0, 2, 5}) {
    Process whole = process(), rest = process();
    grown = process();
    grown.remove(at);
    CHECK(grown.size() == 5);
    Matrix others(2, 5);
    Vector values(5);
    for (Eigen::Index i = 0; i < 5; ++i) {
      others.col(i) = X.col(i + (i >= at));
      values[i] = y[i + (i >= at)];
    }
    rest.fit(others, values);
    CHECK(distance(grown, rest) < 1e-12);
    CHECK(grown.values() == values);
    // What grows after a removal, too.
    grown.append(X.col(at), y[at]);
    CHECK(distance(grown, whole) < 1e-12);
  }
  while (grown.size() > 0) grown.remove(0);
  Prediction<double> prior;
  grown.predict(queries(), prior);
  CHECK(prior.mean == Vector::Constant(3, 0.25));
  CHECK(prior.variance[1] == Approx(kernel()(queries().col(1), queries().col(1))));
  CHECK_THROWS_AS(grown.remove(0), std::out_of_range);
}

TEST_CASE("points given twice without noise to speak of get jitter, which is reported", "[bayes]") {
  GaussianProcess<SquaredExponential> gp({}, {.noise = 1e-300});
  gp.append(Vector::Zero(2), 1);
  CHECK(gp.factorization().jitter == 0);
  gp.append(Vector::Zero(2), 1);
  gp.append(Vector::Zero(2), 1);
  CHECK(gp.factorization().succeeded);
  CHECK(gp.factorization().jitter > 0);
  CHECK(gp.factorization().jitter < 1e-10);
  Prediction<double> prediction;
  gp.predict(Matrix::Zero(2, 1), prediction);
  CHECK(prediction.mean[0] == Approx(1).epsilon(1e-6));
  CHECK(prediction.variance[0] >= 0);
  CHECK(prediction.variance[0] < 1e-8);
}

TEST_CASE("a process that cannot be factorized predicts its prior, until it can be again", "[bayes]") {
  GaussianProcess<SquaredExponential> gp({}, {.noise = 0.1, .mean = 0.5});
  gp.fit(inputs(), targets());
  const Vector good = gp.parameters();
  Vector bad = good;
  bad[1] = 1000;  // an infinite noise
  CHECK_FALSE(gp.set_parameters(bad).succeeded);
  Prediction<double> prediction;
  gp.predict_with_gradients(queries(), prediction);
  CHECK(prediction.mean == Vector::Constant(3, 0.5));
  CHECK(prediction.variance == Vector::Ones(3));
  CHECK(prediction.mean_gradient.isZero(0));
  CHECK(std::isnan(gp.log_marginal_likelihood()));
  CHECK(gp.set_parameters(good).succeeded);
  gp.predict(queries(), prediction);
  CHECK(prediction.variance.maxCoeff() < 1);
}

TEST_CASE("settings and data out of range are refused by name and value", "[bayes]") {
  using Simple = GaussianProcess<SquaredExponential>;
  CHECK_THROWS_WITH(Simple({}, {.noise = 0}), Catch::Matchers::Contains("noise must be positive, got 0"));
  CHECK_THROWS_WITH(Simple({}, {.noise_floor = -1}), Catch::Matchers::Contains("noise_floor must be at least 0"));
  Simple gp;
  Vector y = targets();
  CHECK_THROWS_WITH(gp.fit(inputs(), y.head(5)), Catch::Matchers::Contains("6 points need as many values, got 5"));
  y[2] = std::numeric_limits<double>::infinity();
  CHECK_THROWS_WITH(gp.fit(inputs(), y), Catch::Matchers::Contains("a value must be finite, got inf"));
  CHECK_THROWS_AS(gp.append(Vector::Constant(2, std::nan("")), 1), std::invalid_argument);
  CHECK_THROWS_AS(gp.append(Vector::Zero(2), 1, -1), std::invalid_argument);
  CHECK(gp.size() == 0);
  gp.append(Vector::Zero(2), 1);
  CHECK_THROWS_WITH(gp.append(Vector::Zero(3), 1), Catch::Matchers::Contains("size 2, got 3"));
  CHECK_THROWS_AS(gp.set_parameters(Vector::Zero(4)), std::invalid_argument);
}

TEST_CASE("predictions repeated at the same size allocate nothing, nor do points within the capacity", "[bayes]") {
  const Eigen::Index n = 300, m = 100;
  Matrix X(4, n), Q(4, m);
  for (Eigen::Index i = 0; i < X.size(); ++i) X.data()[i] = std::sin(1.7 * double(i * i % 1009));
  for (Eigen::Index i = 0; i < Q.size(); ++i) Q.data()[i] = std::cos(2.3 * double(i * i % 1013));
  GaussianProcess<SquaredExponential> gp({}, {.noise = 1e-4, .slopes = Vector::Ones(4)});
  gp.fit(X, X.colwise().sum().transpose());
  const Vector x = Q.col(0), y = Q.col(1);
  gp.append(x, 1);
  Prediction<double> prediction;
  gp.predict_with_gradients(Q, prediction);
  const long before = allocations();
  gp.predict(Q, prediction);
  gp.predict_with_gradients(Q, prediction);
  gp.append(y, 1);
  gp.remove(3);
  CHECK(allocations() == before);
}

TEST_CASE("a linear mean is what remains of the values when its own are taken off", "[bayes]") {
  // The same process on y - (mean + slopes'x), with 0 for a mean; gradients by the mean and the slopes are 1'w and Xw
  // of its weights w.
  const Vector slopes = (Vector(2) << 0.7, -1.2).finished();
  Process linear(kernel(), {.noise = 0.01, .mean = 0.25, .slopes = slopes}), rest(kernel(), {.noise = 0.01});
  const Matrix X = inputs(), Q = queries();
  linear.fit(X, targets());
  rest.fit(X, targets() - X.transpose() * slopes - Vector::Constant(6, 0.25));
  Prediction<double> of_linear, of_rest;
  linear.predict_with_gradients(Q, of_linear);
  rest.predict_with_gradients(Q, of_rest);
  CHECK((of_linear.mean - of_rest.mean - Q.transpose() * slopes - Vector::Constant(3, 0.25)).norm() < 1e-12);
  CHECK((of_linear.mean_gradient - of_rest.mean_gradient - slopes.replicate(1, 3)).norm() < 1e-12);
  CHECK((of_linear.variance - of_rest.variance).norm() < 1e-14);
  Vector gradient;
  Matrix a, b;
  CHECK(linear.log_marginal_likelihood(gradient, a, b) == Approx(rest.log_marginal_likelihood()).epsilon(1e-13));
  CHECK(linear.parameter_count() == rest.parameter_count() + 2);
  CHECK((gradient.tail(2) - X * rest.weights()).norm() < 1e-12);
  CHECK(linear.parameters().tail(2) == slopes);
  // Growing heeds the slopes as fitting does, and so do new ones.
  Process grown(kernel(), {.noise = 0.01, .mean = 0.25, .slopes = Vector::Zero(2)});
  for (Eigen::Index i = 0; i < 6; ++i) grown.append(X.col(i), targets()[i]);
  grown.set_parameters(linear.parameters());
  CHECK(distance(grown, linear) < 1e-12);
  CHECK_THROWS_WITH(Process(kernel(), {.slopes = Vector::Ones(3)}).fit(X, targets()),
                    Catch::Matchers::Contains("needs 0 or 2 slopes, got 3"));
}

TEST_CASE("a linear mean with normal weights is that of Rasmussen and Williams, by kernels", "[bayes]") {
  // Equation 2.41 in numpy, with h = (1, x), b = (0.25, 0, 0), B = diag(4, 9, 9) and the Matern52 of these scales:
  //   A = inv(B) + H solve(Ky, H');  beta = solve(A, H solve(Ky, y) + inv(B) b);  R = H_q - H solve(Ky, Kq)
  //   mean = Kq' solve(Ky, y) + R' beta;  variance = diag(Kqq - Kq' solve(Ky, Kq) + R' solve(A, R))
  const auto k = Matern52{Vector::LinSpaced(2, 0.6, 1.4)} + (Constant{4} + Linear{Vector::Constant(1, 9)});
  GaussianProcess<std::remove_const_t<decltype(k)>> gp(k, {.noise = 0.01, .mean = 0.25, .learn_mean = false});
  gp.fit(inputs(), targets());
  Prediction<double> prediction;
  gp.predict(queries(), prediction);
  CHECK(
      (prediction.mean - (Vector(3) << 0.41088234528667494, 0.3155555291301555, -4.822082626996991).finished()).norm() <
      1e-11);
  CHECK((prediction.variance - (Vector(3) << 0.028611617753432014, 0.009599675425063124, 4.583826485636258).finished())
            .norm() < 1e-11);
}

TEST_CASE("a process saved and loaded is the same bits, and goes on alike", "[bayes]") {
  GaussianProcess<SquaredExponential> gp({}, {.noise = 0.1});
  gp.fit(inputs(), targets());
  gp.append(Vector::Ones(2), 0.3);
  GaussianProcess<SquaredExponential> loaded;
  load(save(gp), loaded);
  CHECK(identical(gp, loaded));
  gp.append(Vector::Zero(2), 0.1);
  loaded.append(Vector::Zero(2), 0.1);
  CHECK(identical(gp, loaded));
}

TEST_CASE("a process of floats agrees with one of doubles to a few of its digits", "[bayes]") {
  GaussianProcess<BasicSquaredExponential<float>> small({}, {.noise = 0.01f});
  GaussianProcess<SquaredExponential> large({}, {.noise = 0.01});
  small.fit(inputs().cast<float>(), targets().cast<float>());
  large.fit(inputs(), targets());
  Prediction<float> of_small;
  Prediction<double> of_large;
  small.predict(queries().cast<float>(), of_small);
  large.predict(queries(), of_large);
  CHECK((of_small.mean.cast<double>() - of_large.mean).norm() < 1e-4);
  CHECK((of_small.variance.cast<double>() - of_large.variance).norm() < 1e-4);
}
