#pragma once

#include <stdexcept>
#include <string>

#include <Eigen/Core>

#include <mesaopt/bayes/covariance.hpp>
#include <mesaopt/bayes/factor.hpp>
#include <mesaopt/bayes/gaussian_process.hpp>
#include <mesaopt/bayes/jittered_cholesky.hpp>
#include <mesaopt/bayes/kernel.hpp>
#include <mesaopt/bayes/panels.hpp>
#include <mesaopt/core/random.hpp>

namespace mesaopt {

/// The joint posterior of f at the columns of X: `out.mean`, `out.variance`, and the whole covariance matrix, all
/// resized.
template <kernels::Kernel K>
void predict_jointly(const GaussianProcess<K>& process, const Eigen::MatrixX<typename K::Scalar>& X,
                     Prediction<typename K::Scalar>& out, Eigen::MatrixX<typename K::Scalar>& covariance) {
  using S = typename K::Scalar;
  const Eigen::Index n = process.usable();
  if (n > 0 && X.rows() != process.dimension())
    throw std::invalid_argument("predict_jointly: needs points of size " + std::to_string(process.dimension()) +
                                ", got " + std::to_string(X.rows()));
  kernels::covariance(process.kernel(), X, covariance);
  out.cross.resize(n, X.cols());
  const auto points = process.points();
  for (Eigen::Index j = 0; j < X.cols(); ++j)
    kernels::detail::covariance_column(process.kernel(), kernels::detail::points_of(points, 0, n), X.col(j).data(),
                                       out.cross.col(j).data());
  out.mean.resize(X.cols());
  for (Eigen::Index j = 0; j < X.cols(); ++j) out.mean[j] = process.mean_at(X.col(j));
  if (n > 0) {
    out.mean.noalias() += out.cross.transpose() * process.weights();
    detail::solve_lower<S>(process.factor(), out.cross);
    covariance.noalias() -= out.cross.transpose() * out.cross;
  }
  out.variance = covariance.diagonal().cwiseMax(S(0));
}

/// Draws `count` functions from the posterior at the columns of X: samples(i, k) is function k at point i. Answers how
/// the joint covariance was factorized; where that failed, which takes NaN, the samples are the mean.
template <kernels::Kernel K>
Factorization sample(const GaussianProcess<K>& process, const Eigen::MatrixX<typename K::Scalar>& X, Random& random,
                     Eigen::Index count, Eigen::MatrixX<typename K::Scalar>& samples) {
  using S = typename K::Scalar;
  Prediction<S> prediction;
  Eigen::MatrixX<S> covariance;
  predict_jointly(process, X, prediction, covariance);
  samples.resize(X.cols(), count);
  random.fill_normal(samples);
  Factorization report;
  const bool certain = !(prediction.variance.array() > 0).any();
  if (!certain) report = detail::jittered_cholesky<S>(covariance, prediction.variance);
  if (certain || !report.succeeded)
    samples.setZero();
  else
    samples = (covariance.template triangularView<Eigen::Lower>() * samples).eval();
  samples.colwise() += prediction.mean;
  return report;
}

/// What the other observations make of each: residuals y_i - mean_i, and the variances of y_i, noise included; both are
/// resized. O(n³). Throws std::domain_error if the process could not be factorized.
/// Rasmussen and Williams (2006), "Gaussian processes for machine learning", equations 5.10 to 5.12.
template <kernels::Kernel K>
void leave_one_out(const GaussianProcess<K>& process, Eigen::VectorX<typename K::Scalar>& residuals,
                   Eigen::VectorX<typename K::Scalar>& variances) {
  if (!process.factorization().succeeded)
    throw std::domain_error("leave_one_out: the Gaussian process could not be factorized");
  Eigen::MatrixX<typename K::Scalar> scratch, inverse;
  detail::invert_factored(process.factor(), scratch, inverse);
  variances = inverse.diagonal().cwiseInverse();
  residuals = process.weights().cwiseProduct(variances);
}

}  // namespace mesaopt
