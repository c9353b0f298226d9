#pragma once

#include <algorithm>
#include <cmath>
#include <tuple>
#include <vector>

#include <Eigen/Core>
#include <Eigen/Eigenvalues>

#include <mesaopt/bayes/gaussian_process.hpp>
#include <mesaopt/bayes/kernel.hpp>

namespace mesaopt {

/// The well of a function around a minimum: depth exp(-(x - center)' curvature (x - center) / (2 depth)), which has the
/// function's own second derivatives at the center, so that it is gone, to the fourth order, from the sum of the two.
struct Well {
  Eigen::VectorXd center{};
  Eigen::MatrixXd curvature{};  ///< positive definite
  double depth = 0;             ///< positive

  static constexpr auto fields() { return std::tuple{&Well::center, &Well::curvature, &Well::depth}; }

  template <class D>
  [[nodiscard]] double operator()(const Eigen::MatrixBase<D>& x) const {
    const Eigen::VectorXd d = x - center;
    return depth * std::exp(-d.dot(curvature * d) / (2 * depth));
  }
};

/// The well of the posterior mean, times `unit`, at a minimum of it. `widest` is a bound on how far it reaches in any
/// direction, in standard deviations of the exponential.
template <kernels::Kernel K>
Well well_of(const GaussianProcess<K>& process, const Eigen::VectorXd& center, double depth, double unit,
             double widest = 4) {
  const Eigen::Index n = center.size();
  constexpr double h = 1e-2;
  Eigen::MatrixXd points = center.replicate(1, 2 * n);
  for (Eigen::Index i = 0; i < n; ++i) {
    points(i, 2 * i) += h;
    points(i, 2 * i + 1) -= h;
  }
  Prediction<double> prediction;
  process.predict_with_gradients(points, prediction);
  Eigen::MatrixXd H(n, n);
  for (Eigen::Index i = 0; i < n; ++i)
    H.col(i) = unit / (2 * h) * (prediction.mean_gradient.col(2 * i) - prediction.mean_gradient.col(2 * i + 1));
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> parts((H + H.transpose()) / 2);
  const Eigen::VectorXd curvatures = parts.eigenvalues().cwiseMax(depth / (widest * widest));
  return {center, parts.eigenvectors() * curvatures.asDiagonal() * parts.eigenvectors().transpose(), depth};
}

/// What all wells add to the function at x.
template <class D>
double fill(const std::vector<Well>& wells, const Eigen::MatrixBase<D>& x) {
  double sum = 0;
  for (const Well& well : wells) sum += well(x);
  return sum;
}

}  // namespace mesaopt
