#include <mesaopt/gradient/quasi_definite.hpp>

#include <random>

#include <Eigen/Core>
#include <Eigen/LU>

#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {
MatrixXd normal(Eigen::Index rows, Eigen::Index cols, std::mt19937_64& random) {
  std::normal_distribution<double> draw;
  MatrixXd out(rows, cols);
  for (double& entry : out.reshaped()) entry = draw(random);
  return out;
}
}  // namespace

TEMPLATE_TEST_CASE_SIG("Quasi-definite systems of any size are solved", "[quasi_definite]", ((int most), most),
                       Eigen::Dynamic, 16) {
  std::mt19937_64 random(1);
  for (const Eigen::Index room : {1, 2, 5, 10, 16})
    for (Eigen::Index k = 1; k <= room; ++k) {
      CAPTURE(room, k);
      const MatrixXd a = normal(k, k, random), b = normal(k, k, random), T = normal(k, k, random);
      const MatrixXd C = a * a.transpose() + MatrixXd::Identity(k, k), E = b * b.transpose();
      detail::QuasiDefinite<double, most> system;
      system.resize(room);
      system.clear(k);
      system.c.topLeftCorner(k, k) = C.triangularView<Eigen::Lower>();
      system.t.topLeftCorner(k, k) = T;
      system.e.topLeftCorner(k, k) = E.triangularView<Eigen::Lower>();
      REQUIRE(system.factor(k));
      MatrixXd K(2 * k, 2 * k);
      K << -C, T.transpose(), T, E;
      for (int twice = 0; twice < 2; ++twice) {
        const VectorXd right = normal(2 * k, 1, random), expected = K.fullPivLu().solve(right);
        VectorXd solution = VectorXd::Zero(2 * room);
        solution.head(2 * k) = right;
        system.solve(solution);
        CHECK((solution.head(2 * k) - expected).norm() < 1e-9 * (1 + expected.norm()));
        CHECK(solution.tail(2 * (room - k)).isZero(0));
      }
    }
}

TEST_CASE("Blocks that are not positive definite are refused, and spoil nothing", "[quasi_definite]") {
  detail::QuasiDefinite<double, Eigen::Dynamic> system;
  system.resize(3);
  const auto factor = [&](double c, double e, double t) {
    system.clear(2);
    system.c.diagonal().head(2) << 1, c;
    system.e.diagonal().head(2) << 1, e;
    system.t(1, 1) = t;
    return system.factor(2);
  };
  CHECK(factor(1, 1, 0));
  CHECK_FALSE(factor(0, 1, 0));
  CHECK_FALSE(factor(-1, 1, 0));
  CHECK_FALSE(factor(0.0 / 0.0, 1, 0));
  CHECK_FALSE(factor(1, 0, 0));
  CHECK(factor(1, 0, 1));  // E + T C⁻¹ Tᵀ is what counts
  CHECK(factor(1, 1, 0));
}
