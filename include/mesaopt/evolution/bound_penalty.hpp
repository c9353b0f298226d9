#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <tuple>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/evaluation.hpp>
#include <mesaopt/core/point.hpp>
#include <mesaopt/core/vectors.hpp>

namespace mesaopt {

/// A penalty on the distance of draws from a box in which alone the objective is evaluated: one weight a coordinate,
/// which grows while the mean of the distribution stays away from the box.
///
/// A draw u is evaluated at the nearest point x of the box, and ranked by f(x) plus the mean over the coordinates of
/// weight_i (u_i - x_i)^2 / xi_i, where xi_i = exp(0.9 (log v_i - mean of log v_j)) for variances v. The weights begin,
/// when the mean leaves the box first, as twice the median of the interquartile ranges of late generations' values over
/// the mean of the variances; one is multiplied by 1.1^max(1, mu_eff / 10 n) in each generation that finds the mean
/// farther away than 3 standard deviations times max(1, sqrt(n) / mu_eff).
///
/// Hansen, Niederberger, Guzzella & Koumoutsakos (2009), "A method for handling uncertainty in evolutionary
/// optimization with an application to feedback control of combustion", IEEE Transactions on Evolutionary Computation
/// 13, section IV-B: the `BoundPenalty` of N. Hansen's pycma.
template <Point X>
struct BoundPenalty {
  using S = ScalarOf<X>;

  Eigen::VectorX<S> weights{};               ///< gamma; empty if bounds are kept otherwise
  bool weighted = false;                     ///< whether they are set
  Eigen::VectorX<S> ranges{};                ///< interquartile ranges over the variance of late generations, a ring
  std::uint64_t generations = 0;             ///< that were told
  std::vector<Evaluation<S>> evaluations{};  ///< of the latest generation, with their penalties

  static constexpr auto fields() {
    using T = BoundPenalty;
    return std::tuple{&T::weights, &T::weighted, &T::ranges, &T::generations, &T::evaluations};
  }

  /// Whether it is used.
  [[nodiscard]] bool active() const { return weights.size() > 0; }

  /// Begins a run of n variables and generations of lambda; n is 0 where it is not used.
  void begin(Eigen::Index n, Eigen::Index lambda) {
    detail::zeros(weights, n, 1);
    detail::zeros(ranges, n > 0 ? 20 + 3 * n / lambda : 0, 1);
    evaluations.assign(n > 0 ? std::size_t(lambda) : 0, {});
    sorted_.resize(n > 0 ? std::size_t(std::max(lambda, ranges.size())) : 0);
    weighted = false;
    generations = 0;
  }

  /// Puts penalties on the evaluations of a generation, before the distribution has learnt from it.
  template <class State>
  void penalize(const State& state, S mu_eff) {
    const Eigen::Index n = state.mean.size();
    const auto variance = [&](Eigen::Index i) { return state.deviation(i) * state.deviation(i); };
    S logarithms(0), variances(0);
    for (Eigen::Index i = 0; i < n; ++i) logarithms += std::log(variance(i)) / S(n), variances += variance(i) / S(n);

    note_range(state.evaluations, variances);
    set_weights(state, mu_eff);
    evaluations.resize(state.evaluations.size());
    for (Eigen::Index k = 0; k < state.points.cols(); ++k) {
      auto& evaluation = evaluations[std::size_t(k)] = state.evaluations[std::size_t(k)];
      if (!weighted || !evaluation.usable()) continue;
      S penalty(0);
      for (Eigen::Index i = 0; i < n; ++i) {
        const S scale = state.integers.active() ? state.integers.scale[i] : S(1);
        const S u = state.mean[i] + scale * state.step_size * state.steps(i, k);
        const S away = u - std::clamp(u, state.bounds.box.lower[i], state.bounds.box.upper[i]);
        if (away != 0) penalty += weights[i] * away * away / std::exp(S(0.9) * (std::log(variance(i)) - logarithms));
      }
      evaluation.value += penalty / S(n);
    }
  }

 private:
  std::vector<S> sorted_{};

  S quantile(std::size_t count, double share) {
    S* const place = sorted_.data() + std::lround(share * double(count - 1));
    std::nth_element(sorted_.data(), place, sorted_.data() + count);
    return *place;
  }

  void note_range(const std::vector<Evaluation<S>>& told, S variances) {
    sorted_.resize(std::max(told.size(), std::size_t(ranges.size())));
    std::size_t count = 0;
    for (const auto& evaluation : told)
      if (evaluation.usable()) sorted_[count++] = evaluation.value;
    if (count == 0) return;
    const S lower = quantile(count, 0.25), upper = quantile(count, 0.75);
    ranges[Eigen::Index(generations++ % std::uint64_t(ranges.size()))] = (upper - lower) / variances;
  }

  template <class State>
  void set_weights(const State& state, S mu_eff) {
    const Eigen::Index n = state.mean.size();
    const auto away = [&](Eigen::Index i) {
      return std::abs(state.mean[i] - std::clamp(state.mean[i], state.bounds.box.lower[i], state.bounds.box.upper[i]));
    };
    bool outside = false;
    for (Eigen::Index i = 0; i < n; ++i) outside = outside || away(i) > 0;
    if (!outside) return;
    if (!weighted) {
      if (generations < 2) return;
      const auto count = std::size_t(std::min<std::uint64_t>(generations, std::uint64_t(ranges.size())));
      std::copy_n(ranges.data(), count, sorted_.data());
      std::fill_n(weights.data(), n, 2 * quantile(count, 0.5));
      weighted = true;
    }
    const S growth = std::pow(S(1.1), std::max(S(1), mu_eff / (10 * S(n))));
    for (Eigen::Index i = 0; i < n; ++i)
      if (away(i) > 3 * state.deviation(i) * std::max(S(1), std::sqrt(S(n)) / mu_eff)) weights[i] *= growth;
  }
};

}  // namespace mesaopt
