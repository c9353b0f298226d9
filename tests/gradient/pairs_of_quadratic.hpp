#pragma once
// Curvature pairs of a quadratic, and the matrix B that they make, densely.

#include <random>

#include <Eigen/Core>

#include <mesaopt/gradient/curvature_pairs.hpp>

namespace pairs_of_quadratic {

using Eigen::MatrixXd;
using Eigen::VectorXd;
using Pairs = mesaopt::CurvaturePairs<VectorXd>;

inline VectorXd normal(Eigen::Index n, std::mt19937_64& random) {
  std::normal_distribution<double> draw;
  VectorXd out(n);
  for (double& entry : out) entry = draw(random);
  return out;
}

/// Adds a pair whose step is 0 in every coordinate that is a multiple of `still`, if that is not 0.
inline void add(Pairs& pairs, Eigen::Index n, std::mt19937_64& random, Eigen::Index still = 0) {
  VectorXd s = normal(n, random);
  if (still > 0)
    for (Eigen::Index i = 0; i < n; i += still) s[i] = 0;
  const VectorXd scale = VectorXd::LinSpaced(n, 1, 5);
  const VectorXd y = scale.asDiagonal() * s + 0.1 * VectorXd::Constant(n, s.sum() / double(n));
  pairs.add(VectorXd::Zero(n), VectorXd::Zero(n), s, y);
}

/// B by the formula of BFGS, one pair after the other: of all but the newest.
inline MatrixXd matrix(const Pairs& pairs, Eigen::Index n, Eigen::Index used) {
  MatrixXd B = MatrixXd::Identity(n, n) / pairs.scale;
  for (Eigen::Index age = 0; age < used; ++age) {
    const VectorXd s = pairs.s.col(pairs.place(age)).head(n), y = pairs.y.col(pairs.place(age)).head(n), Bs = B * s;
    B += y * y.transpose() / y.dot(s) - Bs * Bs.transpose() / s.dot(Bs);
  }
  return B;
}

/// Ones for the coordinates that are not multiples of `held`.
inline Pairs::Column free_of(const Pairs& pairs, Eigen::Index n, Eigen::Index held) {
  Pairs::Column free = Pairs::Column::Zero(pairs.s.rows());
  for (Eigen::Index i = 0; i < n; ++i) free[i] = i % held == 0 ? 0 : 1;
  return free;
}

}  // namespace pairs_of_quadratic
