#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <tuple>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/point.hpp>
#include <mesaopt/core/vectors.hpp>

namespace mesaopt {

namespace detail {
/// A distribution that tells the draw z which belongs to a step y, and its length.
template <class D>
concept Invertible = requires(const D& d, typename D::S* z) {
  d.draw_of(z, z);
};
}  // namespace detail

/// Points from outside that wait to be taken into the next generation of an evolution strategy.
///
/// Hansen (2011), "Injecting external solutions into CMA-ES", INRIA research report RR-7748: algorithm 1. A step y of
/// such a point is shortened to the length c_y = sqrt(n) + 2 n / (n + 2), measured as the distribution does. As in N.
/// Hansen's pycma one that is among the worse half teaches nothing: bad points that come again and again from wherever
/// would narrow the distribution without end.
template <Point X>
struct Injected {
  PointsOf<X> points{};      ///< one a column
  std::uint64_t count = 0;   ///< how many were given since the last generation was drawn
  std::uint64_t placed = 0;  ///< how many the present generation has, as its first points

  static constexpr auto fields() { return std::tuple{&Injected::points, &Injected::count, &Injected::placed}; }

  /// Takes a point, for generations of so many.
  void add(const X& point, Eigen::Index population) {
    if (points.rows() != point.size() || points.cols() != population) {
      detail::zeros(points, point.size(), population);
      count = 0;
    }
    std::copy_n(point.data(), point.size(),
                points.data() + point.size() * Eigen::Index(count++ % std::uint64_t(population)));
  }

  /// Puts them in the place of the first draws of a generation.
  template <class State>
  void place(State& state) {
    using S = ScalarOf<X>;
    const Eigen::Index n = state.mean.size();
    const S most = std::sqrt(S(n)) + 2 * S(n) / (S(n) + 2);
    const auto waiting = Eigen::Index(std::min<std::uint64_t>(count, std::uint64_t(points.cols())));
    for (Eigen::Index k = 0; k < waiting; ++k) {
      S* const y = state.steps.data() + n * k;
      S* const z = state.draws.data() + n * k;
      for (Eigen::Index i = 0; i < n; ++i) {
        const S u = state.bounds.bounded ? state.bounds.from_box(i, points(i, k)) : points(i, k);
        state.points(i, k) = points(i, k);
        y[i] = (u - state.mean[i]) / state.step_size;
      }
      const S length = state.draw_of(y, z);
      const S factor = length > most ? most / length : S(1);
      for (Eigen::Index i = 0; i < n; ++i) y[i] *= factor, z[i] *= factor;
    }
    placed = std::uint64_t(waiting);
    count = 0;
  }

  /// Makes nothing of those of the present generation that are among the worse half.
  template <class State>
  void forgive(const std::vector<Eigen::Index>& best_first, State& state) const {
    if (placed == 0) return;
    const Eigen::Index n = state.mean.size();
    for (std::size_t i = best_first.size() / 2; i < best_first.size(); ++i)
      if (const Eigen::Index k = best_first[i]; k < Eigen::Index(placed)) {
        std::fill_n(state.steps.data() + n * k, n, typename State::S(0));
        std::fill_n(state.draws.data() + n * k, n, typename State::S(0));
      }
  }
};

}  // namespace mesaopt
