#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/bayes/gaussian_process.hpp>
#include <mesaopt/bayes/kernel.hpp>
#include <mesaopt/bayes/posterior.hpp>
#include <mesaopt/core/random.hpp>

namespace mesaopt {

/// In how many of the pairs (j, k), for all k, the guesses are in another order than the values.
template <class V, class W>
Eigen::Index ranking_loss(const V& guesses, const W& values, Eigen::Index j) {
  Eigen::Index wrong = 0;
  for (Eigen::Index k = 0; k < values.size(); ++k) wrong += (guesses[j] < guesses[k]) != (values[j] < values[k]);
  return wrong;
}

/// losses(s) = how many of the pairs of the current task's observations sample s of `process` puts in the wrong order,
/// of pairs whose first is one of `firsts`.
template <kernels::Kernel K>
void ranking_losses(const GaussianProcess<K>& process, const GaussianProcess<K>& current,
                    const std::vector<Eigen::Index>& firsts, Random& random, Eigen::Ref<Eigen::VectorXd> losses) {
  Eigen::MatrixX<typename K::Scalar> samples;
  sample(process, current.points(), random, losses.size(), samples);
  for (Eigen::Index s = 0; s < losses.size(); ++s) {
    losses[s] = 0;
    for (const Eigen::Index j : firsts) losses[s] += double(ranking_loss(samples.col(s), current.values(), j));
  }
}

/// The same of the current process itself, which for each of the pairs' firsts is asked without that observation.
template <kernels::Kernel K>
void leave_one_out_ranking_losses(const GaussianProcess<K>& current, const std::vector<Eigen::Index>& firsts,
                                  Random& random, Eigen::Ref<Eigen::VectorXd> losses) {
  Eigen::MatrixX<typename K::Scalar> samples;
  losses.setZero();
  for (const Eigen::Index j : firsts) {
    GaussianProcess<K> others = current;
    others.remove(j);
    sample(others, current.points(), random, losses.size(), samples);
    for (Eigen::Index s = 0; s < losses.size(); ++s)
      losses[s] += double(ranking_loss(samples.col(s), current.values(), j));
  }
}

/// How often each process has the least loss; losses(i, s) is that of process i in sample s, and the last process is
/// the current task's. Where that has the least loss too, it takes the whole of the sample, else the best share it. A
/// process whose median loss is above the 95th percentile of the current one's gets nothing, however seldom: many
/// useless processes would dilute the rest.
///
/// Feurer, Letham and Bakshy (2018), "Scalable meta-learning for Bayesian optimization using ranking-weighted Gaussian
/// process ensembles", section 4; the rule for ties is our own.
inline Eigen::VectorXd ranking_weights(const Eigen::MatrixXd& losses) {
  const Eigen::Index last = losses.rows() - 1, count = losses.cols();
  const auto quantile = [&](Eigen::Index i, double share) {
    std::vector<double> sorted(static_cast<std::size_t>(count));
    for (Eigen::Index s = 0; s < count; ++s) sorted[std::size_t(s)] = losses(i, s);
    const auto at = sorted.begin() + std::min<std::ptrdiff_t>(count - 1, std::ptrdiff_t(share * double(count)));
    std::nth_element(sorted.begin(), at, sorted.end());
    return *at;
  };
  std::vector<Eigen::Index> kept;
  const double bound = quantile(last, 0.95);
  for (Eigen::Index i = 0; i < last; ++i)
    if (quantile(i, 0.5) <= bound) kept.push_back(i);
  Eigen::VectorXd weights = Eigen::VectorXd::Zero(losses.rows());
  for (Eigen::Index s = 0; s < count; ++s) {
    double least = losses(last, s);
    for (const Eigen::Index i : kept) least = std::min(least, losses(i, s));
    if (losses(last, s) == least) {
      weights[last] += 1;
      continue;
    }
    const auto best = [&](Eigen::Index i) { return losses(i, s) == least; };
    const auto ties = double(std::count_if(kept.begin(), kept.end(), best));
    for (const Eigen::Index i : kept)
      if (best(i)) weights[i] += 1 / ties;
  }
  return weights / double(count);
}

}  // namespace mesaopt
