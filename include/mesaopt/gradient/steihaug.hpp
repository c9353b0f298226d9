#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include <Eigen/Core>

#include <mesaopt/core/point.hpp>
#include <mesaopt/core/stopping.hpp>
#include <mesaopt/gradient/hessian_products.hpp>
#include <mesaopt/gradient/trust_region.hpp>

namespace mesaopt {

/// Conjugate gradients from d = 0 as far as the trust region's border, with products of the Hessian H alone.
///
/// Negative curvature is followed to the border. Inside it ends when |Hd + g| ≤ min(forcing, √(|g|/|g₀|)) |g|, g₀ the
/// first gradient of the run, and moreover iteration k lowered the model by no more than 1/2k of what all k did.
/// Steihaug (1983), "The conjugate gradient method and trust regions in large scale optimization"; Nocedal & Wright
/// (2006), algorithm 7.2, where |g₀| is 1; Nash & Sofer (1990), "Assessing a search direction within a truncated-Newton
/// method", Oper. Res. Lett. 9(4).
struct Steihaug {
  double forcing = 0.5;                ///< largest relative residual, in (0, 1)
  std::int64_t linear_iterations = 0;  ///< limit on those of a solve; 0: twice the number of variables, and at least 20

  template <Point X>
  struct Memory {
    detail::HessianProducts<X> hessian{};
    X r{}, p{}, q{};
  };

  /// Throws std::invalid_argument for a setting out of its range.
  void check() const {
    if (!(forcing > 0 && forcing < 1)) detail::refuse("Steihaug::forcing", forcing, "it must be in (0, 1)");
    if (linear_iterations < 0)
      detail::refuse("Steihaug::linear_iterations", double(linear_iterations), "it must be 0 or more");
  }

  template <Point X>
  void reserve(const X& x, Memory<X>& m) const {
    for (X* v : {&m.r, &m.p, &m.q}) v->resize(x.size());
  }

  template <class F, class C, Point X>
  bool prepare(const F& f, C& calls, const X& x, const X&, Memory<X>& m) const {
    m.hessian.at(f, calls, x);
    return true;
  }

  template <class F, class C, Point X>
  ScalarOf<X> solve(const F& f, C& calls, const X& x, const X& gradient, ScalarOf<X> radius, ScalarOf<X> easiness,
                    Memory<X>& m, X& d) const {
    using S = ScalarOf<X>;
    const S norm = gradient.norm(), target = std::min(S(forcing), std::sqrt(easiness)) * norm;
    const S exact = 10 * std::numeric_limits<S>::epsilon() * norm;
    const std::int64_t limit =
        linear_iterations > 0 ? linear_iterations : std::max<std::int64_t>(20, 2 * std::int64_t(x.size()));
    d.setZero();
    m.r = gradient;
    m.p = -gradient;
    S square = norm * norm, predicted = 0, dd = 0, dp = 0, pp = square;
    for (std::int64_t k = 0; k < limit; ++k) {
      if (!m.hessian.multiply(f, calls, x, m.p, m.q)) break;
      ++calls.counts[0].linear_iterations;
      const S pq = m.p.dot(m.q);
      if (!std::isfinite(pq)) break;
      const S alpha = square / pq;
      if (!(pq > 0) || dd + alpha * (2 * dp + alpha * pp) >= radius * radius) {
        // |d + tau p| = radius. Along p the model falls by tau |r|² − tau² p'Hp / 2, as p'r = −|r|².
        const S room = radius * radius - dd, tau = room / (dp + std::sqrt(dp * dp + pp * room));
        d += tau * m.p;
        return predicted + tau * (square - tau * pq / 2);
      }
      d += alpha * m.p;
      const S gain = alpha * square / 2;
      predicted += gain;
      m.r += alpha * m.q;
      const S before = square;
      square = m.r.squaredNorm();
      const bool slow = S(k + 1) * gain <= predicted / 2;
      if (!(square > (slow ? target * target : exact * exact))) break;
      // |d|², d'p and |p|² by their recurrences: Conn, Gould & Toint (2000), section 7.5.1.
      const S beta = square / before;
      dd += alpha * (2 * dp + alpha * pp);
      dp = beta * (dp + alpha * pp);
      pp = square + beta * beta * pp;
      m.p = beta * m.p - m.r;
    }
    return predicted;
  }

  template <class F, class C, Point X>
  void product(const F& f, C& calls, const X& x, const X& v, Memory<X>& m, X& out) const {
    if (!m.hessian.multiply(f, calls, x, v, out)) out.setZero();
  }
};

/// A trust region with Steihaug's conjugate gradients: for up to 100 000 variables, with products of the Hessian.
using TrustRegionSteihaug = TrustRegion<Steihaug>;

}  // namespace mesaopt
