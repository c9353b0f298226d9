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
