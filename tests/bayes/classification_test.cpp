#include <mesaopt/bayes/classification.hpp>

#include <cmath>

#include <mesaopt/bayes/kernel_algebra.hpp>
#include <mesaopt/bayes/kernels.hpp>

#include "marginal_rule.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using namespace mesaopt::kernels;
using Matrix = Eigen::MatrixXd;
using Vector = Eigen::VectorXd;
using Scaled = Product<Constant, Matern52>;

namespace {

Matrix inputs() {
  Matrix X(2, 6);
  X << 0.1, 0.4, 0.75, 0.3, 0.95, 0.6, 0.9, 0.2, 0.6, 0.55, 0.05, 1.3;
  return X;
}
const std::vector<bool> labels{true, true, false, true, false, false};
GaussianProcess<Scaled> process(double variance = 4) {
  return GaussianProcess<Scaled>(variance * Matern52{Vector::LinSpaced(2, 0.6, 1.4)}, {.mean = -0.3});
}
double chance(const GaussianProcess<Scaled>& gp, const Vector& x) {
  Prediction<double> prediction;
  gp.predict(x, prediction);
  return std::exp(ask(LogProbabilityOfFeasibility{}, prediction.mean[0], prediction.variance[0], 0.0).value);
}

}  // namespace

TEST_CASE("Laplace's approximation is that of the textbook's own formulas in numpy", "[bayes]") {
  // Newton's iteration of algorithm 3.1 with B = I + √W K √W, 200 times, and equations 3.21 and 3.24.
  auto gp = process();
  const Classification report = fit_feasibility(gp, inputs(), labels);
  CHECK(report.converged);
  CHECK(report.iterations < 12);
  CHECK(report.log_evidence == Approx(-3.9246053083312646).epsilon(1e-10));
  Matrix Q(2, 3);
  Q << 0.5, 0.1, 2, 0.5, 0.9, -1;
  Prediction<double> prediction;
  gp.predict(Q, prediction);
  const Vector mean = (Vector(3) << -0.2103392132638337, -1.2587413454489347, -0.06885557690846816).finished();
  const Vector variance = (Vector(3) << 0.7161278182376534, 1.207595861357869, 3.938860327448364).finished();
  CHECK((prediction.mean - mean).norm() < 1e-10);
  CHECK((prediction.variance - variance).norm() < 1e-10);
  CHECK(chance(gp, Q.col(1)) == Approx(std::exp(-0.2212039918422693)).epsilon(1e-10));
}

TEST_CASE("the noise of the process has no influence on its classes", "[bayes]") {
  auto plain = process();
  auto noisy = GaussianProcess<Scaled>(plain.kernel(), {.noise = 0.5, .mean = -0.3, .noise_floor = 0.1});
  fit_feasibility(plain, inputs(), labels);
  fit_feasibility(noisy, inputs(), labels);
  const Vector x = Vector::Constant(2, 0.5);
  CHECK(chance(noisy, x) == Approx(chance(plain, x)).epsilon(1e-9));
}

TEST_CASE("derivatives of the probability of feasibility agree with differences", "[bayes]") {
  for (const double mean : {-3.0, 0.2, 6.0})
    CHECK(derivative_error(LogProbabilityOfFeasibility{}, mean, 0.7, 0.0) < 1e-8);
  CHECK(ask(LogProbabilityOfFeasibility{}, 0.0f, 0.0f, 0.0f).value == Approx(std::log(0.5)));
}

TEST_CASE("failures in a half of the square are learnt", "[bayes]") {
  const auto feasible = [](double a, double b) { return a + 0.5 * b < 0.8; };
  Matrix X(2, 64);
  std::vector<bool> outcomes;
  for (Eigen::Index i = 0; i < 64; ++i) {
    X.col(i) << double(i % 8) / 7, double(i / 8) / 7;
    outcomes.push_back(feasible(X(0, i), X(1, i)));
  }
  // A large variance, for which undamped steps would be long.
  auto gp = process(1000);
  CHECK(fit_feasibility(gp, X, outcomes).converged);
  CHECK(chance(gp, (Vector(2) << 0.2, 0.3).finished()) > 0.8);
  CHECK(chance(gp, (Vector(2) << 0.9, 0.7).finished()) < 0.2);
  CHECK(chance(gp, (Vector(2) << 0.55, 0.5).finished()) == Approx(0.5).margin(0.25));
}

TEST_CASE("contradicting labels at one point make it uncertain, and one class alone is no trouble", "[bayes]") {
  auto gp = process();
  const Matrix twice = inputs().col(0).replicate(1, 2);
  CHECK(fit_feasibility(gp, twice, {true, false}).converged);
  CHECK(chance(gp, inputs().col(0)) == Approx(0.5).margin(0.05));
  CHECK(fit_feasibility(gp, inputs(), std::vector<bool>(6, false)).converged);
  CHECK(chance(gp, inputs().col(0)) < 0.2);
}

TEST_CASE("labels that do not fit their points are refused", "[bayes]") {
  auto gp = process();
  CHECK_THROWS_WITH(fit_feasibility(gp, inputs(), {true}), Catch::Matchers::Contains("6 points need as many labels"));
  auto noisy = GaussianProcess<Scaled>(gp.kernel(), {.noise = 1});
  CHECK_THROWS_AS(fit_feasibility(noisy, inputs(), labels), std::invalid_argument);
}
