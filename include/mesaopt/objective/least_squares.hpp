#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>

#include <Eigen/Core>

#include <mesaopt/core/call.hpp>
#include <mesaopt/core/counts.hpp>
#include <mesaopt/core/evaluation.hpp>
#include <mesaopt/core/point.hpp>
#include <mesaopt/core/residuals.hpp>
#include <mesaopt/objective/dual.hpp>
#include <mesaopt/objective/finite_difference.hpp>
#include <mesaopt/objective/forward_mode.hpp>

namespace mesaopt {

namespace detail {

/// The function itself, and how it is differentiated where it does not say how.
template <class R>
struct ResidualFunction {
  static constexpr bool duals = false;
  static const R& of(const R& given) { return given; }
  static Differences differences(const R&) { return {}; }
};
template <class R>
struct ResidualFunction<ForwardMode<R>> {
  static constexpr bool duals = true;
  static const R& of(const ForwardMode<R>& given) { return given.f; }
};
template <class R>
struct ResidualFunction<FiniteDifference<R>> {
  static constexpr bool duals = false;
  static const R& of(const FiniteDifference<R>& given) { return given.f; }
  static Differences differences(const FiniteDifference<R>& given) { return given.settings; }
};
template <class R>
using InnerResiduals = std::remove_cvref_t<decltype(ResidualFunction<R>::of(std::declval<const R&>()))>;

template <class R, class X>
concept GivesResiduals = requires(const InnerResiduals<R>& function, const X& x, ResidualsOf<X>& r) {
  function(x, r);
};
template <class R, class X>
concept GivesJacobian = requires(const InnerResiduals<R>& function, const X& x, ResidualsOf<X>& r, JacobianOf<X>& J) {
  function(x, r, J);
};

template <class X>
struct ResidualScratch {
  ResidualsOf<X> r{}, ahead{}, behind{};
  JacobianOf<X> J{};
  X moved{};
  Rebound<X, First<X>> first{};
  Eigen::VectorX<First<X>> first_r{};
  Rebound<X, Second<X>> second{};
  Eigen::VectorX<Second<X>> second_r{};
  Counts cost{};  ///< of differences
};

}  // namespace detail

/// Half the sum of the squares of residuals, as an objective. See `least_squares`.
template <class R>
struct SumOfSquares {
  R function;
  Eigen::Index count = 0;

  template <class X>
  using Memory = Workspace<detail::ResidualScratch<X>>;

  /// m.
  [[nodiscard]] Eigen::Index residual_count() const { return count; }

  /// Fills r, sized m by the caller.
  template <Point X>
  requires detail::GivesResiduals<R, X>
  void residuals(const X& x, ResidualsOf<X>& r, const Call<Memory<X>>&) const { inner()(x, r); }

  /// Fills r and J, sized m and m × n by the caller. A column that cannot be had is NaN.
  template <Point X>
  requires detail::GivesResiduals<R, X>
  void residuals(const X& x, ResidualsOf<X>& r, JacobianOf<X>& J, const Call<Memory<X>>& call) const {
    if constexpr (detail::GivesJacobian<R, X>)
      inner()(x, r, J);
    else if constexpr (How::duals)
      by_duals(x, r, J, call.record);
    else
      by_differences(x, r, J, call.record);
  }

  /// |r|² / 2.
  template <Point X>
  requires detail::GivesResiduals<R, X> ScalarOf<X>
  operator()(const X& x, const Call<Memory<X>>& call) const {
    auto& r = call.record.r;
    r.resize(count);
    residuals(x, r, call);
    return r.squaredNorm() / 2;
  }

  /// |r|² / 2 and its gradient, J'r.
  template <Point X>
  requires detail::GivesResiduals<R, X> ScalarOf<X>
  operator()(const X& x, X& gradient, const Call<Memory<X>>& call) const {
    auto& s = call.record;
    s.r.resize(count);
    s.J.resize(count, x.size());
    residuals(x, s.r, s.J, call);
    gradient.noalias() = s.J.transpose() * s.r;
    return s.r.squaredNorm() / 2;
  }

  /// out = (second derivative at x) v, where residuals are differentiated by duals.
  template <Point X>
  void hessian_product(const X& x, const X& v, X& out, const Call<Memory<X>>& call) const
      requires(detail::ResidualFunction<R>::duals) {
    auto& p = call.record.second;
    auto& r = call.record.second_r;
    r.resize(count);
    out.resize(x.size());
    detail::lift(x, v, p);
    detail::sweep(
        p, [&] { inner()(p, r); },
        [&](Eigen::Index j, std::size_t k) {
          out[j] = 0;
          for (Eigen::Index i = 0; i < count; ++i) {
            const auto &value = r[i].value, &slope = r[i].tangent[k];
            out[j] += value.tangent[0] * slope.value + value.value * slope.tangent[0];
          }
        });
  }

  /// The bounds of the residual function, if it has some.
  decltype(auto) box() const requires requires { function.box(); }
  { return function.box(); }

 private:
  using How = detail::ResidualFunction<R>;

  const auto& inner() const { return How::of(function); }

  template <class X>
  void by_duals(const X& x, ResidualsOf<X>& r, JacobianOf<X>& J, detail::ResidualScratch<X>& s) const {
    static_assert(
        requires { inner()(s.first, s.first_r); },
        "mesaopt: forward_mode needs residuals that are a template over the types of x and r, and so can be "
        "called with dual numbers");
    s.first_r.resize(count);
    detail::lift(x, s.first);
    detail::sweep(
        s.first, [&] { inner()(s.first, s.first_r); },
        [&](Eigen::Index j, std::size_t k) {
          for (Eigen::Index i = 0; i < count; ++i) J(i, j) = s.first_r[i].tangent[k];
        });
    for (Eigen::Index i = 0; i < count; ++i) r[i] = s.first_r[i].value;
  }

  template <class X>
  void by_differences(const X& x, ResidualsOf<X>& r, JacobianOf<X>& J, detail::ResidualScratch<X>& s) const {
    using S = ScalarOf<X>;
    const Differences settings = How::differences(function);
    const S precision = std::max(S(settings.noise), std::numeric_limits<S>::epsilon());
    const S relative = settings.central ? std::cbrt(precision) : std::sqrt(precision);
    for (ResidualsOf<X>* part : {&s.ahead, &s.behind}) part->resize(count);
    s.moved = x;
    inner()(x, r);
    for (Eigen::Index j = 0; j < x.size(); ++j) {
      // Steps are what floating point makes of them, so that the quotient's denominator is exact.
      const S h = std::copysign(relative * std::max(std::abs(x[j]), S(settings.typical)), x[j]);
      S up = sample(x, j, h, s.ahead, s);
      const S down = settings.central || up == 0 ? sample(x, j, -h, s.behind, s) : S(0);
      auto column = J.col(j);
      if (up != 0 && down != 0) {
        column = (s.ahead - s.behind) / (up - down);
        continue;
      }
      if (up == 0) {
        up = down;
        s.ahead.swap(s.behind);
      }
      if (up == 0) {
        column.setConstant(std::numeric_limits<S>::quiet_NaN());
        continue;
      }
      // The parabola through r and two more values on the good side is as accurate as a central difference.
      const S far = settings.central ? sample(x, j, 2 * up, s.behind, s) : S(0), ratio = far / up;
      if (far != 0)
        column = ((s.ahead - r) * ratio - (s.behind - r) / ratio) / (far - up);
      else
        column = (s.ahead - r) / up;
    }
  }

  /// Fills r where coordinate j is moved by h. The step made, or 0 if there are no finite residuals.
  template <class X, class S = ScalarOf<X>>
  S sample(const X& x, Eigen::Index j, S h, ResidualsOf<X>& r, detail::ResidualScratch<X>& s) const {
    const S there = x[j] + h;
    if constexpr (requires { function.box(); }) {
      if (there < function.box().lower[j] || there > function.box().upper[j]) return 0;
    }
    s.moved[j] = there;
    ++s.cost.values;
    inner()(s.moved, r);
    s.moved[j] = x[j];
    return r.allFinite() ? there - x[j] : S(0);
  }
};

/// The objective |r(x)|² / 2 of m residuals, which `r(x, out)` writes into `out`, a vector of size m. It is one of
/// least squares, and serves every other method too, with gradient J'r.
///
///     auto f = least_squares(r, m);                 // r(x, out, J) is used where r has it, else central differences
///     auto f = least_squares(forward_mode(r), m);   // exact derivatives of an r that is a template over x and out
///     auto f = least_squares(finite_difference(r, {.central = false}), m);
///     minimize(f, x0, LevenbergMarquardt{});
///
/// J is m × n. By forward mode it takes n/8 evaluations in numbers of nine parts, and second derivatives are exact too;
/// by differences 2n or n, of the accuracies said at Differences, which are counted as values. Differences see the
/// bounds of r, `least_squares(within(r, box), m)`, and of a neighbour that is not finite take the other side. Nothing
/// is allocated after the first call. Throws std::invalid_argument for m < 1.
template <class R>
SumOfSquares<R> least_squares(R r, Eigen::Index m) {
  if (m < 1)
    throw std::invalid_argument("least_squares: m is " + std::to_string(m) + "; there must be at least one residual");
  return {std::move(r), m};
}

}  // namespace mesaopt
