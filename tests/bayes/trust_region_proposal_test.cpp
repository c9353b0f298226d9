#include <mesaopt/bayes/trust_region_proposal.hpp>

#include <cmath>

#include <Eigen/Core>

#include <mesaopt/bayes/kernel_algebra.hpp>
#include <mesaopt/bayes/kernels.hpp>
#include <mesaopt/bayes/likelihood.hpp>
#include <mesaopt/bayes/trust_region_state.hpp>
#include <mesaopt/bayes/turbo_region.hpp>
#include <mesaopt/core/fields.hpp>
#include <mesaopt/gradient/lbfgsb.hpp>

#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::VectorXd;

namespace {

/// What a proposal asks of its optimizer, for Thompson sampling.
struct Sampler {
  using Kernel = kernels::Matern52;
  static constexpr bool samples = true;
  TurboRegion region{};
  DimensionScaledPriors priors{};
  Eigen::Index candidates = 100;
  Eigen::Index nearest = 0;
  Search<LbfgsB, MaxEvaluations> fit{LbfgsB{}, MaxEvaluations{20}};
  kernels::Matern52 model(Eigen::Index n) const { return {VectorXd::Constant(n, 0.5)}; }
};
using State = TrustRegionState<VectorXd, Nothing, kernels::Matern52>;

}  // namespace

TEST_CASE("length scales are those of the kernel where there is one for each variable, else a single 1",
          "[bayes][trust_region_proposal]") {
  const VectorXd scales{{0.1, 0.2, 0.4}};
  CHECK(detail::length_scales_of(kernels::Matern52{scales}, 3) == scales);
  CHECK(detail::length_scales_of(kernels::Matern52{VectorXd::Constant(1, 0.3)}, 3) == VectorXd::Constant(1, 0.3));
  const kernels::Product<kernels::Constant, kernels::Matern52> product{{2}, {scales}};
  CHECK(detail::length_scales_of(product, 3) == scales);
  const kernels::Product<kernels::Matern52, kernels::Matern52> both{{scales}, {scales}};
  CHECK(detail::length_scales_of(both, 3) == VectorXd::Ones(1));
}

TEST_CASE("Thompson sampling proposes points in the region around the best one, towards the lower values",
          "[bayes][trust_region_proposal]") {
  Sampler sampler;
  sampler.region.start_length = 0.4;
  State state;
  state.free = {0, 1};
  state.random = Random{3};
  state.begin_region(sampler.region, 0);
  for (int i = 0; i < 5; ++i)
    for (int j = 0; j < 5; ++j) {
      const VectorXd x{{0.2 * i, 0.2 * j}};
      state.local.add(x, 10 * (x - VectorXd{{0.6, 0.2}}).squaredNorm());
    }
  VectorXd lower, upper, mean = VectorXd::Zero(2);
  for (int k = 0; k < 20; ++k) {
    const VectorXd proposal = detail::RegionProposal(state, sampler)();
    sampler.region.box(VectorXd(VectorXd{{0.6, 0.2}}), state.plain.process.kernel().length_scales, state.region, lower,
                       upper);
    CHECK((proposal - lower).minCoeff() >= 0);
    CHECK((upper - proposal).minCoeff() >= 0);
    mean += proposal / 20;
  }
  CHECK((mean - VectorXd{{0.6, 0.2}}).norm() < 0.05);  // a quarter of the way to the next observation
}
