#pragma once

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstdint>
#include <limits>
#include <tuple>
#include <type_traits>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/calls.hpp>
#include <mesaopt/core/constraints.hpp>
#include <mesaopt/core/optimizer.hpp>
#include <mesaopt/core/prior.hpp>
#include <mesaopt/core/search.hpp>
#include <mesaopt/gradient/active_set.hpp>
#include <mesaopt/gradient/dual_method.hpp>
#include <mesaopt/gradient/program_reading.hpp>
#include <mesaopt/gradient/regularity.hpp>

namespace mesaopt {

/// Solves convex quadratic programs of up to some hundred variables, to the last digits, with multipliers, and quickly
/// again when they have moved a little: a dual active-set method with the updates of Goldfarb & Idnani (1983).
///
/// For objectives with `quadratic = true`, with bounds, and with constraints that are linear, or without either. Q may
/// be singular. Equations may depend on each other; what contradicts itself ends as `infeasible`, a value without bound
/// as `unbounded`, each with a certificate, and a Q that is not positive semidefinite as `not_convex`.
///
/// It starts from the active set and the multipliers of a prior that knows some; from a point alone it takes the bounds
/// and constraints on which the point lies for the active set. At its own solution no step is left to do. A step is one
/// change of the active set, for O(n²) operations; between the steps x is not feasible, as dual methods come from
/// outside: x, value and gradient stay those of the start until it ends. The program is read
/// once, from the gradient, the Hessian and the constraints at the start; where the objective is not a
/// QuadraticProgram, whose numbers are read as they stand, its gradient at the solution is compared with the one
/// expected, and what is wrong by rounding is put right. A step allocates nothing; `init` does neither, on a state of
/// the same sizes, up to about 300 variables.
struct DualActiveSet {
  double tolerance = 0;  ///< of constraints, stationarity and signs, relative to their terms; 0: ε^(3/4), which is
                         ///< 2e-12 in double and 6e-6 in float
  double margin = 0;     ///< relative multipliers and slacks below it are zero to `regularity`; 0: √ε

  static constexpr bool needs_gradient = true;
  static constexpr bool handles_bounds = true;
  static constexpr bool handles_constraints = true;

  template <Point X, class M = Nothing>
  struct State {
    using S = ScalarOf<X>;
    /// The start may lie outside of the constraints, and lower: it is the last point that is to be answered.
    static constexpr bool monotone = true;

    X x{};
    S value = std::numeric_limits<S>::quiet_NaN();
    X gradient{};
    Evaluation<S> evaluation{};
    Status status = Status::running;
    ConstraintsOf<X> multipliers{};  ///< equalities, then inequalities, for which they are 0 or more
    X bound_multipliers{};  ///< gradient + J'multipliers − bound_multipliers = 0: 0 or more at lower, 0 or less
                            ///< at upper bounds
    ActiveSet active{};
    Regularity<S> regularity{};         ///< of the solution
    Eigen::VectorX<S> infeasibility{};  ///< if infeasible: multipliers of constraints, then of bounds, that prove it
    X ray{};                            ///< if unbounded: a direction in which the value falls for ever
    S constant = 0;                     ///< what the value is more than ½ x'Qx + c'x
    S doubt = 0;                        ///< largest entry by which the gradient was off at the last solution
    std::uint64_t corrections = 0;
    detail::DualMethod<S> method{};
    Calls<X, M> calls{};

    MatrixOf<X> hessian{};           ///< scratch
    JacobianOf<X> jacobian{};        ///< scratch
    ConstraintsOf<X> constraints{};  ///< scratch
    X other{};                       ///< scratch

    static constexpr auto fields() {
      using T = State;
      return std::tuple{&T::x,
                        &T::value,
                        &T::gradient,
                        &T::evaluation,
                        &T::status,
                        &T::multipliers,
                        &T::bound_multipliers,
                        &T::active,
                        &T::regularity,
                        &T::infeasibility,
                        &T::ray,
                        &T::constant,
                        &T::doubt,
                        &T::corrections,
                        &T::method,
                        &T::calls};
    }
  };

  /// It ends by itself, so this is for emergencies: at most 1 000 000 changes of the active set.
  [[nodiscard]] auto default_stopping() const { return MaxIterations{1000000}; }

  /// Throws std::invalid_argument for a setting out of its range.
  void check() const {
    if (!(tolerance >= 0 && tolerance < 1))
      detail::refuse("DualActiveSet::tolerance", tolerance, "it must be in [0, 1)");
    if (!(margin >= 0 && margin < 1)) detail::refuse("DualActiveSet::margin", margin, "it must be in [0, 1)");
  }
  template <class S>
  [[nodiscard]] S tolerance_of() const {
    return tolerance > 0 ? S(tolerance) : std::pow(std::numeric_limits<S>::epsilon(), S(0.75));
  }
  template <class S>
  [[nodiscard]] S margin_of() const {
    return margin > 0 ? S(margin) : std::sqrt(std::numeric_limits<S>::epsilon());
  }

  template <class F, Start P, class M>
  requires Differentiable<F, PointOf<P>> && is_quadratic<F>
  void init(const F& f, const P& start, State<PointOf<P>, M>& state) const {
    using S = ScalarOf<PointOf<P>>;
    check();
    state.x = detail::start_point(start);
    state.gradient.resize(state.x.size());
    state.status = Status::running;
    state.regularity = {};
    state.constant = state.doubt = 0;
    state.corrections = 0;
    state.calls.begin(start);
    bool known = false;
    if constexpr (requires { start.method.set.factors; })
      if constexpr (std::same_as<std::remove_cvref_t<decltype(start.method)>, detail::DualMethod<S>>) {
        state.method = start.method;
        known = true;
      }
    state.evaluation = state.calls.gradient(f, state.x, state.gradient);
    state.value = state.evaluation.value;
    const bool read = state.evaluation.differentiable() && state.gradient.allFinite() &&
                      detail::read_program(f, state, state.method.set.data, known);
    clear(state);
    if (!read) {
      state.status = state.evaluation.verdict == Verdict::not_differentiable ? Status::not_differentiable
                     : state.calls.allows_hessian(f, state.x.size())         ? Status::bad_start
                                                                             : Status::max_evaluations;
      state.method.status = state.status;
      state.method.settled = false;
      return;
    }
    state.calls.accept();
    begin_from(start, state.method.set);
    state.method.begin(tolerance_of<S>());
    publish(f, state);
  }

  template <class F, Point X, class M>
  requires Differentiable<F, X> && is_quadratic<F>
  void step(const F& f, State<X, M>& state) const {
    state.method.advance(tolerance_of<ScalarOf<X>>());
    publish(f, state);
  }

 private:
  template <Point X, class M>
  static void clear(State<X, M>& state) {
    const Eigen::Index n = state.x.size(), m = state.method.set.count();
    state.multipliers.setZero(m);
    state.bound_multipliers.setZero(n);
    state.active.constraints.assign(std::size_t(m), 0);
    state.active.bounds.assign(std::size_t(n), 0);
    state.infeasibility.setZero(m + n);
    state.ray.setZero(n);
  }

  /// Takes over what the start knows of the active set.
  template <Start P, class S>
  static void begin_from(const P& start, detail::WorkingSet<S>& set) {
    const Eigen::Index n = set.size(), m = set.count();
    set.x = detail::start_point(start);
    set.multipliers.setZero(m);
    set.bound_multipliers.setZero(n);
    set.active.constraints.assign(std::size_t(m), 0);
    set.active.bounds.assign(std::size_t(n), 0);
    const auto& known = detail::knowledge_of(start);
    using Known = std::remove_cvref_t<decltype(known)>;
    bool constraints = false, bounds = false;
    if constexpr (HasMultipliers<Known>)
      if ((constraints = known.multipliers.size() == m)) {
        set.multipliers = known.multipliers;
        for (Eigen::Index k = 0; k < m; ++k) set.active.constraints[std::size_t(k)] = set.multipliers[k] > 0;
      }
    if constexpr (requires { known.bound_multipliers.size(); })
      if ((bounds = known.bound_multipliers.size() == n)) {
        set.bound_multipliers = known.bound_multipliers;
        for (Eigen::Index i = 0; i < n; ++i)
          set.active.bounds[std::size_t(i)] =
              std::int8_t((set.bound_multipliers[i] < 0) - (set.bound_multipliers[i] > 0));
      }
    if constexpr (HasActiveSet<Known>)
      if (Eigen::Index(known.active.constraints.size()) == m && Eigen::Index(known.active.bounds.size()) == n) {
        set.active = known.active;
        constraints = bounds = true;
      }
    constexpr S near = 100 * std::numeric_limits<S>::epsilon();
    const S size = set.x.cwiseAbs().maxCoeff();
    if (!constraints)
      for (Eigen::Index k = set.data.equalities; k < m; ++k) {
        const S side = set.data.sides[k], norm = set.data.normals.col(k).norm();
        set.active.constraints[std::size_t(k)] =
            std::abs(set.data.normals.col(k).dot(set.x) - side) <= near * (std::abs(side) + norm * size);
      }
    if (!bounds)
      for (Eigen::Index i = 0; i < n; ++i)
        set.active.bounds[std::size_t(i)] = set.x[i] == set.data.lower[i]   ? std::int8_t(-1)
                                            : set.x[i] == set.data.upper[i] ? std::int8_t(1)
                                                                            : std::int8_t(0);
  }

  /// Shows what the method has found.
  template <class F, Point X, class M>
  void publish(const F& f, State<X, M>& state) const {
    using S = ScalarOf<X>;
    auto& method = state.method;
    auto& set = method.set;
    if (method.settled) {
      state.x = set.x;
      state.gradient = method.settling.gradient;
      state.value = method.settling.value + state.constant;
      state.evaluation = state.value;
    }
    state.status = method.status;
    state.multipliers = set.multipliers;
    state.bound_multipliers = set.bound_multipliers;
    state.active = set.active;
    if (state.status == Status::running) return;
    if constexpr (!detail::is_program<F, S>)
      if (state.status == Status::converged && !confirm(f, state)) return;
    if (state.status == Status::converged) state.regularity = detail::examine(method, margin_of<S>());
    state.infeasibility = method.infeasibility;
    state.ray = method.ray;
  }

  /// Compares the solution with the objective itself. False if the program was not quite what was read, and the run has
  /// to go on with a better one.
  template <class F, Point X, class M>
  bool confirm(const F& f, State<X, M>& state) const {
    using S = ScalarOf<X>;
    auto& method = state.method;
    if (state.calls.exhausted()) return true;
    state.other.resize(state.x.size());
    const auto now = state.calls.gradient(f, state.x, state.other);
    if (!now.differentiable() || !state.other.allFinite()) {
      state.status = now.verdict == Verdict::not_differentiable ? Status::not_differentiable : Status::non_finite;
      return false;
    }
    state.calls.accept();
    state.evaluation = now;
    state.value = now.value;
    const S off = (state.other - state.gradient).cwiseAbs().maxCoeff(), before = state.doubt;
    state.doubt = off;
    constexpr std::uint64_t most = 20;
    if (off <= tolerance_of<S>() * method.settling.scale) {
      state.gradient = state.other;
      return true;
    }
    if (state.corrections > 0 && (off > before / 2 || state.corrections > most)) {
      state.gradient = state.other;
      if (off > std::sqrt(tolerance_of<S>()) * method.settling.scale)
        state.status = Status::stalled;  // it is not quadratic
      return state.status == Status::converged;
    }
    ++state.corrections;
    method.set.data.c += state.other - state.gradient;
    state.constant = now.value - method.settling.value - (state.other - state.gradient).dot(state.x);
    method.unsettle();
    state.status = Status::running;
    return false;
  }
};

}  // namespace mesaopt
