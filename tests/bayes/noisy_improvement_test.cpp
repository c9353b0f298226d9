#include <mesaopt/bayes/noisy_improvement.hpp>

#include <cmath>

#include <mesaopt/bayes/kernels.hpp>
#include <mesaopt/core/objective.hpp>

#include "support/allocations.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using kernels::Matern52;
using Matrix = Eigen::MatrixXd;
using Vector = Eigen::VectorXd;

namespace {
GaussianProcess<Matern52> process(double noise) {
  Matrix X(2, 6);
  X << 0.1, 0.4, 0.75, 0.3, 0.95, 0.6, 0.9, 0.2, 0.6, 0.55, 0.05, 1.3;
  GaussianProcess<Matern52> gp(Matern52{Vector::LinSpaced(2, 0.6, 1.4)}, {.noise = noise, .mean = 0.25});
  gp.fit(X, (Vector(6) << 0.3, -0.7, 1.1, 0.2, -1.4, 0.9).finished());
  return gp;
}
struct Asked {
  NoisyImprovement<Matern52> f;
  using M = Workspace<NoisyImprovement<Matern52>::Scratch>;
  M memory{};
  M::Record record{};
  Evaluation<double> operator()(const Vector& x) { return f(x, Call<M>{memory, record}); }
  Evaluation<double> operator()(const Vector& x, Vector& gradient) { return f(x, gradient, Call<M>{memory, record}); }
};
const Vector query = (Vector(2) << 1.2, -0.5).finished();
}  // namespace

static_assert(Differentiable<NoisyImprovement<Matern52>, Vector>);

TEST_CASE("noisy improvement is that of four million samples in numpy", "[bayes]") {
  // 0.28994 with a standard error of 8e-5: f at the observed points by Cholesky of its posterior covariance, and the
  // closed form of the improvement given f.
  Asked f{noisy_improvement(process(0.3), {.samples = 4096})};
  CHECK(std::exp(-f(query).value) == Approx(0.28994).epsilon(3e-3));
  Asked few{noisy_improvement(process(0.3))};
  CHECK(std::exp(-few(query).value) == Approx(0.28994).epsilon(0.05));
}

TEST_CASE("with hardly any noise it is expected improvement upon the lowest value", "[bayes]") {
  const auto gp = process(1e-6);
  Prediction<double> prediction;
  gp.predict(query, prediction);
  double slope;
  const double log = LogExpectedImprovement{}(prediction.mean[0], prediction.variance[0], -1.4, slope, slope);
  CHECK(Asked{noisy_improvement(gp)}(query).value == Approx(-log).margin(2e-3));
}

TEST_CASE("gradients of noisy improvement agree with differences, near and far, and nothing is allocated", "[bayes]") {
  Asked f{noisy_improvement(process(0.3))};
  for (const double shift : {0.0, -0.6, -0.2}) {
    const Vector x = query.array() + shift;
    Vector gradient(2);
    const double value = f(x, gradient).value;
    const long before = allocations();
    f(x, gradient);
    f(x);
    CHECK(allocations() == before);
    CHECK(f(x).value == Approx(value).epsilon(1e-12));
    for (Eigen::Index c = 0; c < 2; ++c) {
      const Vector step = 1e-5 * Vector::Unit(2, c);
      CHECK(gradient[c] == Approx((f(x + step).value - f(x - step).value) / 2e-5).margin(1e-5).epsilon(1e-6));
    }
  }
}

TEST_CASE("at an observed point it is finite, twice observed too", "[bayes]") {
  auto gp = process(0.3);
  gp.append(gp.points().col(4), -0.9);
  Asked f{noisy_improvement(gp)};
  Vector gradient(2);
  CHECK(f(gp.points().col(4), gradient).usable());
  CHECK(gradient.allFinite());
}

TEST_CASE("a process without observations and settings out of range are refused", "[bayes]") {
  CHECK_THROWS_WITH(noisy_improvement(GaussianProcess<Matern52>(Matern52{})), Catch::Matchers::Contains("no observ"));
  CHECK_THROWS_WITH(noisy_improvement(process(0.3), {.samples = 0}), Catch::Matchers::Contains("got 0"));
}
