#pragma once

#include <algorithm>
#include <limits>

#include <Eigen/Core>

#include <mesaopt/core/evaluation.hpp>
#include <mesaopt/core/point.hpp>
#include <mesaopt/nested/adjoint_system.hpp>
#include <mesaopt/nested/bunch_kaufman.hpp>
#include <mesaopt/nested/uniqueness.hpp>

namespace mesaopt {

/// Solves the adjoint system of `implicit(...)` by a factorization LDL' of the dense inner Hessian, which may be
/// singular, where the system has a solution, and, if a saddle is what is wanted, indefinite.
struct LdltAdjoint {
  bool saddle = false;  ///< the inner solution may be a saddle, as that of a min-max problem

  template <Point Y>
  using Scratch = detail::BunchKaufman<ScalarOf<Y>>;

  template <class System, class S>
  Certificate operator()(const System& system, detail::BunchKaufman<S>& factor) const {
    auto& record = system.record;
    auto& calls = system.calls();
    const auto n = system.y.size();
    const S size = system.right.norm();
    Certificate c = system.begun();
    record.factored = record.factor_exact = false;
    calls.hessian(system.f, system.y, record.hessian);
    const auto& H = record.hessian;
    if (!H.allFinite()) {
      system.refuse(c, Reason::inner_failed);
      return c;
    }
    const S largest = H.cwiseAbs().colwise().sum().maxCoeff();
    const S epsilon = std::numeric_limits<S>::epsilon();
    ++calls.counts[0].factorizations;
    factor.compute(H, std::max(10 * S(n) * epsilon, system.noise()) * largest);
    if (factor.negative() > 0 && !saddle) {
      system.refuse(c, Reason::inner_indefinite);
      return c;
    }
    record.adjoint = system.right;
    factor.solve(record.adjoint);
    record.scratch.noalias() = H * record.adjoint;
    record.scratch = system.right - record.scratch;
    c.adjoint_residual = size > 0 ? double(record.scratch.norm() / size) : 0.0;
    factor.solve(record.scratch);
    record.adjoint += record.scratch;
    record.step = -record.gradient;
    factor.solve(record.step);
    c.distance = double(record.step.norm() / system.scale());
    if (factor.zero() > 0) {
      c.condition = std::numeric_limits<double>::infinity();
    } else {
      record.scratch.setOnes(n);
      S inverse = 0;
      for (int i = 0; i < 3; ++i) {
        record.scratch /= record.scratch.norm();
        factor.solve(record.scratch);
        inverse = record.scratch.norm();
      }
      c.condition = double(largest * inverse);
    }
    system.judge(c, Reason::adjoint_inconsistent);
    if (factor.zero() > 0 && factor.negative() == 0 && c.reason != Reason::inner_not_converged &&
        detail::one_of_many(system, largest, std::max(10 * S(n) * epsilon, system.noise()) * largest))
      c.reason = Reason::inner_not_unique;
    return c;
  }
};

}  // namespace mesaopt
