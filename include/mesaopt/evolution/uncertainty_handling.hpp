#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <tuple>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/evaluation.hpp>
#include <mesaopt/core/objective.hpp>
#include <mesaopt/core/optimizer.hpp>
#include <mesaopt/core/point.hpp>
#include <mesaopt/core/prior.hpp>
#include <mesaopt/core/status.hpp>
#include <mesaopt/core/stopping.hpp>
#include <mesaopt/evolution/cma_es.hpp>

namespace mesaopt {

namespace detail {
/// The quantile of |1 - rank|, ..., |last - rank|, between neighbours as Matlab's prctile has it; the rank is one of
/// 1, ..., last. In order these are 0, 1, 1, 2, 2, ... as far as there are ranks on both sides, then one of each.
template <class S>
S rank_distance(S rank, std::size_t last, double quantile) {
  const S both = std::min(rank - 1, S(last) - rank);
  const auto ordered = [&](std::size_t k) { return S(k) <= 2 * both ? S((k + 1) / 2) : S(k) - both; };
  const double place = std::clamp(quantile * double(last) - 0.5, 0.0, double(last - 1));
  const auto below = std::size_t(place);
  const S share = S(place - double(below));
  return ordered(below) + share * (ordered(std::min(below + 1, last - 1)) - ordered(below));
}

/// How much the ranks of the first `count` of λ values change when these are drawn again: the measure s of UH-CMA-ES,
/// which is positive if the values are too uncertain to be ranked.
template <class S>
S rank_changes(const std::vector<S>& values, const std::vector<S>& again, std::size_t count, double theta) {
  const auto rank = [&](S value) {
    std::size_t lower = 0;
    for (std::size_t i = 0; i < values.size(); ++i)
      lower += std::size_t(values[i] < value) + std::size_t(again[i] < value);
    return S(lower + 1);
  };
  S sum(0);
  const std::size_t last = 2 * values.size() - 1;
  for (std::size_t i = 0; i < count; ++i) {
    const S before = rank(values[i]), after = rank(again[i]);
    const S change = std::max(std::abs(after - before) - 1, S(0));
    sum += 2 * change - rank_distance(after - S(after > before), last, theta / 2) -
           rank_distance(before - S(before > after), last, theta / 2);
  }
  return sum / S(count);
}
}  // namespace detail

/// An evolution strategy for objectives whose values are uncertain: it draws some of the values of each generation
/// again, and where that changes the ranks too much it evaluates more often, and if it may not, keeps the step size up.
///
///     minimize(f, x0, UncertaintyHandling<>{.optimizer = CmaEs{}, .repetitions = 100}, MaxEvaluations{100'000});
///
/// Every point is evaluated as many times as `state.times` says, and the mean counts: of those values that are usable.
/// A tenth of the points, two at least, are so evaluated twice. If their ranks change too much, `times` grows by the
/// factor `growth`, up to `repetitions`; when it is there, the step size is multiplied by 1 + 2 / (n + 10). Else
/// `times` shrinks by as much. The counts tell of every call. Driven from outside, by `ask` and `tell` of the optimizer
/// itself, nothing of this happens.
///
/// Hansen, Niederberger, Guzzella & Koumoutsakos (2009), "A method for handling uncertainty in evolutionary
/// optimization with an application to feedback control of combustion", IEEE Transactions on Evolutionary Computation
/// 13, but that a smoothed measure is not kept, the points evaluated twice are those drawn first and as many each time,
/// at the very place, and count with the mean of both. Its settings are `theta` 0.2 and `growth` 1.5; with those here,
/// which are near the ones of N. Hansen's pycma, noisy spheres take half as many evaluations or fewer.
template <class O = CmaEs>
struct UncertaintyHandling {
  O optimizer{};
  double repetitions = 1;  ///< evaluations of a point in a generation at most: 1 or more
  double theta = 0.5;      ///< how much of a change in ranks is still right: from 0, none, to 1, that of a random order
  double growth = 1.1;     ///< of the number of evaluations: more than 1

  static constexpr bool handles_bounds = detail::handles_bounds<O>;

  template <Point X, class M = Nothing>
  struct State : O::template State<X, M> {
    using S = ScalarOf<X>;
    using Inner = typename O::template State<X, M>;

    double times = 1;   ///< evaluations of a point, before rounding
    S uncertainty = 0;  ///< the latest measure of rank changes; positive if the ranks cannot be relied on

    static constexpr auto fields() {
      return detail::joined(Inner::fields(), std::tuple{&State::times, &State::uncertainty});
    }

   private:
    friend UncertaintyHandling;
    PointsOf<X> some{};
    std::vector<Evaluation<S>> answers{}, means{};
    std::vector<S> values{}, again{};
    std::vector<std::uint64_t> failures{};
  };

  /// That of the optimizer.
  [[nodiscard]] auto default_stopping() const { return optimizer.default_stopping(); }

  /// Throws std::invalid_argument for a setting out of its range.
  void check() const {
    if (!(repetitions >= 1) || !std::isfinite(repetitions))
      detail::refuse("UncertaintyHandling::repetitions", repetitions, "it must be 1 or more, and finite");
    if (!(theta >= 0 && theta <= 1)) detail::refuse("UncertaintyHandling::theta", theta, "it must be in [0, 1]");
    if (!(growth > 1) || !std::isfinite(growth))
      detail::refuse("UncertaintyHandling::growth", growth, "it must be more than 1");
  }

  /// Begins a run.
  template <class F, Start P, class M>
  requires OptimizerFor<O, F, PointOf<P>>
  void init(const F& f, const P& start, State<PointOf<P>, M>& state) const {
    check();
    optimizer.init(f, start, inner(state));
    state.times = 1;
    state.uncertainty = 0;
  }

  /// One generation. The last one, for which the evaluation limit leaves too little, is the optimizer's own.
  template <class F, Point X, class M>
  requires OptimizerFor<O, F, X>
  void step(const F& f, State<X, M>& state) const {
    using S = ScalarOf<X>;
    const Batch<X> batch = optimizer.ask(inner(state));
    const Eigen::Index lambda = batch.points.cols();
    const auto twice = std::min(lambda, std::max<Eigen::Index>(2, Eigen::Index(std::lround(0.1 * double(lambda)))));
    const auto times = std::uint64_t(std::max(1L, std::lround(state.times)));
    const std::uint64_t need = times * std::uint64_t(lambda + twice);
    const std::uint64_t used = state.calls.counts[0].evaluations();
    if (lambda != state.points.cols() || used + need > state.calls.limit || used + need < used) {
      optimizer.step(f, inner(state));
      return;
    }

    const auto size = std::size_t(lambda), count = std::size_t(twice);
    state.means.assign(size, {});
    measure(f, batch.points, times, state, state.values);
    state.some.resize(batch.points.rows(), twice);
    std::copy_n(batch.points.data(), state.some.size(), state.some.data());
    measure(f, state.some, times, state, state.again);
    state.again.resize(size);
    for (std::size_t i = count; i < size; ++i) state.again[i] = state.values[i];
    state.uncertainty = detail::rank_changes(state.values, state.again, count, theta);

    for (std::size_t i = 0; i < size; ++i) {
      // Of a point that failed every time on one side the other side counts.
      S value = state.values[i], other = state.again[i];
      if (!std::isfinite(value)) value = other;
      if (!std::isfinite(other)) other = value;
      value = value / 2 + other / 2;
      state.means[i] = std::isfinite(value) ? Evaluation<S>(value) : Evaluation<S>::failure(Reason::non_finite_value);
    }
    optimizer.tell(inner(state), batch.ids, std::span<const Evaluation<S>>(state.means));
    if (!(state.uncertainty > 0))
      state.times = std::max(1.0, state.times / growth);
    else if (state.times < repetitions)
      state.times = std::min(repetitions, state.times * growth);
    else
      state.step_size *= S(1 + 2 / (double(state.mean.size()) + 10));
  }

 private:
  template <Point X, class M>
  static typename O::template State<X, M>& inner(State<X, M>& state) {
    return state;
  }

  /// The means of so many evaluations of points, of which the usable ones count; infinity where all failed.
  template <class F, Point X, class M>
  static void measure(const F& f, const PointsOf<X>& points, std::uint64_t times, State<X, M>& state,
                      std::vector<ScalarOf<X>>& values) {
    using S = ScalarOf<X>;
    values.assign(std::size_t(points.cols()), S(0));
    state.failures.assign(values.size(), 0);
    for (std::uint64_t k = 0; k < times; ++k) {
      state.calls.values(f, points, state.answers);
      state.calls.accept_batch(state.answers);
      for (std::size_t i = 0; i < values.size(); ++i)
        if (state.answers[i].usable())
          values[i] += state.answers[i].value / S(times);
        else
          ++state.failures[i];
    }
    for (std::size_t i = 0; i < values.size(); ++i) {
      const std::uint64_t failed = state.failures[i];
      if (failed == times) values[i] = std::numeric_limits<S>::infinity();
      if (failed > 0 && failed < times) values[i] *= S(times) / S(times - failed);
    }
  }
};

}  // namespace mesaopt
