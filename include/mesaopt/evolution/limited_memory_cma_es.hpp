#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <tuple>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/point.hpp>
#include <mesaopt/core/vectors.hpp>
#include <mesaopt/evolution/cma_parameters.hpp>
#include <mesaopt/evolution/columns.hpp>
#include <mesaopt/evolution/evolution_strategy.hpp>

namespace mesaopt {

/// A normal distribution whose shape is remembered as a few directions, each a smoothed path of the mean at a time
/// scale of its own; a draw of n variables takes time in proportion to n ln n.
///
/// Loshchilov, Glasmachers & Beyer (2018), "Large scale black-box optimization by limited-memory matrix adaptation",
/// algorithm 1, with m = 4 + floor(3 ln n) directions and the rates c_d,i = 1 / (1.5^(i−1) n) and
/// c_c,i = λ / (4^(i−1) n). A step y is z, then for each direction in turn y ← (1 − c_d) y + c_d m (m'y).
template <Point X>
struct LimitedMemoryDistribution {
  using S = ScalarOf<X>;

  X mean{};
  PointsOf<X> directions{};       ///< m_i, one a column, the fastest first
  S step_size = 0;                ///< sigma
  X conjugate_path{};             ///< p_sigma
  X deviations{};                 ///< root mean square of the latest steps y, by coordinate
  std::uint64_t generation = 0;   ///< how often it has learnt
  CmaParameters<S> parameters{};  ///< of these the weights, mu and mu_eff count

  static constexpr auto fields() {
    using T = LimitedMemoryDistribution;
    return std::tuple{&T::mean,       &T::directions, &T::step_size, &T::conjugate_path,
                      &T::deviations, &T::generation, &T::parameters};
  }

  /// How many directions there are in n variables.
  static Eigen::Index memory(Eigen::Index n) { return 4 + Eigen::Index(3 * std::log(double(n))); }

  /// Whether a prior knows directions for n variables.
  template <class Known>
  requires requires(const Known& known) {
    known.directions;
    known.deviations;
    known.step_size;
  }
  static bool fits(const Known& known, Eigen::Index n) {
    return known.directions.rows() == n && known.directions.cols() == memory(n);
  }
  template <class Known>
  void take(const Known& known) {
    directions = known.directions;
    deviations = known.deviations;
    generation = known.generation;
  }

  /// Forgets the directions: all coordinates are independent and of variance 1.
  void make_round(Eigen::Index n) {
    detail::zeros(directions, n, memory(n));
    deviations.resize(n);
    std::fill_n(deviations.data(), n, S(1));
    generation = 0;
  }

  /// Begins with the present mean, directions and step size.
  bool begin(Eigen::Index lambda, bool) {
    const Eigen::Index n = mean.size();
    parameters.set(n, lambda, false);
    detail::zeros(conjugate_path, n, 1);
    if (mean_draw_.size() != n) mean_draw_.resize(n);
    return true;
  }

  /// The steps y of draws z of the standard normal distribution, one a column.
  void shape(const PointsOf<X>& draws, PointsOf<X>& steps) {
    const Eigen::Index n = mean.size();
    const auto used = Eigen::Index(std::min<std::uint64_t>(generation, std::uint64_t(directions.cols())));
    detail::zeros(deviations, n, 1);
    for (Eigen::Index k = 0; k < draws.cols(); ++k) {
      S* const y = steps.data() + n * k;
      std::copy_n(draws.data() + n * k, n, y);
      S rate = S(1) / S(n);
      for (Eigen::Index i = 0; i < used; ++i, rate /= S(1.5)) {
        const S* const m = directions.data() + n * i;
        const S along = rate * detail::product(m, y, n);
        detail::scale(1 - rate, y, y, n);
        detail::add_multiple(n, along, m, y);
      }
      for (Eigen::Index j = 0; j < n; ++j) deviations[j] += y[j] * y[j];
    }
    for (Eigen::Index j = 0; j < n; ++j) deviations[j] = std::sqrt(deviations[j] / S(draws.cols()));
  }

  /// Learns from one generation, its columns `best_first`, as drawn and shaped.
  void learn(const std::vector<Eigen::Index>& best_first, const PointsOf<X>& draws, const PointsOf<X>& steps) {
    const Eigen::Index n = mean.size(), mu = parameters.mu;
    mean_draw_.resize(n);
    detail::zeros(mean_draw_, n, 1);
    for (Eigen::Index i = 0; i < mu; ++i) {
      const Eigen::Index k = best_first[std::size_t(i)];
      detail::add_multiple(n, parameters.weights[i], draws.data() + n * k, mean_draw_.data());
      detail::add_multiple(n, step_size * parameters.weights[i], steps.data() + n * k, mean.data());
    }
    const auto follow = [&](S rate, S* path) {
      detail::scale(1 - rate, path, path, n);
      detail::add_multiple(n, std::sqrt(rate * (2 - rate) * parameters.mu_eff), mean_draw_.data(), path);
    };
    // The paper's rates are for n far above λ; no path forgets more than all.
    const S lambda = S(draws.cols());
    const S c_sigma = std::min(S(1) / 2, 2 * lambda / S(n));
    follow(c_sigma, conjugate_path.data());
    S rate = std::min(S(1) / 2, lambda / S(n));
    for (Eigen::Index i = 0; i < directions.cols(); ++i, rate /= 4) follow(rate, directions.data() + n * i);
    ++generation;
    const S square = detail::product(conjugate_path.data(), conjugate_path.data(), n);
    step_size *= std::exp(c_sigma / 2 * (square / S(n) - 1));
  }

  /// Makes coordinate i independent of the others: for one that influences nothing.
  void isolate(Eigen::Index i) {
    for (Eigen::Index k = 0; k < directions.cols(); ++k) directions(i, k) = 0;
  }

  [[nodiscard]] bool decompose_when_due() const { return std::isfinite(step_size); }

  /// The deviation of the latest steps along coordinate i.
  [[nodiscard]] S deviation(Eigen::Index i) const { return step_size * deviations[i]; }
  /// How far the fastest path goes along coordinate i.
  [[nodiscard]] S drift(Eigen::Index i) const { return step_size * std::abs(directions(i, 0)); }

  /// The axes are not known.
  [[nodiscard]] bool axis_lost_in_rounding() const { return false; }
  /// Nor is the condition.
  [[nodiscard]] S condition() const { return 1; }

  /// The largest of the latest steps' deviations.
  [[nodiscard]] S width() const {
    return step_size * *std::max_element(deviations.data(), deviations.data() + deviations.size());
  }

 private:
  X mean_draw_{};
};

namespace detail {
struct LimitedMemory {
  static constexpr const char* name = "LimitedMemoryCmaEs";
  template <Point X>
  using Distribution = LimitedMemoryDistribution<X>;
};
}  // namespace detail

/// The evolution strategy of CmaEs for thousands of variables that depend on each other: it remembers some 4 + 3 ln n
/// directions (see LimitedMemoryDistribution), in time n ln n a point, and learns no more than these. In few variables
/// CmaEs needs far fewer evaluations.
///
/// The same settings and behaviour as CmaEs, but that `active` means nothing, and a prior must be of this optimizer.
using LimitedMemoryCmaEs = EvolutionStrategy<detail::LimitedMemory>;

}  // namespace mesaopt
