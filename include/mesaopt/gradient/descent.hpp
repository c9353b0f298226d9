#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <limits>
#include <tuple>
#include <utility>

#include <Eigen/Core>

#include <mesaopt/core/calls.hpp>
#include <mesaopt/core/optimizer.hpp>
#include <mesaopt/core/prior.hpp>
#include <mesaopt/core/status.hpp>
#include <mesaopt/core/vectors.hpp>
#include <mesaopt/gradient/line_status.hpp>
#include <mesaopt/gradient/noise.hpp>

namespace mesaopt {

/// By how much a step changed the value, and by how much it may be wrong.
template <class S>
struct ValueChange {
  S change = 0, noise = 0;
};

namespace detail {
template <class D, class X>
concept LearnsFromValues = requires(const D& direction, const X& x, typename D::template Memory<X>& memory) {
  direction.learn(x, x, x, x, ValueChange<ScalarOf<X>>{}, memory);
};
}  // namespace detail

/// A direction d to move in, from what a run has seen, kept in its `Memory<X>`:
///
///     direction.init(start, x, memory);                        // at the start, with what the start brings
///     direction.query(f, calls, x, gradient, memory, d);       // fills d
///     direction.learn(x, gradient, next_x, next_gradient, memory);
///     direction.forget(memory) -> bool                         // back to steepest descent; false if it is that
///     already
///
/// `scaled(memory)` says that step 1 is the natural one. Two things are optional: a direction that
/// learns from values too takes a ValueChange before `memory` in `learn`, and `first_step(memory)` gives the very first
/// step along −g where that is not 1, or 0.
template <class D, class X>
concept Direction = requires(const D& direction, const X& x, X& d, typename D::template Memory<X>& memory) {
  direction.init(x, x, memory);
  requires detail::LearnsFromValues<D, X> || requires { direction.learn(x, x, x, x, memory); };
  { direction.forget(memory) } -> std::same_as<bool>;
  { direction.scaled(memory) } -> std::same_as<bool>;
};

/// A direction that keeps to a box, which its memory holds (kept_box.hpp): from x in the box, x + d is in it as well.
template <class D, class X>
concept KeepsBox = requires(const typename D::template Memory<X>& memory) {
  memory.box.projected;
};

/// The textbook's optimizer: a direction, and how far to go along it. Nocedal & Wright (2006), "Numerical
/// Optimization", ch. 3.
///
/// StepSize is a line search (more_thuente.hpp), which never lets the value rise beyond its noise, or a step that
/// follows a schedule (fixed_step.hpp). Where no step leads down any more, the direction forgets what it learnt;
/// where that does not help either, the run has stalled. A direction that keeps to a box leads from inside of it to
/// inside; Descent then goes no further than to its sides.
template <class DirectionPiece, class StepSize>
struct Descent {
  DirectionPiece direction{};
  StepSize step_size{};

  static constexpr bool needs_gradient = true;

  template <Point X, class M = Nothing>
  struct State {
    using S = ScalarOf<X>;
    static constexpr bool monotone = StepSize::monotone;

    X x{};
    S value = std::numeric_limits<S>::quiet_NaN();
    X gradient{};
    Evaluation<S> evaluation{};
    Status status = Status::running;
    typename DirectionPiece::template Memory<X> memory{};
    S step = 0;                                      ///< last step size
    S slope = 0;                                     ///< last slope along the direction
    S lowest = std::numeric_limits<S>::quiet_NaN();  ///< least value so far: noise may not add up to a rise
    S reference = 0;         ///< value at the last step that improved value or gradient by more than noise
    S steepness = 0;         ///< squared norm of the gradient there; 0 while values improve
    std::uint64_t idle = 0;  ///< evaluations since then
    Calls<X, M> calls{};

    X d{}, next_x{}, next_gradient{}, kept_x{}, kept_gradient{};  ///< scratch

    static constexpr auto fields() {
      return std::tuple{&State::x,         &State::value, &State::gradient, &State::evaluation, &State::status,
                        &State::memory,    &State::step,  &State::slope,    &State::lowest,     &State::reference,
                        &State::steepness, &State::idle,  &State::calls};
    }
    /// What a later run may take over; empty for directions that keep no curvature.
    const auto& curvature_pairs() const requires requires { memory.pairs; }
    { return memory.pairs; }
    const auto& inverse_hessian() const requires requires { memory.inverse_hessian; }
    { return memory.inverse_hessian; }
    /// What is zero at a minimum: the projected gradient in a box, else the gradient.
    const X& stationarity() const {
      if constexpr (KeepsBox<DirectionPiece, X>)
        if (memory.box.bounded) return memory.box.projected;
      return gradient;
    }
  };

  template <class F, Start P, class M>
  requires Differentiable<F, PointOf<P>>
  void init(const F& f, const P& start, State<PointOf<P>, M>& state) const {
    step_size.check();
    direction.check();
    detail::copy(detail::start_point(start), state.x);
    state.gradient.resize(state.x.size());
    prepare(state);
    state.status = Status::running;
    state.step = state.slope = state.steepness = 0;
    state.idle = 0;
    direction.init(start, state.x, state.memory);
    if constexpr (KeepsBox<DirectionPiece, PointOf<P>>) state.memory.box.enter(f, state.x);
    state.calls.begin(start);
    if constexpr (detail::knows_evaluation<P>) {
      state.evaluation = start.value;
      detail::copy(start.gradient, state.gradient);
    } else {
      state.evaluation = state.calls.gradient(f, state.x, state.gradient);
    }
    state.value = state.lowest = state.reference = state.evaluation.value;
    if (!state.evaluation.usable())
      state.status = Status::bad_start;
    else if (!state.evaluation.differentiable() || !detail::all_finite(state.gradient.data(), state.gradient.size()))
      state.status =
          state.evaluation.verdict == Verdict::not_differentiable ? Status::not_differentiable : Status::bad_start;
    else
      state.calls.accept();
    look(state);
  }

  template <class F, Point X, class M>
  requires Differentiable<F, X>
  void step(const F& f, State<X, M>& state) const {
    if (state.d.size() != state.x.size()) prepare(state);
    if constexpr (StepSize::monotone)
      search(f, state);
    else
      follow(f, state);
  }

 private:
  /// Gives the scratch of a state its size: a state that was loaded has none.
  template <Point X, class M>
  static void prepare(State<X, M>& state) {
    for (auto* scratch : {&state.d, &state.next_x, &state.next_gradient, &state.kept_x, &state.kept_gradient})
      scratch->resize(state.x.size());
  }

  /// One step by a line search.
  template <class F, Point X, class M>
  void search(const F& f, State<X, M>& state) const {
    using S = ScalarOf<X>;
    for (;;) {
      direction.query(f, state.calls, state.x, state.gradient, state.memory, state.d);
      const S* const g = state.gradient.data();
      const S* const d = state.d.data();
      const Eigen::Index n = state.x.size();
      S slope = detail::product(g, d, n);
      bool steepest = false;
      if (!(slope < 0) || !std::isfinite(slope)) {  // not downwards, or its square under- or overflows
        const S largest = detail::largest(state.stationarity().data(), n);
        steepest = !direction.forget(state.memory);
        down(state, largest);
        slope = detail::product(g, d, n);
        if (!(slope < 0)) {
          state.status = largest == 0 ? Status::stalled : Status::non_finite;
          return;
        }
      }
      const Status found = along(f, state, slope);
      if (found == Status::running || state.calls.exhausted()) return;
      if (steepest || !direction.forget(state.memory)) {
        state.status = found;
        return;
      }
    }
  }

  /// d = −g / scale, or so much of it as the box allows.
  template <Point X, class M>
  static void down(State<X, M>& state, ScalarOf<X> scale) {
    if constexpr (KeepsBox<DirectionPiece, X>)
      if (state.memory.box.bounded) return state.memory.box.descend(state.x, state.gradient, scale, state.d);
    for (Eigen::Index i = 0; i < state.d.size(); ++i)
      state.d[i] = -state.gradient[i] / scale;  // 1 / scale may overflow
  }

  /// Searches along d and moves, if it finds a better point; else says why there is none.
  template <class F, Point X, class M>
  Status along(const F& f, State<X, M>& state, ScalarOf<X> slope) const {
    using S = ScalarOf<X>;
    const auto before = state.calls.counts[0].evaluations();
    const S noise = detail::noise_of(state.lowest, state.evaluation), risen = state.value - state.lowest;
    // Where values cancel, their rounding is larger than that of their size, but hardly larger than this.
    const S doubt = std::max(noise, std::pow(std::numeric_limits<S>::epsilon(), S(2) / 3) * std::abs(state.lowest));
    typename StepSize::template Line<S> line(step_size, state.value, slope, first_step(state, slope), noise - risen,
                                             doubt - risen);
    Evaluation<S> now, kept;
    S kept_step = 0;
    bool usable = false;
    Status trouble = Status::stalled;
    auto line_status = LineStatus::searching;
    [[maybe_unused]] S inside = 1;  // a step that does not leave the box, if there is one
    const auto limit = [&] {
      if constexpr (KeepsBox<DirectionPiece, X>) {
        if (line_status != LineStatus::searching || line.trial() <= inside) return;
        inside = state.memory.box.reach(state.x, state.d);
        line_status = line.limit(inside);
      }
    };
    limit();
    while (line_status == LineStatus::searching) {
      const S t = line.trial();
      detail::add(state.x.data(), t, state.d.data(), state.next_x.data(), state.x.size());
      if constexpr (KeepsBox<DirectionPiece, X>) state.memory.box.keep(state.x, state.next_x);
      now = state.calls.gradient(f, state.next_x, state.next_gradient);
      if (now.reason == Reason::budget_spent) break;
      const S next_slope = detail::product(state.next_gradient.data(), state.d.data(), state.x.size());
      if (!now.differentiable() || !std::isfinite(next_slope)) {
        trouble = now.verdict == Verdict::not_differentiable ? Status::not_differentiable : Status::non_finite;
        line_status = line.tell_failure();
        continue;
      }
      usable = true;
      line_status = line.tell(now.value, next_slope);
      limit();
      if (line_status == LineStatus::accepted) {
        state.calls.accept();
        move(state, now, t, slope, noise, state.calls.counts[0].evaluations() - before);
        return Status::running;
      }
      if (line.best() == t && now.value < state.value) {  // not good enough, but kept in case nothing better comes
        state.kept_x.swap(state.next_x);
        state.kept_gradient.swap(state.next_gradient);
        kept = now;
        kept_step = t;
      }
    }
    if (kept_step == 0) return usable ? Status::stalled : trouble;
    state.next_x.swap(state.kept_x);
    state.next_gradient.swap(state.kept_gradient);
    move(state, kept, kept_step, slope, noise, state.calls.counts[0].evaluations() - before);
    return Status::running;
  }

  template <Point X, class M>
  ScalarOf<X> first_step(const State<X, M>& state, ScalarOf<X> slope) const {
    using S = ScalarOf<X>;
    if (direction.scaled(state.memory)) return 1;
    if (state.step > 0 && state.slope < 0)
      return state.step * std::min(S(100), state.slope / slope);  // Nocedal & Wright, section 3.5
    if constexpr (requires { direction.first_step(state.memory); })
      if (const S known = direction.first_step(state.memory); known > 0 && state.step == 0) return known;
    return std::min(S(1), 1 / detail::largest(state.d.data(), state.d.size()));
  }

  template <Point X, class M>
  void learn(State<X, M>& state, const Evaluation<ScalarOf<X>>& now) const {
    if constexpr (detail::LearnsFromValues<DirectionPiece, X>)
      direction.learn(state.x, state.gradient, state.next_x, state.next_gradient,
                      {now.value - state.value, detail::noise_of(state.value, now)}, state.memory);
    else
      direction.learn(state.x, state.gradient, state.next_x, state.next_gradient, state.memory);
  }

  template <Point X, class M>
  void move(State<X, M>& state, const Evaluation<ScalarOf<X>>& now, ScalarOf<X> t, ScalarOf<X> slope, ScalarOf<X> noise,
            std::uint64_t evaluations) const {
    learn(state, now);
    state.x.swap(state.next_x);
    state.gradient.swap(state.next_gradient);
    state.value = now.value;
    state.evaluation = now;
    state.step = t;
    state.slope = slope;
    look(state);
    judge(state, noise, evaluations);
  }

  template <Point X, class M>
  static void look(State<X, M>& state) {
    if constexpr (KeepsBox<DirectionPiece, X>) state.memory.box.project(state.x, state.gradient);
  }

  /// Ends a run that has not improved for some evaluations: where values differ by noise alone, the gradient has to
  /// become smaller.
  template <Point X, class M>
  static void judge(State<X, M>& state, ScalarOf<X> noise, std::uint64_t evaluations) {
    using S = ScalarOf<X>;
    std::uint64_t patience = 12;  // or as long as a model with more pairs than that takes to renew itself
    if constexpr (requires { state.memory.pairs.count; })
      patience = std::max(patience, std::uint64_t(state.memory.pairs.count));
    state.lowest = std::min(state.lowest, state.value);
    if (state.value < state.reference - noise) {
      state.reference = state.value;
      state.steepness = 0;
      state.idle = 0;
      return;
    }
    const S* const g = state.stationarity().data();
    const S square = detail::product(g, g, state.x.size()), error = state.evaluation.gradient_error;
    if (state.steepness == 0 || square < S(0.8) * state.steepness) {
      state.reference = std::min(state.reference, state.value);
      state.steepness = square;
      state.idle = 0;
    } else {
      state.idle += evaluations;
    }
    if (state.idle >= patience || square <= error * error) state.status = Status::stalled;
  }

  /// One step of a given size; one that leads out of the finite is halved.
  template <class F, Point X, class M>
  void follow(const F& f, State<X, M>& state) const {
    using S = ScalarOf<X>;
    direction.query(f, state.calls, state.x, state.gradient, state.memory, state.d);
    S t = S(step_size(state.calls.counts[0].iterations));
    constexpr int halvings = 10;
    for (int i = 0; i <= halvings; ++i, t /= 2) {
      detail::add(state.x.data(), t, state.d.data(), state.next_x.data(), state.x.size());
      const auto now = state.calls.gradient(f, state.next_x, state.next_gradient);
      if (now.reason == Reason::budget_spent) return;
      if (now.differentiable() && detail::all_finite(state.next_gradient.data(), state.x.size())) {
        state.calls.accept();
        learn(state, now);
        state.x.swap(state.next_x);
        state.gradient.swap(state.next_gradient);
        state.value = now.value;
        state.evaluation = now;
        state.step = t;
        state.status = Status::running;
        return;
      }
      state.status = now.verdict == Verdict::not_differentiable ? Status::not_differentiable : Status::non_finite;
    }
  }
};

template <class D, class T>
Descent(D, T) -> Descent<D, T>;

}  // namespace mesaopt
