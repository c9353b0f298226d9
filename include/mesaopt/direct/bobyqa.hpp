#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <tuple>

#include <Eigen/Core>
#include <Eigen/Eigenvalues>

#include <mesaopt/core/calls.hpp>
#include <mesaopt/core/evaluation.hpp>
#include <mesaopt/core/objective.hpp>
#include <mesaopt/core/optimizer.hpp>
#include <mesaopt/core/point.hpp>
#include <mesaopt/core/prior.hpp>
#include <mesaopt/core/status.hpp>
#include <mesaopt/core/stopping.hpp>
#include <mesaopt/direct/displacements.hpp>
#include <mesaopt/direct/first_points.hpp>
#include <mesaopt/direct/model_region.hpp>

namespace mesaopt {

/// Powell's BOBYQA: minimizes, in a trust region, a quadratic model that interpolates f at 2n + 1 points.
///
///     auto solution = minimize(f, x0, Bobyqa{.radius = 0.5});
///
/// The first choice for smooth functions without gradients, of 2 to some 100 variables: it mostly takes fewer
/// evaluations than Nelder and Mead, and far fewer where f is nearly quadratic. Each step replaces one of the points,
/// and lets the Hessian of the model change as little as the new value allows; steps that only place the points better
/// come between. The trust region never gets smaller than a resolution, which falls from `radius` to `tolerance` as the
/// model has no more to offer at each. Bounds of the objective are kept, at the first points too; a variable whose box
/// is narrower than two radii is measured in a smaller unit, one with equal bounds stays where it is. A point whose
/// value is NaN or infinite is rejected, and the region, or the resolution, becomes smaller; at the start it is a
/// `bad_start`.
///
/// Takes from a prior that knows a covariance, or an inverse Hessian, the correlations of the curvature, which 2n + 1
/// points do not tell. A step costs O(n²) operations, and as many more for each of the few conjugate gradients that it
/// takes, and allocates nothing.
///
/// Ends as `converged` at the last resolution, which is `tolerance` times max(1, |x|); as `stalled` when rounding
/// spoils every model, or f has no value near the start but there.
///
/// Powell (2009), "The BOBYQA algorithm for bound constrained optimization without derivatives". In place of its RESCUE
/// new points are put around the best one when rounding has spoilt the model.
struct Bobyqa {
  double radius = 0;  ///< of the first trust region, some tenth of the way to go; 0: 0.1 max(1, |x|) in the maximum
                      ///< norm, or the length scale of the covariance of a prior
  double tolerance = 1e-8;  ///< of the last one, times max(1, |x|)
  Eigen::Index points = 0;  ///< interpolated, n + 2 to (n + 1)(n + 2) / 2; 0: 2n + 1

  static constexpr bool handles_bounds = true;

  /// The points, the model through them, and the best point, which is one of them.
  template <Point X, class M = Nothing>
  struct State {
    using S = ScalarOf<X>;
    static constexpr bool monotone = true;

    X x{};                                          ///< the best point
    S value = std::numeric_limits<S>::quiet_NaN();  ///< its value
    Evaluation<S> evaluation{};                     ///< its evaluation
    Status status = Status::running;                ///< why no more can be done
    Calls<X, M> calls{};                            ///< the way to the objective

    detail::Displacements<X> from{};  ///< how points are displacements
    detail::ModelRegion<S> region{};  ///< the model of f in displacements, and its trust region
    detail::FirstPoints<S> first{};   ///< the points with which the model begins
    S rebuilt = 0;                    ///< the value when points were last put anew

    X trial{};  ///< scratch

    static constexpr auto fields() {
      using T = State;
      return std::tuple{&T::x,    &T::value,  &T::evaluation, &T::status, &T::calls,
                        &T::from, &T::region, &T::first,      &T::rebuilt};
    }

    /// The inverse of the model's Hessian, n × n: of its absolute value, should it not be positive definite, with
    /// eigenvalues of at least 1e-10 of the largest. Empty as long as there is no model, or where bounds hold a
    /// variable fixed.
    [[nodiscard]] MatrixOf<X> inverse_hessian() const {
      const Eigen::VectorX<S>& scales = from.scales;
      const Eigen::Index n = scales.size();
      const auto& model = region.model;
      if (n != x.size() || first.known == 0 || first.known < model.m()) return MatrixOf<X>();
      Eigen::MatrixX<S> H = model.hessian;
      H.noalias() += model.points * model.weights.asDiagonal() * model.points.transpose();
      H = scales.cwiseInverse().asDiagonal() * H * scales.cwiseInverse().asDiagonal();
      const Eigen::SelfAdjointEigenSolver<Eigen::MatrixX<S>> eigen(H);
      Eigen::VectorX<S> spectrum = eigen.eigenvalues().cwiseAbs();
      spectrum = spectrum.cwiseMax(S(1e-10) * spectrum.maxCoeff()).cwiseInverse();
      return eigen.eigenvectors() * spectrum.asDiagonal() * eigen.eigenvectors().transpose();
    }
  };

  /// 100 000 evaluations, besides what ends the run by itself.
  [[nodiscard]] MaxEvaluations default_stopping() const { return {100'000}; }

  /// Throws std::invalid_argument for a setting out of its range.
  void check() const {
    if (!(radius >= 0) || !std::isfinite(radius))
      detail::refuse("Bobyqa::radius", radius, "it must be positive and finite, or 0 for a tenth of |x|");
    if (!(tolerance > 0) || !std::isfinite(tolerance))
      detail::refuse("Bobyqa::tolerance", tolerance, "it must be positive and finite");
    if (radius > 0 && tolerance > radius)
      detail::refuse("Bobyqa::tolerance", tolerance, "it must not be larger than the radius");
    if (points < 0) detail::refuse("Bobyqa::points", double(points), "it must be positive, or 0 for 2n + 1");
  }

  /// Evaluates the start. Throws std::invalid_argument for a setting out of its range, or a start that is empty, not
  /// finite, or not in the box of f.
  template <class F, Start P, class M>
  requires Objective<F, PointOf<P>>
  void init(const F& f, const P& start, State<PointOf<P>, M>& state) const {
    using X = PointOf<P>;
    using S = ScalarOf<X>;
    check();
    detail::check_start(start);
    state.x = detail::start_point(start);
    const S r = S(first_radius(detail::knowledge_of(start)));
    const Eigen::Index n = state.from.begin(f, state.x, r), count = n == 0 ? 1 : points == 0 ? 2 * n + 1 : points;
    if (n > 0 && (count < n + 2 || count > (n + 1) * (n + 2) / 2))
      detail::refuse("Bobyqa::points", double(points), "it must be n + 2 to (n + 1)(n + 2) / 2, or 0 for 2n + 1");
    state.region.resize(n, std::max(count, n + 1));
    state.region.rho = r;
    state.first.take_curvature(detail::knowledge_of(start), state.from.free);
    state.rebuilt = std::numeric_limits<S>::infinity();
    state.status = Status::running;
    state.calls.begin(start);
    state.evaluation = state.calls.value(f, state.x);
    state.value = state.evaluation.value;
    if (!state.evaluation.usable()) {
      state.status = Status::bad_start;
      return;
    }
    state.calls.accept();
    if (n == 0) state.status = Status::converged;
    begin_points(f, state);
  }

  /// One move in the trust region, or of a point to a better place: one evaluation at most. The first step evaluates
  /// the first points. Where the evaluation limit or an exception cuts it short, the next one goes on from there.
  template <class F, Point X, class M>
  void step(const F& f, State<X, M>& state) const {
    if (state.status != Status::running) return;
    auto& region = state.region;
    region.make_scratch();
    if (state.first.known < region.model.m()) {
      evaluate_first(f, state);
      return;
    }
    if (region.delta * region.delta <= ScalarOf<X>(1e-3) * region.model.points.col(region.model.best).squaredNorm()) {
      region.model.shift_base();
      state.from.base = state.x;
      state.from.bound(f, state.region.lower, state.region.upper);
    }
    if (region.far >= 0)
      place(f, state);
    else
      move(f, state);
  }

 private:
  enum class Answer { spent, failed, usable };

  template <Start P>
  [[nodiscard]] double first_radius(const P& start) const {
    if (radius > 0) return radius;
    if constexpr (HasCovariance<P>) {
      const auto& covariance = detail::covariance_of(start);
      const double length = double(start.step_size) * std::sqrt(double(covariance.trace()) / double(covariance.rows()));
      if (std::isfinite(length) && length > tolerance) return length;
    }
    const double size = double(detail::start_point(start).template lpNorm<Eigen::Infinity>());
    return std::max(tolerance, 0.1 * std::max(1.0, size));
  }
  /// The last resolution: `tolerance`, as far as floating point can tell points apart.
  template <Point X, class M>
  [[nodiscard]] ScalarOf<X> last(const State<X, M>& state) const {
    using S = ScalarOf<X>;
    const S size = std::max(S(1), state.x.template lpNorm<Eigen::Infinity>());
    return std::max(S(tolerance), 8 * std::numeric_limits<S>::epsilon()) * size;
  }

  /// Evaluates f at a displacement from the base, `region.place`, and keeps the point if it is the best.
  template <class F, Point X, class M>
  static Answer evaluate(const F& f, State<X, M>& state, ScalarOf<X>& value) {
    state.from.point(f, state.region.place, state.region.lower, state.region.upper, state.trial);
    const auto now = state.calls.value(f, state.trial);
    if (now.reason == Reason::budget_spent) return Answer::spent;
    if (!now.usable()) return Answer::failed;
    value = now.value;
    if (now.value < state.value) {
      state.x = state.trial;
      state.value = now.value;
      state.evaluation = now;
      state.calls.accept();
    }
    return Answer::usable;
  }

  /// Puts the base at the best point: all others are to be chosen around it.
  template <class F, Point X, class M>
  static void begin_points(const F& f, State<X, M>& state) {
    state.from.base = state.x;
    state.from.bound(f, state.region.lower, state.region.upper);
    state.region.begin(state.value);
    state.first.known = 1;
    state.first.tries = 0;
  }

  template <class F, Point X, class M>
  static void evaluate_first(const F& f, State<X, M>& state) {
    while (state.first.known < state.region.model.m()) {
      const ScalarOf<X> before = state.value;
      ScalarOf<X> value = 0;
      const Answer answer = state.first.choose(state.region) ? evaluate(f, state, value) : Answer::failed;
      if (answer == Answer::spent) return;
      if (answer == Answer::usable) {
        state.first.take(state.region, value, value < before);
      } else if (!state.first.fail(state.region)) {
        state.status = Status::stalled;
        return;
      }
    }
    state.first.finish(state.region);
  }

  template <class F, Point X, class M>
  void move(const F& f, State<X, M>& state) const {
    using S = ScalarOf<X>;
    auto& region = state.region;
    const S length = region.propose();
    if (!(length >= region.rho / 2)) {
      const bool believed = region.since > 2 && region.settled();
      if (believed || !region.seek_far(10 * region.rho, true)) finer(f, state, true);
      return;
    }
    const Eigen::Index t = region.replaced(false);
    const S predicted = region.predicted, before = state.value;
    if (t < 0 || !(predicted < 0)) {
      rebuild(f, state);
      return;
    }
    S value = 0;
    const Answer answer = evaluate(f, state, value);
    if (answer == Answer::spent) return;
    if (answer == Answer::failed) {
      if (!region.retreat(length)) finer(f, state, false);
      return;
    }
    const S ratio = region.take_move(t, length, value);
    if (value <= before + predicted / 10) return;
    if (region.seek_far(std::max(2 * region.delta, 10 * region.rho), false)) return;
    if (!(ratio > 0) && std::max(region.delta, length) <= region.rho) finer(f, state, false);
  }

  /// Moves the point that is too far away to where its Lagrange function is large.
  template <class F, Point X, class M>
  void place(const F& f, State<X, M>& state) const {
    if (!state.region.propose_place()) {
      rebuild(f, state);
      return;
    }
    ScalarOf<X> value = 0;
    const Answer answer = evaluate(f, state, value);
    if (answer == Answer::usable) state.region.take_place(value);
    if (answer != Answer::failed) return;
    state.region.far = -1;
    finer(f, state, false);
  }

  /// Makes the resolution finer, or ends at the last one: with the short step of the model, if it proposed one.
  template <class F, Point X, class M>
  void finer(const F& f, State<X, M>& state, bool short_step) const {
    auto& region = state.region;
    if (region.refine(last(state))) return;
    if (short_step && region.step.squaredNorm() > 0) {
      ScalarOf<X> value = 0;
      region.place = region.model.points.col(region.model.best) + region.step;
      if (evaluate(f, state, value) == Answer::spent) return;
    }
    state.status = Status::converged;
  }

  /// Puts all points anew around the best one.
  template <class F, Point X, class M>
  void rebuild(const F& f, State<X, M>& state) const {
    if (!(state.value < state.rebuilt) && !state.region.refine(last(state))) {
      state.status = Status::stalled;  // the last time has not helped
      return;
    }
    state.rebuilt = state.value;
    begin_points(f, state);
  }
};

}  // namespace mesaopt
