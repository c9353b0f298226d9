#pragma once

#include <algorithm>
#include <cmath>
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
#include <mesaopt/gradient/direction.hpp>
#include <mesaopt/gradient/line_status.hpp>
#include <mesaopt/gradient/noise.hpp>
#include <mesaopt/gradient/stagnation.hpp>
#include <mesaopt/gradient/trial.hpp>

namespace mesaopt {

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
    S step = 0;                          ///< last step size
    S slope = 0;                         ///< last slope along the direction
    detail::Stagnation<S> stagnation{};  ///< its least value so far: noise may not add up to a rise
    Calls<X, M> calls{};

    X d{}, next_x{}, next_gradient{}, kept_x{}, kept_gradient{};  ///< scratch

    static constexpr auto fields() {
      return std::tuple{&State::x,      &State::value, &State::gradient, &State::evaluation, &State::status,
                        &State::memory, &State::step,  &State::slope,    &State::stagnation, &State::calls};
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
    prepare(state);
    state.step = state.slope = 0;
    direction.init(start, state.x, state.memory);
    if constexpr (KeepsBox<DirectionPiece, PointOf<P>>) state.memory.box.enter(f, state.x);
    detail::evaluate_start(f, start, state);
    state.stagnation.begin(state.value);
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
    const S lowest = state.stagnation.lowest, risen = state.value - lowest;
    const S noise = detail::noise_of(lowest, state.evaluation);
    // Where values cancel, their rounding is larger than that of their size, but hardly larger than this.
    const S doubt = std::max(noise, std::pow(std::numeric_limits<S>::epsilon(), S(2) / 3) * std::abs(lowest));
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
        trouble = detail::trouble_with(now);
        line_status = line.tell_failure();
        continue;
      }
      usable = true;
      line_status = line.tell(now.value, next_slope);
      limit();
      if (line_status == LineStatus::accepted) {
        state.calls.accept();
        move(state, now, t, slope, state.calls.counts[0].evaluations() - before);
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
    move(state, kept, kept_step, slope, state.calls.counts[0].evaluations() - before);
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
  void move(State<X, M>& state, const Evaluation<ScalarOf<X>>& now, ScalarOf<X> t, ScalarOf<X> slope,
            std::uint64_t evaluations) const {
    learn(state, now);
    detail::move_to(state.next_x, state.next_gradient, now, state);
    state.step = t;
    state.slope = slope;
    look(state);
    std::uint64_t patience = 12;  // or as long as a model with more pairs than that takes to renew itself
    if constexpr (requires { state.memory.pairs.count; })
      patience = std::max(patience, std::uint64_t(state.memory.pairs.count));
    if (state.stagnation.tell(now, state.stationarity(), evaluations, patience)) state.status = Status::stalled;
  }

  template <Point X, class M>
  static void look(State<X, M>& state) {
    if constexpr (KeepsBox<DirectionPiece, X>) state.memory.box.project(state.x, state.gradient);
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
      if (detail::sound(now, state.next_gradient)) {
        state.calls.accept();
        learn(state, now);
        detail::move_to(state.next_x, state.next_gradient, now, state);
        state.step = t;
        state.status = Status::running;
        return;
      }
      state.status = detail::trouble_with(now);
    }
  }
};

template <class D, class T>
Descent(D, T) -> Descent<D, T>;

}  // namespace mesaopt
