#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

#include <Eigen/Core>

#include <mesaopt/core/call.hpp>
#include <mesaopt/core/counts.hpp>
#include <mesaopt/core/evaluation.hpp>
#include <mesaopt/core/objective.hpp>
#include <mesaopt/core/point.hpp>
#include <mesaopt/core/run.hpp>
#include <mesaopt/core/search.hpp>
#include <mesaopt/core/stopping.hpp>
#include <mesaopt/nested/outer_at.hpp>
#include <mesaopt/nested/places.hpp>

namespace mesaopt {

namespace detail {
/// g(x, ·) + F(x, ·) / penalty.
template <class F, class Outer, Point X>
struct Penalized {
  const F& f;
  const Outer& outer;
  const X& x;
  double penalty;

  template <Point Y>
  struct Parts {
    X gx{};
    Y gy{};
  };
  template <Point Y>
  using Memory = Workspace<Parts<Y>>;

  template <Point Y>
  Evaluation<ScalarOf<Y>> operator()(const Y& y, Y& gradient, const Call<Workspace<Parts<Y>>>& call) const {
    auto& [gx, gy] = call.record;
    gx.resize(x.size());
    gy.resize(y.size());
    Evaluation<ScalarOf<Y>> inner = f(y, gradient);
    const Evaluation<ScalarOf<Y>> above = outer(x, y, gx, gy);
    if (!above.usable()) return above;
    inner.value += above.value / ScalarOf<Y>(penalty);
    gradient += gy / ScalarOf<Y>(penalty);
    return inner;
  }
};
}  // namespace detail

/// A hypergradient without second derivatives: the inner problem is solved twice, by itself for y, and together with
/// the outer objective for z = argmin g(x, ·) + F(x, ·) / penalty. Then
///
///     dF/dx ≈ ∂F/∂x(x, z) + penalty (∂g/∂x(x, z) − ∂g/∂x(x, y)),
///
/// with an error that falls as the inverse of the penalty. Errors of the inner solutions are multiplied by it. ∂g/∂x is
/// the family's own, `g(x, y, gx, gy)`, else made by central differences of values.
/// Kwon, Kwon, Wright & Nowak (2023), "A fully first-order method for stochastic bilevel optimization" (F²SA), equation
/// 4, both inner problems solved to their end. Neither objective may have a Memory.
struct PenaltyGradient {
  double penalty = 1e3;

  /// Throws std::invalid_argument for a setting out of its range.
  void check() const {
    if (!(penalty > 0)) detail::refuse("PenaltyGradient::penalty", penalty, "it must be more than 0");
  }

  template <class Outer, class R, Point X>
  struct Parts {
    using Y = typename R::template Y<X>;
    using Types = typename R::template Types<X>;
    using Both = detail::Penalized<typename Types::Objective, Outer, X>;
    RunOf<typename Types::Optimizer, typename Types::Stopping, Both, Y> run{};
    X slope{}, moved{};
    Y scratch{};
  };
  template <class Outer, class R, Point X>
  using Memory = Workspace<Parts<Outer, R, X>>;

  template <class Outer, class R, Point X, class M>
  Evaluation<ScalarOf<X>> pull(const Outer& outer, const R& response, const X& x, const Call<M>& call,
                               X& gradient) const {
    using S = ScalarOf<X>;
    using Y = typename R::template Y<X>;
    using F = typename R::template Types<X>::Objective;
    static_assert(!Remembers<F, Y> && !Remembers<Outer, Y>,
                  "mesaopt: PenaltyGradient is for inner and outer objectives without a Memory");
    static_assert(!R::template Types<X>::restricted && Differentiable<F, Y>,
                  "mesaopt: PenaltyGradient is for inner objectives with a gradient, without bounds, constraints or "
                  "regularizers");
    check();
    auto& record = call.record.response;
    auto& mine = call.record.hypergradient;
    response.solve(x, call.memory.response, record, call.tolerance);
    gradient.setConstant(x.size(), std::numeric_limits<S>::quiet_NaN());
    if (!record.solved) return Evaluation<S>::failure(Reason::inner_failed);
    const auto& y = best_point(record.run);
    Evaluation<S> evaluation = detail::outer_gradient_at(outer, x, y, mine.slope, call);
    if (!evaluation.differentiable()) return evaluation;

    const auto& f = detail::placed(response.objective, x);
    const auto& search = as_search(detail::placed(response.search, x));
    const typename Parts<Outer, R, X>::Both both{f, outer, x, penalty};
    {
      struct Spend {
        decltype(mine.run)& run;
        Counts& counts;
        ~Spend() { counts += run.state.calls.counts[0]; }
      } spend{mine.run, record.counts[0]};
      mine.run.state.calls.counts = {};
      begin(both, y, search.optimizer, search.stopping, mine.run);
      resume(both, search.optimizer, search.stopping, mine.run);
    }
    const auto& z = best_point(mine.run);
    if (mine.run.status == Status::bad_start || !z.allFinite()) {
      evaluation.verdict = evaluation.certificate.verdict = Verdict::not_differentiable;
      evaluation.reason = evaluation.certificate.reason = Reason::inner_failed;
      return evaluation;
    }
    auto& c = evaluation.certificate;
    if constexpr (requires { record.run.state.gradient; })
      c.stationarity = double(record.run.state.gradient.template lpNorm<Eigen::Infinity>());
    const auto there = detail::outer_gradient_at(outer, x, z, mine.slope, call);
    slope_of_inner(response.objective, x, z, y, gradient, mine, record);
    gradient = S(penalty) * gradient + mine.slope;
    if (!there.usable() || !gradient.allFinite()) {
      gradient.setConstant(std::numeric_limits<S>::quiet_NaN());
      evaluation.verdict = c.verdict = Verdict::not_differentiable;
      evaluation.reason = c.reason = Reason::non_finite_gradient;
      return evaluation;
    }
    evaluation.gradient_error += (z - y).norm() / std::max(S(1), y.norm()) * gradient.norm();
    detail::mark_inexact(evaluation, Reason::first_order_gradient);
    return evaluation;
  }

 private:
  /// out = ∂g/∂x(x, z) − ∂g/∂x(x, y).
  template <class Place, Point X, Point Y, class Mine, class Record>
  static void slope_of_inner(const Place& place, const X& x, const Y& z, const Y& y, X& out, Mine& mine,
                             Record& record) {
    using S = ScalarOf<X>;
    out.setZero();
    if constexpr (!detail::depends_on_outer<Place>) {
      return;
    } else {
      mine.scratch.resize(y.size());
      mine.moved.resize(x.size());
      if constexpr (requires { place.g(x, y, out, mine.scratch); }) {
        record.counts[0].gradients += 2;
        place.g(x, z, out, mine.scratch);
        place.g(x, y, mine.moved, mine.scratch);
        out -= mine.moved;
      } else {
        mine.moved = x;
        const auto rise = [&](const X& there) {
          const auto& f = detail::placed(place, there);
          Nothing nothing;
          detail::Empty empty;
          const Call<Nothing> call{nothing, empty};
          record.counts[0].values += 2;
          return detail::evaluate(f, z, mine.scratch, call).value - detail::evaluate(f, y, mine.scratch, call).value;
        };
        for (Eigen::Index j = 0; j < x.size(); ++j) {
          const S h = std::cbrt(std::numeric_limits<S>::epsilon()) * std::max(S(1), std::abs(x[j]));
          mine.moved[j] = x[j] + h;
          const S above = rise(mine.moved);
          mine.moved[j] = x[j] - h;
          out[j] = (above - rise(mine.moved)) / (2 * h);
          mine.moved[j] = x[j];
        }
      }
    }
  }
};

}  // namespace mesaopt
