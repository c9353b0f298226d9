#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <tuple>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/bayes/classification.hpp>
#include <mesaopt/bayes/earlier_task.hpp>
#include <mesaopt/bayes/gaussian_process.hpp>
#include <mesaopt/bayes/kernel.hpp>
#include <mesaopt/bayes/observations.hpp>

namespace mesaopt {

/// What failures teach a search about where an evaluation succeeds: a process for LogProbabilityOfFeasibility, by
/// `fit_feasibility`, of a growing set of observations. It has the kernel of the search, with a variance of 25, and the
/// length scales of greatest evidence: of some that are common to all coordinates, and then of longer ones coordinate
/// by coordinate. These are sought anew after every tenth part of new observations.
template <kernels::Kernel K>
struct Feasibility {
  static constexpr double variance = 25;
  static constexpr double mean = -1;  ///< what is far from all observations is rather thought to succeed

  GaussianProcess<Scaled<K>> process{};
  Eigen::VectorXd parameters{};  ///< logarithms of the kernel's
  Eigen::Index taken = 0;        ///< how many observations it holds
  Eigen::Index next_fit = 0;     ///< at how many length scales are sought anew

  static constexpr auto fields() {
    using T = Feasibility;
    return std::tuple{&T::process, &T::parameters, &T::taken, &T::next_fit};
  }

  /// Takes all observations; `kernel` is that of the search before any fit.
  void follow(const Observations& all, const K& kernel) {
    const Eigen::Index count = all.size();
    if (count == taken) return;
    taken = count;
    std::vector<bool> labels;
    for (Eigen::Index i = 0; i < count; ++i) labels.push_back(all.usable(i));
    const Eigen::MatrixXd points = all.points();
    const Scaled<K> before{{variance}, kernel};
    const auto evidence = [&](const Eigen::VectorXd& logs) {
      Scaled<K> scaled = before;
      kernels::detail::set_log_parameters(scaled, logs.data());
      process = GaussianProcess<Scaled<K>>(scaled, GaussianProcessSettings<double>{.noise = 1e-4, .mean = mean});
      const Classification report = fit_feasibility(process, points, labels);
      return report.converged ? report.log_evidence : -std::numeric_limits<double>::infinity();
    };
    if (count >= next_fit) {
      next_fit = count + std::max<Eigen::Index>(1, count / 10);
      std::vector<Eigen::Index> scales;
      parameters = kernels::log_parameters(before);
      Eigen::Index at = 0;
      Scaled<K>::visit(before, [&](kernels::Role role, const double&) {
        if (role == kernels::Role::length_scale) scales.push_back(at);
        ++at;
      });
      double best = -std::numeric_limits<double>::infinity();
      const auto attempt = [&](const Eigen::VectorXd& logs) {
        const double found = evidence(logs);
        if (!(found > best)) return false;
        best = found;
        parameters = logs;
        return true;
      };
      Eigen::VectorXd trial = parameters;
      for (const double scale : {0.05, 0.1, 0.2, 0.4, 0.8}) {
        for (const Eigen::Index i : scales) trial[i] = std::log(scale);
        attempt(trial);
      }
      for (const Eigen::Index i : scales)
        for (int longer = 0; longer < 3; ++longer) {
          trial = parameters;
          trial[i] += std::log(2.0);
          if (!attempt(trial)) break;
        }
    }
    evidence(parameters);
  }
};

}  // namespace mesaopt
