#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <tuple>
#include <utility>
#include <vector>

#include <Eigen/Cholesky>
#include <Eigen/Core>

#include <mesaopt/core/calls.hpp>
#include <mesaopt/core/evaluation.hpp>
#include <mesaopt/core/objective.hpp>
#include <mesaopt/core/optimizer.hpp>
#include <mesaopt/core/point.hpp>
#include <mesaopt/core/prior.hpp>
#include <mesaopt/core/status.hpp>
#include <mesaopt/core/stopping.hpp>
#include <mesaopt/direct/bobyqa_state.hpp>
#include <mesaopt/direct/bounded_step.hpp>
#include <mesaopt/direct/geometry_step.hpp>
#include <mesaopt/direct/quadratic_interpolation.hpp>
#include <mesaopt/objective/box.hpp>

namespace mesaopt {

/// Powell's BOBYQA: minimizes, in a trust region, a quadratic model that interpolates f at 2n + 1 points.
///
///     auto solution = minimize(f, x0, Bobyqa{.radius = 0.5});
///
/// The first choice for smooth functions without gradients, of 2 to some 100 variables: a fraction of the evaluations
/// of Nelder and Mead. Each step replaces one of the points, and lets the Hessian of the model change as little as the
/// new value allows; steps that only place the points better come between. The trust region never gets smaller than a
/// resolution, which falls from `radius` to `tolerance` as the model has no more to offer at each. Bounds of the
/// objective are kept, at the first points too; a variable whose box is narrower than two radii is measured in a
/// smaller unit, one with equal bounds stays where it is. A point whose value is NaN or infinite is rejected, and the
/// region, or the resolution, becomes smaller; at the start it is a `bad_start`.
///
/// Takes from a prior that knows a covariance, or an inverse Hessian, the correlations of the curvature, which 2n + 1
/// points do not tell. A step costs O(n²) operations, and allocates nothing.
///
/// Ends as `converged` at the last resolution, which is `tolerance` times max(1, |x|); as `stalled` when points can be
/// told apart no more.
///
/// Powell (2009), "The BOBYQA algorithm for bound constrained optimization without derivatives". In place of its RESCUE
/// new points are put around the best one when rounding has spoilt the model.
struct Bobyqa {
  double radius = 0;  ///< of the first trust region, some tenth of the way to go; 0: 0.1 max(1, |x|) in the maximum
                      ///< norm, or the length scale of the covariance of a prior
  double tolerance = 1e-8;  ///< of the last one, times max(1, |x|)
  Eigen::Index points = 0;  ///< interpolated, n + 2 to (n + 1)(n + 2) / 2; 0: 2n + 1

  static constexpr bool handles_bounds = true;
  template <Point X, class M = Nothing>
  using State = BobyqaState<X, M>;

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
    state.free.clear();
    if constexpr (Bounded<F, X>) {
      const auto& box = f.box();
      check_box<X>(box, state.x);
      for (Eigen::Index i = 0; i < state.x.size(); ++i)
        if (box.lower[i] < box.upper[i]) state.free.push_back(i);
    } else {
      for (Eigen::Index i = 0; i < state.x.size(); ++i) state.free.push_back(i);
    }
    const Eigen::Index n = Eigen::Index(state.free.size());
    const Eigen::Index count = points == 0 || n == 0 ? 2 * n + 1 : points;
    if (n > 0 && (count < n + 2 || count > (n + 1) * (n + 2) / 2)) {
      // One variable has room for three points, which are then all that its model needs.
      if (!(n == 1 && points == 0))
        detail::refuse("Bobyqa::points", double(points), "it must be n + 2 to (n + 1)(n + 2) / 2, or 0 for 2n + 1");
    }

    state.rho = S(first_radius(start));
    state.scales.setOnes(n);
    if constexpr (Bounded<F, X>) {
      const auto& box = f.box();
      for (Eigen::Index j = 0; j < n; ++j) {
        const Eigen::Index i = state.free[std::size_t(j)];
        state.scales[j] = std::min(S(1), (box.upper[i] - box.lower[i]) / (2 * state.rho));
      }
    }
    if (n > 0)
      state.model.resize(n, count);
    else
      state.model = {};
    state.make_scratch();
    take_curvature(start, state);
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
    state.make_scratch();
    if (state.known < state.model.m()) {
      evaluate_first(f, state);
      return;
    }
    const auto delta = state.delta;
    if (delta * delta <= ScalarOf<X>(1e-3) * state.model.points.col(state.model.best).squaredNorm()) {
      state.model.shift_base();
      state.base = state.x;
      bound(f, state);
    }
    if (state.far >= 0)
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

  template <Point X>
  static void check_box(const Box<X>& box, const X& x) {
    box.check();
    box.check_inside(x, "start");
  }
  template <Point X, class B>
  static void check_box(const B& box, const X& x) {
    check_box<X>(Box<X>{box.lower, box.upper}, x);
  }

  /// The correlations of the Hessian that a prior knows.
  template <Start P, class T>
  static void take_curvature(const P& start, T& state) {
    state.correlations.resize(0, 0);
    if constexpr (HasCovariance<P> || HasInverseHessian<P>) {
      using Matrix = std::remove_cvref_t<decltype(state.correlations)>;
      Matrix inverse;
      if constexpr (HasInverseHessian<P>)
        inverse = detail::inverse_hessian_of(start);
      else
        inverse = detail::covariance_of(start);
      const Eigen::Index n = inverse.rows();
      if (n != state.x.size() || !inverse.allFinite()) return;
      const Eigen::LLT<Matrix> cholesky(inverse);
      if (cholesky.info() != Eigen::Success) return;
      const Matrix curvature = cholesky.solve(Matrix::Identity(n, n));
      if (!curvature.allFinite() || !(curvature.diagonal().minCoeff() > 0)) return;
      const auto count = Eigen::Index(state.free.size());
      state.correlations.resize(count, count);
      for (Eigen::Index b = 0; b < count; ++b)
        for (Eigen::Index a = 0; a < count; ++a) {
          const Eigen::Index i = state.free[std::size_t(a)], j = state.free[std::size_t(b)];
          state.correlations(a, b) = curvature(i, j) / std::sqrt(curvature(i, i) * curvature(j, j));
        }
    }
  }

  /// The bounds as displacements from the base.
  template <class F, Point X, class M>
  static void bound(const F& f, State<X, M>& state) {
    using S = ScalarOf<X>;
    for (Eigen::Index j = 0; j < state.scales.size(); ++j) {
      state.lower[j] = -std::numeric_limits<S>::infinity();
      state.upper[j] = std::numeric_limits<S>::infinity();
      if constexpr (Bounded<F, X>) {
        const auto& box = f.box();
        const Eigen::Index i = state.free[std::size_t(j)];
        state.lower[j] = (box.lower[i] - state.base[i]) / state.scales[j];
        state.upper[j] = (box.upper[i] - state.base[i]) / state.scales[j];
      }
    }
  }

  /// Evaluates f at a displacement from the base, `state.place`, and keeps the point if it is the best.
  template <class F, Point X, class M>
  static Answer evaluate(const F& f, State<X, M>& state, ScalarOf<X>& value) {
    state.trial = state.base;
    for (Eigen::Index j = 0; j < state.scales.size(); ++j) {
      const Eigen::Index i = state.free[std::size_t(j)];
      state.trial[i] += state.scales[j] * state.place[j];
      if constexpr (Bounded<F, X>) {
        const auto& box = f.box();
        if (state.place[j] <= state.lower[j] || state.trial[i] < box.lower[i]) state.trial[i] = box.lower[i];
        if (state.place[j] >= state.upper[j] || state.trial[i] > box.upper[i]) state.trial[i] = box.upper[i];
      }
    }
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
    state.base = state.x;
    bound(f, state);
    state.delta = state.rho;
    state.errors.fill(0);
    state.known = 1;
    state.tries = 0;
    state.far = -1;
    state.since = 0;
    state.least_better = 0;
    if (state.model.m() == 0) return;
    state.model.points.setZero();
    state.model.values[0] = state.value;
    state.model.best = 0;
  }

  /// A corner, of those that come after the points on the axes, is the sum of steps along these two axes.
  static std::pair<Eigen::Index, Eigen::Index> axes(Eigen::Index k, Eigen::Index n) {
    const Eigen::Index e = k - 2 * n - 1, p = e % n;
    return {p, (p + e / n + 1) % n};
  }

  /// Where the point of number `known` is to be: 0 if there is no room.
  template <Point X, class M>
  static void choose(State<X, M>& state) {
    using S = ScalarOf<X>;
    auto& model = state.model;
    const Eigen::Index n = model.n(), k = state.known;
    state.place.setZero();
    if (k > 2 * n) {
      const auto [p, q] = axes(k, n);
      for (const Eigen::Index i : {p, q}) {
        const Eigen::Index one = 1 + i, two = 1 + n + i;
        state.place[i] = model.points(i, model.values[two] < model.values[one] ? two : one);
      }
      return;
    }
    // After a failure on the other side, at half the distance.
    const Eigen::Index i = (k - 1) % n;
    const S above = state.upper[i], below = -state.lower[i];
    S distance = 0;
    if (k <= n) {
      const S r = state.rho;
      distance = above >= std::min(r, below) ? std::min(r, above) : -std::min(r, below);
    } else {
      const S first = model.points(i, 1 + i), size = std::abs(first), room = first > 0 ? below : above;
      distance = room >= size / 2 ? -std::copysign(std::min(size, room), first)
                                  : std::copysign(std::min(2 * size, first > 0 ? above : below), first);
    }
    distance *= std::pow(S(-0.5), S(state.tries));
    distance = std::clamp(distance, -below, above);
    if (k > n && distance == model.points(i, 1 + i)) distance /= 2;
    state.place[i] = distance;
  }

  template <class F, Point X, class M>
  void evaluate_first(const F& f, State<X, M>& state) const {
    using S = ScalarOf<X>;
    auto& model = state.model;
    const Eigen::Index n = model.n();
    constexpr int most_tries = 40;
    while (state.known < model.m()) {
      const Eigen::Index k = state.known;
      choose(state);
      S value = 0;
      const S before = state.value;
      const bool corner = k > 2 * n;
      const bool room = state.place.squaredNorm() > 0;
      const Answer answer = room ? evaluate(f, state, value) : Answer::failed;
      if (answer == Answer::spent) return;
      if (answer == Answer::failed && !corner) {
        if (++state.tries > most_tries) {
          state.status = Status::stalled;
          return;
        }
        continue;
      }
      if (answer == Answer::failed) {
        // It teaches nothing: the model shall not bend between these axes.
        const auto [p, q] = axes(k, n);
        for (const Eigen::Index i : {p, q})
          value += model.values[model.points(i, 1 + i) == state.place[i] ? 1 + i : 1 + n + i];
        value -= model.values[0];
      } else if (value < before) {
        model.best = k;
      }
      model.points.col(k) = state.place;
      model.values[k] = value;
      state.tries = 0;
      ++state.known;
    }
    const Eigen::Index best = model.best;
    model.begin([n](Eigen::Index k) { return axes(k, n); });
    correlate(state);
    state.place = model.points.col(best);
    model.recenter(best, state.place);
  }

  /// Gives the Hessian, of which only the diagonal has been measured, the correlations that are known.
  template <Point X, class M>
  static void correlate(State<X, M>& state) {
    auto& H = state.model.hessian;
    if (state.correlations.rows() != H.rows()) return;
    for (Eigen::Index j = 0; j < H.cols(); ++j)
      for (Eigen::Index i = 0; i < j; ++i)
        if (H(i, j) == 0 && H(i, i) > 0 && H(j, j) > 0)
          H(i, j) = H(j, i) = state.correlations(i, j) * std::sqrt(H(i, i) * H(j, j));
  }

  /// Which point the trial, `step` from the best, had better replace: large denominators are wanted, and points that
  /// are far from where the next steps start. −1 if rounding has spoilt all of them.
  template <Point X, class M>
  static Eigen::Index replaced(const State<X, M>& state, bool better) {
    using S = ScalarOf<X>;
    const auto& model = state.model;
    S highest = 0, largest = 0;
    Eigen::Index chosen = -1;
    for (Eigen::Index k = 0; k < model.m(); ++k) {
      if (k == model.best && !better) continue;
      S square = 0;
      for (Eigen::Index i = 0; i < model.n(); ++i) {
        const S d = model.points(i, k) - model.points(i, model.best) - (better ? state.displacement[i] : S(0));
        square += d * d;
      }
      const S far = square / (state.delta * state.delta), weight = std::max(S(1), far * far);
      const S now = weight * model.denominator(k);
      if (now > highest) highest = now, chosen = k;
      largest = std::max(largest, weight * model.lagrange[k] * model.lagrange[k]);
    }
    return highest > largest / 2 ? chosen : -1;
  }

  /// Finds the step of the model in the trust region, and readies the replacement of a point by its end unless it is
  /// short. Answers its length.
  template <Point X, class M>
  static ScalarOf<X> propose(State<X, M>& state) {
    state.bounded.solve(state.model, state.lower, state.upper, state.delta);
    state.displacement = state.bounded.step;
    const auto length = std::min(state.delta, state.displacement.norm());
    if (length >= state.rho / 2) ready(state);
    return length;
  }
  /// Finds the step to where the point that is too far away should rather be.
  template <Point X, class M>
  static void propose_place(State<X, M>& state) {
    auto& model = state.model;
    state.displacement = model.points.col(state.far) - model.points.col(model.best);
    const auto tenth = state.displacement.norm() / 10;
    state.geometry.solve(model, state.far, state.lower, state.upper, std::max(std::min(tenth, state.delta), state.rho));
    state.displacement = state.geometry.line;
    ready(state);
    if (model.denominator(state.far) < state.geometry.cauchy_square) {
      state.displacement = state.geometry.cauchy;
      ready(state);
    }
  }
  template <Point X, class M>
  static void ready(State<X, M>& state) {
    state.model.prepare(state.displacement);
    state.predicted = state.model.change(state.displacement);
    state.place = state.model.points.col(state.model.best) + state.displacement;
  }

  template <class F, Point X, class M>
  void move(const F& f, State<X, M>& state) const {
    using S = ScalarOf<X>;
    auto& model = state.model;
    const S length = propose(state), predicted = state.predicted;
    if (!(length >= state.rho / 2)) {
      if (state.since > 2 && settled(state))
        finer(f, state, true);
      else if (!seek_far(state, 10 * state.rho, true))
        finer(f, state, true);
      return;
    }
    Eigen::Index t = replaced(state, false);
    if (t < 0 || !(predicted < 0)) {
      rebuild(f, state);
      return;
    }
    const S before = model.values[model.best];
    S value = 0;
    const Answer answer = evaluate(f, state, value);
    if (answer == Answer::spent) return;
    if (answer == Answer::failed) {
      state.delta = length / 2;
      if (state.delta > S(1.5) * state.rho) return;
      state.delta = state.rho;
      if (length <= S(1.5) * state.rho) finer(f, state, false);
      return;
    }
    const S error = value - before - predicted, ratio = (value - before) / predicted;
    remember(state, error);
    if (length > state.rho) state.since = 0;
    if (ratio <= S(0.1))
      state.delta = std::min(state.delta / 2, length);
    else if (ratio <= S(0.7))
      state.delta = std::max(state.delta / 2, length);
    else
      state.delta = std::max(state.delta / 2, 2 * length);
    settle_radius(state);
    if (value < before) {
      const Eigen::Index again = replaced(state, true);
      if (again >= 0) t = again;
    }
    adopt(state, t, value, error, before);
    consider_least(state);
    if (value <= before + predicted / 10) return;
    if (seek_far(state, std::max(2 * state.delta, 10 * state.rho), false)) return;
    if (!(ratio > 0) && std::max(state.delta, length) <= state.rho) finer(f, state, false);
  }

  /// Moves a point that is too far away to where its Lagrange function is large.
  template <class F, Point X, class M>
  void place(const F& f, State<X, M>& state) const {
    using S = ScalarOf<X>;
    auto& model = state.model;
    const Eigen::Index t = state.far;
    propose_place(state);
    if (!(model.denominator(t) > model.lagrange[t] * model.lagrange[t] / 2)) {
      rebuild(f, state);
      return;
    }
    const S before = model.values[model.best], predicted = state.predicted;
    S value = 0;
    const Answer answer = evaluate(f, state, value);
    if (answer == Answer::spent) return;
    state.far = -1;
    if (answer == Answer::failed) {
      finer(f, state, false);
      return;
    }
    remember(state, value - before - predicted);
    adopt(state, t, value, value - before - predicted, before);
  }

  template <Point X, class M>
  static void adopt(State<X, M>& state, Eigen::Index t, ScalarOf<X> value, ScalarOf<X> error, ScalarOf<X> before) {
    state.model.replace(t, state.displacement, value, error);
    if (value < before) state.model.recenter(t, state.displacement);
  }
  template <Point X, class M>
  static void remember(State<X, M>& state, ScalarOf<X> error) {
    state.errors = {std::abs(error), state.errors[0], state.errors[1]};
    ++state.since;
  }
  template <Point X, class M>
  static void settle_radius(State<X, M>& state) {
    if (state.delta <= ScalarOf<X>(1.5) * state.rho) state.delta = state.rho;
  }

  /// Takes the model with the least Hessian of all that interpolate where its projected gradient was ten times less,
  /// in the norm's square, three times in a row.
  template <Point X, class M>
  static void consider_least(State<X, M>& state) {
    using S = ScalarOf<X>;
    auto& model = state.model;
    auto& least = state.place;
    model.least_model(least);
    const auto at = model.points.col(model.best);
    S present = 0, other = 0;
    for (Eigen::Index i = 0; i < model.n(); ++i) {
      const auto downhill = [&](S slope) {
        return at[i] <= state.lower[i]   ? std::min(S(0), slope)
               : at[i] >= state.upper[i] ? std::max(S(0), slope)
                                         : slope;
      };
      present += downhill(model.gradient[i]) * downhill(model.gradient[i]);
      other += downhill(least[i]) * downhill(least[i]);
    }
    if (present < 10 * other) {
      state.least_better = 0;
    } else if (++state.least_better >= 3) {
      model.take_least(least);
      state.least_better = 0;
    }
  }

  /// True if the errors of the model's last predictions are so small that a short step of it may be believed.
  template <Point X, class M>
  static bool settled(const State<X, M>& state) {
    using S = ScalarOf<X>;
    const auto& model = state.model;
    const S worst = *std::max_element(state.errors.begin(), state.errors.end()), rho = state.rho;
    const S curvature = state.bounded.curvature;
    if (curvature > 0 && worst > rho * rho / 8 * curvature) return false;
    const S slope_error = worst / rho;
    const auto at = model.points.col(model.best);
    for (Eigen::Index i = 0; i < model.n(); ++i) {
      const S end = at[i] + state.displacement[i], slope = state.bounded.gradient[i];
      S rise = slope_error;
      if (end <= state.lower[i]) rise = slope;
      if (end >= state.upper[i]) rise = -slope;
      if (rise >= slope_error) continue;
      S bend = model.hessian(i, i);
      for (Eigen::Index k = 0; k < model.m(); ++k) bend += model.weights[k] * model.points(i, k) * model.points(i, k);
      if (rise + bend * rho / 2 < slope_error) return false;
    }
    return true;
  }

  /// True if a point is farther than that from the best: the next step moves the farthest one.
  template <Point X, class M>
  static bool seek_far(State<X, M>& state, ScalarOf<X> distance, bool after_short_step) {
    using S = ScalarOf<X>;
    const auto& model = state.model;
    S most = distance * distance;
    for (Eigen::Index k = 0; k < model.m(); ++k) {
      S square = 0;
      for (Eigen::Index i = 0; i < model.n(); ++i)
        square +=
            (model.points(i, k) - model.points(i, model.best)) * (model.points(i, k) - model.points(i, model.best));
      if (square > most) most = square, state.far = k;
    }
    if (state.far < 0) return false;
    if (after_short_step) {
      state.delta = std::min(state.delta / 10, std::sqrt(most) / 2);
      settle_radius(state);
    }
    return true;
  }

  /// Makes the resolution finer, or ends at the last one: with the short step of the model, if it proposed one.
  template <class F, Point X, class M>
  void finer(const F& f, State<X, M>& state, bool short_step) const {
    using S = ScalarOf<X>;
    const S end = last(state);
    if (state.rho > end) {
      const S ratio = state.rho / end;
      state.delta = state.rho / 2;
      state.rho = ratio <= 16 ? end : ratio <= 250 ? std::sqrt(ratio) * end : state.rho / 10;
      state.delta = std::max(state.delta, state.rho);
      state.since = 0;
      return;
    }
    if (short_step && state.displacement.squaredNorm() > 0) {
      S value = 0;
      state.place = state.model.points.col(state.model.best) + state.displacement;
      if (evaluate(f, state, value) == Answer::spent) return;
    }
    state.status = Status::converged;
  }

  /// Puts all points anew around the best one.
  template <class F, Point X, class M>
  void rebuild(const F& f, State<X, M>& state) const {
    if (!(state.value < state.rebuilt)) {
      // The last time has not helped.
      if (state.rho <= last(state)) {
        state.status = Status::stalled;
        return;
      }
      state.rho = std::max(last(state), state.rho / 10);
    }
    state.rebuilt = state.value;
    begin_points(f, state);
  }
};

}  // namespace mesaopt
