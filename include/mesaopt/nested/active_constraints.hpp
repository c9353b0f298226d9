#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include <Eigen/Core>
#include <Eigen/LU>

#include <mesaopt/core/constraints.hpp>
#include <mesaopt/core/evaluation.hpp>
#include <mesaopt/core/objective.hpp>

namespace mesaopt::detail {

/// Which constraints and bounds hold an inner solution y, and the space that they leave it to move in.
///
/// With A the gradients of the active constraints on the coordinates that no bound holds, A = QR by Gram-Schmidt:
/// the multipliers are the least squares solution of ∇g + Aλ = 0, and moves in the null space of A' are those that
/// `project` leaves alone.
template <Point Y>
struct ActiveConstraints {
  using S = ScalarOf<Y>;

  ConstraintsOf<Y> c{};            ///< values of all constraints
  ConstraintsOf<Y> multipliers{};  ///< of all, 0 for those that are not active
  ConstraintsOf<Y> adjoint{};      ///< of all: how much the outer value changes with the constraint
  JacobianOf<Y> J{};
  std::vector<Eigen::Index> active{};  ///< constraints that hold with equality
  Eigen::VectorXi side{};              ///< of each coordinate: −1 at its lower bound, 1 at its upper, 0 free
  Y bound_adjoint{};                   ///< how much the outer value changes with the bound of a coordinate
  Eigen::MatrixX<S> Q{}, R{};          ///< in the first columns, as many as are active
  Eigen::VectorX<S> coefficients{};    ///< scratch
  Y bound_multipliers{};               ///< the Lagrangian's gradient where bounds hold
  Y step{};                            ///< the step that would mend bounds and active constraints
  Eigen::VectorXi fixed{};             ///< 1 where both bounds hold
  S zero_slack = 0;                    ///< distances from bounds and constraints that are no more than rounding
  S zero_multiplier = 0;               ///< multipliers, times the norm of the constraint's gradient, that are

  static constexpr S near_tolerance() { return std::cbrt(std::numeric_limits<S>::epsilon()) / 6; }  // 1e-6 in double

  /// out = v without its part along active constraints and bounds; out may be v.
  void project(Y& v) const {
    project_bounds(v);
    for (int twice = 0; twice < 2; ++twice)
      for (Eigen::Index k = 0; k < Eigen::Index(active.size()); ++k) v -= Q.col(k).dot(v) * Q.col(k);
  }

  /// Sets the coordinates that bounds hold to 0.
  template <class V>
  void project_bounds(V& v) const {
    for (Eigen::Index i = 0; i < v.size(); ++i)
      if (side[i] != 0) v[i] = 0;
  }

  /// Fills `weights` (of all constraints) with the least squares solution of A weights = v, 0 for inactive ones.
  void solve_normals(const Y& v, ConstraintsOf<Y>& weights) {
    const auto m = Eigen::Index(active.size());
    for (Eigen::Index k = 0; k < m; ++k) coefficients[k] = Q.col(k).dot(v);
    weights.setZero(c.size());
    for (Eigen::Index k = m - 1; k >= 0; --k) {
      for (Eigen::Index j = k + 1; j < m; ++j) coefficients[k] -= R(k, j) * coefficients[j];
      coefficients[k] /= R(k, k);
      weights[active[std::size_t(k)]] = coefficients[k];
    }
  }

  /// Finds what is active at y, where the objective's gradient is given; it becomes that of the Lagrangian, without
  /// what bounds hold. `curvature` is the size of the Hessian, which sets the size of rounding.
  ///
  /// Answers `none`, or why y cannot be differentiated: active constraints are dependent, or y is not feasible.
  template <class F, class C>
  Reason find(const F& f, const Y& y, Y& gradient, C& calls, S curvature) {
    const auto n = y.size();
    const S scale = std::max(S(1), y.norm()), near = near_tolerance() * scale;
    const S slope = gradient.norm();
    zero_slack = near;
    zero_multiplier = std::max(std::sqrt(std::numeric_limits<S>::epsilon()) * slope,
                               S(1e4) * std::numeric_limits<S>::epsilon() * curvature * scale);
    active.clear();
    side.setZero(n);
    bound_multipliers.setZero(n);
    step.setZero(n);
    fixed.setZero(n);
    if constexpr (Bounded<F, Y>) {
      const auto& box = f.box();
      for (Eigen::Index i = 0; i < n; ++i) {
        const bool low = y[i] - box.lower[i] <= near, high = box.upper[i] - y[i] <= near;
        side[i] = low && (!high || gradient[i] >= 0) ? -1 : high ? 1 : 0;
        fixed[i] = low && high;  // whatever its multiplier
        if (side[i] != 0) step[i] = (side[i] < 0 ? box.lower[i] : box.upper[i]) - y[i];
      }
    }
    if constexpr (Constrained<F, Y>) {
      if (!calls.constraints(f, y, c, J)) return Reason::non_finite_constraint;
      const auto equalities = Eigen::Index(f.equalities());
      for (Eigen::Index i = 0; i < c.size(); ++i) {
        const S steepness = J.row(i).norm(), excess = i < equalities ? std::abs(c[i]) : c[i];
        if (i >= equalities && c[i] < -near * steepness) continue;
        if (!(excess <= 100 * near * std::max(S(1), steepness))) return Reason::inner_not_converged;
        active.push_back(i);
      }
      if (!orthogonalize(n)) return Reason::constraints_dependent;
      mend();
      bound_adjoint = -gradient;
      project_bounds(bound_adjoint);
      solve_normals(bound_adjoint, multipliers);
      for (const auto i : active) gradient += multipliers[i] * J.row(i).transpose();
    } else {
      c.resize(0);
    }
    for (Eigen::Index i = 0; i < n; ++i)
      if (side[i] != 0) bound_multipliers[i] = std::exchange(gradient[i], S(0));
    return Reason::none;
  }

  /// Judges whether what is active at y is so at the solution too, from the step of Newton's method to it: `step`, and
  /// what the step changes the gradient of the Lagrangian by, the multipliers staying (`bent`, which it spoils).
  ///
  /// A multiplier, or the slack of what is not active, is known as well as the step changes it little: one that may be
  /// zero, by ten times that, or is so to rounding, belongs to a constraint that is weakly active, or may be. That is
  /// the identification of active constraints of Facchinei, Fischer & Kanzow (1998), "On the accurate identification
  /// of active constraints", SIAM J. Optim. 9(1), with the length of Newton's step for the estimate of the distance.
  /// Answers `none`, `constraint_weakly_active`, or `inner_not_converged`, where a multiplier is negative.
  template <class F>
  Reason judge(const F& f, const Y& y, const Y& gradient, Y& bent) {
    Reason reason = Reason::none;
    const auto least = [&](S value, S change, S zero) {
      if (value > std::max(10 * std::abs(change), zero) || reason == Reason::inner_not_converged) return;
      reason = value + change < -zero && value < -zero ? Reason::inner_not_converged : Reason::constraint_weakly_active;
    };
    if constexpr (Constrained<F, Y>) {
      bound_adjoint = -(gradient + bent);
      project_bounds(bound_adjoint);
      solve_normals(bound_adjoint, adjoint);
      for (const auto i : active) bent += adjoint[i] * J.row(i).transpose();
      const auto equalities = Eigen::Index(f.equalities());
      std::size_t k = 0;
      for (Eigen::Index i = 0; i < c.size(); ++i) {
        const S steepness = J.row(i).norm();
        const bool is_active = k < active.size() && active[k] == i;
        k += is_active;
        if (i < equalities) continue;
        if (is_active)
          least(multipliers[i] * steepness, adjoint[i] * steepness, zero_multiplier);
        else
          least(-c[i], J.row(i).dot(step), zero_slack * steepness);
      }
    }
    if constexpr (Bounded<F, Y>) {
      const auto& box = f.box();
      for (Eigen::Index i = 0; i < y.size(); ++i) {
        if (fixed[i]) continue;
        if (side[i] != 0)
          least(-S(side[i]) * bound_multipliers[i], -S(side[i]) * bent[i], zero_multiplier);
        else
          least(std::min(y[i] - box.lower[i], box.upper[i] - y[i]), step[i], zero_slack);
      }
    }
    return reason;
  }

 private:
  /// Adds to `step`, which goes to the bounds, the least one that mends the active constraints to first order.
  void mend() {
    const auto m = Eigen::Index(active.size());
    for (Eigen::Index k = 0; k < m; ++k) {
      const auto i = active[std::size_t(k)];
      coefficients[k] = -c[i];
      for (Eigen::Index j = 0; j < side.size(); ++j)
        if (side[j] != 0) coefficients[k] -= J(i, j) * step[j];
      for (Eigen::Index j = 0; j < k; ++j) coefficients[k] -= R(j, k) * coefficients[j];
      coefficients[k] /= R(k, k);
    }
    for (Eigen::Index k = 0; k < m; ++k) step += coefficients[k] * Q.col(k);
  }

  /// Gram-Schmidt, each twice, on the gradients of the active constraints where no bound holds; false if they are
  /// dependent to rounding.
  bool orthogonalize(Eigen::Index n) {
    const auto m = Eigen::Index(active.size());
    const auto most = std::min(n, c.size());
    if (Q.rows() != n || Q.cols() != most) Q.resize(n, most);
    if (R.rows() != most) R.resize(most, most);
    coefficients.resize(c.size());
    if (m > most) return false;
    for (Eigen::Index k = 0; k < m; ++k) {
      auto column = Q.col(k);
      column = J.row(active[std::size_t(k)]).transpose();
      const S whole = column.norm();
      project_bounds(column);
      R.col(k).setZero();
      for (int twice = 0; twice < 2; ++twice)
        for (Eigen::Index j = 0; j < k; ++j) {
          const S part = Q.col(j).dot(column);
          R(j, k) += part;
          column -= part * Q.col(j);
        }
      R(k, k) = column.norm();
      if (!(R(k, k) > std::sqrt(std::numeric_limits<S>::epsilon()) * whole)) return false;
      column /= R(k, k);
    }
    return true;
  }
};

/// What the adjoint of an inner problem with bounds, constraints or a regularizer works in.
template <Point X, Point Y>
struct RestrictedScratch {
  ActiveConstraints<Y> constraints{};
  ConstraintsScratch<Y> scratch{};
  Y target{}, bent{}, shifted{}, corrected{};
  X outer{};
  MatrixOf<Y> map{};
  Eigen::PartialPivLU<MatrixOf<Y>> lu{};
};

}  // namespace mesaopt::detail
