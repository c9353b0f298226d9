#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <stdexcept>
#include <string>

#include <Eigen/Core>

#include <mesaopt/core/stopping.hpp>

namespace mesaopt::models {

/// What a covariance is shrunk towards.
enum class ShrinkTo : std::uint8_t {
  identity,             ///< m I, m the mean of the variances: Ledoit & Wolf (2004), "A well-conditioned estimator ..."
  constant_correlation  ///< own variances, all correlations their mean: Ledoit & Wolf (2004), "Honey, I shrunk ..."
};

/// An estimate of mean and covariance of returns, smooth in its two parameters:
///
///     Σ = (1 − shrinkage) S + shrinkage T(S),    S = Σ_t w_t (r_t − m)(r_t − m)' / (1 − Σ w_t²),   m = Σ_t w_t r_t
///
/// with weights w_t that halve every `half_life` rows into the past, and sum to 1. An infinite half-life is the sample
/// covariance, divided by one less than the number of rows.
struct Covariance {
  ShrinkTo target = ShrinkTo::identity;

  /// The estimate and its derivatives.
  struct Estimate {
    Eigen::VectorXd mean, mean_by_half_life;
    Eigen::MatrixXd sigma, by_shrinkage, by_half_life;
  };
  /// What the computation needs besides. With both reused it does not allocate.
  struct Scratch {
    Eigen::MatrixXd centred, weighted, sample, sample_by_half_life, shrunk, shrunk_by_half_life;
    Eigen::VectorXd weights, weights_by_half_life, deviation, deviation_by_half_life;
  };

  /// Estimates from the rows of `returns`, the last row being the latest.
  ///
  /// shrinkage is in [0, 1], half_life in rows, more than 0 or infinite; there are two rows or more. Throws
  /// std::invalid_argument otherwise. Derivatives by the half-life are 0 where it is infinite.
  template <class Returns>
  void operator()(const Returns& returns, double shrinkage, double half_life, Estimate& e, Scratch& w) const {
    if (!(shrinkage >= 0 && shrinkage <= 1))
      mesaopt::detail::refuse("Covariance: shrinkage", shrinkage, "it must be in [0, 1]");
    if (!(half_life > 0)) mesaopt::detail::refuse("Covariance: half_life", half_life, "it must be more than 0");
    const auto rows = returns.rows(), n = returns.cols();
    if (rows < 2) mesaopt::detail::refuse("Covariance: rows of returns", double(rows), "they must be 2 or more");

    const bool decays = std::isfinite(half_life);
    w.weights.resize(rows);
    w.weights_by_half_life.setZero(rows);
    if (decays) {
      const double rate = std::log(2.0) / half_life;
      for (Eigen::Index t = 0; t < rows; ++t) {
        const double age = double(rows - 1 - t);
        w.weights[t] = std::exp(-rate * age);
        w.weights_by_half_life[t] = w.weights[t] * rate * age / half_life;
      }
      const double sum = w.weights.sum();
      w.weights /= sum;
      w.weights_by_half_life /= sum;
      w.weights_by_half_life -= w.weights_by_half_life.sum() * w.weights;
    } else {
      w.weights.setConstant(1 / double(rows));
    }
    const double effective = 1 - w.weights.squaredNorm();
    if (!(effective > 1e-12))
      mesaopt::detail::refuse("Covariance: half_life", half_life, "it leaves weight on one row only");

    e.mean.noalias() = returns.transpose() * w.weights;
    e.mean_by_half_life.noalias() = returns.transpose() * w.weights_by_half_life;
    w.centred = returns.rowwise() - e.mean.transpose();
    w.weighted = w.centred.array().colwise() * w.weights.array();
    w.sample.resize(n, n);
    w.sample.noalias() = w.centred.transpose() * w.weighted;
    w.sample /= effective;
    w.sample_by_half_life.setZero(n, n);
    if (decays) {
      // The mean moves too, but Σ w_t (r_t − m) = 0: to first order that changes nothing.
      w.weighted = w.centred.array().colwise() * w.weights_by_half_life.array();
      w.sample_by_half_life.noalias() = w.centred.transpose() * w.weighted;
      w.sample_by_half_life += 2 * w.weights.dot(w.weights_by_half_life) * w.sample;
      w.sample_by_half_life /= effective;
    }
    shrink(w, n);
    e.sigma = (1 - shrinkage) * w.sample + shrinkage * w.shrunk;
    e.by_shrinkage = w.shrunk - w.sample;
    e.by_half_life = (1 - shrinkage) * w.sample_by_half_life + shrinkage * w.shrunk_by_half_life;
  }

 private:
  /// T(S) and its derivative along that of S.
  void shrink(Scratch& w, Eigen::Index n) const {
    w.shrunk.setZero(n, n);
    w.shrunk_by_half_life.setZero(n, n);
    if (target == ShrinkTo::identity || n < 2) {
      w.shrunk.diagonal().setConstant(w.sample.trace() / double(n));
      w.shrunk_by_half_life.diagonal().setConstant(w.sample_by_half_life.trace() / double(n));
      return;
    }
    w.deviation = w.sample.diagonal().cwiseSqrt();
    if (!(w.deviation.minCoeff() > 0))
      throw std::invalid_argument(
          "Covariance: an asset whose returns never change has no correlation to shrink towards");
    w.deviation_by_half_life = w.sample_by_half_life.diagonal().array() / (2 * w.deviation.array());
    double sum = 0, change = 0;
    for (Eigen::Index j = 0; j < n; ++j)
      for (Eigen::Index i = 0; i < j; ++i) {
        const double product = w.deviation[i] * w.deviation[j], r = w.sample(i, j) / product;
        sum += r;
        change += w.sample_by_half_life(i, j) / product -
                  r * (w.deviation_by_half_life[i] / w.deviation[i] + w.deviation_by_half_life[j] / w.deviation[j]);
      }
    const double pairs = double(n) * double(n - 1) / 2, mean = sum / pairs, mean_change = change / pairs;
    w.shrunk.noalias() = mean * w.deviation * w.deviation.transpose();
    w.shrunk_by_half_life.noalias() = mean_change * w.deviation * w.deviation.transpose();
    w.shrunk_by_half_life.noalias() += mean * w.deviation_by_half_life * w.deviation.transpose();
    w.shrunk_by_half_life.noalias() += mean * w.deviation * w.deviation_by_half_life.transpose();
    w.shrunk.diagonal() = w.sample.diagonal();
    w.shrunk_by_half_life.diagonal() = w.sample_by_half_life.diagonal();
  }
};

}  // namespace mesaopt::models
