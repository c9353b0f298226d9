#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include <Eigen/Core>

#include <mesaopt/core/point.hpp>
#include <mesaopt/objective/box.hpp>

namespace mesaopt {

/// The set of points without negative coordinates, as a regularizer. See objective/regularized.hpp.
struct Nonnegative {
  static constexpr bool separable = true;

  template <Point X>
  ScalarOf<X> value(const X&) const {
    return ScalarOf<X>(0);
  }

  template <Point X>
  void proximal(const X& v, ScalarOf<X>, X& x) const {
    using S = ScalarOf<X>;
    for (Eigen::Index i = 0; i < v.size(); ++i) x[i] = v[i] > 0 ? v[i] : S(0);
  }

  template <Point X>
  void derivative(const X& v, ScalarOf<X>, const X& d, X& out) const {
    using S = ScalarOf<X>;
    for (Eigen::Index i = 0; i < v.size(); ++i) out[i] = v[i] > 0 ? d[i] : S(0);
  }

  template <Point X>
  ScalarOf<X> margin(const X& v, ScalarOf<X>) const {
    using S = ScalarOf<X>;
    using std::abs;
    S least = std::numeric_limits<S>::infinity();
    for (Eigen::Index i = 0; i < v.size(); ++i) least = std::min(least, S(abs(v[i])));
    return least;
  }
};

/// The points of a box, as a regularizer, which may stand where bounds (objective/bounds.hpp) may. See
/// objective/regularized.hpp.
template <Point X>
struct BoxSet {
  using S = ScalarOf<X>;

  Box<X> box;

  static constexpr bool separable = true;

  /// Throws std::invalid_argument if the box is none.
  void check() const { box.check(); }

  S value(const X&) const { return S(0); }

  void proximal(const X& v, S, X& x) const {
    box.check_size(v, "v");
    for (Eigen::Index i = 0; i < v.size(); ++i) x[i] = std::clamp(v[i], box.lower[i], box.upper[i]);
  }

  void derivative(const X& v, S, const X& d, X& out) const {
    box.check_size(v, "v");
    for (Eigen::Index i = 0; i < v.size(); ++i) out[i] = box.lower[i] < v[i] && v[i] < box.upper[i] ? d[i] : S(0);
  }

  S margin(const X& v, S) const {
    using std::abs;
    box.check_size(v, "v");
    S least = std::numeric_limits<S>::infinity();
    for (Eigen::Index i = 0; i < v.size(); ++i)
      if (box.lower[i] < box.upper[i])
        least = std::min({least, S(abs(v[i] - box.lower[i])), S(abs(v[i] - box.upper[i]))});
    return least;
  }
};

template <Point X>
BoxSet(Box<X>) -> BoxSet<X>;

}  // namespace mesaopt
