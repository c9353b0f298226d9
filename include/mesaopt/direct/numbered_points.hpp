#pragma once

#include <algorithm>
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

#include <mesaopt/core/calls.hpp>
#include <mesaopt/core/evaluation.hpp>
#include <mesaopt/core/objective.hpp>
#include <mesaopt/core/optimizer.hpp>
#include <mesaopt/core/point.hpp>
#include <mesaopt/core/prior.hpp>
#include <mesaopt/core/status.hpp>
#include <mesaopt/core/stopping.hpp>
#include <mesaopt/core/waiting.hpp>
#include <mesaopt/objective/box.hpp>

namespace mesaopt {

namespace detail {
/// What tells a sampler where to look: an objective, with or without bounds, or a box.
template <class F, class X>
concept Place = Objective<F, X> || std::same_as<F, Box<X>>;

struct Anywhere {};

template <Start P>
void check_sampling(const char* of_batch, Eigen::Index batch, const char* of_radius, double radius, const P& start) {
  if (batch < 1) refuse(of_batch, double(batch), "it must be 1 or more");
  if (!(radius > 0) || !std::isfinite(radius)) refuse(of_radius, radius, "it must be positive and finite");
  check_start(start);
}
}  // namespace detail

/// All that changes in a search whose points are numbered and depend on their number alone: number 0 is the start, the
/// others are those of a source in the unit cube, moved into a box. It holds a batch of points that wait for their
/// evaluation, and the best of all points that were told.
///
/// A source has `prepare(n)`, `count()`, how many points it has, and `point(number, column)`, which fills one.
template <Point X, class Source, class M = Nothing>
struct NumberedPoints {
  using S = ScalarOf<X>;
  static constexpr bool monotone = true;  // x is the answer, also where the objective is stochastic

  X x{};                                          ///< the best point told; the start as long as nothing usable was
  S value = std::numeric_limits<S>::quiet_NaN();  ///< its value; NaN as long as nothing usable was told
  Evaluation<S> evaluation{};                     ///< its evaluation
  Status status = Status::running;                ///< why no more can be done
  Calls<X, M> calls{};                            ///< the way to the objective

  Source source{};            ///< of the points
  Box<X> box{};               ///< in which they lie
  X start{};                  ///< point number 0
  std::uint64_t next = 0;     ///< number of the next point that nobody has asked for
  std::uint64_t best_id = 0;  ///< the number of x

  PointsOf<X> points{};              ///< the batch, one a column
  std::vector<std::uint64_t> ids{};  ///< their numbers, by which they are named
  std::vector<bool> told{};          ///< whether their evaluations came, so that their places are free
  std::uint64_t open = 0;            ///< of how many none came

  PointsOf<X> open_points{};              ///< scratch
  std::vector<std::uint64_t> open_ids{};  ///< scratch
  std::vector<Evaluation<S>> answers{};   ///< scratch

  static constexpr auto fields() {
    using T = NumberedPoints;
    return std::tuple{&T::x,     &T::value, &T::evaluation, &T::status, &T::calls, &T::source, &T::box,
                      &T::start, &T::next,  &T::best_id,    &T::points, &T::ids,   &T::told,   &T::open};
  }

  /// Begins at a start that was checked, with batches of `size`, in a box, or the one of an objective; where there is
  /// none, or it is open, within `radius` around the start. `set` sets the source. Throws std::invalid_argument for a
  /// box that is none or does not hold the start.
  template <class Where, Start P, class Set>
  void begin([[maybe_unused]] const Where& where, const P& from, double radius, Eigen::Index size, const Set& set) {
    ids.clear();  // so that nothing can be asked for if something throws
    x = start = detail::start_point(from);
    const Eigen::Index n = x.size();
    const auto take = [this](const auto& given) {
      box.lower = given.lower;
      box.upper = given.upper;
      box.check();
      box.check_inside(start, "start");
    };
    if constexpr (std::same_as<Where, Box<X>>) {
      take(where);
    } else if constexpr (Bounded<Where, X>) {
      take(where.box());
    } else {
      box.lower.setConstant(n, -std::numeric_limits<S>::infinity());
      box.upper.setConstant(n, std::numeric_limits<S>::infinity());
    }
    for (Eigen::Index i = 0; i < n; ++i) {
      if (!std::isfinite(box.lower[i])) box.lower[i] = start[i] - S(radius);
      if (!std::isfinite(box.upper[i])) box.upper[i] = start[i] + S(radius);
    }
    set(source);
    source.prepare(n);

    value = std::numeric_limits<S>::quiet_NaN();
    evaluation = {};
    status = Status::running;
    calls.begin(from);
    next = best_id = open = 0;
    const auto batch = std::size_t(size);
    points.setZero(n, size);
    told.assign(batch, true);
    answers.assign(batch, {});
    open_ids.reserve(batch);
    calls.slots.resize(std::max(batch, calls.slots.size()));
    for (auto& slot : calls.slots) slot.point.resize(n);
    ids.assign(batch, detail::no_point);
  }

  /// The batch, new points in the free places. As long as there are points, it is full.
  Batch<X> ask() {
    if (ids.empty()) throw std::invalid_argument("state: no run has been begun in it; init comes before ask");
    for (std::size_t k = 0; k < ids.size() && !spent(); ++k)
      if (told[k]) {
        draw(next, Eigen::Index(k));
        ids[k] = next++;
        told[k] = false;
        ++open;
      }
    return detail::waiting_points<X>(points, ids, told, open_points, open_ids);
  }

  /// Takes evaluations. See RandomSearch::tell.
  void tell(std::span<const std::uint64_t> names, std::span<const Evaluation<S>> evaluations) {
    detail::check_answers(names.size(), evaluations.size());
    detail::mark_told(names, ids, told);
    std::size_t k = 0;
    for (std::size_t i = 0; i < names.size(); ++i, ++k) {
      k = detail::place_of(ids, names[i], k);
      const Evaluation<S>& told_now = evaluations[i];
      if (!told_now.usable()) continue;
      // Of equals the first one, whichever is told first.
      const bool better = told_now.value < value || (told_now.value == value && names[i] < best_id);
      if (!better && evaluation.usable()) continue;
      x = points.col(Eigen::Index(k));
      value = told_now.value;
      evaluation = told_now;
      best_id = names[i];
    }
    open -= names.size();
    status = !spent() || open > 0 ? Status::running : evaluation.usable() ? Status::converged : Status::non_finite;
  }

  /// Asks, evaluates, tells. What the evaluation limit forbids stays open.
  template <class F>
  void step(const F& f) {
    if (calls.exhausted()) {
      status = Status::max_evaluations;
      return;
    }
    const Batch<X> batch = ask();
    const auto left = calls.limit - calls.counts[0].evaluations();
    calls.values(f, batch.points, answers);
    calls.accept_batch(answers);
    const auto size = std::size_t(std::min<std::uint64_t>(batch.ids.size(), left));
    tell({batch.ids.data(), size}, {answers.data(), size});
  }

 private:
  /// Whether all points have been asked for: those of the source, and the start.
  [[nodiscard]] bool spent() const { return next > source.count(); }

  void draw(std::uint64_t number, Eigen::Index column) {
    if (number == 0) {
      points.col(column) = start;
      return;
    }
    source.prepare(x.size());
    source.point(number - 1, points.col(column));
    for (Eigen::Index i = 0; i < x.size(); ++i) {
      const S u = points(i, column), lower = box.lower[i], upper = box.upper[i];
      // Weighed, as the width of a box may overflow.
      points(i, column) = std::clamp((1 - u) * lower + u * upper, lower, upper);
    }
  }
};

}  // namespace mesaopt
