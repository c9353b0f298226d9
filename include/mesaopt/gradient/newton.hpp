#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <tuple>

#include <Eigen/Cholesky>
#include <Eigen/Core>

#include <mesaopt/core/search.hpp>
#include <mesaopt/gradient/descent.hpp>
#include <mesaopt/gradient/more_thuente.hpp>

namespace mesaopt {

/// The Newton direction −(H + μI)⁻¹g, with μ = 0 wherever the Hessian H is positive definite.
///
/// Elsewhere μ is raised until the Cholesky factorization succeeds with pivots above rounding: Nocedal & Wright (2006),
/// algorithm 3.3, with β relative to the largest entry of H, a start that makes up for a negative diagonal twice over,
/// so that the sum is not merely barely positive, and a factor of 10. Where H is not finite, or its differences
/// are more than the evaluation limit leaves, the direction is −g.
struct NewtonDirection {
  double first_shift = 1e-6;  ///< the β of the algorithm: the first μ > 0 that is tried, relative to the largest |H_ij|

  template <Point X>
  struct Memory {
    ScalarOf<X> shift = 0;  ///< the last μ
    bool steepest = false;  ///< the Newton direction led nowhere from here: −g is asked for
    MatrixOf<X> factor{};   ///< scratch: L in the lower triangle, H above the diagonal
    X diagonal{};           ///< scratch: of H
    static constexpr auto fields() { return std::tuple{&Memory::shift, &Memory::steepest}; }
  };

  /// Throws std::invalid_argument for a setting out of its range.
  void check() const {
    if (!(first_shift > 0 && first_shift <= 1))
      detail::refuse("Newton::first_shift", first_shift, "it must be more than 0 and at most 1");
  }

  template <Start P, Point X>
  void init(const P&, const X& x, Memory<X>& m) const {
    m.shift = 0;
    m.steepest = false;
    m.factor.resize(x.size(), x.size());
    m.diagonal.resize(x.size());
  }

  template <Point X>
  bool scaled(const Memory<X>& m) const {
    return !m.steepest;
  }

  template <Point X>
  bool forget(Memory<X>& m) const {
    const bool was_newton = !m.steepest;
    m.steepest = true;
    return was_newton;
  }

  template <Point X>
  void learn(const X&, const X&, const X&, const X&, Memory<X>& m) const {
    m.steepest = false;
  }

  template <class F, class C, Point X>
  void query(const F& f, C& calls, const X& x, const X& gradient, Memory<X>& m, X& d) const {
    d = -gradient;
    if (m.steepest) return;
    if (!calls.allows_hessian(f, x.size())) {  // what is left of the budget is enough for −g
      m.steepest = true;
      return;
    }
    calls.hessian(f, x, m.factor);
    m.diagonal = m.factor.diagonal();
    const auto largest = m.factor.cwiseAbs().maxCoeff();
    if (m.factor.allFinite() && largest > 0 && factorize(calls.counts[0].factorizations, largest, m)) {
      m.factor.template triangularView<Eigen::Lower>().solveInPlace(d);
      m.factor.transpose().template triangularView<Eigen::Upper>().solveInPlace(d);
    } else {
      m.steepest = true;
    }
  }

 private:
  /// Leaves in m the factor of H + μI with the first μ that makes it safely positive definite. False if none does.
  template <class Count, Point X>
  bool factorize(Count& factorizations, ScalarOf<X> largest, Memory<X>& m) const {
    using S = ScalarOf<X>;
    const S rounding = S(m.diagonal.size()) * std::numeric_limits<S>::epsilon() * largest;
    const S first = std::max(S(first_shift) * largest, 10 * rounding);
    const S least = m.diagonal.minCoeff();
    m.shift = least > rounding ? S(0) : first - 2 * std::min(S(0), least);
    constexpr int attempts = 30;
    for (int i = 0; i < attempts; ++i, m.shift = std::max(first, 10 * m.shift)) {
      if (i > 0) restore_lower(m.factor);
      m.factor.diagonal() = m.diagonal.array() + m.shift;
      ++factorizations;
      const Eigen::LLT<Eigen::Ref<MatrixOf<X>>> cholesky(m.factor);
      if (cholesky.info() == Eigen::Success && m.factor.diagonal().cwiseAbs2().minCoeff() > rounding) return true;
    }
    return false;
  }

  template <class Matrix>
  static void restore_lower(Matrix& H) {
    for (Eigen::Index j = 0; j < H.cols(); ++j)
      for (Eigen::Index i = j + 1; i < H.rows(); ++i) H(i, j) = H(j, i);
  }
};

/// Newton's method with a line search and dense second derivatives: the fewest steps, and the last digits, for smooth
/// objectives of up to some hundred variables.
///
/// Needs the gradient; takes the Hessian from `f.hessian`, else from Hessian products, else from differences of
/// gradients. A step costs one Hessian, a factorization (n³/3 operations; more where H is not positive definite) and
/// about one evaluation. Near a minimum with positive definite Hessian the error is squared each step. A step allocates
/// nothing up to about 300 variables; above, Eigen's blocked factorization takes temporary space. Nocedal & Wright
/// (2006), "Numerical Optimization", section 3.4.
struct Newton {
  double first_shift =
      1e-6;  ///< where H is not positive definite: the first μ of H + μI, relative to the largest |H_ij|
  MoreThuente line_search{};  ///< how far to go along each direction

  static constexpr bool needs_gradient = true;
  using Pieces = Descent<NewtonDirection, MoreThuente>;
  template <Point X, class M = Nothing>
  using State = Pieces::State<X, M>;

  /// The gradient below 1e-8 (float needs its own rule), at most 1000 iterations.
  [[nodiscard]] auto default_stopping() const { return GradientBelow{1e-8} || MaxIterations{1000}; }
  [[nodiscard]] Pieces pieces() const { return {{first_shift}, line_search}; }

  template <class F, Start P, class M>
  requires Differentiable<F, PointOf<P>>
  void init(const F& f, const P& start, State<PointOf<P>, M>& state) const { pieces().init(f, start, state); }
  template <class F, Point X, class M>
  requires Differentiable<F, X>
  void step(const F& f, State<X, M>& state) const { pieces().step(f, state); }
};

}  // namespace mesaopt
