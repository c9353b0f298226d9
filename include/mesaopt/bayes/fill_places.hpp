#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include <Eigen/Core>

#include <mesaopt/core/calls.hpp>
#include <mesaopt/core/evaluation.hpp>
#include <mesaopt/core/optimizer.hpp>
#include <mesaopt/core/status.hpp>
#include <mesaopt/objective/in_space.hpp>

namespace mesaopt::detail {

/// The next point of the sequence that a Bayesian search begins with; at random where no sequence has as many
/// variables.
template <class T>
Eigen::VectorXd design_point(T& state) {
  Eigen::VectorXd u(Eigen::Index(state.free.size()));
  if (u.size() == state.design.dimension) {
    state.design.fill(u);
  } else {
    for (double& part : u) part = state.random.uniform();
  }
  return u;
}

/// Whether the point u of the cube was evaluated, or waits to be.
template <class T>
bool known_already(const T& state, const Eigen::VectorXd& u) {
  if (state.observations.distance(u) == 0) return true;
  for (std::size_t k = 0; k < state.ids.size(); ++k)
    if (!state.told[k] && state.waiting.col(Eigen::Index(k)) == u) return true;
  return false;
}

/// Fills the free places of the batch of a BayesianState: with the start first, then with what `next(land)` answers,
/// a point of the cube; `land(u)` is u as it will be evaluated and learnt, after `represent` has moved its image in the
/// box to the point that stands for it. A point that is known already gives way to one of the design, unless values are
/// noisy. Where there is none left, and none waits, the state is `stalled`, or `non_finite` if no value was finite.
template <class T, class Represent, class Next>
auto fill_places(T& state, const Represent& represent, const Next& next) {
  return state.ask([&](Eigen::Index place) {
    auto point = state.start;
    const auto land = [&](const Eigen::VectorXd& u) {
      point = state.start;
      state.to_box(u, point);
      represent(point);
      return state.to_cube(point);
    };
    const auto nothing_left = [&] {
      if (state.open == 0) state.status = state.evaluation.usable() ? Status::stalled : Status::non_finite;
      return false;
    };
    Eigen::VectorXd u;
    if (state.next == 0) {
      represent(point);
      u = state.to_cube(point);
    } else if (state.free.empty()) {
      return nothing_left();
    } else {
      u = land(next(land));
      for (int tries = 0; !state.noisy && known_already(state, u); ++tries) {
        if (tries == 200) return nothing_left();
        u = land(design_point(state));
      }
    }
    state.points.col(place) = point;
    state.waiting.col(place) = u;
    return true;
  });
}

/// One batch of a Bayesian search: asks, evaluates, tells. What the evaluation limit forbids stays open.
template <class O, class F, class T>
void evaluate_places(const O& optimizer, const F& f, T& state) {
  if (state.calls.exhausted()) {
    state.status = Status::max_evaluations;
    return;
  }
  const auto batch = [&] {
    if constexpr (HasSpace<F>)
      return optimizer.ask(f.space, state);
    else
      return optimizer.ask(state);
  }();
  if (batch.ids.empty()) return;
  const auto left = state.calls.limit - state.calls.counts[0].evaluations();
  state.calls.values(f, batch.points, state.answers);
  state.calls.accept_batch(state.answers);
  const auto size = std::size_t(std::min<std::uint64_t>(batch.ids.size(), left));
  optimizer.tell(state, {batch.ids.data(), size}, {state.answers.data(), size});
}

}  // namespace mesaopt::detail
