#pragma once

#include <concepts>
#include <type_traits>
#include <utility>

#include <mesaopt/core/search.hpp>

namespace mesaopt {

/// Minimizes f from `start` (a point, or a prior) until `stopping` says so, and answers the best that was found.
///
///     auto solution = minimize(f, x0, Lbfgs{.memory = 10}, GradientBelow{1e-8} || MaxEvaluations{1000});
///
/// Each observer is called as `observer(state, progress)` at the start and after every step; one that answers a Status
/// other than `running` ends the run.
/// Throws std::invalid_argument for an empty or non-finite start or a setting out of range; what f throws passes
/// through.
template <class F, Start P, class O, StoppingRule R, class... Observers>
requires OptimizerFor<O, F, PointOf<P>> Solution<StateOf<O, F, PointOf<P>>> minimize(const F& f, const P& start,
                                                                                     const O& optimizer,
                                                                                     const R& stopping,
                                                                                     const Observers&... observers) {
  RunOf<O, R, F, PointOf<P>> run;
  begin(f, start, optimizer, stopping, run, observers...);
  resume(f, optimizer, stopping, run, observers...);
  return solution(std::move(run));
}

/// The same with the optimizer's own default stopping rule.
template <class F, Start P, class O>
requires OptimizerFor<O, F, PointOf<P>> Solution<StateOf<O, F, PointOf<P>>> minimize(const F& f, const P& start,
                                                                                     const O& optimizer) {
  return as_search(optimizer)(f, start);
}

/// The same with a Search.
template <class F, Start P, class O, StoppingRule R>
requires OptimizerFor<O, F, PointOf<P>> Solution<StateOf<O, F, PointOf<P>>> minimize(const F& f, const P& start,
                                                                                     const Search<O, R>& search) {
  return search(f, start);
}

namespace detail {
template <class F, class X>
inline constexpr bool callable_if_mutable = requires(std::remove_const_t<F>& f, const X& x, X& g) {
  f(x);
}
|| requires(std::remove_const_t<F>& f, const X& x, X& g) { f(x, g); };
template <class O>
struct OptimizerIn {
  using type = O;
};
template <class O, class R>
struct OptimizerIn<Search<O, R>> {
  using type = O;
};

template <class... Rest>
inline constexpr bool stopping_comes_first = true;
template <class First, class... Rest>
inline constexpr bool stopping_comes_first<First, Rest...> = StoppingRule<First>;

/// Says in one sentence what is missing for O to minimize F from P.
template <class F, class P, class Given, class... Rest>
constexpr void explain() {
  static_assert(
      Start<P>,
      "mesaopt: the start must be a plain Eigen column vector of float or double (Eigen::VectorXd, Eigen::Vector2d, "
      "...) or a prior. For an expression, write its type: Eigen::VectorXd x0 = Eigen::VectorXd::Zero(2);");
  if constexpr (Start<P>) {
    using X = PointOf<P>;
    using O = typename OptimizerIn<Given>::type;
    if constexpr (!Objective<F, X>) {
      static_assert(!Remembers<F, X>,
                    "mesaopt: an objective that declares a Memory takes a const Call<Memory<X>>& as its last argument: "
                    "f(x, call) -> number, or f(x, gradient, call) -> number");
      static_assert(
          Remembers<F, X> || !callable_if_mutable<F, X>,
          "mesaopt: calling the objective must not change it. Make its operator() const (a lambda: not mutable); "
          "what it remembers belongs into a Memory (core/call.hpp)");
      static_assert(Remembers<F, X> || callable_if_mutable<F, X>,
                    "mesaopt: the objective must be callable as f(x) -> number, or f(x, gradient) -> number, "
                    "with x and gradient of the start's type");
    } else {
      constexpr bool lacks_gradient = needs_gradient<O> && !Differentiable<F, X>;
      if constexpr (lacks_gradient && requires { F::template explain_no_gradient<X>(); })
        F::template explain_no_gradient<X>();
      else
        static_assert(!lacks_gradient,
                      "mesaopt: this optimizer needs gradients. Give f(x, gradient) -> value, or wrap the objective: "
                      "finite_difference(f), or forward_mode(f) if f is a template");
      static_assert(!Bounded<F, X> || handles_bounds<O>,
                    "mesaopt: this optimizer does not keep bounds. Use in_box(f, box), which transforms the variables, "
                    "or an optimizer that keeps them (LbfgsB, CmaEs)");
      static_assert(
          !Constrained<F, X> || handles_constraints<O>,
          "mesaopt: this optimizer does not heed constraints. Use one that does (AugmentedLagrangian{...} around "
          "this one)");
      static_assert(!lacks_jacobian<O, F, X> || !handles_constraints<O>,
                    "mesaopt: this optimizer needs the Jacobian of the constraints. Give f.constraints(x, c, J) beside "
                    "f.constraints(x, c), or use a search without gradients (AugmentedLagrangian{CmaEs{}})");
      static_assert(!Regularized<F, X> || handles_regularizer<O>,
                    "mesaopt: this optimizer does not heed a regularizer. Use one that does (ProximalGradient, Fista)");
      constexpr bool lacks_constraints = needs_constraints<O> && !Constrained<F, X>;
      static_assert(!lacks_constraints,
                    "mesaopt: this optimizer is for objectives with constraints, and this one has none that it knows "
                    "of: give f.equalities(), f.inequalities() and f.constraints(x, c), or use the optimizer that is "
                    "inside of it by itself");
      if constexpr (!OptimizerFor<O, F, X> && requires { O::template explain_refusal<F, X>(); }) {
        O::template explain_refusal<F, X>();
      } else if constexpr (!lacks_gradient && !lacks_constraints && heeds<O, F, X>) {
        static_assert(OptimizerFor<O, F, X>,
                      "mesaopt: this type is no optimizer for the objective: it needs a template State<X, M> and const "
                      "init(f, start, state) and step(f, state). See core/optimizer.hpp");
        static_assert(!OptimizerFor<O, F, X> || sizeof...(Rest) == 0 || std::same_as<O, Given>,
                      "mesaopt: a Search has a stopping rule already; write minimize(f, start, search), or "
                      "minimize(f, start, optimizer, stopping, observers...)");
        static_assert(!OptimizerFor<O, F, X> || stopping_comes_first<Rest...> || !std::same_as<O, Given>,
                      "mesaopt: after the optimizer comes a stopping rule, such as GradientBelow{1e-8} || "
                      "MaxEvaluations{1000}, then observers");
      }
    }
  }
}
}  // namespace detail

/// Chosen only when something above is missing: names what it is.
template <class F, class P, class O, class... Rest>
int minimize(const F&, const P&, const O&, const Rest&...) {
  detail::explain<F, P, O, Rest...>();
  return 0;
}

}  // namespace mesaopt
