#pragma once

#include <cstdint>

#include <Eigen/Core>

#include <mesaopt/bayes/freeze_thaw_search.hpp>
#include <mesaopt/bayes/learning_curve_kernel.hpp>
#include <mesaopt/core/optimizer.hpp>
#include <mesaopt/core/point.hpp>
#include <mesaopt/core/prior.hpp>
#include <mesaopt/core/search.hpp>
#include <mesaopt/core/stopping.hpp>
#include <mesaopt/gradient/lbfgsb.hpp>
#include <mesaopt/objective/pausable.hpp>

namespace mesaopt {

/// The kernel of learning curves, see `learning_curve_kernel`.
struct LearningCurveModel {
  kernels::LearningCurve operator()(Eigen::Index n) const { return kernels::learning_curve_kernel(n); }
};

/// Freeze-thaw Bayesian optimization, the choice where an evaluation is an inner run, such as the training of a
/// network, that shows early what may become of it.
///
///     auto solution = minimize(within(nested(...), box), x0, FreezeThaw{.length = 500, .budget = 5000});
///
/// A FreezeThawSearch, where the way it works is told, with the kernel of learning curves, and L-BFGS-B for both of its
/// inner searches. For objectives of 1 to some 10 variables.
struct FreezeThaw {
  std::int64_t length = 1000;  ///< inner iterations of a complete run that does not end by itself, 1 or more
  std::int64_t portion = 0;    ///< inner iterations of a new run before it is paused; 0: length / 10, rounded up
  double growth = 2;           ///< how many times as many it has made when it is paused next, more than 1
  std::int64_t budget = 0;     ///< inner iterations of all runs together; 0: 10 times length
  double ending = 0.4;         ///< part of the budget at whose end runs are completed, in [0, 1]
  std::int64_t initial = 0;    ///< runs begun before the first is proposed, the start included; 0: 2(n + 1)
  std::uint64_t seed = 1;      ///< of all draws
  double radius = 1;           ///< half the width of the box where the objective has no bounds, around the start

  static constexpr bool handles_bounds = true;
  /// Fits stop at a gradient of 1e-2 or 60 evaluations, maximizations of the acquisition at 1e-6 or 40.
  using Inside = Search<LbfgsB, decltype(GradientBelow{} || MaxEvaluations{})>;
  using Pieces = FreezeThawSearch<LearningCurveModel, Inside, Inside>;
  template <Point X, class M>
  requires PausedRun<typename M::Paused>
  using State = Pieces::State<X, M>;

  /// That of the pieces: it ends by its budget.
  [[nodiscard]] MaxEvaluations default_stopping() const { return Pieces{}.default_stopping(); }

  [[nodiscard]] Pieces pieces() const {
    Pieces pieces{{},
                  {LbfgsB{}, GradientBelow{1e-2} || MaxEvaluations{60}},
                  {LbfgsB{}, GradientBelow{1e-6} || MaxEvaluations{40}}};
    pieces.priors = {.length_scale_deviation = 3, .noise_location = -10, .noise_deviation = 4};
    pieces.length = length;
    pieces.portion = portion;
    pieces.growth = growth;
    pieces.budget = budget;
    pieces.ending = ending;
    pieces.initial = initial;
    pieces.seed = seed;
    pieces.radius = radius;
    return pieces;
  }

  /// Begins at a point or a prior. Throws as FreezeThawSearch does.
  template <class F, Start P>
  requires Pausable<F, PointOf<P>>
  void init(const F& f, const P& start, StateOf<FreezeThaw, F, PointOf<P>>& state) const {
    pieces().init(f, start, state);
  }
  /// One portion of one run.
  template <class F, Point X, class M>
  void step(const F& f, FreezeThawState<X, M, Pieces::Kernel>& state) const {
    pieces().step(f, state);
  }
};

}  // namespace mesaopt
