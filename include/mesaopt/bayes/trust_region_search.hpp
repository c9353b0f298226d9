#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include <Eigen/Core>

#include <mesaopt/bayes/bayesian_search.hpp>
#include <mesaopt/bayes/fill_places.hpp>
#include <mesaopt/bayes/likelihood.hpp>
#include <mesaopt/bayes/trust_region_proposal.hpp>
#include <mesaopt/bayes/trust_region_state.hpp>
#include <mesaopt/bayes/turbo_region.hpp>
#include <mesaopt/core/evaluation.hpp>
#include <mesaopt/core/objective.hpp>
#include <mesaopt/core/optimizer.hpp>
#include <mesaopt/core/point.hpp>
#include <mesaopt/core/prior.hpp>
#include <mesaopt/core/space.hpp>
#include <mesaopt/core/status.hpp>
#include <mesaopt/core/stopping.hpp>
#include <mesaopt/objective/box.hpp>
#include <mesaopt/objective/in_space.hpp>

namespace mesaopt {

/// Bayesian optimization in a trust region: for objectives of some 10 to 100 variables in a box, where a Gaussian
/// process of the whole box would have a BayesianSearch explore without end.
///
///     const TrustRegionSearch search{MaternModel{}, LogExpectedImprovement{}, LbfgsB{}, LbfgsB{}};
///     auto solution = minimize(within(f, box), x0, search, MaxEvaluations{400});
///
/// Its pieces are those of a BayesianSearch; `acquire` may also be ThompsonSampling{}, which leaves `maximize` unused.
/// It begins with the start and a scrambled Sobol sequence. From then on it looks for points in a TurboRegion around
/// the best one, by what the `nearest` observations tell. Where the region has become too small it begins another, with
/// a new Sobol sequence and without what was observed before; the answer is the best point of all regions.
///
/// Points that wait, failed evaluations, spaces, noise and priors are as in BayesianSearch; a prior's observations are
/// of the first region.
///
/// Eriksson, Pearce, Gardner, Turner and Poloczek (2019), "Scalable global optimization via local Bayesian
/// optimization", with one region at a time, TuRBO-1.
template <class Model, class Acquire, class Fit, class Maximize>
struct TrustRegionSearch {
  Model model{};
  Acquire acquire{};
  Fit fit{};
  Maximize maximize{};
  TurboRegion region{};            ///< when it grows, shrinks and ends
  DimensionScaledPriors priors{};  ///< of the hyperparameters
  Eigen::Index candidates = 512;   ///< points of the region that are looked at, 1 or more
  Eigen::Index starts = 1;         ///< of the searches for the most promising point, from the most promising of these
  Eigen::Index greedy = 4;         ///< of so many points one is where the posterior mean is least; 0: none is
  Eigen::Index nearest = 0;        ///< so many observations, the nearest to the lowest, teach it; 0: max(150, 4n)
  Eigen::Index batch = 1;          ///< points that are evaluated side by side, 1 or more
  Eigen::Index initial = 0;        ///< points that begin a region, the start included; 0: 2n
  bool noisy = false;              ///< whether values are noisy; of an objective that says so of itself they are
  double prior_noise = 0;          ///< variance of observations of a prior, in units of the variance of all
  std::uint64_t seed = 1;          ///< of all draws
  double radius = 1;               ///< half the width of the box where the objective has no bounds, around the start

  using Kernel = decltype(std::declval<const Model&>()(Eigen::Index(1)));
  static constexpr bool handles_bounds = true;
  static constexpr bool samples = std::same_as<Acquire, ThompsonSampling>;
  template <Point X, class M = Nothing>
  using State = TrustRegionState<X, M, Kernel>;

  /// 400 evaluations.
  [[nodiscard]] MaxEvaluations default_stopping() const { return {400}; }

  /// Throws std::invalid_argument for a setting out of its range.
  void check() const {
    region.check();
    priors.check();
    if (candidates < 1) detail::refuse("TrustRegionSearch::candidates", double(candidates), "it must be 1 or more");
    if (starts < 1) detail::refuse("TrustRegionSearch::starts", double(starts), "it must be 1 or more");
    if (greedy < 0) detail::refuse("TrustRegionSearch::greedy", double(greedy), "it must be 0 or more");
    if (nearest < 0) detail::refuse("TrustRegionSearch::nearest", double(nearest), "it must be 0 or more");
    if (batch < 1) detail::refuse("TrustRegionSearch::batch", double(batch), "it must be 1 or more");
    if (initial < 0) detail::refuse("TrustRegionSearch::initial", double(initial), "it must be 0 or more");
    if (!(prior_noise >= 0) || !std::isfinite(prior_noise))
      detail::refuse("TrustRegionSearch::prior_noise", prior_noise, "it must be 0 or more, and finite");
    if (!(radius > 0) || !std::isfinite(radius))
      detail::refuse("TrustRegionSearch::radius", radius, "it must be positive and finite");
  }

  /// Begins at a point or a prior, in the box of f. Throws std::invalid_argument for a setting out of its range, or a
  /// start that is empty, not finite, or not in the box.
  template <class F, Start P>
  requires Objective<F, PointOf<P>>
  void init(const F& f, const P& start, StateOf<TrustRegionSearch, F, PointOf<P>>& state) const {
    check();
    whole().init(f, start, state);
    begin(state);
  }
  /// Begins in a box, for `ask` and `tell`.
  template <Start P, class M>
  void init(const Box<PointOf<P>>& box, const P& start, State<PointOf<P>, M>& state) const {
    check();
    whole().init(box, start, state);
    begin(state);
  }
  /// Begins without an objective and without a box, for `ask` and `tell`.
  template <Start P, class M>
  void init(const P& start, State<PointOf<P>, M>& state) const {
    check();
    whole().init(start, state);
    begin(state);
  }

  /// The points that wait for their evaluation, `batch` of them as long as there are any. Allocates as the data grows.
  template <Point X, class M, kernels::Kernel K>
  Batch<X> ask(TrustRegionState<X, M, K>& state) const {
    return draw(state, [](X&) {});
  }
  /// The same for the parameters of a space, the points of which are its representatives.
  template <Point X, class M, kernels::Kernel K>
  Batch<X> ask(const Space& space, TrustRegionState<X, M, K>& state) const {
    return draw(state, [&](X& x) { space.representative(x, x); });
  }

  /// Takes evaluations of points asked for: some or all, in any order. Throws std::invalid_argument, and changes
  /// nothing, if there are not as many ids as evaluations, or an id names no point that waits.
  template <Point X, class M, kernels::Kernel K>
  void tell(TrustRegionState<X, M, K>& state, std::span<const std::uint64_t> ids,
            std::span<const Evaluation<ScalarOf<X>>> evaluations) const {
    state.learn(ids, evaluations, region, batch);
  }

  /// One batch: asks, evaluates, tells. What the evaluation limit forbids stays open. If the objective throws, so does
  /// the whole batch, and the next step evaluates it anew.
  template <class F, Point X, class M, kernels::Kernel K>
  void step(const F& f, TrustRegionState<X, M, K>& state) const {
    detail::evaluate_places(*this, f, state);
  }

 private:
  /// The search of the whole box, which begins as this one does.
  [[nodiscard]] BayesianSearch<Model, Acquire, Fit, Maximize> whole() const {
    BayesianSearch<Model, Acquire, Fit, Maximize> search{model, acquire, fit, maximize};
    search.priors = priors;
    search.batch = batch;
    search.initial = initial;
    search.noisy = noisy;
    search.prior_noise = prior_noise;
    search.seed = seed;
    search.radius = radius;
    return search;
  }

  template <class T>
  void begin(T& state) const {
    const auto n = std::uint64_t(state.free.size());
    state.restarts = 0;
    state.begin_region(region, initial > 0 ? std::uint64_t(initial) : 2 * n);
    state.local = state.observations;
  }

  template <Point X, class M, kernels::Kernel K, class Represent>
  Batch<X> draw(TrustRegionState<X, M, K>& state, const Represent& represent) const {
    return detail::fill_places(state, represent, [&](const auto&) {
      const bool begun = state.next >= state.first + state.designed && state.local.usable() > 0;
      return begun ? detail::RegionProposal(state, *this)() : detail::design_point(state);
    });
  }
};

template <class Model, class Acquire, class Fit, class Maximize>
TrustRegionSearch(Model, Acquire, Fit, Maximize) -> TrustRegionSearch<Model, Acquire, Fit, Maximize>;

}  // namespace mesaopt
