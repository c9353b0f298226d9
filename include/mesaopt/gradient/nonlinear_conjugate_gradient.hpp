#pragma once

#include <algorithm>
#include <limits>
#include <tuple>

#include <Eigen/Core>

#include <mesaopt/core/search.hpp>
#include <mesaopt/gradient/curvature_pairs.hpp>
#include <mesaopt/gradient/descent.hpp>
#include <mesaopt/gradient/hager_zhang.hpp>
#include <mesaopt/gradient/known_scale.hpp>

namespace mesaopt {

/// The direction −g + βd of nonlinear conjugate gradients, d the one before, with the β of Hager & Zhang.
///
/// β = (y'g − θ d'g |y|²/d'y) / d'y, but at least η d'g₋/|d|², where y is the change of the gradient to g from g₋. It
/// leads down whatever the line search, by at least (1 − 1/4θ)|g|², and both β and its bound keep their meaning when
/// values or variables are scaled. Hager & Zhang (2005), "A new conjugate gradient method with guaranteed descent and
/// an efficient line search", SIAM J. Optim. 16(1), equations 1.3 to 1.6, where θ = 2; the bound is that of their "The
/// limited memory conjugate gradient method" (2013), SIAM J. Optim. 23(4), as is θ = 1, which on the functions of Moré,
/// Garbow & Hillstrom takes fewer steps.
struct ConjugateGradientDirection {
  double theta = 1;  ///< θ, more than 1/4
  double eta = 0.4;  ///< η, 0 or more

  template <Point X>
  struct Memory {
    X step{};                ///< the last step, which has the direction of d
    ScalarOf<X> weight = 0;  ///< β, for d of the length of `step`; 0 for steepest descent
    ScalarOf<X> scale = 0;   ///< the step along −g that curvatures suggest; 0: not known
    static constexpr auto fields() { return std::tuple{&Memory::step, &Memory::weight, &Memory::scale}; }
  };

  /// Throws std::invalid_argument for a setting out of its range.
  void check() const {
    if (!(theta > 0.25)) detail::refuse("NonlinearConjugateGradient::theta", theta, "it must be more than 1/4");
    if (!(eta >= 0)) detail::refuse("NonlinearConjugateGradient::eta", eta, "it must be 0 or more");
  }

  template <Start P, Point X>
  void init(const P& start, const X& x, Memory<X>& m) const {
    m.step.setZero(x.size());
    m.weight = 0;
    m.scale = detail::known_scale<X>(start);
  }

  template <Point X>
  bool scaled(const Memory<X>&) const {
    return false;
  }
  template <Point X>
  ScalarOf<X> first_step(const Memory<X>& m) const {
    return m.scale;
  }

  template <Point X>
  bool forget(Memory<X>& m) const {
    const bool had = m.weight != 0;
    m.weight = 0;
    return had;
  }

  template <Point X>
  void learn(const X& x, const X& gradient, const X& next_x, const X& next_gradient, Memory<X>& m) const {
    using S = ScalarOf<X>;
    const Products<S> p = multiply(x.data(), gradient.data(), next_x.data(), next_gradient.data(), x.size(), m.step);
    m.weight = 0;
    // Without curvature along the step there is nothing to be conjugate to.
    if (!(p.sy >= std::numeric_limits<S>::min() && p.ss >= std::numeric_limits<S>::min())) return;
    m.scale = p.ss / p.sy;
    const S beta = (p.yg - S(theta) * p.sg * (p.yy / p.sy)) / p.sy, least = S(eta) * (p.sg - p.sy) / p.ss;
    m.weight = std::max(beta, least);
  }

  template <class F, class C, Point X>
  void query(const F&, C&, const X&, const X& gradient, Memory<X>& m, X& d) const {
    d = m.weight * m.step - gradient;
  }

 private:
  template <class S>
  struct Products {
    S sy, ss, yy, sg, yg;
  };

  /// Fills the step s, and takes all products of it and y, in one pass over the memory.
  template <class S, class X>
  static Products<S> multiply(const S* x, const S* g, const S* next_x, const S* next_g, Eigen::Index size, X& step) {
    constexpr int width = detail::lanes<S>;
    using P = detail::Pack<width, S>;
    S* const s = step.data();
    P sy{}, ss{}, yy{}, sg{}, yg{}, a, b, c;
    Eigen::Index i = 0;
    for (; i + width <= size; i += width) {
      detail::read<width>(x + i, a);
      detail::read<width>(next_x + i, b);
      b -= a;
      detail::write<width>(b, s + i);
      detail::read<width>(g + i, a);
      detail::read<width>(next_g + i, c);
      a = c - a;
      sy += b * a;
      ss += b * b;
      yy += a * a;
      sg += b * c;
      yg += a * c;
    }
    Products<S> p{detail::sum<width, S>(sy), detail::sum<width, S>(ss), detail::sum<width, S>(yy),
                  detail::sum<width, S>(sg), detail::sum<width, S>(yg)};
    for (; i < size; ++i) {
      s[i] = next_x[i] - x[i];
      const S y = next_g[i] - g[i];
      p.sy += s[i] * y;
      p.ss += s[i] * s[i];
      p.yy += y * y;
      p.sg += s[i] * next_g[i];
      p.yg += y * next_g[i];
    }
    return p;
  }
};

/// Nonlinear conjugate gradients, the CG_DESCENT of Hager & Zhang: for smooth objectives of very many variables, where
/// even the few pairs of Lbfgs take too much memory.
///
/// Needs the gradient; keeps one vector besides, and takes about two evaluations a step. Lbfgs usually needs fewer
/// evaluations. Of a prior it takes the length of the first step. Hager & Zhang (2005, 2006), "Algorithm 851:
/// CG_DESCENT", ACM TOMS 32(1); see ConjugateGradientDirection and HagerZhang, whose search is more exact here than by
/// its default.
struct NonlinearConjugateGradient {
  double theta = 1;                          ///< of ConjugateGradientDirection
  double eta = 0.4;                          ///< of ConjugateGradientDirection
  HagerZhang line_search{.curvature = 0.5};  ///< how far to go along each direction

  static constexpr bool needs_gradient = true;
  using Pieces = Descent<ConjugateGradientDirection, HagerZhang>;
  template <Point X, class M = Nothing>
  using State = Pieces::State<X, M>;

  /// The gradient below 1e-8 (float needs its own rule), at most 100 000 iterations.
  [[nodiscard]] auto default_stopping() const { return GradientBelow{1e-8} || MaxIterations{100000}; }
  [[nodiscard]] Pieces pieces() const { return {{theta, eta}, line_search}; }

  template <class F, Start P, class M>
  requires Differentiable<F, PointOf<P>>
  void init(const F& f, const P& start, State<PointOf<P>, M>& state) const { pieces().init(f, start, state); }
  template <class F, Point X, class M>
  requires Differentiable<F, X>
  void step(const F& f, State<X, M>& state) const { pieces().step(f, state); }
};

}  // namespace mesaopt
