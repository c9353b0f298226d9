#pragma once

#include <cstdint>
#include <tuple>

namespace mesaopt {

/// What a run has done at one level.
struct Counts {
  std::uint64_t iterations = 0;         ///< steps of the optimizer
  std::uint64_t values = 0;             ///< evaluations of the value alone
  std::uint64_t gradients = 0;          ///< evaluations of value and gradient
  std::uint64_t constraints = 0;        ///< evaluations of the constraints, with or without Jacobian
  std::uint64_t hessians = 0;           ///< dense Hessians
  std::uint64_t hessian_products = 0;   ///< Hessian-vector and mixed products
  std::uint64_t factorizations = 0;     ///< dense factorizations
  std::uint64_t linear_iterations = 0;  ///< iterations of linear solvers

  /// Calls of the objective, with or without gradient: what `MaxEvaluations` limits.
  [[nodiscard]] constexpr std::uint64_t evaluations() const { return values + gradients; }

  constexpr Counts& operator+=(const Counts& other) {
    iterations += other.iterations;
    values += other.values;
    gradients += other.gradients;
    constraints += other.constraints;
    hessians += other.hessians;
    hessian_products += other.hessian_products;
    factorizations += other.factorizations;
    linear_iterations += other.linear_iterations;
    return *this;
  }
  friend constexpr bool operator==(const Counts&, const Counts&) = default;

  static constexpr auto fields() {
    using C = Counts;
    return std::tuple{&C::iterations, &C::values,           &C::gradients,      &C::constraints,
                      &C::hessians,   &C::hessian_products, &C::factorizations, &C::linear_iterations};
  }
};

}  // namespace mesaopt
