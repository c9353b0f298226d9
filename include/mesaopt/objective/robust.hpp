#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <limits>
#include <utility>

#include <Eigen/Core>

#include <mesaopt/core/call.hpp>
#include <mesaopt/core/evaluation.hpp>
#include <mesaopt/core/point.hpp>
#include <mesaopt/core/residuals.hpp>
#include <mesaopt/core/stopping.hpp>
#include <mesaopt/objective/wrapped.hpp>

namespace mesaopt {

/// A loss ρ(s) of the square s = r² of a residual, with two derivatives in s.
template <class S>
struct LossValue {
  S value, first, second;
};

/// A robust loss: `loss(s)` is a LossValue. It is about s where s is small, so that ρ(r²)/2 is the square's r²/2, and
/// grows less where s is large. `loss.check()` throws for settings out of range.
template <class L>
concept RobustLoss = requires(const L& loss, double s) {
  { loss(s) } -> std::same_as<LossValue<double>>;
  loss.check();
};

namespace detail {
inline void check_scale(const char* name, double scale) {
  if (!(scale > 0 && std::isfinite(scale))) refuse(name, scale, "it must be more than 0, and finite");
}
}  // namespace detail

/// Squares up to `scale`, and straight lines beyond: ρ(s) = s, or 2c√s − c² for s > c². Convex where residuals are
/// linear. Huber (1964), "Robust estimation of a location parameter".
struct Huber {
  double scale = 1;  ///< c: the residual from which on it counts as an outlier, in units of the residuals

  void check() const { detail::check_scale("Huber::scale", scale); }
  template <class S>
  LossValue<S> operator()(S s) const {
    using std::sqrt;
    const S c(scale);
    if (!(s > c * c)) return {s, S(1), S(0)};
    const S root = sqrt(s);
    return {2 * c * root - c * c, c / root, -c / (2 * root * s)};
  }
};

/// ρ(s) = c² log(1 + s/c²): outliers weigh less the further they are. Has local minima.
struct Cauchy {
  double scale = 1;  ///< c: the residual at which the weight is half of that of a small one

  void check() const { detail::check_scale("Cauchy::scale", scale); }
  template <class S>
  LossValue<S> operator()(S s) const {
    using std::log1p;
    const S square = S(scale) * S(scale), weight = 1 / (1 + s / square);
    return {square * log1p(s / square), weight, -weight * weight / square};
  }
};

/// The biweight, ρ(s) = c²/3 (1 − (1 − s/c²)³), and c²/3 for s > c²: residuals beyond `scale` have no weight at all, so
/// it takes a good start. Beaton & Tukey (1974), "The fitting of power series, meaning polynomials, illustrated on
/// band-spectroscopic data".
struct Tukey {
  double scale = 1;  ///< c, in units of the residuals; usually 4.685 of their standard deviations

  void check() const { detail::check_scale("Tukey::scale", scale); }
  template <class S>
  LossValue<S> operator()(S s) const {
    const S square = S(scale) * S(scale), part = s / square, left = 1 - part;
    if (!(left > 0)) return {square / 3, S(0), S(0)};
    return {s * (1 - part + part * part / 3), left * left, -2 * left / square};  // without cancellation
  }
};

namespace detail {
template <class X>
struct RobustScratch {
  ResidualsOf<X> r{};
  JacobianOf<X> J{};
};
}  // namespace detail

/// A sum of losses of residuals. See `robust`.
template <class F, class L>
struct Robust {
  F f;
  L loss{};

  template <class X>
  using Memory = detail::WrappedMemory<MemoryOf<F, X>, detail::RobustScratch<X>>;

  /// That of f.
  [[nodiscard]] Eigen::Index residual_count() const { return f.residual_count(); }

  /// Fills r with the corrected residuals, and answers the value, Σρ/2, which is not half the sum of their squares.
  template <Point X>
  requires LeastSquares<F, X> Evaluation<ScalarOf<X>> residuals(const X& x, ResidualsOf<X>& r,
                                                                const Call<Memory<X>>& call)
  const {
    const auto plain = detail::evaluate_residuals(f, x, Inner<X>(call), r);
    return judged(
        plain, sum(r, [&](Eigen::Index i, ScalarOf<X> weight, ScalarOf<X> bend) { r[i] *= std::sqrt(weight / bend); }));
  }

  /// The same, and the corrected Jacobian.
  template <Point X>
  requires LeastSquares<F, X> Evaluation<ScalarOf<X>> residuals(const X& x, ResidualsOf<X>& r, JacobianOf<X>& J,
                                                                const Call<Memory<X>>& call)
  const {
    const auto plain = detail::evaluate_residuals(f, x, Inner<X>(call), r, J);
    auto& factors = call.record.scratch.r;
    factors.resize(r.size());
    const auto value = sum(r, [&](Eigen::Index i, ScalarOf<X> weight, ScalarOf<X> bend) {
      r[i] *= std::sqrt(weight / bend);
      factors[i] = std::sqrt(weight * bend);
    });
    for (Eigen::Index j = 0; j < J.cols(); ++j) J.col(j).array() *= factors.array();
    return judged(plain, value);
  }

  /// Σρ(r²)/2.
  template <Point X>
  requires LeastSquares<F, X> Evaluation<ScalarOf<X>>
  operator()(const X& x, const Call<Memory<X>>& call) const {
    auto& r = call.record.scratch.r;
    r.resize(residual_count());
    const auto plain = detail::evaluate_residuals(f, x, Inner<X>(call), r);
    return judged(plain, sum(r, [](Eigen::Index, ScalarOf<X>, ScalarOf<X>) {}));
  }

  /// Σρ(r²)/2 and its gradient, Σρ' r ∇r.
  template <Point X>
  requires LeastSquares<F, X> Evaluation<ScalarOf<X>>
  operator()(const X& x, X& gradient, const Call<Memory<X>>& call) const {
    auto& s = call.record.scratch;
    s.r.resize(residual_count());
    s.J.resize(s.r.size(), x.size());
    const auto plain = detail::evaluate_residuals(f, x, Inner<X>(call), s.r, s.J);
    const auto value = sum(s.r, [&](Eigen::Index i, ScalarOf<X> weight, ScalarOf<X>) { s.r[i] *= weight; });
    gradient.noalias() = s.J.transpose() * s.r;
    return judged(plain, value);
  }

  /// The bounds of f.
  decltype(auto) box() const requires requires { f.box(); }
  { return f.box(); }

 private:
  template <class X>
  struct Inner : detail::WrappedCall<MemoryOf<F, X>, detail::RobustScratch<X>> {
    using detail::WrappedCall<MemoryOf<F, X>, detail::RobustScratch<X>>::WrappedCall;
    static_assert(!detail::AnswersValue<F, X>, "mesaopt: robust needs an objective that is a plain sum of squares");
  };

  /// Σρ/2. Tells of each residual its weight ρ', and how the curvature of ρ(r²)/2 compares to it: 1 + 2sρ''/ρ', but no
  /// less than what keeps the linearized problem from being singular where outliers bend it downwards.
  template <class R, class Take, class S = typename R::Scalar>
  S sum(const R& r, const Take& take) const {
    constexpr S least = S(0.1);
    S value(0);
    for (Eigen::Index i = 0; i < r.size(); ++i) {
      const S s = r[i] * r[i];
      const LossValue<S> rho = loss(s);
      value += std::isfinite(s) ? rho.value : std::numeric_limits<S>::quiet_NaN();  // finite losses of infinity
      const S bend = rho.first > 0 ? 1 + 2 * s * rho.second / rho.first : S(1);
      take(i, rho.first, std::max(bend, least));
    }
    return value / 2;
  }

  template <class S>
  static Evaluation<S> judged(Evaluation<S> plain, S value) {
    plain.value = value;
    return plain;
  }
};

template <class F, class L>
Robust(F, L) -> Robust<F, L>;

/// The sum of squares f with a robust loss of each residual, Σρ(r²)/2, so that outliers do not decide the fit:
///
///     minimize(robust(least_squares(r, m), Huber{.scale = 0.1}), x0, LevenbergMarquardt{});
///
/// It is an objective of least squares again, whose residuals are √(ρ'/β) r with the Jacobian √(ρ'β) J, where β = 1 +
/// 2r²ρ''/ρ': their J'r is the gradient, and their J'J has the curvature of the loss. Where β is small or negative, as
/// for outliers, it is taken as a tenth. So Levenberg-Marquardt converges nearly as fast as on plain squares. As an
/// ordinary objective it has exact values and gradients. f must be a plain sum of squares. Triggs, McLauchlan, Hartley
/// & Fitzgibbon (2000), "Bundle adjustment: a modern synthesis", section 4.3. Throws std::invalid_argument for a scale
/// that is not more than 0.
template <class F, RobustLoss L>
Robust<F, L> robust(F f, L loss) {
  loss.check();
  return {std::move(f), loss};
}

}  // namespace mesaopt
