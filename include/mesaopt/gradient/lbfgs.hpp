#pragma once

#include <cmath>
#include <concepts>
#include <cstdint>
#include <tuple>
#include <type_traits>

#include <Eigen/Core>

#include <mesaopt/core/search.hpp>
#include <mesaopt/gradient/curvature_pairs.hpp>
#include <mesaopt/gradient/descent.hpp>
#include <mesaopt/gradient/known_scale.hpp>
#include <mesaopt/gradient/more_thuente.hpp>
#include <mesaopt/gradient/shaped_pairs.hpp>

namespace mesaopt {

/// The quasi-Newton direction −Hg, H from the last few curvature pairs.
///
/// It begins with the pairs of a prior, if that has some of its kind, of points of the same size and as many. Else the
/// inverse Hessian of a prior, or its covariance, becomes the initial one, in place of a multiple of the identity, as
/// far as `memory` pairs can tell it: see shaped_pairs.hpp. A covariance is a shape, which gets its scale from the
/// first step, as in BfgsDirection. Else the first step has the length that the prior's knowledge of curvatures
/// suggests.
struct LbfgsDirection {
  Eigen::Index memory = 10;  ///< pairs kept

  template <Point X>
  struct Memory {
    CurvaturePairs<X> pairs{};
    ScalarOf<X> first = 0;                      ///< step along −g of a prior without pairs; 0: not known
    CurvaturePairs<X> initial{};                ///< of a prior, for the initial inverse Hessian; none: the identity
    bool shape = false;                         ///< these have no scale yet
    typename CurvaturePairs<X>::Column q{};     ///< scratch
    typename CurvaturePairs<X>::Row weights{};  ///< scratch
    typename CurvaturePairs<X>::Row alphas{};   ///< scratch, where there are initial pairs
    X change{}, product{};                      ///< scratch, likewise
    static constexpr auto fields() {
      return std::tuple{&Memory::pairs, &Memory::first, &Memory::initial, &Memory::shape};
    }
  };

  /// Throws std::invalid_argument for a setting out of its range.
  void check() const {
    if (memory < 1) detail::refuse("Lbfgs::memory", double(memory), "it must be 1 or more");
  }

  template <Start P, Point X>
  void init(const P& start, const X& x, Memory<X>& m) const {
    if (CurvaturePairs<X>::most != Eigen::Dynamic && memory > CurvaturePairs<X>::most)
      detail::refuse("Lbfgs::memory", double(memory), "for points of fixed size it must be at most 16");
    begin(start, x, m);
    if (m.pairs.count == 0) take_matrix(detail::knowledge_of(start), x, m);
  }

  /// Begins with the pairs of a prior, or a first step of the length that it suggests.
  template <Start P, Point X>
  void begin(const P& start, const X& x, Memory<X>& m) const {
    m.shape = false;
    m.initial.count = m.initial.next = 0;
    const bool taken = take(detail::knowledge_of(start), x, m);
    m.first = taken ? ScalarOf<X>(0) : detail::known_scale<X>(start);
    if (!taken) m.pairs.clear(x.size(), memory);
    prepare(m);
  }

  template <Point X>
  ScalarOf<X> first_step(const Memory<X>& m) const {
    return m.first;
  }

  template <Point X>
  bool scaled(const Memory<X>& m) const {
    return m.initial.count > 0 ? !m.shape : m.pairs.count > 0;
  }

  template <Point X>
  bool forget(Memory<X>& m) const {
    const bool had = m.pairs.count + m.initial.count > 0;
    m.pairs.count = m.pairs.next = m.initial.count = 0;
    m.shape = false;
    return had;
  }

  template <Point X>
  void learn(const X& x, const X& gradient, const X& next_x, const X& next_gradient, Memory<X>& m) const {
    if (m.shape) scale(x, gradient, next_x, next_gradient, m);
    m.pairs.add(x, gradient, next_x, next_gradient);
  }

  template <class F, class C, Point X>
  void query(const F&, C&, const X&, const X& gradient, Memory<X>& m, X& d) const {
    if (m.q.size() != m.pairs.s.rows() || m.weights.size() != memory) prepare(m);
    if (m.initial.count > 0)
      from_initial(gradient, m, d);
    else
      m.pairs.direction(gradient, m.q, m.weights, d);
  }

 private:
  /// Takes over the pairs of a prior; false if it has none that fit.
  template <class P, Point X>
  bool take([[maybe_unused]] const P& prior, [[maybe_unused]] const X& x, [[maybe_unused]] Memory<X>& m) const {
    if constexpr (HasCurvaturePairs<P>) {
      if constexpr (std::same_as<std::remove_cvref_t<decltype(prior.curvature_pairs())>, CurvaturePairs<X>>) {
        const CurvaturePairs<X>& given = prior.curvature_pairs();
        if (given.s.rows() != detail::padded<ScalarOf<X>>(x.size()) || given.s.cols() != memory) return false;
        m.pairs = given;
        return true;
      }
    }
    return false;
  }

  /// Takes over the inverse Hessian of a prior, or its covariance as a shape.
  template <class P, Point X>
  void take_matrix([[maybe_unused]] const P& prior, [[maybe_unused]] const X& x, [[maybe_unused]] Memory<X>& m) const {
    if constexpr (HasInverseHessian<P> || HasCovariance<P>) {
      const auto& H = [&]() -> decltype(auto) {
        if constexpr (HasInverseHessian<P>)
          return detail::inverse_hessian_of(prior);
        else
          return detail::covariance_of(prior);
      }();
      if (H.isIdentity(0)) return;  // of a run that learnt nothing
      m.initial.clear(x.size(), memory);
      if (!detail::shape_pairs(H, x.size(), m.initial)) return;
      m.shape = !HasInverseHessian<P>;
      m.first = 0;
      m.change.resize(x.size());
      m.product.resize(x.size());
      m.alphas.resize(memory);
    }
  }

  /// Nocedal & Wright (2006), equation 6.20: the initial shape times s'y / y'Hy.
  template <Point X>
  void scale(const X& x, const X& gradient, const X& next_x, const X& next_gradient, Memory<X>& m) const {
    m.change = next_gradient - gradient;
    m.product.resize(x.size());
    m.initial.direction(m.change, m.q, m.weights, m.product);
    const auto by = (next_x - x).dot(m.change) / -m.change.dot(m.product);
    using std::isfinite;
    if (!(by > 0) || !isfinite(by)) return;
    m.initial.rescale(by);
    m.shape = false;
  }

  /// d = −Hg by the two-loop recursion with an initial inverse Hessian that is no multiple of the identity.
  template <Point X>
  static void from_initial(const X& gradient, Memory<X>& m, X& d) {
    const auto& pairs = m.pairs;
    const auto n = gradient.size();
    m.change = gradient;
    if (m.alphas.size() != pairs.s.cols()) m.alphas.resize(pairs.s.cols());  // loaded without its scratch
    Eigen::Index j = pairs.next;
    for (std::int64_t k = 0; k < pairs.count; ++k) {
      j = pairs.older(j);
      m.alphas[k] = pairs.reciprocal[j] * pairs.s.col(j).head(n).dot(m.change);
      m.change -= m.alphas[k] * pairs.y.col(j).head(n);
    }
    m.initial.direction(m.change, m.q, m.weights, d);
    for (std::int64_t k = pairs.count; k-- > 0; j = pairs.newer(j))
      d -= (m.alphas[k] + pairs.reciprocal[j] * pairs.y.col(j).head(n).dot(d)) * pairs.s.col(j).head(n);
  }

  template <Point X>
  static void prepare(Memory<X>& m) {
    detail::zeros(m.q, m.pairs.s.rows(), 1);
    detail::zeros(m.weights, m.pairs.s.cols(), 1);
  }
};

/// The limited-memory BFGS method: the first choice for smooth objectives of 2 to 100 000 variables.
///
/// Needs the gradient; uses O(memory · n) space and time per step, and about one evaluation a step.
/// Liu & Nocedal (1989), "On the limited memory BFGS method for large scale optimization", with a strong Wolfe line
/// search.
struct Lbfgs {
  Eigen::Index memory = 10;   ///< curvature pairs kept, usually 3 to 20; at most 16 for points of fixed size
  MoreThuente line_search{};  ///< how far to go along each direction

  static constexpr bool needs_gradient = true;
  using Pieces = Descent<LbfgsDirection, MoreThuente>;
  template <Point X, class M = Nothing>
  using State = Pieces::State<X, M>;

  /// The gradient below 1e-8 (float needs its own rule), at most 10 000 iterations.
  [[nodiscard]] auto default_stopping() const { return GradientBelow{1e-8} || MaxIterations{10000}; }
  [[nodiscard]] Pieces pieces() const { return {{memory}, line_search}; }

  template <class F, Start P, class M>
  requires Differentiable<F, PointOf<P>>
  void init(const F& f, const P& start, State<PointOf<P>, M>& state) const { pieces().init(f, start, state); }
  template <class F, Point X, class M>
  requires Differentiable<F, X>
  void step(const F& f, State<X, M>& state) const { pieces().step(f, state); }
};

}  // namespace mesaopt
