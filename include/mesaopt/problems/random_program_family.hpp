#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <vector>

#include <Eigen/Core>
#include <Eigen/LU>

#include <mesaopt/core/random.hpp>
#include <mesaopt/problems/program_family.hpp>

namespace mesaopt::problems {

/// What keeps the solution of a program from being differentiable in the outer point.
enum class Defect : std::uint8_t {
  none,
  weak_constraint,  ///< an inequality holds with equality and a multiplier of zero
  weak_bound,       ///< a bound does
  dependent,        ///< the gradient of an active constraint is a combination of those of others
  flat              ///< y may move at no cost
};

/// Random families of convex programs whose solutions and derivatives at x = 0 are known, as they are made from the
/// solution backwards.
///
///     const auto made = RandomProgramFamily{.variables = 50}.make<true, true, true>(seed);
///     made.family, made.y, made.response   // a program in y for each x, its solution at x = 0, and dy/dx there
///
/// Q has random directions and eigenvalues spread evenly in logarithm over [1/condition, 1]. Of the inequalities and
/// bounds a fraction is active. Their multipliers, and the slacks of the others, lie in [margin, 1], evenly in
/// logarithm.
struct RandomProgramFamily {
  Eigen::Index variables = 20;
  Eigen::Index outer = 3;
  Eigen::Index equalities = 2;
  Eigen::Index inequalities = 20;
  double condition = 1e3;  ///< of Q
  double active = 0.25;    ///< chance that an inequality or a bound is active, as long as they leave room
  double margin = 1e-3;    ///< least multiplier of what is active, and least slack of what is not
  Defect defect = Defect::none;

  template <bool curved, bool bounded, bool constrained>
  struct Made {
    ProgramFamily<curved, bounded, constrained> family{};
    Eigen::VectorXd y{};                  ///< the solution at x = 0; one of them, if y may move at no cost
    Eigen::VectorXd multipliers{};        ///< equalities, then inequalities
    Eigen::VectorXd bound_multipliers{};  ///< 0 or more at lower, 0 or less at upper bounds
    Eigen::VectorXi side{};               ///< of each variable: −1 at its lower bound, 1 at its upper, 0 free
    std::vector<Eigen::Index> active{};   ///< constraints that hold with equality
    Eigen::MatrixXd response{};           ///< dy/dx at x = 0; empty if there is a defect
    Eigen::VectorXd reach{};  ///< how far each coordinate of x may move, to first order, before the active set changes

    /// The solution at x near 0, where the active set is the same: by Newton's method on the optimality conditions.
    [[nodiscard]] Eigen::VectorXd solution(const Eigen::VectorXd& x) const {
      Eigen::VectorXd z(rows());
      z << y, active_multipliers();
      z.head(y.size()) += response * x;
      for (int i = 0; i < (curved ? 12 : 2); ++i) z -= system(x, z).partialPivLu().solve(residual(x, z));
      return z.head(y.size());
    }

    /// Fills `response` and `reach`.
    void differentiate() {
      const Eigen::Index n = y.size(), columns = family.B.cols();
      Eigen::VectorXd z(rows()), x = Eigen::VectorXd::Zero(columns);
      z << y, active_multipliers();
      Eigen::MatrixXd right = Eigen::MatrixXd::Zero(rows(), columns);
      right.topRows(n) = -family.B;
      Eigen::Index row = n;
      for (const auto i : active) right.row(row++) = family.D.row(i);
      for (Eigen::Index i = 0; i < n; ++i)
        if (side[i] != 0) right.row(row++) = family.E.row(i);
      const Eigen::MatrixXd moves = system(x, z).partialPivLu().solve(right);
      response = moves.topRows(n);
      reach.setConstant(columns, std::numeric_limits<double>::infinity());
      const auto keep = [&](double room, Eigen::Index j, double slope) {
        if (slope != 0) reach[j] = std::min(reach[j], std::abs(room / slope));
      };
      for (Eigen::Index j = 0; j < columns; ++j) {
        for (Eigen::Index k = 0; k < Eigen::Index(active.size()); ++k)
          if (active[std::size_t(k)] >= family.equal) keep(z[n + k], j, moves(n + k, j));
        for (Eigen::Index k = n + Eigen::Index(active.size()); k < z.size(); ++k) keep(z[k], j, moves(k, j));
        if constexpr (constrained) {
          Eigen::VectorXd c(family.b.size());
          Eigen::MatrixXd J(c.size(), n);
          family.constraints(x, y, c, J);
          for (Eigen::Index i = family.equal; i < c.size(); ++i)
            if (std::find(active.begin(), active.end(), i) == active.end())
              keep(c[i], j, J.row(i).dot(response.col(j)) - family.D(i, j));
        }
        for (Eigen::Index i = 0; bounded && i < n; ++i)
          if (side[i] == 0)
            keep(std::min(y[i] - family.lower[i], family.upper[i] - y[i]), j, response(i, j) - family.E(i, j));
      }
    }

   private:
    [[nodiscard]] Eigen::Index rows() const {
      return y.size() + Eigen::Index(active.size()) + (side.array() != 0).count();
    }
    [[nodiscard]] Eigen::VectorXd active_multipliers() const {
      Eigen::VectorXd all(rows() - y.size());
      Eigen::Index row = 0;
      for (const auto i : active) all[row++] = multipliers[i];
      for (Eigen::Index i = 0; i < y.size(); ++i)
        if (side[i] != 0) all[row++] = bound_multipliers[i];
      return all;
    }
    /// The optimality conditions of the active set, and their derivative in y and the multipliers.
    [[nodiscard]] Eigen::VectorXd residual(const Eigen::VectorXd& x, const Eigen::VectorXd& z) const {
      const Eigen::Index n = y.size();
      const Eigen::VectorXd at = z.head(n);
      Eigen::VectorXd out(z.size()), gradient(n), c;
      Eigen::MatrixXd J;
      family(x, at, gradient);
      if constexpr (constrained) family.constraints(x, at, c, J);
      Eigen::Index row = n;
      for (const auto i : active) {
        gradient += z[row] * J.row(i).transpose();
        out[row++] = c[i];
      }
      for (Eigen::Index i = 0; i < n; ++i) {
        if (side[i] == 0) continue;
        gradient[i] -= z[row];
        out[row++] = at[i] - (side[i] < 0 ? family.lower[i] : family.upper[i]) - family.E.row(i).dot(x);
      }
      out.head(n) = gradient;
      return out;
    }
    [[nodiscard]] Eigen::MatrixXd system(const Eigen::VectorXd& x, const Eigen::VectorXd& z) const {
      const Eigen::Index n = y.size();
      const Eigen::VectorXd at = z.head(n);
      Eigen::MatrixXd out = Eigen::MatrixXd::Zero(z.size(), z.size()), H(n, n), J;
      Eigen::VectorXd c;
      family.hessian(x, at, H);
      if constexpr (constrained) family.constraints(x, at, c, J);
      Eigen::Index row = n;
      for (const auto i : active) {
        if constexpr (curved) H.diagonal() += z[row] * family.K.row(i).transpose();
        out.block(row, 0, 1, n) = J.row(i);
        out.block(0, row++, n, 1) = J.row(i).transpose();
      }
      for (Eigen::Index i = 0; i < n; ++i) {
        if (side[i] == 0) continue;
        out(row, i) = 1;
        out(i, row++) = -1;
      }
      out.topLeftCorner(n, n) = H;
      return out;
    }
  };

  /// Throws std::invalid_argument for a setting out of its range.
  void check() const {
    if (variables < 4 || outer < 1 || equalities < 0 || inequalities < 0 || equalities > variables - 4 ||
        !(condition >= 1) || !(active >= 0 && active <= 1) || !(margin > 0 && margin <= 1))
      throw std::invalid_argument(
          "RandomProgramFamily: needs variables >= 4, outer >= 1, 0 <= equalities <= variables - 4, inequalities >= 0, "
          "condition >= 1, active in [0, 1] and margin in (0, 1]");
  }

  /// The family number `seed`: the same on every machine.
  template <bool curved, bool bounded, bool constrained>
  [[nodiscard]] Made<curved, bounded, constrained> make(std::uint64_t seed) const {
    check();
    Random random{.seed = seed};
    const Eigen::Index n = variables, m = constrained ? equalities + inequalities : 0;
    const auto normal = [&](Eigen::Index rows, Eigen::Index columns) {
      Eigen::MatrixXd M(rows, columns);
      random.fill_normal(M);
      return M;
    };
    const auto size = [&] { return std::pow(margin, random.uniform()); };
    Made<curved, bounded, constrained> made;
    auto& f = made.family;
    f.equal = constrained ? equalities : 0;
    f.Q = curvature(random);
    f.B = normal(n, outer);
    f.G = normal(curved ? 5 : 0, n) / std::sqrt(double(n));
    f.A = normal(m, n);
    f.D = normal(m, outer);
    f.K = Eigen::MatrixXd::Zero(m, n);
    f.E = bounded ? normal(n, outer) : Eigen::MatrixXd::Zero(n, outer);
    made.y = normal(n, 1);
    made.multipliers = normal(m, 1);
    made.bound_multipliers.setZero(n);
    made.side.setZero(n);
    f.b.resize(m);
    Eigen::Index room = n - 2 - f.equal;
    bool weak_constraint = defect == Defect::weak_constraint, weak_bound = defect == Defect::weak_bound;
    // What the defect needs is not to be used up by bounds.
    Eigen::Index reserved = !constrained ? 0 : weak_constraint ? 1 : defect == Defect::dependent ? 2 : 0;
    const auto chosen = [&](bool now) { return (now || random.uniform() < active) && room > reserved && room-- > 0; };
    if constexpr (bounded) {
      f.lower = f.upper = made.y;
      for (Eigen::Index i = 0; i < n; ++i) {
        f.lower[i] -= size();
        f.upper[i] += size();
        const double multiplier = size(), which = random.uniform();
        if (!chosen(weak_bound)) continue;
        made.side[i] = which < 0.5 ? -1 : 1;
        (which < 0.5 ? f.lower : f.upper)[i] = made.y[i];
        if (!weak_bound) made.bound_multipliers[i] = which < 0.5 ? multiplier : -multiplier;
        weak_bound = false;
      }
    }
    reserved = 0;
    for (Eigen::Index i = 0; i < m; ++i) {
      const double amount = size();
      const bool holds = i < f.equal || chosen(weak_constraint || (defect == Defect::dependent && i < f.equal + 2));
      if (curved && i >= f.equal && !(holds && defect == Defect::flat))
        for (Eigen::Index j = 0; j < n; ++j) f.K(i, j) = random.uniform();
      f.b[i] = f.A.row(i).dot(made.y) + f.K.row(i).dot(made.y.cwiseAbs2()) / 2;
      if (holds) made.active.push_back(i);
      if (!holds) f.b[i] += amount;
      if (i < f.equal) continue;
      made.multipliers[i] = holds && !weak_constraint ? amount : 0;
      if (holds) weak_constraint = false;
    }
    if (defect == Defect::dependent && constrained && made.active.size() > 1) add_dependent(made, random);
    if (defect == Defect::flat) flatten(made, random);

    f.d.setZero(n);
    Eigen::VectorXd gradient(n), c;
    const Eigen::VectorXd x = Eigen::VectorXd::Zero(outer);
    f(x, made.y, gradient);
    f.d = made.bound_multipliers - gradient;
    if constexpr (constrained) {
      Eigen::MatrixXd J;
      f.constraints(x, made.y, c, J);
      f.d.noalias() -= J.transpose() * made.multipliers;
    }
    if (defect == Defect::none) made.differentiate();
    return made;
  }

 private:
  /// A diagonal matrix, reflected four times at random.
  [[nodiscard]] Eigen::MatrixXd curvature(Random& random) const {
    const Eigen::Index n = variables;
    Eigen::VectorXd values(n), v(n);
    for (Eigen::Index i = 0; i < n; ++i) values[i] = std::pow(condition, -double(i) / double(n - 1));
    Eigen::MatrixXd Q = values.asDiagonal();
    for (int k = 0; k < 4; ++k) {
      random.fill_normal(v);
      v.normalize();
      Q -= 2 * v * (v.transpose() * Q).eval();
      Q -= 2 * (Q * v).eval() * v.transpose();
    }
    return (Q + Q.transpose()).eval() / 2;
  }

  /// One more inequality, active, whose gradient is the sum of those of the last two active ones.
  template <class M>
  static void add_dependent(M& made, Random& random) {
    auto& f = made.family;
    const Eigen::Index m = f.b.size(), n = f.d.size() > 0 ? f.d.size() : made.y.size();
    const auto one = made.active[made.active.size() - 1], other = made.active[made.active.size() - 2];
    f.A.conservativeResize(m + 1, n);
    f.K.conservativeResize(m + 1, n);
    f.D.conservativeResize(m + 1, f.B.cols());
    f.b.conservativeResize(m + 1);
    made.multipliers.conservativeResize(m + 1);
    f.K.row(m).setZero();
    f.A.row(m) = f.A.row(one) + f.A.row(other) + (f.K.row(one) + f.K.row(other)).cwiseProduct(made.y.transpose());
    for (Eigen::Index j = 0; j < f.D.cols(); ++j) f.D(m, j) = random.normal();
    f.b[m] = f.A.row(m).dot(made.y);
    made.multipliers[m] = 0.5 * random.uniform();
    made.active.push_back(m);
  }

  /// Takes the curvature away along one direction in which active constraints and bounds let y move.
  template <class M>
  static void flatten(M& made, Random& random) {
    auto& f = made.family;
    const Eigen::Index n = made.y.size(), m = Eigen::Index(made.active.size());
    Eigen::MatrixXd held(n, m);
    for (Eigen::Index k = 0; k < m; ++k) held.col(k) = f.A.row(made.active[std::size_t(k)]).transpose();
    Eigen::VectorXd v(n);
    random.fill_normal(v);
    for (Eigen::Index i = 0; i < n; ++i)
      if (made.side[i] != 0) {
        v[i] = 0;
        held.row(i).setZero();
      }
    if (m > 0) {
      const Eigen::MatrixXd normal = held.transpose() * held;
      for (int twice = 0; twice < 2; ++twice) v -= held * normal.fullPivLu().solve(held.transpose() * v);
    }
    v.normalize();
    f.Q -= v * (v.transpose() * f.Q).eval();
    f.Q -= (f.Q * v).eval() * v.transpose();
    f.Q = (f.Q + f.Q.transpose()).eval() / 2;
    f.G -= (f.G * v).eval() * v.transpose();
  }
};

}  // namespace mesaopt::problems
