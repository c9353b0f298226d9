#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
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
  Y held{};                            ///< scratch
  S violation = 0;                     ///< Euclidean norm of the step that would mend the active constraints

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
  /// Answers `none`, or why y cannot be differentiated: a constraint is active with a multiplier that cannot be told
  /// from zero, active ones are dependent, or y is not feasible or not stationary.
  template <class F, class C>
  Reason find(const F& f, const Y& y, Y& gradient, C& calls, S curvature) {
    const auto n = y.size();
    const S scale = std::max(S(1), y.norm()), near = near_tolerance() * scale;
    const S slope = gradient.norm();
    const S rounding = 1e4 * std::numeric_limits<S>::epsilon() * std::max(slope, curvature * scale);
    active.clear();
    side.setZero(n);
    held.setZero(n);
    violation = 0;
    if constexpr (Bounded<F, Y>) {
      const auto& box = f.box();
      for (Eigen::Index i = 0; i < n; ++i) {
        const bool low = y[i] - box.lower[i] <= near, high = box.upper[i] - y[i] <= near;
        side[i] = low && (!high || gradient[i] >= 0) ? -1 : high ? 1 : 0;
        held[i] = low && high;  // fixed, whatever its multiplier
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
    } else {
      c.resize(0);
    }
    if constexpr (Constrained<F, Y>) {
      measure_violation();
      bound_adjoint = -gradient;
      project_bounds(bound_adjoint);
      solve_normals(bound_adjoint, multipliers);
      for (const auto i : active) gradient += multipliers[i] * J.row(i).transpose();
    }
    // What stands against a bound is its multiplier; the rest is to be zero.
    S rest = 0;
    for (Eigen::Index i = 0; i < n; ++i)
      if (side[i] == 0) rest = std::max(rest, std::abs(gradient[i]));
    const S noise = std::max(S(1e3) * rest, rounding);
    Reason reason = Reason::none;
    const auto judge = [&](S weight) {
      if (weight > noise || reason == Reason::inner_not_converged) return;
      reason = weight < -noise ? Reason::inner_not_converged : Reason::constraint_weakly_active;
    };
    for (Eigen::Index i = 0; i < n; ++i) {
      if (side[i] == 0) continue;
      if (held[i] == 0) judge(side[i] < 0 ? gradient[i] : -gradient[i]);
      gradient[i] = 0;
    }
    if constexpr (Constrained<F, Y>)
      for (const auto i : active)
        if (i >= Eigen::Index(f.equalities())) judge(multipliers[i] * J.row(i).norm());
    return reason;
  }

 private:
  /// The length of the least step that mends the active constraints to first order: |R⁻ᵀ c|.
  void measure_violation() {
    const auto m = Eigen::Index(active.size());
    S square = 0;
    for (Eigen::Index k = 0; k < m; ++k) {
      S entry = c[active[std::size_t(k)]];
      for (Eigen::Index j = 0; j < k; ++j) entry -= R(j, k) * coefficients[j];
      coefficients[k] = entry / R(k, k);
      square += coefficients[k] * coefficients[k];
    }
    violation = std::sqrt(square);
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
      if (!(R(k, k) > std::pow(std::numeric_limits<S>::epsilon(), S(0.55)) * whole)) return false;  // 2e-9 in double
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
  Y target{}, bent{}, shifted{};
  X outer{};
  MatrixOf<Y> map{};
  Eigen::PartialPivLU<MatrixOf<Y>> lu{};
};

}  // namespace mesaopt::detail
