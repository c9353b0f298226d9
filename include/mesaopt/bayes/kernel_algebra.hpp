#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <stdexcept>
#include <tuple>
#include <utility>

#include <Eigen/Core>

#include <mesaopt/bayes/kernel.hpp>
#include <mesaopt/core/number_text.hpp>

namespace mesaopt::kernels {

/// k(x, y) = variance, of functions that are constant; as a factor it is the variance of another kernel's functions.
template <std::floating_point S>
struct BasicConstant {
  using Scalar = S;
  S variance = 1;  ///< positive

  static constexpr auto fields() { return std::tuple{&BasicConstant::variance}; }
  template <class X, class Y>
  S operator()(const Eigen::MatrixBase<X>& x, const Eigen::MatrixBase<Y>& y) const {
    return detail::value(*this, x, y);
  }
  void check(Eigen::Index) const {
    if (!(variance > 0) || !std::isfinite(variance))
      throw std::invalid_argument("kernel: variance must be positive, got " + mesaopt::detail::number_text(variance));
  }
  template <class Self, class Visitor>
  static void visit(Self& self, Visitor&& visitor) {
    visitor(Role::variance, self.variance);
  }
  void values(Points<S> X, const S*, S* out) const { std::fill_n(out, X.count, variance); }
  void pull(Points<S> X, const S*, const S* weights, S*, S* gp) const {
    if (!gp) return;
    for (Eigen::Index i = 0; i < X.count; ++i) *gp += weights[i] * variance;
  }
};
using Constant = BasicConstant<double>;

/// a(x, y) + b(x, y): of a sum of independent functions. Parameters in order: those of a, those of b.
template <Kernel A, Kernel B>
requires std::same_as<typename A::Scalar, typename B::Scalar>
struct Sum {
  using Scalar = typename A::Scalar;
  A a;
  B b;

  static constexpr auto fields() { return std::tuple{&Sum::a, &Sum::b}; }
  template <class X, class Y>
  Scalar operator()(const Eigen::MatrixBase<X>& x, const Eigen::MatrixBase<Y>& y) const {
    return detail::value(*this, x, y);
  }
  void check(Eigen::Index dimension) const { a.check(dimension), b.check(dimension); }
  template <class Self, class Visitor>
  static void visit(Self& self, Visitor&& visitor) {
    A::visit(self.a, visitor);
    B::visit(self.b, visitor);
  }
  void values(Points<Scalar> X, const Scalar* y, Scalar* out) const {
    detail::Buffer<Scalar> of_b;
    a.values(X, y, out);
    b.values(X, y, of_b.data());
    for (Eigen::Index i = 0; i < X.count; ++i) out[i] += of_b[std::size_t(i)];
  }
  void pull(Points<Scalar> X, const Scalar* y, const Scalar* weights, Scalar* gy, Scalar* gp) const {
    a.pull(X, y, weights, gy, gp);
    b.pull(X, y, weights, gy, gp ? gp + parameter_count(a) : nullptr);
  }

  static constexpr Eigen::Index keeps = detail::numbers_kept<A>() + detail::numbers_kept<B>();
  void values(Points<Scalar> X, const Scalar* y, Scalar* out, Kept<Scalar> kept) const {
    detail::Buffer<Scalar> of_b;
    detail::keep_values(a, X, y, out, kept);
    detail::keep_values(b, X, y, of_b.data(), kept.from(detail::numbers_kept<A>()));
    for (Eigen::Index i = 0; i < X.count; ++i) out[i] += of_b[std::size_t(i)];
  }
  void pull(Points<Scalar> X, const Scalar* y, const Scalar* weights, Kept<Scalar> kept, Scalar* gy, Scalar* gp) const {
    detail::pull_kept(a, X, y, weights, kept, gy, gp);
    detail::pull_kept(b, X, y, weights, kept.from(detail::numbers_kept<A>()), gy,
                      gp ? gp + parameter_count(a) : nullptr);
  }
};

/// a(x, y) b(x, y). Parameters in order: those of a, those of b.
template <Kernel A, Kernel B>
requires std::same_as<typename A::Scalar, typename B::Scalar>
struct Product {
  using Scalar = typename A::Scalar;
  A a;
  B b;

  static constexpr auto fields() { return std::tuple{&Product::a, &Product::b}; }
  template <class X, class Y>
  Scalar operator()(const Eigen::MatrixBase<X>& x, const Eigen::MatrixBase<Y>& y) const {
    return detail::value(*this, x, y);
  }
  void check(Eigen::Index dimension) const { a.check(dimension), b.check(dimension); }
  template <class Self, class Visitor>
  static void visit(Self& self, Visitor&& visitor) {
    A::visit(self.a, visitor);
    B::visit(self.b, visitor);
  }
  void values(Points<Scalar> X, const Scalar* y, Scalar* out) const {
    detail::Buffer<Scalar> of_b;
    a.values(X, y, out);
    b.values(X, y, of_b.data());
    for (Eigen::Index i = 0; i < X.count; ++i) out[i] *= of_b[std::size_t(i)];
  }
  void pull(Points<Scalar> X, const Scalar* y, const Scalar* weights, Scalar* gy, Scalar* gp) const {
    detail::Buffer<Scalar> passed;
    b.values(X, y, passed.data());
    for (Eigen::Index i = 0; i < X.count; ++i) passed[std::size_t(i)] *= weights[i];
    a.pull(X, y, passed.data(), gy, gp);
    a.values(X, y, passed.data());
    for (Eigen::Index i = 0; i < X.count; ++i) passed[std::size_t(i)] *= weights[i];
    b.pull(X, y, passed.data(), gy, gp ? gp + parameter_count(a) : nullptr);
  }

  // The values of both, and what they keep.
  static constexpr Eigen::Index keeps = 2 + detail::numbers_kept<A>() + detail::numbers_kept<B>();
  void values(Points<Scalar> X, const Scalar* y, Scalar* out, Kept<Scalar> kept) const {
    detail::keep_values(a, X, y, kept[0], kept.from(2));
    detail::keep_values(b, X, y, kept[1], kept.from(2 + detail::numbers_kept<A>()));
    for (Eigen::Index i = 0; i < X.count; ++i) out[i] = kept[0][i] * kept[1][i];
  }
  void pull(Points<Scalar> X, const Scalar* y, const Scalar* weights, Kept<Scalar> kept, Scalar* gy, Scalar* gp) const {
    detail::Buffer<Scalar> passed{};
    for (Eigen::Index i = 0; i < X.count; ++i) passed[std::size_t(i)] = weights[i] * kept[1][i];
    detail::pull_kept(a, X, y, passed.data(), kept.from(2), gy, gp);
    for (Eigen::Index i = 0; i < X.count; ++i) passed[std::size_t(i)] = weights[i] * kept[0][i];
    detail::pull_kept(b, X, y, passed.data(), kept.from(2 + detail::numbers_kept<A>()), gy,
                      gp ? gp + parameter_count(a) : nullptr);
  }
};

/// `Matern52{} + Linear{}`.
template <Kernel A, Kernel B>
Sum<A, B> operator+(A a, B b) {
  return {std::move(a), std::move(b)};
}

/// `Matern52{} * Periodic{}`.
template <Kernel A, Kernel B>
Product<A, B> operator*(A a, B b) {
  return {std::move(a), std::move(b)};
}

/// `2.0 * Matern52{}`: functions of that variance.
template <Kernel B>
Product<BasicConstant<typename B::Scalar>, B> operator*(typename B::Scalar variance, B b) {
  return {{variance}, std::move(b)};
}

}  // namespace mesaopt::kernels
