#include <mesaopt/bayes/likelihood.hpp>

#include <cmath>
#include <cstdint>

#include <mesaopt/bayes/kernel_algebra.hpp>
#include <mesaopt/bayes/kernels.hpp>
#include <mesaopt/core/minimize.hpp>
#include <mesaopt/gradient/lbfgs.hpp>

#include "support/allocations.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using namespace mesaopt::kernels;
using Matrix = Eigen::MatrixXd;
using Vector = Eigen::VectorXd;

namespace {

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

using Scaled = Product<Constant, Matern52>;
GaussianProcess<Scaled> process() {
  GaussianProcess<Scaled> gp(1.5 * Matern52{Vector::LinSpaced(2, 0.6, 1.4)},
                             {.noise = 0.01, .mean = 0.25, .noise_floor = 0.002});
  gp.fit(inputs(), targets());
  return gp;
}
using Likelihood = GaussianProcessLikelihood<Scaled>;

/// An objective's value, and its gradient, with a record that may be used already.
struct Asked {
  Likelihood f;
  Likelihood::Memory<Vector> memory{};
  Likelihood::Scratch record{};

  Evaluation<double> operator()(const Vector& x) { return f(x, Call<Likelihood::Memory<Vector>>{memory, record}); }
  Evaluation<double> operator()(const Vector& x, Vector& gradient) {
    return f(x, gradient, Call<Likelihood::Memory<Vector>>{memory, record});
  }
};

double gradient_error(Asked f, const Vector& x) {
  Vector gradient(x.size());
  const double value = f(x).value;
  CHECK(std::abs(f(x, gradient).value - value) <= 1e-14 * std::abs(value));
  double worst = 0;
  for (Eigen::Index c = 0; c < x.size(); ++c) {
    const Vector step = 1e-5 * Vector::Unit(x.size(), c);
    worst = std::max(worst, std::abs(gradient[c] - (f(x + step).value - f(x - step).value) / 2e-5));
  }
  return worst;
}

}  // namespace

static_assert(Differentiable<Likelihood, Vector>);

TEST_CASE("the objective is the negative log marginal likelihood at its parameters", "[bayes]") {
  Asked f{likelihood(process())};
  const auto gp = process();
  CHECK(f(gp.parameters()).value == Approx(-gp.log_marginal_likelihood()).epsilon(1e-14));
  CHECK(f(gp.parameters()).verdict == Verdict::fine);
  // Whatever the record held, it is of no influence.
  const Vector elsewhere = gp.parameters().array() + 0.3;
  const double there = f(elsewhere).value;
  CHECK(f(gp.parameters()).value == Approx(-gp.log_marginal_likelihood()).epsilon(1e-14));
  CHECK(f(elsewhere).value == there);
}

TEST_CASE("gradients of the likelihood agree with central differences, with and without priors", "[bayes]") {
  const Vector x = process().parameters();
  CHECK(gradient_error({likelihood(process())}, x) < 1e-7);
  CHECK(gradient_error({likelihood(process(), DimensionScaledPriors{})}, x) < 1e-7);
  CHECK(gradient_error({likelihood(process(), DimensionScaledPriors{})}, x.array() + 0.4) < 1e-7);
}

TEST_CASE("priors add the log-normal densities of length scales and noise", "[bayes]") {
  // from scipy.stats import lognorm
  // mu = sqrt(2) + log(2) / 2
  // -sum(lognorm.logpdf([.6, 1.4], s=sqrt(3), scale=exp(mu))) - lognorm.logpdf(.012, s=1, scale=exp(-4))
  const Vector x = process().parameters();
  Asked plain{likelihood(process())}, with{likelihood(process(), DimensionScaledPriors{})};
  CHECK(with(x).value - plain(x).value == Approx(0.54577595121908251).epsilon(1e-12));
}

TEST_CASE("L-BFGS finds the maximum of posterior density that scipy finds, and no lower a likelihood", "[bayes]") {
  // scipy.optimize.minimize(f, start, method="Nelder-Mead"), restarted thrice, of f in numpy with scikit-learn's
  // Matern: without priors noise tends to its floor, from which on f is flat.
  auto gp = process();
  const auto plain = minimize(likelihood(gp), gp.parameters(), Lbfgs{});
  CHECK(plain.value < 7.19334907095306 + 1e-8);
  const auto fitted = minimize(likelihood(gp, DimensionScaledPriors{}), gp.parameters(), Lbfgs{});
  CHECK(fitted.value == Approx(7.17918284780692).epsilon(1e-10));
  const Vector expected = (Vector(5) << -0.24932774, -0.52068696, -1.30704299, -5.35477734, 0.0584775).finished();
  CHECK((fitted.x - expected).norm() < 1e-5);
  CHECK(gp.set_parameters(fitted.x).succeeded);
  CHECK(gp.kernel().b.length_scales[1] == Approx(std::exp(-1.30704299)).epsilon(1e-5));
}

TEST_CASE("a fit after one more observation takes few evaluations when it starts from the last one", "[bayes]") {
  auto gp = process();
  Matrix X(2, 40);
  for (Eigen::Index i = 0; i < X.size(); ++i) X.data()[i] = 0.5 + 0.5 * std::sin(1.7 * double(i * i % 1009));
  const auto height = [](const Vector& x) { return std::sin(4 * x[0]) + 0.5 * std::cos(5 * x[1] + x[0]); };
  Vector y(40);
  for (Eigen::Index i = 0; i < 40; ++i) y[i] = height(X.col(i));
  gp.fit(X.leftCols(35), y.head(35));
  const auto stopping = GradientBelow{0.1} || MaxIterations{50};
  auto fitted = minimize(likelihood(gp, DimensionScaledPriors{}), gp.parameters(), Lbfgs{}, stopping);
  std::uint64_t evaluations = 0;
  for (Eigen::Index i = 35; i < 40; ++i) {
    gp.set_parameters(fitted.x);
    gp.append(X.col(i), y[i]);
    fitted = minimize(likelihood(gp, DimensionScaledPriors{}), fitted, Lbfgs{}, stopping);
    evaluations += fitted.counts[0].evaluations();
  }
  CHECK(evaluations <= 5 * 5);
  const auto exact = minimize(likelihood(gp, DimensionScaledPriors{}), gp.parameters(), Lbfgs{});
  CHECK(fitted.value < exact.value + 0.01);
}

TEST_CASE("parameters without a finite likelihood are failed evaluations", "[bayes]") {
  Asked f{likelihood(process())};
  Vector x = process().parameters(), gradient(x.size());
  x[3] = 1000;
  CHECK_FALSE(f(x, gradient).usable());
  CHECK_FALSE(f(x).usable());
  x[3] = std::nan("");
  CHECK_FALSE(f(x, gradient).usable());
}

TEST_CASE("evaluating again allocates nothing, of 300 observations either", "[bayes]") {
  auto large = process();
  Matrix X(2, 300);
  for (Eigen::Index i = 0; i < X.size(); ++i) X.data()[i] = std::sin(1.7 * double(i * i % 1009));
  large.fit(X, X.row(0));
  Asked f{likelihood(large)};
  const Vector x = process().parameters();
  Vector gradient(x.size());
  f(x, gradient);
  const long before = allocations();
  f(x, gradient);
  f(x);
  CHECK(allocations() == before);
}

TEST_CASE("priors with deviations that are not positive are refused", "[bayes]") {
  CHECK_THROWS_WITH(likelihood(process(), DimensionScaledPriors{.noise_deviation = 0}),
                    Catch::Matchers::Contains("must be positive, got 0"));
}
