#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <tuple>

#include <Eigen/Core>

#include <mesaopt/core/search.hpp>
#include <mesaopt/gradient/descent.hpp>
#include <mesaopt/gradient/hessian_products.hpp>
#include <mesaopt/gradient/more_thuente.hpp>

namespace mesaopt {

/// The truncated Newton direction: d with Hd ≈ −g by the method of conjugate gradients, which needs products with the
/// Hessian H alone.
///
/// It ends at negative curvature, which if met at once gives −g times |g|²/|g'Hg|; or when |Hd + g| ≤ min(forcing,
/// √(|g|/|g₀|)) |g|, g₀ the first gradient of the run, and moreover iteration k lowered the model by no more than 1/2k
/// of what all k did: in a curved valley a small residual alone may mean a direction that leads across it. Nocedal &
/// Wright (2006), algorithm 7.1, where |g₀| is 1; Nash & Sofer (1990), "Assessing a search direction within a
/// truncated-Newton method", Oper. Res. Lett. 9(4).
struct NewtonCgDirection {
  double forcing = 0.5;                ///< largest relative residual, in (0, 1)
  std::int64_t linear_iterations = 0;  ///< limit on those of a step; 0: twice the number of variables, and at least 20

  template <Point X>
  struct Memory {
    ScalarOf<X> first_norm = 0;  ///< |g₀|; 0: not yet known
    bool steepest = false;       ///< the last direction, or the next if the Newton direction led nowhere, is −g
    bool asked = false;          ///< −g is wanted next
    detail::HessianProducts<X> hessian{};  ///< scratch
    X r{}, p{}, q{};                       ///< scratch
    static constexpr auto fields() { return std::tuple{&Memory::first_norm, &Memory::steepest, &Memory::asked}; }
  };

  /// Throws std::invalid_argument for a setting out of its range.
  void check() const {
    if (!(forcing > 0 && forcing < 1)) detail::refuse("NewtonCg::forcing", forcing, "it must be in (0, 1)");
    if (linear_iterations < 0)
      detail::refuse("NewtonCg::linear_iterations", double(linear_iterations), "it must be 0 or more");
  }

  template <Start P, Point X>
  void init(const P&, const X& x, Memory<X>& m) const {
    m.first_norm = 0;
    m.steepest = m.asked = false;
    for (X* v : {&m.r, &m.p, &m.q}) v->resize(x.size());
  }

  template <Point X>
  bool scaled(const Memory<X>& m) const {
    return !m.steepest;
  }

  template <Point X>
  bool forget(Memory<X>& m) const {
    if (m.steepest) return false;
    m.steepest = m.asked = true;
    return true;
  }

  template <Point X>
  void learn(const X&, const X&, const X&, const X&, Memory<X>& m) const {
    m.asked = false;
  }

  template <class F, class C, Point X>
  void query(const F& f, C& calls, const X& x, const X& gradient, Memory<X>& m, X& d) const {
    using S = ScalarOf<X>;
    const S norm = gradient.norm();
    if (m.first_norm == 0) m.first_norm = norm;
    d = -gradient;
    m.steepest = true;
    if (m.asked || !(norm > 0)) return;
    m.hessian.at(f, calls, x);
    m.q.resize(x.size());  // a loaded state comes without its scratch
    const S target = std::min(S(forcing), std::sqrt(norm / m.first_norm)) * norm;
    const S exact = 10 * std::numeric_limits<S>::epsilon() * norm;
    const std::int64_t limit =
        linear_iterations > 0 ? linear_iterations : std::max<std::int64_t>(20, 2 * std::int64_t(x.size()));
    m.r = gradient;
    m.p = d;
    S square = norm * norm, most = 0, decrease = 0;
    for (std::int64_t k = 0; k < limit; ++k) {
      if (!m.hessian.multiply(f, calls, x, m.p, m.q)) return;
      ++calls.counts[0].linear_iterations;
      const S pq = m.p.dot(m.q), pp = m.p.squaredNorm();
      if (!std::isfinite(pq)) return;
      if (!(pq > std::numeric_limits<S>::epsilon() * most * pp)) {  // not positive beyond rounding
        if (k == 0 && pq < 0) {
          d *= square / -pq;  // as far as the curvature would lead if it were positive
          m.steepest = false;
        }
        return;
      }
      most = std::max(most, pq / pp);
      const S alpha = square / pq, gain = alpha * square / 2;
      if (k == 0)
        d = alpha * m.p;
      else
        d += alpha * m.p;
      m.steepest = false;
      decrease += gain;
      m.r += alpha * m.q;
      const S before = square;
      square = m.r.squaredNorm();
      const bool slow = S(k + 1) * gain <= decrease / 2;
      if (!(square > (slow ? target * target : exact * exact))) return;
      m.p = (square / before) * m.p - m.r;
    }
  }
};

/// Newton's method with Hessian products and a line search: for smooth objectives of many variables whose Hessian is
/// too large to keep, or too ill-conditioned for Lbfgs.
///
/// Needs the gradient; takes products from `f.hessian_product`, else from `f.hessian`, else from differences of two
/// gradients each. A step costs about one evaluation and as many products as conjugate gradients need, counted as
/// linear iterations. Near a minimum with positive definite Hessian the convergence is superlinear. Dembo & Steihaug
/// (1983), "Truncated-Newton algorithms for large-scale unconstrained optimization"; Nocedal & Wright (2006),
/// "Numerical Optimization", algorithm 7.1. See TrustRegionSteihaug for the same with a trust region, which uses
/// negative curvature.
struct NewtonCg {
  double forcing = 0.5;                ///< of NewtonCgDirection
  std::int64_t linear_iterations = 0;  ///< of NewtonCgDirection
  MoreThuente line_search{};           ///< how far to go along each direction

  static constexpr bool needs_gradient = true;
  using Pieces = Descent<NewtonCgDirection, MoreThuente>;
  template <Point X, class M = Nothing>
  using State = Pieces::State<X, M>;

  /// The gradient below 1e-8 (float needs its own rule), at most 1000 iterations.
  [[nodiscard]] auto default_stopping() const { return GradientBelow{1e-8} || MaxIterations{1000}; }
  [[nodiscard]] Pieces pieces() const { return {{forcing, linear_iterations}, line_search}; }

  template <class F, Start P, class M>
  requires Differentiable<F, PointOf<P>>
  void init(const F& f, const P& start, State<PointOf<P>, M>& state) const { pieces().init(f, start, state); }
  template <class F, Point X, class M>
  requires Differentiable<F, X>
  void step(const F& f, State<X, M>& state) const { pieces().step(f, state); }
};

}  // namespace mesaopt
