#pragma once

#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <stdexcept>
#include <tuple>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/bayes/cube.hpp>
#include <mesaopt/bayes/earlier_task.hpp>
#include <mesaopt/bayes/earlier_tasks.hpp>
#include <mesaopt/bayes/feasibility.hpp>
#include <mesaopt/bayes/filled_wells.hpp>
#include <mesaopt/bayes/kernel.hpp>
#include <mesaopt/bayes/observations.hpp>
#include <mesaopt/bayes/surrogate.hpp>
#include <mesaopt/core/calls.hpp>
#include <mesaopt/core/evaluation.hpp>
#include <mesaopt/core/objective.hpp>
#include <mesaopt/core/optimizer.hpp>
#include <mesaopt/core/point.hpp>
#include <mesaopt/core/prior.hpp>
#include <mesaopt/core/random.hpp>
#include <mesaopt/core/sobol.hpp>
#include <mesaopt/core/status.hpp>
#include <mesaopt/core/stopping.hpp>
#include <mesaopt/core/waiting.hpp>
#include <mesaopt/objective/box.hpp>

namespace mesaopt {

/// A point that was told, and how.
template <Point X>
struct AnsweredPoint {
  X x{};
  Evaluation<ScalarOf<X>> evaluation{};

  static constexpr auto fields() { return std::tuple{&AnsweredPoint::x, &AnsweredPoint::evaluation}; }
};

/// All that changes in a Bayesian search: what was observed, the points that wait for their evaluation, and the
/// surrogates. K is the kernel.
template <Point X, class M, kernels::Kernel K>
struct BayesianState {
  using S = ScalarOf<X>;
  static constexpr bool monotone = true;  // x is the answer, also where the objective is stochastic

  /// The best point told, the start as long as nothing usable was: the one with the lowest value, or, where values are
  /// noisy and points have been proposed, with the lowest posterior mean.
  X x{};
  S value = std::numeric_limits<S>::quiet_NaN();  ///< its value; NaN as long as nothing usable was told
  Evaluation<S> evaluation{};                     ///< its evaluation
  Status status = Status::running;                ///< why no more can be done
  Calls<X, M> calls{};                            ///< the way to the objective

  Box<X> box{};                      ///< in which the points lie
  X start{};                         ///< point number 0
  std::vector<Eigen::Index> free{};  ///< the variables whose bounds differ, which the surrogates know alone
  bool noisy = false;                ///< whether values differ from evaluation to evaluation of one point
  std::uint64_t best_id = 0;         ///< the number of x
  Random random{};                   ///< the next draws
  Sobol design{};                    ///< the next points of the initial design
  Sobol candidates{};                ///< the next points to look at

  Observations observations{};  ///< what was told, in the unit cube of the free variables
  Eigen::Index inherited = 0;   ///< how many of them a prior has brought
  /// The lowest value told, whatever the noise; NaN as long as nothing usable was.
  S lowest_told = std::numeric_limits<S>::quiet_NaN();
  /// What the posterior mean is at x, where values are noisy; NaN as long as nothing was proposed.
  S expected = std::numeric_limits<S>::quiet_NaN();
  std::uint64_t next = 0;        ///< number of the next point that nobody has asked for
  std::uint64_t turn = 0;        ///< how many points the surrogates have proposed
  Surrogate<K> plain{};          ///< of the observations
  Surrogate<K> filled{};         ///< of the observations with the wells filled
  std::vector<Well> wells{};     ///< around the minima that have been found
  std::vector<double> lowest{};  ///< the least value, wells filled, at each turn since the last well was

  std::vector<AnsweredPoint<X>> answered{};  ///< all points told, in order, where values are noisy
  Observations sound{};                      ///< the observations that did not fail, once one has
  Eigen::Index sifted = 0;                   ///< how many observations were looked through for them
  Feasibility<K> feasibility{};              ///< where evaluations succeed, once one has failed
  std::vector<EarlierTask<K>> tasks{};       ///< what a prior knows of others
  bool heeds_tasks = false;                  ///< whether they may still be of use

  PointsOf<X> points{};              ///< those that wait, one a column
  Eigen::MatrixXd waiting{};         ///< the same in the unit cube of the free variables
  std::vector<std::uint64_t> ids{};  ///< their numbers, by which they are named
  std::vector<bool> told{};          ///< whether their evaluations came, so that their places are free
  std::uint64_t open = 0;            ///< of how many none came

  PointsOf<X> open_points{};              ///< scratch
  std::vector<std::uint64_t> open_ids{};  ///< scratch
  std::vector<Evaluation<S>> answers{};   ///< scratch

  static constexpr auto fields() {
    using T = BayesianState;
    return std::tuple{&T::x,          &T::value,        &T::evaluation,  &T::status,     &T::calls,    &T::box,
                      &T::start,      &T::free,         &T::noisy,       &T::best_id,    &T::random,   &T::design,
                      &T::candidates, &T::observations, &T::inherited,   &T::next,       &T::turn,     &T::plain,
                      &T::filled,     &T::wells,        &T::lowest,      &T::points,     &T::waiting,  &T::ids,
                      &T::told,       &T::open,         &T::lowest_told, &T::expected,   &T::answered, &T::sound,
                      &T::sifted,     &T::feasibility,  &T::tasks,       &T::heeds_tasks};
  }

  /// What was told, for the search that comes next.
  [[nodiscard]] PointsOf<X> observed_points() const {
    PointsOf<X> out(x.size(), observations.size());
    for (Eigen::Index i = 0; i < observations.size(); ++i) {
      X point = x;
      to_box(observations.point(i), point);
      out.col(i) = point;
    }
    return out;
  }
  [[nodiscard]] Eigen::VectorX<S> observed_values() const {
    Eigen::VectorX<S> out(observations.size());
    for (Eigen::Index i = 0; i < out.size(); ++i) out[i] = S(observations.value(i));
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

  /// The points that wait, with `draw(k)` called first for each free place k; it answers false if there is none to
  /// draw.
  template <class Draw>
  Batch<X> ask(const Draw& draw) {
    if (ids.empty()) throw std::invalid_argument("state: no run has been begun in it; init comes before ask");
    for (std::size_t k = 0; k < ids.size(); ++k)
      if (told[k]) {
        if (!draw(Eigen::Index(k))) break;
        ids[k] = next++;
        told[k] = false;
        ++open;
      }
    return detail::waiting_points<X>(points, ids, told, open_points, open_ids);
  }

  /// Takes evaluations, some or all, in any order. Throws std::invalid_argument, and changes nothing, if there are not
  /// as many ids as evaluations, or an id names no point that waits.
  void tell(std::span<const std::uint64_t> names, std::span<const Evaluation<S>> evaluations) {
    detail::check_answers(names.size(), evaluations.size());
    detail::mark_told(names, ids, told);
    for (std::size_t i = 0; i < names.size(); ++i) {
      const auto k = Eigen::Index(detail::place_of(ids, names[i], i));
      const Evaluation<S>& now = evaluations[i];
      observations.add(waiting.col(k), now.usable() ? double(now.value) : std::numeric_limits<double>::quiet_NaN());
      if (noisy) answered.push_back({points.col(k), now});
      if (!now.usable()) continue;
      if (!(lowest_told <= now.value)) lowest_told = now.value;
      // Of equals the first one, whichever is told first.
      const bool better = now.value < value || (now.value == value && names[i] < best_id);
      if (!better && evaluation.usable()) continue;
      x = points.col(k);
      value = now.value;
      evaluation = now;
      best_id = names[i];
    }
    open -= names.size();
  }
};

}  // namespace mesaopt
