#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <tuple>
#include <type_traits>
#include <utility>

#include <Eigen/Core>

#include <mesaopt/core/evaluation.hpp>
#include <mesaopt/core/stopping.hpp>
#include <mesaopt/nested/checkpoints.hpp>
#include <mesaopt/nested/implicit.hpp>
#include <mesaopt/nested/proximal_product.hpp>
#include <mesaopt/nested/response.hpp>
#include <mesaopt/nested/settings_pull.hpp>
#include <mesaopt/nested/tape.hpp>

namespace mesaopt {

/// The hypergradient of the inner run as it goes: F(x) = outer(x, y_K(x)) differentiated backwards through the K steps
/// that led to the point y_K which the run answers.
///
/// Unlike that of Implicit it needs no stationary point, and is the exact derivative of F for any K: by what the inner
/// objective takes from x, by settings of the optimizer in `by_outer(...)` (learning rate, momentum, ...), and by a
/// start in `by_outer(...)` or `from_outer()`, as in meta-learning. A start that looks back is taken as a constant
/// then. How long the run is, is taken as a constant as well. Every step costs a Hessian and a mixed product. The inner
/// optimizers are those with a `reverse_rule`: GradientDescent, Momentum, Nesterov, Adam, AdamW, and, for inner
/// problems in a box or with a regularizer, ProximalDescent.
///
/// Through a projection coordinates pass a derivative where they are strictly inside of their bounds; those at a bound
/// pass it to the bound. A proximal step passes that of its regularizer: soft thresholding of what is not 0, which
/// makes the derivative of the lasso the weak one of Bertrand et al. (2020), "Implicit differentiation of Lasso-type
/// models for hyperparameter optimization", section 3. A run with a step that ends on a kink of that map, to rounding,
/// is refused, `constraint_weakly_active`. A start is projected before the first step, which is differentiated as well.
///
/// In full, the states of all steps are held. `truncate` goes back through the last steps only: near a minimum, where
/// steps contract, what is left out falls geometrically with their number (Shaban, Cheng, Hatch & Boots, 2019,
/// "Truncated back-propagation for bilevel optimization"), and at a minimum T steps of gradient descent amount to T
/// terms of the Neumann series (Lorraine, Vicol & Duvenaud, 2020). With `checkpoints`, or a `memory` that they are to
/// fit into, states in between are had by making steps again, as few as can be if the run is as long as its
/// MaxIterations allow: 10 000 steps twice from 140 checkpoints. The bits are those of the full tape. Griewank &
/// Walther (2000), "Algorithm 799: revolve"; Maclaurin, Duvenaud & Adams (2015), "Gradient-based hyperparameter
/// optimization through reversible learning"; Franceschi et al. (2017), "Forward and reverse gradient-based
/// hyperparameter optimization".
///
/// The certificate: `stationarity` at y_K; `distance`, a guess at how far from the inner minimum that is, from the last
/// two steps, infinite where they do not contract; `adjoint_residual`, the size of the adjoint where the way back ends,
/// relative to where it began: what a longer way back could add. Where the distance is not negligible its reason is
/// `derivative_of_run`: the gradient is F's, but not that of the inner minimum. One that left steps out whose adjoint
/// is not negligible is `inexact`, `derivative_truncated`.
struct Unrolled {
  std::int64_t truncate = 0;     ///< steps, the last ones, to go back through; 0: all
  std::int64_t checkpoints = 0;  ///< states of the inner run to be held at a time; 0: all that are gone through
  std::int64_t memory = 0;       ///< bytes that these may take; 0: any

  template <class R, Point X>
  using Record = detail::Tape<R, X>;

  /// Throws std::invalid_argument for a setting out of its range.
  void check() const {
    if (truncate < 0) detail::refuse("Unrolled::truncate", double(truncate), "it must be 0 or more");
    if (checkpoints < 0) detail::refuse("Unrolled::checkpoints", double(checkpoints), "it must be 0 or more");
    if (memory < 0) detail::refuse("Unrolled::memory", double(memory), "it must be 0 or more");
  }

  /// Runs the inner search at x, fills the gradient of F(x) = outer(x, y_K(x)), and answers F(x) with its certificate.
  template <class Outer, class R, Point X, class M>
  Evaluation<ScalarOf<X>> pull(const Outer& outer, const R& response, const X& x, const Call<M>& call,
                               X& gradient) const;

 private:
  /// The states that may be held, for an inner point of this size.
  template <class T>
  [[nodiscard]] std::uint64_t slots(Eigen::Index size) const {
    std::uint64_t most = checkpoints > 0 ? std::uint64_t(checkpoints) : detail::CheckpointPlan::unknown;
    // Besides them there are the state to go on from, and that before the end.
    if (memory > 0) {
      const auto fit = std::uint64_t(memory) / T::bytes(size);
      most = std::min(most, std::max<std::uint64_t>(fit, 3) - 2);
    }
    return most;
  }

  /// Goes back. Answers why not, if it leads through a step that is not differentiable.
  template <class R, Point X, class Run, class T, class Counted>
  Reason reverse(const R& response, const X& x, const Run& run, T& tape, Counted& counts, std::uint64_t begin,
                 std::uint64_t slots, [[maybe_unused]] bool by_start, X& gradient) const;
};

template <class Outer, class R, Point X, class M>
Evaluation<ScalarOf<X>> Unrolled::pull(const Outer& outer, const R& response, const X& x, const Call<M>& call,
                                       X& gradient) const {
  using S = ScalarOf<X>;
  using Types = typename R::template Types<X>;
  using Y = typename R::template Y<X>;
  using F = typename Types::Objective;
  using T = detail::Tape<R, X>;
  using Start = std::remove_cvref_t<decltype(response.start)>;
  static_assert(detail::Reversible<typename Types::Optimizer>,
                "mesaopt: Unrolled differentiates through optimizers with a reverse_rule: GradientDescent, Momentum, "
                "Nesterov (gradient/reverse_descent.hpp), Adam, AdamW (gradient/reverse_adam.hpp), ProximalDescent "
                "(gradient/reverse_proximal.hpp). For any other, run to the end, use Implicit");
  static_assert(Differentiable<F, Y>,
                "mesaopt: Unrolled needs the gradient of the inner objective: give g(x, y, gradient), or wrap it in "
                "finite_difference or forward_mode");
  static_assert(!detail::is_tangent<Start> && !detail::is_newton_corrected<Start>,
                "mesaopt: Unrolled takes starts that do not depend on x by themselves: cold, warm or nearest");
  check();
  auto& record = call.record.response;
  T& tape = call.record.hypergradient;
  const auto nan = std::numeric_limits<S>::quiet_NaN();
  gradient.resize(x.size());
  tape.begin();

  // The number of slots is known when the size of the point is, which the first state shows.
  const auto window = truncate > 0 ? std::uint64_t(truncate) : detail::CheckpointPlan::unknown;
  const auto limit = [&] {
    const auto& search = as_search(detail::placed(response.search, x));
    return detail::iteration_limit(search.stopping);
  }();
  std::uint64_t most = 1;
  detail::CheckpointPlan plan(limit, most, window);
  bool began = false;
  response.solve(x, call.memory.response, record, 0.0, [&](const auto& state, const Progress&) {
    if (!began) {
      most = slots<T>(state.x.size());
      plan = detail::CheckpointPlan(limit, most, window);
      began = true;
    }
    tape.see(record.run, plan);
  });
  if (!record.solved) {
    gradient.setConstant(nan);
    return Evaluation<S>::failure(Reason::inner_failed);
  }

  const Y& y = best_point(record.run);
  call.record.outer_y.resize(y.size());
  Evaluation<S> evaluation = detail::with_call<Outer, Y>(
      call.record.outer_call(call),
      [&](const auto&... last) -> Evaluation<S> { return outer(x, y, gradient, call.record.outer_y, last...); });
  if (!evaluation.usable()) {
    gradient.setConstant(nan);
    return evaluation;
  }
  const auto refuse = [&](Reason reason) {
    gradient.setConstant(nan);
    evaluation.verdict = evaluation.certificate.verdict = Verdict::not_differentiable;
    evaluation.reason = evaluation.certificate.reason = reason;
    return evaluation;
  };
  if (!call.record.outer_y.allFinite() || !gradient.allFinite()) return refuse(Reason::non_finite_gradient);

  Certificate& c = evaluation.certificate;
  const bool by_start = detail::is_cold<Start> || !call.memory.response.known;
  const std::uint64_t end = tape.answered;
  std::uint64_t begin = end - std::min(end, window);
  // Of a run that was best long before its end, the last steps may not be there any more.
  if (!tape.checkpoints.empty()) begin = std::min(end, std::max(begin, tape.checkpoints.position(0)));
  tape.y = call.record.outer_y;
  const S size = tape.y.norm();
  if (end == tape.last) {
    c.stationarity = double(detail::stationarity(record.run.state).template lpNorm<Eigen::Infinity>());
  } else {
    const auto& f = detail::placed(response.objective, x);
    tape.gradient.resize(y.size());
    tape.state.calls.memory = record.run.state.calls.memory;
    tape.calling(tape.evaluations, record.counts, [&] {
      ++tape.state.calls.counts[0].gradients;
      tape.state.calls.make([&](const auto& inner) { detail::evaluate_gradient(f, y, tape.gradient, inner); });
    });
    if constexpr (detail::restricts<typename T::Rule>) {
      const auto& search = as_search(detail::placed(response.search, x));
      tape.adjoint.enter(f, y);
      tape.adjoint.step(f, y, tape.gradient, S(search.optimizer.learning_rate));
      tape.gradient = (y - tape.adjoint.u) / tape.adjoint.t;
    }
    c.stationarity = double(tape.gradient.template lpNorm<Eigen::Infinity>());
  }
  // A step that was shortened, because it led to where the objective is not finite, bends.
  if (tape.tried > begin) return refuse(Reason::inner_failed);
  if (const Reason reason = reverse(response, x, record.run, tape, record.counts, begin, most, by_start, gradient);
      reason != Reason::none)
    return refuse(reason);
  if (!gradient.allFinite()) return refuse(Reason::non_finite_gradient);

  c.distance = detail::distance_by_steps(tape, y);
  c.adjoint_residual = size > 0 ? double(tape.start_size / size) : 0.0;
  if (begin > 0 && c.adjoint_residual > 1e-6) {
    c.verdict = Verdict::inexact;
    c.reason = evaluation.reason = Reason::derivative_truncated;
    evaluation.gradient_error += S(c.adjoint_residual) * gradient.norm();
    evaluation.verdict = std::max(evaluation.verdict, Verdict::inexact);
  } else if (!(c.distance <= 1e-6)) {
    c.reason = Reason::derivative_of_run;
  }
  return evaluation;
}

template <class R, Point X, class Run, class T, class Counted>
Reason Unrolled::reverse(const R& response, const X& x, const Run& run, T& tape, Counted& counts, std::uint64_t begin,
                         std::uint64_t slots, [[maybe_unused]] bool by_start, X& gradient) const {
  using S = ScalarOf<X>;
  using Place = std::remove_cvref_t<decltype(response.objective)>;
  using SearchPlace = std::remove_cvref_t<decltype(response.search)>;
  using From = std::remove_cvref_t<decltype(response.start.from)>;
  const auto& f = detail::placed(response.objective, x);
  const auto& search = as_search(detail::placed(response.search, x));
  const auto& optimizer = search.optimizer;
  const typename T::Rule rule{};
  constexpr bool by_settings = detail::depends_on_outer<SearchPlace>;
  constexpr bool restricts = detail::restricts<typename T::Rule>;
  using F = std::remove_cvref_t<decltype(f)>;
  const std::uint64_t end = tape.answered;
  tape.state.calls.limit = std::numeric_limits<std::uint64_t>::max();
  const auto n = tape.y.size();
  tape.gradient.resize(n);
  tape.product.resize(n);
  tape.mixed.resize(x.size());
  tape.moved.resize(x.size());
  tape.previous = best_point(run);
  if constexpr (restricts)
    tape.adjoint.enter(f, tape.previous);
  else
    rule.begin(tape.y, tape.adjoint);

  Reason trouble = Reason::non_finite_gradient;  // if there is any
  std::uint64_t back = 0;                        // steps gone back
  const auto reverse_at = [&](const auto& at, std::uint64_t evaluations) {
    if (++back <= 2) {  // the last two steps tell how the run contracts
      (back == 1 ? tape.last_step : tape.step_before) = (tape.previous - at.x).norm();
      tape.previous = at.x;
    }
    S* settings = by_settings ? tape.settings.data() : nullptr;
    if constexpr (restricts) {
      rule.step(f, optimizer, at, tape.adjoint);
      if (tape.adjoint.on_kink(f)) {
        trouble = Reason::constraint_weakly_active;
        return false;
      }
      detail::map_product<F>(response.objective, x, tape.adjoint, tape.y, gradient, tape.mixed, tape.moved,
                             tape.product);
      rule.reverse(f, optimizer, at, tape.y, tape.adjoint, tape.gradient, settings);
    } else {
      if (!rule.reverse(optimizer, at, tape.y, tape.adjoint, tape.gradient, settings)) return false;
    }
    // The Hessian is that of what the gradient was taken of, also where every call draws examples of its own.
    tape.calling(evaluations - 1, counts, [&] {
      tape.state.calls.hessian_product(f, at.x, tape.gradient, tape.product);
      tape.y += tape.product;
      if constexpr (detail::depends_on_outer<Place>) {
        detail::mixed_product(response.objective, x, at.x, tape.gradient, tape.mixed, tape.moved, tape.product,
                              tape.state.calls);
        gradient += tape.mixed;
      }
    });
    return true;
  };
  const bool done = detail::reverse_steps(
      tape.checkpoints, begin, end, slots, [&](const auto& from) { tape.load(from); },
      [&](std::uint64_t steps) { return tape.advance(f, optimizer, steps, counts); },
      [&](auto& to) { tape.keep(tape.state, to); },
      [&](const auto& from) {
        tape.state.calls.memory = from.memory;
        return reverse_at(from.kept, from.evaluations);
      },
      [&] { return reverse_at(tape.state, tape.state.calls.counts[0].evaluations()); });
  if (!done) return trouble;
  if constexpr (restricts) {
    if constexpr (detail::maps_start<F, Place, From, X, typename T::Y>()) {
      if (begin == 0 && by_start) {
        const auto& from = detail::placed(response.start.from, x);
        detail::project_start(f, detail::start_point(from), tape.adjoint);
        if (detail::depends_on_outer<From> && tape.adjoint.on_kink(f)) return Reason::constraint_weakly_active;
        detail::map_product<F>(response.objective, x, tape.adjoint, tape.y, gradient, tape.mixed, tape.moved,
                               tape.product);
        tape.adjoint.derivative(f, tape.y);
      }
    }
  } else {
    rule.end(tape.y, tape.adjoint);
  }
  tape.start_size = tape.y.norm();
  if constexpr (by_settings) detail::pull_settings(response.search, x, tape, gradient);
  if constexpr (detail::depends_on_outer<From>)
    if (begin == 0 && by_start) detail::pull_start(response.start.from, x, tape, gradient);
  return Reason::none;
}

}  // namespace mesaopt
