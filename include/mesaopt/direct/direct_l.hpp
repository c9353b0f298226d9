#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <tuple>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/calls.hpp>
#include <mesaopt/core/evaluation.hpp>
#include <mesaopt/core/objective.hpp>
#include <mesaopt/core/optimizer.hpp>
#include <mesaopt/core/point.hpp>
#include <mesaopt/core/prior.hpp>
#include <mesaopt/core/status.hpp>
#include <mesaopt/core/stopping.hpp>
#include <mesaopt/direct/rectangles.hpp>
#include <mesaopt/objective/box.hpp>

namespace mesaopt {

/// DIRECT-L: global search without gradients that divides a finite box, again and again, where its rectangles are large
/// or their centers are low.
///
///     auto solution = minimize(within(f, box), x0, DirectL{}, MaxEvaluations{2000});
///
/// For up to some ten variables. It has no randomness, comes as near to every point as it is given time for, and finds
/// the basin of the least value with few evaluations where basins are few; for the last digits let a local search go on
/// from there. Each step is a generation: of the rectangles of each size the lowest one, if some rate of change of f
/// would make it the most promising of all, is cut in three along each of its longest sides, and f is evaluated at the
/// new centers, as one batch.
///
/// The box is that of f. The first center is its middle: of the start only the size counts. A center whose value is NaN
/// or infinite gets that of the rectangle that it was cut from, and a millionth more, so that the search goes on beside
/// it. A state grows with every evaluation, by 9n + 16 bytes in double precision.
///
/// Ends as `stalled` when floating point allows no rectangle to be cut.
///
/// Jones, Perttunen and Stuckman (1993), "Lipschitzian optimization without the Lipschitz constant"; Gablonsky and
/// Kelley (2001), "A locally-biased form of the DIRECT algorithm": the longest side measures a rectangle, and of those
/// that are equal only one is taken.
struct DirectL {
  /// A rectangle must promise to improve on the best value by that part of it, 0 or more. 1e-4, which the papers use,
  /// spends fewer evaluations on small rectangles around it, and finds fewer digits.
  double epsilon = 0;

  static constexpr bool handles_bounds = true;

  /// The rectangles, and the best of their centers.
  template <Point X, class M = Nothing>
  struct State {
    using S = ScalarOf<X>;
    static constexpr bool monotone = true;

    X x{};                                          ///< the best point
    S value = std::numeric_limits<S>::quiet_NaN();  ///< its value; NaN as long as there was no usable one
    Evaluation<S> evaluation{};                     ///< its evaluation
    Status status = Status::running;                ///< why no more can be done
    Calls<X, M> calls{};                            ///< the way to the objective

    detail::Rectangles<S> rectangles{};        ///< of the unit cube
    std::vector<std::size_t> chosen{};         ///< to be cut in this generation
    PointsOf<X> points{};                      ///< their new centers, one a column
    std::vector<Evaluation<S>> evaluations{};  ///< at the first of them, as far as they are known

    PointsOf<X> rest{};                  ///< scratch
    std::vector<Evaluation<S>> batch{};  ///< scratch

    static constexpr auto fields() {
      using T = State;
      return std::tuple{&T::x,          &T::value,  &T::evaluation, &T::status,     &T::calls,
                        &T::rectangles, &T::chosen, &T::points,     &T::evaluations};
    }
  };

  /// 20 000 evaluations.
  [[nodiscard]] MaxEvaluations default_stopping() const { return {20'000}; }

  /// Throws std::invalid_argument for a setting out of its range.
  void check() const {
    if (!(epsilon >= 0) || !std::isfinite(epsilon))
      detail::refuse("DirectL::epsilon", epsilon, "it must be 0 or more, and finite");
  }

  /// Evaluates the middle of the box. Throws std::invalid_argument for a setting out of its range, a start that is
  /// empty or not finite, or a box of another size, or that is not finite.
  template <class F, Start P, class M>
  requires Bounded<F, PointOf<P>>
  void init(const F& f, const P& start, State<PointOf<P>, M>& state) const {
    using X = PointOf<P>;
    using S = ScalarOf<X>;
    check();
    detail::check_start(start);
    state.x = detail::start_point(start);
    const Box<X> box{f.box().lower, f.box().upper};
    box.check_size(state.x, "start");
    state.rectangles.begin(state.x.size());
    for (Eigen::Index i = 0; i < state.x.size(); ++i) {
      if (!std::isfinite(box.lower[i]) || !std::isfinite(box.upper[i]))
        detail::refuse("DirectL: box.upper - box.lower", double(box.upper[i] - box.lower[i]), "the box must be finite");
      if (box.lower[i] == box.upper[i]) state.rectangles.fix(i);
      state.x[i] = box.lower[i] + (box.upper[i] - box.lower[i]) / 2;
    }
    state.chosen.clear();
    state.evaluations.clear();
    state.status = Status::running;
    state.calls.begin(start);
    state.value = std::numeric_limits<S>::quiet_NaN();
    state.evaluation = state.calls.value(f, state.x);
    if (state.evaluation.usable()) {
      state.value = state.evaluation.value;
      state.calls.accept();
    }
    state.rectangles.set_first(state.evaluation.usable() ? state.value : std::numeric_limits<S>::infinity());
  }

  /// One generation. What the evaluation limit forbids is left to the next step. If the objective throws, so does the
  /// whole batch, and the next step evaluates it anew.
  template <class F, Point X, class M>
  requires Bounded<F, X>
  void step(const F& f, State<X, M>& state) const {
    if (state.status != Status::running) return;
    if (state.chosen.empty()) {
      state.rectangles.choose(ScalarOf<X>(epsilon), state.chosen);
      if (state.chosen.empty()) {
        state.status = Status::stalled;
        return;
      }
      place(f, state);
    }
    const auto known = Eigen::Index(state.evaluations.size()), wanted = state.points.cols();
    const auto used = state.calls.counts[0].evaluations();
    const std::uint64_t left = state.calls.limit > used ? state.calls.limit - used : 0;
    state.rest = state.points.rightCols(wanted - known);
    state.calls.values(f, state.rest, state.batch);
    const auto size = std::min<std::uint64_t>(std::uint64_t(wanted - known), left);
    state.calls.accept_batch(state.batch);
    for (std::size_t k = 0; k < size; ++k) {
      const auto& now = state.batch[k];
      state.evaluations.push_back(now);
      if (now.usable() && !(state.value <= now.value)) {
        state.x = state.rest.col(Eigen::Index(k));
        state.value = now.value;
        state.evaluation = now;
      }
    }
    if (Eigen::Index(state.evaluations.size()) < wanted) return;

    std::size_t next = 0;
    for (const std::size_t which : state.chosen)
      state.rectangles.cut(which, [&](ScalarOf<X> parent) {
        const auto& now = state.evaluations[next++];
        return now.usable() ? now.value : parent + ScalarOf<X>(1e-6) * std::abs(parent);
      });
    state.chosen.clear();
    state.evaluations.clear();
  }

 private:
  /// Fills `points` with the new centers of the rectangles that were chosen.
  template <class F, Point X, class M>
  static void place(const F& f, State<X, M>& state) {
    const auto& box = f.box();
    Eigen::Index count = 0;
    for (const std::size_t which : state.chosen) count += 2 * state.rectangles.longest_sides(which);
    state.points.resize(state.x.size(), count);
    Eigen::Index column = 0;
    for (const std::size_t which : state.chosen)
      state.rectangles.new_centers(which, [&](const auto& unit) {
        for (Eigen::Index i = 0; i < state.x.size(); ++i)
          state.points(i, column) = box.lower[i] + unit[std::size_t(i)] * (box.upper[i] - box.lower[i]);
        ++column;
      });
  }
};

}  // namespace mesaopt
