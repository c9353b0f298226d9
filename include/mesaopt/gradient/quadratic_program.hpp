#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <tuple>

#include <Eigen/Core>

#include <mesaopt/core/status.hpp>
#include <mesaopt/gradient/active_set.hpp>
#include <mesaopt/gradient/dual_active_set.hpp>
#include <mesaopt/gradient/dual_method.hpp>
#include <mesaopt/gradient/program_reading.hpp>
#include <mesaopt/gradient/regularity.hpp>
#include <mesaopt/objective/quadratic_program.hpp>

namespace mesaopt {

/// The solution of a quadratic program, and all that helps to solve the next one. It is a prior: DualActiveSet can
/// start from it.
template <class S>
struct QuadraticState {
  using Vector = Eigen::VectorX<S>;

  Vector x{};
  S value = std::numeric_limits<S>::quiet_NaN();
  Vector gradient{};           ///< Qx + c
  Vector multipliers{};        ///< of A_eq, then of A, for which they are 0 or more
  Vector bound_multipliers{};  ///< gradient + A_eq'y + A'z − these = 0: 0 or more at lower, 0 or less at upper bounds
  ActiveSet active{};          ///< what holds x: in `constraints` first the rows of A_eq, then those of A
  Status status = Status::running;
  std::uint64_t iterations = 0;  ///< changes of the active set
  Regularity<S> regularity{};    ///< whether x can be differentiated; of a solution
  Vector infeasibility{};  ///< if infeasible: y of the constraints, then μ of the bounds, with signs as above, such
                           ///< that [A_eq; A]'y = μ, and y'[b_eq; b] < μ'(the bounds on the side of its sign)
  Vector ray{};            ///< if unbounded: d with Qd = 0, c'd < 0 and all constraints kept for ever
  detail::DualMethod<S> method{};

  static constexpr auto fields() {
    using Q = QuadraticState;
    return std::tuple{&Q::x,      &Q::value,  &Q::gradient,   &Q::multipliers, &Q::bound_multipliers,
                      &Q::active, &Q::status, &Q::iterations, &Q::regularity,  &Q::infeasibility,
                      &Q::ray,    &Q::method};
  }

  /// Forgets all that was learnt: the next solve starts from nothing. Keeps its memory.
  void forget() { status = Status::running; }
};

/// Solves a quadratic program, from the solution of the one that `state` solved last, if it was of the same sizes.
///
///     QuadraticState<double> state;
///     solve(program, state);       // state.status, state.x, state.multipliers, ...
///     program.b[0] += 0.1;
///     solve(program, state);       // a few changes of the active set away
///
/// One may also put an active set, multipliers and x of one's own into the state, with any status but `running`; all
/// multipliers 0 means that they are not known. Where Q and the constraints' gradients are the same numbers as before,
/// their factors serve again. Programs of the same sizes need no memory after the first, up to about 300 variables.
/// The status is `converged`, or `infeasible`, `unbounded`, `not_convex`, `bad_start` where a number is not finite, or
/// `stalled` where floating point does not allow the tolerance. Throws std::invalid_argument if sizes do not fit or Q
/// is not symmetric.
template <class S>
void solve(const QuadraticProgram<S>& program, QuadraticState<S>& state, const DualActiveSet& settings = {}) {
  settings.check();
  auto& method = state.method;
  auto& set = method.set;
  const Eigen::Index n = program.size(), m = program.equalities() + program.inequalities();
  const bool known = state.status != Status::running && state.x.size() == n && state.multipliers.size() == m &&
                     state.bound_multipliers.size() == n && Eigen::Index(state.active.constraints.size()) == m &&
                     Eigen::Index(state.active.bounds.size()) == n && state.x.allFinite() &&
                     state.multipliers.allFinite() && state.bound_multipliers.allFinite();
  detail::load_program(program, set.data, known);
  if (known) {
    set.x = state.x;
    set.multipliers = state.multipliers;
    set.bound_multipliers = state.bound_multipliers;
    set.active = state.active;
  } else {
    set.x.setZero(n);
    set.multipliers.setZero(m);
    set.bound_multipliers.setZero(n);
    set.active.constraints.assign(std::size_t(m), 0);
    set.active.bounds.assign(std::size_t(n), 0);
  }
  const S tolerance = settings.template tolerance_of<S>();
  method.begin(tolerance);
  while (method.status == Status::running) method.advance(tolerance);
  state.x = set.x;
  state.value = method.settling.value;
  state.gradient = method.settling.gradient;
  state.multipliers = set.multipliers;
  state.bound_multipliers = set.bound_multipliers;
  state.active = set.active;
  state.status = method.status;
  state.iterations = method.iterations;
  state.regularity = {};
  if (state.status == Status::converged) state.regularity = detail::examine(method, settings.template margin_of<S>());
  state.infeasibility = method.infeasibility;
  state.ray = method.ray;
}

}  // namespace mesaopt
