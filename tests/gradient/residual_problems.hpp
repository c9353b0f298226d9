#pragma once

#include <cstdint>

#include <Eigen/Core>

#include <mesaopt/core/random.hpp>
#include <mesaopt/gradient/linearized_residuals.hpp>

namespace mesaopt::test {

/// Linear residuals Jp + r with random numbers in [-1, 1].
struct LinearResiduals {
  Eigen::MatrixXd J;
  Eigen::VectorXd r, gradient;

  LinearResiduals(Eigen::Index m, Eigen::Index n, std::uint64_t seed) : J(m, n), r(m) {
    Random random{seed};
    for (double& entry : J.reshaped()) entry = random.uniform(-1.0, 1.0);
    for (double& entry : r) entry = random.uniform(-1.0, 1.0);
    gradient = J.transpose() * r;
  }
  /// What |r + Jp|²/2 + λ|Dp|²/2 is above its value at p = 0.
  [[nodiscard]] double model(const Eigen::VectorXd& p, double damping = 0, const Eigen::VectorXd& scale = {}) const {
    const double damped = damping == 0 ? 0 : damping * scale.cwiseProduct(p).squaredNorm() / 2;
    return ((r + J * p).squaredNorm() - r.squaredNorm()) / 2 + damped;
  }
  [[nodiscard]] detail::LinearizedResiduals<Eigen::VectorXd> linearized(LeastSquaresSolver solver) const {
    detail::LinearizedResiduals<Eigen::VectorXd> out;
    out.resize(J.cols(), solver);
    out.form(J, r, solver);
    return out;
  }
};

}  // namespace mesaopt::test
