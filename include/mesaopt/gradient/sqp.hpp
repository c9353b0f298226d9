#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <tuple>
#include <type_traits>

#include <Eigen/Core>

#include <mesaopt/core/calls.hpp>
#include <mesaopt/core/constraints.hpp>
#include <mesaopt/core/optimizer.hpp>
#include <mesaopt/core/prior.hpp>
#include <mesaopt/core/stopping.hpp>
#include <mesaopt/gradient/dual_method.hpp>

namespace mesaopt {

/// Sequential quadratic programming: the first choice for smooth objectives with general constraints and up to some
/// hundred variables.
///
/// Each step solves the quadratic program of a BFGS model of the Lagrangian under the linearized constraints and the
/// bounds, from the active set of the one before, and goes along its solution as far as the merit function
/// f + Σ weightᵢ · violationᵢ falls enough. Where curvature of the constraints spoils a full step, that is
/// corrected to second order first; where the linearized constraints contradict each other, they are relaxed as little
/// as possible. Needs gradients of objective and constraints, evaluates both once a trial, and keeps bounds at every
/// trial. It has converged when no entry of the Lagrangian's gradient is above `tolerance`, relative to max(1, |∇f|),
/// and no constraint is violated by more than `feasibility`. A state is a Prior with multipliers: a run that starts
/// from the solution of the same problem ends after one step. Nocedal & Wright (2006), "Numerical Optimization",
/// algorithm 18.3 with procedure 18.2 (damped BFGS) and section 18.3 (second-order correction); Powell (1978), "A fast
/// algorithm for nonlinearly constrained optimization calculations" (the relaxation).
struct Sqp {
  double tolerance = 1e-9;    ///< on the gradient of the Lagrangian, more than 0
  double feasibility = 1e-9;  ///< largest violation of a constraint that is accepted, more than 0
  double sufficient = 1e-4;   ///< share of the predicted decrease of the merit function that is asked for, in (0, ½)
  std::int64_t max_evaluations = 30;  ///< per step, 1 or more

  static constexpr bool needs_gradient = true;
  static constexpr bool handles_constraints = true;
  static constexpr bool handles_bounds = true;

  template <Point X, class M = Nothing>
  struct State {
    using S = ScalarOf<X>;
    static constexpr bool monotone = true;  // x is the answer: of points that are not feasible, none is best

    X x{};
    S value = std::numeric_limits<S>::quiet_NaN();
    X gradient{};             ///< of f
    X lagrangian_gradient{};  ///< of f + multipliers · c, less the multipliers of the bounds
    Evaluation<S> evaluation{};
    Status status = Status::running;
    ConstraintsOf<X> c{};            ///< the constraints at x
    JacobianOf<X> J{};               ///< their Jacobian
    ConstraintsOf<X> multipliers{};  ///< one a constraint; of inequalities 0 or more
    X bound_multipliers{};           ///< one a variable: 0 or more at its lower, 0 or less at its upper bound
    MatrixOf<X> hessian{};           ///< B, of the Lagrangian
    ConstraintsOf<X> weights{};      ///< of the violations in the merit function
    S violation = 0;                 ///< largest violation of a constraint at x
    std::uint64_t updates = 0;       ///< of B
    S steepness = 0;         ///< square of what is left of the optimality conditions when the run last improved;
                             ///< 0 while the merit function improves
    std::uint64_t idle = 0;  ///< steps in a row that improved neither
    ActiveSet active{};      ///< of the last quadratic program
    Calls<X, M> calls{};

    detail::DualMethod<S> program{}, relaxed{};  ///< scratch
    X d{}, next_x{}, next_gradient{}, s{}, y{};  ///< scratch
    ConstraintsOf<X> next_c{};                   ///< scratch
    JacobianOf<X> next_J{};                      ///< scratch

    static constexpr auto fields() {
      using T = State;
      return std::tuple{&T::x,           &T::value,
                        &T::gradient,    &T::lagrangian_gradient,
                        &T::evaluation,  &T::status,
                        &T::c,           &T::J,
                        &T::multipliers, &T::bound_multipliers,
                        &T::hessian,     &T::weights,
                        &T::violation,   &T::updates,
                        &T::steepness,   &T::idle,
                        &T::active,      &T::calls};
    }
  };

  /// At most 1000 iterations; it ends by its own criterion.
  [[nodiscard]] auto default_stopping() const { return MaxIterations{1000}; }

  /// Throws std::invalid_argument for a setting out of its range.
  void check() const {
    if (!(tolerance > 0)) detail::refuse("Sqp::tolerance", tolerance, "it must be more than 0");
    if (!(feasibility > 0)) detail::refuse("Sqp::feasibility", feasibility, "it must be more than 0");
    if (!(sufficient > 0 && sufficient < 0.5)) detail::refuse("Sqp::sufficient", sufficient, "it must be in (0, 1/2)");
    if (max_evaluations < 1) detail::refuse("Sqp::max_evaluations", double(max_evaluations), "it must be 1 or more");
  }

  /// A start outside of the bounds is moved to the nearest point inside.
  template <class F, Start P, class M>
  requires Differentiable<F, PointOf<P>>
  void init(const F& f, const P& start, State<PointOf<P>, M>& state) const {
    using X = PointOf<P>;
    check();
    state.x = detail::start_point(start);
    const auto n = state.x.size(), m = count(f);
    if constexpr (Bounded<F, X>) {
      const auto& box = f.box();
      if (box.lower.size() != n)
        throw std::invalid_argument("start: has size " + std::to_string(n) + ", but the box " +
                                    std::to_string(box.lower.size()));
      state.x = state.x.cwiseMax(box.lower).cwiseMin(box.upper);
    }
    state.status = Status::running;
    state.updates = state.idle = 0;
    state.steepness = 0;
    state.gradient.resize(n);
    state.multipliers.setZero(m);
    state.weights.setZero(m);
    state.bound_multipliers.setZero(n);
    state.hessian.setIdentity(n, n);
    state.active.constraints.assign(std::size_t(m), 0);
    state.active.bounds.assign(std::size_t(n), 0);
    state.calls.begin(start);
    prepare(f, state);
    const auto& known = detail::knowledge_of(start);
    using Known = std::remove_cvref_t<decltype(known)>;
    if constexpr (HasMultipliers<Known>) {
      if (known.multipliers.size() == m && known.multipliers.allFinite()) state.multipliers = known.multipliers;
    }
    if constexpr (HasActiveSet<Known>) {
      if (known.active.constraints.size() == std::size_t(m) && known.active.bounds.size() == std::size_t(n))
        state.active = known.active;
    }
    state.evaluation = state.calls.gradient(f, state.x, state.gradient);
    state.value = state.evaluation.value;
    if (!state.evaluation.usable() || !constrain(f, state.x, state.c, state.J, state)) {
      state.status = Status::bad_start;
    } else if (!state.evaluation.differentiable() || !state.gradient.allFinite()) {
      state.status =
          state.evaluation.verdict == Verdict::not_differentiable ? Status::not_differentiable : Status::bad_start;
    } else {
      state.calls.accept();
    }
    state.violation = largest_violation(f, state.c);
    state.lagrangian_gradient = state.gradient;
  }

  template <class F, Point X, class M>
  requires Differentiable<F, X>
  void step(const F& f, State<X, M>& state) const {
    using S = ScalarOf<X>;
    if (state.calls.exhausted()) return;
    prepare(f, state);
    S relaxation = 0;
    const Status solved = solve(f, state, relaxation);
    if (solved != Status::converged) {
      state.status = solved;
      return;
    }
    differentiate_lagrangian(state, state.gradient, state.J, state.lagrangian_gradient);
    const S scale = std::max(S(1), state.gradient.template lpNorm<Eigen::Infinity>());
    if (state.violation <= S(feasibility) &&
        state.lagrangian_gradient.template lpNorm<Eigen::Infinity>() <= S(tolerance) * scale) {
      state.status = Status::converged;
      return;
    }
    const S length = state.d.norm();
    if (!(length > std::numeric_limits<S>::epsilon() * std::max(S(1), state.x.norm()))) {
      if (state.updates > 0) {  // a model that leads nowhere is forgotten
        state.hessian.setIdentity();
        state.updates = 0;
        return;
      }
      state.status = state.violation <= S(feasibility) ? Status::stalled : Status::infeasible;
      return;
    }
    search(f, state, relaxation);
  }

 private:
  template <class F>
  static Eigen::Index count(const F& f) {
    if constexpr (requires { f.equalities(); })
      return Eigen::Index(f.equalities()) + Eigen::Index(f.inequalities());
    else
      return 0;
  }
  template <class F>
  static Eigen::Index equalities(const F& f) {
    if constexpr (requires { f.equalities(); })
      return Eigen::Index(f.equalities());
    else
      return 0;
  }

  /// Constraints and Jacobian at x; false if they are not finite.
  template <class F, Point X, class M>
  static bool constrain(const F& f, const X& x, ConstraintsOf<X>& c, JacobianOf<X>& J, State<X, M>& state) {
    if constexpr (Constrained<F, X>) {
      return state.calls.constraints(f, x, c, J);
    } else {
      c.resize(0);
      J.resize(0, x.size());
      return true;
    }
  }

  template <class F, class C>
  static auto violation_of(const F& f, const C& c, Eigen::Index i) {
    return i < equalities(f) ? std::abs(c[i]) : std::max(typename C::Scalar(0), c[i]);
  }
  template <class F, class C>
  static auto largest_violation(const F& f, const C& c) {
    typename C::Scalar most = 0;
    for (Eigen::Index i = 0; i < c.size(); ++i) most = std::max(most, violation_of(f, c, i));
    return most;
  }
  /// Σ weightᵢ · violationᵢ.
  template <class F, class C>
  static auto weighed(const F& f, const C& weights, const C& c) {
    typename C::Scalar sum = 0;
    for (Eigen::Index i = 0; i < c.size(); ++i) sum += weights[i] * violation_of(f, c, i);
    return sum;
  }

  /// Gives the scratch of a state its size: a state that was loaded has none.
  template <class F, Point X, class M>
  static void prepare(const F& f, State<X, M>& state) {
    const auto n = state.x.size(), m = count(f);
    for (X* v : {&state.d, &state.next_x, &state.next_gradient, &state.s, &state.y, &state.lagrangian_gradient})
      v->resize(n);
    state.next_c.resize(m);
    state.next_J.resize(m, n);
    reserve(state.program, n, m, equalities(f));
  }

  template <class S>
  static void reserve(detail::DualMethod<S>& program, Eigen::Index n, Eigen::Index m, Eigen::Index equal) {
    if (program.set.data.resize(n, m, equal)) return;
    program.set.x.setZero(n);
    program.set.multipliers.setZero(m);
    program.set.bound_multipliers.setZero(n);
    program.set.active.constraints.assign(std::size_t(m), 0);
    program.set.active.bounds.assign(std::size_t(n), 0);
  }

  template <class S>
  static constexpr S program_tolerance() {
    return std::numeric_limits<S>::epsilon() * S(100);
  }

  template <class S>
  static void run(detail::DualMethod<S>& program) {
    const S accuracy = program_tolerance<S>();
    program.set.data.same_curvature = program.set.data.same_normals = false;
    program.begin(accuracy);
    while (program.status == Status::running) program.advance(accuracy);
  }

  /// Bounds on a step from x, `offset` further where d has been taken already.
  template <class F, Point X, class M>
  static void bound(const F& f, State<X, M>& state) {
    if constexpr (Bounded<F, X>) {
      const auto& box = f.box();
      state.program.set.data.lower = box.lower - state.x;
      state.program.set.data.upper = box.upper - state.x;
    }
  }

  /// The step d and the multipliers, from the quadratic program at x; `relaxation` is the share of the violations that
  /// it leaves. Answers `converged`, or why there is none.
  template <class F, Point X, class M>
  Status solve(const F& f, State<X, M>& state, ScalarOf<X>& relaxation) const {
    auto& program = state.program;
    program.set.data.Q = state.hessian;
    program.set.data.c = state.gradient;
    program.set.data.normals = state.J.transpose();
    program.set.data.sides = -state.c;
    bound(f, state);
    program.set.x.setZero();
    program.set.multipliers = state.multipliers;
    program.set.bound_multipliers = state.bound_multipliers;
    program.set.active = state.active;
    run(program);
    relaxation = 0;
    if (program.status == Status::infeasible) return relax(f, state, relaxation);
    if (program.status != Status::converged && program.status != Status::stalled) {
      if (state.updates == 0) return program.status == Status::unbounded ? Status::unbounded : Status::stalled;
      state.hessian.setIdentity();  // a model that cannot be used is forgotten
      state.updates = 0;
      return solve(f, state, relaxation);
    }
    state.d = program.set.x;
    state.multipliers = program.set.multipliers;
    state.bound_multipliers = program.set.bound_multipliers;
    state.active = program.set.active;
    return Status::converged;
  }

  /// The quadratic program with one more variable, δ in [0, 1], the share of the violations that may stay.
  template <class F, Point X, class M>
  Status relax(const F& f, State<X, M>& state, ScalarOf<X>& relaxation) const {
    using S = ScalarOf<X>;
    const auto n = state.x.size(), m = state.c.size();
    auto& relaxed = state.relaxed;
    reserve(relaxed, n + 1, m, equalities(f));
    auto& data = relaxed.set.data;
    const S size = std::max(S(1), state.gradient.template lpNorm<Eigen::Infinity>());
    S charge = 1e3 * size;
    for (int attempt = 0; attempt < 3; ++attempt, charge *= 1000) {
      data.Q.setZero();
      data.Q.topLeftCorner(n, n) = state.hessian;
      data.Q(n, n) = charge;
      data.c.head(n) = state.gradient;
      data.c[n] = charge;
      data.normals.topRows(n) = state.J.transpose();
      data.sides = -state.c;
      for (Eigen::Index i = 0; i < m; ++i)
        data.normals(n, i) = i < equalities(f) || state.c[i] > 0 ? -state.c[i] : S(0);
      data.lower.head(n) = state.program.set.data.lower;
      data.upper.head(n) = state.program.set.data.upper;
      data.lower[n] = 0;
      data.upper[n] = 1;
      relaxed.set.x.setZero();
      relaxed.set.x[n] = 1;
      relaxed.set.multipliers.setZero();
      relaxed.set.bound_multipliers.setZero();
      std::fill(relaxed.set.active.constraints.begin(), relaxed.set.active.constraints.end(), std::uint8_t(0));
      std::fill(relaxed.set.active.bounds.begin(), relaxed.set.active.bounds.end(), std::int8_t(0));
      run(relaxed);
      if (relaxed.status != Status::converged && relaxed.status != Status::stalled) return Status::stalled;
      if (relaxed.set.x[n] < S(0.95)) break;
    }
    relaxation = relaxed.set.x[n];
    state.d = relaxed.set.x.head(n);
    state.multipliers = relaxed.set.multipliers;
    state.bound_multipliers = relaxed.set.bound_multipliers.head(n);
    state.active.constraints = relaxed.set.active.constraints;
    std::copy_n(relaxed.set.active.bounds.begin(), n, state.active.bounds.begin());
    if (relaxation > S(0.999) && state.d.norm() <= S(1e-8) * std::max(S(1), state.x.norm())) return Status::infeasible;
    return Status::converged;
  }

  /// out = gradient + J' multipliers − bound_multipliers.
  template <Point X, class M>
  static void differentiate_lagrangian(const State<X, M>& state, const X& gradient, const JacobianOf<X>& J, X& out) {
    out = gradient - state.bound_multipliers;
    out.noalias() += J.transpose() * state.multipliers;
  }

  /// Goes along d, or along its correction, as far as the merit function falls enough.
  template <class F, Point X, class M>
  void search(const F& f, State<X, M>& state, ScalarOf<X> relaxation) const {
    using S = ScalarOf<X>;
    // Heavy enough for d to be a direction of descent, and lighter again when multipliers fall: Powell (1978), eq. 4.5.
    // Where constraints were all but dependent, multipliers mean nothing: what they were must not linger.
    S most = 0;
    for (Eigen::Index i = 0; i < state.weights.size(); ++i) most = std::max(most, 100 * std::abs(state.multipliers[i]));
    for (Eigen::Index i = 0; i < state.weights.size(); ++i) {
      const S multiplier = std::abs(state.multipliers[i]);
      state.weights[i] = std::max(multiplier, std::min(most, (state.weights[i] + multiplier) / 2));
    }
    const S violated = weighed(f, state.weights, state.c);
    const S merit = state.value + violated, slope = state.gradient.dot(state.d) - violated * (1 - relaxation);
    S terms = std::abs(merit) + std::abs(state.value);  // whose rounding is in the merit function
    for (Eigen::Index i = 0; i < state.weights.size(); ++i)
      terms += state.weights[i] * state.J.row(i).norm() * state.x.norm();
    const S noise = 10 * std::numeric_limits<S>::epsilon() * terms + state.evaluation.value_error;

    S t = 1;
    bool corrected = false;
    for (std::int64_t trial = 0; trial < max_evaluations; ++trial) {
      state.next_x = state.x + t * state.d;
      keep_in_bounds(f, state.next_x);
      const auto now = state.calls.gradient(f, state.next_x, state.next_gradient);
      if (now.reason == Reason::budget_spent) return;
      const bool usable = now.differentiable() && state.next_gradient.allFinite() &&
                          constrain(f, state.next_x, state.next_c, state.next_J, state);
      S next = std::numeric_limits<S>::infinity();
      if (usable) {
        next = now.value + weighed(f, state.weights, state.next_c);
        if (next <= merit + S(sufficient) * t * slope + noise) {
          move(f, state, now);
          return;
        }
      }
      if (usable && t == 1 && !corrected && relaxation == 0 && state.next_c.size() > 0 &&
          weighed(f, state.weights, state.next_c) > violated && correct(f, state)) {
        corrected = true;
        state.s.swap(state.d);  // the corrected step is tried once; d itself is what is shortened
        state.next_x = state.x + state.d;
        keep_in_bounds(f, state.next_x);
        const auto then = state.calls.gradient(f, state.next_x, state.next_gradient);
        state.s.swap(state.d);
        if (then.reason == Reason::budget_spent) return;
        if (then.differentiable() && state.next_gradient.allFinite() &&
            constrain(f, state.next_x, state.next_c, state.next_J, state) &&
            then.value + weighed(f, state.weights, state.next_c) <= merit + S(sufficient) * slope + noise) {
          move(f, state, then);
          return;
        }
      }
      // Along a parabola, but by no less than a tenth and no more than a half.
      const S parabola = usable && next > merit + t * slope ? -slope * t * t / (2 * (next - merit - t * slope)) : t / 2;
      t = std::clamp(parabola, t / 10, t / 2);
    }
    if (state.updates > 0) {  // a model that leads nowhere is forgotten
      state.hessian.setIdentity();
      state.updates = 0;
      return;
    }
    state.status = state.violation <= S(feasibility) ? Status::stalled : Status::infeasible;
  }

  template <class F, Point X>
  static void keep_in_bounds(const F& f, X& x) {
    if constexpr (Bounded<F, X>) {
      const auto& box = f.box();
      x = x.cwiseMax(box.lower).cwiseMin(box.upper);
    }
  }

  /// The second-order correction: the step whose linearized constraints make up for the curvature met at x + d. Leaves
  /// it in state.s; false if there is none.
  template <class F, Point X, class M>
  bool correct(const F& f, State<X, M>& state) const {
    auto& program = state.program;
    program.set.data.Q = state.hessian;
    program.set.data.c = state.gradient;
    program.set.data.normals = state.J.transpose();
    program.set.data.sides.noalias() = state.J * state.d;
    program.set.data.sides -= state.next_c;
    bound(f, state);
    program.set.x = state.d;
    program.set.multipliers = state.multipliers;
    program.set.bound_multipliers = state.bound_multipliers;
    program.set.active = state.active;
    run(program);
    if (program.status != Status::converged || !program.set.x.allFinite()) return false;
    if (program.set.x.norm() > 2 * state.d.norm()) return false;
    state.s = program.set.x;
    return true;
  }

  /// Moves to the trial point, and lets the model learn from what the Lagrangian's gradient did.
  template <class F, Point X, class M>
  void move(const F& f, State<X, M>& state, const Evaluation<ScalarOf<X>>& now) const {
    using S = ScalarOf<X>;
    state.calls.accept();
    state.s = state.next_x - state.x;
    differentiate_lagrangian(state, state.gradient, state.J, state.lagrangian_gradient);
    differentiate_lagrangian(state, state.next_gradient, state.next_J, state.y);
    state.y -= state.lagrangian_gradient;
    const S before = state.value + weighed(f, state.weights, state.c);
    const S after = now.value + weighed(f, state.weights, state.next_c);
    state.x.swap(state.next_x);
    state.gradient.swap(state.next_gradient);
    state.c.swap(state.next_c);
    state.J.swap(state.next_J);
    state.value = now.value;
    state.evaluation = now;
    state.violation = largest_violation(f, state.c);
    differentiate_lagrangian(state, state.gradient, state.J, state.lagrangian_gradient);
    update(state);
    // A model of many variables takes longer to renew itself.
    const auto patience = std::max<std::uint64_t>(8, std::uint64_t(state.x.size()) / 4);
    const S noise = 100 * std::numeric_limits<S>::epsilon() * std::max(std::abs(before), std::abs(after));
    // Where values differ by noise alone, what is left of the optimality conditions has to become less.
    const S square = state.lagrangian_gradient.squaredNorm() + state.violation * state.violation;
    if (before - after > noise) {
      state.steepness = 0;
      state.idle = 0;
    } else if (state.steepness == 0 || square < S(0.8) * state.steepness) {
      state.steepness = square;
      state.idle = 0;
    } else {
      ++state.idle;
    }
    if (state.idle >= patience) state.status = state.violation <= S(feasibility) ? Status::stalled : Status::infeasible;
  }

  /// B by the damped BFGS formula, from s and y.
  template <Point X, class M>
  static void update(State<X, M>& state) {
    using S = ScalarOf<X>;
    auto& B = state.hessian;
    const S ss = state.s.squaredNorm(), sy = state.s.dot(state.y);
    if (!(ss > 0) || !std::isfinite(sy)) return;
    if (state.updates == 0) {
      const S yy = state.y.squaredNorm();
      if (sy > S(1e-8) * std::sqrt(ss * yy))
        B = std::clamp(yy / sy, S(1e-6), S(1e6)) * MatrixOf<X>::Identity(state.x.size(), state.x.size());
    }
    state.d.noalias() = B * state.s;
    const S sBs = state.s.dot(state.d);
    if (!(sBs > 0)) return;
    if (sy < S(0.2) * sBs) {
      const S theta = S(0.8) * sBs / (sBs - sy);
      state.y = theta * state.y + (1 - theta) * state.d;
    }
    const S curvature = state.s.dot(state.y);
    if (!(curvature > std::numeric_limits<S>::epsilon() * ss)) return;
    for (Eigen::Index j = 0; j < B.cols(); ++j) {
      const S by_d = state.d[j] / sBs, by_y = state.y[j] / curvature;
      for (Eigen::Index i = 0; i < B.rows(); ++i) B(i, j) += state.y[i] * by_y - state.d[i] * by_d;
    }
    ++state.updates;
  }
};

}  // namespace mesaopt
