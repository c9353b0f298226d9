#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <utility>

#include <Eigen/Core>

#include <mesaopt/core/evaluation.hpp>
#include <mesaopt/core/point.hpp>
#include <mesaopt/core/stopping.hpp>
#include <mesaopt/nested/adjoint_system.hpp>

namespace mesaopt {

/// Solves the adjoint system of `implicit(...)` by so many terms of the Neumann series
///
///     λ = α Σ (I − αH)^k ∂F/∂y,   k = 0, ..., terms − 1,
///
/// which needs products with H alone, and at the inner solution equals the reverse derivative of as many last steps of
/// gradient descent. From a previous adjoint λ₀, that sum for the residual, added to λ₀. Ends early where the residual
/// reaches the tolerance; what is left of it after the last term is in the certificate, and refused where more than
/// `implicit(...)` accepts. Lorraine, Vicol & Duvenaud (2020), "Optimizing millions of hyperparameters by implicit
/// differentiation", section 4.
struct NeumannAdjoint {
  std::int64_t terms = 100;
  double step = 0;  ///< α, less than 2 over the largest curvature; 0: its inverse, estimated by a power iteration

  template <Point Y>
  struct Scratch {
    Y residual{}, product{};
  };

  /// Throws std::invalid_argument for a setting out of its range.
  void check() const {
    if (terms < 1) detail::refuse("NeumannAdjoint::terms", double(terms), "it must be 1 or more");
    if (!(step >= 0)) detail::refuse("NeumannAdjoint::step", step, "it must be 0 or more");
  }

  template <class System, Point Y>
  Certificate operator()(const System& system, Scratch<Y>& scratch) const {
    using S = ScalarOf<Y>;
    auto& record = system.record;
    auto& lambda = record.adjoint;
    Certificate c = system.begun();
    const auto n = system.y.size();
    const S size = system.right.norm();
    scratch.residual.resize(n);
    scratch.product.resize(n);
    const auto product = [&](const Y& p) {
      ++system.calls().counts[0].linear_iterations;
      system.product(p, scratch.product);
    };
    S alpha = S(step), most = 0, least = std::numeric_limits<S>::max();
    if (alpha == 0) {
      record.step.setOnes(n);
      for (Eigen::Index i = 0; i < n; ++i)
        record.step[i] += S(i % 7) / 7;  // along no axis and no eigenvector by chance
      for (int i = 0; i < 20; ++i) {
        record.step /= record.step.norm();
        product(record.step);
        record.step = scratch.product;
        most = record.step.norm();
        if (!(most > 0)) break;
      }
      alpha = most > 0 ? 1 / most : S(1);
    }
    if (!lambda.isZero(0)) {
      product(lambda);
      scratch.residual = system.right - scratch.product;
      if (!(scratch.residual.norm() < size)) lambda.setZero();  // the guess is worse than none
    }
    if (lambda.isZero(0)) scratch.residual = system.right;
    const auto look = [&](const Y& p) {  // at the curvature along p, after product(p)
      const S curvature = p.dot(scratch.product) / p.squaredNorm();
      most = std::max(most, curvature);
      least = std::min(least, curvature);
    };
    const S rounding = S(1e3) * std::numeric_limits<S>::epsilon() * size;
    S norm = scratch.residual.norm();
    for (std::int64_t k = 0; k < terms && norm > S(system.with.tolerance) * size; ++k) {
      lambda += alpha * scratch.residual;
      product(scratch.residual);
      if (norm > rounding) look(scratch.residual);
      scratch.residual -= alpha * scratch.product;
      const S before = std::exchange(norm, scratch.residual.norm());
      if (!std::isfinite(norm) || (norm >= before && norm <= rounding)) break;
    }
    if (!(least < std::numeric_limits<S>::max())) {  // the previous adjoint serves as it is
      const Y& along = size > 0 ? system.right : record.gradient;
      product(along);
      if (along.norm() > 0) look(along);
    }
    c.adjoint_residual = size > 0 ? double(norm / size) : 0.0;
    // The residuals turn towards the least curvature that they meet, along which they fall the slowest.
    const bool met = least < std::numeric_limits<S>::max();
    c.condition = met ? double(most / least) : 0.0;
    c.distance = met ? double(record.gradient.norm() / least / system.scale()) : c.stationarity;
    if (met && least < -std::max(S(1e-12), system.noise()) * most) {
      system.refuse(c, Reason::inner_indefinite);
      return c;
    }
    if (!(c.adjoint_residual < 1) && size > 0)
      system.refuse(c, Reason::adjoint_not_converged);
    else
      system.judge(c, Reason::adjoint_not_converged);
    return c;
  }
};

}  // namespace mesaopt
