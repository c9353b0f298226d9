#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <utility>

#include <Eigen/Core>

#include <mesaopt/core/call.hpp>
#include <mesaopt/core/evaluation.hpp>
#include <mesaopt/core/point.hpp>
#include <mesaopt/core/random.hpp>
#include <mesaopt/core/run.hpp>
#include <mesaopt/core/stopping.hpp>
#include <mesaopt/nested/nested.hpp>
#include <mesaopt/nested/outer_at.hpp>

namespace mesaopt {

/// A hypergradient that is checked now and then against a difference of F. See `spot_checked`.
template <class Hypergradient>
struct SpotChecked {
  Hypergradient hypergradient{};
  std::uint64_t every = 10;  ///< evaluations, of which one is checked
  double accept = 1e-3;      ///< difference along a direction, relative to the norm of the gradient
  double step = 1e-4;        ///< of the difference, relative to max(1, |x|)
  std::uint64_t seed = 0;

  static constexpr bool needs_outer_gradient = [] {
    if constexpr (requires { Hypergradient::needs_outer_gradient; })
      return bool(Hypergradient::needs_outer_gradient);
    else
      return true;
  }();
  template <class Outer, class R, Point X>
  using Memory = typename detail::HypergradientMemory<Hypergradient, Outer, R, X>::type;

  /// Throws std::invalid_argument for a setting out of its range.
  void check() const {
    if (every < 1) detail::refuse("SpotChecked::every", double(every), "it must be 1 or more");
    if (!(accept > 0)) detail::refuse("SpotChecked::accept", accept, "it must be more than 0");
    if (!(step > 0)) detail::refuse("SpotChecked::step", step, "it must be more than 0");
  }

  template <class Outer, class R, Point X, class M>
  Evaluation<ScalarOf<X>> pull(const Outer& outer, const R& response, const X& x, const Call<M>& call,
                               X& gradient) const {
    using S = ScalarOf<X>;
    check();
    if (call.index % every != 0) return hypergradient.pull(outer, response, x, call, gradient);
    X direction(x.size());
    Random{seed}.split(call.index).fill_normal(direction);
    direction /= direction.norm();
    const S h = S(step) * std::max(S(1), x.norm());
    const auto value = [&](const X& point) {
      auto& record = call.record.response;
      response.solve(point, call.memory.response, record);
      return record.solved ? detail::outer_value_at(outer, point, best_point(record.run), call)
                           : Evaluation<S>::failure(Reason::inner_failed);
    };
    const auto above = value(X(x + h * direction)), below = value(X(x - h * direction));
    auto evaluation = hypergradient.pull(outer, response, x, call, gradient);
    if (!evaluation.differentiable() || !above.usable() || !below.usable()) return evaluation;
    const S difference = (above.value - below.value) / (2 * h);
    const S rounding = 1000 * std::numeric_limits<S>::epsilon() * std::abs(evaluation.value) / h;
    const S noise = (above.value_error + below.value_error) / h + rounding + evaluation.gradient_error;
    const S discrepancy = std::abs(gradient.dot(direction) - difference);
    if (!(discrepancy <= S(accept) * gradient.norm() + noise)) {
      gradient.setConstant(std::numeric_limits<S>::quiet_NaN());
      evaluation.verdict = evaluation.certificate.verdict = Verdict::not_differentiable;
      evaluation.reason = evaluation.certificate.reason = Reason::spot_check_failed;
    }
    return evaluation;
  }
};

/// The same hypergradient, but the first of every so many evaluations is checked against a central difference of F
/// along a random direction, which costs two more inner solves and allocates. One that disagrees, by more than it says
/// it may err, is refused: the evaluation is `not_differentiable`, for `Reason::spot_check_failed`, and the gradient
/// NaN.
///
///     nested(outer, training, spot_checked(Implicit{}, 20))
template <class Hypergradient>
SpotChecked<Hypergradient> spot_checked(Hypergradient hypergradient, std::uint64_t every = 10) {
  return {std::move(hypergradient), every};
}

}  // namespace mesaopt
