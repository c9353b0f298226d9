#pragma once

#include <Eigen/Core>

#include <mesaopt/core/objective.hpp>

namespace mesaopt::detail {

/// Products with the Hessian at one point: the objective's own, else with its dense Hessian, else from differences of
/// gradients.
template <Point X>
struct HessianProducts {
  MatrixOf<X> dense{};

  template <class F>
  static constexpr bool by_dense = HasHessian<F, X> && !HasHessianProduct<F, X>;

  /// To be called once at each x.
  template <class F, class C>
  void at(const F& f, C& calls, const X& x) {
    if constexpr (by_dense<F>) calls.hessian(f, x, dense);
  }

  /// out = H v. False if the limit on evaluations does not allow it.
  template <class F, class C>
  bool multiply(const F& f, C& calls, const X& x, const X& v, X& out) const {
    if constexpr (by_dense<F>) {
      out.noalias() = dense * v;
    } else {
      if (!calls.allows_products(f, 1)) return false;
      calls.hessian_product(f, x, v, out);
    }
    return true;
  }
};

}  // namespace mesaopt::detail
