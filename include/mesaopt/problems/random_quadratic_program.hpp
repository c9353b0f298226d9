#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <stdexcept>

#include <Eigen/Core>

#include <mesaopt/core/random.hpp>
#include <mesaopt/objective/quadratic_program.hpp>

namespace mesaopt::problems {

/// Random convex quadratic programs whose solutions are known, as they are made from the solution backwards.
///
///     const auto made = RandomQuadraticProgram{.variables = 50, .inequalities = 80}(seed);
///     made.program, made.x, made.multipliers, made.bound_multipliers
///
/// Q has random directions and eigenvalues spread evenly in logarithm over [1/condition, 1]. Of the inequalities and
/// bounds a fraction is active, with multipliers of at least `margin`; the others have at least that slack. A third of
/// the lower, and of the upper, bounds of variables not at their bounds is infinite.
struct RandomQuadraticProgram {
  Eigen::Index variables = 20;
  Eigen::Index equalities = 2;
  Eigen::Index inequalities = 20;
  double condition = 1e3;    ///< of Q, where it is not singular
  Eigen::Index nullity = 0;  ///< number of eigenvalues that are 0
  double active = 0.3;       ///< chance that an inequality or a bound is active, as long as they leave room
  double margin = 1e-3;      ///< least multiplier of what is active, and least slack of what is not

  struct Made {
    QuadraticProgram<double> program{};
    Eigen::VectorXd x{};                  ///< a solution: the only one if Q is not singular
    Eigen::VectorXd multipliers{};        ///< equalities, then inequalities
    Eigen::VectorXd bound_multipliers{};  ///< 0 or more at lower, 0 or less at upper bounds
  };

  /// Throws std::invalid_argument for a setting out of its range.
  void check() const {
    if (variables < 1 || equalities < 0 || inequalities < 0 || equalities >= variables || nullity < 0 ||
        nullity >= variables || !(condition >= 1) || !(active >= 0 && active <= 1) || !(margin >= 0))
      throw std::invalid_argument(
          "RandomQuadraticProgram: needs 0 <= equalities < variables, 0 <= nullity < variables, inequalities >= 0, "
          "condition >= 1, active in [0, 1] and margin >= 0");
  }

  /// The program number `seed`: the same on every machine.
  [[nodiscard]] Made operator()(std::uint64_t seed) const {
    check();
    constexpr double infinity = std::numeric_limits<double>::infinity();
    Random random{.seed = seed};
    const Eigen::Index n = variables;
    Made made;
    auto& p = made.program;
    const auto normal = [&](Eigen::Index rows, Eigen::Index columns) {
      Eigen::MatrixXd M(rows, columns);
      random.fill_normal(M);
      return M;
    };
    p.Q = curvature(random);
    made.x = normal(n, 1);
    p.A_eq = normal(equalities, n);
    p.A = normal(inequalities, n);
    p.b_eq = p.A_eq * made.x;
    p.b = p.A * made.x;
    p.lower = p.upper = made.x;
    made.multipliers = normal(equalities + inequalities, 1);
    made.bound_multipliers.setZero(n);
    Eigen::Index room = n - equalities;
    const auto chosen = [&] { return random.uniform() < active && room > 0 && room-- > 0; };
    for (Eigen::Index i = 0; i < n; ++i) {
      const double below = margin + random.uniform(), above = margin + random.uniform(), side = random.uniform();
      const bool is_active = chosen();
      if (is_active) made.bound_multipliers[i] = (side < 0.5 ? 1 : -1) * (margin + random.uniform());
      const bool endless_below = random.uniform() < 1.0 / 3, endless_above = random.uniform() < 1.0 / 3;
      if (!(is_active && side < 0.5)) p.lower[i] -= endless_below ? infinity : below;
      if (!(is_active && side >= 0.5)) p.upper[i] += endless_above ? infinity : above;
    }
    for (Eigen::Index k = 0; k < inequalities; ++k) {
      auto& multiplier = made.multipliers[equalities + k];
      const double size = margin + random.uniform();
      multiplier = chosen() ? size : 0;
      if (multiplier == 0) p.b[k] += size;
    }
    p.c = made.bound_multipliers - p.Q * made.x;
    if (equalities > 0) p.c -= p.A_eq.transpose() * made.multipliers.head(equalities);
    if (inequalities > 0) p.c -= p.A.transpose() * made.multipliers.tail(inequalities);
    return made;
  }

 private:
  /// A diagonal matrix, reflected four times at random.
  [[nodiscard]] Eigen::MatrixXd curvature(Random& random) const {
    const Eigen::Index n = variables;
    Eigen::VectorXd values(n), v(n);
    for (Eigen::Index i = 0; i < n; ++i)
      values[i] = i < nullity
                      ? 0
                      : std::pow(condition, -double(i - nullity) / double(std::max<Eigen::Index>(1, n - nullity - 1)));
    Eigen::MatrixXd Q = values.asDiagonal();
    for (int k = 0; k < 4; ++k) {
      random.fill_normal(v);
      v.normalize();
      Q -= 2 * v * (v.transpose() * Q).eval();
      Q -= 2 * (Q * v).eval() * v.transpose();
    }
    return (Q + Q.transpose()).eval() / 2;
  }
};

}  // namespace mesaopt::problems
