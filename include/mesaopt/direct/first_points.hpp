#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <tuple>
#include <utility>
#include <vector>

#include <Eigen/Cholesky>
#include <Eigen/Core>

#include <mesaopt/core/prior.hpp>
#include <mesaopt/direct/model_region.hpp>

namespace mesaopt::detail {

/// The points with which a model begins, one after the other: the start, one along each axis, another one along each,
/// then corners. Where f has no value on the axes, the other side is tried, nearer and nearer.
///
/// Powell (2009), "The BOBYQA algorithm for bound constrained optimization without derivatives", section 2; but the
/// start is not moved away from bounds, as steps along an axis may have any lengths here.
template <class S>
struct FirstPoints {
  using Index = Eigen::Index;

  Index known = 0;                   ///< how many points have their values
  int tries = 0;                     ///< how often the next of them has failed
  Eigen::MatrixX<S> correlations{};  ///< of the curvature, from a prior; empty if none

  static constexpr auto fields() {
    using T = FirstPoints;
    return std::tuple{&T::known, &T::tries, &T::correlations};
  }

  /// Takes what correlations of the Hessian a prior knows: all others are 0. `free` are the variables of the model.
  template <Start P>
  void take_curvature(const P& start, const std::vector<Index>& free) {
    correlations.resize(0, 0);
    if constexpr (HasCovariance<P> || HasInverseHessian<P>) {
      using Matrix = Eigen::MatrixX<S>;
      Matrix inverse;
      if constexpr (HasInverseHessian<P>)
        inverse = inverse_hessian_of(start).template cast<S>();
      else
        inverse = covariance_of(start).template cast<S>();
      const Index n = inverse.rows();
      if (n != start.x.size() || inverse.cols() != n || !inverse.allFinite()) return;
      const Eigen::LLT<Matrix> cholesky(inverse);
      if (cholesky.info() != Eigen::Success) return;
      const Matrix H = cholesky.solve(Matrix::Identity(n, n));
      if (!H.allFinite() || !(H.diagonal().minCoeff() > 0)) return;
      const auto count = Index(free.size());
      correlations.resize(count, count);
      for (Index b = 0; b < count; ++b)
        for (Index a = 0; a < count; ++a) {
          const Index i = free[std::size_t(a)], j = free[std::size_t(b)];
          correlations(a, b) = H(i, j) / std::sqrt(H(i, i) * H(j, j));
        }
    }
  }

  /// Puts in `region.place` where the next point is to be. False if there is no room for it.
  bool choose(ModelRegion<S>& region) const {
    const auto& model = region.model;
    const Index n = model.n();
    region.place.setZero();
    if (known > 2 * n) {
      const auto [p, q] = axes(known, n);
      for (const Index i : {p, q}) {
        const Index one = 1 + i, two = 1 + n + i;
        region.place[i] = model.points(i, model.values[two] < model.values[one] ? two : one);
      }
      return true;
    }
    const Index i = (known - 1) % n;
    const S above = region.upper[i], below = -region.lower[i], r = region.rho;
    S distance = above >= std::min(r, below) ? std::min(r, above) : -std::min(r, below);
    if (known > n) {
      const S first = model.points(i, 1 + i), size = std::abs(first), room = first > 0 ? below : above;
      distance = room >= size / 2 ? -std::copysign(std::min(size, room), first)
                                  : std::copysign(std::min(2 * size, first > 0 ? above : below), first);
    }
    distance = std::clamp(distance * std::pow(S(-0.5), S(tries)), -below, above);
    if (known > n && distance == model.points(i, 1 + i)) distance /= 2;
    region.place[i] = distance;
    return distance != 0;
  }

  /// Takes the value at the point that was chosen. `better`: it is the best so far.
  void take(ModelRegion<S>& region, S value, bool better) {
    region.model.points.col(known) = region.place;
    region.model.values[known] = value;
    if (better) region.model.best = known;
    tries = 0;
    ++known;
  }
  /// Takes that there is no value. False if it has been tried often enough.
  bool fail(ModelRegion<S>& region) {
    const auto& model = region.model;
    const Index n = model.n();
    constexpr int most_tries = 40;
    if (known <= 2 * n) return ++tries <= most_tries;
    // A corner without a value teaches nothing: the model shall not twist between its axes.
    const auto [p, q] = axes(known, n);
    S value = -model.values[0];
    for (const Index i : {p, q}) value += model.values[model.points(i, 1 + i) == region.place[i] ? 1 + i : 1 + n + i];
    take(region, value, false);
    return true;
  }

  /// Makes the model, once all points are known. Of its Hessian only the diagonal has been measured, but for the
  /// corners: the rest is of the known correlations.
  void finish(ModelRegion<S>& region) const {
    auto& model = region.model;
    const Index best = model.best, n = model.n();
    model.begin([n](Index k) { return axes(k, n); });
    auto& H = model.hessian;
    if (correlations.rows() == n)
      for (Index j = 0; j < n; ++j)
        for (Index i = 0; i < j; ++i)
          if (H(i, j) == 0 && H(i, i) > 0 && H(j, j) > 0)
            H(i, j) = H(j, i) = correlations(i, j) * std::sqrt(H(i, i) * H(j, j));
    region.place = model.points.col(best);
    model.recenter(best, region.place);
  }

 private:
  /// The axes of a corner.
  static std::pair<Index, Index> axes(Index k, Index n) {
    const Index e = k - 2 * n - 1, p = e % n;
    return {p, (p + e / n + 1) % n};
  }
};

}  // namespace mesaopt::detail
