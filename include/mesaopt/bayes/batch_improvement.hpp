#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>
#include <tuple>

#include <Eigen/Core>

#include <mesaopt/bayes/cholesky_pull.hpp>
#include <mesaopt/bayes/gaussian_process.hpp>
#include <mesaopt/bayes/jittered_cholesky.hpp>
#include <mesaopt/bayes/joint_posterior.hpp>
#include <mesaopt/bayes/kernel.hpp>
#include <mesaopt/bayes/normal_samples.hpp>
#include <mesaopt/core/call.hpp>
#include <mesaopt/core/evaluation.hpp>
#include <mesaopt/core/number_text.hpp>
#include <mesaopt/core/point.hpp>

namespace mesaopt {

/// How the improvement of a batch is estimated.
struct BatchSettings {
  Eigen::Index samples = 128;  ///< of the joint posterior; powers of two are best
  std::uint64_t seed = 1;      ///< of the samples
  double improvement_temperature =
      1e-6;                           ///< over which max(improvement, 0) is rounded off, in the units of f; positive
  double maximum_temperature = 1e-2;  ///< the same for the best of the batch, in logarithms; positive

  static constexpr auto fields() {
    using B = BatchSettings;
    return std::tuple{&B::samples, &B::seed, &B::improvement_temperature, &B::maximum_temperature};
  }
  /// Throws std::invalid_argument for a setting out of range.
  void check() const {
    if (samples < 1)
      throw std::invalid_argument("BatchSettings: samples must be at least 1, got " + std::to_string(samples));
    for (const double t : {improvement_temperature, maximum_temperature})
      if (!(t > 0) || !std::isfinite(t))
        throw std::invalid_argument("BatchSettings: temperatures must be positive, got " + detail::number_text(t));
  }
};

/// The negative logarithm of q-EI, how far the best of q points together is expected to fall below `best`: an objective
/// of the q points, stacked into one of q times their size. See `batch_improvement`.
///
/// The expectation is a mean over fixed samples of the joint posterior: mean + L z, where LL' is its covariance, so
/// that it is a smooth function of the points (the reparameterization trick). Logarithm, rounded corners and their
/// heavy tails are those of qLogEI: Ament, Daulton, Eriksson, Balandat and Bakshy (2023), "Unexpected improvements to
/// expected improvement for Bayesian optimization", section 4.2 and appendix A.4. q-EI: Ginsbourger, Le Riche and
/// Carraro (2010), "Kriging is well-suited to parallelize optimization".
template <kernels::Kernel K>
class BatchImprovement {
 public:
  using S = typename K::Scalar;
  using Matrix = Eigen::MatrixX<S>;
  using Vector = Eigen::VectorX<S>;
  /// The scratch of one evaluation.
  struct Scratch {
    JointPosterior<S> posterior;
    Matrix points, factor, by_covariance, by_points, scratch;
    Vector diagonal, y, logs, slopes, by_mean;
    static constexpr std::tuple<> fields() { return {}; }
  };
  template <class X>
  using Memory = Workspace<Scratch>;

  BatchImprovement(const GaussianProcess<K>& process, S best, Eigen::Index batch, const Matrix& pending,
                   const BatchSettings& settings)
      : process_(&process), best_(best), batch_(batch), pending_(pending), settings_(settings) {
    settings.check();
    if (batch < 1)
      throw std::invalid_argument("BatchImprovement: batch must be at least 1, got " + std::to_string(batch));
    samples_.resize(batch + pending.cols(), settings.samples);
    detail::fill_normal_samples(settings.seed, samples_);
  }

  template <Point X>
  Evaluation<S> operator()(const X& x, const Call<Workspace<Scratch>>& call) const {
    return evaluate(x, call.record, false);
  }
  template <Point X>
  Evaluation<S> operator()(const X& x, X& gradient, const Call<Workspace<Scratch>>& call) const {
    Scratch& s = call.record;
    const Evaluation<S> found = evaluate(x, s, true);
    if (!found.usable()) return found;
    if (s.factor.size() > 0)
      detail::pull_cholesky(s.factor, s.by_covariance, s.scratch);
    else
      s.by_covariance.setZero();
    pull(*process_, s.points, s.posterior, s.by_mean, s.by_covariance, s.by_points);
    gradient = Eigen::Map<const Vector>(s.by_points.data(), x.size());
    return found;
  }

 private:
  /// log of the rounded max(t, 0), and its derivative: softplus, with a tail of 0.1/t² to the left.
  static S log_positive(S t, S& slope) {
    const S e = std::exp(-std::abs(t)), tail = S(0.1) / (1 + t * t);
    const S value = std::max(t, S(0)) + std::log1p(e) + tail;
    slope = ((t > 0 ? 1 : e) / (1 + e) - 20 * t * tail * tail) / value;
    return std::log(value);
  }

  template <class X>
  Evaluation<S> evaluate(const X& x, Scratch& s, bool differentiate) const {
    const Eigen::Index n = batch_ + pending_.cols();
    if (x.size() % batch_ != 0 || (pending_.cols() > 0 && pending_.rows() * batch_ != x.size()))
      throw std::invalid_argument("BatchImprovement: " + std::to_string(x.size()) + " numbers are not " +
                                  std::to_string(batch_) + " points");
    const Eigen::Index dimension = x.size() / batch_;
    s.points.resize(dimension, n);
    s.points.leftCols(batch_) = Eigen::Map<const Matrix>(x.data(), dimension, batch_);
    if (pending_.cols() > 0) s.points.rightCols(pending_.cols()) = pending_;
    if (!s.points.allFinite()) return Evaluation<S>::failure(Reason::non_finite_value);
    predict(*process_, s.points, s.posterior);
    s.factor = s.posterior.covariance;
    s.diagonal = s.factor.diagonal().cwiseMax(S(0));
    // Where nothing is uncertain the samples are the mean.
    if (!detail::jittered_cholesky<S>(s.factor, s.diagonal).succeeded) s.factor.resize(0, 0);
    if (s.factor.size() > 0) s.factor.template triangularView<Eigen::StrictlyUpper>().setZero();
    s.by_mean.setZero(n);
    s.by_covariance.setZero(n, n);  // by the factor, at first
    s.y.resize(n);
    s.logs.resize(n);
    s.slopes.resize(n);
    const S value = sum(s, differentiate);
    return std::isfinite(value) ? Evaluation<S>(value) : Evaluation<S>::failure(Reason::non_finite_value);
  }

  /// The value, and its derivatives by mean and factor. The sum over the samples is held relative to the largest so
  /// far.
  S sum(Scratch& s, bool differentiate) const {
    const S smooth = S(settings_.improvement_temperature), best_of = S(settings_.maximum_temperature);
    S largest = -std::numeric_limits<S>::infinity(), total = 0;
    for (Eigen::Index k = 0; k < samples_.cols(); ++k) {
      const auto z = samples_.col(k);
      s.y = s.posterior.mean;
      if (s.factor.size() > 0) s.y.noalias() += s.factor.template triangularView<Eigen::Lower>() * z;
      for (Eigen::Index j = 0; j < s.y.size(); ++j) s.logs[j] = log_positive((best_ - s.y[j]) / smooth, s.slopes[j]);
      const S top = s.logs.maxCoeff();
      s.logs = ((s.logs.array() - top) / best_of).exp();
      const S shares = s.logs.sum(), log_sample = top + best_of * std::log(shares);
      if (log_sample > largest) {
        const S shrink = std::exp(largest - log_sample);
        total *= shrink;
        s.by_mean *= shrink;
        s.by_covariance *= shrink;
        largest = log_sample;
      }
      const S weight = std::exp(log_sample - largest);
      total += weight;
      if (!differentiate) continue;
      s.slopes.array() *= s.logs.array() * (weight / (shares * smooth));
      s.by_mean += s.slopes;
      s.by_covariance.noalias() += s.slopes * z.transpose();
    }
    s.by_mean /= total;
    s.by_covariance /= total;
    return -(largest + std::log(total / S(samples_.cols())) + std::log(smooth));
  }

  const GaussianProcess<K>* process_;
  S best_;
  Eigen::Index batch_;
  Matrix pending_, samples_;
  BatchSettings settings_;
};

/// The objective whose minimizer is the most promising batch of `batch` points, beside the columns of `pending`, which
/// are being evaluated already. It refers to the process, which must outlive it. Evaluations after the first allocate
/// nothing. Throws std::invalid_argument for a setting out of range.
template <kernels::Kernel K>
BatchImprovement<K> batch_improvement(const GaussianProcess<K>& process, typename K::Scalar best, Eigen::Index batch,
                                      const Eigen::MatrixX<typename K::Scalar>& pending = {},
                                      const BatchSettings& settings = {}) {
  return {process, best, batch, pending, settings};
}
template <kernels::Kernel K>
void batch_improvement(const GaussianProcess<K>&& process, typename K::Scalar best, Eigen::Index batch,
                       const Eigen::MatrixX<typename K::Scalar>& pending = {},
                       const BatchSettings& settings = {}) = delete;

}  // namespace mesaopt
