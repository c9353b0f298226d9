#pragma once

#include <cstddef>
#include <tuple>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/bayes/gaussian_process.hpp>
#include <mesaopt/bayes/kernel.hpp>
#include <mesaopt/bayes/kernel_algebra.hpp>
#include <mesaopt/bayes/observations.hpp>
#include <mesaopt/bayes/surrogate.hpp>

namespace mesaopt {

/// A kernel with a variance of its own as a factor.
template <kernels::Kernel K>
using Scaled = kernels::Product<kernels::Constant, K>;

/// How the function e of an earlier task is brought to resemble the current one: exp(log_stretch) e(u + shift) + lift,
/// where u is a point of the unit cube; functions count in units of the ValueScale of their task, before its tail is
/// bent.
struct Alignment {
  Eigen::VectorXd shift{};
  double log_stretch = 0, lift = 0;

  static constexpr auto fields() { return std::tuple{&Alignment::shift, &Alignment::log_stretch, &Alignment::lift}; }
};

/// What a Bayesian search knows of an earlier task.
template <kernels::Kernel K>
struct EarlierTask {
  Observations observations{};            ///< in the unit cube of the current task, or outside; those that did not fail
  Surrogate<K> model{};                   ///< of them
  double weight = 0;                      ///< how much the task is heeded
  Alignment alignment{};                  ///< if it is moved to fit the current one
  GaussianProcess<Scaled<K>> residual{};  ///< of the current task less the aligned earlier one
  Eigen::VectorXd parameters{};           ///< of the residual, when it was fitted last; empty: never

  /// Takes observations, those of them first that are spread out, the lowest among them: a search that went before has
  /// most of them near its minimum, where they do not show the scale of all values.
  void learn(const Observations& all) {
    const Eigen::Index count = all.size();
    std::vector<bool> taken(std::size_t(count), false);
    observations = Observations(all.dimension());
    const auto add = [&](Eigen::Index i) {
      observations.add(all.point(i), all.value(i), all.noise(i));
      taken[std::size_t(i)] = true;
    };
    Eigen::Index lowest = 0;
    for (Eigen::Index i = 1; i < count; ++i)
      if (all.value(i) < all.value(lowest)) lowest = i;
    if (count > 0) add(lowest);
    for (Eigen::Index i = 0; i < count; ++i)
      if (!taken[std::size_t(i)] && observations.distance(all.point(i)) > 0.1) add(i);
    const Eigen::Index spread = observations.size();
    for (Eigen::Index i = 0; i < count; ++i)
      if (!taken[std::size_t(i)]) add(i);
    model = {};
    model.spread = spread;
  }

  static constexpr auto fields() {
    using T = EarlierTask;
    return std::tuple{&T::observations, &T::model, &T::weight, &T::alignment, &T::residual, &T::parameters};
  }
};

}  // namespace mesaopt
