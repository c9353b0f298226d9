#include <mesaopt/evolution/cma_learning.hpp>

#include <cmath>
#include <cstdint>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/random.hpp>
#include <mesaopt/evolution/cma_parameters.hpp>

#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {
/// What a distribution shows of itself: here all is round, so that steps are draws.
struct Round {
  VectorXd mean, evolution_path, conjugate_path;
  double step_size = 0.5;
  std::uint64_t generation = 0;
  CmaParameters<double> parameters{};
};

Round round(Eigen::Index n, Eigen::Index lambda) {
  Round d{VectorXd::Constant(n, 2.0), VectorXd::Zero(n), VectorXd::Zero(n)};
  d.parameters.set(n, lambda, true);
  return d;
}
const auto add = [](double factor, const double* z, double* path) {
  for (int i = 0; i < 4; ++i) path[i] += factor * z[i];
};
const std::vector<Eigen::Index> order{2, 0, 1, 3, 5, 4, 7, 6};
}  // namespace

TEST_CASE("draws of no length move nothing, and let the step size shrink at the full rate", "[evolution][cma]") {
  Round d = round(4, 8);
  detail::CmaLearning<VectorXd> learning;
  const MatrixXd draws = MatrixXd::Zero(4, 8);
  learning.teach(d, order, draws, draws, add);
  CHECK(d.mean == VectorXd::Constant(4, 2.0));
  CHECK(d.conjugate_path.norm() == 0);
  CHECK(d.step_size == Approx(0.5 * std::exp(-d.parameters.c_sigma / d.parameters.d_sigma)));
  CHECK(d.generation == 1);
  // Points that were made nothing of have no factor, whatever their weight.
  for (Eigen::Index i = d.parameters.mu; i < 8; ++i) CHECK(learning.factors[i] == 0);
}

TEST_CASE("the factors of the covariance add up to one where draws are as long as they are on average",
          "[evolution][cma]") {
  Round d = round(4, 8);
  detail::CmaLearning<VectorXd> learning;
  MatrixXd draws(4, 8);
  Random{.seed = 2}.fill_normal(draws);
  for (Eigen::Index k = 0; k < 8; ++k) draws.col(k) *= 2 / draws.col(k).norm();
  learning.teach(d, order, draws, draws, add);
  CHECK(learning.used == 8);
  CHECK(learning.decay + d.parameters.c_1 + learning.factors.sum() == Approx(1).epsilon(1e-14));
  // The longer a bad draw, the less it counts.
  draws.col(6) *= 3;
  const double before = learning.factors[7];
  Round again = round(4, 8);
  learning.teach(again, order, draws, draws, add);
  CHECK(learning.factors[7] == Approx(before / 9));
  CHECK(again.mean == d.mean);
}

TEST_CASE("a path that is far too long does not stretch the covariance, and the step size grows at most e-fold",
          "[evolution][cma]") {
  Round d = round(4, 8);
  detail::CmaLearning<VectorXd> learning;
  const MatrixXd draws = MatrixXd::Constant(4, 8, 1e6);
  learning.teach(d, order, draws, draws, add);
  CHECK(d.evolution_path.norm() == 0);
  CHECK(d.step_size == Approx(0.5 * std::exp(1)));
  const auto& p = d.parameters;
  CHECK(learning.decay == Approx(1 - p.c_1 + p.c_1 * p.c_c * (2 - p.c_c) - p.c_mu * p.weights.sum()));
}
