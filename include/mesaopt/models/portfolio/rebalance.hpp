#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>

#include <Eigen/Core>

#include <mesaopt/core/stopping.hpp>
#include <mesaopt/models/portfolio/covariance.hpp>
#include <mesaopt/objective/box.hpp>

namespace mesaopt::models {

/// What a portfolio may hold: no short positions, weights that sum to 1, and the limits below.
struct PortfolioRules {
  double most = 1;               ///< largest weight of an asset
  Eigen::MatrixXd groups{};      ///< one row a group, one column an asset: the group's weight is groups · w
  Eigen::VectorXd group_most{};  ///< largest weight of each group
  double turnover_most = std::numeric_limits<double>::infinity();  ///< largest Σ|w − held| of one rebalancing

  /// Throws std::invalid_argument for rules that contradict themselves, or have another number of assets.
  void check(Eigen::Index assets) const {
    if (!(most * double(assets) >= 1 && most <= 1))
      mesaopt::detail::refuse("PortfolioRules::most", most, "it must be at most 1, and allow weights that sum to 1");
    if (groups.rows() != group_most.size() || (groups.rows() > 0 && groups.cols() != assets))
      throw std::invalid_argument("PortfolioRules::groups: is " + std::to_string(groups.rows()) + " x " +
                                  std::to_string(groups.cols()) + "; it must have a row for each of the " +
                                  std::to_string(group_most.size()) + " limits and a column for each of the " +
                                  std::to_string(assets) + " assets");
    if (!(turnover_most > 0))
      mesaopt::detail::refuse("PortfolioRules::turnover_most", turnover_most, "it must be more than 0");
  }
};

/// What the rebalancing of a portfolio weighs against each other; the outer point of a search for the best of them.
struct PortfolioParameters {
  double risk_aversion = 10;                                   ///< γ, more than 0; infinite: the mean does not count
  double turnover_penalty = 0;                                 ///< κ, 0 or more
  double shrinkage = 0.2;                                      ///< of the covariance, in [0, 1]
  double half_life = std::numeric_limits<double>::infinity();  ///< of the rows that the estimates rest on
};

/// One rebalancing as a quadratic program: from the weights `held` before, the long-only weights w that minimize
///
///     ½ w'Σw − μ'w / γ + κ/2 |w − held|²     under Σ w = 1, w <= most, groups · w <= group_most, Σ|w − held| <=
///     turnover_most.
///
/// It is a family g(u, y) whose outer point u = [γ, κ, shrinkage, half-life, held] holds the parameters and the weights
/// before. Σ, μ and their derivatives are handed in as estimated for the very shrinkage and half-life: g(u, y) takes
/// them as they are, `mixed_product` knows how they change.
///
/// Without a limit on turnover y is w. With one, y = [b; s], what is bought and what is sold, w = held + b − s, and the
/// penalty is κ/2 (|b|² + |s|²), the same where no asset is both bought and sold: bounds and one linear constraint in
/// place of absolute values, and no constraint that is active twice. κ must then be more than 0.
/// Markowitz (1952), "Portfolio selection".
class Rebalance {
 public:
  static constexpr bool quadratic = true, linear_constraints = true;
  static constexpr Eigen::Index parameters = 4;  ///< entries of u before `held`
  using Vector = Eigen::VectorXd;
  using Matrix = Eigen::MatrixXd;

  /// It refers to both.
  Rebalance(const Covariance::Estimate& estimate, const PortfolioRules& rules) : e_(&estimate), rules_(&rules) {}

  [[nodiscard]] Eigen::Index assets() const { return e_->mean.size(); }
  /// True if y is [bought; sold].
  [[nodiscard]] bool split() const { return std::isfinite(rules_->turnover_most); }
  /// The size of y.
  [[nodiscard]] Eigen::Index size() const { return split() ? 2 * assets() : assets(); }

  /// w = the weights that y stands for.
  void weights(const Vector& u, const Vector& y, Vector& w) const {
    const auto n = assets();
    if (split())
      w = u.tail(n) + y.head(n) - y.tail(n);
    else
      w = y;
  }
  /// The y that stands for weights w, without buying and selling the same asset.
  void from_weights(const Vector& u, const Vector& w, Vector& y) const {
    const auto n = assets();
    if (!split()) {
      y = w;
      return;
    }
    y.resize(2 * n);
    y.head(n) = (w - u.tail(n)).cwiseMax(0);
    y.tail(n) = (u.tail(n) - w).cwiseMax(0);
  }

  double operator()(const Vector& u, const Vector& y) const {
    const auto n = assets();
    double value = 0, trade = 0;
    const auto w = [&](Eigen::Index i) { return split() ? u[parameters + i] + y[i] - y[n + i] : y[i]; };
    for (Eigen::Index j = 0; j < n; ++j) {
      double row = 0;
      for (Eigen::Index i = 0; i < n; ++i) row += e_->sigma(i, j) * w(i);
      value += w(j) * (row / 2 - e_->mean[j] / u[0]);
      trade += split() ? y[j] * y[j] + y[n + j] * y[n + j] : (y[j] - u[parameters + j]) * (y[j] - u[parameters + j]);
    }
    return value + u[1] * trade / 2;
  }

  double operator()(const Vector& u, const Vector& y, Vector& gradient) const {
    const auto n = assets();
    double value = 0, trade = 0;
    const auto w = [&](Eigen::Index i) { return split() ? u[parameters + i] + y[i] - y[n + i] : y[i]; };
    for (Eigen::Index j = 0; j < n; ++j) {
      double row = 0;
      for (Eigen::Index i = 0; i < n; ++i) row += e_->sigma(i, j) * w(i);
      value += w(j) * (row / 2 - e_->mean[j] / u[0]);
      const double slope = row - e_->mean[j] / u[0];
      if (split()) {
        gradient[j] = slope + u[1] * y[j];
        gradient[n + j] = -slope + u[1] * y[n + j];
        trade += y[j] * y[j] + y[n + j] * y[n + j];
      } else {
        const double moved = y[j] - u[parameters + j];
        gradient[j] = slope + u[1] * moved;
        trade += moved * moved;
      }
    }
    return value + u[1] * trade / 2;
  }

  void hessian(const Vector& u, const Vector&, Matrix& H) const {
    const auto n = assets();
    if (split()) {
      H.topLeftCorner(n, n) = H.bottomRightCorner(n, n) = e_->sigma;
      H.topRightCorner(n, n) = H.bottomLeftCorner(n, n) = -e_->sigma;
    } else {
      H = e_->sigma;
    }
    H.diagonal().array() += u[1];
  }
  void hessian_product(const Vector& u, const Vector&, const Vector& v, Vector& out) const {
    const auto n = assets();
    for (Eigen::Index j = 0; j < n; ++j) {
      double row = 0;
      for (Eigen::Index i = 0; i < n; ++i) row += e_->sigma(i, j) * (split() ? v[i] - v[n + i] : v[i]);
      out[j] = row + u[1] * v[j];
      if (split()) out[n + j] = -row + u[1] * v[n + j];
    }
  }

  /// out = ∂/∂u (∂g/∂y · v), the derivatives of the estimates included.
  void mixed_product(const Vector& u, const Vector& y, const Vector& v, Vector& out) const {
    const auto n = assets();
    const auto w = [&](Eigen::Index i) { return split() ? u[parameters + i] + y[i] - y[n + i] : y[i]; };
    const auto d = [&](Eigen::Index i) { return split() ? v[i] - v[n + i] : v[i]; };
    out.setZero(parameters + n);
    for (Eigen::Index j = 0; j < n; ++j) {
      out[0] += e_->mean[j] * d(j) / (u[0] * u[0]);
      out[1] += split() ? y[j] * v[j] + y[n + j] * v[n + j] : (y[j] - u[parameters + j]) * v[j];
      out[3] -= e_->mean_by_half_life[j] * d(j) / u[0];
      double along = 0;
      for (Eigen::Index i = 0; i < n; ++i) {
        out[2] += d(i) * e_->by_shrinkage(i, j) * w(j);
        out[3] += d(i) * e_->by_half_life(i, j) * w(j);
        along += e_->sigma(i, j) * d(i);
      }
      out[parameters + j] = split() ? along : -u[1] * v[j];
    }
  }

  [[nodiscard]] static Eigen::Index equalities() { return 1; }
  [[nodiscard]] Eigen::Index inequalities() const { return rules_->group_most.size() + (split() ? 1 : 0); }
  /// The budget; the groups; the turnover, if it has a limit.
  void constraints(const Vector& u, const Vector& y, Vector& c) const {
    const auto n = assets(), groups = rules_->group_most.size();
    const auto w = [&](Eigen::Index i) { return split() ? u[parameters + i] + y[i] - y[n + i] : y[i]; };
    c[0] = -1;
    for (Eigen::Index i = 0; i < n; ++i) c[0] += w(i);
    for (Eigen::Index k = 0; k < groups; ++k) {
      c[1 + k] = -rules_->group_most[k];
      for (Eigen::Index i = 0; i < n; ++i) c[1 + k] += rules_->groups(k, i) * w(i);
    }
    if (split()) c[1 + groups] = y.sum() - rules_->turnover_most;
  }
  void constraints(const Vector& u, const Vector& y, Vector& c, Matrix& J) const {
    constraints(u, y, c);
    const auto n = assets(), groups = rules_->group_most.size();
    J.row(0).head(n).setOnes();
    if (groups > 0) J.middleRows(1, groups).leftCols(n) = rules_->groups;
    if (split()) {
      J.row(0).tail(n).setConstant(-1);
      if (groups > 0) J.middleRows(1, groups).rightCols(n) = -rules_->groups;
      J.row(1 + groups).setOnes();
    }
  }
  /// out = ∂/∂u (multipliers · Jp + q · c).
  void constraints_mixed_product(const Vector&, const Vector&, const Vector&, const Vector&, const Vector& q,
                                 Vector& out) const {
    const auto n = assets(), groups = rules_->group_most.size();
    out.setZero(parameters + n);
    if (!split()) return;
    for (Eigen::Index i = 0; i < n; ++i) {
      out[parameters + i] = q[0];
      for (Eigen::Index k = 0; k < groups; ++k) out[parameters + i] += q[1 + k] * rules_->groups(k, i);
    }
  }
  [[nodiscard]] Box<Vector> box(const Vector& u) const {
    const auto n = assets();
    // That no weight is above 1 follows from the rest: as a bound it would only make solutions degenerate.
    constexpr double infinity = std::numeric_limits<double>::infinity();
    const double most = rules_->most < 1 ? rules_->most : infinity;
    if (!split()) return {Vector::Zero(n), Vector::Constant(n, most)};
    Box<Vector> box;
    box.lower.setZero(2 * n);
    box.upper.resize(2 * n);
    for (Eigen::Index i = 0; i < n; ++i) {
      const double held = u[parameters + i];
      box.upper[i] = std::max(0.0, most - held);
      box.lower[n + i] = std::max(0.0, held - most);
      box.upper[n + i] = std::max(held, box.lower[n + i]);
    }
    return box;
  }

 private:
  const Covariance::Estimate* e_;
  const PortfolioRules* rules_;
};

}  // namespace mesaopt::models
