#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <tuple>

#include <Eigen/Core>

#include <mesaopt/bayes/kernel.hpp>

namespace mesaopt::kernels {

/// Of coordinates that are names, not quantities: exp(-sum over c of [x_c != y_c] / length_scale_c). Two names are as
/// unlike as any other two. Its gradient by points is 0.
///
/// Where `levels` is 0, a coordinate is compared as a number; else [0, 1] has so many cells of one length, each of
/// which stands for a name, as in a Space. Ru, Alvi, Nguyen, Osborne and Roberts (2020), "Bayesian optimisation over
/// multiple continuous and categorical inputs", and BoTorch's CategoricalKernel, which takes the mean for the sum.
template <std::floating_point S>
struct BasicHamming {
  using Scalar = S;
  Eigen::VectorX<S> length_scales = Eigen::VectorX<S>::Ones(1);  ///< 1, or one a coordinate; positive
  Eigen::VectorX<S> levels = Eigen::VectorX<S>::Zero(1);         ///< 1, or one a coordinate; whole

  static constexpr auto fields() { return std::tuple{&BasicHamming::length_scales, &BasicHamming::levels}; }
  template <class X, class Y>
  S operator()(const Eigen::MatrixBase<X>& x, const Eigen::MatrixBase<Y>& y) const {
    return detail::value(*this, x, y);
  }
  void check(Eigen::Index dimension) const {
    detail::check_positive("length_scales", length_scales, dimension);
    detail::check_positive("levels + 1", Eigen::VectorX<S>(levels.array() + 1), dimension);
  }
  template <class Self, class Visitor>
  static void visit(Self& self, Visitor&& visitor) {
    for (auto& scale : self.length_scales) visitor(Role::length_scale, scale);
  }
  void values(Points<S> X, const S* y, S* out) const {
    std::fill_n(out, X.count, S(0));
    for (Eigen::Index c = 0; c < X.dimension; ++c) {
      const S name = name_of(c, y[c]), inverse = 1 / detail::entry(length_scales, c);
      for (Eigen::Index i = 0; i < X.count; ++i) out[i] -= name_of(c, X(c, i)) != name ? inverse : S(0);
    }
    detail::Values<S> all(out, X.count);
    all = all.exp();
  }
  void pull(Points<S> X, const S* y, const S* weights, S*, S* gp) const {
    if (!gp) return;
    detail::Buffer<S> k;
    values(X, y, k.data());
    for (Eigen::Index c = 0; c < X.dimension; ++c) {
      const S name = name_of(c, y[c]), inverse = 1 / detail::entry(length_scales, c);
      for (Eigen::Index i = 0; i < X.count; ++i)
        if (name_of(c, X(c, i)) != name)
          gp[length_scales.size() == 1 ? 0 : c] += weights[i] * k[std::size_t(i)] * inverse;
    }
  }

 private:
  [[nodiscard]] S name_of(Eigen::Index c, S u) const {
    const S count = detail::entry(levels, c);
    return count > 0 ? std::clamp(std::floor(u * count), S(0), count - 1) : u;
  }
};
using Hamming = BasicHamming<double>;

}  // namespace mesaopt::kernels
