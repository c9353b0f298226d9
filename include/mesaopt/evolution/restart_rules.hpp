#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <tuple>

#include <Eigen/Core>

#include <mesaopt/core/random.hpp>
#include <mesaopt/core/stopping.hpp>

namespace mesaopt {

/// How the next of several runs is to be made.
struct RestartPlan {
  double population = 1;                                                  ///< times that of the first run
  double step_size = 1;                                                   ///< times that of the first run
  std::uint64_t evaluations = std::numeric_limits<std::uint64_t>::max();  ///< after these the run is ended
  static constexpr auto fields() {
    return std::tuple{&RestartPlan::population, &RestartPlan::step_size, &RestartPlan::evaluations};
  }
};

/// What a rule is told about the run that has ended.
struct FinishedRun {
  std::uint64_t evaluations = 0;
  bool improved = false;  ///< whether it found a better point than all runs before it
};

/// Restarts with a population `factor` times as large each time.
/// Auger & Hansen (2005), "A restart CMA evolution strategy with increasing population size".
struct Ipop {
  double factor = 2;  ///< more than 1

  struct Memory {
    double population = 1;
    static constexpr auto fields() { return std::tuple{&Memory::population}; }
  };

  /// Throws std::invalid_argument for a setting out of its range.
  void check() const {
    if (!(factor > 1) || !std::isfinite(factor)) detail::refuse("Ipop::factor", factor, "it must be more than 1");
  }

  /// After a run.
  RestartPlan next(Memory& memory, const FinishedRun& run, Random& random) const {
    (void)run, (void)random;
    return {.population = memory.population *= factor};
  }
};

/// Two kinds of restarts, of which that one has its turn that has used fewer evaluations: with a population `factor`
/// times as large each time, and with small populations and step sizes drawn at random, to look elsewhere and closely.
///
/// A small run has (factor^k / 2)^(u²) times the first population, where k large runs were begun and u is uniform in
/// [0, 1), its step size is multiplied by 10^(−2u') and it may use half the evaluations of all large runs together.
/// Hansen (2009), "Benchmarking a BI-population CMA-ES on the BBOB-2009 function testbed", section 2.
struct Bipop {
  double factor = 2;  ///< more than 1

  struct Memory {
    double population = 1;               ///< of the latest large run
    std::uint64_t large = 0, small = 0;  ///< evaluations of all runs of a kind; the first run is large
    bool is_small = false;               ///< the latest run
    static constexpr auto fields() {
      return std::tuple{&Memory::population, &Memory::large, &Memory::small, &Memory::is_small};
    }
  };

  /// Throws std::invalid_argument for a setting out of its range.
  void check() const {
    if (!(factor > 1) || !std::isfinite(factor)) detail::refuse("Bipop::factor", factor, "it must be more than 1");
  }

  /// After a run.
  RestartPlan next(Memory& memory, const FinishedRun& run, Random& random) const {
    (memory.is_small ? memory.small : memory.large) += run.evaluations;
    memory.is_small = memory.population > 1 && memory.small < memory.large;
    if (!memory.is_small) return {.population = memory.population *= factor};
    const double u = random.uniform<double>(), v = random.uniform<double>();
    return {std::max(1.0, std::pow(memory.population / 2, u * u)), std::pow(10.0, -2 * v),
            std::max<std::uint64_t>(1, memory.large / 2)};
  }
};

/// Two kinds of restarts, of which the one that found the best point so far may use `preference` times as many
/// evaluations as the other: with a population `factor` times as large each time and a step size `narrowing` times
/// smaller; and with small populations and step sizes drawn at random.
///
/// A small run has (L / 2)^(u⁴) times the first population, where L is that of the latest large run and u is uniform in
/// [0, 1), its step size is multiplied by 10^(-2u'), and it may use half the evaluations of all large runs together.
///
/// Loshchilov, Schoenauer and Sebag (2012), "Alternative restart strategies for CMA-ES", PPSN XII: NBIPOP-CMA-ES, which
/// has a factor of 2, a narrowing of 1.6, and the first population in all small runs; BIPOP has u². These defaults need
/// fewer evaluations on the multimodal functions of BBOB (benchmarks/evolution/bbob_cma_es.cpp): the population gets
/// there sooner, by runs that begin as wide as the first.
struct Nbipop {
  double factor = 3;      ///< more than 1
  double narrowing = 1;   ///< 1 or more
  double preference = 2;  ///< 1 or more

  struct Memory {
    RestartPlan plan{};                  ///< of the latest large run
    std::uint64_t large = 0, small = 0;  ///< evaluations of all runs of a kind; the first run is large
    bool is_small = false;               ///< the latest run
    bool small_is_best = false;          ///< whether a small run has found the best point
    static constexpr auto fields() {
      return std::tuple{&Memory::plan, &Memory::large, &Memory::small, &Memory::is_small, &Memory::small_is_best};
    }
  };

  /// Throws std::invalid_argument for a setting out of its range.
  void check() const {
    if (!(factor > 1) || !std::isfinite(factor)) detail::refuse("Nbipop::factor", factor, "it must be more than 1");
    if (!(narrowing >= 1) || !std::isfinite(narrowing))
      detail::refuse("Nbipop::narrowing", narrowing, "it must be 1 or more, and finite");
    if (!(preference >= 1) || !std::isfinite(preference))
      detail::refuse("Nbipop::preference", preference, "it must be 1 or more, and finite");
  }

  /// After a run.
  RestartPlan next(Memory& memory, const FinishedRun& run, Random& random) const {
    (memory.is_small ? memory.small : memory.large) += run.evaluations;
    if (run.improved) memory.small_is_best = memory.is_small;
    const double allowed = double(memory.large) * (memory.small_is_best ? preference : 1 / preference);
    memory.is_small = memory.plan.population > 1 && double(memory.small) < allowed;
    if (memory.is_small) {
      const double u = random.uniform<double>(), v = random.uniform<double>();
      return {std::max(1.0, std::pow(memory.plan.population / 2, u * u * u * u)), std::pow(10.0, -2 * v),
              std::max<std::uint64_t>(1, memory.large / 2)};
    }
    memory.plan.population *= factor;
    memory.plan.step_size /= narrowing;
    return memory.plan;
  }
};

}  // namespace mesaopt
