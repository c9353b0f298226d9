#pragma once

#include <cmath>
#include <cstdint>
#include <limits>

#include <Eigen/Core>

#include <mesaopt/core/call.hpp>
#include <mesaopt/core/evaluation.hpp>
#include <mesaopt/core/point.hpp>
#include <mesaopt/core/random.hpp>
#include <mesaopt/core/run.hpp>
#include <mesaopt/core/stopping.hpp>
#include <mesaopt/nested/outer_at.hpp>

namespace mesaopt {

namespace detail {
/// The mean of vectors, one after the other, and the standard error of its norm. Welford (1962).
template <Point X>
struct RunningMean {
  X mean{}, away{};
  ScalarOf<X> squares = 0;
  std::int64_t count = 0;

  void begin(Eigen::Index size) {
    mean.setZero(size);
    away.resize(size);
    squares = 0;
    count = 0;
  }
  void add(const X& direction, ScalarOf<X> weight) {
    ++count;
    away = weight * direction - mean;
    mean += away / ScalarOf<X>(count);
    squares += away.dot(weight * direction - mean);
  }
  /// The root of the sum of the variances of the mean's entries.
  [[nodiscard]] ScalarOf<X> error() const { return std::sqrt(squares / (ScalarOf<X>(count) * ScalarOf<X>(count - 1))); }
};
}  // namespace detail

/// The gradient of the smoothed F̄(x) = E F(x + deviation · u), u standard normal, estimated from F at antithetic pairs:
///
///     mean over pairs of  u (F(x + deviation u) − F(x − deviation u)) / (2 deviation).
///
/// For an inner search of any kind, as it needs values alone; each pair costs two inner solves. The value is F(x)
/// itself. The standard error of the estimate (root of the summed variances of the entries) is the evaluation's
/// `gradient_error`. Every evaluation draws anew, from (seed, index of the evaluation).
/// Nesterov & Spokoiny (2017), "Random gradient-free minimization of convex functions", equation 26, averaged; Salimans
/// et al. (2017), "Evolution strategies as a scalable alternative to reinforcement learning".
struct EvolutionGradient {
  std::int64_t pairs = 16;  ///< at least 2
  double deviation = 0.1;   ///< of the perturbations of x
  std::uint64_t seed = 0;
  static constexpr bool needs_outer_gradient = false;

  template <class R, Point X>
  struct Record {
    detail::RunningMean<X> mean{};
    X noise{}, point{};
  };

  /// Throws std::invalid_argument for a setting out of its range.
  void check() const {
    if (pairs < 2) detail::refuse("EvolutionGradient::pairs", double(pairs), "it must be 2 or more");
    if (!(deviation > 0)) detail::refuse("EvolutionGradient::deviation", deviation, "it must be more than 0");
  }

  template <class Outer, class R, Point X, class M>
  Evaluation<ScalarOf<X>> pull(const Outer& outer, const R& response, const X& x, const Call<M>& call,
                               X& gradient) const {
    using S = ScalarOf<X>;
    check();
    auto& mine = call.record.hypergradient;
    auto& record = call.record.response;
    const auto at = [&](const X& point) -> Evaluation<S> {
      response.solve(point, call.memory.response, record, call.tolerance);
      if (!record.solved) return Evaluation<S>::failure(Reason::inner_failed);
      return detail::outer_value_at(outer, point, best_point(record.run), call);
    };
    gradient.setConstant(x.size(), std::numeric_limits<S>::quiet_NaN());
    mine.noise.resize(x.size());
    mine.point.resize(x.size());
    mine.mean.begin(x.size());
    Random random = Random{seed}.split(call.index);
    bool all = true;
    for (std::int64_t i = 0; i < pairs && all; ++i) {
      random.fill_normal(mine.noise);
      mine.point = x + S(deviation) * mine.noise;
      const auto above = at(mine.point);
      mine.point = x - S(deviation) * mine.noise;
      const auto below = at(mine.point);
      all = above.usable() && below.usable();
      mine.mean.add(mine.noise, (above.value - below.value) / (2 * S(deviation)));
    }
    // Last, as it is from here that the next inner runs may start.
    auto evaluation = at(x);
    if (!evaluation.usable()) return evaluation;
    if (!all) {
      evaluation.verdict = evaluation.certificate.verdict = Verdict::not_differentiable;
      evaluation.reason = evaluation.certificate.reason = Reason::inner_failed;
      return evaluation;
    }
    gradient = mine.mean.mean;
    evaluation.gradient_error += mine.mean.error();
    detail::mark_inexact(evaluation, Reason::sampled_gradient);
    return evaluation;
  }
};

}  // namespace mesaopt
