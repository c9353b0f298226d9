#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/direct/quadratic_interpolation.hpp>

namespace mesaopt::detail {

/// A step that makes a quadratic model small inside a ball and a box: by conjugate gradients, which begin anew each
/// time that a variable meets its bound and is held there; and from where they meet the ball, along it, in planes of
/// the step and the steepest descent on the sphere.
///
/// Powell (2009), "The BOBYQA algorithm for bound constrained optimization without derivatives", section 3,
/// the turns along the ball by (3.6).
template <class S>
struct BoundedStep {
  using Vector = Eigen::VectorX<S>;
  using Index = Eigen::Index;

  Vector step{};      ///< what was found
  Vector gradient{};  ///< of the model at its end
  /// The least curvature that was met, if the step ends inside the ball, and 0 if on it; less than 0 if none was.
  S curvature = 0;

  std::vector<int> held{};                  ///< −1, 1: at the lower, upper bound; 0: free
  Vector direction{}, product{}, turned{};  ///< scratch

  void resize(Index n) {
    held.assign(std::size_t(n), 0);
    for (Vector* v : {&step, &gradient, &direction, &product, &turned}) v->setZero(n);
  }

  /// The step from x, in lower <= x <= upper, of a model with that gradient at x and `model.hessian_product(v, out)`,
  /// out = Hessian v. It leaves variables that it brings to a bound exactly there.
  void solve(QuadraticInterpolation<S>& model, const Vector& lower, const Vector& upper, S radius) {
    const Vector& slope = model.gradient;
    const auto x = model.points.col(model.best);
    const Index n = slope.size();
    if (step.size() != n) resize(n);
    step.setZero();
    gradient = slope;
    curvature = -1;
    gained_ = 0;
    left_ = radius * radius;
    for (Index i = 0; i < n; ++i)
      held[std::size_t(i)] = x[i] <= lower[i] && slope[i] >= 0 ? -1 : x[i] >= upper[i] && slope[i] <= 0 ? 1 : 0;
    if (conjugate_gradients(model, lower, upper)) {
      curvature = 0;
      while (along_sphere(model, lower, upper)) {
      }
    }
    for (Index i = 0; i < n; ++i) {
      const int side = held[std::size_t(i)];
      const S to = side < 0 ? lower[i] : side > 0 ? upper[i] : std::clamp<S>(x[i] + step[i], lower[i], upper[i]);
      step[i] = to - x[i];
    }
  }

 private:
  S gained_ = 0;  ///< by how much the model has fallen
  S left_ = 0;    ///< radius² less what held variables have used of it

  [[nodiscard]] bool is_free(Index i) const { return held[std::size_t(i)] == 0; }
  void hold(Index i, int side) { held[std::size_t(i)] = side; }
  [[nodiscard]] Index count_free() const { return std::count(held.begin(), held.end(), 0); }
  /// The inner product over the free variables.
  [[nodiscard]] S inner(const Vector& a, const Vector& b) const {
    S sum = 0;
    for (Index i = 0; i < a.size(); ++i)
      if (is_free(i)) sum += a[i] * b[i];
    return sum;
  }

  /// True if they have met the ball, so that the step may go on along it.
  bool conjugate_gradients(QuadraticInterpolation<S>& model, const Vector& lower, const Vector& upper) {
    const auto x = model.points.col(model.best);
    const Index n = step.size();
    S steepest = 0, before = 0;
    Index remaining = 0;
    for (bool fresh = true;;) {
      steepest = inner(gradient, gradient);
      const S beta = fresh ? S(0) : steepest / before;
      if (fresh) remaining = count_free();
      for (Index i = 0; i < n; ++i)
        direction[i] = is_free(i) ? (fresh ? S(0) : beta * direction[i]) - gradient[i] : S(0);
      const S length = direction.squaredNorm();
      // The reduction that can still be had is small against what was had.
      if (!(length > 0) || steepest * left_ <= S(1e-4) * gained_ * gained_) return false;
      model.hessian_product(direction, product);
      const S room = left_ - inner(step, step), along = direction.dot(step), bend = direction.dot(product);
      if (!(room > 0)) return true;
      const S root = std::sqrt(length * room + along * along);
      const S whole = along < 0 ? (root - along) / length : room / (root + along);
      S t = bend > 0 ? std::min(whole, steepest / bend) : whole;
      Index met = -1;
      for (Index i = 0; i < n; ++i) {
        if (direction[i] == 0) continue;
        const S most = ((direction[i] > 0 ? upper[i] : lower[i]) - x[i] - step[i]) / direction[i];
        if (most < t) t = most, met = i;
      }
      S decrease = 0;
      if (t > 0) {
        --remaining;
        if (met < 0 && bend > 0) curvature = curvature < 0 ? bend / length : std::min(curvature, bend / length);
        gradient += t * product;
        step += t * direction;
        decrease = std::max(S(0), t * (steepest - t * bend / 2));
        gained_ += decrease;
      }
      if (met >= 0) {
        hold(met, direction[met] < 0 ? -1 : 1);
        left_ -= step[met] * step[met];
        if (!(left_ > 0)) return true;
        fresh = true;
        continue;
      }
      if (!(t < whole)) return true;
      if (remaining <= 0 || decrease <= S(0.01) * gained_) return false;
      before = steepest;
      fresh = false;
    }
  }

  /// Turns the free part of the step towards steepest descent until a bound is met, which is held from then on, or no
  /// more is to be had. True in the first case.
  bool along_sphere(QuadraticInterpolation<S>& model, const Vector& lower, const Vector& upper) {
    const auto x = model.points.col(model.best);
    const Index n = step.size();
    if (count_free() < 2) return false;
    for (Index i = 0; i < n; ++i) direction[i] = is_free(i) ? step[i] : S(0);
    model.hessian_product(direction, turned);
    for (;;) {
      const S size = inner(step, step), slope = inner(step, gradient), steepest = inner(gradient, gradient);
      const S across = steepest * size - slope * slope;
      if (!(across > S(1e-4) * gained_ * gained_)) return false;
      const S root = std::sqrt(across);
      // Orthogonal to the step, and of its length.
      for (Index i = 0; i < n; ++i) direction[i] = is_free(i) ? (slope * step[i] - size * gradient[i]) / root : S(0);

      // The turn by an angle whose half has the tangent t in [0, most] keeps the bounds.
      S most = 1;
      Index met = -1;
      int side = 0;
      for (Index i = 0; i < n; ++i) {
        if (!is_free(i)) continue;
        const S below = x[i] + step[i] - lower[i], above = upper[i] - x[i] - step[i];
        if (below <= 0 || above <= 0) {
          hold(i, below <= 0 ? -1 : 1);
          return true;
        }
        const S reach = step[i] * step[i] + direction[i] * direction[i];
        const auto restrict_by = [&](S gap, S to_bound, S speed, int which) {
          const S excess = reach - to_bound * to_bound;
          if (!(excess > 0)) return;
          const S needed = std::sqrt(excess) + speed;
          if (most * needed > gap) most = gap / needed, met = i, side = which;
        };
        restrict_by(below, x[i] - lower[i], -direction[i], -1);
        restrict_by(above, upper[i] - x[i], direction[i], 1);
      }

      model.hessian_product(direction, product);
      const S bend = inner(direction, product), mixed = inner(step, product), own = inner(step, turned);
      const auto reduction = [&](S t) {
        const S sine = 2 * t / (1 + t * t);
        return sine * (t * slope + root - sine * (bend + t * (t * own - 2 * mixed)) / 2);
      };
      const int parts = int(17 * most + S(3.1));
      S highest = 0, lower_one = 0, upper_one = 0, last = 0;
      int at = 0;
      for (int k = 1; k <= parts; ++k) {
        const S now = reduction(most * S(k) / S(parts));
        if (now > highest)
          highest = now, at = k, lower_one = last;
        else if (k == at + 1)
          upper_one = now;
        last = now;
      }
      if (at == 0) return false;
      S t = most * S(at) / S(parts);
      // The highest point of the parabola through three values.
      if (at < parts) t += most / S(parts) * (upper_one - lower_one) / (2 * (2 * highest - lower_one - upper_one));
      const S decrease = reduction(t);
      if (!(decrease > 0)) return false;
      const S cosine = (1 - t * t) / (1 + t * t), sine = 2 * t / (1 + t * t);
      gradient += (cosine - 1) * turned + sine * product;
      for (Index i = 0; i < n; ++i)
        if (is_free(i)) step[i] = cosine * step[i] + sine * direction[i];
      turned = cosine * turned + sine * product;
      gained_ += decrease;
      if (met >= 0 && at == parts) {
        hold(met, side);
        return true;
      }
      if (!(decrease > S(0.01) * gained_)) return false;
    }
  }
};

}  // namespace mesaopt::detail
