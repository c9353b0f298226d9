#pragma once

#include <tuple>

#include <mesaopt/core/search.hpp>
#include <mesaopt/gradient/descent.hpp>
#include <mesaopt/gradient/more_thuente.hpp>

namespace mesaopt {

/// The direction −g.
struct Steepest {
  template <Point X>
  struct Memory {
    static constexpr std::tuple<> fields() { return {}; }
  };

  void check() const {}
  template <Start P, Point X>
  void init(const P&, const X&, Memory<X>&) const {}
  template <class F, class C, Point X>
  void query(const F&, C&, const X&, const X& gradient, Memory<X>&, X& d) const {
    d = -gradient;
  }
  template <Point X>
  void learn(const X&, const X&, const X&, const X&, Memory<X>&) const {}
  template <Point X>
  bool forget(Memory<X>&) const {
    return false;
  }
  template <Point X>
  bool scaled(const Memory<X>&) const {
    return false;
  }
};

/// Steepest descent with a line search: simple, never uphill, and slow where curvatures differ. Lbfgs costs no more.
///
/// Nocedal & Wright (2006), "Numerical Optimization", section 3.3.
struct SteepestDescent {
  MoreThuente line_search{};  ///< how far to go along −g

  static constexpr bool needs_gradient = true;
  using Pieces = Descent<Steepest, MoreThuente>;
  template <Point X, class M = Nothing>
  using State = Pieces::State<X, M>;

  /// The gradient below 1e-6, at most 10 000 iterations.
  [[nodiscard]] auto default_stopping() const { return GradientBelow{1e-6} || MaxIterations{10000}; }
  [[nodiscard]] Pieces pieces() const { return {{}, line_search}; }

  template <class F, Start P, class M>
  requires Differentiable<F, PointOf<P>>
  void init(const F& f, const P& start, State<PointOf<P>, M>& state) const { pieces().init(f, start, state); }
  template <class F, Point X, class M>
  requires Differentiable<F, X>
  void step(const F& f, State<X, M>& state) const { pieces().step(f, state); }
};

}  // namespace mesaopt
