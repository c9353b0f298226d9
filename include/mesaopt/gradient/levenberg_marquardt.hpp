#pragma once

#include <mesaopt/core/search.hpp>
#include <mesaopt/gradient/damped_step.hpp>
#include <mesaopt/gradient/trust_region_least_squares.hpp>

namespace mesaopt {

/// The method of Levenberg and Marquardt: the first choice for sums of squares, of up to some hundred variables.
///
///     minimize(f, x0, LevenbergMarquardt{});      // f gives residuals and their Jacobian: see LeastSquares
///
/// A step is the minimum of the linearized sum of squares within a trust radius, (J'J + λD²) p = −J'r, where λ >= 0 is
/// found such that |Dp| is the radius; the radius follows how well the linearization predicted. One evaluation a step
/// with the Jacobian while steps succeed, values alone after one that failed. Where values differ by rounding only, the
/// gradient decides, so that it goes on to the last digits. It ends as `converged` when residuals are orthogonal to the
/// Jacobian's columns to rounding, or by the tolerances below. Where f has bounds (see `within`), the start must lie in
/// them, every step is the minimum within them, and a column counts whose coordinate can still move. A state is a Prior
/// that hands on radius and λ. A step allocates nothing. Moré (1978), "The Levenberg-Marquardt algorithm:
/// implementation and theory", whose λ and radius these are, with other constants; Transtrum & Sethna (2012),
/// "Improvements to the Levenberg-Marquardt algorithm for nonlinear least-squares minimization", for the acceleration.
struct LevenbergMarquardt {
  LeastSquaresSolver solver = LeastSquaresSolver::cholesky;  ///< of the linearized problem
  LeastSquaresScaling scaling = LeastSquaresScaling::none;   ///< D: in which units steps are measured
  double first_radius = 0.2;    ///< trust radius at the start, relative to |Dx| (to 1 where that is 0), more than 0
  double acceleration = 0;      ///< most that a step is bent along the residuals' second derivative, relative to its
                                ///< length; 0: not at all, else 0.75 is usual; costs an evaluation a step
  double value_tolerance = 0;   ///< converged when predicted and actual fall are less, relative to the value
  double step_tolerance = 0;    ///< converged when a step is shorter, relative to |Dx|
  double cosine_tolerance = 0;  ///< converged when no column of J makes a smaller angle with r, by its cosine

  static constexpr bool needs_gradient = true;
  static constexpr bool handles_bounds = true;
  using Pieces = TrustRegionLeastSquares<DampedStep>;
  template <Point X, class M = Nothing>
  using State = Pieces::State<X, M>;

  /// It ends by its own criteria; at most 1000 iterations.
  [[nodiscard]] auto default_stopping() const { return MaxIterations{1000}; }
  [[nodiscard]] Pieces pieces() const {
    return {{}, solver, scaling, first_radius, acceleration, value_tolerance, step_tolerance, cosine_tolerance};
  }

  template <class F, Start P, class M>
  requires LeastSquares<F, PointOf<P>>
  void init(const F& f, const P& start, State<PointOf<P>, M>& state) const { pieces().init(f, start, state); }
  template <class F, Point X, class M>
  requires LeastSquares<F, X>
  void step(const F& f, State<X, M>& state) const { pieces().step(f, state); }
};

}  // namespace mesaopt
