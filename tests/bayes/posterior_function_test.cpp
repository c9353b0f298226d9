#include <mesaopt/bayes/posterior_function.hpp>

#include <cmath>

#include <mesaopt/bayes/posterior.hpp>
#include <mesaopt/core/objective.hpp>

#include "support/allocations.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using namespace mesaopt::kernels;
using Matrix = Eigen::MatrixXd;
using Vector = Eigen::VectorXd;
using Scaled = Product<Constant, Matern52>;

namespace {
GaussianProcess<Scaled> process(double noise = 0.01) {
  Matrix X(2, 6);
  X << 0.1, 0.4, 0.75, 0.3, 0.95, 0.6, 0.9, 0.2, 0.6, 0.55, 0.05, 1.3;
  GaussianProcess<Scaled> gp(1.5 * Matern52{Vector::LinSpaced(2, 0.6, 1.4)}, {.noise = noise, .mean = 0.25});
  gp.fit(X, (Vector(6) << 0.3, -0.7, 1.1, 0.2, -1.4, 0.9).finished());
  return gp;
}
}  // namespace

static_assert(Differentiable<PosteriorFunction<Scaled>, Vector>);
static_assert(Differentiable<PosteriorFunction<Scaled>, Eigen::Vector2d>);

TEST_CASE("functions drawn have the mean and covariance of the posterior", "[bayes]") {
  const auto gp = process();
  Matrix Q(2, 3), covariance;
  Q << 0.5, 0.1, 1.5, 0.5, 0.8, -0.2;
  Prediction<double> prediction;
  predict_jointly(gp, Q, prediction, covariance);
  Random random{3};
  const Eigen::Index count = 3000;
  Matrix values(3, count);
  for (Eigen::Index k = 0; k < count; ++k) {
    const auto f = sample_function(gp, random, 64);
    for (Eigen::Index i = 0; i < 3; ++i) values(i, k) = f(Vector(Q.col(i)));
  }
  const Vector mean = values.rowwise().mean();
  const Matrix centred = values.colwise() - mean, estimate = centred * centred.transpose() / double(count);
  for (Eigen::Index i = 0; i < 3; ++i) {
    CHECK(std::abs(mean[i] - prediction.mean[i]) < 4 * std::sqrt(covariance(i, i) / double(count)));
    for (Eigen::Index j = 0; j < 3; ++j)
      CHECK(std::abs(estimate(i, j) - covariance(i, j)) <
            5 * std::sqrt(2 * covariance(i, i) * covariance(j, j) / double(count)));
  }
}

TEST_CASE("a function without noise goes through its data and is the same at every call", "[bayes]") {
  const auto gp = process(1e-10);
  Random random{4};
  const auto f = sample_function(gp, random), g = sample_function(gp, random);
  for (Eigen::Index i = 0; i < 6; ++i) CHECK(f(Vector(gp.points().col(i))) == Approx(gp.values()[i]).margin(1e-3));
  const Vector far = Vector::Constant(2, 3.0);
  CHECK(f(far) == f(far));
  CHECK(std::abs(f(far) - g(far)) > 1e-3);
}

TEST_CASE("gradients of a drawn function agree with differences, and nothing is allocated", "[bayes]") {
  const auto gp = process();
  Random random{5};
  const auto f = sample_function(gp, random, 100);
  Vector x = (Vector(2) << 0.55, 0.35).finished(), gradient(2);
  const long before = allocations();
  const double value = f(x, gradient);
  CHECK(allocations() == before);
  CHECK(value == f(x));
  for (Eigen::Index c = 0; c < 2; ++c) {
    const Vector step = 1e-6 * Vector::Unit(2, c);
    CHECK(gradient[c] == Approx((f(Vector(x + step)) - f(Vector(x - step))) / 2e-6).epsilon(1e-6));
  }
}

TEST_CASE("functions of no data, of no waves, or at a point of another size are refused", "[bayes]") {
  const auto gp = process();
  Random random{6};
  CHECK_THROWS_WITH(sample_function(gp, random, 0), Catch::Matchers::Contains("at least 1 wave, got 0"));
  CHECK_THROWS_WITH(sample_function(GaussianProcess<Scaled>(gp.kernel()), random),
                    Catch::Matchers::Contains("no observations"));
  CHECK_THROWS_WITH(sample_function(gp, random)(Vector(Vector::Zero(3))), Catch::Matchers::Contains("got 3"));
}
