#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/bayes/gaussian_process.hpp>
#include <mesaopt/bayes/kernel.hpp>
#include <mesaopt/bayes/normal.hpp>

namespace mesaopt {

/// How the classes were fitted.
struct Classification {
  bool converged = false;  ///< whether the mode was found
  int iterations = 0;      ///< Newton steps
  double log_evidence =
      0;  ///< Laplace's approximation of log p(labels | kernel): the higher, the better the kernel fits

  static constexpr auto fields() {
    using C = Classification;
    return std::tuple{&C::converged, &C::iterations, &C::log_evidence};
  }
};

/// Makes `process` a model of which points are feasible, taught by those that were and those that were not: afterwards
/// it predicts a latent function g with P(feasible at x) = Φ(-g(x)), for LogProbabilityOfFeasibility.
///
/// The labels have one value of each column of X: true for feasible. A process's posterior given such labels is not
/// normal; Laplace's approximation of it is, and is what the process would be given certain values and noise variances
/// at the points, which this computes by Newton's method, damped where a step fails to climb. Kernel and mean stay as
/// they are; a negative mean says that unexplored points are feasible rather than not. The process's noise, which must
/// be below 1, has no influence. Throws std::invalid_argument for sizes that do not fit, or NaN.
///
/// Classification rather than a process of the numbers 0 and 1, because these are no sums of a smooth function and
/// noise: so do Gelbart, Snoek and Adams (2014), "Bayesian optimization with unknown constraints", section 3, who
/// sample the latent function. Here: Rasmussen and Williams (2006), algorithms 3.1 and 3.2, with Φ as likelihood.
template <kernels::Kernel K>
Classification fit_feasibility(GaussianProcess<K>& process, const Eigen::MatrixX<typename K::Scalar>& X,
                               const std::vector<bool>& labels, int most_iterations = 100) {
  using S = typename K::Scalar;
  using Vector = Eigen::VectorX<S>;
  const Eigen::Index n = X.cols();
  const S own = process.settings().noise + process.settings().noise_floor, mean = process.settings().mean;
  if (n != Eigen::Index(labels.size()))
    throw std::invalid_argument("fit_feasibility: " + std::to_string(n) + " points need as many labels, got " +
                                std::to_string(labels.size()));
  if (!(own < 1)) throw std::invalid_argument("fit_feasibility: the noise must be below 1");

  Classification report;
  Vector g = Vector::Constant(n, mean), a = Vector::Zero(n);  // a is the inverse prior covariance times g - mean
  Vector targets(n), noises(n), step_g, step_a, trial;
  const auto sign = [&](Eigen::Index i) { return labels[std::size_t(i)] ? S(-1) : S(1); };
  const auto log_posterior = [&](const Vector& at, const Vector& weights) {
    S sum = 0, slope;
    for (Eigen::Index i = 0; i < n; ++i) sum += detail::log_normal_probability(sign(i) * at[i], slope);
    return sum - weights.dot((at.array() - mean).matrix()) / 2;
  };
  /// The normal likelihood that has the same value, slope and curvature of its logarithm at g.
  const auto work_out = [&] {
    for (Eigen::Index i = 0; i < n; ++i) {
      const S z = sign(i) * g[i];
      S slope;
      detail::log_normal_probability(z, slope);
      const S bend = z < -2 ? detail::normal_tail(-z).fraction : slope + z;  // the curvature is slope (slope + z)
      targets[i] = g[i] + sign(i) / bend;
      noises[i] = std::min(1 / (slope * bend), 1 / std::numeric_limits<S>::epsilon()) - own;
    }
    return process.fit(X, targets, noises).succeeded;
  };
  S value = log_posterior(g, a);
  while (n > 0 && !report.converged && report.iterations < most_iterations && work_out()) {
    ++report.iterations;
    step_a = process.weights() - a;
    step_g = targets - (noises.array() + own).matrix().cwiseProduct(Vector(process.weights())) - g;
    S length = 1, reached = value;
    for (int halvings = 0; halvings < 30; ++halvings, length /= 2) {
      trial = g + length * step_g;
      reached = log_posterior(trial, a + length * step_a);
      if (reached >= value) break;
    }
    // Newton's step squares the error, so that after one of this size none is left.
    const S small = std::sqrt(std::numeric_limits<S>::epsilon()) * (1 + g.template lpNorm<Eigen::Infinity>());
    report.converged = length * step_g.template lpNorm<Eigen::Infinity>() <= small;
    if (!(reached >= value)) break;
    g = trial;
    a += length * step_a;
    value = reached;
  }
  if (n == 0 || !work_out()) return report;
  S logs = 0;
  for (Eigen::Index i = 0; i < n; ++i) logs += std::log(process.factor()(i, i)) - std::log(noises[i] + own) / 2;
  report.log_evidence = double(value - logs);
  return report;
}

/// The logarithm of the probability that a point is feasible, by the process that `fit_feasibility` made:
/// log Φ(-mean / √(1 + variance)). `best` is of no account.
struct LogProbabilityOfFeasibility {
  static constexpr std::tuple<> fields() { return {}; }

  template <class S>
  S operator()(S mean, S variance, S /*best*/, S& by_mean, S& by_variance) const {
    const S deviation = std::sqrt(1 + variance), z = -mean / deviation;
    S slope;
    const S value = detail::log_normal_probability(z, slope);
    by_mean = -slope / deviation;
    by_variance = by_mean * z / (2 * deviation);
    return value;
  }
};

}  // namespace mesaopt
