#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <numbers>
#include <stdexcept>
#include <string>
#include <tuple>

#include <Eigen/Core>

#include <mesaopt/bayes/activity.hpp>
#include <mesaopt/bayes/kernel.hpp>
#include <mesaopt/bayes/kernels.hpp>
#include <mesaopt/core/space.hpp>

namespace mesaopt::kernels {

/// Of points of a Space: a kernel of distance for numbers, times exp(-sum of [x_c != y_c] / length_scale_c) for
/// categories, either of parameters that may be inactive. Made by `space_kernel`.
///
/// Each coordinate of a number adds its own to the squared distance, over length_scale_c²: (x_c - y_c)² if it is always
/// active; else 4 sin²(π arc_c (x_c - y_c) / 2) where both are active, as if on an arc of the circle of radius 1, 1
/// where one is inactive, as if at its centre, and 0 where both are. To be inactive is one more category. Gradients by
/// categories, and by what is inactive, are 0; integers are as smooth as real numbers.
///
/// Parameters in order: length scales, arcs. Swersky, Duvenaud, Snoek, Hutter and Osborne (2014), "Raiders of the lost
/// architecture: kernels for Bayesian optimization in conditional parameter spaces", section 2.
template <class Profile, std::floating_point S>
struct BasicSpaceKernel {
  using Scalar = S;
  Eigen::VectorX<S> length_scales = Eigen::VectorX<S>::Ones(1);  ///< 1, or one a coordinate; positive
  Eigen::VectorX<S> arcs{};    ///< one for each number that may be inactive; positive, and sensibly at most 1
  Eigen::VectorX<S> levels{};  ///< one a coordinate: how many categories, or 0 for a number
  Activity activity{};

  static constexpr auto fields() {
    using B = BasicSpaceKernel;
    return std::tuple{&B::length_scales, &B::arcs, &B::levels, &B::activity};
  }
  template <class X, class Y>
  S operator()(const Eigen::MatrixBase<X>& x, const Eigen::MatrixBase<Y>& y) const {
    return detail::value(*this, x, y);
  }
  void check(Eigen::Index dimension) const {
    if (levels.size() != dimension)
      throw std::invalid_argument("kernel: is of a space of " + std::to_string(levels.size()) + " parameters, got " +
                                  std::to_string(dimension) + " coordinates");
    detail::check_positive("length_scales", length_scales, dimension);
    detail::check_positive("arcs", arcs, arcs.size());
  }
  template <class Self, class Visitor>
  static void visit(Self& self, Visitor&& visitor) {
    for (auto& scale : self.length_scales) visitor(Role::length_scale, scale);
    for (auto& arc : self.arcs) visitor(Role::shape, arc);
  }
  void values(Points<S> X, const S* y, S* out) const {
    detail::Buffer<S> r2, unlike;
    distances(X, y, r2, unlike);
    Profile::values(detail::Values<S>(r2.data(), X.count), detail::Values<S>(out, X.count), static_cast<S*>(nullptr));
    for (Eigen::Index i = 0; i < X.count; ++i) out[i] *= std::exp(-unlike[std::size_t(i)]);
  }
  void pull(Points<S> X, const S* y, const S* weights, S* gy, S* gp) const {
    detail::Buffer<S> r2, unlike, k, slopes;
    distances(X, y, r2, unlike);
    Profile::values(detail::Values<S>(r2.data(), X.count), detail::Values<S>(k.data(), X.count), slopes.data());
    for (std::size_t i = 0; i < std::size_t(X.count); ++i) {
      const S weighted = weights[i] * std::exp(-unlike[i]);
      k[i] *= -weighted;  // derivatives by `unlike`
      slopes[i] *= weighted;
    }
    each(X, y, [&](Eigen::Index c, Eigen::Index arc, Eigen::Index i, const Difference& d) {
      const S inverse = 1 / detail::entry(length_scales, c), by_square = slopes[std::size_t(i)] * inverse * inverse;
      const S by_log_scale = levels[c] > 0 ? -k[std::size_t(i)] * inverse * d.square : -2 * by_square * d.square;
      if (gy && !(levels[c] > 0)) gy[c] += by_square * d.by_y;
      if (gp) gp[length_scales.size() == 1 ? 0 : c] += by_log_scale;
      if (gp && arc >= 0) gp[length_scales.size() + arc] += by_square * d.by_log_arc;
    });
  }

 private:
  /// How far apart two points are in a coordinate: 0 or 1 in a category; in a number the square, with its derivatives.
  struct Difference {
    S square = 0, by_y = 0, by_log_arc = 0;
  };

  /// visit(c, which arc or -1, i, difference) for all coordinates of all points.
  template <class Visit>
  void each(Points<S> X, const S* y, const Visit& visit) const {
    Eigen::Index arcs_before = 0;
    for (Eigen::Index c = 0; c < X.dimension; ++c) {
      const bool conditional = activity.conditional(c), category = levels[c] > 0;
      const Eigen::Index arc = conditional && !category ? arcs_before++ : -1;
      const bool here = activity.active(c, [&](Eigen::Index from) { return y[from]; });
      for (Eigen::Index i = 0; i < X.count; ++i) {
        const bool there = conditional ? activity.active(c, [&](Eigen::Index from) { return X(from, i); }) : true;
        Difference d;
        if (here != there)
          d.square = 1;
        else if (here && category)
          d.square = cell(c, X(c, i)) != cell(c, y[c]) ? S(1) : S(0);
        else if (here && arc < 0)
          d = {(y[c] - X(c, i)) * (y[c] - X(c, i)), 2 * (y[c] - X(c, i)), 0};
        else if (here) {
          const S rate = std::numbers::pi_v<S> / 2 * arcs[arc], angle = rate * (y[c] - X(c, i)), sine = std::sin(angle);
          const S by_angle = 8 * sine * std::cos(angle);
          d = {4 * sine * sine, by_angle * rate, by_angle * angle};
        }
        visit(c, arc, i, d);
      }
    }
  }
  void distances(Points<S> X, const S* y, detail::Buffer<S>& r2, detail::Buffer<S>& unlike) const {
    std::fill_n(r2.data(), X.count, S(0));
    std::fill_n(unlike.data(), X.count, S(0));
    each(X, y, [&](Eigen::Index c, Eigen::Index, Eigen::Index i, const Difference& d) {
      const S inverse = 1 / detail::entry(length_scales, c);
      if (levels[c] > 0)
        unlike[std::size_t(i)] += d.square * inverse;
      else
        r2[std::size_t(i)] += d.square * inverse * inverse;
    });
  }
  [[nodiscard]] S cell(Eigen::Index c, S u) const { return std::clamp(std::floor(u * levels[c]), S(0), levels[c] - 1); }
};
using SpaceKernel = BasicSpaceKernel<detail::Matern52Of, double>;

/// The kernel of a space, Matérn 5/2 in its numbers, with a length scale a parameter.
///
///     const Space space{rate, integer("layers", 1, 8), optimizer, momentum.when("optimizer", "sgd")};
///     GaussianProcess process(kernels::space_kernel(space));
inline SpaceKernel space_kernel(const Space& space) {
  SpaceKernel k{
      Eigen::VectorXd::Ones(space.dimension()), {}, Eigen::VectorXd::Zero(space.dimension()), Activity(space)};
  Eigen::Index arcs = 0;
  for (Eigen::Index c = 0; c < space.dimension(); ++c) {
    const bool category = space.parameter(c).kind == ParameterKind::category;
    if (category) k.levels[c] = double(space.parameter(c).levels());
    if (!category && k.activity.conditional(c)) ++arcs;
  }
  k.arcs = Eigen::VectorXd::Constant(arcs, 0.5);
  return k;
}

}  // namespace mesaopt::kernels
