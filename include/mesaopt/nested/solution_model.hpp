#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <tuple>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/point.hpp>

namespace mesaopt::detail {

/// What the solved outer points tell of the inner solution at another one: a linear model of y(x), fitted to the better
/// half, by their outer values, of those remembered; how far off it has been lately; and the shape in which the inner
/// search's own distribution ended last.
///
/// He, Zhou & Chen (2019), "Evolutionary bilevel optimization based on covariance matrix adaptation", IEEE Transactions
/// on Evolutionary Computation 23(2), learn one normal distribution of (x, y) from the better half of each generation,
/// and begin each inner search with its part of y. Here it is the distribution of y given x: its mean is this model,
/// and its width the model's error.
template <Point X, Point Y>
struct SolutionModel {
  using S = ScalarOf<Y>;

  PointsOf<X> xs{};            ///< a ring of outer points
  PointsOf<Y> ys{};            ///< with their inner solutions
  Eigen::VectorX<S> values{};  ///< and outer values
  std::int64_t held = 0, next = 0;
  S miss = -1;  ///< root mean square error, per coordinate, of late predictions; -1: not known
  MatrixOf<Y> shape{};
  bool shaped = false;

  static constexpr auto fields() {
    using T = SolutionModel;
    return std::tuple{&T::xs, &T::ys, &T::values, &T::held, &T::next, &T::miss, &T::shape, &T::shaped};
  }

  /// Forgets all.
  void clear() {
    xs.setZero();
    ys.setZero();
    values.setZero();
    held = next = 0;
    miss = -1;
    shape.setZero();
    shaped = false;
  }

  /// Learns the inner solution y at x, where `start` had been predicted, if `doubt` is more than 0, with so much doubt.
  void absorb(const X& x, const Y& y, S value, const Y& start, S doubt, Eigen::Index remember) {
    if (xs.cols() != remember || xs.rows() != x.size()) {
      xs.setZero(x.size(), remember);
      ys.setZero(y.size(), remember);
      values.setZero(remember);
      held = next = 0;
    }
    xs.col(next) = x;
    ys.col(next) = y;
    values[next] = value;
    next = (next + 1) % remember;
    held = std::min<std::int64_t>(held + 1, remember);
    if (!(doubt > 0)) return;
    const S error = (y - start).squaredNorm() / S(y.size()) / (doubt * doubt);
    miss = miss < 0 ? std::sqrt(error) : std::sqrt((4 * miss * miss + error) / 5);
  }
};

/// What a prediction works in.
template <Point X, Point Y>
struct PredictionScratch {
  std::vector<Eigen::Index> order{};
  Eigen::MatrixX<ScalarOf<Y>> gram{}, right{};
  X center{}, scale{};
  Y mean{};
};

/// out = what the model says of the inner solution at x.
///
/// Answers its doubt: 1 where x lies among the points that it was fitted to; more outside of them, as a line errs by
/// the square of the distance; 0 if it says nothing, as it has no points, too few, or x is too far away. Then out is
/// the best solution, if there is one.
template <Point X, Point Y>
ScalarOf<Y> predict(const SolutionModel<X, Y>& model, const X& x, PredictionScratch<X, Y>& s, Y& out) {
  using S = ScalarOf<Y>;
  if (model.held == 0) return 0;
  const Eigen::Index n = x.size(), m = model.ys.rows();
  const auto held = std::size_t(model.held);
  s.order.resize(held);
  std::iota(s.order.begin(), s.order.end(), Eigen::Index(0));
  std::stable_sort(s.order.begin(), s.order.end(), [&](Eigen::Index a, Eigen::Index b) {
    const S u = model.values[a], v = model.values[b];
    return u < v || (std::isnan(v) && !std::isnan(u));
  });
  const std::size_t used = std::min(held, std::max(held / 2, std::size_t(2 * n + 2)));
  s.center.setZero(n);
  s.mean.setZero(m);
  for (std::size_t k = 0; k < used; ++k) {
    s.center += model.xs.col(s.order[k]) / S(used);
    s.mean += model.ys.col(s.order[k]) / S(used);
  }
  out = model.ys.col(s.order[0]);
  if (used < std::size_t(n + 2)) return 0;
  s.scale.setZero(n);
  for (std::size_t k = 0; k < used; ++k) s.scale += (model.xs.col(s.order[k]) - s.center).cwiseAbs2() / S(used);
  s.scale = s.scale.cwiseSqrt().cwiseMax(std::numeric_limits<S>::min());
  constexpr S usual = 2, far = 10;  // standard deviations of the points
  const S reach = ((x - s.center).cwiseAbs().cwiseQuotient(s.scale)).maxCoeff();
  if (!(reach <= far)) return 0;
  out = s.mean;
  // Least squares by the normal equations in scaled coordinates, with a little of a ridge where they do not vary.
  s.gram.setZero(n, n);
  s.right.setZero(n, m);
  for (std::size_t k = 0; k < used; ++k)
    for (Eigen::Index i = 0; i < n; ++i) {
      const S d = (model.xs(i, s.order[k]) - s.center[i]) / s.scale[i] / S(used);
      for (Eigen::Index j = 0; j < n; ++j) s.gram(i, j) += d * (model.xs(j, s.order[k]) - s.center[j]) / s.scale[j];
      for (Eigen::Index j = 0; j < m; ++j) s.right(i, j) += d * (model.ys(j, s.order[k]) - s.mean[j]);
    }
  s.gram.diagonal().array() += S(1e-6);
  // Gauss elimination: positive definite, so without pivots.
  for (Eigen::Index i = 0; i < n; ++i)
    for (Eigen::Index k = i + 1; k < n; ++k) {
      const S factor = s.gram(k, i) / s.gram(i, i);
      s.gram.row(k) -= factor * s.gram.row(i);
      s.right.row(k) -= factor * s.right.row(i);
    }
  for (Eigen::Index i = n - 1; i >= 0; --i) {
    for (Eigen::Index k = i + 1; k < n; ++k) s.right.row(i) -= s.gram(i, k) * s.right.row(k);
    s.right.row(i) /= s.gram(i, i);
  }
  for (Eigen::Index i = 0; i < n; ++i) out += (x[i] - s.center[i]) / s.scale[i] * s.right.row(i).transpose();
  return std::max(S(1), reach * reach / (usual * usual));
}

}  // namespace mesaopt::detail
