#include <mesaopt/evolution/limited_memory_cma_es.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/bytes.hpp>
#include <mesaopt/core/fields.hpp>
#include <mesaopt/core/minimize.hpp>
#include <mesaopt/core/random.hpp>
#include <mesaopt/evolution/separable_cma_es.hpp>

#include "support/allocations.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {
/// Σ a^(i / (n − 1)) x_i²
struct Ellipsoid {
  double condition = 1e6;
  double operator()(const VectorXd& x) const {
    double sum = 0;
    for (Eigen::Index i = 0; i < x.size(); ++i)
      sum += std::pow(condition, double(i) / double(x.size() - 1)) * x[i] * x[i];
    return sum;
  }
};
}  // namespace

TEST_CASE("a step is a draw times the product of the directions' matrices", "[limited_memory_cma_es]") {
  const Eigen::Index n = 6, lambda = 4;
  LimitedMemoryDistribution<VectorXd> d;
  d.mean = VectorXd::Zero(n);
  d.step_size = 1;
  d.make_round(n);
  d.begin(lambda, true);
  Random random{.seed = 2};
  random.fill_normal(d.directions);
  MatrixXd draws(n, lambda), steps(n, lambda);
  random.fill_normal(draws);
  d.shape(draws, steps);
  CHECK(steps == draws);  // nothing is learnt yet
  d.generation = 3;
  d.shape(draws, steps);
  MatrixXd M = MatrixXd::Identity(n, n);
  for (Eigen::Index i = 0; i < 3; ++i) {
    const double c = 1 / (std::pow(1.5, double(i)) * double(n));
    M = ((1 - c) * MatrixXd::Identity(n, n) + c * d.directions.col(i) * d.directions.col(i).transpose()) * M;
  }
  CHECK((steps - M * draws).norm() < 1e-12 * steps.norm());
  CHECK((d.deviations - (M * draws).rowwise().norm() / std::sqrt(double(lambda))).norm() < 1e-12);
}

TEST_CASE("a sphere takes the evaluations of the algorithm of Loshchilov, Glasmachers and Beyer",
          "[limited_memory_cma_es]") {
  // Algorithm 1 of their paper, and no more, in 128 variables from [-5, 5]^n with step size 3: 15 552 evaluations to
  // 1e-10, the median of 5.
  for (std::uint64_t seed = 1; seed <= 2; ++seed) {
    Random random{seed, 1};
    VectorXd x0(128);
    for (double& entry : x0) entry = random.uniform(-5.0, 5.0);
    const LimitedMemoryCmaEs es{.step_size = 3, .seed = seed, .value_tolerance = 0};
    const auto s = minimize(Ellipsoid{1}, x0, es, TargetReached{1e-10} || MaxEvaluations{30'000});
    CHECK(s.status == Status::target_reached);
    CHECK(double(s.counts[0].evaluations()) == Approx(15'552).epsilon(0.1));
  }
}

TEST_CASE("hundreds of variables of different scales are minimized in every direction", "[limited_memory_cma_es]") {
  const VectorXd x0 = VectorXd::Constant(200, 1.0);
  const auto s = minimize(Ellipsoid{1e3}, x0, LimitedMemoryCmaEs{}, TargetReached{1e-8} || MaxEvaluations{200'000});
  CHECK(s.status == Status::target_reached);
}

TEST_CASE("the directions pay where the identity would be slow", "[limited_memory_cma_es]") {
  // A bent cigar: one long direction that is no coordinate.
  const auto cigar = [](const VectorXd& x) {
    const double along = x.mean();
    return along * along + 1e4 * (x.array() - along).square().sum();
  };
  const VectorXd x0 = VectorXd::LinSpaced(50, -1, 3);
  const auto limited = minimize(cigar, x0, LimitedMemoryCmaEs{}, TargetReached{1e-8} || MaxEvaluations{300'000});
  const auto separable = minimize(cigar, x0, SeparableCmaEs{}, TargetReached{1e-8} || MaxEvaluations{300'000});
  REQUIRE(limited.status == Status::target_reached);
  CHECK((separable.status != Status::target_reached ||
         2 * limited.counts[0].evaluations() < separable.counts[0].evaluations()));
}

TEST_CASE("a step of the limited memory allocates nothing, and a saved run goes on with the same bits",
          "[limited_memory_cma_es]") {
  const LimitedMemoryCmaEs es{};
  LimitedMemoryCmaEs::State<VectorXd> state, loaded;
  const Ellipsoid f;
  es.init(f, VectorXd(VectorXd::Constant(40, 1.0)), state);
  es.step(f, state);
  const long before = allocations();
  for (int i = 0; i < 50; ++i) es.step(f, state);
  CHECK(allocations() == before);
  load(save(state), loaded);
  for (int i = 0; i < 20; ++i) {
    es.step(f, state);
    es.step(f, loaded);
  }
  CHECK(identical(state, loaded));
}

TEST_CASE("directions go on to the next run of the same kind", "[limited_memory_cma_es]") {
  const Ellipsoid f{1e4};
  const VectorXd x0 = VectorXd::Constant(30, 1.0);
  const auto first = minimize(f, x0, LimitedMemoryCmaEs{}, TargetReached{1e-6});
  const LimitedMemoryCmaEs es{.step_size = 1e-3, .value_tolerance = 0};
  const auto warm = minimize(f, first, es, TargetReached{1e-12});
  const auto cold = minimize(f, first.x, es, TargetReached{1e-12});
  CHECK(warm.status == Status::target_reached);
  CHECK(warm.counts[0].evaluations() < cold.counts[0].evaluations());
}
