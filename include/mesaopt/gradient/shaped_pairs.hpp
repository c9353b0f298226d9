#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include <Eigen/Core>
#include <Eigen/Eigenvalues>

#include <mesaopt/core/point.hpp>
#include <mesaopt/gradient/curvature_pairs.hpp>

namespace mesaopt::detail {

/// Fills `pairs`, which are empty and have room for some, with what stands for the positive definite matrix H of n
/// rows: false, and none, if H is no such matrix.
///
/// An eigenvector v with Hv = λv makes the pair s = v, y = v/λ. Eigenvectors are conjugate, so the BFGS updates by such
/// pairs do not disturb each other, and leave every other direction the initial scale. Where there is room for fewer
/// than n, those eigenvalues get a pair that are most unlike the others, from both ends of the spectrum; the scale is
/// the geometric mean of the rest. The pair most unlike it is the newest.
template <class Matrix, Point X>
bool shape_pairs(const Matrix& H, Eigen::Index n, CurvaturePairs<X>& pairs) {
  using Square = Eigen::Matrix<double, X::RowsAtCompileTime, X::RowsAtCompileTime>;
  if (H.rows() != n || H.cols() != n || !H.allFinite()) return false;
  const Eigen::SelfAdjointEigenSolver<Square> parts(Square(H.template cast<double>()));
  const auto& values = parts.eigenvalues();  // ascending
  if (parts.info() != Eigen::Success || !(values[0] > std::numeric_limits<double>::epsilon() * values[n - 1]))
    return false;
  const Eigen::Index room = std::min(n, pairs.s.cols()), rest = n - room;
  Eigen::Index low = 0;  // eigenvalues below get a pair, and so do those from low + rest on
  for (Eigen::Index i = 1; rest > 0 && i + rest <= n; ++i)
    if (values[i + rest - 1] / values[i] < values[low + rest - 1] / values[low]) low = i;
  double mean = 0;
  for (Eigen::Index i = 0; i < n; ++i)
    if (rest == 0 || (i >= low && i < low + rest)) mean += std::log(values[i]) / double(rest == 0 ? n : rest);
  const auto pair = [&](Eigen::Index i) {
    X v(n), y(n);
    v = parts.eigenvectors().col(i).template cast<ScalarOf<X>>();
    y = v / ScalarOf<X>(values[i]);
    const X zero = X::Zero(n);
    pairs.add(zero, zero, v, y);
  };
  // From the middle outwards.
  Eigen::Index down = low, up = rest == 0 ? low : low + rest;
  while (rest == 0 && up < n && std::log(values[up]) < mean) ++down, ++up;
  while (down > 0 || up < n) {
    const double below = down > 0 ? mean - std::log(values[down - 1]) : std::numeric_limits<double>::infinity();
    const double above = up < n ? std::log(values[up]) - mean : std::numeric_limits<double>::infinity();
    pair(below <= above ? --down : up++);
  }
  pairs.scale = ScalarOf<X>(std::exp(mean));
  return true;
}

}  // namespace mesaopt::detail
