#pragma once

#include <algorithm>
#include <cmath>
#include <numbers>
#include <type_traits>
#include <utility>

#include <Eigen/Core>

#include <mesaopt/core/call.hpp>
#include <mesaopt/core/counts.hpp>
#include <mesaopt/core/evaluation.hpp>
#include <mesaopt/core/objective.hpp>
#include <mesaopt/core/point.hpp>
#include <mesaopt/objective/box.hpp>

namespace mesaopt {

namespace detail {

/// A coordinate x in its bounds as a function of an unbounded u, with two derivatives. See `in_box` for which function.
template <Real S>
struct Bend {
  S x, slope, curvature;

  Bend(S u, S lower, S upper) {
    using std::abs, std::cos, std::hypot, std::isfinite, std::sin;
    if (isfinite(lower) && isfinite(upper)) {
      const S h = upper / 2 - lower / 2, middle = lower + h;
      const S t = h > 0 ? (u - middle) / h : S(0);
      const S sine = sin(t);
      slope = h > 0 ? cos(t) : S(0);
      curvature = h > 0 ? -sine / h : S(0);
      // Near a bound the distance to it is what counts: from half the angle it comes without cancellation.
      const S half = (t + std::numbers::pi_v<S> / 2) / 2;
      x = abs(sine) < S(0.5) ? middle + h * sine
          : sine < 0         ? lower + 2 * h * sin(half) * sin(half)
                             : upper - 2 * h * cos(half) * cos(half);
      x = std::clamp(x, lower, upper);
    } else if (isfinite(lower)) {
      const S t = u - lower + 1, root = hypot(S(1), t);
      x = lower + t * (t / (1 + root));
      slope = t / root;
      curvature = 1 / (root * root * root);
    } else if (isfinite(upper)) {
      const Bend mirrored(-u, -upper, -lower);
      x = -mirrored.x;
      slope = mirrored.slope;
      curvature = -mirrored.curvature;
    } else {
      x = u;
      slope = 1;
      curvature = 0;
    }
  }

  /// The u nearest to x of those that become x.
  static S back(S x, S lower, S upper) {
    using std::abs, std::asin, std::atan2, std::isfinite, std::sqrt;
    if (isfinite(lower) && isfinite(upper)) {
      const S h = upper / 2 - lower / 2, middle = lower + h;
      if (!(h > 0)) return middle;
      const S sine = (x - middle) / h;
      const S t =
          abs(sine) < S(0.5) ? asin(sine) : 2 * atan2(sqrt(x - lower), sqrt(upper - x)) - std::numbers::pi_v<S> / 2;
      return middle + h * t;
    }
    if (isfinite(lower)) return lower - 1 + sqrt(x - lower) * sqrt(x - lower + 2);
    if (isfinite(upper)) return -back(-x, -upper, -lower);
    return x;
  }
};

/// The inner objective's memory, with room for the point in the box and the map's derivatives.
template <Point X, class M>
struct InBoxMemory : M {
  static_assert(std::is_class_v<typename M::Record>, "mesaopt: the Record of an objective must be a class");
  struct NoCost {
    Counts cost{};
  };
  struct Priced : M::Record, NoCost {};
  struct Record : std::conditional_t < requires(typename M::Record r) {
    r.cost;
  }, typename M::Record, Priced > {
    X x{}, slope{}, curvature{}, along{}, gradient{};
  };
  void absorb(const Record& record) { M::absorb(static_cast<const typename M::Record&>(record)); }
};

/// Hands on how batches of F are evaluated, if F says so.
template <class F>
struct SameEvaluator {
  explicit SameEvaluator(const F&) {}
};
template <class F>
requires requires(const F& f) { f.evaluator; }
struct SameEvaluator<F> {
  decltype(F::evaluator) evaluator;
  explicit SameEvaluator(const F& f) : evaluator(f.evaluator) {}
};

}  // namespace detail

/// An objective in unbounded variables u, whose points x stay in a box. See `in_box`.
template <class F, Point X>
class InBox : public detail::SameEvaluator<F> {
 public:
  static constexpr bool stochastic = is_stochastic<F>;
  template <class U>
  using Memory = detail::InBoxMemory<U, MemoryOf<F, U>>;
  using S = ScalarOf<X>;

  InBox(F objective, Box<X> box)
      : detail::SameEvaluator<F>(objective), f(std::move(objective)), bounds(std::move(box)) {
    bounds.check();
  }

  /// The point x in the box that u stands for.
  [[nodiscard]] X to_box(const X& u) const {
    bounds.check_size(u, "u");
    return X::NullaryExpr(u.size(), [&](Eigen::Index i) { return bend(u, i).x; });
  }

  /// The unbounded u that stands for x. Throws std::invalid_argument if x is not in the box.
  [[nodiscard]] X from_box(const X& x) const {
    bounds.check_inside(x, "x");
    return X::NullaryExpr(
        x.size(), [&](Eigen::Index i) { return detail::Bend<S>::back(x[i], bounds.lower[i], bounds.upper[i]); });
  }

  /// f(x(u)).
  Evaluation<S> operator()(const X& u, const Call<Memory<X>>& call) const requires detail::HasValue<F, X> {
    enter(u, call.record);
    return detail::evaluate(f, call.record.x, call.record.along, inner(call));
  }

  /// f(x(u)), and its gradient in u. No slope is above 1, so neither are gradient and its error larger than those of f.
  Evaluation<S> operator()(const X& u, X& gradient, const Call<Memory<X>>& call) const requires Differentiable<F, X> {
    enter(u, call.record);
    const Evaluation<S> evaluation = detail::evaluate_gradient(f, call.record.x, gradient, inner(call));
    gradient.array() *= call.record.slope.array();
    return evaluation;
  }

  /// out = (second derivative in u) v. Takes a gradient of f besides, which is counted.
  void hessian_product(const X& u, const X& v, X& out, const Call<Memory<X>>& call) const requires
      Differentiable<F, X> && detail::HasHessianProduct<F, X> {
    auto& record = call.record;
    enter_with_gradient(u, call);
    record.along = record.slope.cwiseProduct(v);
    detail::evaluate_hessian_product(f, record.x, record.along, out, inner(call));
    out.array() = record.slope.array() * out.array() + record.curvature.array() * record.gradient.array() * v.array();
  }

  /// H = second derivative in u. Takes a gradient of f besides, which is counted.
  void hessian(const X& u, MatrixOf<X>& H,
               const Call<Memory<X>>& call) const requires Differentiable<F, X> && detail::HasHessian<F, X> {
    auto& record = call.record;
    enter_with_gradient(u, call);
    detail::evaluate_hessian(f, record.x, H, inner(call));
    for (Eigen::Index j = 0; j < H.cols(); ++j) {
      H.col(j).array() *= record.slope.array() * record.slope[j];
      H(j, j) += record.curvature[j] * record.gradient[j];
    }
  }

 private:
  using M = MemoryOf<F, X>;
  using Record = typename Memory<X>::Record;
  F f;
  Box<X> bounds;

  detail::Bend<S> bend(const X& u, Eigen::Index i) const { return {u[i], bounds.lower[i], bounds.upper[i]}; }

  static Call<M> inner(const Call<Memory<X>>& call) {
    return {static_cast<const M&>(call.memory), static_cast<typename M::Record&>(call.record), call.tolerance,
            call.index};
  }

  void enter(const X& u, Record& record) const {
    bounds.check_size(u, "u");
    for (X* part : {&record.x, &record.slope, &record.curvature})
      if (part->size() != u.size()) part->resize(u.size());
    for (Eigen::Index i = 0; i < u.size(); ++i) {
      const auto bent = bend(u, i);
      record.x[i] = bent.x;
      record.slope[i] = bent.slope;
      record.curvature[i] = bent.curvature;
    }
  }

  void enter_with_gradient(const X& u, const Call<Memory<X>>& call) const {
    enter(u, call.record);
    call.record.gradient.resize(u.size());
    ++call.record.cost.gradients;
    detail::evaluate_gradient(f, call.record.x, call.record.gradient, inner(call));
  }
};

/// The objective f in variables u that are free, for an optimizer that knows no bounds; its points x stay in the box.
///
///     auto free = in_box(f, box);
///     auto solution = minimize(free, free.from_box(x0), Lbfgs{});
///     auto x = free.to_box(solution.x);
///
/// A coordinate with two bounds, their middle m and half their distance h, is x = m + h sin((u - m) / h); one with a
/// lower bound l is x = l - 1 + sqrt(1 + t^2), t = u - l + 1; one with an upper bound is its mirror image. So u is x
/// near the middle and far from a single bound, and no slope dx/du is above 1. Value, gradient and second derivatives
/// of f are carried over.
///
/// Why these: an optimum in a corner of the box lies at a finite u, where f is as smooth and as curved as anywhere,
/// and gradient methods reach it to the last digit in a few steps. Maps that send the bounds to infinity (logistic,
/// tanh, u / sqrt(1 + u^2)) make corners a slope that runs out forever, and a step too far into one is stuck on a
/// plateau. The price is that dx/du = 0 on a bound: a start that lies on one stays on it, even on the wrong one, so
/// start inside; and one x is met again by other u.
/// James and Roos (1975), "Minuit: a system for function minimization and analysis of the parameter errors and
/// correlations", whose maps these are, up to the scaling.
///
/// Throws std::invalid_argument for a box that is none (see Box), or of another size than the point.
template <class F, Point X>
requires Objective<F, X> InBox<F, X> in_box(F f, Box<X> box) { return {std::move(f), std::move(box)}; }

}  // namespace mesaopt
