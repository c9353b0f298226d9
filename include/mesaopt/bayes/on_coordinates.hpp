#pragma once

#include <cstddef>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/bayes/kernel.hpp>
#include <mesaopt/bayes/mapped_points.hpp>

namespace mesaopt::kernels {

/// A kernel of some coordinates alone, up to 512, in the order in which they are listed.
template <Kernel K>
struct OnCoordinates {
  using Scalar = typename K::Scalar;
  std::vector<Eigen::Index> coordinates;
  K kernel;

  static constexpr auto fields() { return std::tuple{&OnCoordinates::coordinates, &OnCoordinates::kernel}; }
  template <class X, class Y>
  Scalar operator()(const Eigen::MatrixBase<X>& x, const Eigen::MatrixBase<Y>& y) const {
    return detail::value(*this, x, y);
  }
  void check(Eigen::Index dimension) const {
    if (coordinates.empty()) throw std::invalid_argument("kernel: needs at least one coordinate, got none");
    detail::check_mapped(size());
    for (const Eigen::Index c : coordinates)
      if (c < 0 || c >= dimension)
        throw std::invalid_argument("kernel: there is no coordinate " + std::to_string(c) + " of " +
                                    std::to_string(dimension));
    kernel.check(size());
  }
  template <class Self, class Visitor>
  static void visit(Self& self, Visitor&& visitor) {
    K::visit(self.kernel, visitor);
  }
  void values(Points<Scalar> X, const Scalar* y, Scalar* out) const { values(X, y, out, {}); }
  void pull(Points<Scalar> X, const Scalar* y, const Scalar* weights, Scalar* gy, Scalar* gp) const {
    each(X, y, gy, [&](Points<Scalar> some, Eigen::Index first, const Scalar* of_y, Scalar* by_y) {
      kernel.pull(some, of_y, weights + first, by_y, gp);
    });
  }

  static constexpr Eigen::Index keeps = detail::numbers_kept<K>();
  void values(Points<Scalar> X, const Scalar* y, Scalar* out, Kept<Scalar> kept) const {
    each(X, y, nullptr, [&](Points<Scalar> some, Eigen::Index first, const Scalar* of_y, Scalar*) {
      if (kept.data)
        detail::keep_values(kernel, some, of_y, out + first, {kept.data + first, kept.between});
      else
        kernel.values(some, of_y, out + first);
    });
  }
  void pull(Points<Scalar> X, const Scalar* y, const Scalar* weights, Kept<Scalar> kept, Scalar* gy, Scalar* gp) const {
    each(X, y, gy, [&](Points<Scalar> some, Eigen::Index first, const Scalar* of_y, Scalar* by_y) {
      detail::pull_kept(kernel, some, of_y, weights + first, {kept.data + first, kept.between}, by_y, gp);
    });
  }

 private:
  [[nodiscard]] Eigen::Index size() const { return Eigen::Index(coordinates.size()); }

  template <class Visit>
  void each(Points<Scalar> X, const Scalar* y, Scalar* gy, const Visit& visit) const {
    const auto pick = [&](Eigen::Index c, const auto& get) { return get(coordinates[std::size_t(c)]); };
    detail::MappedPoint<Scalar> of_y, by_y;
    detail::map_point(y, size(), pick, of_y);
    for (std::size_t c = 0; c < coordinates.size(); ++c) by_y[c] = 0;
    detail::map_points(X, size(), pick, [&](Points<Scalar> some, Eigen::Index first) {
      visit(some, first, of_y.data(), gy ? by_y.data() : nullptr);
    });
    if (gy)
      for (std::size_t c = 0; c < coordinates.size(); ++c) gy[coordinates[c]] += by_y[c];
  }
};

/// `on_coordinates({0, 3}, Matern52{}) * on_coordinates({1}, Hamming{})`.
template <Kernel K>
OnCoordinates<K> on_coordinates(std::vector<Eigen::Index> coordinates, K kernel) {
  return {std::move(coordinates), std::move(kernel)};
}

}  // namespace mesaopt::kernels
