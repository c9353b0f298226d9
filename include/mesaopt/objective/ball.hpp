#pragma once

#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>

#include <Eigen/Core>

#include <mesaopt/core/point.hpp>
#include <mesaopt/core/stopping.hpp>

namespace mesaopt {

/// The points no further than `radius` from `centre`, as a regularizer. See objective/regularized.hpp.
struct Ball {
  double radius = 1;         ///< Euclidean; more than 0
  Eigen::VectorXd centre{};  ///< of the size of the point; empty: the origin

  /// Throws std::invalid_argument for a setting out of its range.
  void check() const {
    if (!(radius > 0) || !std::isfinite(radius))
      detail::refuse("Ball::radius", radius, "it must be more than 0, and finite");
    if (!centre.allFinite()) throw std::invalid_argument("Ball::centre: every coordinate must be finite");
  }

  template <Point X>
  ScalarOf<X> value(const X&) const {
    return ScalarOf<X>(0);
  }

  template <Point X>
  void proximal(const X& v, ScalarOf<X>, X& x) const {
    using S = ScalarOf<X>;
    const S size = distance(v);
    const S left = size > S(radius) ? S(radius) / size : S(1);
    for (Eigen::Index i = 0; i < v.size(); ++i) x[i] = left < 1 ? S(middle<S>(i) + left * (v[i] - middle<S>(i))) : v[i];
  }

  template <Point X>
  void derivative(const X& v, ScalarOf<X>, const X& d, X& out) const {
    using S = ScalarOf<X>;
    const S size = distance(v);
    if (!(size > S(radius))) {
      for (Eigen::Index i = 0; i < v.size(); ++i) out[i] = d[i];
      return;
    }
    S along(0);
    for (Eigen::Index i = 0; i < v.size(); ++i) along += (v[i] - middle<S>(i)) / size * d[i];
    for (Eigen::Index i = 0; i < v.size(); ++i)
      out[i] = S(radius) / size * (d[i] - along * ((v[i] - middle<S>(i)) / size));
  }

  template <Point X>
  ScalarOf<X> margin(const X& v, ScalarOf<X>) const {
    using std::abs;
    return abs(distance(v) - ScalarOf<X>(radius));
  }

 private:
  template <class S>
  S middle(Eigen::Index i) const {
    return centre.size() == 0 ? S(0) : S(centre[i]);
  }
  template <class X>
  ScalarOf<X> distance(const X& v) const {
    using S = ScalarOf<X>;
    using std::sqrt;
    if (centre.size() != 0 && centre.size() != v.size())
      throw std::invalid_argument("Ball::centre: has size " + std::to_string(centre.size()) + ", but the point " +
                                  std::to_string(v.size()));
    S square(0);
    for (Eigen::Index i = 0; i < v.size(); ++i) square += (v[i] - middle<S>(i)) * (v[i] - middle<S>(i));
    return sqrt(square);
  }
};

}  // namespace mesaopt
