#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <stdexcept>
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
#include <mesaopt/direct/open_batch.hpp>
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
/// It can be driven from outside, by `ask` and `tell` (core/optimizer.hpp): a batch is the middle of the box, then one
/// generation after the other. The result depends on the values alone, not on the order in which they come.
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
  double radius = 1;  ///< half the width of the box around the start where none is given: by `ask` and `tell` alone

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

    Box<X> box{};                        ///< in which it searches
    detail::Rectangles<S> rectangles{};  ///< of the unit cube
    std::vector<std::size_t> chosen{};   ///< to be cut in this generation
    detail::OpenBatch<X> batch{};        ///< their new centers, named one after the other
    std::uint64_t best_id = 0;           ///< the name of x

    std::vector<Evaluation<S>> answers{};  ///< scratch

    static constexpr auto fields() {
      using T = State;
      return std::tuple{&T::x,   &T::value,      &T::evaluation, &T::status, &T::calls,
                        &T::box, &T::rectangles, &T::chosen,     &T::batch,  &T::best_id};
    }
  };

  /// 20 000 evaluations.
  [[nodiscard]] MaxEvaluations default_stopping() const { return {20'000}; }

  /// Throws std::invalid_argument for a setting out of its range.
  void check() const {
    if (!(epsilon >= 0) || !std::isfinite(epsilon))
      detail::refuse("DirectL::epsilon", epsilon, "it must be 0 or more, and finite");
    if (!(radius > 0) || !std::isfinite(radius))
      detail::refuse("DirectL::radius", radius, "it must be positive and finite");
  }

  /// Evaluates the middle of the box of f. Throws std::invalid_argument for a setting out of its range, a start that is
  /// empty or not finite, or a box of another size, or that is not finite.
  template <class F, Start P, class M>
  requires Bounded<F, PointOf<P>>
  void init(const F& f, const P& start, State<PointOf<P>, M>& state) const {
    init(Box<PointOf<P>>{f.box().lower, f.box().upper}, start, state);
    const Batch<PointOf<P>> batch = ask(state);
    const auto evaluation = state.calls.value(f, state.x);
    if (evaluation.usable()) state.calls.accept();
    tell(state, batch.ids, {&evaluation, 1});
  }

  /// Begins in a box without an objective, for `ask` and `tell`.
  template <Start P, class M>
  void init(const Box<PointOf<P>>& box, const P& start, State<PointOf<P>, M>& state) const {
    using S = ScalarOf<PointOf<P>>;
    check();
    detail::check_start(start);
    const Eigen::Index n = detail::start_point(start).size();
    box.check_size(detail::start_point(start), "start");
    for (Eigen::Index i = 0; i < n; ++i)
      if (!std::isfinite(box.lower[i]) || !std::isfinite(box.upper[i]))
        detail::refuse("DirectL: box.upper - box.lower", double(box.upper[i] - box.lower[i]), "the box must be finite");
    state.box = box;
    state.x = detail::start_point(start);
    state.rectangles.begin(n);
    for (Eigen::Index i = 0; i < n; ++i) {
      if (box.lower[i] == box.upper[i]) state.rectangles.fix(i);
      state.x[i] = box.lower[i] + (box.upper[i] - box.lower[i]) / 2;
    }
    state.chosen.clear();
    state.batch.clear();
    state.best_id = 0;
    state.status = Status::running;
    state.calls.begin(start);
    state.value = std::numeric_limits<S>::quiet_NaN();
    state.evaluation = {};
  }

  /// Begins within `radius` around the start, for `ask` and `tell`.
  template <Start P, class M>
  void init(const P& start, State<PointOf<P>, M>& state) const {
    using X = PointOf<P>;
    check();
    detail::check_start(start);
    Box<X> box{detail::start_point(start), detail::start_point(start)};
    for (Eigen::Index i = 0; i < box.lower.size(); ++i) {
      box.lower[i] -= ScalarOf<X>(radius);
      box.upper[i] += ScalarOf<X>(radius);
    }
    init(box, start, state);
  }

  /// The points that wait for their evaluation: a new generation, or what is left of the present one. None if no
  /// rectangle can be cut.
  template <Point X, class M>
  Batch<X> ask(State<X, M>& state) const {
    if (state.rectangles.n == 0)
      throw std::invalid_argument("state: no run has been begun in it; init comes before ask");
    if (state.batch.open == 0 && state.status == Status::running) choose(state);
    return state.batch.waiting();
  }

  /// Takes evaluations of points asked for: some or all, in any order. With the last of a generation its rectangles are
  /// cut.
  ///
  /// Throws std::invalid_argument, and changes nothing, if there are not as many ids as evaluations, or an id names no
  /// point that waits.
  template <Point X, class M>
  void tell(State<X, M>& state, std::span<const std::uint64_t> ids,
            std::span<const Evaluation<ScalarOf<X>>> evaluations) const {
    state.batch.tell(ids, evaluations);
    for (std::size_t i = 0; i < ids.size(); ++i) {
      const auto& now = evaluations[i];
      // Of equals the first one, whichever is told first.
      const bool better =
          now.usable() && (now.value < state.value || (now.value == state.value && ids[i] < state.best_id));
      if (!better && (state.evaluation.usable() || !(now.usable() || ids[i] == 0))) continue;
      state.evaluation = now;
      if (!now.usable()) continue;
      state.x = state.batch.points.col(Eigen::Index(ids[i] - state.batch.ids.front()));
      state.value = now.value;
      state.best_id = ids[i];
    }
    if (!ids.empty() && state.batch.open == 0) cut(state);
  }

  /// Gives up on points asked for that will never be told: they count as points without a value.
  ///
  /// Throws std::invalid_argument, and changes nothing, if an id names no point that waits.
  template <Point X, class M>
  void drop(State<X, M>& state, std::span<const std::uint64_t> ids) const {
    state.batch.drop(ids);
    if (!ids.empty() && state.batch.open == 0) cut(state);
  }

  /// One generation: asks, evaluates, tells. What the evaluation limit forbids is left to the next step. If the
  /// objective throws, so does the whole batch, and the next step evaluates it anew.
  template <class F, Point X, class M>
  requires Bounded<F, X>
  void step(const F& f, State<X, M>& state) const {
    if (state.status != Status::running) return;
    const Batch<X> batch = ask(state);
    if (batch.ids.empty()) return;
    const auto used = state.calls.counts[0].evaluations();
    const std::uint64_t left = state.calls.limit > used ? state.calls.limit - used : 0;
    state.calls.values(f, batch.points, state.answers);
    state.calls.accept_batch(state.answers);
    const auto size = std::size_t(std::min<std::uint64_t>(batch.ids.size(), left));
    tell(state, {batch.ids.data(), size}, {state.answers.data(), size});
  }

 private:
  /// Makes the next generation wait: the middle, or the new centers of the rectangles that are chosen.
  template <Point X, class M>
  void choose(State<X, M>& state) const {
    auto& rectangles = state.rectangles;
    auto& chosen = state.chosen;
    auto& points = state.batch.points;
    const auto& box = state.box;
    if (rectangles.values.empty()) {
      points = state.x;
      state.batch.number(0);
      return;
    }
    rectangles.choose(ScalarOf<X>(epsilon), chosen);
    if (chosen.empty()) {
      state.batch.clear();
      state.status = Status::stalled;
      return;
    }
    Eigen::Index count = 0;
    for (const std::size_t which : chosen) count += 2 * rectangles.longest_sides(which);
    points.resize(state.x.size(), count);
    Eigen::Index column = 0;
    for (const std::size_t which : chosen)
      rectangles.new_centers(which, [&](const auto& unit) {
        for (Eigen::Index i = 0; i < points.rows(); ++i)
          points(i, column) = box.lower[i] + unit[std::size_t(i)] * (box.upper[i] - box.lower[i]);
        ++column;
      });
    state.batch.number(rectangles.values.size());
  }

  /// Cuts the chosen rectangles, as all their new centers are known.
  template <Point X, class M>
  static void cut(State<X, M>& state) {
    using S = ScalarOf<X>;
    if (state.rectangles.values.empty()) {
      const auto& middle = state.batch.evaluations.front();
      state.rectangles.set_first(middle.usable() ? middle.value : std::numeric_limits<S>::infinity());
      return;
    }
    std::size_t next = 0;
    for (const std::size_t which : state.chosen)
      state.rectangles.cut(which, [&](S parent) {
        const auto& now = state.batch.evaluations[next++];
        return now.usable() ? now.value : parent + S(1e-6) * std::abs(parent);
      });
    state.chosen.clear();
  }
};

}  // namespace mesaopt
