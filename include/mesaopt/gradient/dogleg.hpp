#pragma once

#include <algorithm>
#include <cmath>
#include <tuple>

#include <Eigen/Core>

#include <mesaopt/core/point.hpp>
#include <mesaopt/core/stopping.hpp>
#include <mesaopt/gradient/cholesky.hpp>
#include <mesaopt/gradient/trust_region.hpp>

namespace mesaopt {

/// The dogleg: the best point of the way that leads from 0 to the minimum along −g, and from there to Newton's step.
///
/// One factorization at each point, whatever the number of radii tried. Where the Hessian is not positive definite, it
/// is replaced by H + μI with the first μ that makes it so. Powell (1970), "A new algorithm for unconstrained
/// optimization"; Nocedal & Wright (2006), section 4.1.
struct Dogleg {
  double first_shift =
      1e-3;  ///< where H is not positive definite: the first μ, relative to the largest |H_ij|, in (0, 1]

  template <Point X>
  struct Memory {
    MatrixOf<X> H{}, R{};
    X newton{}, cauchy{};
    ScalarOf<X> u = 0, w = 0;  ///< −g'd of the Cauchy point and of Newton's step
  };

  /// Throws std::invalid_argument for a setting out of its range.
  void check() const {
    if (!(first_shift > 0 && first_shift <= 1))
      detail::refuse("Dogleg::first_shift", first_shift, "it must be more than 0 and at most 1");
  }

  template <Point X>
  void reserve(const X& x, Memory<X>& m) const {
    for (auto* matrix : {&m.H, &m.R}) matrix->resize(x.size(), x.size());
    for (auto* v : {&m.newton, &m.cauchy}) v->resize(x.size());
  }

  template <class F, class C, Point X>
  bool prepare(const F& f, C& calls, const X& x, const X& gradient, Memory<X>& m) const {
    using S = ScalarOf<X>;
    if (!calls.allows_hessian(f, x.size())) return false;
    calls.hessian(f, x, m.H);
    const S largest = m.H.cwiseAbs().maxCoeff();
    if (!m.H.allFinite() || !(largest > 0)) return false;
    S shift = 0;
    for (int i = 0;; ++i) {
      ++calls.counts[0].factorizations;
      const S more = detail::cholesky(m.H, shift, m.R, m.newton);
      if (more == 0) break;
      constexpr int attempts = 60;
      if (i == attempts) return false;
      shift = std::max({2 * (shift + more), S(first_shift) * largest});
    }
    detail::cholesky_solve(m.R, gradient, m.newton);
    m.H.diagonal().array() += shift;
    m.cauchy.noalias() = m.H * gradient;
    const S square = gradient.squaredNorm(), bend = gradient.dot(m.cauchy);
    m.cauchy = (-square / bend) * gradient;
    m.u = square / bend * square;
    m.w = -gradient.dot(m.newton);
    return bend > 0 && std::isfinite(m.u) && std::isfinite(m.w);
  }

  template <class F, class C, Point X>
  ScalarOf<X> solve(const F&, C&, const X&, const X&, ScalarOf<X> radius, ScalarOf<X>, Memory<X>& m, X& d) const {
    using S = ScalarOf<X>;
    if (m.newton.norm() <= radius) {
      d = m.newton;
      return m.w / 2;
    }
    const S inner = m.cauchy.norm();
    if (inner >= radius) {
      const S t = radius / inner;
      d = t * m.cauchy;
      return t * (1 - t / 2) * m.u;
    }
    // |cauchy + s (newton − cauchy)| = radius.
    d = m.newton - m.cauchy;
    const S a = d.squaredNorm(), b = m.cauchy.dot(d), c = radius * radius - inner * inner;
    const S s = std::clamp(c / (b + std::sqrt(b * b + a * c)), S(0), S(1));
    d = m.cauchy + s * d;
    return (1 - s) * m.u + s * m.w - ((1 - s * s) * m.u + s * s * m.w) / 2;
  }

  template <class F, class C, Point X>
  void product(const F&, C&, const X&, const X& v, Memory<X>& m, X& out) const {
    out.noalias() = m.H * v;
  }
};

/// A trust region with the dogleg: Newton's method for up to some hundred variables, the cheapest of the exact kinds.
using TrustRegionDogleg = TrustRegion<Dogleg>;

}  // namespace mesaopt
