#pragma once

#include <algorithm>
#include <stdexcept>
#include <string>

#include <Eigen/Core>

#include <mesaopt/bayes/covariance.hpp>
#include <mesaopt/bayes/gaussian_process.hpp>
#include <mesaopt/bayes/kernel.hpp>

namespace mesaopt {

/// The joint posterior of a Gaussian process at a few points, with what it takes to differentiate a function of it.
template <class S>
struct JointPosterior {
  Eigen::VectorX<S> mean;
  Eigen::MatrixX<S> covariance;              ///< of the function, without an observation's noise
  Eigen::MatrixX<S> cross, solved, weights;  ///< scratch
};

/// The joint posterior at the columns of X; all is resized.
template <kernels::Kernel K>
void predict(const GaussianProcess<K>& process, const Eigen::MatrixX<typename K::Scalar>& X,
             JointPosterior<typename K::Scalar>& out) {
  const Eigen::Index n = process.usable();
  if (n > 0 && X.rows() != process.dimension())
    throw std::invalid_argument("predict: needs points of size " + std::to_string(process.dimension()) + ", got " +
                                std::to_string(X.rows()));
  kernels::covariance(process.kernel(), X, out.covariance);
  out.mean.setConstant(X.cols(), process.settings().mean);
  out.cross.resize(n, X.cols());
  out.solved.resize(n, X.cols());
  if (n == 0) return;
  const auto points = kernels::detail::points_of(process.points(), 0, n);
  for (Eigen::Index j = 0; j < X.cols(); ++j)
    kernels::detail::covariance_column(process.kernel(), points, X.col(j).data(), out.cross.col(j).data());
  out.mean.noalias() += out.cross.transpose() * process.weights();
  out.solved = out.cross;
  const auto factor = process.factor();
  for (Eigen::Index j = 0; j < X.cols(); ++j) {
    auto column = out.solved.col(j);
    factor.template triangularView<Eigen::Lower>().solveInPlace(column);
  }
  out.covariance.noalias() -= out.solved.transpose() * out.solved;
  for (Eigen::Index j = 0; j < X.cols(); ++j) {
    auto column = out.solved.col(j);
    factor.transpose().template triangularView<Eigen::Upper>().solveInPlace(column);
  }
}

/// Turns the derivatives of a number by the mean and by each entry of the covariance, which must be symmetric, into
/// those by the points, one a column; `by_points` is resized. X and `posterior` are those of `predict`.
template <kernels::Kernel K>
void pull(const GaussianProcess<K>& process, const Eigen::MatrixX<typename K::Scalar>& X,
          JointPosterior<typename K::Scalar>& posterior, const Eigen::VectorX<typename K::Scalar>& by_mean,
          const Eigen::MatrixX<typename K::Scalar>& by_covariance, Eigen::MatrixX<typename K::Scalar>& by_points) {
  using S = typename K::Scalar;
  const Eigen::Index n = process.usable();
  by_points.setZero(X.rows(), X.cols());
  posterior.weights.resize(std::max(n, X.cols()), 1);
  auto weights = posterior.weights.col(0);
  const auto points = kernels::detail::points_of(process.points(), 0, n);
  for (Eigen::Index j = 0; j < X.cols(); ++j) {
    const S* const x = X.col(j).data();
    // Entries (i, j) and (j, i) change alike, and k(x, x) with both of its arguments.
    weights.head(X.cols()) = S(2) * by_covariance.col(j);
    kernels::detail::pull_column<K>(process.kernel(), kernels::detail::points_of(X, 0, X.cols()), x, weights.data(),
                                    by_points.col(j).data(), nullptr);
    if (n == 0) continue;
    weights.head(n) = by_mean[j] * process.weights();
    weights.head(n).noalias() -= S(2) * posterior.solved * by_covariance.col(j);
    kernels::detail::pull_column<K>(process.kernel(), points, x, weights.data(), by_points.col(j).data(), nullptr);
  }
}

}  // namespace mesaopt
