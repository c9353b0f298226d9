#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>

#include <Eigen/Core>

#include <mesaopt/core/evaluation.hpp>
#include <mesaopt/core/objective.hpp>
#include <mesaopt/nested/places.hpp>
#include <mesaopt/nested/response.hpp>

namespace mesaopt::detail {

/// out = ∂/∂x (∂g/∂y · v): the family's own `mixed_product`, else central differences of gradients, one coordinate of x
/// after the other.
template <class Place, Point X, Point Y, class C>
void mixed_product(const Place& place, const X& x, const Y& y, const Y& v, X& out, X& moved, Y& scratch, C& calls) {
  using S = ScalarOf<Y>;
  using F = PlacedOf<Place, X>;
  out.setZero(x.size());
  if constexpr (!depends_on_outer<Place>) {
    return;
  } else if constexpr (!Remembers<F, Y> && requires { place.g.mixed_product(x, y, v, out); }) {
    ++calls.counts[0].hessian_products;
    place.g.mixed_product(x, y, v, out);
  } else if constexpr (Remembers<F, Y> &&
                       requires(const Call<MemoryOf<F, Y>>& call) { place.g.mixed_product(x, y, v, out, call); }) {
    ++calls.counts[0].hessian_products;
    calls.make([&](const auto& call) { place.g.mixed_product(x, y, v, out, call); });
  } else {
    scratch.resize(y.size());
    moved = x;
    for (Eigen::Index j = 0; j < x.size(); ++j) {
      const S h = std::cbrt(std::numeric_limits<S>::epsilon()) * std::max(S(1), std::abs(x[j]));
      calls.counts[0].gradients += 2;
      moved[j] = x[j] + h;
      calls.make([&](const auto& call) { evaluate_gradient(placed(place, moved), y, scratch, call); });
      const S above = scratch.dot(v);
      moved[j] = x[j] - h;
      calls.make([&](const auto& call) { evaluate_gradient(placed(place, moved), y, scratch, call); });
      out[j] = (above - scratch.dot(v)) / (2 * h);
      moved[j] = x[j];
    }
  }
}

/// How exactly an adjoint is asked for, and what is refused.
struct AdjointSettings {
  double tolerance, accept_residual, accept_distance;
  Eigen::Index dense_limit;
  std::int64_t max_iterations;
};

/// The linear system (∂²g/∂y²)' λ = ∂F/∂y at the inner solution y, for a solver to fill `record.adjoint`, in which it
/// finds the previous adjoint, or zero. `record.gradient` holds the inner gradient at y.
template <class Place, class F, class X, class Y, class Record>
struct AdjointSystem {
  using S = ScalarOf<Y>;

  const AdjointSettings& with;
  const Place& place;
  const F& f;
  const X& x;
  const Y& y;
  Record& record;
  const Y& right;  ///< ∂F/∂y

  /// The relative error of second derivatives beyond rounding.
  static S noise() { return hessian_noise<F, Y>(); }

  auto& calls() const { return record.run.state.calls; }
  [[nodiscard]] S scale() const { return std::max(S(1), y.norm()); }

  /// Most iterations of a Krylov method: twice the variables, at least 20, unless told otherwise.
  [[nodiscard]] std::uint64_t limit() const {
    return std::uint64_t(with.max_iterations > 0 ? with.max_iterations : std::max<Eigen::Index>(20, 2 * y.size()));
  }

  /// q = (∂²g/∂y²) p.
  void product(const Y& p, Y& q) const { calls().hessian_product(f, y, p, q); }

  /// q = (∂²g/∂y²)' p: the family's own `adjoint_product` where its second derivatives are not symmetric.
  void adjoint_product(const Y& p, Y& q) const {
    if constexpr (requires { place.g.adjoint_product(x, y, p, q); }) {
      ++calls().counts[0].hessian_products;
      place.g.adjoint_product(x, y, p, q);
    } else {
      product(p, q);
    }
  }

  /// A certificate that knows of the inner gradient alone.
  [[nodiscard]] Certificate begun() const {
    Certificate c;
    c.stationarity = double(record.gradient.template lpNorm<Eigen::Infinity>());
    return c;
  }

  static void refuse(Certificate& c, Reason reason) {
    c.verdict = Verdict::not_differentiable;
    c.reason = reason;
  }

  /// Refuses a residual that is too large for `reason`, and an inner run that ended too far from its solution.
  void judge(Certificate& c, Reason reason) const {
    if (!(c.adjoint_residual <= with.accept_residual))
      refuse(c, reason);
    else if (!(c.distance <= with.accept_distance) || !record.adjoint.allFinite())
      refuse(c, Reason::inner_not_converged);
  }
};

}  // namespace mesaopt::detail
