#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <tuple>
#include <type_traits>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/evaluation.hpp>
#include <mesaopt/core/objective.hpp>
#include <mesaopt/core/optimizer.hpp>
#include <mesaopt/core/parameter.hpp>
#include <mesaopt/core/permutation.hpp>
#include <mesaopt/core/point.hpp>
#include <mesaopt/core/prior.hpp>
#include <mesaopt/core/stopping.hpp>
#include <mesaopt/direct/numbered_points.hpp>

namespace mesaopt {

namespace detail {
/// The points of a grid in the unit cube, one after the other or shuffled.
struct GridPoints {
  std::vector<std::vector<double>> levels{};  ///< of every coordinate
  std::uint64_t total = 0;
  bool shuffled = false;
  std::uint64_t seed = 0;
  static constexpr auto fields() {
    return std::tuple{&GridPoints::levels, &GridPoints::total, &GridPoints::shuffled, &GridPoints::seed};
  }

  void prepare(Eigen::Index) const {}
  [[nodiscard]] std::uint64_t count() const { return total; }
  template <class Column>
  void point(std::uint64_t number, Column&& column) const {
    if (shuffled) number = Permutation{total, seed}(number);
    for (Eigen::Index i = column.size(); i-- > 0;) {  // the last coordinate varies fastest
      const std::vector<double>& of = levels[std::size_t(i)];
      column[i] = static_cast<typename std::remove_cvref_t<Column>::Scalar>(of[std::size_t(number % of.size())]);
      number /= of.size();
    }
  }
};
}  // namespace detail

/// Grid search: evaluates the start, then all points of a grid over the box of the objective, and keeps the best.
///
///     auto solution = minimize(within(f, box), x0, GridSearch{.points = 7});
///
/// In every coordinate the points are evenly spaced from bound to bound. Where the objective is one `in_space`, a
/// category takes all its values, an integer all or, if these are more than `points`, so many of them, and logarithmic
/// numbers are evenly spaced in their logarithms; inactive parameters are varied like others. For few variables, or
/// to see a landscape; in more than three or four, QuasiRandomSearch finds more with the same evaluations. Where the
/// objective has no bounds, the grid lies within `radius` around the start.
///
/// Ends as `converged` when all points have been evaluated, as `non_finite` if none of them was usable. It can be
/// driven from outside by `ask` and `tell`, in the same way as RandomSearch; at the end `ask` answers fewer points,
/// then none.
struct GridSearch {
  Eigen::Index points = 5;  ///< in every coordinate; 1: the middle of the box
  Eigen::Index batch = 16;  ///< points that are evaluated side by side, 1 or more
  bool shuffled = false;    ///< whether the points come in random order, which is better if a limit cuts it short
  std::uint64_t seed = 1;   ///< of that order
  double radius = 1;        ///< half the width of the box where the objective has no bounds, around the start

  static constexpr bool handles_bounds = true;

  /// The grid, the points that wait for their evaluation, and the best one.
  template <Point X, class M = Nothing>
  using State = NumberedPoints<X, detail::GridPoints, M>;

  /// A million evaluations, besides the end of the grid.
  [[nodiscard]] MaxEvaluations default_stopping() const { return {1'000'000}; }

  /// Begins at a point or a prior, in the box of f, if it has one; or in a box, for `ask` and `tell`. Throws
  /// std::invalid_argument for a setting out of its range, a start that is empty, not finite, or not in the box,
  /// or a grid of 2^63 points or more.
  template <class F, Start P>
  requires detail::Place<F, PointOf<P>>
  void init(const F& f, const P& start, StateOf<GridSearch, F, PointOf<P>>& state) const { begin(f, start, state); }

  /// Begins without an objective and without a box, for `ask` and `tell`.
  template <Start P, class M>
  void init(const P& start, NumberedPoints<PointOf<P>, detail::GridPoints, M>& state) const {
    begin(detail::Anywhere{}, start, state);
  }

  /// A batch of points that wait for their evaluation.
  template <Point X, class M>
  Batch<X> ask(NumberedPoints<X, detail::GridPoints, M>& state) const {
    return state.ask();
  }

  /// Takes evaluations of points asked for: some or all, in any order. Throws std::invalid_argument, and changes
  /// nothing, if there are not as many ids as evaluations, or an id names no point that waits.
  template <Point X, class M>
  void tell(NumberedPoints<X, detail::GridPoints, M>& state, std::span<const std::uint64_t> ids,
            std::span<const Evaluation<ScalarOf<X>>> evaluations) const {
    state.tell(ids, evaluations);
  }

  /// One batch: asks, evaluates, tells. What the evaluation limit forbids stays open. If the objective throws, so does
  /// the whole batch, and the next step evaluates it anew.
  template <class F, Point X, class M>
  void step(const F& f, NumberedPoints<X, detail::GridPoints, M>& state) const {
    state.step(f);
  }

 private:
  template <class F, Start P, class X>
  void begin(const F& f, const P& start, X& state) const {
    if (points < 1) detail::refuse("GridSearch::points", double(points), "it must be 1 or more");
    detail::check_sampling("GridSearch::batch", batch, "GridSearch::radius", radius, start);
    const Eigen::Index n = detail::start_point(start).size();
    state.begin(f, start, radius, batch, [&](detail::GridPoints& source) {
      source.shuffled = shuffled;
      source.seed = seed;
      source.total = 1;
      source.levels.resize(std::size_t(n));
      for (Eigen::Index i = 0; i < n; ++i) {
        std::vector<double>& levels = source.levels[std::size_t(i)];
        if constexpr (requires { f.space.parameter(i); })
          levels_of(f.space.parameter(i), levels);
        else
          spread(points, levels);
        if (source.total >= (std::uint64_t{1} << 63) / levels.size())
          detail::refuse("GridSearch::points", double(points), "the grid would have 2^63 points or more");
        source.total *= levels.size();
      }
    });
  }

  /// So many numbers from 0 to 1.
  static void spread(Eigen::Index count, std::vector<double>& levels) {
    levels.assign(std::size_t(count), 0.5);
    for (Eigen::Index k = 0; count > 1 && k < count; ++k) levels[std::size_t(k)] = double(k) / double(count - 1);
  }
  void levels_of(const Parameter& parameter, std::vector<double>& levels) const {
    const std::int64_t most = parameter.levels();
    const bool all = parameter.kind == ParameterKind::category || (most > 0 && most <= points);
    if (!all) return spread(points, levels);
    levels.resize(std::size_t(most));
    for (std::int64_t k = 0; k < most; ++k) levels[std::size_t(k)] = (parameter.edge(k) + parameter.edge(k + 1)) / 2;
  }
};

}  // namespace mesaopt
