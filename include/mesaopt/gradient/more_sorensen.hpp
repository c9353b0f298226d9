#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

#include <Eigen/Core>

#include <mesaopt/core/point.hpp>
#include <mesaopt/core/stopping.hpp>
#include <mesaopt/gradient/cholesky.hpp>
#include <mesaopt/gradient/trust_region.hpp>

namespace mesaopt {

/// The global minimum of the model in the trust region, by λ ≥ 0 with (H + λI) d = −g, H + λI positive semidefinite and
/// λ (radius − |d|) = 0.
///
/// Newton's method for 1/radius − 1/|d(λ)| = 0 between safeguards, a factorization each; in the hard case, where g has
/// no part along the least eigenvector, d takes the part that fills the region. |d| is within `tolerance` of the
/// radius, or m(d) within about that of the least, relatively. Moré & Sorensen (1983), "Computing a trust region step",
/// SIAM J. Sci. Stat. Comput. 4(3), algorithms 3.2 and 3.14; Nocedal & Wright (2006), section 4.3.
struct MoreSorensen {
  double tolerance = 0.1;  ///< in (0, 1)

  template <Point X>
  struct Memory {
    MatrixOf<X> H{}, R{};
    X w{}, z{};
    ScalarOf<X> multiplier = 0;  ///< λ of the last solve
  };

  /// Throws std::invalid_argument for a setting out of its range.
  void check() const {
    if (!(tolerance > 0 && tolerance < 1)) detail::refuse("MoreSorensen::tolerance", tolerance, "it must be in (0, 1)");
  }

  template <Point X>
  void reserve(const X& x, Memory<X>& m) const {
    for (auto* matrix : {&m.H, &m.R}) matrix->resize(x.size(), x.size());
    for (auto* v : {&m.w, &m.z}) v->resize(x.size());
  }

  template <class F, class C, Point X>
  bool prepare(const F& f, C& calls, const X& x, const X&, Memory<X>& m) const {
    if (!calls.allows_hessian(f, x.size())) return false;
    calls.hessian(f, x, m.H);
    return m.H.allFinite();
  }

  template <class F, class C, Point X>
  ScalarOf<X> solve(const F&, C& calls, const X&, const X& gradient, ScalarOf<X> radius, ScalarOf<X>, Memory<X>& m,
                    X& d) const {
    using S = ScalarOf<X>;
    const S norm = gradient.norm(), sigma = S(tolerance);
    const S size = m.H.cwiseAbs().colwise().sum().maxCoeff();  // no eigenvalue is larger
    // λ is in [lower, upper], and above `least`, as −least is not below the least eigenvalue.
    S least = -m.H.diagonal().minCoeff(), lower = std::max({S(0), least, norm / radius - size});
    S upper = norm / radius + size, lambda = lower;
    constexpr int attempts = 100;
    for (int i = 0; i < attempts; ++i) {
      if (lambda <= least || !(lambda >= lower && lambda <= upper))
        lambda = std::max(std::sqrt(lower) * std::sqrt(upper), lower + S(1e-3) * (upper - lower));
      m.multiplier = lambda;
      ++calls.counts[0].factorizations;
      if (const S more = detail::cholesky(m.H, lambda, m.R, m.w); more > 0) {
        least = std::max(least, lambda + more);
        lower = std::max(lower, least);
        continue;
      }
      detail::cholesky_solve(m.R, gradient, d);
      const S length = d.norm();
      if (std::abs(length - radius) <= sigma * radius || (lambda == 0 && length < radius)) break;
      if (length < radius) {
        upper = lambda;
        const S bend = flattest(m);
        // d + τz on the border, with the smaller τ of the two.
        const S dz = d.dot(m.z), room = (radius - length) * (radius + length);
        const S tau = room / (dz + std::copysign(std::sqrt(dz * dz + room), dz));
        if (tau * tau * bend <= sigma * (2 - sigma) * (lambda * radius * radius - gradient.dot(d))) {
          d += tau * m.z;
          break;
        }
        least = std::max(least, lambda - bend);
        lower = std::max(lower, least);
      } else {
        lower = lambda;
      }
      m.w = d;
      m.R.transpose().template triangularView<Eigen::Lower>().solveInPlace(m.w);
      lambda += length * length / m.w.squaredNorm() * ((length - radius) / radius);
    }
    if (const S length = d.norm(); length > (1 + sigma) * radius) d *= radius / length;
    m.w.noalias() = m.H * d;
    return -gradient.dot(d) - d.dot(m.w) / 2;
  }

  template <class F, class C, Point X>
  void product(const F&, C&, const X&, const X& v, Memory<X>& m, X& out) const {
    out.noalias() = m.H * v;
  }

 private:
  /// Leaves in m a unit vector z for which z'R'Rz, the answer, is about as small as can be: Cline, Moler, Stewart &
  /// Wilkinson (1979), "An estimate for the condition number of a matrix".
  template <Point X>
  static ScalarOf<X> flattest(Memory<X>& m) {
    using S = ScalarOf<X>;
    for (Eigen::Index k = 0; k < m.z.size(); ++k) {
      const S sum = m.R.col(k).head(k).dot(m.z.head(k));
      m.z[k] = ((sum > 0 ? S(-1) : S(1)) - sum) / m.R(k, k);
    }
    const S before = m.z.squaredNorm();
    m.R.template triangularView<Eigen::Upper>().solveInPlace(m.z);
    const S length = m.z.norm();
    m.z /= length;
    return before / (length * length);
  }
};

/// A trust region with exactly solved subproblems: the most robust of the kinds, for up to some dozen variables.
using TrustRegionExact = TrustRegion<MoreSorensen>;

}  // namespace mesaopt
