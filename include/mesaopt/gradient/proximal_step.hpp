#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <tuple>

#include <Eigen/Core>

#include <mesaopt/core/calls.hpp>
#include <mesaopt/core/evaluation.hpp>
#include <mesaopt/core/objective.hpp>
#include <mesaopt/core/point.hpp>
#include <mesaopt/core/prior.hpp>
#include <mesaopt/core/status.hpp>
#include <mesaopt/core/vectors.hpp>
#include <mesaopt/gradient/kept_box.hpp>
#include <mesaopt/gradient/noise.hpp>
#include <mesaopt/gradient/trial.hpp>
#include <mesaopt/objective/regularized.hpp>

namespace mesaopt::detail {

/// Puts v where the proximal step of what f is restricted by leads to, in place: of its regularizer, of its box (which
/// `box` keeps a copy of), or of both, if the regularizer is separable.
template <class F, Point X>
void proximal([[maybe_unused]] const F& f, [[maybe_unused]] const KeptBox<X>& box, [[maybe_unused]] ScalarOf<X> t,
              X& v) {
  if constexpr (Regularized<F, X>) {
    const auto& h = f.regularizer();
    static_assert(
        !Bounded<F, X> || is_separable<decltype(h)>,
        "mesaopt: of bounds together with a regularizer that is not separable the proximal step is not known. "
        "Give the bounds as part of the regularizer");
    h.proximal(v, t, v);
  }
  if constexpr (Bounded<F, X>)
    for (Eigen::Index i = 0; i < v.size(); ++i) v[i] = std::clamp(v[i], box.box.lower[i], box.box.upper[i]);
}

/// The value of f's regularizer at x, 0 if it has none.
template <class F, Point X>
ScalarOf<X> penalty([[maybe_unused]] const F& f, [[maybe_unused]] const X& x) {
  if constexpr (Regularized<F, X>) {
    const auto& h = f.regularizer();
    return ScalarOf<X>(h.value(x));
  } else {
    return ScalarOf<X>(0);
  }
}

/// ahead = prox_t(x − t g), and residual = (x − ahead) / t, which is 0 at a minimum, and g without a regularizer.
template <class F, Point X>
void propose(const F& f, const KeptBox<X>& box, const X& x, const X& gradient, ScalarOf<X> t, X& ahead, X& residual) {
  add(x.data(), -t, gradient.data(), ahead.data(), x.size());
  proximal(f, box, t, ahead);
  for (Eigen::Index i = 0; i < x.size(); ++i) residual[i] = (x[i] - ahead[i]) / t;
}

/// Watches whether a run that may rise in between still gets anywhere: in its value, by more than noise, or in the
/// square of its residual, by a fifth.
template <class S>
struct Headway {
  S value = std::numeric_limits<S>::infinity();
  S square = std::numeric_limits<S>::infinity();
  std::uint64_t idle = 0;  ///< evaluations since the last headway

  static constexpr auto fields() { return std::tuple{&Headway::value, &Headway::square, &Headway::idle}; }

  /// True if there has been none for too long.
  bool lost(S now, S noise, S residual_square, std::uint64_t evaluations) {
    constexpr std::uint64_t patience = 200;
    const bool lower = now < value - noise, flatter = residual_square < S(0.8) * square;
    if (lower || !(value < std::numeric_limits<S>::infinity())) value = now;
    if (flatter) square = residual_square;
    idle = lower || flatter ? 0 : idle + evaluations;
    return idle >= patience;
  }
};

/// What the states of the proximal methods have in common.
template <Point X, class M>
struct ProximalState {
  using S = ScalarOf<X>;

  X x{};
  S value = std::numeric_limits<S>::quiet_NaN();  ///< f + h at x
  X gradient{};                                   ///< of f, where the next step begins
  Evaluation<S> evaluation{};
  Status status = Status::running;
  S step = 0;    ///< t of `ahead` and `residual`
  X ahead{};     ///< prox_t(· − t g): where the next step leads
  X residual{};  ///< (· − ahead) / t
  Headway<S> headway{};
  KeptBox<X> box{};
  Calls<X, M> calls{};

  X next{};  ///< scratch

  [[nodiscard]] const X& stationarity() const { return residual; }
  static constexpr auto fields() {
    using T = ProximalState;
    return std::tuple{&T::x,     &T::value,    &T::gradient, &T::evaluation, &T::status, &T::step,
                      &T::ahead, &T::residual, &T::headway,  &T::box,        &T::calls};
  }
};

/// The proximal step that a prior ended with; 0 if it knows none.
template <Start P>
ScalarOf<PointOf<P>> proximal_step_of([[maybe_unused]] const P& start) {
  const auto of = [](const auto& prior) -> ScalarOf<PointOf<P>> {
    if constexpr (requires {
                    prior.step;
                    prior.ahead;
                  })
      return prior.step;
    else
      return 0;
  };
  if constexpr (requires { start.state; })
    return of(start.state);
  else
    return of(start);
}

/// Begins a run at the start, put into the set of a regularizer. False, with the status that says why, if it cannot go
/// on from there. The step is `first`, or else that of a prior, or else 0.
template <class F, Start P, class M>
bool begin_proximal(const F& f, const P& start, double first, ProximalState<PointOf<P>, M>& state) {
  using X = PointOf<P>;
  using S = ScalarOf<X>;
  copy(start_point(start), state.x);
  state.box.enter(f, state.x);
  if constexpr (Regularized<F, X>) proximal(f, state.box, S(0), state.x);
  for (X* point : {&state.ahead, &state.residual, &state.next}) zeros(*point, state.x.size(), 1);
  state.headway = {};
  state.step = first > 0 ? S(first) : proximal_step_of(start);
  const bool sound = evaluate_start(f, start, state);
  state.value = state.evaluation.value += penalty(f, state.x);
  if (!sound) copy(state.gradient, state.residual);
  return sound;
}

}  // namespace mesaopt::detail
