#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <tuple>

#include <Eigen/Core>

#include <mesaopt/bayes/bayesian_state.hpp>
#include <mesaopt/bayes/kernel.hpp>
#include <mesaopt/bayes/observations.hpp>
#include <mesaopt/bayes/turbo_region.hpp>
#include <mesaopt/core/evaluation.hpp>
#include <mesaopt/core/point.hpp>

namespace mesaopt {

/// All that changes in a TrustRegionSearch: a BayesianState, whose surrogate `plain` knows the observations of the
/// present region alone, and the region.
template <Point X, class M, kernels::Kernel K>
struct TrustRegionState : BayesianState<X, M, K> {
  using Base = BayesianState<X, M, K>;
  using S = ScalarOf<X>;

  TurboRegion::State region{};  ///< its length and counters
  Observations local{};         ///< what was observed since it began
  std::uint64_t first = 0;      ///< the number of its first point
  std::uint64_t designed = 0;   ///< how many points of its own begin it
  std::uint64_t restarts = 0;   ///< how many regions have ended
  std::uint64_t heard = 0;      ///< evaluations of its proposals since the counters were brought up to date
  double best_before = kNone;   ///< the lowest value of the region before them; infinity: none
  double best_heard = kNone;    ///< the lowest value of them; infinity: none

  static constexpr double kNone = std::numeric_limits<double>::infinity();

  static constexpr auto fields() {
    using T = TrustRegionState;
    return std::tuple_cat(Base::fields(), std::tuple{&T::region, &T::local, &T::first, &T::designed, &T::restarts,
                                                     &T::heard, &T::best_before, &T::best_heard});
  }

  /// Begins a region, with no observations.
  void begin_region(const TurboRegion& settings, std::uint64_t count) {
    settings.init(region);
    local = Observations(Eigen::Index(this->free.size()));
    this->plain = {};
    first = this->next;
    designed = count;
    heard = 0;
    best_before = best_heard = kNone;
  }

  /// The lowest value of the region; infinity if there is none.
  [[nodiscard]] double lowest_local() const {
    double least = kNone;
    for (Eigen::Index i = 0; i < local.size(); ++i)
      if (local.usable(i)) least = std::min(least, local.value(i));
    return least;
  }

  /// Takes evaluations as BayesianState does, and has the region learn from them: once of every `batch` of its
  /// proposals. Those of an earlier region, which come late, are only remembered. A region that ends is followed by
  /// another.
  void learn(std::span<const std::uint64_t> names, std::span<const Evaluation<S>> evaluations,
             const TurboRegion& settings, Eigen::Index batch) {
    const Eigen::Index before = this->observations.size();
    Base::tell(names, evaluations);
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (names[i] < first) continue;
      const auto k = before + Eigen::Index(i);
      const double found = this->observations.value(k);
      const bool usable = this->observations.usable(k), proposed = names[i] >= first + designed;
      if (proposed && heard == 0) best_before = lowest_local();
      local.add(this->observations.point(k), found);
      if (!proposed) continue;
      if (usable) best_heard = std::min(best_heard, found);
      if (++heard < std::uint64_t(batch)) continue;
      settings.update(best_before, best_heard, Eigen::Index(this->free.size()), batch, region);
      heard = 0;
      best_heard = kNone;
      if (!region.ended) continue;
      ++restarts;
      begin_region(settings, designed);
      return;  // what is left in this answer belongs to the region that has ended
    }
  }
};

}  // namespace mesaopt
