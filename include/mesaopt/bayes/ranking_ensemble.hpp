#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/bayes/gaussian_process.hpp>
#include <mesaopt/bayes/kernel.hpp>
#include <mesaopt/bayes/ranking_weights.hpp>
#include <mesaopt/core/random.hpp>

namespace mesaopt {

/// The prediction of an ensemble, with those of its processes as scratch.
template <class S>
struct EnsemblePrediction : Prediction<S> {
  std::vector<Prediction<S>> parts{};
};

/// Gaussian processes of earlier tasks and of the current one, weighed by how well each ranks the observations of the
/// current task: transfer that takes nothing from a task which misleads. Each task has values on a scale of its own,
/// standardized by `earlier_process`; predictions are on the scale of the current task's process:
///
///     mean = sum of weight_i mean_i,   variance = sum of weight_i² variance_i
///
///     RankingEnsemble ensemble(process);                        // the current task's
///     ensemble.add(earlier_process(kernel, points, values));    // of an earlier one; its parameters may be fitted
///     first ensemble.weigh(random);                                   // after each change of the current one
///     ensemble.predict(X, prediction);
///
/// Feurer, Letham and Bakshy (2018), "Scalable meta-learning for Bayesian optimization using ranking-weighted Gaussian
/// process ensembles".
template <kernels::Kernel K>
class RankingEnsemble {
 public:
  using Scalar = typename K::Scalar;
  using S = Scalar;
  using Matrix = Eigen::MatrixX<S>;
  using Predicted = EnsemblePrediction<S>;

  RankingEnsemble() = default;
  explicit RankingEnsemble(GaussianProcess<K> current) : current_(std::move(current)) { equal_weights(); }

  /// The process of the current task, to be changed as one likes.
  GaussianProcess<K>& current() { return current_; }
  const GaussianProcess<K>& current() const { return current_; }
  const K& kernel() const { return current_.kernel(); }
  /// Those of the earlier tasks.
  const std::vector<GaussianProcess<K>>& earlier() const { return earlier_; }
  /// The weights of the earlier tasks, and last of the current one; their sum is 1.
  const Eigen::VectorXd& weights() const { return weights_; }

  /// Adds the process of an earlier task; all weights are equal then.
  void add(GaussianProcess<K> process) {
    earlier_.push_back(std::move(process));
    equal_weights();
  }

  /// Finds the weights anew. With n observations, of which every one is left out in turn, but no more than `most` of
  /// them, evenly spread, it costs O(most n³), and `samples` n² more a process. Weights stay equal up to two
  /// observations, which no order can be learnt from.
  void weigh(Random& random, Eigen::Index samples = 256, Eigen::Index most = 32) {
    if (samples < 1 || most < 1)
      throw std::invalid_argument("RankingEnsemble: samples and most must be 1 or more, got " +
                                  std::to_string(samples) + " and " + std::to_string(most));
    const Eigen::Index n = current_.size(), firsts_count = std::min(n, most), count = weights_.size();
    if (n < 3 || count == 1) return equal_weights();
    std::vector<Eigen::Index> firsts;
    for (Eigen::Index k = 0; k < firsts_count; ++k) firsts.push_back(k * n / firsts_count);
    Eigen::MatrixXd losses(samples, count);
    for (Eigen::Index i = 0; i < count - 1; ++i)
      ranking_losses(earlier_[std::size_t(i)], current_, firsts, random, losses.col(i));
    leave_one_out_ranking_losses(current_, firsts, random, losses.col(count - 1));
    weights_ = ranking_weights(losses.transpose());
  }

  /// Mean and variance at each column of X; thread-safe, and free of allocation from the second time on.
  void predict(const Matrix& X, Predicted& out) const { predict(X, out, false); }
  /// The same with their gradients by the points.
  void predict_with_gradients(const Matrix& X, Predicted& out) const { predict(X, out, true); }
  /// The variance at x without observations.
  template <class X>
  S prior_variance(const X& x) const {
    S sum = 0;
    for (Eigen::Index i = 0; i < weights_.size(); ++i)
      if (weights_[i] > 0) sum += S(weights_[i] * weights_[i]) * process(i).prior_variance(x);
    return sum;
  }

  static constexpr auto fields() {
    return std::tuple{&RankingEnsemble::earlier_, &RankingEnsemble::current_, &RankingEnsemble::weights_};
  }

 private:
  const GaussianProcess<K>& process(Eigen::Index i) const {
    return i < Eigen::Index(earlier_.size()) ? earlier_[std::size_t(i)] : current_;
  }
  void equal_weights() {
    const Eigen::Index count = Eigen::Index(earlier_.size()) + 1;
    weights_ = Eigen::VectorXd::Constant(count, 1 / double(count));
  }

  void predict(const Matrix& X, Predicted& out, bool gradients) const {
    out.parts.resize(std::size_t(weights_.size()));
    out.mean.setZero(X.cols());
    out.variance.setZero(X.cols());
    if (gradients) {
      out.mean_gradient.setZero(X.rows(), X.cols());
      out.variance_gradient.setZero(X.rows(), X.cols());
    }
    for (Eigen::Index i = 0; i < weights_.size(); ++i) {
      if (!(weights_[i] > 0)) continue;
      const S weight = S(weights_[i]), square = weight * weight;
      Prediction<S>& part = out.parts[std::size_t(i)];  // of its own, as processes differ in size
      if (gradients)
        process(i).predict_with_gradients(X, part);
      else
        process(i).predict(X, part);
      out.mean += weight * part.mean;
      out.variance += square * part.variance;
      if (!gradients) continue;
      out.mean_gradient += weight * part.mean_gradient;
      out.variance_gradient += square * part.variance_gradient;
    }
  }

  std::vector<GaussianProcess<K>> earlier_;
  GaussianProcess<K> current_;
  Eigen::VectorXd weights_ = Eigen::VectorXd::Ones(1);
};

template <kernels::Kernel K>
RankingEnsemble(GaussianProcess<K>) -> RankingEnsemble<K>;

/// The process of an earlier task: of those columns of X whose value is finite, with values that are brought to mean 0
/// and variance 1. Throws std::invalid_argument if no value is finite.
template <kernels::Kernel K, class M, class V>
GaussianProcess<K> earlier_process(K kernel, const M& X, const V& values,
                                   const GaussianProcessSettings<typename K::Scalar>& settings = {}) {
  using S = typename K::Scalar;
  Eigen::MatrixX<S> points(X.rows(), X.cols());
  Eigen::VectorX<S> y(X.cols());
  Eigen::Index count = 0;
  for (Eigen::Index i = 0; i < X.cols(); ++i) {
    if (!std::isfinite(values[i])) continue;
    points.col(count) = X.col(i);
    y[count++] = S(values[i]);
  }
  if (count == 0) throw std::invalid_argument("earlier_process: needs at least one finite value");
  const auto used = y.head(count);
  const S mean = used.mean();
  const S deviation = std::sqrt((used.array() - mean).square().mean());
  GaussianProcess<K> process(std::move(kernel), settings);
  process.fit(points.leftCols(count), (used.array() - mean) / (deviation > 0 ? deviation : S(1)));
  return process;
}

}  // namespace mesaopt
