#pragma once

#include <concepts>
#include <limits>
#include <stdexcept>
#include <string>
#include <type_traits>

#include <Eigen/Core>

#include <mesaopt/core/call.hpp>
#include <mesaopt/core/evaluation.hpp>
#include <mesaopt/core/point.hpp>
#include <mesaopt/core/run.hpp>
#include <mesaopt/core/stopping.hpp>
#include <mesaopt/nested/outer_at.hpp>
#include <mesaopt/nested/places.hpp>
#include <mesaopt/nested/start.hpp>

namespace mesaopt {

namespace detail {
/// Solves the inner problem whose start is x itself; false, the gradient being NaN, where that failed.
template <class R, Point X, class M>
bool solve_from_outer(const char* who, const R& response, const X& x, const Call<M>& call, X& gradient) {
  using Y = typename R::template Y<X>;
  using StartPlace = std::remove_cvref_t<decltype(response.start)>;
  static_assert(is_cold<StartPlace> && depends_on_outer<std::remove_cvref_t<decltype(response.start.from)>> &&
                    std::same_as<typename R::template Types<X>::From, Y>,
                "mesaopt: hypergradients in the start are for an inner start that is the outer point: from_outer()");
  auto& record = call.record.response;
  response.solve(x, call.memory.response, record, call.tolerance);
  gradient.setConstant(x.size(), std::numeric_limits<ScalarOf<X>>::quiet_NaN());
  if (!record.solved) return false;
  if (best_point(record.run).size() != x.size())
    throw std::invalid_argument(std::string(who) + ": the inner start must be the outer point, of size " +
                                std::to_string(x.size()) + ", but the inner solution has size " +
                                std::to_string(best_point(record.run).size()));
  return true;
}
}  // namespace detail

/// The hypergradient in the start y₀ = x of an inner run that ends at y, as if dy/dx were the identity:
/// ∂F/∂x + ∂F/∂y. No second derivatives; an approximation, and labelled so.
///
/// The start of the response has to be `from_outer()`; any other that depends on the outer point, and has its size, is
/// taken for it. Finn, Abbeel & Levine (2017), "Model-agnostic meta-learning for fast adaptation of deep networks",
/// section 5.2 (FOMAML).
struct FirstOrderMaml {
  template <class Outer, class R, Point X, class M>
  Evaluation<ScalarOf<X>> pull(const Outer& outer, const R& response, const X& x, const Call<M>& call,
                               X& gradient) const {
    using S = ScalarOf<X>;
    if (!detail::solve_from_outer("FirstOrderMaml", response, x, call, gradient))
      return Evaluation<S>::failure(Reason::inner_failed);
    auto evaluation = detail::outer_gradient_at(outer, x, best_point(call.record.response.run), gradient, call);
    if (!evaluation.differentiable()) {
      gradient.setConstant(std::numeric_limits<S>::quiet_NaN());
      return evaluation;
    }
    gradient += call.record.outer_y;
    detail::mark_inexact(evaluation, Reason::first_order_gradient);
    return evaluation;
  }
};

/// The way from the start x to where the inner run ends, (x − y) / learning_rate, in place of a hypergradient in the
/// start. It needs no outer gradient, and is the gradient of no function in general. For starts as in FirstOrderMaml.
///
/// Nichol, Achiam & Schulman (2018), "On first-order meta-learning algorithms", algorithm 1 and section 3.
struct Reptile {
  double learning_rate = 1;  ///< of the inner run, by which the way is divided
  static constexpr bool needs_outer_gradient = false;

  /// Throws std::invalid_argument for a setting out of its range.
  void check() const {
    if (!(learning_rate > 0)) detail::refuse("Reptile::learning_rate", learning_rate, "it must be more than 0");
  }
  template <class Outer, class R, Point X, class M>
  Evaluation<ScalarOf<X>> pull(const Outer& outer, const R& response, const X& x, const Call<M>& call,
                               X& gradient) const {
    using S = ScalarOf<X>;
    check();
    if (!detail::solve_from_outer("Reptile", response, x, call, gradient))
      return Evaluation<S>::failure(Reason::inner_failed);
    const auto& y = best_point(call.record.response.run);
    auto evaluation = detail::outer_value_at(outer, x, y, call);
    if (!evaluation.usable()) return evaluation;
    gradient = (x - y) / S(learning_rate);
    detail::mark_inexact(evaluation, Reason::first_order_gradient);
    return evaluation;
  }
};

}  // namespace mesaopt
