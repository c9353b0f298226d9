#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/bayes/earlier_task.hpp>
#include <mesaopt/bayes/gaussian_process.hpp>
#include <mesaopt/bayes/kernel.hpp>
#include <mesaopt/bayes/likelihood.hpp>
#include <mesaopt/bayes/observations.hpp>
#include <mesaopt/bayes/ranking_ensemble.hpp>
#include <mesaopt/bayes/surrogate.hpp>
#include <mesaopt/core/random.hpp>
#include <mesaopt/core/stopping.hpp>

namespace mesaopt {

/// Transfer from earlier tasks by a RankingEnsemble: their processes are weighed by how well they rank the current
/// task's observations. For many tasks that differ in more than a shift; each suggestion takes O(n⁴) operations up to
/// `most` observations, and O(n³) from there on.
struct RankedTasks {
  Eigen::Index samples = 256;  ///< of each process, 1 or more
  Eigen::Index most = 32;      ///< observations that are left out to see how the current process ranks them

  template <kernels::Kernel K>
  using Process = RankingEnsemble<K>;

  /// Throws std::invalid_argument for a setting out of its range.
  void check() const {
    if (samples < 1) detail::refuse("RankedTasks::samples", double(samples), "it must be 1 or more");
    if (most < 1) detail::refuse("RankedTasks::most", double(most), "it must be 1 or more");
  }

  /// From how many observations on ranks are compared.
  [[nodiscard]] Eigen::Index needs(Eigen::Index /*n*/) const { return 3; }

  /// Nothing: tasks are weighed one by one.
  template <kernels::Kernel K, class Search>
  void gather(std::vector<EarlierTask<K>>& /*tasks*/, const GaussianProcess<K>& /*blank*/,
              const std::vector<bool>& /*movable*/, const DimensionScaledPriors& /*priors*/, const Search& /*search*/,
              Random& /*random*/) const {}

  /// The process of the current task by what the earlier ones tell, or none where they do not help.
  template <kernels::Kernel K, class Search>
  std::optional<RankingEnsemble<K>> follow(std::vector<EarlierTask<K>>& tasks, const Observations& /*all*/,
                                           const Surrogate<K>& current, const GaussianProcess<K>& /*blank*/,
                                           const std::vector<bool>& /*movable*/,
                                           const DimensionScaledPriors& /*priors*/, const Search& /*search*/,
                                           Random& random) const {
    RankingEnsemble<K> ensemble(current.process);
    for (const EarlierTask<K>& task : tasks) ensemble.add(task.model.process);
    ensemble.weigh(random, samples, most);
    for (std::size_t k = 0; k < tasks.size(); ++k) tasks[k].weight = ensemble.weights()[Eigen::Index(k)];
    if (!(ensemble.weights()[Eigen::Index(tasks.size())] < 1)) return {};
    return ensemble;
  }

  template <kernels::Kernel K>
  static void believe(RankingEnsemble<K>& process, const Eigen::VectorXd& x) {
    Prediction<double> prediction;
    process.current().predict(x, prediction);
    process.current().append(x, prediction.mean[0]);
  }
};

}  // namespace mesaopt
