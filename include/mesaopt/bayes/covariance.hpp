#pragma once

#include <algorithm>

#include <Eigen/Core>

#include <mesaopt/bayes/kernel.hpp>

namespace mesaopt::kernels {

namespace detail {

/// Some columns of a matrix.
template <class X>
Points<typename X::Scalar> points_of(const X& points, Eigen::Index first, Eigen::Index count) {
  return {points.data() + first * points.outerStride(), points.rows(), count, points.outerStride(), 1};
}

/// out[i] = k(points.col(i), y) for i < count.
template <Kernel K>
void covariance_column(const K& k, Points<typename K::Scalar> X, const typename K::Scalar* y, typename K::Scalar* out) {
  for (Eigen::Index i = 0; i < X.count; i += most_points)
    k.values(X.some(i, std::min(most_points, X.count - i)), y, out + i);
}

/// The pull of all points.
template <Kernel K>
void pull_column(const K& k, Points<typename K::Scalar> X, const typename K::Scalar* y,
                 const typename K::Scalar* weights, typename K::Scalar* gy, typename K::Scalar* gp) {
  for (Eigen::Index i = 0; i < X.count; i += most_points)
    k.pull(X.some(i, std::min(most_points, X.count - i)), y, weights + i, gy, gp);
}

/// covariance_column, which keeps what pull_kept_column needs; `kept` is of its first point.
template <Kernel K>
void keep_column(const K& k, Points<typename K::Scalar> X, const typename K::Scalar* y, typename K::Scalar* out,
                 Kept<typename K::Scalar> kept) {
  for (Eigen::Index i = 0; i < X.count; i += most_points)
    keep_values(k, X.some(i, std::min(most_points, X.count - i)), y, out + i, {kept.data + i, kept.between});
}
template <Kernel K>
void pull_kept_column(const K& k, Points<typename K::Scalar> X, const typename K::Scalar* y,
                      const typename K::Scalar* weights, Kept<typename K::Scalar> kept, typename K::Scalar* gy,
                      typename K::Scalar* gp) {
  for (Eigen::Index i = 0; i < X.count; i += most_points)
    pull_kept(k, X.some(i, std::min(most_points, X.count - i)), y, weights + i, {kept.data + i, kept.between}, gy, gp);
}

}  // namespace detail

/// K(i, j) = k(X.col(i), X.col(j)), one point a column of X; K is resized, and nothing else allocated.
/// Throws std::invalid_argument if the kernel does not fit the dimension.
template <Kernel K>
void covariance(const K& k, const Eigen::MatrixX<typename K::Scalar>& X, Eigen::MatrixX<typename K::Scalar>& out) {
  k.check(X.rows());
  out.resize(X.cols(), X.cols());
  for (Eigen::Index j = 0; j < X.cols(); ++j)
    detail::covariance_column(k, detail::points_of(X, 0, j + 1), X.col(j).data(), out.col(j).data());
  for (Eigen::Index j = 0; j < X.cols(); ++j)
    for (Eigen::Index i = j + 1; i < X.cols(); ++i) out(i, j) = out(j, i);
}

/// K(i, j) = k(X.col(i), Y.col(j)). As above.
template <Kernel K>
void covariance(const K& k, const Eigen::MatrixX<typename K::Scalar>& X, const Eigen::MatrixX<typename K::Scalar>& Y,
                Eigen::MatrixX<typename K::Scalar>& out) {
  k.check(X.rows());
  k.check(Y.rows());
  out.resize(X.cols(), Y.cols());
  for (Eigen::Index j = 0; j < Y.cols(); ++j)
    detail::covariance_column(k, detail::points_of(X, 0, X.cols()), Y.col(j).data(), out.col(j).data());
}

}  // namespace mesaopt::kernels
