#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/evaluation.hpp>
#include <mesaopt/nested/checkpoints.hpp>
#include <mesaopt/nested/proximal_product.hpp>
#include <mesaopt/nested/response.hpp>
#include <mesaopt/nested/settings_pull.hpp>
#include <mesaopt/nested/tape.hpp>
#include <mesaopt/objective/forward_mode.hpp>

namespace mesaopt {

namespace detail {

/// The inner run of response R with the derivatives of its state by the outer point, eight coordinates of that to a
/// part. The method itself is run in dual numbers, but for proximal steps, whose derivative their regularizer knows;
/// derivatives of gradients come from the inner objective's products.
template <class R, Point X>
struct TangentTape : Tape<R, X> {
  using typename Tape<R, X>::Y;
  using typename Tape<R, X>::Rule;
  using typename Tape<R, X>::Kept;
  using D = First<X>;
  using YD = Rebound<Y, D>;
  using Method = decltype(Rule::template rebound<D>(std::declval<const typename Tape<R, X>::Optimizer&>()));
  static constexpr Eigen::Index width = chunk<X>;

  struct Part {
    Method method{};
    YD y{}, other{}, answered{};
    typename Method::template Memory<YD> memory{};
  };
  std::vector<Part> parts;
  YD slope{};
  Y tangent{}, along{}, across{}, scratch{};
  X direction{};
  bool on_kink = false;  ///< a step ended on a kink of a proximal map

  /// The parts at the start of the run.
  template <class SearchPlace, class From>
  void begin_tangents(const SearchPlace& search, const From& from, const X& x, const Y& point, bool by_start) {
    const auto& optimizer = as_search(placed(search, x)).optimizer;
    parts.resize(std::size_t((x.size() + width - 1) / width));
    for (Part& part : parts) {
      part.method = Rule::template rebound<D>(optimizer);
      lift(point, part.y);
    }
    if constexpr (depends_on_outer<SearchPlace>)
      by_place(
          search, x, [](const auto& made) { return settings_of(as_search(made).optimizer); },
          [&](Eigen::Index j, const auto& slopes) {
            std::size_t i = 0;
            Method& method = parts[std::size_t(j / width)].method;
            const auto set = [&](auto member) { (method.*member).tangent[std::size_t(j % width)] = slopes(i++); };
            std::apply([&](auto... members) { (set(members), ...); }, ReverseRuleOf<Method>::type::settings());
          });
    if constexpr (depends_on_outer<From>)
      if (by_start) by_start_point(from, x);
    for (Part& part : parts) {
      part.method.begin(part.y, part.memory);
      part.other = part.answered = part.y;
    }
    for (Y* v : {&tangent, &along, &across, &scratch}) v->resize(point.size());
    slope.resize(point.size());
    direction.setZero(x.size());
    on_kink = false;
    this->moved.resize(x.size());
    this->state.calls.limit = std::numeric_limits<std::uint64_t>::max();
  }

  /// Takes the parts from the state before the last step to that after it, at `point`.
  template <class Place, class F, class Counted>
  void advance_tangents(const Place& place, const F& f, const X& x, const Kept& before, const Y& point,
                        Counted& counts) {
    auto& calls = this->state.calls;
    calls.memory = before.memory;
    if constexpr (restricts<Rule>) {
      const D rate = rate_of(parts.front(), before);
      this->adjoint.enter(f, point);
      this->adjoint.step(f, before.kept.x, before.kept.gradient, rate.value);
      on_kink = on_kink || this->adjoint.on_kink(f);
    }
    for (std::size_t p = 0; p < parts.size(); ++p) {
      Part& part = parts[p];
      const D rate = rate_of(part, before);
      lift(before.kept.gradient, slope);
      for (Eigen::Index k = 0; k < width && Eigen::Index(p) * width + k < x.size(); ++k) {
        const auto direction_of = [&](auto i) -> auto& { return part.y[i].tangent[std::size_t(k)]; };
        for (Eigen::Index i = 0; i < point.size(); ++i) tangent[i] = direction_of(i);
        direction[Eigen::Index(p) * width + k] = 1;
        this->calling(before.evaluations - 1, counts, [&] {
          calls.hessian_product(f, before.kept.x, tangent, along);
          mixed_direction(place, x, before.kept.x, direction, across, this->moved, scratch, calls);
        });
        if constexpr (restricts<Rule>) {
          along += across;
          Rule::forward(f, before.kept, tangent, along, rate.tangent[std::size_t(k)], this->adjoint);
          map_direction<F>(place, x, this->adjoint, direction, Eigen::Index(p) * width + k, tangent, this->moved, along,
                           across);
          for (Eigen::Index i = 0; i < point.size(); ++i) direction_of(i) = tangent[i];
        } else {
          for (Eigen::Index i = 0; i < point.size(); ++i) slope[i].tangent[std::size_t(k)] = along[i] + across[i];
        }
        direction[Eigen::Index(p) * width + k] = 0;
      }
      if constexpr (!restricts<Rule>) {
        part.method.propose(part.y, slope, rate, part.memory, part.other);
        part.y.swap(part.other);
        for (Eigen::Index i = 0; i < point.size(); ++i) part.y[i].value = point[i];
      }
    }
  }

  /// Takes the parts from the start as it was given to the projected one.
  template <class Place, class From, class F>
  void project_tangents(const Place& place, const From& from, const F& f, const X& x, const Y& point) {
    const auto& start = placed(from, x);
    this->adjoint.enter(f, point);
    project_start(f, start_point(start), this->adjoint);
    on_kink = depends_on_outer<From> && this->adjoint.on_kink(f);
    for (std::size_t p = 0; p < parts.size(); ++p) {
      Part& part = parts[p];
      for (Eigen::Index k = 0; k < width && Eigen::Index(p) * width + k < x.size(); ++k) {
        const Eigen::Index j = Eigen::Index(p) * width + k;
        for (Eigen::Index i = 0; i < point.size(); ++i) tangent[i] = part.y[i].tangent[std::size_t(k)];
        this->adjoint.derivative(f, tangent);
        direction[j] = 1;
        map_direction<F>(place, x, this->adjoint, direction, j, tangent, this->moved, along, across);
        direction[j] = 0;
        for (Eigen::Index i = 0; i < point.size(); ++i) part.y[i].tangent[std::size_t(k)] = tangent[i];
      }
      part.answered = part.y;
    }
  }

 private:
  static D rate_of(const Part& part, const Kept& before) {
    return part.method.learning_rate * D(part.method.schedule.factor(before.kept.age));
  }
  template <class Make, bool in_duals, class Of, class Take>
  void by_place(const ByOuter<Make, in_duals>& place, const X& x, const Of& of, const Take& take) {
    differentiate_place<in_duals>(
        x, this->dual_x, this->moved, [&](const auto& there) { return of(place.make(there)); }, take);
  }
  template <class Make, bool in_duals>
  void by_start_point(const ByOuter<Make, in_duals>& from, const X& x) {
    if constexpr (std::is_same_v<Make, Itself>) {
      for (Eigen::Index j = 0; j < x.size(); ++j)
        parts[std::size_t(j / width)].y[j].tangent[std::size_t(j % width)] = 1;
    } else {
      by_place(
          from, x, [](const auto& made) { return made; },
          [&](Eigen::Index j, const auto& slopes) {
            YD& from_x = parts[std::size_t(j / width)].y;
            for (Eigen::Index i = 0; i < from_x.size(); ++i) from_x[i].tangent[std::size_t(j % width)] = slopes(i);
          });
    }
  }
};

}  // namespace detail

/// The hypergradient of the inner run as it goes, like that of Unrolled, but differentiated forwards, along with the
/// run: dy_k/dx is taken from step to step.
///
/// Nothing is held of earlier steps, but a step costs a Hessian product and a mixed direction
/// (`g.mixed_direction(x, y, u, out)`) for every coordinate of x: for a few, and for runs that are long. Inner
/// optimizers, dependence on x and the meaning of the certificate are those of Unrolled; there is no adjoint. The
/// optimizer is run in dual numbers, so but for proximal steps this shares no formula of its steps with Unrolled.
/// Franceschi, Donini, Frasconi
/// & Pontil (2017), "Forward and reverse gradient-based hyperparameter optimization", section 3.2.
struct UnrolledForward {
  template <class R, Point X>
  using Record = detail::TangentTape<R, X>;

  /// Runs the inner search at x, fills the gradient of F(x) = outer(x, y_K(x)), and answers F(x) with its certificate.
  template <class Outer, class R, Point X, class M>
  Evaluation<ScalarOf<X>> pull(const Outer& outer, const R& response, const X& x, const Call<M>& call,
                               X& gradient) const {
    using S = ScalarOf<X>;
    using Types = typename R::template Types<X>;
    using Y = typename R::template Y<X>;
    using Start = std::remove_cvref_t<decltype(response.start)>;
    static_assert(detail::Reversible<typename Types::Optimizer>,
                  "mesaopt: UnrolledForward differentiates through the optimizers that Unrolled does: GradientDescent, "
                  "Momentum, Nesterov (gradient/reverse_descent.hpp), Adam, AdamW (gradient/reverse_adam.hpp), "
                  "ProximalDescent (gradient/reverse_proximal.hpp)");
    static_assert(!detail::is_tangent<Start> && !detail::is_newton_corrected<Start>,
                  "mesaopt: UnrolledForward takes starts that do not depend on x by themselves: cold, warm or nearest");
    auto& record = call.record.response;
    using Rule = typename Record<R, X>::Rule;
    auto& tape = call.record.hypergradient;
    const auto nan = std::numeric_limits<S>::quiet_NaN();
    gradient.resize(x.size());
    tape.begin();
    detail::CheckpointPlan plan(detail::CheckpointPlan::unknown, 1, 1);  // the last two states
    const auto& f = detail::placed(response.objective, x);
    const bool by_start = detail::is_cold<Start> || !call.memory.response.known;
    response.solve(x, call.memory.response, record, 0.0, [&](const auto& state, const Progress&) {
      if (tape.checkpoints.empty()) {
        tape.begin_tangents(response.search, response.start.from, x, state.x, by_start);
        if constexpr (detail::restricts<Rule>) {
          using Place = std::remove_cvref_t<decltype(response.objective)>;
          using From = std::remove_cvref_t<decltype(response.start.from)>;
          if constexpr (detail::maps_start<std::remove_cvref_t<decltype(f)>, Place, From, X, Y>())
            if (by_start) tape.project_tangents(response.objective, response.start.from, f, x, state.x);
        }
      } else if (Rule::position(state) != tape.last) {
        const auto& before = tape.checkpoints.last();
        tape.step_before = tape.last_step;
        tape.last_step = (state.x - before.kept.x).norm();
        tape.advance_tangents(response.objective, f, x, before, state.x, record.counts);
      }
      tape.see(record.run, plan);
      if (tape.answered == tape.last)
        for (auto& part : tape.parts) part.answered = part.y;
    });
    const auto failed_with = [&](Evaluation<S> evaluation, Reason reason) {
      gradient.setConstant(nan);
      if (evaluation.usable()) evaluation.verdict = Verdict::not_differentiable;
      evaluation.reason = evaluation.certificate.reason = reason;
      evaluation.certificate.verdict = evaluation.verdict;
      return evaluation;
    };
    if (!record.solved) return failed_with(Evaluation<S>::failure(Reason::inner_failed), Reason::inner_failed);

    const Y& y = best_point(record.run);
    call.record.outer_y.resize(y.size());
    Evaluation<S> evaluation = detail::with_call<Outer, Y>(
        call.record.outer_call(call),
        [&](const auto&... last) -> Evaluation<S> { return outer(x, y, gradient, call.record.outer_y, last...); });
    if (!evaluation.usable()) return failed_with(evaluation, evaluation.reason);
    if (tape.tried > 0) return failed_with(evaluation, Reason::inner_failed);
    if (tape.on_kink) return failed_with(evaluation, Reason::constraint_weakly_active);
    for (Eigen::Index j = 0; j < x.size(); ++j) {
      const auto& part = tape.parts[std::size_t(j / tape.width)];
      for (Eigen::Index i = 0; i < y.size(); ++i)
        gradient[j] += call.record.outer_y[i] * part.answered[i].tangent[std::size_t(j % tape.width)];
    }
    if (!gradient.allFinite()) return failed_with(evaluation, Reason::non_finite_gradient);
    Certificate& c = evaluation.certificate;
    c.stationarity = double(detail::stationarity(record.run.state).template lpNorm<Eigen::Infinity>());
    c.distance = detail::distance_by_steps(tape, y);
    if (!(c.distance <= 1e-6)) c.reason = Reason::derivative_of_run;
    return evaluation;
  }
};

}  // namespace mesaopt
