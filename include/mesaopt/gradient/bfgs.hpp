#pragma once

#include <concepts>
#include <cstdint>
#include <limits>
#include <tuple>
#include <type_traits>

#include <Eigen/Core>

#include <mesaopt/core/search.hpp>
#include <mesaopt/gradient/curvature_pairs.hpp>
#include <mesaopt/gradient/descent.hpp>
#include <mesaopt/gradient/hager_zhang.hpp>

namespace mesaopt {

/// The quasi-Newton direction −Hg with a dense inverse Hessian H, learnt by the BFGS update.
///
/// H begins as the inverse Hessian of a prior, if that has one of the right size, or with its curvature pairs, or in
/// the shape of its covariance; else as the identity. A shape and the identity get their scale from the first pair:
/// Nocedal & Wright (2006), equations 6.17 and 6.20. A step makes two passes over H.
///
/// A pair s, y measures the mean curvature s'y along its step. Where values can be told apart, y is scaled so that s'y
/// becomes the curvature that the cubic through values and slopes of both ends has further on, nearer to where the next
/// step begins: at the end it is that of Zhang, Deng & Chen (1999), "New quasi-Newton equation and related methods for
/// unconstrained optimization", J. Optim. Theory Appl. 102(1); at 2/3 that of Yuan (1991), "A modified BFGS algorithm
/// for unconstrained optimization", IMA J. Numer. Anal. 11. Quadratics know no difference. On the functions of Moré,
/// Garbow & Hillstrom 5/6 takes a tenth fewer evaluations than 1/2, plain BFGS, and on the chained Rosenbrock valley a
/// fifth.
struct BfgsDirection {
  double curvature_at = 5.0 / 6;  ///< where along a step its curvature is taken, from 1/2 to 1

  template <Point X>
  struct Memory {
    MatrixOf<X> inverse_hessian{};  ///< H, symmetric
    X direction{};                  ///< −Hg at the point that was learnt last
    bool scaled = false;            ///< H has a scale
    bool shaped = false;            ///< H is not a multiple of the identity
    bool known = false;             ///< `direction` is that of the present point
    X s{}, y{}, w{};                ///< scratch
    static constexpr auto fields() {
      return std::tuple{&Memory::inverse_hessian, &Memory::direction, &Memory::scaled, &Memory::shaped, &Memory::known};
    }
  };

  /// Throws std::invalid_argument for a setting out of its range.
  void check() const {
    if (!(curvature_at >= 0.5 && curvature_at <= 1))
      detail::refuse("Bfgs::curvature_at", curvature_at, "it must be in [1/2, 1]");
  }

  template <Start P, Point X>
  void init(const P& start, const X& x, Memory<X>& m) const {
    const auto n = x.size();
    for (X* v : {&m.direction, &m.s, &m.y, &m.w}) v->setZero(n);
    m.inverse_hessian.setIdentity(n, n);
    m.scaled = m.shaped = m.known = false;
    if constexpr (requires { start.state; })
      take(start.state, m);
    else
      take(start, m);
  }

  template <Point X>
  bool scaled(const Memory<X>& m) const {
    return m.scaled;
  }

  template <Point X>
  bool forget(Memory<X>& m) const {
    const bool had = m.scaled || m.shaped;
    m.inverse_hessian.setIdentity();
    m.scaled = m.shaped = m.known = false;
    return had;
  }

  template <Point X>
  void learn(const X& x, const X& gradient, const X& next_x, const X& next_gradient,
             const ValueChange<ScalarOf<X>>& value, Memory<X>& m) const {
    using S = ScalarOf<X>;
    m.s = next_x - x;
    m.y = next_gradient - gradient;
    m.direction.setZero();
    const S along = m.s.dot(gradient), sy = m.s.dot(m.y);
    if (100 * value.noise <= sy) {
      // The cubic has the curvature s'y + (6u − 3) excess at u times the step.
      const S excess = 2 * (along - value.change) + sy, there = sy + S(6 * curvature_at - 3) * excess;
      if (there > sy / 10 && there < 10 * sy) m.y *= there / sy;
    }
    update(m, next_gradient);
  }

  template <class F, class C, Point X>
  void query(const F&, C&, const X&, const X& gradient, Memory<X>& m, X& d) const {
    if (m.known) {
      d = m.direction;
    } else if (m.shaped) {
      d.setZero();
      d.noalias() -= m.inverse_hessian * gradient;
    } else {
      d = -gradient;
    }
  }

 private:
  /// What a prior knows of the inverse Hessian.
  template <class P, Point X>
  static void take(const P& prior, Memory<X>& m) {
    using S = ScalarOf<X>;
    const auto n = m.s.size();
    const auto fits = [n](const auto& matrix) { return matrix.rows() == n && matrix.cols() == n; };
    if constexpr (HasInverseHessian<P>) {
      if (!fits(detail::inverse_hessian_of(prior))) return;
      m.inverse_hessian = detail::inverse_hessian_of(prior).template cast<S>();
      m.scaled = m.shaped = !m.inverse_hessian.isIdentity(0);  // a run that learnt nothing hands on the identity
    } else if constexpr (HasCovariance<P>) {
      const auto& covariance = detail::covariance_of(prior);
      if (!fits(covariance)) return;
      m.inverse_hessian = covariance.template cast<S>();
      m.shaped = true;
    } else if constexpr (HasCurvaturePairs<P>) {
      const auto& pairs = prior.curvature_pairs();
      if (pairs.s.rows() != detail::padded<S>(n)) return;
      Eigen::Index j = pairs.next;
      for (std::int64_t k = 0; k < pairs.count; ++k) j = pairs.older(j);
      for (std::int64_t k = 0; k < pairs.count; ++k, j = pairs.newer(j)) {
        m.s = pairs.s.col(j).head(n).template cast<S>();
        m.y = pairs.y.col(j).head(n).template cast<S>();
        update(m, m.s);
      }
      m.known = false;
    }
  }

  /// Takes the pair s, y into H, unless it has no positive curvature: H would not stay positive definite. Leaves
  /// −Hg in `direction`, which comes in as zero.
  template <Point X>
  static void update(Memory<X>& m, const X& gradient) {
    using S = ScalarOf<X>;
    using std::sqrt;
    auto& H = m.inverse_hessian;
    m.known = false;
    const S sy = m.s.dot(m.y), yy = m.y.squaredNorm();
    if (!(sy > std::numeric_limits<S>::epsilon() * sqrt(m.s.squaredNorm()) * sqrt(yy) &&
          sy >= std::numeric_limits<S>::min()))
      return;
    if (m.shaped)
      m.w.noalias() = H * m.y;
    else
      m.w = m.y;
    S ywy = m.y.dot(m.w);
    if (!m.scaled) {
      const S scale = sy / ywy;
      if (m.shaped)
        H *= scale;
      else
        H.diagonal().setConstant(scale);
      m.w *= scale;
      ywy *= scale;
    }
    m.scaled = m.shaped = true;
    // H + s v' + v s': the two halves of the update are one symmetric expression.
    m.w = (1 + ywy / sy) / (2 * sy) * m.s - m.w / sy;
    for (Eigen::Index j = 0; j < H.cols(); ++j) {
      H.col(j) += m.w[j] * m.s + m.s[j] * m.w;
      m.direction -= gradient[j] * H.col(j);
    }
    m.known = true;
  }
};

/// The BFGS method with a dense inverse Hessian: the fewest steps that gradients alone allow, for smooth objectives of
/// up to some hundred variables.
///
/// Needs the gradient; a step costs about one evaluation and 6n² operations on n² numbers. Above some hundred variables
/// Lbfgs is faster, and it is about as fast at 2. The state hands its inverse Hessian on to other searches
/// (HasInverseHessian). Broyden, Fletcher, Goldfarb & Shanno (1970); Nocedal & Wright (2006), "Numerical Optimization",
/// algorithm 6.1, with the line search of Hager & Zhang and with curvatures as BfgsDirection takes them.
struct Bfgs {
  double curvature_at = 5.0 / 6;  ///< of BfgsDirection; 1/2 is plain BFGS
  HagerZhang line_search{};       ///< how far to go along each direction

  static constexpr bool needs_gradient = true;
  using Pieces = Descent<BfgsDirection, HagerZhang>;
  template <Point X, class M = Nothing>
  using State = Pieces::State<X, M>;

  /// The gradient below 1e-8 (float needs its own rule), at most 10 000 iterations.
  [[nodiscard]] auto default_stopping() const { return GradientBelow{1e-8} || MaxIterations{10000}; }
  [[nodiscard]] Pieces pieces() const { return {{curvature_at}, line_search}; }

  template <class F, Start P, class M>
  requires Differentiable<F, PointOf<P>>
  void init(const F& f, const P& start, State<PointOf<P>, M>& state) const { pieces().init(f, start, state); }
  template <class F, Point X, class M>
  requires Differentiable<F, X>
  void step(const F& f, State<X, M>& state) const { pieces().step(f, state); }
};

}  // namespace mesaopt
