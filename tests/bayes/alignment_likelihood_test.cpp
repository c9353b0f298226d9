#include <mesaopt/bayes/alignment_likelihood.hpp>

#include <cmath>
#include <stdexcept>

#include <Eigen/Core>

#include <mesaopt/bayes/kernels.hpp>

#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::MatrixXd, Eigen::VectorXd;
using K = kernels::SquaredExponential;

TEST_CASE("the gradient of an alignment's likelihood agrees with differences", "[bayes][alignment_likelihood]") {
  const MatrixXd X{{0.1, 0.4, 0.7, 0.9, 0.2}, {0.3, 0.8, 0.1, 0.6, 0.9}};
  Surrogate<K> earlier;
  earlier.process = GaussianProcess<K>(K{VectorXd{{0.4}}}, GaussianProcessSettings<double>{.noise = 1e-3});
  earlier.process.fit(X, VectorXd{{0.2, 1.9, 2.6, -0.5, 0.1}});
  earlier.scale = {.middle = -1, .unit = 0.5, .mean = 0.1, .deviation = 1.4};
  GaussianProcessSettings<double> settings{.noise = 1e-2};
  settings.learn_mean = false;
  GaussianProcess<Scaled<K>> residual(Scaled<K>{{0.3}, K{VectorXd{{0.6}}}}, settings);
  residual.fit(X.leftCols(4), VectorXd{{0.1, 1.2, 1.4, -0.3}});
  AlignmentLikelihood<K> f(earlier, ValueScale{.middle = 1, .unit = 2, .mean = 0.3, .deviation = 1.7}, residual,
                           DimensionScaledPriors{}, AlignmentPrior{});
  f.amplify(VectorXd{{1, 1.5, 2, 1.1}});
  CHECK(f.log_amplification() == Approx(std::log(3.3)));

  using M = MemoryOf<AlignmentLikelihood<K>, VectorXd>;
  const M memory;
  M::Record record;
  const Call<M> call{memory, record};
  VectorXd x(4 + residual.parameter_count());
  x << 0.1, -0.05, 0.3, 0.2, residual.parameters();
  VectorXd gradient(x.size());
  const double value = f(x, gradient, call).value;
  CHECK(f(x, call).value == value);
  constexpr double h = 1e-6;
  for (Eigen::Index i = 0; i < x.size(); ++i) {
    VectorXd up = x, down = x;
    up[i] += h;
    down[i] -= h;
    CHECK(gradient[i] == Approx((f(up, call).value - f(down, call).value) / (2 * h)).epsilon(1e-5).margin(1e-6));
  }
}

TEST_CASE("priors of alignments out of their range are refused by name", "[bayes][alignment_likelihood]") {
  CHECK_NOTHROW(AlignmentPrior{}.check());
  CHECK_THROWS_WITH(AlignmentPrior{.shift_deviation = 0}.check(), Catch::Matchers::StartsWith("AlignmentPrior::shift"));
  CHECK_THROWS_AS(AlignmentPrior{.lift_deviation = -1}.check(), std::invalid_argument);
  CHECK_THROWS_AS(AlignmentPrior{.residual_location = std::nan("")}.check(), std::invalid_argument);
}
