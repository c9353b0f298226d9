#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <tuple>

#include <Eigen/Core>

#include <mesaopt/core/calls.hpp>
#include <mesaopt/core/optimizer.hpp>
#include <mesaopt/core/prior.hpp>
#include <mesaopt/core/residuals.hpp>
#include <mesaopt/core/status.hpp>
#include <mesaopt/core/stopping.hpp>
#include <mesaopt/gradient/column_products.hpp>
#include <mesaopt/gradient/kept_box.hpp>
#include <mesaopt/gradient/linearized_residuals.hpp>

namespace mesaopt {

/// In which units of the variables a least-squares method measures its steps.
enum class LeastSquaresScaling : std::uint8_t {
  none,      ///< as they come
  marquardt  ///< by the largest norms that the columns of the Jacobian have had: steps do not depend on units
};

/// A prior that knows how far its linearizations could be trusted.
template <class P>
concept HasTrustRadius = requires(const P& p) {
  p.trust_radius;
  p.memory_of_steps.damping;
};

/// What all trust-region methods for least squares have in common: a step from the linearized residuals, and what to
/// make of it. See LevenbergMarquardt, PowellDogleg and DampedGaussNewton. `Steps` is a piece such as DampedStep:
///
///     steps.reserve(n, memory)                                         // sizes the scratch
///     steps(model, gradient, scale, radius, fresh, memory, count, p)   // fills p, answers |Dp|; 0: there is none
///     steps.predicted(model, gradient, p, length, memory)              // what the model says the value falls by
///     steps.whole(memory)                                              // the step was not shortened for the radius
///     steps.rescale(memory, factor)                                    // the next radius is `factor` times the last
///
/// where `fresh` says that the point is a new one, and `memory.damping` is the λ of the last step.
template <class Steps>
struct TrustRegionLeastSquares {
  Steps steps{};  ///< how a step is found within the radius
  LeastSquaresSolver solver = LeastSquaresSolver::cholesky;
  LeastSquaresScaling scaling = LeastSquaresScaling::none;
  double first_radius = 0.2;  ///< this and the rest as in LevenbergMarquardt
  double acceleration = 0;
  double value_tolerance = 0, step_tolerance = 0, cosine_tolerance = 0;

  static constexpr bool needs_gradient = true;
  static constexpr bool handles_bounds = Steps::handles_bounds;

  template <Point X, class M = Nothing>
  struct State {
    using S = ScalarOf<X>;
    static constexpr bool monotone = true;

    X x{};
    S value = std::numeric_limits<S>::quiet_NaN();
    X gradient{};
    Evaluation<S> evaluation{};
    Status status = Status::running;
    ResidualsOf<X> residuals{};
    JacobianOf<X> jacobian{};
    X scale{};           ///< D
    S trust_radius = 0;  ///< the longest step that the linearization is trusted for, as |Dp|
    typename Steps::template Memory<X> memory_of_steps{};
    S floor = 0;           ///< values up to this are zero to rounding
    S lowest = 0;          ///< least value so far: noise may not add up to a rise
    bool trusting = true;  ///< the last step was good: the next is tried with its Jacobian
    KeptBox<X> box{};
    Calls<X, M> calls{};

    detail::LinearizedResiduals<X> model{};  ///< scratch, as all that follows
    X p{}, bent_step{}, next_x{}, next_gradient{}, low{}, high{};
    ResidualsOf<X> next_residuals{}, bent{};
    JacobianOf<X> next_jacobian{};

    /// The gradient, but 0 where it presses against a bound that x is at.
    [[nodiscard]] const X& stationarity() const { return box.bounded ? box.projected : gradient; }

    static constexpr auto fields() {
      return std::tuple{&State::x,        &State::value,     &State::gradient,     &State::evaluation,
                        &State::status,   &State::residuals, &State::jacobian,     &State::scale,
                        &State::floor,    &State::lowest,    &State::trust_radius, &State::memory_of_steps,
                        &State::trusting, &State::box,       &State::calls};
    }
  };

  template <class F, Start P, class M>
  requires LeastSquares<F, PointOf<P>>
  void init(const F& f, const P& start, State<PointOf<P>, M>& state) const {
    using S = ScalarOf<PointOf<P>>;
    check();
    state.x = detail::start_point(start);
    state.box.enter(f, state.x);
    state.residuals.resize(f.residual_count());
    prepare(state);
    state.status = Status::running;
    state.trusting = true;
    state.calls.begin(start);
    state.evaluation = state.calls.residuals(f, state.x, state.residuals, state.jacobian);
    state.value = state.lowest = state.evaluation.value;
    if (!state.evaluation.usable()) {
      state.status = Status::bad_start;
      return;
    }
    if (!state.evaluation.differentiable()) {
      state.status = Status::not_differentiable;
      return;
    }
    state.calls.accept();
    detail::transposed_product(state.jacobian, state.residuals, state.gradient);
    state.box.project(state.x, state.gradient);
    constexpr S epsilon = std::numeric_limits<S>::epsilon();
    state.floor = epsilon * epsilon * std::min(S(1), state.value);
    state.scale.setOnes();
    if (scaling == LeastSquaresScaling::marquardt)
      for (Eigen::Index j = 0; j < state.x.size(); ++j) {
        const S norm = state.jacobian.col(j).norm();
        if (norm > 0) state.scale[j] = norm;
      }
    const S reach = state.scale.cwiseProduct(state.x).norm();
    state.trust_radius = S(first_radius) * (reach > 0 ? reach : S(1));
    state.memory_of_steps.damping = 0;
    if constexpr (HasTrustRadius<P>) {
      if (start.trust_radius > 0) {
        state.trust_radius = S(start.trust_radius);
        state.memory_of_steps.damping = S(start.memory_of_steps.damping);
      }
    }
  }

  template <class F, Point X, class M>
  requires LeastSquares<F, X>
  void step(const F& f, State<X, M>& state) const {
    using S = ScalarOf<X>;
    constexpr S epsilon = std::numeric_limits<S>::epsilon();
    if (state.p.size() != state.x.size()) prepare(state);
    auto& model = state.model;
    model.form(state.jacobian, state.residuals, solver);
    if (scaling == LeastSquaresScaling::marquardt)
      for (Eigen::Index j = 0; j < state.x.size(); ++j)
        state.scale[j] = std::max(state.scale[j], std::sqrt(model.square(j)));
    if (state.value <= state.floor || orthogonal(state)) {
      state.status = Status::converged;
      return;
    }
    if (state.box.bounded) {
      state.low = state.box.box.lower - state.x;
      state.high = state.box.box.upper - state.x;
      model.keep_between(state.low, state.high, state.gradient);
    } else {
      model.keep_nothing();
    }
    S reach(0);  // |Dx|²
    for (Eigen::Index j = 0; j < state.x.size(); ++j) reach += square(state.scale[j] * state.x[j]);
    const S radius = state.trust_radius;
    if constexpr (Steps::starts_afresh) state.trust_radius = std::numeric_limits<S>::infinity();
    S first_length = 0;
    Status trouble = Status::stalled;
    const auto end = [&](Status status) {
      state.trust_radius = radius;
      state.status = status;
    };
    for (bool fresh = true;; fresh = false) {
      const S length = steps(model, state.gradient, state.scale, state.trust_radius, fresh, state.memory_of_steps,
                             state.calls.counts[0].factorizations, state.p);
      if (!(length > 0)) return end(Status::stalled);
      if (fresh) first_length = length;
      if (fresh && state.calls.counts[0].iterations == 0) state.trust_radius = std::min(state.trust_radius, length);
      const S predicted = steps.predicted(model, state.gradient, state.p, length, state.memory_of_steps);
      if (state.box.bounded && !(predicted > 0)) return end(Status::stalled);
      if (acceleration > 0) {
        accelerate(f, state, length);
        if (state.calls.exhausted()) return;
      }
      state.next_x = state.x + state.p;
      state.box.keep(state.x, state.next_x);
      if (state.next_x == state.x || square(state.trust_radius) <= square(epsilon) * reach)
        return end(square(first_length) <= epsilon * reach ? Status::converged : trouble);
      // Where values cancel, their rounding is larger than that of their size, but hardly larger than this.
      const bool by_gradient = predicted <= std::pow(epsilon, S(2) / 3) * state.value;
      const bool with_jacobian = by_gradient || state.trusting;
      auto now = with_jacobian ? state.calls.residuals(f, state.next_x, state.next_residuals, state.next_jacobian)
                               : state.calls.residuals(f, state.next_x, state.next_residuals);
      if (now.reason == Reason::budget_spent) return;
      bool good = now.differentiable();
      if (!good) trouble = now.verdict == Verdict::not_differentiable ? Status::not_differentiable : Status::non_finite;
      if (good && by_gradient) {  // values may differ by rounding only, but gradients still tell
        if (improves_gradient(state, now.value)) return move(state, now);
        if (predicted <= 64 * epsilon * state.value) return end(Status::converged);
      }
      const S fall = state.value - now.value, ratio = good ? fall / predicted : S(-1);
      if (good) trouble = Status::stalled;
      good = good && ratio >= S(0.1);
      if (good && !with_jacobian) {
        now = state.calls.residuals(f, state.next_x, state.next_residuals, state.next_jacobian);
        if (now.reason == Reason::budget_spent) return;
        good = now.differentiable();
        if (!good) trouble = Status::not_differentiable;
      }
      adapt(state, now.value, good ? ratio : std::min(ratio, S(0)), length, ratio > S(-1));
      if (good) {
        const bool small = (value_tolerance > 0 && std::max(predicted, fall) <= S(value_tolerance) * state.value) ||
                           (step_tolerance > 0 && square(length) <= square(S(step_tolerance)) * reach);
        move(state, now);
        if (small) state.status = Status::converged;
        return;
      }
      state.trusting = false;
    }
  }

  /// Throws std::invalid_argument for a setting out of its range.
  void check() const {
    const auto refuse = [](const char* setting, double value, const char* wants) {
      detail::refuse((std::string(Steps::method) + "::" + setting).c_str(), value, wants);
    };
    if (!(first_radius > 0)) refuse("first_radius", first_radius, "it must be more than 0");
    if (!(acceleration >= 0)) refuse("acceleration", acceleration, "it must be 0 or more");
    if (!(value_tolerance >= 0)) refuse("value_tolerance", value_tolerance, "it must be 0 or more");
    if (!(step_tolerance >= 0)) refuse("step_tolerance", step_tolerance, "it must be 0 or more");
    if (!(cosine_tolerance >= 0)) refuse("cosine_tolerance", cosine_tolerance, "it must be 0 or more");
  }

 private:
  template <class S>
  static S square(S v) {
    return v * v;
  }

  /// Gives the scratch of a state its size: a state that was loaded has none.
  template <Point X, class M>
  void prepare(State<X, M>& state) const {
    const Eigen::Index n = state.x.size(), m = state.residuals.size();
    for (X* vector : {&state.gradient, &state.scale, &state.p, &state.bent_step, &state.next_x, &state.next_gradient})
      vector->resize(n);
    if (state.box.bounded)
      for (X* vector : {&state.low, &state.high}) vector->resize(n);
    state.next_residuals.resize(m);
    state.next_jacobian.resize(m, n);
    if (acceleration > 0) state.bent.resize(m);
    state.model.resize(n, solver, state.box.bounded);
    steps.reserve(n, state.memory_of_steps);
  }

  /// True if the residuals are orthogonal to every column of the Jacobian.
  template <Point X, class M>
  bool orthogonal(const State<X, M>& state) const {
    using S = ScalarOf<X>;
    const S least = std::max(S(cosine_tolerance), std::numeric_limits<S>::epsilon());
    const X& gradient = state.stationarity();
    for (Eigen::Index j = 0; j < state.x.size(); ++j)
      if (!(square(gradient[j]) <= square(least) * state.model.square(j) * 2 * state.value)) return false;
    return true;
  }

  /// True if the gradient at the next point is smaller than here, in the metric of the last factorization.
  template <Point X, class M>
  bool improves_gradient(State<X, M>& state, ScalarOf<X> value) const {
    using S = ScalarOf<X>;
    if (!(value <= state.lowest * (1 + std::pow(std::numeric_limits<S>::epsilon(), S(2) / 3)))) return false;
    detail::transposed_product(state.next_jacobian, state.next_residuals, state.next_gradient);
    state.bent_step = state.gradient;
    return state.model.inverse_square(state.next_gradient) < S(0.8) * state.model.inverse_square(state.bent_step);
  }

  template <Point X, class M>
  void adapt(State<X, M>& state, ScalarOf<X> value, ScalarOf<X> ratio, ScalarOf<X> length, bool usable) const {
    using S = ScalarOf<X>;
    if (ratio < S(0.25)) {
      S factor(0.5);
      if (!usable)
        factor = S(0.1);
      else if (value > state.value) {
        const S slope = -state.gradient.dot(state.p);  // the fall to first order
        factor = std::clamp(S(0.5) * slope / (slope + value - state.value), S(0.1), S(0.5));
      }
      state.trust_radius = factor * std::min(state.trust_radius, 10 * length);
      steps.rescale(state.memory_of_steps, factor);
    } else if (ratio >= S(0.9) || steps.whole(state.memory_of_steps)) {
      state.trust_radius = S(1.5) * length;
      steps.rescale(state.memory_of_steps, S(2));
    }
  }

  template <Point X, class M>
  void move(State<X, M>& state, const Evaluation<ScalarOf<X>>& now) const {
    state.calls.accept();
    state.x.swap(state.next_x);
    state.residuals.swap(state.next_residuals);
    state.jacobian.swap(state.next_jacobian);
    detail::transposed_product(state.jacobian, state.residuals, state.gradient);
    state.box.project(state.x, state.gradient);
    state.value = now.value;
    state.lowest = std::min(state.lowest, now.value);
    state.evaluation = now;
    state.trusting = true;
  }

  /// Bends the step along the second derivative of the residuals in its direction.
  template <class F, Point X, class M>
  void accelerate(const F& f, State<X, M>& state, ScalarOf<X> length) const {
    using S = ScalarOf<X>;
    const S h = S(0.1);
    state.next_x = state.x + h * state.p;
    const auto now = state.calls.residuals(f, state.next_x, state.next_residuals);
    if (!now.usable()) return;
    state.bent.noalias() = state.jacobian * state.p;
    state.bent = (2 / h) * ((state.next_residuals - state.residuals) / h - state.bent);
    detail::transposed_product(state.jacobian, state.bent, state.next_gradient);
    state.model.solve(state.next_gradient);
    const S bend = state.scale.cwiseProduct(state.next_gradient).norm();
    if (std::isfinite(bend) && 2 * bend <= S(acceleration) * length) state.p -= state.next_gradient / 2;
    if (state.box.bounded) state.p = state.p.cwiseMax(state.low).cwiseMin(state.high);
  }
};

}  // namespace mesaopt
