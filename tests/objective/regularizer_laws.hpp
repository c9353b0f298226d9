#pragma once
// What every regularizer has to satisfy.

#include <algorithm>
#include <cmath>
#include <random>

#include <Eigen/Core>

#include <mesaopt/objective/regularized.hpp>

#include "support/allocations.hpp"
#include "support/catch.hpp"

namespace regularizer_laws {

using Eigen::VectorXd;

inline VectorXd normal(Eigen::Index n, std::mt19937_64& random) {
  std::normal_distribution<double> draw;
  VectorXd out(n);
  for (double& entry : out) entry = draw(random);
  return out;
}

/// Checks values, proximal steps and their derivatives at random points of n coordinates. `bent`: away from kinks the
/// proximal step is not linear.
template <class H>
void check(const H& h, Eigen::Index n, bool bent = false) {
  static_assert(mesaopt::DifferentiableRegularizer<H, VectorXd>);
  std::mt19937_64 random(7);
  int smooth = 0;
  for (int round = 0; round < 40; ++round) {
    CAPTURE(round);
    const double t = std::exp(double(round % 9) - 4);
    const VectorXd v = 2 * normal(n, random), w = v + 0.3 * normal(n, random);
    VectorXd x(n), y(n), other(n);
    const long before = allocations();
    h.proximal(v, t, x);
    h.derivative(v, t, w, y);
    const double margin = h.margin(v, t);
    if constexpr (counting_allocations) CHECK(allocations() == before);

    // x = argmin h + |x - v|²/2t: better than its neighbours, and than points anywhere, put into the domain.
    const auto objective = [&](const VectorXd& at) { return h.value(at) + (at - v).squaredNorm() / (2 * t); };
    for (const double distance : {1e-3, 0.1, 3.0}) {
      const VectorXd away = x + distance * normal(n, random);
      h.proximal(away, 0, other);
      CHECK(objective(x) <= objective(other) + 1e-12 * (1 + std::abs(objective(x))));
    }
    h.proximal(x, 0, other);
    CHECK((other - x).norm() <= 1e-14 * (1 + x.norm()));  // x is in the domain, where t = 0 moves nothing
    h.proximal(w, t, other);
    CHECK((x - other).norm() <= (v - w).norm() * (1 + 1e-14));  // firmly nonexpansive, hence nonexpansive
    CHECK((x - other).squaredNorm() <= (x - other).dot(v - w) + 1e-14 * (v - w).squaredNorm());
    other = v;
    h.proximal(other, t, other);
    CHECK(other == x);

    REQUIRE(margin >= 0);
    if (margin < 1e-3) continue;
    ++smooth;
    const VectorXd d = normal(n, random), e = normal(n, random);
    VectorXd Pd(n), Pe(n), above(n), below(n);
    h.derivative(v, t, d, Pd);
    h.derivative(v, t, e, Pe);
    const double step = std::min(1e-5, margin / 10) / d.lpNorm<Eigen::Infinity>();
    h.proximal(VectorXd(v + step * d), t, above);
    h.proximal(VectorXd(v - step * d), t, below);
    CHECK((Pd - (above - below) / (2 * step)).norm() < 1e-7 * (1 + d.norm()));
    CHECK(std::abs(Pd.dot(e) - d.dot(Pe)) < 1e-13 * d.norm() * e.norm());
    CHECK(Pd.dot(d) >= -1e-14 * d.squaredNorm());
    CHECK(Pd.dot(d) <= d.squaredNorm() * (1 + 1e-14));
    other = d;
    h.derivative(v, t, other, other);
    CHECK(other == Pd);
    if (!bent) {  // nothing changes within the margin
      const VectorXd moved = v + std::min(margin, 1.0) / 3 * e / e.lpNorm<Eigen::Infinity>();
      h.derivative(moved, t, d, other);
      CHECK(other == Pd);
    }
  }
  CHECK(smooth > 20);
}

}  // namespace regularizer_laws
