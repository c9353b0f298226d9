#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <tuple>
#include <type_traits>

#include <Eigen/Core>

#include <mesaopt/core/evaluation.hpp>
#include <mesaopt/core/objective.hpp>
#include <mesaopt/core/optimizer.hpp>
#include <mesaopt/core/point.hpp>
#include <mesaopt/core/prior.hpp>
#include <mesaopt/core/random.hpp>
#include <mesaopt/core/stopping.hpp>
#include <mesaopt/direct/numbered_points.hpp>

namespace mesaopt {

namespace detail {
/// Points at random in the unit cube.
struct RandomPoints {
  Random random{};
  static constexpr auto fields() { return std::tuple{&RandomPoints::random}; }

  void prepare(Eigen::Index) const {}
  [[nodiscard]] static std::uint64_t count() { return std::numeric_limits<std::uint64_t>::max() - 1; }
  template <class Column>
  void point(std::uint64_t number, Column&& column) const {
    Random draws = random.at(number * std::uint64_t(column.size()));
    for (Eigen::Index i = 0; i < column.size(); ++i)
      column[i] = draws.uniform<typename std::remove_cvref_t<Column>::Scalar>();
  }
};
}  // namespace detail

/// Random search: evaluates the start, then points at random in the box of the objective, and keeps the best.
///
///     auto solution = minimize(within(f, box), x0, RandomSearch{}, MaxEvaluations{200});
///
/// The baseline to beat, and hard to beat in many variables of which few matter: Bergstra and Bengio (2012), "Random
/// search for hyper-parameter optimization". QuasiRandomSearch is the better of the two as a rule. It never ends by
/// itself. Where the objective has no bounds, it looks within `radius` around the start, in every coordinate.
///
/// It can be driven from outside as well, by `ask` and `tell` (core/optimizer.hpp): evaluations may come in any order,
/// late, as failures, or never. `ask` answers a whole batch every time: the points that still wait, and new ones in the
/// places of those that were told. So workers that finish at different times take those whose ids they have not seen,
/// and a point that was lost is offered again. The result depends on the seed and the values alone.
struct RandomSearch {
  Eigen::Index batch = 16;  ///< points that are evaluated side by side, 1 or more
  std::uint64_t seed = 1;   ///< of all draws
  double radius = 1;        ///< half the width of the box where the objective has no bounds, around the start

  static constexpr bool handles_bounds = true;

  /// The draws, the points that wait for their evaluation, and the best one.
  template <Point X, class M = Nothing>
  using State = NumberedPoints<X, detail::RandomPoints, M>;

  /// 1000 evaluations.
  [[nodiscard]] MaxEvaluations default_stopping() const { return {1000}; }

  /// Begins at a point or a prior, in the box of f, if it has one; or in a box, for `ask` and `tell`. Throws
  /// std::invalid_argument for a setting out of its range, or a start that is empty, not finite, or not in the box.
  template <class F, Start P>
  requires detail::Place<F, PointOf<P>>
  void init(const F& f, const P& start, StateOf<RandomSearch, F, PointOf<P>>& state) const { begin(f, start, state); }

  /// Begins without an objective and without a box, for `ask` and `tell`.
  template <Start P, class M>
  void init(const P& start, NumberedPoints<PointOf<P>, detail::RandomPoints, M>& state) const {
    begin(detail::Anywhere{}, start, state);
  }

  /// A batch of points that wait for their evaluation.
  template <Point X, class M>
  Batch<X> ask(NumberedPoints<X, detail::RandomPoints, M>& state) const {
    return state.ask();
  }

  /// Takes evaluations of points asked for: some or all, in any order. Throws std::invalid_argument, and changes
  /// nothing, if there are not as many ids as evaluations, or an id names no point that waits.
  template <Point X, class M>
  void tell(NumberedPoints<X, detail::RandomPoints, M>& state, std::span<const std::uint64_t> ids,
            std::span<const Evaluation<ScalarOf<X>>> evaluations) const {
    state.tell(ids, evaluations);
  }

  /// One batch: asks, evaluates, tells. What the evaluation limit forbids stays open. If the objective throws, so does
  /// the whole batch, and the next step evaluates it anew.
  template <class F, Point X, class M>
  void step(const F& f, NumberedPoints<X, detail::RandomPoints, M>& state) const {
    state.step(f);
  }

 private:
  template <class F, Start P, class X>
  void begin(const F& f, const P& start, X& state) const {
    detail::check_sampling("RandomSearch::batch", batch, "RandomSearch::radius", radius, start);
    state.begin(f, start, radius, batch, [this](auto& source) { source.random = Random{seed}; });
  }
};

}  // namespace mesaopt
