#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <tuple>
#include <utility>

#include <Eigen/Core>

#include <mesaopt/bayes/kernel.hpp>
#include <mesaopt/bayes/mapped_points.hpp>

namespace mesaopt::kernels {

/// A kernel of points of the unit cube that are warped first, coordinate by coordinate: w(x) = 1 - (1 - x^a)^b, the
/// distribution function of Kumaraswamy. It makes functions that change faster at one end of a coordinate than at the
/// other stationary; a = b = 1 changes nothing. Up to 512 coordinates. What lies outside of [0, 1] counts as the
/// nearest in it.
///
/// Parameters in order: those of the kernel, a, b. Snoek, Swersky, Zemel and Adams (2014), "Input warping for Bayesian
/// optimization of non-stationary functions", section 3, whose beta distribution has no closed form; BoTorch's Warp is
/// as here, and as there the ends are kept off by 1e-7, lest slopes be infinite.
template <Kernel K>
struct Warped {
  using Scalar = typename K::Scalar;
  K kernel;
  Eigen::VectorX<Scalar> a = Eigen::VectorX<Scalar>::Ones(1);  ///< 1, or one a coordinate; positive
  Eigen::VectorX<Scalar> b = Eigen::VectorX<Scalar>::Ones(1);  ///< 1, or one a coordinate; positive

  static constexpr auto fields() { return std::tuple{&Warped::kernel, &Warped::a, &Warped::b}; }
  template <class X, class Y>
  Scalar operator()(const Eigen::MatrixBase<X>& x, const Eigen::MatrixBase<Y>& y) const {
    return detail::value(*this, x, y);
  }
  void check(Eigen::Index dimension) const {
    detail::check_mapped(dimension);
    detail::check_positive("a", a, dimension);
    detail::check_positive("b", b, dimension);
    kernel.check(dimension);
  }
  template <class Self, class Visitor>
  static void visit(Self& self, Visitor&& visitor) {
    K::visit(self.kernel, visitor);
    for (auto& value : self.a) visitor(Role::warp, value);
    for (auto& value : self.b) visitor(Role::warp, value);
  }
  void values(Points<Scalar> X, const Scalar* y, Scalar* out) const {
    detail::MappedPoint<Scalar> of_y;
    detail::map_point(y, X.dimension, warped(), of_y);
    detail::map_points(X, X.dimension, warped(),
                       [&](Points<Scalar> some, Eigen::Index first) { kernel.values(some, of_y.data(), out + first); });
  }
  void pull(Points<Scalar> X, const Scalar* y, const Scalar* weights, Scalar* gy, Scalar* gp) const {
    const std::size_t d = std::size_t(X.dimension);
    detail::MappedPoint<Scalar> of_y, by_y, of_x, by_x;
    detail::map_point(y, X.dimension, warped(), of_y);
    std::fill_n(by_y.data(), d, Scalar(0));
    detail::map_points(X, X.dimension, warped(), [&](Points<Scalar> some, Eigen::Index first) {
      kernel.pull(some, of_y.data(), weights + first, by_y.data(), gp);
      if (!gp) return;
      // The warp moves both points; of each of these, the other is the one that the kernel differentiates by.
      for (Eigen::Index i = 0; i < some.count; ++i) {
        for (std::size_t c = 0; c < d; ++c) of_x[c] = some(Eigen::Index(c), i);
        std::fill_n(by_x.data(), d, Scalar(0));
        kernel.pull({of_y.data(), X.dimension, 1}, of_x.data(), weights + first + i, by_x.data(), nullptr);
        for (std::size_t c = 0; c < d; ++c)
          pass(Eigen::Index(c), X(Eigen::Index(c), first + i), by_x[c], nullptr, gp + parameter_count(kernel));
      }
    });
    for (std::size_t c = 0; c < d; ++c)
      pass(Eigen::Index(c), y[c], by_y[c], gy ? gy + c : nullptr, gp ? gp + parameter_count(kernel) : nullptr);
  }

 private:
  static constexpr Scalar end = std::max(Scalar(1e-7), std::numeric_limits<Scalar>::epsilon());
  static Scalar inside(Scalar x) { return end + std::clamp(x, Scalar(0), Scalar(1)) * (1 - 2 * end); }

  [[nodiscard]] auto warped() const {
    return [this](Eigen::Index c, const auto& get) {
      const Scalar power = std::pow(inside(get(c)), detail::entry(a, c));
      return -std::expm1(detail::entry(b, c) * std::log1p(-power));
    };
  }

  /// Passes on the derivative by a warped coordinate of x to those by the coordinate and by log a and log b.
  void pass(Eigen::Index c, Scalar x, Scalar by_warped, Scalar* by_coordinate, Scalar* gp) const {
    const Scalar u = inside(x), of_a = detail::entry(a, c), of_b = detail::entry(b, c);
    const Scalar power = std::pow(u, of_a), log_rest = std::log1p(-power), rest = std::exp(of_b * log_rest);
    const Scalar by_power = by_warped * of_b * rest / (1 - power);
    const bool clamped = !(x >= 0 && x <= 1);
    if (by_coordinate && !clamped) *by_coordinate += by_power * of_a * power / u * (1 - 2 * end);
    if (!gp) return;
    gp[a.size() == 1 ? 0 : c] += by_power * power * of_a * std::log(u);
    gp[a.size() + (b.size() == 1 ? 0 : c)] -= by_warped * rest * of_b * log_rest;
  }
};

/// `warped(Matern52{length_scales}, d)`: with an a and a b for each of d coordinates.
template <Kernel K>
Warped<K> warped(K kernel, Eigen::Index dimension) {
  using V = Eigen::VectorX<typename K::Scalar>;
  return {std::move(kernel), V::Ones(dimension), V::Ones(dimension)};
}

}  // namespace mesaopt::kernels
