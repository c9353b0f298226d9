#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

#include <Eigen/Core>

#include <mesaopt/core/point.hpp>
#include <mesaopt/core/stopping.hpp>

namespace mesaopt {

/// The regularizer weight · Σ|xᵢ|, which makes coordinates exactly zero: the lasso's. See objective/regularized.hpp.
///
/// Its proximal step takes t · weight off the size of every coordinate, and is 0 where that is more than all.
/// Tibshirani (1996), "Regression shrinkage and selection via the lasso"; Daubechies, Defrise & De Mol (2004), Comm.
/// Pure Appl. Math. 57, eq. 2.4.
struct L1 {
  double weight = 1;  ///< 0 or more

  static constexpr bool separable = true;

  /// Throws std::invalid_argument for a setting out of its range.
  void check() const {
    if (!(weight >= 0) || !std::isfinite(weight))
      detail::refuse("L1::weight", weight, "it must be 0 or more, and finite");
  }

  template <Point X>
  ScalarOf<X> value(const X& x) const {
    using std::abs;
    ScalarOf<X> sum(0);
    for (Eigen::Index i = 0; i < x.size(); ++i) sum += abs(x[i]);
    return ScalarOf<X>(weight) * sum;
  }

  template <Point X>
  void proximal(const X& v, ScalarOf<X> t, X& x) const {
    using S = ScalarOf<X>;
    const S off = t * S(weight);
    for (Eigen::Index i = 0; i < v.size(); ++i) x[i] = v[i] > off ? S(v[i] - off) : v[i] < -off ? S(v[i] + off) : S(0);
  }

  template <Point X>
  void derivative(const X& v, ScalarOf<X> t, const X& d, X& out) const {
    using S = ScalarOf<X>;
    using std::abs;
    const S off = t * S(weight);
    for (Eigen::Index i = 0; i < v.size(); ++i) out[i] = off == 0 || abs(v[i]) > off ? d[i] : S(0);
  }

  template <Point X>
  ScalarOf<X> margin(const X& v, ScalarOf<X> t) const {
    using S = ScalarOf<X>;
    using std::abs;
    const S off = t * S(weight);
    S least = std::numeric_limits<S>::infinity();
    if (off == 0) return least;
    for (Eigen::Index i = 0; i < v.size(); ++i) least = std::min(least, S(abs(abs(v[i]) - off)));
    return least;
  }
};

}  // namespace mesaopt
