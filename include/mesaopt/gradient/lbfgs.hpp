#pragma once

#include <concepts>
#include <tuple>
#include <type_traits>

#include <Eigen/Core>

#include <mesaopt/core/search.hpp>
#include <mesaopt/gradient/curvature_pairs.hpp>
#include <mesaopt/gradient/descent.hpp>
#include <mesaopt/gradient/known_scale.hpp>
#include <mesaopt/gradient/more_thuente.hpp>

namespace mesaopt {

/// The quasi-Newton direction −Hg, H from the last few curvature pairs.
///
/// It begins with the pairs of a prior, if that has some of its kind, of points of the same size and as many; else with
/// a first step of the length that the prior's knowledge of curvatures suggests, if it has any.
struct LbfgsDirection {
  Eigen::Index memory = 10;  ///< pairs kept

  template <Point X>
  struct Memory {
    CurvaturePairs<X> pairs{};
    ScalarOf<X> first = 0;                      ///< step along −g of a prior without pairs; 0: not known
    typename CurvaturePairs<X>::Column q{};     ///< scratch
    typename CurvaturePairs<X>::Row weights{};  ///< scratch
    static constexpr auto fields() { return std::tuple{&Memory::pairs, &Memory::first}; }
  };

  /// Throws std::invalid_argument for a setting out of its range.
  void check() const {
    if (memory < 1) detail::refuse("Lbfgs::memory", double(memory), "it must be 1 or more");
  }

  template <Start P, Point X>
  void init(const P& start, const X& x, Memory<X>& m) const {
    if (CurvaturePairs<X>::most != Eigen::Dynamic && memory > CurvaturePairs<X>::most)
      detail::refuse("Lbfgs::memory", double(memory), "for points of fixed size it must be at most 16");
    bool taken = false;
    if constexpr (requires { start.state; })
      taken = take(start.state, x, m);
    else
      taken = take(start, x, m);
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
    m.pairs.add(x, gradient, next_x, next_gradient);
  }

  template <class F, class C, Point X>
  void query(const F&, C&, const X&, const X& gradient, Memory<X>& m, X& d) const {
    if (m.q.size() != m.pairs.s.rows() || m.weights.size() != memory) prepare(m);
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
