#include <mesaopt/bayes/mean_function.hpp>

#include <cmath>

#include <mesaopt/bayes/kernels.hpp>
#include <mesaopt/core/call.hpp>

#include "support/allocations.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::VectorXd;

namespace {

using Kernel = kernels::SquaredExponential;

/// Observations of a function of two variables; the mean has slopes.
GaussianProcess<Kernel> observed(Eigen::Index n) {
  GaussianProcessSettings<double> settings;
  settings.noise = 1e-4;
  settings.mean = 0.3;
  settings.slopes = Eigen::Vector2d(0.5, -2);
  GaussianProcess<Kernel> process(Kernel{VectorXd::Constant(2, 0.4)}, settings);
  Eigen::MatrixXd X(2, n);
  VectorXd y(n);
  for (Eigen::Index j = 0; j < n; ++j) {
    X(0, j) = std::fmod(0.618 * double(j), 1.0);
    X(1, j) = std::fmod(0.414 * double(j) + 0.2, 1.0);
    y[j] = std::sin(5 * X(0, j)) + X(1, j) * X(1, j);
  }
  process.fit(X, y);
  return process;
}

}  // namespace

TEST_CASE("the mean of one observation is its share of what the kernel spreads", "[bayes]") {
  GaussianProcess<Kernel> process(Kernel{VectorXd::Constant(1, 0.5)}, GaussianProcessSettings<double>{.noise = 1});
  process.fit(Eigen::MatrixXd::Zero(1, 1), VectorXd::Constant(1, 3.0));
  const auto mean = mean_function(process);
  Prediction<double> prediction;
  VectorXd values;
  mean.values(Eigen::MatrixXd::Constant(1, 1, 0.5), prediction, values);
  const double noise = 1 + process.settings().noise_floor;
  CHECK(values[0] == Approx(3 * std::exp(-0.5) / (1 + noise)).epsilon(1e-12));
}

TEST_CASE("the mean function is the mean that the process predicts, with its gradient", "[bayes]") {
  const auto process = observed(20);
  const auto mean = mean_function(process);
  MeanFunction<Kernel>::Memory<VectorXd> memory;
  MeanFunction<Kernel>::Scratch record;
  const Call<MeanFunction<Kernel>::Memory<VectorXd>> call{memory, record};
  const Eigen::MatrixXd X{{0.1, 0.5, 0.93}, {0.7, 0.2, 0.05}};
  Prediction<double> expected, scratch;
  process.predict_with_gradients(X, expected);
  VectorXd values, gradient(2);
  mean.values(X, scratch, values);
  for (Eigen::Index j = 0; j < 3; ++j) {
    const VectorXd x = X.col(j);
    CHECK(values[j] == Approx(expected.mean[j]).epsilon(1e-12));
    CHECK(mean(x, call).value == Approx(expected.mean[j]).epsilon(1e-12));
    CHECK(mean(x, gradient, call).value == Approx(expected.mean[j]).epsilon(1e-12));
    CHECK((gradient - expected.mean_gradient.col(j)).norm() < 1e-10);
  }
  const VectorXd x = X.col(0);
  const long before = allocations();
  mean(x, gradient, call);
  mean(x, call);
  CHECK(allocations() == before);
}

TEST_CASE("the mean function of a process without observations is its prior's mean", "[bayes]") {
  GaussianProcessSettings<double> settings;
  settings.mean = 2.5;
  const GaussianProcess<Kernel> process(Kernel{VectorXd::Constant(2, 0.4)}, settings);
  Prediction<double> scratch;
  VectorXd values;
  mean_function(process).values(Eigen::MatrixXd::Constant(2, 3, 0.5), scratch, values);
  CHECK(values == VectorXd::Constant(3, 2.5));
}
