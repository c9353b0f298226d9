#pragma once

#include <algorithm>
#include <cmath>

#include <Eigen/Core>

#include <mesaopt/objective/quadratic_program.hpp>

// Judges solutions of quadratic programs by the program's own numbers alone.

/// The largest violation of stationarity, of a constraint or bound, of a sign, or of complementarity.
inline double kkt_residual(const mesaopt::QuadraticProgram<double>& p, const Eigen::VectorXd& x,
                           const Eigen::VectorXd& multipliers, const Eigen::VectorXd& bound_multipliers) {
  const auto box = p.box();
  Eigen::VectorXd c(p.equalities() + p.inequalities()), g(x.size());
  Eigen::MatrixXd J(c.size(), x.size());
  p(x, g);
  p.constraints(x, c, J);
  double worst = (g + J.transpose() * multipliers - bound_multipliers).cwiseAbs().maxCoeff();
  for (Eigen::Index k = 0; k < c.size(); ++k) {
    const bool equality = k < p.equalities();
    worst = std::max({worst, equality ? std::abs(c[k]) : c[k], equality ? 0.0 : -multipliers[k],
                      equality ? 0.0 : std::abs(c[k] * multipliers[k])});
  }
  for (Eigen::Index i = 0; i < x.size(); ++i) {
    const double mu = bound_multipliers[i];
    worst = std::max({worst, box.lower[i] - x[i], x[i] - box.upper[i]});
    if (mu != 0) worst = std::max(worst, std::abs(mu * (x[i] - (mu > 0 ? box.lower[i] : box.upper[i]))));
  }
  return worst;
}

/// Whether multipliers (of constraints, then of bounds) prove that no x keeps all constraints: their gradients cancel,
/// and their sides do not.
inline bool proves_infeasible(const mesaopt::QuadraticProgram<double>& p, const Eigen::VectorXd& proof) {
  const Eigen::Index n = p.size(), m = p.equalities() + p.inequalities();
  const auto box = p.box();
  Eigen::VectorXd zero = Eigen::VectorXd::Zero(n), c(m);
  Eigen::MatrixXd J(m, n);
  p.constraints(zero, c, J);  // c = −sides
  const Eigen::VectorXd y = proof.head(m), mu = proof.tail(n);
  double gap = y.dot(c);
  for (Eigen::Index i = 0; i < n; ++i)
    if (mu[i] != 0) gap += mu[i] * (mu[i] > 0 ? box.lower[i] : box.upper[i]);
  const double left = (J.transpose() * y - mu).cwiseAbs().maxCoeff();
  const bool signs = p.inequalities() == 0 || y.tail(p.inequalities()).minCoeff() >= 0;
  return signs && left <= 1e-9 * proof.cwiseAbs().maxCoeff() && gap > 1e-6 * proof.cwiseAbs().maxCoeff();
}

/// Whether the value falls along d for ever while all constraints stay kept.
inline bool proves_unbounded(const mesaopt::QuadraticProgram<double>& p, const Eigen::VectorXd& d) {
  const Eigen::Index n = p.size(), m = p.equalities() + p.inequalities();
  const auto box = p.box();
  Eigen::VectorXd zero = Eigen::VectorXd::Zero(n), c(m), curved(n);
  Eigen::MatrixXd J(m, n);
  p.constraints(zero, c, J);
  p.hessian_product(d, d, curved);
  const double small = 1e-9 * d.cwiseAbs().maxCoeff();
  bool kept = p.c.dot(d) < 0 && curved.cwiseAbs().maxCoeff() <= small;
  const Eigen::VectorXd along = J * d;
  for (Eigen::Index k = 0; k < m; ++k) kept = kept && along[k] <= small && (k >= p.equalities() || along[k] >= -small);
  for (Eigen::Index i = 0; i < n; ++i)
    kept = kept && !(d[i] < 0 && std::isfinite(box.lower[i])) && !(d[i] > 0 && std::isfinite(box.upper[i]));
  return kept;
}
