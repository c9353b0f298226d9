#pragma once

#include <mesaopt/core/point.hpp>
#include <mesaopt/evolution/cma_distribution.hpp>
#include <mesaopt/evolution/evolution_strategy.hpp>

namespace mesaopt {

namespace detail {
struct FullCovariance {
  static constexpr const char* name = "CmaEs";
  template <Point X>
  using Distribution = CmaDistribution<X>;
};
}  // namespace detail

/// CMA-ES: draws points from a normal distribution, and moves and shapes it by the ranks of their values alone.
///
/// For objectives without gradients, of up to some hundred variables: rugged, noisy, badly scaled, not separable. One
/// run finds one local minimum, a good one the more likely the larger the population; `Restarts` looks further.
///
///     auto solution = minimize(f, x0, CmaEs{.step_size = 0.3});
///
/// Settings, bounds, `ask` and `tell`, and how it ends: see EvolutionStrategy. It takes the covariance of a prior, or
/// variances.
///
/// Hansen (2016), "The CMA evolution strategy: a tutorial", arXiv:1604.00772: figure 6 with the default parameters of
/// table 1, negative weights included, and the stopping criteria of appendix B.3. The covariance is decomposed every
/// 1 / (2 n (c_1 + c_mu)) generations, as in N. Hansen's purecma.
using CmaEs = EvolutionStrategy<detail::FullCovariance>;

}  // namespace mesaopt
