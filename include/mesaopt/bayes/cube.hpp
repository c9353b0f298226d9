#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/point.hpp>
#include <mesaopt/objective/box.hpp>

/// Between a box, some of whose bounds may be equal, and the unit cube of the variables that are free, in which
/// surrogates live.
namespace mesaopt::detail {

/// The variables whose bounds differ.
template <Point X>
void find_free(const Box<X>& box, std::vector<Eigen::Index>& free) {
  free.clear();
  for (Eigen::Index i = 0; i < box.lower.size(); ++i)
    if (box.lower[i] < box.upper[i]) free.push_back(i);
}

/// The free coordinates of a point in units of the box: outside of the cube where the point is outside of the box.
template <Point X, class D>
Eigen::VectorXd around_cube(const Box<X>& box, const std::vector<Eigen::Index>& free,
                            const Eigen::MatrixBase<D>& point) {
  Eigen::VectorXd u(Eigen::Index(free.size()));
  for (std::size_t k = 0; k < free.size(); ++k) {
    const Eigen::Index i = free[k];
    const double lower = double(box.lower[i]), upper = double(box.upper[i]);
    // Halves, as the width of a box may overflow.
    u[Eigen::Index(k)] = (double(point[i]) / 2 - lower / 2) / (upper / 2 - lower / 2);
  }
  return u;
}

/// The same, moved into the cube.
template <Point X, class D>
Eigen::VectorXd to_cube(const Box<X>& box, const std::vector<Eigen::Index>& free, const Eigen::MatrixBase<D>& point) {
  return around_cube(box, free, point).cwiseMax(0.0).cwiseMin(1.0);
}

/// The reverse; coordinates that are not free are left as they are.
template <Point X, class U>
void to_box(const Box<X>& box, const std::vector<Eigen::Index>& free, const U& u, X& point) {
  using S = ScalarOf<X>;
  for (std::size_t k = 0; k < free.size(); ++k) {
    const Eigen::Index i = free[k];
    const S part = S(u[Eigen::Index(k)]), lower = box.lower[i], upper = box.upper[i];
    point[i] = std::clamp((1 - part) * lower + part * upper, lower, upper);
  }
}

}  // namespace mesaopt::detail
