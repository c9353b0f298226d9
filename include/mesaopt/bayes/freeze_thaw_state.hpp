#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <tuple>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/bayes/cube.hpp>
#include <mesaopt/bayes/kernel.hpp>
#include <mesaopt/bayes/observations.hpp>
#include <mesaopt/bayes/surrogate.hpp>
#include <mesaopt/core/calls.hpp>
#include <mesaopt/core/evaluation.hpp>
#include <mesaopt/core/point.hpp>
#include <mesaopt/core/random.hpp>
#include <mesaopt/core/sobol.hpp>
#include <mesaopt/core/status.hpp>
#include <mesaopt/objective/box.hpp>
#include <mesaopt/objective/pausable.hpp>

namespace mesaopt {

/// One inner run of a freeze-thaw search. P is what can be paused.
template <Point X, PausedRun P>
struct FrozenRun {
  using S = ScalarOf<X>;
  X x{};                         ///< the outer point
  Eigen::VectorXd u{};           ///< its free coordinates in the unit cube
  P inner{};                     ///< the inner run; empty again once it has failed, or is complete and not the best
  Evaluation<S> evaluation{};    ///< the outer value of what it has come to
  std::uint64_t iterations = 0;  ///< how many it has made
  std::uint64_t portions = 0;    ///< in how many portions
  bool complete = false;         ///< whether it has come to full length, or ended by itself
  bool failed = false;           ///< whether its value was not finite, so that it was stopped

  static constexpr auto fields() {
    using R = FrozenRun;
    return std::tuple{&R::x, &R::u, &R::inner, &R::evaluation, &R::iterations, &R::portions, &R::complete, &R::failed};
  }
  /// Whether it can be taken on.
  [[nodiscard]] bool paused() const { return !complete && !failed; }
};

/// All that changes in a freeze-thaw search: its runs, and what was learnt from their curves. K is the kernel of
/// (settings, time).
template <Point X, class M, kernels::Kernel K>
struct FreezeThawState {
  using S = ScalarOf<X>;
  using Paused = typename M::Paused;
  static constexpr bool monotone = true;  // x is the answer

  X x{};                                          ///< of the best complete run; of the best one as long as none is
  S value = std::numeric_limits<S>::quiet_NaN();  ///< its value; NaN as long as there is no usable one
  Evaluation<S> evaluation{};                     ///< its evaluation; inexact as long as no run is complete
  Status status = Status::running;                ///< why no more can be done
  Calls<X, M> calls{};                            ///< the way to the objective; each portion is an evaluation

  Box<X> box{};                              ///< in which the points lie
  std::vector<Eigen::Index> free{};          ///< the variables whose bounds differ
  Random random{};                           ///< the next draws
  Sobol design{};                            ///< the next points to begin with
  Sobol candidates{};                        ///< the next points to look at
  std::vector<FrozenRun<X, Paused>> runs{};  ///< in the order in which they were begun
  Observations observations{};               ///< of (settings in the unit cube, time)
  Surrogate<K> surrogate{};                  ///< of the observations
  std::uint64_t spent = 0;                   ///< inner iterations, of all runs
  std::uint64_t begun = 0;                   ///< runs that were begun by the surrogate
  std::size_t best = 0;                      ///< which run x is from

  static constexpr auto fields() {
    using T = FreezeThawState;
    return std::tuple{&T::x,         &T::value,  &T::evaluation, &T::status,     &T::calls, &T::box,
                      &T::free,      &T::random, &T::design,     &T::candidates, &T::runs,  &T::observations,
                      &T::surrogate, &T::spent,  &T::begun,      &T::best};
  }

  /// The inner run that belongs to x, from which its inner solution can be had. Throws std::out_of_range if none was
  /// begun.
  [[nodiscard]] const Paused& best_run() const { return runs.at(best).inner; }
  /// How many runs are complete.
  [[nodiscard]] std::size_t completed() const {
    return std::size_t(std::count_if(runs.begin(), runs.end(), [](const auto& run) { return run.complete; }));
  }

  /// Outer points of complete runs and their values, as a prior of the next search.
  [[nodiscard]] PointsOf<X> observed_points() const {
    PointsOf<X> out(x.size(), Eigen::Index(completed()));
    Eigen::Index at = 0;
    for (const auto& run : runs)
      if (run.complete) out.col(at++) = run.x;
    return out;
  }
  [[nodiscard]] Eigen::VectorX<S> observed_values() const {
    Eigen::VectorX<S> out(static_cast<Eigen::Index>(completed()));
    Eigen::Index at = 0;
    for (const auto& run : runs)
      if (run.complete) out[at++] = run.evaluation.value;
    return out;
  }

  /// The free coordinates of a point in the unit cube.
  template <class D>
  [[nodiscard]] Eigen::VectorXd to_cube(const Eigen::MatrixBase<D>& point) const {
    return detail::to_cube(box, free, point);
  }
  /// The reverse; coordinates that are not free are left as they are.
  template <class U>
  void to_box(const U& u, X& point) const {
    detail::to_box(box, free, u, point);
  }
};

}  // namespace mesaopt
