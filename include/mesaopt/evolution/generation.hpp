#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <span>
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/calls.hpp>
#include <mesaopt/core/evaluation.hpp>
#include <mesaopt/core/objective.hpp>
#include <mesaopt/core/optimizer.hpp>
#include <mesaopt/core/point.hpp>
#include <mesaopt/core/prior.hpp>
#include <mesaopt/core/random.hpp>
#include <mesaopt/core/status.hpp>
#include <mesaopt/core/vectors.hpp>
#include <mesaopt/core/waiting.hpp>

namespace mesaopt {

namespace detail {
/// Puts the indices of evaluations in order, the best first: what cannot be used comes last, of equals the first is
/// first.
template <class S>
void rank(const std::vector<Evaluation<S>>& evaluations, std::vector<Eigen::Index>& best_first) {
  best_first.resize(evaluations.size());
  std::iota(best_first.begin(), best_first.end(), Eigen::Index(0));
  std::sort(best_first.begin(), best_first.end(), [&](Eigen::Index i, Eigen::Index j) {
    const Evaluation<S>&a = evaluations[std::size_t(i)], &b = evaluations[std::size_t(j)];
    if (a.usable() != b.usable()) return a.usable();
    if (a.usable() && a.value != b.value) return a.value < b.value;
    return i < j;
  });
}
}  // namespace detail

/// What every optimizer has that draws its points by generations: the points of the present one and what was told about
/// them, in whatever order, the best point of all, and the way to the objective.
template <Point X, class M = Nothing>
struct Generation {
  using S = ScalarOf<X>;
  static constexpr bool monotone = true;  // for a stochastic objective, x is the latest anyway

  X x{};                                          ///< the best point told; if f is stochastic, of the last generation
  S value = std::numeric_limits<S>::quiet_NaN();  ///< its value; NaN as long as nothing usable was told
  Evaluation<S> evaluation{};                     ///< its evaluation
  Status status = Status::running;                ///< why no more can be done
  Calls<X, M> calls{};                            ///< the way to the objective

  Random random{};            ///< the next draws
  bool stochastic = false;    ///< whether the objective says so of itself
  std::uint64_t best_id = 0;  ///< the name of x

  PointsOf<X> points{};                      ///< of the present generation, one a column
  std::vector<std::uint64_t> ids{};          ///< their names, one after the other
  std::vector<Evaluation<S>> evaluations{};  ///< what was told about them
  std::vector<bool> told{};                  ///< whether anything was
  std::uint64_t open = 0;                    ///< of how many nothing was
  std::vector<bool> dropped{};               ///< which will never be told
  std::uint64_t lost = 0;                    ///< how many these are

  static constexpr auto fields() {
    using T = Generation;
    return std::tuple{&T::x,           &T::value,      &T::evaluation, &T::status,  &T::calls,
                      &T::random,      &T::stochastic, &T::best_id,    &T::points,  &T::ids,
                      &T::evaluations, &T::told,       &T::open,       &T::dropped, &T::lost};
  }

  /// Begins a run of generations of `size` points at a start.
  template <Start P>
  void begin(const P& start, Eigen::Index size, std::uint64_t seed) {
    x = detail::start_point(start);
    value = std::numeric_limits<S>::quiet_NaN();
    evaluation = {};
    status = Status::running;
    calls.begin(start);
    random = Random{seed};
    best_id = 0;
    resize(size);
    for (auto& slot : calls.slots) slot.point.resize(x.size());
  }

  /// Makes room for generations of another size.
  void resize(Eigen::Index size) {
    const auto count = std::size_t(size);
    detail::zeros(points, x.size(), size);
    ids.assign(count, 0);
    evaluations.assign(count, {});
    told.assign(count, true);
    dropped.assign(count, false);
    answers_.assign(count, {});
    calls.slots.resize(std::max(count, calls.slots.size()));
    open = lost = 0;
  }

  /// Names the points, which were drawn, from `first` on: they wait now.
  void number(std::uint64_t first) {
    std::iota(ids.begin(), ids.end(), first);
    told.assign(ids.size(), false);
    dropped.assign(ids.size(), false);
    open = ids.size();
    lost = 0;
  }

  /// The points that wait for their evaluation, with `draw` called first if there is none.
  template <class Draw>
  Batch<X> ask(const Draw& draw) {
    if (ids.empty()) throw std::invalid_argument("state: no run has been begun in it; init comes before ask");
    if (open == 0) draw();
    return detail::waiting_points<X>(points, ids, told, open_points_, open_ids_);
  }

  /// Takes evaluations, some or all, in any order. True if no point waits any longer.
  ///
  /// Throws std::invalid_argument, and changes nothing, if there are not as many ids as evaluations, or an id names no
  /// point that waits.
  bool take(std::span<const std::uint64_t> named, std::span<const Evaluation<S>> answers) {
    detail::check_answers(named.size(), answers.size());
    detail::mark_told(named, ids, told);
    for (std::size_t i = 0; i < named.size(); ++i) {
      const std::uint64_t k = named[i] - ids.front();
      const auto& answer = evaluations[k] = answers[i];
      if (!answer.usable()) continue;
      // Of equals the first one drawn, whichever is told first.
      const bool better = answer.value < value || (answer.value == value && named[i] < best_id);
      const bool outdated = stochastic && best_id < ids.front();
      if (!better && !outdated && evaluation.usable()) continue;
      std::copy_n(points.data() + points.rows() * Eigen::Index(k), points.rows(), x.data());
      value = answer.value;
      evaluation = answer;
      best_id = named[i];
    }
    if (named.empty()) return false;
    open -= named.size();
    status = Status::running;
    return open == 0;
  }

  /// Gives up on points: they will never be told. True if no point waits any longer.
  ///
  /// Throws std::invalid_argument, and changes nothing, if an id names no point that waits, or less than half of the
  /// generation would be left.
  bool drop(std::span<const std::uint64_t> named) {
    if (2 * (lost + named.size()) > ids.size())
      throw std::invalid_argument("ids: to drop " + std::to_string(named.size()) +
                                  " points would leave less than half" + " of the generation of " +
                                  std::to_string(ids.size()));
    detail::mark_told(named, ids, told);
    for (const std::uint64_t id : named) {
      dropped[id - ids.front()] = true;
      evaluations[id - ids.front()] = {};
    }
    if (named.empty()) return false;
    lost += named.size();
    open -= named.size();
    return open == 0;
  }

  /// Puts the indices of all points in order, the best first: see detail::rank. The place of a dropped one goes to the
  /// next better or worse one that was told, so that each of these counts once or twice: what is learnt from ranks are
  /// quantiles of the values, which the told ones have as well.
  void order(std::vector<Eigen::Index>& best_first) const { order(evaluations, best_first); }
  /// The same by other evaluations of these points.
  void order(const std::vector<Evaluation<S>>& by, std::vector<Eigen::Index>& best_first) const {
    detail::rank(by, best_first);
    if (lost == 0) return;
    const std::size_t all = ids.size(), left = all - std::size_t(lost);
    best_first.erase(
        std::remove_if(best_first.begin(), best_first.end(), [&](Eigen::Index k) { return dropped[std::size_t(k)]; }),
        best_first.end());
    best_first.resize(all);
    for (std::size_t i = all; i-- > 0;) best_first[i] = best_first[i * left / all];
  }

  /// Evaluates what waits, as far as the evaluation limit allows, and hands it to `tell`. If the objective throws, so
  /// does the whole batch, and the next step evaluates it anew.
  template <class F, class Ask, class Tell>
  void evaluate(const F& f, const Ask& ask, const Tell& tell) {
    if (calls.exhausted()) {
      status = Status::max_evaluations;
      return;
    }
    const Batch<X> batch = ask();
    const auto left = calls.limit - calls.counts[0].evaluations();
    calls.values(f, batch.points, answers_);
    calls.accept_batch(answers_);
    const auto size = std::size_t(std::min<std::uint64_t>(batch.ids.size(), left));
    tell(std::span<const std::uint64_t>{batch.ids.data(), size}, std::span<const Evaluation<S>>{answers_.data(), size});
  }

 private:
  std::vector<Evaluation<S>> answers_{};
  PointsOf<X> open_points_{};
  std::vector<std::uint64_t> open_ids_{};
};

}  // namespace mesaopt
