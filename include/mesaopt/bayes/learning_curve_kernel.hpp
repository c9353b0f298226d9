#pragma once

#include <numeric>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/bayes/exponential_decay.hpp>
#include <mesaopt/bayes/kernel_algebra.hpp>
#include <mesaopt/bayes/kernels.hpp>
#include <mesaopt/bayes/on_coordinates.hpp>
#include <mesaopt/bayes/same_point.hpp>

namespace mesaopt::kernels {

/// Of a value that levels off as time, one coordinate, goes on: a constant, and what decays.
using LevellingOff = Sum<Constant, Product<Constant, OnCoordinates<ExponentialDecay>>>;

/// Of learning curves over (settings, time), see `learning_curve_kernel`.
using LearningCurve = Sum<
    Sum<Product<OnCoordinates<SquaredExponential>, LevellingOff>, Product<Constant, OnCoordinates<ExponentialDecay>>>,
    Product<OnCoordinates<SamePoint>, LevellingOff>>;

/// The kernel of the curves of runs with n settings in [0, 1], and time as last coordinate, in units of about the
/// shortest time of interest: where they level off, and how they get there, are smooth functions of the settings; all
/// share a decay; and each run has luck of its own, that levels off as well.
///
/// The last is what curves differ by in Swersky, Snoek and Adams (2014), "Freeze-thaw Bayesian optimization", section
/// 3.1. There it is the only part of them that decays, so that the beginnings of runs tell nothing of each other.
inline LearningCurve learning_curve_kernel(Eigen::Index n) {
  std::vector<Eigen::Index> settings(static_cast<std::size_t>(n));
  std::iota(settings.begin(), settings.end(), Eigen::Index(0));
  const auto decay = on_coordinates({n}, ExponentialDecay{1, 1});
  const auto levelling_off = [&](double level, double decaying) {
    return Constant{level} + Constant{decaying} * decay;
  };
  return on_coordinates(settings, SquaredExponential{Eigen::VectorXd::Constant(n, 0.5)}) * levelling_off(1, 1) +
         Constant{1} * decay + on_coordinates(settings, SamePoint{0.005}) * levelling_off(1, 5);
}

}  // namespace mesaopt::kernels
