#pragma once

#include <cmath>

#include <Eigen/Core>

#include <mesaopt/bayes/kernel.hpp>
#include <mesaopt/bayes/kernel_algebra.hpp>
#include <mesaopt/bayes/kernels.hpp>
#include <mesaopt/core/random.hpp>

/// Random frequencies of stationary kernels: k(x, y) = k(0, 0) E[cos(w'(x - y))] over what `draw_frequency` draws,
/// which is Bochner's theorem. Rahimi and Recht (2007), "Random features for large-scale kernel machines".
namespace mesaopt::kernels {

namespace detail {
/// Twice the ν of a Matérn kernel: the degrees of freedom of Student's distribution, which is its spectral density. 0
/// stands for infinity: a normal density.
template <class Profile>
inline constexpr int freedom = -1;
template <>
inline constexpr int freedom<SquaredExponentialOf> = 0;
template <>
inline constexpr int freedom<Matern12Of> = 1;
template <>
inline constexpr int freedom<Matern32Of> = 3;
template <>
inline constexpr int freedom<Matern52Of> = 5;

template <class K>
inline constexpr bool spectral = false;
template <class Profile, class S>
inline constexpr bool spectral<Stationary<Profile, S>> = freedom<Profile> >= 0;
template <class S>
inline constexpr bool spectral<BasicConstant<S>> = true;
template <class A, class B>
inline constexpr bool spectral<Sum<A, B>> = spectral<A>&& spectral<B>;
template <class A, class B>
inline constexpr bool spectral<Product<A, B>> = spectral<A>&& spectral<B>;
}  // namespace detail

/// A stationary kernel whose frequencies can be drawn: squared exponential, Matérn, constant, their sums and products.
template <class K>
concept SpectralKernel = Kernel<K> && detail::spectral<K>;

/// Draws a frequency into w, sized by the caller, and answers k(x, x).
template <class Profile, class S>
S draw_frequency(const Stationary<Profile, S>& k, Random& random, Eigen::VectorX<S>& w) {
  constexpr int freedom = detail::freedom<Profile>;
  S squares = freedom == 0 ? S(1) : S(0);
  for (int i = 0; i < freedom; ++i) {
    const S normal = random.normal<S>();
    squares += normal * normal / S(freedom > 0 ? freedom : 1);
  }
  for (Eigen::Index c = 0; c < w.size(); ++c)
    w[c] = random.normal<S>() / (detail::entry(k.length_scales, c) * std::sqrt(squares));
  return 1;
}
template <class S>
S draw_frequency(const BasicConstant<S>& k, Random&, Eigen::VectorX<S>& w) {
  w.setZero();
  return k.variance;
}
/// The density of a sum of kernels is their mixture, ...
template <class A, class B>
typename A::Scalar draw_frequency(const Sum<A, B>& k, Random& random, Eigen::VectorX<typename A::Scalar>& w);
/// ... and that of a product their convolution.
template <class A, class B>
typename A::Scalar draw_frequency(const Product<A, B>& k, Random& random, Eigen::VectorX<typename A::Scalar>& w) {
  const auto a = draw_frequency(k.a, random, w);
  Eigen::VectorX<typename A::Scalar> other(w.size());
  const auto b = draw_frequency(k.b, random, other);
  w += other;
  return a * b;
}
template <class A, class B>
typename A::Scalar draw_frequency(const Sum<A, B>& k, Random& random, Eigen::VectorX<typename A::Scalar>& w) {
  using S = typename A::Scalar;
  const S a = draw_frequency(k.a, random, w);
  Eigen::VectorX<S> other(w.size());
  const S b = draw_frequency(k.b, random, other);
  if (random.uniform<S>() * (a + b) >= a) w = other;
  return a + b;
}

}  // namespace mesaopt::kernels
