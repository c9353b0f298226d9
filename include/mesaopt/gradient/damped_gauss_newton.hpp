#pragma once

#include <mesaopt/core/search.hpp>
#include <mesaopt/gradient/gauss_newton_step.hpp>
#include <mesaopt/gradient/trust_region_least_squares.hpp>

namespace mesaopt {

/// The method of Gauss and Newton with backtracking: for sums of squares that are nearly linear, or whose residuals are
/// small at the minimum, from a start that is near.
///
///     minimize(f, x0, DampedGaussNewton{});      // f gives residuals and their Jacobian: see LeastSquares
///
/// Every step first tries −(J'J)⁻¹J'r as it is, then shorter ones until the value falls by a tenth of what the
/// linearization says. It needs one factorization a step, knows no radius, and stalls where LevenbergMarquardt, the
/// better choice if in doubt, goes on. Bounds, criteria to end by, and everything else are as there. See
/// GaussNewtonStep for Jacobians without full rank.
struct DampedGaussNewton {
  LeastSquaresSolver solver = LeastSquaresSolver::cholesky;  ///< of the linearized problem
  double value_tolerance = 0;   ///< converged when predicted and actual fall are less, relative to the value
  double step_tolerance = 0;    ///< converged when a step is shorter, relative to |x|
  double cosine_tolerance = 0;  ///< converged when no column of J makes a smaller angle with r, by its cosine

  static constexpr bool needs_gradient = true;
  static constexpr bool handles_bounds = true;
  using Pieces = TrustRegionLeastSquares<GaussNewtonStep>;
  template <Point X, class M = Nothing>
  using State = Pieces::State<X, M>;

  /// It ends by its own criteria; at most 1000 iterations.
  [[nodiscard]] auto default_stopping() const { return MaxIterations{1000}; }
  [[nodiscard]] Pieces pieces() const {
    return {{}, solver, LeastSquaresScaling::none, 1, 0, value_tolerance, step_tolerance, cosine_tolerance};
  }

  template <class F, Start P, class M>
  requires LeastSquares<F, PointOf<P>>
  void init(const F& f, const P& start, State<PointOf<P>, M>& state) const { pieces().init(f, start, state); }
  template <class F, Point X, class M>
  requires LeastSquares<F, X>
  void step(const F& f, State<X, M>& state) const { pieces().step(f, state); }
};

}  // namespace mesaopt
