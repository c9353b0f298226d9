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
enum class Role : std::uint8_t { length_scale, variance, shape, period, warp };

/// A view of some points of `dimension` coordinates each, in a matrix of one point a column, or of one a row, as which
/// most kernels are faster.
template <class S>
struct Points {
  const S* data = nullptr;
  Eigen::Index dimension = 0, count = 0;
  Eigen::Index between_points = 0, between_coordinates = 1;  ///< how far apart their numbers are

  Points() = default;
  /// Points one after another, without gaps.
  Points(const S* first, Eigen::Index d, Eigen::Index n) : Points(first, d, n, d, 1) {}
  Points(const S* first, Eigen::Index d, Eigen::Index n, Eigen::Index from_point_to_point, Eigen::Index from_c_to_c)
      : data(first), dimension(d), count(n), between_points(from_point_to_point), between_coordinates(from_c_to_c) {}

  /// Coordinate c of point i.
  const S& operator()(Eigen::Index c, Eigen::Index i) const {
    return data[c * between_coordinates + i * between_points];
  }
  Points some(Eigen::Index first, Eigen::Index n) const {
    return {data + first * between_points, dimension, n, between_points, between_coordinates};
  }
};

/// Numbers that a kernel leaves behind for each of some pairs of points, lest it compute them again: array m begins at
/// `data + m * between`.
template <class S>
struct Kept {
  S* data = nullptr;
  Eigen::Index between = 0;

  S* operator[](Eigen::Index m) const { return data + m * between; }
  /// From array m on.
  Kept from(Eigen::Index m) const { return {data + m * between, between}; }
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
///
/// It may also say that it keeps `K::keeps` numbers of a pair, and then has
///
///     k.values(points, y, out, kept)               the same values, bit by bit, which also fills kept[0], kept[1], ...
///     k.pull(points, y, weights, kept, gy, gp)     the same as without, which makes use of them
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

/// The number of arrays that a kernel keeps.
template <Kernel K>
constexpr Eigen::Index numbers_kept() {
  if constexpr (requires { K::keeps; })
    return K::keeps;
  else
    return 0;
}
/// `values`, and what is kept.
template <Kernel K>
void keep_values(const K& k, Points<typename K::Scalar> X, const typename K::Scalar* y, typename K::Scalar* out,
                 Kept<typename K::Scalar> kept) {
  if constexpr (numbers_kept<K>() > 0)
    k.values(X, y, out, kept);
  else
    k.values(X, y, out);
}
/// `pull`, from what is kept.
template <Kernel K>
void pull_kept(const K& k, Points<typename K::Scalar> X, const typename K::Scalar* y, const typename K::Scalar* weights,
               Kept<typename K::Scalar> kept, typename K::Scalar* gy, typename K::Scalar* gp) {
  if constexpr (numbers_kept<K>() > 0)
    k.pull(X, y, weights, kept, gy, gp);
  else
    k.pull(X, y, weights, gy, gp);
}

/// out[i] = |(points[i] - y) / scales|².
template <class S>
void squared_distances(const Eigen::VectorX<S>& scales, Points<S> X, const S* y, S* out) {
  std::fill_n(out, X.count, S(0));
  for (Eigen::Index c = 0; c < X.dimension; ++c) {
    const S inverse = 1 / entry(scales, c);
    const auto add = [&](const S* x, Eigen::Index apart) {
      for (Eigen::Index i = 0; i < X.count; ++i) {
        const S difference = (x[i * apart] - y[c]) * inverse;
        out[i] += difference * difference;
      }
    };
    // Apart by a known number, the loop is vectorized.
    const S* const x = X.data + c * X.between_coordinates;
    if (X.between_points == 1)
      add(x, 1);
    else
      add(x, X.between_points);
  }
}

/// Passes on `weights`, the derivatives by the squared distances.
template <class S>
void pull_distances(const Eigen::VectorX<S>& scales, Points<S> X, const S* y, const S* weights, S* gy, S* gp) {
  using Numbers = Eigen::Map<const Eigen::ArrayX<S>>;
  using Apart = Eigen::Map<const Eigen::ArrayX<S>, 0, Eigen::InnerStride<>>;
  const Numbers w(weights, X.count);
  for (Eigen::Index c = 0; c < X.dimension; ++c) {
    const S inverse = 1 / entry(scales, c);
    const auto add = [&](const auto& x) {
      // Sums of Eigen's, which it may reorder, as the compiler may not.
      if (gy) gy[c] += 2 * inverse * (w * ((y[c] - x) * inverse)).sum();
      if (gp) gp[scales.size() == 1 ? 0 : c] -= 2 * (w * ((y[c] - x) * inverse).square()).sum();
    };
    const S* const x = X.data + c * X.between_coordinates;
    if (X.between_points == 1)
      add(Numbers(x, X.count));
    else
      add(Apart(x, X.count, Eigen::InnerStride<>(X.between_points)));
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
