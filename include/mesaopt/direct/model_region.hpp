#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <tuple>

#include <Eigen/Core>

#include <mesaopt/direct/bounded_step.hpp>
#include <mesaopt/direct/geometry_step.hpp>
#include <mesaopt/direct/quadratic_interpolation.hpp>

namespace mesaopt::detail {

/// The trust region of a model that interpolates: its radius, its resolution, and which point makes room for the next.
/// Everything is a displacement from the base of the model.
///
/// Powell (2009), "The BOBYQA algorithm for bound constrained optimization without derivatives", section 6, and Powell
/// (2006), "The NEWUOA software for unconstrained optimization without derivatives", sections 2 and 7.
template <class S>
struct ModelRegion {
  using Vector = Eigen::VectorX<S>;
  using Index = Eigen::Index;

  QuadraticInterpolation<S> model{};
  Vector lower{}, upper{};    ///< bounds
  S rho = 0;                  ///< the resolution: the radius is never less
  S delta = 0;                ///< the radius
  Index far = -1;             ///< the point that is to be put in a better place; −1: none
  std::array<S, 3> errors{};  ///< of the model's last predictions
  int since = 0;              ///< evaluations since a step was longer than rho, or rho changed
  int least_better = 0;       ///< how often in a row the model of least Hessian was flatter

  Vector step{}, place{};      ///< scratch: the step proposed, and where it leads
  S predicted = 0;             ///< scratch: by how much the model says that f changes by it
  BoundedStep<S> bounded{};    ///< scratch
  GeometryStep<S> geometry{};  ///< scratch

  static constexpr auto fields() {
    using T = ModelRegion;
    return std::tuple{&T::model, &T::lower,  &T::upper, &T::rho,         &T::delta,
                      &T::far,   &T::errors, &T::since, &T::least_better};
  }

  void resize(Index n, Index points) {
    model.resize(n, points);
    lower.setZero(n);
    upper.setZero(n);
    make_scratch();
  }
  void make_scratch() {
    model.make_scratch();
    const Index n = model.n();
    if (step.size() == n && bounded.step.size() == n) return;
    step.setZero(n);
    place.setZero(n);
    bounded.resize(n);
    geometry.resize(n);
  }

  /// Forgets all but the resolution and the bounds: points are to be chosen anew around one with this value.
  void begin(S value) {
    delta = rho;
    errors.fill(0);
    far = -1;
    since = least_better = 0;
    model.best = 0;
    model.points.setZero();
    model.values[0] = value;
  }

  /// Finds the step of the model in the trust region, and readies the replacement of a point by its end, unless it is
  /// short. Answers its length.
  S propose() {
    bounded.solve(model, lower, upper, delta);
    step = bounded.step;
    const S length = std::min(delta, step.norm());
    if (length >= rho / 2) ready();
    return length;
  }

  /// Finds and readies the step to where the point that is too far away had better be. False if rounding has spoilt it.
  bool propose_place() {
    step = model.points.col(far) - model.points.col(model.best);
    geometry.solve(model, far, lower, upper, std::max(std::min(step.norm() / 10, delta), rho));
    step = geometry.line;
    ready();
    if (model.denominator(far) < geometry.cauchy_square) {
      step = geometry.cauchy;
      ready();
    }
    return model.denominator(far) > model.lagrange[far] * model.lagrange[far] / 2;
  }

  /// Which point the end of the step had better replace: large denominators are wanted, and points far from where the
  /// next steps start, which is there if it is `better` than the best. −1 if rounding has spoilt all of them.
  [[nodiscard]] Index replaced(bool better) const {
    S highest = 0, largest = 0;
    Index chosen = -1;
    for (Index k = 0; k < model.m(); ++k) {
      if (k == model.best && !better) continue;
      S square = 0;
      for (Index i = 0; i < model.n(); ++i) {
        const S d = model.points(i, k) - model.points(i, model.best) - (better ? step[i] : S(0));
        square += d * d;
      }
      const S distance = square / (delta * delta), weight = std::max(S(1), distance * distance);
      const S now = weight * model.denominator(k);
      if (now > highest) highest = now, chosen = k;
      largest = std::max(largest, weight * model.lagrange[k] * model.lagrange[k]);
    }
    return highest > largest / 2 ? chosen : -1;
  }

  /// Takes the value at the end of the step: changes the radius by how well it was predicted, and puts the point in the
  /// place of t, or of one that is better to lose. Answers the change of f over the predicted one.
  S take_move(Index t, S length, S value) {
    const S before = model.values[model.best], ratio = (value - before) / predicted;
    remember(value - before - predicted);
    if (length > rho) since = 0;
    if (ratio <= S(0.1))
      delta = std::min(delta / 2, length);
    else
      delta = std::max(delta / 2, ratio <= S(0.7) ? length : 2 * length);
    settle_radius();
    if (value < before) {
      const Index again = replaced(true);
      if (again >= 0) t = again;
    }
    adopt(t, value, before);
    consider_least();
    return ratio;
  }
  /// Takes the value at the end of a step of `propose_place`.
  void take_place(S value) {
    const S before = model.values[model.best];
    remember(value - before - predicted);
    adopt(far, value, before);
    far = -1;
  }

  /// True if the last predictions were so exact that a short step may be believed.
  [[nodiscard]] bool settled() const {
    const S worst = *std::max_element(errors.begin(), errors.end());
    if (bounded.curvature > 0 && worst > rho * rho / 8 * bounded.curvature) return false;
    const S slope_error = worst / rho;
    for (Index i = 0; i < model.n(); ++i) {
      const S end = model.points(i, model.best) + step[i], slope = bounded.gradient[i];
      const S rise = end >= upper[i] ? -slope : end <= lower[i] ? slope : slope_error;
      if (rise >= slope_error) continue;
      S bend = model.hessian(i, i);
      for (Index k = 0; k < model.m(); ++k) bend += model.weights[k] * model.points(i, k) * model.points(i, k);
      if (rise + bend * rho / 2 < slope_error) return false;
    }
    return true;
  }

  /// True if a point is farther than that from the best: the farthest is noted in `far`. After a short step the region
  /// becomes smaller.
  bool seek_far(S distance, bool after_short_step) {
    S most = distance * distance;
    for (Index k = 0; k < model.m(); ++k) {
      S square = 0;
      for (Index i = 0; i < model.n(); ++i) {
        const S d = model.points(i, k) - model.points(i, model.best);
        square += d * d;
      }
      if (square > most) most = square, far = k;
    }
    if (far >= 0 && after_short_step) {
      delta = std::min(delta / 10, std::sqrt(most) / 2);
      settle_radius();
    }
    return far >= 0;
  }

  /// Makes the resolution finer, on its way to `end`. False if it is there.
  bool refine(S end) {
    if (!(rho > end)) return false;
    const S ratio = rho / end;
    delta = rho / 2;
    rho = ratio <= 16 ? end : ratio <= 250 ? std::sqrt(ratio) * end : rho / 10;
    delta = std::max(delta, rho);
    since = 0;
    return true;
  }

  /// Makes the radius smaller after a step of that length that led to no value. False if it is the least already.
  bool retreat(S length) {
    delta = length / 2;
    if (delta > S(1.5) * rho) return true;
    delta = rho;
    return length > S(1.5) * rho;
  }

 private:
  void ready() {
    model.prepare(step);
    predicted = model.change(step);
    place = model.points.col(model.best) + step;
  }
  void remember(S error) {
    errors = {std::abs(error), errors[0], errors[1]};
    ++since;
  }
  void settle_radius() {
    if (delta <= S(1.5) * rho) delta = rho;
  }
  void adopt(Index t, S value, S before) {
    model.replace(t, step, value, value - before - predicted);
    if (value < before) model.recenter(t, step);
  }

  /// Takes the model with the least Hessian of all that interpolate, where its projected gradient was the smaller one
  /// by a factor of ten, of the norm's square, three times in a row.
  void consider_least() {
    Vector& least = place;
    model.least_model(least);
    S present = 0, other = 0;
    for (Index i = 0; i < model.n(); ++i) {
      const S at = model.points(i, model.best);
      const auto downhill = [&](S slope) {
        return at <= lower[i] ? std::min(S(0), slope) : at >= upper[i] ? std::max(S(0), slope) : slope;
      };
      present += downhill(model.gradient[i]) * downhill(model.gradient[i]);
      other += downhill(least[i]) * downhill(least[i]);
    }
    if (present < 10 * other) {
      least_better = 0;
    } else if (++least_better >= 3) {
      model.take_least(least);
      least_better = 0;
    }
  }
};

}  // namespace mesaopt::detail
