#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <stdexcept>
#include <string>

#include <Eigen/Core>

#include <mesaopt/core/number_text.hpp>

/// Covariance functions k(x, y) of Gaussian processes: plain structs of positive parameters, with their derivatives.
///
/// Each is a Kernel and can be added and multiplied (bayes/kernel_algebra.hpp). Formulas: Rasmussen and Williams
/// (2006), "Gaussian processes for machine learning", chapter 4.
namespace mesaopt::kernels {

/// What a parameter of a kernel means, for priors.
enum class Role : std::uint8_t { length_scale, variance, shape, period };

/// Points side by side, each of `dimension` numbers, without gaps.
template <class S>
struct Points {
  const S* data = nullptr;
  Eigen::Index dimension = 0, count = 0;
};

/// As many points as a kernel takes at once.
inline constexpr Eigen::Index most_points = 64;

/// A covariance function.
///
///     k.values(points, y, out)                     out[i] = k(points[i], y), for up to `most_points` points
///     k.pull(points, y, weights, gy, gp)           gy += sum of weights[i] dk(points[i], y)/dy, and gp += the same by
///                                                  the logarithms of the parameters; either may be null
///     K::visit(k, visitor)                         visitor(role, parameter) for each parameter, in order
///     k.check(dimension)                           throws std::invalid_argument if it does not fit such points
template <class K>
concept Kernel = requires(const K& k, Points<typename K::Scalar> points, const typename K::Scalar* in,
                          typename K::Scalar* out) {
  k.values(points, in, out);
  k.pull(points, in, in, out, out);
  k.check(points.dimension);
  K::visit(k, [](Role, const typename K::Scalar&) {});
};

/// The number of parameters.
template <Kernel K>
Eigen::Index parameter_count(const K& k) {
  Eigen::Index count = 0;
  K::visit(k, [&](Role, const auto&) { ++count; });
  return count;
}

/// The natural logarithms of the parameters, in order.
template <Kernel K>
Eigen::VectorX<typename K::Scalar> log_parameters(const K& k) {
  Eigen::VectorX<typename K::Scalar> out(parameter_count(k));
  Eigen::Index at = 0;
  K::visit(k, [&](Role, const auto& value) { out[at++] = std::log(value); });
  return out;
}

namespace detail {

template <class S>
using Buffer = std::array<S, most_points>;
template <class S>
using Values = Eigen::Map<Eigen::ArrayX<S>>;

template <Kernel K>
void set_log_parameters(K& k, const typename K::Scalar* logs) {
  K::visit(k, [&](Role, auto& value) { value = std::exp(*logs++); });
}

template <class K, class X, class Y>
typename K::Scalar value(const K& k, const X& x, const Y& y) {
  k.check(x.size());
  k.check(y.size());
  typename K::Scalar out;
  k.values(Points<typename K::Scalar>{x.derived().data(), x.size(), 1}, y.derived().data(), &out);
  return out;
}

template <class S>
void check_positive(const char* name, const Eigen::VectorX<S>& values, Eigen::Index dimension) {
  if (values.size() != 1 && values.size() != dimension)
    throw std::invalid_argument("kernel: needs 1 or " + std::to_string(dimension) + " of " + name + ", got " +
                                std::to_string(values.size()));
  for (const S v : values)
    if (!(v > 0) || !std::isfinite(v))
      throw std::invalid_argument("kernel: " + std::string(name) + " must be positive, got " +
                                  mesaopt::detail::number_text(v));
}

/// Entry c of a parameter that is given once for all coordinates, or once for each.
template <class S>
S entry(const Eigen::VectorX<S>& values, Eigen::Index c) {
  return values[values.size() == 1 ? 0 : c];
}

/// out[i] = |(points[i] - y) / scales|².
template <class S>
void squared_distances(const Eigen::VectorX<S>& scales, Points<S> X, const S* y, S* out) {
  std::fill_n(out, X.count, S(0));
  for (Eigen::Index c = 0; c < X.dimension; ++c) {
    const S inverse = 1 / entry(scales, c);
    for (Eigen::Index i = 0; i < X.count; ++i) {
      const S difference = (X.data[c + i * X.dimension] - y[c]) * inverse;
      out[i] += difference * difference;
    }
  }
}

/// Passes on `weights`, the derivatives by the squared distances.
template <class S>
void pull_distances(const Eigen::VectorX<S>& scales, Points<S> X, const S* y, const S* weights, S* gy, S* gp) {
  for (Eigen::Index c = 0; c < X.dimension; ++c) {
    const S inverse = 1 / entry(scales, c);
    S first = 0, second = 0;
    for (Eigen::Index i = 0; i < X.count; ++i) {
      const S difference = (y[c] - X.data[c + i * X.dimension]) * inverse, weighted = weights[i] * difference;
      first += weighted;
      second += weighted * difference;
    }
    if (gy) gy[c] += 2 * inverse * first;
    if (gp) gp[scales.size() == 1 ? 0 : c] -= 2 * second;
  }
}

}  // namespace detail

/// Replaces the parameters by the exponentials of `logs`. Throws std::invalid_argument if their number differs.
template <Kernel K>
void set_log_parameters(K& k, const Eigen::VectorX<typename K::Scalar>& logs) {
  if (logs.size() != parameter_count(k))
    throw std::invalid_argument("set_log_parameters: needs " + std::to_string(parameter_count(k)) + " numbers, got " +
                                std::to_string(logs.size()));
  detail::set_log_parameters(k, logs.data());
}

/// k(x, y), with its gradients by x and by the logarithms of the parameters; both are resized.
template <Kernel K>
typename K::Scalar gradients(const K& k, const Eigen::VectorX<typename K::Scalar>& x,
                             const Eigen::VectorX<typename K::Scalar>& y, Eigen::VectorX<typename K::Scalar>& by_x,
                             Eigen::VectorX<typename K::Scalar>& by_parameters) {
  using S = typename K::Scalar;
  const S value = k(x, y), one = 1;  // which checks the sizes
  by_x.setZero(x.size());
  by_parameters.setZero(parameter_count(k));
  k.pull(Points<S>{y.data(), y.size(), 1}, x.data(), &one, by_x.data(), by_parameters.data());
  return value;
}

}  // namespace mesaopt::kernels
