#pragma once

#include <algorithm>
#include <cmath>

#include <Eigen/Core>

#include <mesaopt/direct/quadratic_interpolation.hpp>

namespace mesaopt::detail {

/// A step to where a point of the interpolation should rather be: inside a ball around the best point and a box, where
/// the Lagrange function of that point is large.
///
/// Powell (2009), "The BOBYQA algorithm for bound constrained optimization without derivatives", section 3: the largest
/// of the predicted denominators (3.11) is sought on the lines through the best and another point; beside it stands a
/// constrained Cauchy step of the Lagrange function, for when rounding has spoilt the denominator.
template <class S>
struct GeometryStep {
  using Vector = Eigen::VectorX<S>;
  using Index = Eigen::Index;

  Vector line{};          ///< the step along the best of the lines
  Vector cauchy{};        ///< the Cauchy step
  S cauchy_square = 0;    ///< the square of the Lagrange function there; 0 if there is none
  Vector slope{}, own{};  ///< scratch

  void resize(Index n) {
    for (Vector* v : {&line, &cauchy, &slope, &own}) v->setZero(n);
  }

  /// Finds both for point t.
  void solve(QuadraticInterpolation<S>& model, Index t, const Vector& lower, const Vector& upper, S radius) {
    if (slope.size() != model.n()) resize(model.n());
    model.lagrange_gradient(t, slope);
    seek_on_lines(model, t, lower, upper, radius);
    cauchy_square = 0;
    for (const int sign : {1, -1}) {
      seek_downhill(model, S(sign), lower, upper, radius);
      slope = -slope;
    }
  }

 private:
  void seek_on_lines(const QuadraticInterpolation<S>& model, Index t, const Vector& lower, const Vector& upper,
                     S radius) {
    const auto x = model.points.col(model.best);
    const S half_alpha = model.column[t] / 2;
    S highest = -1, chosen = 0;
    Index along = -1;
    for (Index k = 0; k < model.m(); ++k) {
      if (k == model.best) continue;
      const auto other = model.points.col(k);
      S rise = 0, square = 0;
      for (Index i = 0; i < x.size(); ++i) {
        rise += slope[i] * (other[i] - x[i]);
        square += (other[i] - x[i]) * (other[i] - x[i]);
      }
      if (!(square > 0)) continue;
      // The stretch of the line, in units of the other point's distance, that lies in the ball and the box.
      S most = radius / std::sqrt(square), least = -most;
      const S never_less = std::min(S(1), most);  // the other point is inside, whatever rounding says
      for (Index i = 0; i < x.size(); ++i) {
        const S d = other[i] - x[i];
        if (d == 0) continue;
        const S to_lower = (lower[i] - x[i]) / d, to_upper = (upper[i] - x[i]) / d;
        least = std::max(least, d > 0 ? to_lower : to_upper);
        most = std::min(most, std::max(never_less, d > 0 ? to_upper : to_lower));
      }
      // On the line, the Lagrange function is a parabola that is 0 here, and 0 at the other point, or 1 if that is t.
      const S bend = k == t ? rise - 1 : rise;
      const auto value = [&](S s) { return s * (rise - s * bend); };
      S s = std::abs(value(most)) > std::abs(value(least)) ? most : least;
      if (bend != 0) {
        const S vertex = rise / (2 * bend);
        if (vertex > least && vertex < most && std::abs(value(vertex)) > std::abs(value(s))) s = vertex;
      }
      const S square_value = value(s) * value(s), shape = s * (1 - s) * square;
      const S predicted = square_value * (square_value + half_alpha * shape * shape);
      if (predicted > highest) highest = predicted, chosen = s, along = k;
    }
    for (Index i = 0; i < x.size(); ++i)
      line[i] = std::clamp<S>(x[i] + chosen * (model.points(i, along) - x[i]), lower[i], upper[i]) - x[i];
  }

  /// The step against `slope` that meets the ball, with variables stopped at their bounds; shortened if the Lagrange
  /// function, or its negative, is larger before its end. Keeps it if it is better than what there is.
  void seek_downhill(QuadraticInterpolation<S>& model, S sign, const Vector& lower, const Vector& upper, S radius) {
    const auto x = model.points.col(model.best);
    const Index n = x.size();
    const auto moves = [&](Index i) {
      return std::min(x[i] - lower[i], slope[i]) > 0 || std::max(x[i] - upper[i], slope[i]) < 0;
    };
    S stopped = 0, moving = 0;
    for (Index i = 0; i < n; ++i)
      if (moves(i)) moving += slope[i] * slope[i];
    if (!(moving > 0)) return;
    S length = 0;
    for (Index round = 0; round <= n; ++round) {
      const S room = radius * radius - stopped;
      if (!(room > 0) || !(moving > 0)) break;
      length = std::sqrt(room / moving);
      S stopped_now = 0, moving_now = 0;
      for (Index i = 0; i < n; ++i) {
        if (!moves(i)) continue;
        const S to = std::clamp<S>(x[i] - length * slope[i], lower[i], upper[i]) - x[i];
        if (x[i] - length * slope[i] <= lower[i] || x[i] - length * slope[i] >= upper[i])
          stopped_now += to * to;
        else
          moving_now += slope[i] * slope[i];
      }
      if (!(stopped_now > stopped)) break;
      stopped = stopped_now;
      moving = moving_now;
    }
    for (Index i = 0; i < n; ++i)
      own[i] = moves(i) ? std::clamp<S>(x[i] - length * slope[i], lower[i], upper[i]) - x[i] : S(0);
    const S rise = slope.dot(own);
    S bend = 0;
    for (Index k = 0; k < model.m(); ++k) {
      const S product = model.points.col(k).dot(own);
      bend += model.column[k] * product * product;
    }
    bend *= sign;
    S factor = 1, value = rise + bend / 2;
    // The least value of the parabola lies before the end; where the other end rises still more, that stays.
    if (bend > -rise && bend < -(1 + std::sqrt(S(2))) * rise) {
      factor = -rise / bend;
      value = rise * factor / 2;
    }
    if (!(value * value > cauchy_square)) return;
    cauchy_square = value * value;
    for (Index i = 0; i < n; ++i) cauchy[i] = std::clamp<S>(x[i] + factor * own[i], lower[i], upper[i]) - x[i];
  }
};

}  // namespace mesaopt::detail
