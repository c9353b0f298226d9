#include <mesaopt/bayes/fantasies.hpp>

#include <cmath>

#include <mesaopt/bayes/kernels.hpp>

#include "support/catch.hpp"

using namespace mesaopt;
using kernels::Matern52;
using Matrix = Eigen::MatrixXd;
using Vector = Eigen::VectorXd;

namespace {
GaussianProcess<Matern52> process() {
  Matrix X(2, 6);
  X << 0.1, 0.4, 0.75, 0.3, 0.95, 0.6, 0.9, 0.2, 0.6, 0.55, 0.05, 1.3;
  GaussianProcess<Matern52> gp(Matern52{Vector::LinSpaced(2, 0.6, 1.4)}, {.noise = 0.01, .mean = 0.25});
  gp.fit(X, (Vector(6) << 0.3, -0.7, 1.1, 0.2, -1.4, 0.9).finished());
  return gp;
}
const Matrix pending = (Matrix(2, 2) << 0.5, 0.9, 0.5, 0.7).finished();
const Matrix query = (Matrix(2, 1) << 0.6, 0.8).finished();
}  // namespace

TEST_CASE("believing changes no mean and leaves less variance", "[bayes]") {
  auto gp = process();
  Prediction<double> before, after;
  gp.predict(query, before);
  believe(gp, pending);
  CHECK(gp.size() == 8);
  gp.predict(query, after);
  CHECK(after.mean[0] == Approx(before.mean[0]).epsilon(1e-10));
  CHECK(after.variance[0] < 0.7 * before.variance[0]);
}

TEST_CASE("a lie is observed at every pending point", "[bayes]") {
  auto gp = process();
  pretend(gp, pending, -3.0);
  CHECK(gp.values().tail(2) == Vector::Constant(2, -3));
  Prediction<double> after;
  gp.predict(pending, after);
  CHECK(after.mean.maxCoeff() < -1.5);
}

TEST_CASE("fantasies average to the process without them, in mean and variance", "[bayes]") {
  // The law of total variance: the variance given the fantasies, and that of the means they lead to.
  Prediction<double> before, after;
  process().predict(query, before);
  Random random{11};
  const int count = 4000;
  double sum = 0, squares = 0;
  for (int k = 0; k < count; ++k) {
    auto gp = process();
    fantasize(gp, pending, random);
    gp.predict(query, after);
    sum += after.mean[0];
    squares += after.mean[0] * after.mean[0];
  }
  const double mean = sum / count, spread = squares / count - mean * mean;
  CHECK(mean == Approx(before.mean[0]).margin(4 * std::sqrt(spread / count)));
  CHECK(spread + after.variance[0] == Approx(before.variance[0]).epsilon(0.05));
}
