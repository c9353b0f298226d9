#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <tuple>

#include <Eigen/Core>

#include <mesaopt/core/search.hpp>
#include <mesaopt/core/vectors.hpp>
#include <mesaopt/gradient/cauchy_point.hpp>
#include <mesaopt/gradient/compact_bfgs.hpp>
#include <mesaopt/gradient/curvature_pairs.hpp>
#include <mesaopt/gradient/descent.hpp>
#include <mesaopt/gradient/free_pairs.hpp>
#include <mesaopt/gradient/kept_box.hpp>
#include <mesaopt/gradient/lbfgs.hpp>
#include <mesaopt/gradient/more_thuente.hpp>

namespace mesaopt {

/// The way to where the quadratic model of L-BFGS is least in the box, or nearly so.
///
/// Variables that the gradient presses against a bound they are at stay there. The model on the others is that of the
/// formula of BFGS with what the curvature pairs are on them, and the goal its minimum, projected into the box. Where
/// that costs more than half of the slope, the generalized Cauchy point says which further bounds to go to, and the
/// goal is the minimum over the variables that are left.
struct LbfgsbDirection {
  Eigen::Index memory = 10;  ///< pairs kept

  template <Point X>
  struct Memory : LbfgsDirection::Memory<X> {
    using Base = LbfgsDirection::Memory<X>;
    KeptBox<X> box{};
    CompactBfgs<X> compact{};
    detail::FreePairs<X> face{};
    X rests{};                        ///< in how many of the newest pairs each variable did not move
    detail::CauchyPoint<X> cauchy{};  ///< scratch

    static constexpr auto fields() {
      return std::tuple_cat(Base::fields(), std::tuple{&Memory::box, &Memory::compact, &Memory::face, &Memory::rests});
    }
  };

  /// Throws std::invalid_argument for a setting out of its range.
  void check() const {
    if (memory < 1) detail::refuse("LbfgsB::memory", double(memory), "it must be 1 or more");
  }

  template <Start P, Point X>
  void init(const P& start, const X& x, Memory<X>& m) const {
    unbounded().begin(start, x, m);
    m.compact.clear(m.pairs);
    m.face.clear(m.pairs);
    m.rests.resize(x.size());
    m.rests.setZero();
    for (Eigen::Index age = 0; age < m.pairs.count; ++age)
      for (Eigen::Index i = 0; i < x.size(); ++i)
        m.rests[i] = m.pairs.s(i, m.pairs.place(age)) == 0 ? m.rests[i] + 1 : 0;
    prepare(m);
  }

  template <Point X>
  bool scaled(const Memory<X>& m) const {
    return unbounded().scaled(m) || m.box.closed;
  }

  template <Point X>
  ScalarOf<X> first_step(const Memory<X>& m) const {
    return unbounded().first_step(m);
  }

  template <Point X>
  bool forget(Memory<X>& m) const {
    m.compact.fresh = m.face.unknown = 0;
    return unbounded().forget(m);
  }

  template <Point X>
  void learn(const X& x, const X& gradient, const X& next_x, const X& next_gradient, Memory<X>& m) const {
    const auto before = m.pairs.next;
    m.pairs.add(x, gradient, next_x, next_gradient);
    if (m.pairs.next != before || m.pairs.s.cols() == 1) {
      ++m.compact.fresh;
      ++m.face.unknown;
      using S = ScalarOf<X>;
      const S *const from = x.data(), *const to = next_x.data();
      S* const rests = m.rests.data();
      for (Eigen::Index i = 0; i < x.size(); ++i) {
        const S longer = rests[i] + 1;
        rests[i] = from[i] == to[i] ? longer : S(0);
      }
    }
    m.compact.fresh = std::min(m.compact.fresh, m.pairs.count);
    m.face.unknown = std::min(m.face.unknown, m.pairs.count);
  }

  template <class F, class C, Point X>
  void query(const F& f, C& calls, const X& x, const X& gradient, Memory<X>& m, X& d) const {
    if (!m.box.bounded) return unbounded().query(f, calls, x, gradient, m, d);
    if (!m.compact.prepared(m.pairs) || m.cauchy.step.size() != x.size()) prepare(m);
    if (m.pairs.count > 0) {
      if (to_goal(x, gradient, m, d)) return;
      forget(m);
    }
    m.box.descend(x, gradient, 1, d);
  }

 private:
  [[nodiscard]] LbfgsDirection unbounded() const { return {memory}; }

  template <Point X>
  static void prepare(Memory<X>& m) {
    m.q.setZero(m.pairs.s.rows());
    m.weights.setZero(m.pairs.s.cols());
    m.compact.prepare(m.pairs);
    m.cauchy.resize(m.rests.size(), m.pairs.s.rows(), m.pairs.s.cols());
  }

  /// d = the way to the goal. False if rounding has spoilt the pairs.
  template <Point X>
  static bool to_goal(const X& x, const X& gradient, Memory<X>& m, X& d) {
    auto& cauchy = m.cauchy;
    const auto n = x.size();
    free_minimizer(m, look(x, gradient, m));
    d = m.q.head(n);
    if ((x + d - m.box.box.lower).cwiseMin(m.box.box.upper - x - d).minCoeff() >= 0) return true;
    const auto full = detail::product(gradient.data(), d.data(), n);
    cauchy.step.setZero();
    if (project(x, gradient, m, d) <= full / 2) return true;
    if (!m.compact.factor_middle(m.pairs)) return false;
    // As |g|² / g'Bg <= g'B⁻¹g / |g|², the Cauchy point is hardly further away than this.
    const auto guess = -full / detail::product(cauchy.descent.data(), cauchy.descent.data(), n);
    if (cauchy.find(x, gradient, m.box, m.pairs, m.compact, guess)) minimizer_beyond(m);
    if (!(project(x, gradient, m, d) < 0)) truncate(x, m, d);
    return true;
  }

  /// Marks the variables that may move, with q as their gradient. Answers whether some pair has moved one of the
  /// others.
  template <Point X>
  static bool look(const X& x, const X& gradient, Memory<X>& m) {
    using S = ScalarOf<X>;
    const S *const at = x.data(), *const g = gradient.data();
    const S *const lower = m.box.box.lower.data(), *const upper = m.box.box.upper.data();
    S *const free = m.cauchy.free.data(), *const descent = m.cauchy.descent.data();
    S* const q = m.q.data();
    for (Eigen::Index i = 0; i < x.size(); ++i) {
      const S down = at[i] == lower[i] && g[i] >= 0 ? S(0) : S(1), up = at[i] == upper[i] && g[i] <= 0 ? S(0) : S(1);
      free[i] = down * up;
      q[i] = down * up * g[i];
      descent[i] = -q[i];
    }
    const S all = S(m.pairs.count);
    return (m.rests.array() + all * m.cauchy.free.head(x.size()).array()).minCoeff() < all;
  }

  /// q, the gradient of the free variables and 0 for the others, becomes the way to where the model on the free
  /// variables is least: the formula of BFGS with what the pairs are there.
  template <Point X>
  static void free_minimizer(Memory<X>& m, bool moved) {
    using detail::Held;
    ScalarOf<X> factor;
    if (moved) {
      m.face.follow(m.pairs, m.cauchy.free);
      factor = m.pairs.template multiply<Held::moved>(m.face.reciprocal, m.face.neighbour, m.cauchy.free.data(),
                                                      m.weights, m.q);
    } else {
      factor = m.pairs.template multiply<Held::unmoved>(m.pairs.reciprocal, m.pairs.neighbour, m.cauchy.free.data(),
                                                        m.weights, m.q);
    }
    m.q *= factor;
  }

  /// q = the way to where the model is least over the variables that the Cauchy point has left free, the others having
  /// gone to their bounds; in their places it is 0. What they change in the gradient is −W M Wᵀ times their step.
  template <Point X>
  static void minimizer_beyond(Memory<X>& m) {
    m.q = -m.cauchy.descent;
    m.cauchy.moved *= -1;
    m.compact.multiply_middle(m.pairs, m.cauchy.moved);
    m.compact.add_columns(m.pairs, m.cauchy.moved, m.q);
    m.q.array() *= m.cauchy.free.array();
    free_minimizer(m, true);
  }

  // Morales & Nocedal (2011), "Remark on Algorithm 778: L-BFGS-B", ACM TOMS 38(1): the minimum over the free variables
  // is projected into the box, unless the way to there does not lead down; then it is approached from the Cauchy point
  // as far as the box allows.

  /// d = the way to the projected minimum. Answers the slope along it.
  template <Point X>
  static ScalarOf<X> project(const X& x, const X& gradient, const Memory<X>& m, X& d) {
    for (Eigen::Index i = 0; i < x.size(); ++i) {
      const auto down = m.box.box.lower[i] - x[i], up = m.box.box.upper[i] - x[i];
      const auto within = m.q[i] < down ? down : m.q[i] > up ? up : m.q[i];
      d[i] = m.cauchy.free[i] != 0 ? within : m.cauchy.step[i];
    }
    return detail::product(gradient.data(), d.data(), x.size());
  }

  /// d = the way to the last point in the box on the way from the Cauchy point to the minimum.
  template <Point X>
  static void truncate(const X& x, const Memory<X>& m, X& d) {
    using S = ScalarOf<X>;
    S fraction = 1;
    for (Eigen::Index i = 0; i < x.size(); ++i) {
      d[i] = m.cauchy.length * m.cauchy.descent[i];
      const S way = m.cauchy.free[i] * (m.q[i] - d[i]);
      const S room = (way > 0 ? m.box.box.upper[i] : m.box.box.lower[i]) - x[i] - d[i];
      if (way != 0) fraction = std::min(fraction, std::max(S(0), room / way));
    }
    for (Eigen::Index i = 0; i < x.size(); ++i)
      d[i] += m.cauchy.free[i] != 0 ? fraction * (m.q[i] - d[i]) : m.cauchy.step[i];
  }
};

/// The limited-memory BFGS method for variables with bounds: the first choice for smooth objectives of 2 to 100 000
/// variables in a box.
///
///     auto solution = minimize(within(f, box), x0, LbfgsB{});
///
/// All points it evaluates lie in the box, those at a bound exactly; a start outside is refused. Needs the gradient;
/// uses O(memory · n) space and time per step, and about one evaluation a step. `GradientBelow` looks at the projected
/// gradient (see KeptBox), the state's `stationarity()`; the multipliers of the bounds at the solution are the entries
/// of the state's `gradient` there. Without bounds it is Lbfgs, and each takes over the curvature pairs of the other.
///
/// Byrd, Lu, Nocedal & Zhu (1995), "A limited memory algorithm for bound constrained optimization", SIAM J. Sci.
/// Comput. 16(5), with the projection of Morales & Nocedal (2011), ACM TOMS 38(1). Two differences, which make a step
/// cheap: on the variables not held at bounds the model is made of the parts of the pairs there, by the two-loop
/// recursion, as in the projected BFGS method of Kelley (1999), "Iterative Methods for Optimization", section 5.5.3,
/// which is the same where no pair has moved the others; and the Cauchy point is sought only where the projection of
/// the minimum is a poor direction.
struct LbfgsB {
  Eigen::Index memory = 10;   ///< curvature pairs kept, usually 3 to 20; at most 16 for points of fixed size
  MoreThuente line_search{};  ///< how far to go along each direction

  static constexpr bool needs_gradient = true;
  static constexpr bool handles_bounds = true;
  using Pieces = Descent<LbfgsbDirection, MoreThuente>;
  template <Point X, class M = Nothing>
  using State = Pieces::State<X, M>;

  /// The projected gradient below 1e-8 (float needs its own rule), at most 10 000 iterations.
  [[nodiscard]] auto default_stopping() const { return GradientBelow{1e-8} || MaxIterations{10000}; }
  [[nodiscard]] Pieces pieces() const { return {{memory}, line_search}; }

  /// Throws std::invalid_argument for a start outside of the box, or a setting out of its range.
  template <class F, Start P, class M>
  requires Differentiable<F, PointOf<P>>
  void init(const F& f, const P& start, State<PointOf<P>, M>& state) const { pieces().init(f, start, state); }
  template <class F, Point X, class M>
  requires Differentiable<F, X>
  void step(const F& f, State<X, M>& state) const { pieces().step(f, state); }
};

}  // namespace mesaopt
