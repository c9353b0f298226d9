#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <tuple>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/bayes/filled_wells.hpp>
#include <mesaopt/bayes/gaussian_process.hpp>
#include <mesaopt/bayes/kernel.hpp>
#include <mesaopt/bayes/likelihood.hpp>
#include <mesaopt/bayes/observations.hpp>
#include <mesaopt/bayes/value_scale.hpp>
#include <mesaopt/objective/bounds.hpp>
#include <mesaopt/objective/box.hpp>

namespace mesaopt {

/// A Gaussian process of a growing set of observations, some of whose wells are filled, that is fitted anew now and
/// then: its hyperparameters and the scale of its values, at first with every observation, from 200 on with every fifth
/// part of new ones. In between, observations are appended, each in O(n²).
template <kernels::Kernel K>
struct Surrogate {
  GaussianProcess<K> process{};
  ValueScale scale{};
  Eigen::Index taken = 0;        ///< how many observations it holds
  Eigen::Index next_fit = 0;     ///< at how many it is fitted anew
  std::uint64_t fits = 0;        ///< how often it was
  Eigen::Index spread = 0;       ///< by how many of the first observations values are scaled; 0: by all
  Eigen::VectorXd parameters{};  ///< of the last fit; empty: none yet

  std::vector<double> values{}, work{};  ///< scratch

  static constexpr auto fields() {
    using T = Surrogate;
    return std::tuple{&T::process, &T::scale, &T::taken, &T::next_fit, &T::fits, &T::parameters, &T::spread};
  }

  /// Forgets everything but the hyperparameters.
  void clear() { taken = next_fit = 0; }

  /// Takes the observations that it does not have yet. `blank` is the process before any fit, `search` what fits it.
  template <class Search>
  void follow(const Observations& all, const std::vector<Well>& wells, const GaussianProcess<K>& blank,
              const DimensionScaledPriors& priors, const Search& search) {
    const Eigen::Index count = all.size();
    if (count < next_fit && taken > 0) {
      for (; taken < count; ++taken) {
        const Eigen::VectorXd x = all.point(taken);
        process.append(x, value(all, wells, taken), all.noise(taken));
      }
      return;
    }
    values.clear();
    for (Eigen::Index i = 0; i < (spread > 0 ? spread : count); ++i)
      if (all.usable(i)) values.push_back(raw(all, wells, i));
    scale.set(values, work);
    Eigen::VectorXd y(count), noise(count);
    for (Eigen::Index i = 0; i < count; ++i) {
      y[i] = value(all, wells, i);
      noise[i] = all.noise(i);
    }
    process = blank;
    process.fit(all.points(), y, noise);
    taken = count;
    // O(n³) operations every n/5 observations are O(n²) for each; below 45, hyperparameters still change a lot.
    next_fit = count + std::max<Eigen::Index>(1, std::min(count * count / 1000, count / 5));
    const Eigen::VectorXd first = process.parameters();
    if (parameters.size() != first.size()) parameters = first;
    const Box<Eigen::VectorXd> box = parameter_box();
    const auto objective = within(likelihood(process, priors), box);
    const auto within_box = [&](const Eigen::VectorXd& p) { return p.cwiseMax(box.lower).cwiseMin(box.upper).eval(); };
    double best = std::numeric_limits<double>::infinity();
    Eigen::VectorXd found = within_box(parameters);
    const auto attempt = [&](const Eigen::VectorXd& from) {
      const auto solution = search(objective, within_box(from));
      if (!solution.evaluation.usable() || !(solution.value < best)) return;
      best = solution.value;
      found = solution.x;
    };
    attempt(parameters);
    // The way from the last hyperparameters may end in a poor local minimum for ever.
    if (fits++ % 5 == 0) attempt(first);
    parameters = found;
    process.set_parameters(parameters);
  }

  /// The value of observation i on the scale, its well filled; of a failed one, that of the worst.
  [[nodiscard]] double value(const Observations& all, const std::vector<Well>& wells, Eigen::Index i) const {
    return scale(raw(all, wells, i));
  }

  /// The same in the units of f.
  [[nodiscard]] static double raw(const Observations& all, const std::vector<Well>& wells, Eigen::Index i) {
    if (!all.usable(i)) return all.worst();
    return all.value(i) + (wells.empty() ? 0 : fill(wells, all.point(i)));
  }

 private:
  /// In which hyperparameters are sought, as logarithms but for the mean.
  [[nodiscard]] Box<Eigen::VectorXd> parameter_box() const {
    const Eigen::Index count = process.parameter_count();
    Eigen::VectorXd lower(count), upper(count);
    Eigen::Index at = 0;
    const auto add = [&](double from, double to) {
      lower[at] = from;
      upper[at++] = to;
    };
    K::visit(process.kernel(), [&](kernels::Role role, const auto&) {
      switch (role) {
        case kernels::Role::length_scale: return add(std::log(0.025), std::log(100.0));
        case kernels::Role::variance: return add(std::log(0.05), std::log(20.0));
        default: return add(std::log(0.05), std::log(20.0));
      }
    });
    if (process.settings().learn_noise) add(std::log(1e-12), 0);
    if (process.settings().learn_mean) add(-10, 10);
    return {lower, upper};
  }
};

}  // namespace mesaopt
