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
#include <mesaopt/gradient/kept_box.hpp>
#include <mesaopt/gradient/lbfgs.hpp>
#include <mesaopt/gradient/more_thuente.hpp>

namespace mesaopt {

/// The way to where the quadratic model of L-BFGS is least in the box, or nearly so.
///
/// Variables that the gradient presses against a bound they are at stay there. Where the model's minimum over the
/// others lies in the box, it is the goal; else the generalized Cauchy point says which further bounds to go to, and
/// the goal is the model's minimum over the variables that are left, projected into the box.
struct LbfgsbDirection {
  Eigen::Index memory = 10;  ///< pairs kept

  template <Point X>
  struct Memory : LbfgsDirection::Memory<X> {
    using Base = LbfgsDirection::Memory<X>;
    KeptBox<X> box{};
    CompactBfgs<X> compact{};
    detail::FaceProducts<X> face{};
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
    unbounded().init(start, x, m);
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
      m.rests = (next_x.array() == x.array()).select(m.rests.array() + 1, ScalarOf<X>(0));
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
    if (!free_minimizer(m, look(x, gradient, m))) return false;
    d = m.q.head(x.size());
    if ((x + d - m.box.box.lower).cwiseMin(m.box.box.upper - x - d).minCoeff() >= 0) return true;
    // As |g|² / g'Bg <= g'B⁻¹g / |g|², no variable goes to a bound before the Cauchy point if none does up to there.
    const auto n = x.size();
    const auto furthest = -detail::product(gradient.data(), d.data(), n) /
                          detail::product(cauchy.descent.data(), cauchy.descent.data(), n);
    cauchy.step.setZero();
    if (furthest <= m.box.reach(x, cauchy.descent.head(x.size())) && project(x, gradient, m, d)) return true;
    if (!m.compact.factor_middle(m.pairs)) return false;
    if (cauchy.find(x, gradient, m.box, m.pairs, m.compact, furthest) && !minimizer_beyond(m)) return false;
    if (!project(x, gradient, m, d)) truncate(x, m, d);
    return true;
  }

  /// Marks the variables that may move. Answers how many of the newest pairs have not moved any of the others.
  template <Point X>
  static std::int64_t look(const X& x, const X& gradient, Memory<X>& m) {
    using S = ScalarOf<X>;
    const S *const at = x.data(), *const g = gradient.data();
    const S *const lower = m.box.box.lower.data(), *const upper = m.box.box.upper.data();
    S *const free = m.cauchy.free.data(), *const descent = m.cauchy.descent.data();
    for (Eigen::Index i = 0; i < x.size(); ++i) {
      const S down = at[i] == lower[i] && g[i] >= 0 ? S(0) : S(1), up = at[i] == upper[i] && g[i] <= 0 ? S(0) : S(1);
      free[i] = down * up;
      descent[i] = -(down * up) * g[i];
    }
    const S all = S(m.pairs.count);
    return std::int64_t(std::min(all, (m.rests.array() + all * m.cauchy.free.head(x.size()).array()).minCoeff()));
  }

  /// q = the way to the model's minimum over the free variables, the others staying. False if rounding does not let it
  /// be found.
  ///
  /// Pairs whose steps moved free variables alone update the free part of B by the formula of BFGS, and so its inverse
  /// by the two-loop recursion. Those older than that have made the matrix that is updated.
  template <Point X>
  static bool free_minimizer(Memory<X>& m, std::int64_t newest) {
    const Eigen::Index older = m.pairs.count - newest;
    if (older > 0 && !factor_free(m, older)) return false;
    m.q = -m.cauchy.descent;
    const auto factor = m.pairs.multiply(m.weights, m.q, newest, [&](auto& q) {
      q.array() *= m.cauchy.free.array();
      if (older == 0) return;
      m.compact.multiply(m.pairs, older, q.data(), m.cauchy.along);
      m.compact.invert_free(m.pairs, older, m.cauchy.along, q);
      q.array() *= m.cauchy.free.array();
    });
    m.q *= factor;
    return true;
  }

  /// q = the way to the model's minimum over the variables that the Cauchy point has left free, the others having gone
  /// to their bounds; in their places it means nothing. False if rounding does not let it be found.
  template <Point X>
  static bool minimizer_beyond(Memory<X>& m) {
    if (!factor_free(m, m.pairs.count)) return false;
    m.q = m.cauchy.descent;
    m.cauchy.along += m.cauchy.moved / m.pairs.scale;
    m.compact.invert_free(m.pairs, m.pairs.count, m.cauchy.along, m.q);
    m.q *= m.pairs.scale;
    return true;
  }

  template <Point X>
  static bool factor_free(Memory<X>& m, Eigen::Index pairs) {
    m.face.follow(m.pairs, pairs, m.cauchy.free);
    return m.compact.factor_free(m.pairs, pairs, m.face);
  }

  // Morales & Nocedal (2011), "Remark on Algorithm 778: L-BFGS-B", ACM TOMS 38(1): the minimum over the free variables
  // is projected into the box, unless the way to there does not lead down; then it is approached from the Cauchy point
  // as far as the box allows.

  /// d = the way to the projected minimum. False if it does not lead down.
  template <Point X>
  static bool project(const X& x, const X& gradient, const Memory<X>& m, X& d) {
    for (Eigen::Index i = 0; i < x.size(); ++i) {
      const auto down = m.box.box.lower[i] - x[i], up = m.box.box.upper[i] - x[i];
      const auto within = m.q[i] < down ? down : m.q[i] > up ? up : m.q[i];
      d[i] = m.cauchy.free[i] != 0 ? within : m.cauchy.step[i];
    }
    return detail::product(gradient.data(), d.data(), x.size()) < 0;
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
/// Comput. 16(5), with the subspace minimization of Morales & Nocedal (2011), ACM TOMS 38(1). One difference: where the
/// model's minimum over the variables not held at bounds is in the box, that is taken, and no Cauchy point is sought;
/// if no pair has a step of the variables held, it comes from the two-loop recursion.
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
