#pragma once

#include <tuple>

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

  static constexpr auto fields() {
    using T = EarlierTask;
    return std::tuple{&T::observations, &T::model, &T::weight, &T::alignment, &T::residual, &T::parameters};
  }
};

}  // namespace mesaopt
