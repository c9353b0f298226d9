#pragma once

#include <mesaopt/core/search.hpp>
#include <mesaopt/gradient/dogleg_step.hpp>
#include <mesaopt/gradient/trust_region_least_squares.hpp>

namespace mesaopt {

/// Powell's dogleg for sums of squares: a trust region like that of LevenbergMarquardt, with one factorization a step
/// whatever the number of radii tried.
///
///     minimize(f, x0, PowellDogleg{});      // f gives residuals and their Jacobian: see LeastSquares
///
/// For many variables, where factorizations cost more than residuals; LevenbergMarquardt is more robust, as its steps
/// within the radius are the best there are. All else is as there; bounds it does not keep. See DoglegStep.
struct PowellDogleg {
  LeastSquaresSolver solver = LeastSquaresSolver::cholesky;      ///< of the linearized problem
  LeastSquaresScaling scaling = LeastSquaresScaling::marquardt;  ///< D: in which units steps are measured
  double first_radius = 1;      ///< trust radius at the start, relative to |Dx| (to 1 where that is 0), more than 0
  double value_tolerance = 0;   ///< converged when predicted and actual fall are less, relative to the value
  double step_tolerance = 0;    ///< converged when a step is shorter, relative to |Dx|
  double cosine_tolerance = 0;  ///< converged when no column of J makes a smaller angle with r, by its cosine

  static constexpr bool needs_gradient = true;
  using Pieces = TrustRegionLeastSquares<DoglegStep>;
  template <Point X, class M = Nothing>
  using State = Pieces::State<X, M>;

  /// It ends by its own criteria; at most 1000 iterations.
  [[nodiscard]] auto default_stopping() const { return MaxIterations{1000}; }
  [[nodiscard]] Pieces pieces() const {
    return {{}, solver, scaling, first_radius, 0, value_tolerance, step_tolerance, cosine_tolerance};
  }

  template <class F, Start P, class M>
  requires LeastSquares<F, PointOf<P>>
  void init(const F& f, const P& start, State<PointOf<P>, M>& state) const { pieces().init(f, start, state); }
  template <class F, Point X, class M>
  requires LeastSquares<F, X>
  void step(const F& f, State<X, M>& state) const { pieces().step(f, state); }
};

}  // namespace mesaopt
