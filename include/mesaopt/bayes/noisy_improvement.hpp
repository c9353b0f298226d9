#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>
#include <tuple>

#include <Eigen/Core>

#include <mesaopt/bayes/covariance.hpp>
#include <mesaopt/bayes/gaussian_process.hpp>
#include <mesaopt/bayes/jittered_cholesky.hpp>
#include <mesaopt/bayes/joint_posterior.hpp>
#include <mesaopt/bayes/kernel.hpp>
#include <mesaopt/bayes/log_expected_improvement.hpp>
#include <mesaopt/bayes/normal_samples.hpp>
#include <mesaopt/core/call.hpp>
#include <mesaopt/core/evaluation.hpp>
#include <mesaopt/core/point.hpp>

namespace mesaopt {

/// How noisy expected improvement is estimated.
struct NoisyImprovementSettings {
  Eigen::Index samples = 64;  ///< of the function at the observed points; powers of two are best
  std::uint64_t seed = 1;
  double noise = 1e-6;  ///< variance that stands for none, relative to the prior's; positive

  static constexpr auto fields() {
    using N = NoisyImprovementSettings;
    return std::tuple{&N::samples, &N::seed, &N::noise};
  }
};

/// The negative logarithm of noisy expected improvement: how far the function is expected to fall below its own lowest
/// value at the observed points, which noise hides. See `noisy_improvement`.
///
/// The mean of expected improvements over samples of the function at these points, each of which is a process without
/// noise; all of these share one covariance, so that a sample costs no more than a prediction of the mean. Letham,
/// Karrer, Ottoni and Bakshy (2019), "Constrained Bayesian optimization with noisy experiments", equation 8, in
/// logarithms. Evaluations after the first allocate nothing.
template <kernels::Kernel K>
class NoisyImprovement {
 public:
  using S = typename K::Scalar;
  using Matrix = Eigen::MatrixX<S>;
  using Vector = Eigen::VectorX<S>;
  /// The scratch of one evaluation.
  struct Scratch {
    Prediction<S> prediction;
    Matrix point;
    Vector cross, means, shares;
    static constexpr std::tuple<> fields() { return {}; }
  };
  template <class X>
  using Memory = Workspace<Scratch>;

  NoisyImprovement(const GaussianProcess<K>& process, const NoisyImprovementSettings& settings) {
    if (settings.samples < 1)
      throw std::invalid_argument("NoisyImprovement: samples must be at least 1, got " +
                                  std::to_string(settings.samples));
    if (process.usable() == 0) throw std::invalid_argument("NoisyImprovement: the process has no observations");
    const Matrix X = process.points();
    JointPosterior<S> posterior;
    predict(process, X, posterior);
    Matrix samples(X.cols(), settings.samples);
    detail::fill_normal_samples(settings.seed, samples);
    const Vector diagonal = posterior.covariance.diagonal().cwiseMax(S(0));
    if (detail::jittered_cholesky<S>(posterior.covariance, diagonal).succeeded)
      samples = (posterior.covariance.template triangularView<Eigen::Lower>() * samples).eval();
    else
      samples.setZero();
    samples.colwise() += posterior.mean;
    bests_ = samples.colwise().minCoeff();

    S prior;
    process.kernel().values({X.data(), X.rows(), 1}, X.data(), &prior);
    exact_ =
        GaussianProcess<K>(process.kernel(), {.noise = S(settings.noise) * prior, .mean = process.settings().mean});
    exact_.fit(X, samples.col(0));
    weights_ = samples.array() - process.settings().mean;
    if (exact_.usable() == 0) throw std::domain_error("NoisyImprovement: the process could not be factorized");
    exact_.factor().template triangularView<Eigen::Lower>().solveInPlace(weights_);
    exact_.factor().transpose().template triangularView<Eigen::Upper>().solveInPlace(weights_);
  }

  template <Point X>
  Evaluation<S> operator()(const X& x, const Call<Workspace<Scratch>>& call) const {
    call.record.point = x;
    exact_.predict(call.record.point, call.record.prediction);
    S by_variance;
    return evaluate(call.record, by_variance);
  }
  template <Point X>
  Evaluation<S> operator()(const X& x, X& gradient, const Call<Workspace<Scratch>>& call) const {
    Scratch& s = call.record;
    s.point = x;
    exact_.predict_with_gradients(s.point, s.prediction);
    S by_variance;
    const Evaluation<S> found = evaluate(s, by_variance);
    gradient = by_variance * s.prediction.variance_gradient.col(0);
    s.cross.noalias() = weights_ * s.shares;
    const auto points = exact_.points();
    kernels::detail::pull_column<K>(exact_.kernel(), kernels::detail::points_of(points, 0, exact_.size()),
                                    s.point.data(), s.cross.data(), gradient.data(), nullptr);
    return found;
  }

 private:
  /// Leaves the derivatives by the means in `shares`.
  Evaluation<S> evaluate(Scratch& s, S& by_variance) const {
    const auto points = exact_.points();
    s.cross.resize(exact_.size());
    kernels::detail::covariance_column(exact_.kernel(), kernels::detail::points_of(points, 0, exact_.size()),
                                       s.point.data(), s.cross.data());
    s.means.setConstant(weights_.cols(), exact_.settings().mean);
    s.means.noalias() += weights_.transpose() * s.cross;
    s.shares.resize(weights_.cols());
    const S least = exact_.settings().noise * std::numeric_limits<S>::epsilon();
    const S variance = std::max(s.prediction.variance[0], least);
    by_variance = 0;
    // The sum is held relative to its largest term so far.
    S largest = -std::numeric_limits<S>::infinity(), total = 0;
    for (Eigen::Index k = 0; k < s.means.size(); ++k) {
      S slope, by_own_variance;
      const S log = LogExpectedImprovement{}(s.means[k], variance, bests_[k], slope, by_own_variance);
      if (log > largest) {
        const S shrink = std::exp(largest - log);
        total *= shrink;
        by_variance *= shrink;
        s.shares.head(k) *= shrink;
        largest = log;
      }
      const S weight = std::exp(log - largest);
      total += weight;
      by_variance += weight * by_own_variance;
      s.shares[k] = weight * slope;
    }
    s.shares /= -total;
    by_variance = s.prediction.variance[0] < least ? S(0) : by_variance / -total;
    const S value = -(largest + std::log(total / S(s.means.size())));
    return std::isfinite(value) ? Evaluation<S>(value) : Evaluation<S>::failure(Reason::non_finite_value);
  }

  GaussianProcess<K> exact_;
  Matrix weights_;  // of each sample, the inverse covariance times its values
  Eigen::RowVectorX<S> bests_;
};

/// The objective whose minimizer is most promising where observations are noisy. It holds what it needs of the process.
/// O(n³) to make. Throws std::invalid_argument for a process without observations, or a setting out of range.
template <kernels::Kernel K>
NoisyImprovement<K> noisy_improvement(const GaussianProcess<K>& process,
                                      const NoisyImprovementSettings& settings = {}) {
  return {process, settings};
}

}  // namespace mesaopt
