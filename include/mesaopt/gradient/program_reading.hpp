#pragma once

#include <concepts>
#include <limits>
#include <type_traits>

#include <Eigen/Core>

#include <mesaopt/core/constraints.hpp>
#include <mesaopt/core/objective.hpp>
#include <mesaopt/core/point.hpp>
#include <mesaopt/gradient/program_data.hpp>
#include <mesaopt/objective/quadratic_program.hpp>

namespace mesaopt::detail {

template <class F, class S>
inline constexpr bool is_program = std::same_as<std::remove_cvref_t<F>, QuadraticProgram<S>>;

/// Copies a program; `known` says that what is there was studied, so that it is worth comparing. Throws
/// std::invalid_argument as QuadraticProgram::check does.
template <class S>
void load_program(const QuadraticProgram<S>& program, ProgramData<S>& data, bool known) {
  program.check_sizes();
  const Eigen::Index n = program.size(), equalities = program.equalities(), inequalities = program.inequalities();
  const bool same = data.resize(n, equalities + inequalities, equalities) && known;
  if (program.Q.size() > 0) {
    data.same_curvature = data.take(program.Q, data.Q) && same;
    if (!data.same_curvature) program.check_symmetry();
  } else {
    data.same_curvature = same && data.Q.isZero(0);
    data.Q.setZero();
  }
  data.same_normals = same;
  if (equalities > 0) {
    data.same_normals &= data.take(program.A_eq.transpose(), data.normals.leftCols(equalities));
    data.sides.head(equalities) = program.b_eq;
  }
  if (inequalities > 0) {
    data.same_normals &= data.take(program.A.transpose(), data.normals.rightCols(inequalities));
    data.sides.tail(inequalities) = program.b;
  }
  constexpr S infinity = std::numeric_limits<S>::infinity();
  data.c = program.c;
  if (program.lower.size() > 0)
    data.lower = program.lower;
  else
    data.lower.setConstant(-infinity);
  if (program.upper.size() > 0)
    data.upper = program.upper;
  else
    data.upper.setConstant(infinity);
}

/// Reads the program that the objective f is, from its value, gradient, Hessian and constraints at `state.x`, of which
/// the first two are in the state. What the value is more than ½ x'Qx + c'x becomes `state.constant`. False if
/// something is not finite, or the evaluation limit does not allow the differences of which the Hessian is made.
template <class F, class State, class S>
bool read_program(const F& f, State& state, ProgramData<S>& data, bool known) {
  using X = std::remove_cvref_t<decltype(state.x)>;
  if constexpr (is_program<F, S>) {
    load_program(f, data, known);
  } else {
    Eigen::Index equalities = 0, inequalities = 0;
    if constexpr (Constrained<F, X>) {
      equalities = Eigen::Index(f.equalities());
      inequalities = Eigen::Index(f.inequalities());
    }
    const bool same = data.resize(state.x.size(), equalities + inequalities, equalities) && known;
    if (!state.calls.allows_hessian(f, state.x.size())) return false;
    state.calls.hessian(f, state.x, state.hessian);
    data.same_curvature = data.take(state.hessian, data.Q) && same;
    data.c.noalias() = data.Q * state.x;
    state.constant = state.value + S(0.5) * state.x.dot(data.c) - state.gradient.dot(state.x);
    data.c = state.gradient - data.c;
    data.same_normals = same;
    if constexpr (Constrained<F, X>) {
      if (!state.calls.constraints(f, state.x, state.constraints, state.jacobian)) return false;
      data.same_normals = data.take(state.jacobian.transpose(), data.normals) && same;
      data.sides.noalias() = data.normals.transpose() * state.x;
      data.sides -= state.constraints;
    }
    if constexpr (Bounded<F, X>) {
      data.lower = f.box().lower;
      data.upper = f.box().upper;
    }
  }
  return data.Q.allFinite() && data.c.allFinite();
}

}  // namespace mesaopt::detail
