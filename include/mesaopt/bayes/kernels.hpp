#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <numbers>
#include <stdexcept>
#include <tuple>

#include <Eigen/Core>

#include <mesaopt/bayes/kernel.hpp>
#include <mesaopt/core/number_text.hpp>

namespace mesaopt::kernels {

namespace detail {

// Kernels of r², the squared distance: `values`, and where `slopes` is not null the derivatives by r². The values are
// the same bits with and without. r2 may be spoilt.

/// Brings in what is so far away that an exponential is zero, lest its factors overflow. A NaN stays.
template <class S>
void bring_near(Values<S> r2) {
  for (Eigen::Index i = 0; i < r2.size(); ++i) r2[i] = r2[i] > S(1e6) ? S(1e6) : r2[i];
}

struct SquaredExponentialOf {
  template <class S>
  static void values(Values<S> r2, Values<S> out, S* slopes) {
    out = (S(-0.5) * r2).exp();
    if (slopes) Values<S>(slopes, out.size()) = S(-0.5) * out;
  }
};

struct Matern12Of {
  template <class S>
  static void values(Values<S> r2, Values<S> out, S* slopes) {
    r2 = r2.sqrt();
    out = (-r2).exp();
    // The kernel has a kink at r = 0; the middle of its slopes there is 0.
    if (slopes)
      for (Eigen::Index i = 0; i < r2.size(); ++i) slopes[i] = r2[i] > 0 ? out[i] / (S(-2) * r2[i]) : S(0);
  }
};

struct Matern32Of {
  template <class S>
  static void values(Values<S> r2, Values<S> out, S* slopes) {
    bring_near(r2);
    r2 = (S(3) * r2).sqrt();
    out = (-r2).exp();
    if (slopes) Values<S>(slopes, out.size()) = S(-1.5) * out;
    out *= 1 + r2;
  }
};

struct Matern52Of {
  template <class S>
  static void values(Values<S> r2, Values<S> out, S* slopes) {
    bring_near(r2);
    r2 = (S(5) * r2).sqrt();
    out = (-r2).exp();
    if (slopes) Values<S>(slopes, out.size()) = S(-5) / S(6) * (1 + r2) * out;
    out *= 1 + r2 + r2 * r2 / S(3);
  }
};

}  // namespace detail

/// A kernel of the distance r = |(x - y) / length_scales|, with value 1 at r = 0. One length scale serves all
/// coordinates; one for each is automatic relevance determination.
template <class Profile, std::floating_point S>
struct Stationary {
  using Scalar = S;
  Eigen::VectorX<S> length_scales = Eigen::VectorX<S>::Ones(1);  ///< 1, or one a coordinate; positive

  static constexpr auto fields() { return std::tuple{&Stationary::length_scales}; }
  template <class X, class Y>
  S operator()(const Eigen::MatrixBase<X>& x, const Eigen::MatrixBase<Y>& y) const {
    return detail::value(*this, x, y);
  }
  void check(Eigen::Index dimension) const { detail::check_positive("length_scales", length_scales, dimension); }
  template <class Self, class Visitor>
  static void visit(Self& self, Visitor&& visitor) {
    for (auto& scale : self.length_scales) visitor(Role::length_scale, scale);
  }
  void values(Points<S> X, const S* y, S* out) const { fill(X, y, out, nullptr); }
  void pull(Points<S> X, const S* y, const S* weights, S* gy, S* gp) const {
    detail::Buffer<S> out, slopes;
    fill(X, y, out.data(), slopes.data());
    pass(X, y, weights, slopes.data(), gy, gp);
  }

  static constexpr Eigen::Index keeps = 1;  // the slope
  void values(Points<S> X, const S* y, S* out, Kept<S> slopes) const { fill(X, y, out, slopes[0]); }
  void pull(Points<S> X, const S* y, const S* weights, Kept<S> slopes, S* gy, S* gp) const {
    pass(X, y, weights, slopes[0], gy, gp);
  }

 private:
  void fill(Points<S> X, const S* y, S* out, S* slopes) const {
    detail::Buffer<S> r2;
    detail::squared_distances(length_scales, X, y, r2.data());
    Profile::values(detail::Values<S>(r2.data(), X.count), detail::Values<S>(out, X.count), slopes);
  }
  void pass(Points<S> X, const S* y, const S* weights, const S* slopes, S* gy, S* gp) const {
    detail::Buffer<S> passed;
    for (Eigen::Index i = 0; i < X.count; ++i) passed[std::size_t(i)] = weights[i] * slopes[i];
    detail::pull_distances(length_scales, X, y, passed.data(), gy, gp);
  }
};

/// exp(-r²/2).
template <std::floating_point S>
using BasicSquaredExponential = Stationary<detail::SquaredExponentialOf, S>;
/// Matérn 1/2: exp(-r). Where r = 0, its gradient by x is taken as 0.
template <std::floating_point S>
using BasicMatern12 = Stationary<detail::Matern12Of, S>;
/// Matérn 3/2: (1 + √3 r) exp(-√3 r).
template <std::floating_point S>
using BasicMatern32 = Stationary<detail::Matern32Of, S>;
/// Matérn 5/2: (1 + √5 r + 5/3 r²) exp(-√5 r).
template <std::floating_point S>
using BasicMatern52 = Stationary<detail::Matern52Of, S>;
using SquaredExponential = BasicSquaredExponential<double>;
using Matern12 = BasicMatern12<double>;
using Matern32 = BasicMatern32<double>;
using Matern52 = BasicMatern52<double>;

/// Rational quadratic: (1 + r²/(2 shape))^-shape with r = |(x - y) / length_scales|: a mixture of squared exponentials.
/// Parameters in order: length scales, shape.
template <std::floating_point S>
struct BasicRationalQuadratic {
  using Scalar = S;
  Eigen::VectorX<S> length_scales = Eigen::VectorX<S>::Ones(1);  ///< 1, or one a coordinate; positive
  S shape = 1;                                                   ///< positive

  static constexpr auto fields() {
    return std::tuple{&BasicRationalQuadratic::length_scales, &BasicRationalQuadratic::shape};
  }
  template <class X, class Y>
  S operator()(const Eigen::MatrixBase<X>& x, const Eigen::MatrixBase<Y>& y) const {
    return detail::value(*this, x, y);
  }
  void check(Eigen::Index dimension) const {
    detail::check_positive("length_scales", length_scales, dimension);
    if (!(shape > 0) || !std::isfinite(shape))
      throw std::invalid_argument("kernel: shape must be positive, got " + mesaopt::detail::number_text(shape));
  }
  template <class Self, class Visitor>
  static void visit(Self& self, Visitor&& visitor) {
    for (auto& scale : self.length_scales) visitor(Role::length_scale, scale);
    visitor(Role::shape, self.shape);
  }
  void values(Points<S> X, const S* y, S* out) const {
    detail::squared_distances(length_scales, X, y, out);
    for (Eigen::Index i = 0; i < X.count; ++i) out[i] = std::exp(-shape * std::log1p(out[i] / (2 * shape)));
  }
  void pull(Points<S> X, const S* y, const S* weights, S* gy, S* gp) const {
    detail::Buffer<S> slopes;
    detail::squared_distances(length_scales, X, y, slopes.data());
    S by_shape = 0;
    for (Eigen::Index i = 0; i < X.count; ++i) {
      S& slope = slopes[std::size_t(i)];
      const S u = slope / (2 * shape), log = std::log1p(u), weighted = weights[i] * std::exp(-shape * log);
      by_shape += weighted * shape * (u / (1 + u) - log);
      slope = weighted / (-2 * (1 + u));
    }
    detail::pull_distances(length_scales, X, y, slopes.data(), gy, gp);
    if (gp) gp[length_scales.size()] += by_shape;
  }
};
using RationalQuadratic = BasicRationalQuadratic<double>;

/// Periodic in each coordinate: exp(-2 sum over c of sin²(π (x_c - y_c) / period_c) / length_scale_c²).
/// Parameters in order: length scales, periods. MacKay (1998), "Introduction to Gaussian processes", section 5.2.
template <std::floating_point S>
struct BasicPeriodic {
  using Scalar = S;
  Eigen::VectorX<S> length_scales = Eigen::VectorX<S>::Ones(1);  ///< 1, or one a coordinate; positive
  Eigen::VectorX<S> periods = Eigen::VectorX<S>::Ones(1);        ///< 1, or one a coordinate; positive

  static constexpr auto fields() { return std::tuple{&BasicPeriodic::length_scales, &BasicPeriodic::periods}; }
  template <class X, class Y>
  S operator()(const Eigen::MatrixBase<X>& x, const Eigen::MatrixBase<Y>& y) const {
    return detail::value(*this, x, y);
  }
  void check(Eigen::Index dimension) const {
    detail::check_positive("length_scales", length_scales, dimension);
    detail::check_positive("periods", periods, dimension);
  }
  template <class Self, class Visitor>
  static void visit(Self& self, Visitor&& visitor) {
    for (auto& scale : self.length_scales) visitor(Role::length_scale, scale);
    for (auto& period : self.periods) visitor(Role::period, period);
  }
  void values(Points<S> X, const S* y, S* out) const {
    std::fill_n(out, X.count, S(0));
    for (Eigen::Index c = 0; c < X.dimension; ++c) {
      const S rate = std::numbers::pi_v<S> / detail::entry(periods, c), inverse = 1 / detail::entry(length_scales, c);
      for (Eigen::Index i = 0; i < X.count; ++i) {
        const S sine = std::sin(rate * (y[c] - X(c, i))) * inverse;
        out[i] -= 2 * sine * sine;
      }
    }
    detail::Values<S> all(out, X.count);
    all = all.exp();
  }
  void pull(Points<S> X, const S* y, const S* weights, S* gy, S* gp) const {
    detail::Buffer<S> k;
    values(X, y, k.data());
    S* const by_period = gp ? gp + length_scales.size() : nullptr;
    for (Eigen::Index c = 0; c < X.dimension; ++c) {
      const S rate = std::numbers::pi_v<S> / detail::entry(periods, c), inverse = 1 / detail::entry(length_scales, c);
      S by_y = 0, by_scale = 0, by_log_period = 0;
      for (Eigen::Index i = 0; i < X.count; ++i) {
        const S angle = rate * (y[c] - X(c, i)), sine = std::sin(angle) * inverse;
        const S weighted = weights[i] * k[std::size_t(i)], turn = 4 * sine * std::cos(angle) * inverse;
        by_y -= weighted * turn * rate;
        by_scale += weighted * 4 * sine * sine;
        by_log_period += weighted * turn * angle;
      }
      if (gy) gy[c] += by_y;
      if (gp) gp[length_scales.size() == 1 ? 0 : c] += by_scale;
      if (gp) by_period[periods.size() == 1 ? 0 : c] += by_log_period;
    }
  }
};
using Periodic = BasicPeriodic<double>;

/// Linear: the sum over c of variance_c x_c y_c, of functions w'x with independent w_c ~ N(0, variance_c).
/// Not stationary; for a bias add a Constant.
template <std::floating_point S>
struct BasicLinear {
  using Scalar = S;
  Eigen::VectorX<S> variances = Eigen::VectorX<S>::Ones(1);  ///< 1, or one a coordinate; positive

  static constexpr auto fields() { return std::tuple{&BasicLinear::variances}; }
  template <class X, class Y>
  S operator()(const Eigen::MatrixBase<X>& x, const Eigen::MatrixBase<Y>& y) const {
    return detail::value(*this, x, y);
  }
  void check(Eigen::Index dimension) const { detail::check_positive("variances", variances, dimension); }
  template <class Self, class Visitor>
  static void visit(Self& self, Visitor&& visitor) {
    for (auto& variance : self.variances) visitor(Role::variance, variance);
  }
  void values(Points<S> X, const S* y, S* out) const {
    std::fill_n(out, X.count, S(0));
    for (Eigen::Index c = 0; c < X.dimension; ++c) {
      const S factor = detail::entry(variances, c) * y[c];
      for (Eigen::Index i = 0; i < X.count; ++i) out[i] += factor * X(c, i);
    }
  }
  void pull(Points<S> X, const S* y, const S* weights, S* gy, S* gp) const {
    for (Eigen::Index c = 0; c < X.dimension; ++c) {
      S sum = 0;
      for (Eigen::Index i = 0; i < X.count; ++i) sum += weights[i] * X(c, i);
      sum *= detail::entry(variances, c);
      if (gy) gy[c] += sum;
      if (gp) gp[variances.size() == 1 ? 0 : c] += sum * y[c];
    }
  }
};
using Linear = BasicLinear<double>;

}  // namespace mesaopt::kernels
