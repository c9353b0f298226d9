#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <tuple>

#include <Eigen/Core>

#include <mesaopt/core/evaluation.hpp>
#include <mesaopt/core/halton.hpp>
#include <mesaopt/core/objective.hpp>
#include <mesaopt/core/optimizer.hpp>
#include <mesaopt/core/point.hpp>
#include <mesaopt/core/prior.hpp>
#include <mesaopt/core/sobol.hpp>
#include <mesaopt/core/stopping.hpp>
#include <mesaopt/direct/numbered_points.hpp>

namespace mesaopt {

namespace detail {
/// The points of a sequence of low discrepancy.
template <class Sequence>
struct SequencePoints {
  Sequence sequence{};
  static constexpr auto fields() { return std::tuple{&SequencePoints::sequence}; }

  void prepare(Eigen::Index n) {
    sequence.dimension = n;
    sequence.prepare();
  }
  [[nodiscard]] static std::uint64_t count() { return std::numeric_limits<std::uint64_t>::max() - 1; }
  template <class Column>
  void point(std::uint64_t number, Column&& column) {
    sequence.index = number;
    sequence.fill(column);
  }
};
}  // namespace detail

/// Quasi-random search: evaluates the start, then the points of a scrambled sequence of low discrepancy in the box of
/// the objective, which fill it more evenly than points at random, and keeps the best.
///
///     auto solution = minimize(within(f, box), x0, QuasiRandomSearch{}, MaxEvaluations{200});
///
/// QuasiRandomSearch takes Sobol's sequence (core/sobol.hpp), of up to 161 variables; HaltonSearch that of Halton
/// (core/halton.hpp), of up to 6542. Good as a baseline, and as the first points of a search that learns from them:
/// Bousquet, Gelly, Kurach, Teytaud and Vincent (2017), "Critical hyper-parameters: no random, no cry",
/// arXiv:1706.03200. It never ends by itself. Where the objective has no bounds, it looks within `radius` around the
/// start, in every coordinate.
///
/// It can be driven from outside by `ask` and `tell`, in the same way as RandomSearch. The result depends on the seed
/// and the values alone.
template <class Sequence>
struct BasicQuasiRandomSearch {
  Eigen::Index batch = 16;  ///< points that are evaluated side by side, 1 or more
  std::uint64_t seed = 1;   ///< of the scrambling
  double radius = 1;        ///< half the width of the box where the objective has no bounds, around the start

  static constexpr bool handles_bounds = true;

  /// The draws, the points that wait for their evaluation, and the best one.
  template <Point X, class M = Nothing>
  using State = NumberedPoints<X, detail::SequencePoints<Sequence>, M>;

  /// 1000 evaluations.
  [[nodiscard]] MaxEvaluations default_stopping() const { return {1000}; }

  /// Begins at a point or a prior, in the box of f, if it has one; or in a box, for `ask` and `tell`. Throws
  /// std::invalid_argument for a setting out of its range, or a start that is empty, not finite, or not in the box.
  template <class F, Start P>
  requires detail::Place<F, PointOf<P>>
  void init(const F& f, const P& start, StateOf<BasicQuasiRandomSearch, F, PointOf<P>>& state) const {
    begin(f, start, state);
  }

  /// Begins without an objective and without a box, for `ask` and `tell`.
  template <Start P, class M>
  void init(const P& start, NumberedPoints<PointOf<P>, detail::SequencePoints<Sequence>, M>& state) const {
    begin(detail::Anywhere{}, start, state);
  }

  /// A batch of points that wait for their evaluation.
  template <Point X, class M>
  Batch<X> ask(NumberedPoints<X, detail::SequencePoints<Sequence>, M>& state) const {
    return state.ask();
  }

  /// Takes evaluations of points asked for: some or all, in any order. Throws std::invalid_argument, and changes
  /// nothing, if there are not as many ids as evaluations, or an id names no point that waits.
  template <Point X, class M>
  void tell(NumberedPoints<X, detail::SequencePoints<Sequence>, M>& state, std::span<const std::uint64_t> ids,
            std::span<const Evaluation<ScalarOf<X>>> evaluations) const {
    state.tell(ids, evaluations);
  }

  /// One batch: asks, evaluates, tells. What the evaluation limit forbids stays open. If the objective throws, so does
  /// the whole batch, and the next step evaluates it anew.
  template <class F, Point X, class M>
  void step(const F& f, NumberedPoints<X, detail::SequencePoints<Sequence>, M>& state) const {
    state.step(f);
  }

 private:
  template <class F, Start P, class X>
  void begin(const F& f, const P& start, X& state) const {
    detail::check_sampling("QuasiRandomSearch::batch", batch, "QuasiRandomSearch::radius", radius, start);
    state.begin(f, start, radius, batch, [this](auto& source) { source.sequence.seed = seed; });
  }
};

/// With Sobol's sequence.
using QuasiRandomSearch = BasicQuasiRandomSearch<Sobol>;
/// With Halton's sequence.
using HaltonSearch = BasicQuasiRandomSearch<Halton>;

}  // namespace mesaopt
