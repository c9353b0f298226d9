#include <mesaopt/bayes/acquisition.hpp>

#include <cmath>
#include <utility>

#include <mesaopt/bayes/kernels.hpp>
#include <mesaopt/bayes/log_expected_improvement.hpp>
#include <mesaopt/bayes/ranking_ensemble.hpp>
#include <mesaopt/core/minimize.hpp>
#include <mesaopt/gradient/lbfgs.hpp>

#include "support/allocations.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using kernels::Matern52;
using Matrix = Eigen::MatrixXd;
using Vector = Eigen::VectorXd;

namespace {

GaussianProcess<Matern52> process(double noise = 0.01) {
  Matrix X(2, 6);
  X << 0.1, 0.4, 0.75, 0.3, 0.95, 0.6, 0.9, 0.2, 0.6, 0.55, 0.05, 1.3;
  Vector y(6);
  y << 0.3, -0.7, 1.1, 0.2, -1.4, 0.9;
  GaussianProcess<Matern52> gp(Matern52{Vector::LinSpaced(2, 0.6, 1.4)}, {.noise = noise, .mean = 0.25});
  gp.fit(X, y);
  return gp;
}
using LogAcquisition = Acquisition<GaussianProcess<Matern52>, LogExpectedImprovement>;

template <class F>
struct Asked {
  F f;
  typename F::template Memory<Vector> memory{};
  typename F::Scratch record{};

  Evaluation<double> operator()(const Vector& x) { return f(x, call()); }
  Evaluation<double> operator()(const Vector& x, Vector& gradient) { return f(x, gradient, call()); }
  Call<typename F::template Memory<Vector>> call() { return {memory, record}; }
};
template <class F>
Asked(F) -> Asked<F>;

const Vector query = (Vector(2) << 0.5, 0.4).finished();

}  // namespace

static_assert(Differentiable<LogAcquisition, Vector>);
static_assert(Differentiable<LogAcquisition, Eigen::Vector2d>);
static_assert(AcquisitionFunction<LogExpectedImprovement, float>);
// A process that ends before its acquisition is refused.
template <class P>
concept Acquirable = requires(P process) {
  acquisition(std::forward<P>(process), LogExpectedImprovement{}, 0.0);
};
static_assert(Acquirable<const GaussianProcess<Matern52>&> && !Acquirable<GaussianProcess<Matern52>>);

TEST_CASE("the objective is the negative rule of the predicted mean and variance", "[bayes]") {
  const auto gp = process();
  Asked f{acquisition(gp, LogExpectedImprovement{}, -1.4)};
  Prediction<double> prediction;
  gp.predict(query, prediction);
  double slope;
  const double expected = LogExpectedImprovement{}(prediction.mean[0], prediction.variance[0], -1.4, slope, slope);
  CHECK(f(query).value == -expected);
  CHECK(f(query).verdict == Verdict::fine);
}

TEST_CASE("gradients of the acquisition agree with central differences", "[bayes]") {
  const auto gp = process();
  Asked f{acquisition(gp, LogExpectedImprovement{.margin = 0.1}, -0.3)};
  for (const double shift : {0.0, 0.45, -3.0}) {
    const Vector x = query.array() + shift;
    Vector gradient(2);
    CHECK(f(x, gradient).value == Approx(f(x).value).epsilon(1e-14));
    for (Eigen::Index c = 0; c < 2; ++c) {
      const Vector step = 1e-5 * Vector::Unit(2, c);
      CHECK(gradient[c] == Approx((f(x + step).value - f(x - step).value) / 2e-5).margin(1e-7));
    }
  }
}

TEST_CASE("of an ensemble it is the rule of the weighed mean and variance, with their gradient", "[bayes]") {
  RankingEnsemble ensemble(process());
  const auto other = process(0.3);
  ensemble.add(earlier_process(Matern52{Vector::Constant(2, 0.4)}, other.points(), Vector(-3 * other.values())));
  Asked f{acquisition(ensemble, LogExpectedImprovement{}, -0.5)};
  RankingEnsemble<Matern52>::Predicted prediction;
  ensemble.predict(query, prediction);
  Vector gradient(2);
  double slope;
  const double expected = LogExpectedImprovement{}(prediction.mean[0], prediction.variance[0], -0.5, slope, slope);
  CHECK(f(query, gradient).value == Approx(-expected).epsilon(1e-14));
  for (Eigen::Index c = 0; c < 2; ++c) {
    const Vector step = 1e-5 * Vector::Unit(2, c);
    CHECK(gradient[c] == Approx((f(query + step).value - f(query - step).value) / 2e-5).margin(1e-7));
  }
  CHECK(expected != Approx(-Asked{acquisition(ensemble.current(), LogExpectedImprovement{}, -0.5)}(query).value));
}

TEST_CASE("a search finds a point no worse than all of a grid", "[bayes]") {
  const auto gp = process();
  const auto f = acquisition(gp, LogExpectedImprovement{}, -1.4);
  Matrix grid(2, 900);
  for (Eigen::Index i = 0; i < 900; ++i) grid.col(i) << -1 + double(i % 30) / 10, -1 + double(i / 30) / 10;
  Prediction<double> scratch;
  Vector values;
  f.values(grid, scratch, values);
  Eigen::Index best;
  values.minCoeff(&best);
  const Vector start = grid.col(best);
  CHECK(Asked{f}(start).value == Approx(values[best]).epsilon(1e-12));
  const auto found = minimize(f, start, Lbfgs{});
  CHECK(found.value < values[best] - 1e-5);
  CHECK(found.state.gradient.norm() < 1e-5);
}

TEST_CASE("at observed points without noise the logarithm is finite and has a finite gradient", "[bayes]") {
  const auto gp = process(1e-300);
  Asked f{acquisition(gp, LogExpectedImprovement{}, -1.4)};
  for (Eigen::Index i = 0; i < 6; ++i) {
    Vector gradient(2);
    const Evaluation<double> at = f(gp.points().col(i), gradient);
    CHECK(at.usable());
    CHECK(gradient.allFinite());
  }
  // Worse by 2.5, at a standard deviation of sqrt(epsilon / 4) or less.
  CHECK(f(gp.points().col(2)).value > 1e16);
}

TEST_CASE("evaluating the acquisition again allocates nothing", "[bayes]") {
  const auto gp = process();
  Asked f{acquisition(gp, LogExpectedImprovement{}, -1.4)};
  Vector gradient(2);
  f(query, gradient);
  const long before = allocations();
  f(query, gradient);
  f(query);
  CHECK(allocations() == before);
}

TEST_CASE("a point that is not finite or not of the process's size is no evaluation", "[bayes]") {
  const auto gp = process();
  Asked f{acquisition(gp, LogExpectedImprovement{}, -1.4)};
  Vector gradient(2);
  CHECK_FALSE(f(Vector::Constant(2, std::nan("")), gradient).usable());
  CHECK_THROWS_AS(f(Vector::Zero(3)), std::invalid_argument);
}
