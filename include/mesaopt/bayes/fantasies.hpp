#pragma once

#include <cmath>

#include <Eigen/Core>

#include <mesaopt/bayes/gaussian_process.hpp>
#include <mesaopt/bayes/kernel.hpp>
#include <mesaopt/core/random.hpp>

namespace mesaopt {

// Points whose evaluations are under way, as observations that are made up: each of these adds the columns of X to a
// process, which is to be a copy.

/// Adds what the process predicts there: the kriging believer. Later improvements are sought elsewhere, and nothing is
/// thought to have been gained. Ginsbourger, Le Riche and Carraro (2010), "Kriging is well-suited to parallelize
/// optimization", section 4.1.
template <kernels::Kernel K>
void believe(GaussianProcess<K>& process, const Eigen::MatrixX<typename K::Scalar>& X) {
  Prediction<typename K::Scalar> prediction;
  process.predict(X, prediction);
  // The mean stays what it was whatever is added of it, so that one prediction serves all.
  for (Eigen::Index j = 0; j < X.cols(); ++j) process.append(X.col(j), prediction.mean[j]);
}

/// Adds one value for all: the constant liar, same source. The lowest value so far keeps later points far away, the
/// highest less so.
template <kernels::Kernel K>
void pretend(GaussianProcess<K>& process, const Eigen::MatrixX<typename K::Scalar>& X, typename K::Scalar value) {
  for (Eigen::Index j = 0; j < X.cols(); ++j) process.append(X.col(j), value);
}

/// Adds values drawn from what the process predicts, noise included, jointly for all columns; an acquisition is then
/// averaged over some such processes. Snoek, Larochelle and Adams (2012), "Practical Bayesian optimization of machine
/// learning algorithms", section 3.3.
template <kernels::Kernel K>
void fantasize(GaussianProcess<K>& process, const Eigen::MatrixX<typename K::Scalar>& X, Random& random) {
  using S = typename K::Scalar;
  Prediction<S> prediction;
  Eigen::MatrixX<S> point;
  for (Eigen::Index j = 0; j < X.cols(); ++j) {
    point = X.col(j);
    process.predict(point, prediction);
    const S noise = process.settings().noise + process.settings().noise_floor;
    process.append(X.col(j), prediction.mean[0] + std::sqrt(prediction.variance[0] + noise) * random.normal<S>());
  }
}

}  // namespace mesaopt
