#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

#include <Eigen/Core>

#include <mesaopt/core/point.hpp>
#include <mesaopt/core/stopping.hpp>

namespace mesaopt {

/// The points without negative coordinates whose sum is `total`, as a regularizer: shares of a whole, probabilities,
/// long-only portfolios. See objective/regularized.hpp.
///
/// The point nearest to v is max(v − τ, 0) with the one τ for which the sum is right: Held, Wolfe & Crowder (1974),
/// "Validation of subgradient optimization", Math. Programming 6. It is found by Newton's method on the sum as a
/// function of τ, which is convex and piecewise linear: as in Michelot (1986), "A finite algorithm for finding the
/// projection of a point onto the canonical simplex of R^n", each pass drops the coordinates below τ, and there are
/// seldom ten.
struct Simplex {
  double total = 1;  ///< more than 0

  /// Throws std::invalid_argument for a setting out of its range.
  void check() const {
    if (!(total > 0) || !std::isfinite(total))
      detail::refuse("Simplex::total", total, "it must be more than 0, and finite");
  }

  template <Point X>
  ScalarOf<X> value(const X&) const {
    return ScalarOf<X>(0);
  }

  template <Point X>
  void proximal(const X& v, ScalarOf<X>, X& x) const {
    using S = ScalarOf<X>;
    const Threshold<S> threshold = find(v);
    for (Eigen::Index i = 0; i < v.size(); ++i) x[i] = std::max(S(0), threshold.above(v[i]));
  }

  template <Point X>
  void derivative(const X& v, ScalarOf<X>, const X& d, X& out) const {
    using S = ScalarOf<X>;
    const Threshold<S> threshold = find(v);
    S mean(0);
    for (Eigen::Index i = 0; i < v.size(); ++i)
      if (threshold.above(v[i]) > 0) mean += d[i];
    mean /= S(threshold.count);
    for (Eigen::Index i = 0; i < v.size(); ++i) out[i] = threshold.above(v[i]) > 0 ? S(d[i] - mean) : S(0);
  }

  template <Point X>
  ScalarOf<X> margin(const X& v, ScalarOf<X>) const {
    using S = ScalarOf<X>;
    using std::abs;
    const Threshold<S> threshold = find(v);
    S least = std::numeric_limits<S>::infinity();
    for (Eigen::Index i = 0; i < v.size(); ++i) {
      const S above = threshold.above(v[i]);
      if (threshold.count > 1 || above <= 0) least = std::min(least, S(abs(above)));  // a lone one cannot leave
    }
    return least;
  }

 private:
  /// τ, as its distance below the largest coordinate, for which there is no cancellation.
  template <class S>
  struct Threshold {
    S largest, below;
    Eigen::Index count;  ///< coordinates above it
    S above(const S& v) const { return (v - largest) + below; }
  };

  template <class X>
  Threshold<ScalarOf<X>> find(const X& v) const {
    using S = ScalarOf<X>;
    const Eigen::Index n = v.size();
    Threshold<S> threshold{v[0], S(total), 0};
    for (Eigen::Index i = 1; i < n; ++i) threshold.largest = std::max(threshold.largest, v[i]);
    for (Eigen::Index before = n + 1;;) {
      S sum(0);
      Eigen::Index count = 0;
      for (Eigen::Index i = 0; i < n; ++i)
        if (threshold.above(v[i]) > 0) {
          sum += v[i] - threshold.largest;
          ++count;
        }
      threshold.count = count;
      if (count >= before) return threshold;
      threshold.below = (S(total) - sum) / S(count);
      before = count;
    }
  }
};

}  // namespace mesaopt
