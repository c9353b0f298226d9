#pragma once

#include <cstdint>
#include <span>

#include <Eigen/Core>

#include <mesaopt/bayes/kernel_algebra.hpp>
#include <mesaopt/bayes/kernels.hpp>
#include <mesaopt/bayes/log_expected_improvement.hpp>
#include <mesaopt/bayes/trust_region_search.hpp>
#include <mesaopt/core/evaluation.hpp>
#include <mesaopt/core/objective.hpp>
#include <mesaopt/core/optimizer.hpp>
#include <mesaopt/core/point.hpp>
#include <mesaopt/core/prior.hpp>
#include <mesaopt/core/search.hpp>
#include <mesaopt/core/space.hpp>
#include <mesaopt/core/stopping.hpp>
#include <mesaopt/gradient/lbfgsb.hpp>
#include <mesaopt/objective/box.hpp>

namespace mesaopt {

/// A Matérn 5/2 kernel with a length scale for each variable, and a variance: for objectives that are less smooth.
struct MaternModel {
  kernels::Product<kernels::Constant, kernels::Matern52> operator()(Eigen::Index n) const {
    return {{1}, {Eigen::VectorXd::Constant(n, 0.5)}};
  }
};

/// Bayesian optimization in a trust region: the choice for objectives of some 10 to 100 variables in a box, of which a
/// few hundred evaluations can be afforded.
///
///     auto solution = minimize(within(f, box), x0, TrustRegionBayes{.batch = 4}, MaxEvaluations{400});
///
/// A TrustRegionSearch, where the way it works is told, with a Matérn kernel, the logarithm of expected improvement,
/// and L-BFGS-B for both of its inner searches. Needs no gradient. The box is that of the objective, or that of its
/// Space; where it has none, `radius` around the start. It can be driven from outside by `ask` and `tell`, takes the
/// observations of a prior, and has a batch of points evaluated side by side.
struct TrustRegionBayes {
  Eigen::Index batch = 1;    ///< points that are evaluated side by side, 1 or more
  Eigen::Index initial = 0;  ///< points that begin a region, the start included; 0: 2n
  bool noisy = false;        ///< whether values are noisy; of an objective that says so of itself they are
  double prior_noise = 0;    ///< variance of observations of a prior, in units of the variance of all
  std::uint64_t seed = 1;    ///< of all draws
  double radius = 1;         ///< half the width of the box where the objective has no bounds, around the start

  static constexpr bool handles_bounds = true;
  /// Fits stop at a gradient of 1e-2 or 40 evaluations, maximizations of the acquisition at 1e-6 or 40.
  using Fit = Search<LbfgsB, decltype(GradientBelow{} || MaxEvaluations{})>;
  using Pieces = TrustRegionSearch<MaternModel, LogExpectedImprovement, Fit, Fit>;
  template <Point X, class M = Nothing>
  using State = Pieces::State<X, M>;

  /// 400 evaluations.
  [[nodiscard]] MaxEvaluations default_stopping() const { return {400}; }

  [[nodiscard]] Pieces pieces() const {
    Pieces pieces{{},
                  {},
                  {LbfgsB{}, GradientBelow{1e-2} || MaxEvaluations{40}},
                  {LbfgsB{}, GradientBelow{1e-6} || MaxEvaluations{40}}};
    // Searches with gradients find their way also in regions too small for TuRBO's samples.
    pieces.region.least_length = 0x1p-10;
    pieces.batch = batch;
    pieces.initial = initial;
    pieces.noisy = noisy;
    pieces.prior_noise = prior_noise;
    pieces.seed = seed;
    pieces.radius = radius;
    return pieces;
  }

  /// Begins at a point or a prior. Throws as TrustRegionSearch does.
  template <class F, Start P>
  requires Objective<F, PointOf<P>>
  void init(const F& f, const P& start, StateOf<TrustRegionBayes, F, PointOf<P>>& state) const {
    pieces().init(f, start, state);
  }
  /// Begins in a box, for `ask` and `tell`.
  template <Start P, class M>
  void init(const Box<PointOf<P>>& box, const P& start, State<PointOf<P>, M>& state) const {
    pieces().init(box, start, state);
  }
  /// Begins without an objective and without a box, for `ask` and `tell`.
  template <Start P, class M>
  void init(const P& start, State<PointOf<P>, M>& state) const {
    pieces().init(start, state);
  }
  /// The points that wait for their evaluation.
  template <Point X, class M>
  Batch<X> ask(State<X, M>& state) const {
    return pieces().ask(state);
  }
  /// The same for the parameters of a space.
  template <Point X, class M>
  Batch<X> ask(const Space& space, State<X, M>& state) const {
    return pieces().ask(space, state);
  }
  /// Takes evaluations of points asked for. Throws as TrustRegionSearch does.
  template <Point X, class M>
  void tell(State<X, M>& state, std::span<const std::uint64_t> ids,
            std::span<const Evaluation<ScalarOf<X>>> evaluations) const {
    pieces().tell(state, ids, evaluations);
  }
  /// One batch: asks, evaluates, tells.
  template <class F, Point X, class M>
  void step(const F& f, State<X, M>& state) const {
    pieces().step(f, state);
  }
};

}  // namespace mesaopt
