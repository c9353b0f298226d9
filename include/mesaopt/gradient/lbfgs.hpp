#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <tuple>

#include <Eigen/Core>

#include <mesaopt/core/search.hpp>
#include <mesaopt/gradient/descent.hpp>
#include <mesaopt/gradient/more_thuente.hpp>

namespace mesaopt {

/// The last steps s and gradient changes y of a run, oldest overwritten first. For points of fixed size at most 16.
template <Point X>
struct CurvaturePairs {
  using S = ScalarOf<X>;
  static constexpr int most = X::RowsAtCompileTime == Eigen::Dynamic ? Eigen::Dynamic : 16;
  using Columns = Eigen::Matrix<S, X::RowsAtCompileTime, Eigen::Dynamic, Eigen::ColMajor, X::MaxRowsAtCompileTime, most>;
  using Row = Eigen::Matrix<S, Eigen::Dynamic, 1, Eigen::ColMajor, most, 1>;

  Columns s{}, y{};
  Row sy{};                ///< s'y of each pair
  S scale = 1;             ///< s'y / y'y of the newest pair: the initial inverse Hessian is this times the identity
  std::int64_t count = 0;  ///< pairs held
  std::int64_t next = 0;   ///< column that the next pair goes to

  static constexpr auto fields() {
    using P = CurvaturePairs;
    return std::tuple{&P::s, &P::y, &P::sy, &P::scale, &P::count, &P::next};
  }
};

/// The quasi-Newton direction −Hg, H from the last few curvature pairs.
/// Nocedal & Wright (2006), algorithm 7.4 (two-loop recursion) with scaling (7.20).
struct LbfgsDirection {
  Eigen::Index memory = 10;  ///< pairs kept

  template <Point X>
  struct Memory {
    CurvaturePairs<X> pairs{};
    typename CurvaturePairs<X>::Row weights{};  ///< scratch
    static constexpr auto fields() { return std::tuple{&Memory::pairs}; }
  };

  void check() const {
    if (memory < 1) detail::refuse("Lbfgs::memory", double(memory), "it must be 1 or more");
  }

  template <Start P, Point X>
  void init(const P& start, const X& x, Memory<X>& m) const {
    if (CurvaturePairs<X>::most != Eigen::Dynamic && memory > CurvaturePairs<X>::most)
      detail::refuse("Lbfgs::memory", double(memory), "for points of fixed size it must be at most 16");
    auto& pairs = m.pairs;
    m.weights.resize(memory);
    if constexpr (HasCurvaturePairs<P>) {
      if constexpr (std::same_as<std::remove_cvref_t<decltype(start.curvature_pairs())>, CurvaturePairs<X>>) {
        const auto& given = start.curvature_pairs();
        if (given.s.rows() == x.size() && given.s.cols() == memory) {
          pairs = given;
          return;
        }
      }
    }
    // Unused columns are zero so that equal runs are equal in all their bytes.
    pairs.s.setZero(x.size(), memory);
    pairs.y.setZero(x.size(), memory);
    pairs.sy.setZero(memory);
    pairs.scale = 1;
    pairs.count = pairs.next = 0;
  }

  template <Point X>
  bool scaled(const Memory<X>& m) const {
    return m.pairs.count > 0;
  }

  template <Point X>
  bool forget(Memory<X>& m) const {
    const bool had = m.pairs.count > 0;
    m.pairs.count = m.pairs.next = 0;
    return had;
  }

  template <Point X>
  void learn(const X& x, const X& gradient, const X& next_x, const X& next_gradient, Memory<X>& m) const {
    auto& pairs = m.pairs;
    auto s = pairs.s.col(pairs.next);
    auto y = pairs.y.col(pairs.next);
    s = next_x - x;
    y = next_gradient - gradient;
    const auto sy = s.dot(y);
    const auto yy = y.squaredNorm();
    if (!(sy > std::numeric_limits<ScalarOf<X>>::epsilon() * yy)) return;  // no curvature along s: keep H positive definite
    pairs.sy[pairs.next] = sy;
    pairs.scale = sy / yy;
    pairs.next = (pairs.next + 1) % memory;
    pairs.count = std::min<std::int64_t>(pairs.count + 1, memory);
  }

  template <class F, class C, Point X>
  void query(const F&, C&, const X&, const X& gradient, Memory<X>& m, X& d) const {
    const auto& pairs = m.pairs;
    d = -gradient;
    Eigen::Index j = pairs.next;
    for (std::int64_t k = 0; k < pairs.count; ++k) {
      j = j == 0 ? memory - 1 : j - 1;
      const auto a = pairs.s.col(j).dot(d) / pairs.sy[j];
      m.weights[j] = a;
      d -= a * pairs.y.col(j);
    }
    d *= pairs.scale;
    for (std::int64_t k = 0; k < pairs.count; ++k) {
      d += (m.weights[j] - pairs.y.col(j).dot(d) / pairs.sy[j]) * pairs.s.col(j);
      j = j + 1 == memory ? 0 : j + 1;
    }
  }
};

/// The limited-memory BFGS method: the first choice for smooth objectives of 2 to 100 000 variables.
///
/// Needs the gradient; uses O(memory · n) space and time per step, and about one evaluation a step.
/// Liu & Nocedal (1989), "On the limited memory BFGS method for large scale optimization", with a strong Wolfe line search.
struct Lbfgs {
  Eigen::Index memory = 10;       ///< curvature pairs kept, usually 3 to 20
  MoreThuente line_search{};      ///< how far to go along each direction

  static constexpr bool needs_gradient = true;
  using Pieces = Descent<LbfgsDirection, MoreThuente>;
  template <Point X, class M = Nothing>
  using State = Pieces::State<X, M>;

  /// The gradient below 1e-8 (double) or 1e-4 (float needs its own rule), at most 10 000 iterations.
  [[nodiscard]] auto default_stopping() const { return GradientBelow{1e-8} || MaxIterations{10000}; }
  [[nodiscard]] Pieces pieces() const { return {{memory}, line_search}; }

  template <class F, Start P, class M>
    requires Differentiable<F, PointOf<P>>
  void init(const F& f, const P& start, State<PointOf<P>, M>& state) const {
    pieces().init(f, start, state);
  }
  template <class F, Point X, class M>
    requires Differentiable<F, X>
  void step(const F& f, State<X, M>& state) const {
    pieces().step(f, state);
  }
};

}  // namespace mesaopt
