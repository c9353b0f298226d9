#include <mesaopt/bayes/filled_wells.hpp>

#include <cmath>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/bayes/kernels.hpp>

#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::MatrixXd, Eigen::VectorXd;

TEST_CASE("a Gaussian well filled by its curvature is flat", "[bayes][filled_wells]") {
  // -2 exp(-(x - c)' H (x - c) / 4) has the Hessian H at its minimum c.
  const VectorXd c{{0.4, 0.6}};
  const MatrixXd H{{20, 5}, {5, 10}};
  const auto f = [&](const VectorXd& x) { return -2 * std::exp(-(x - c).dot(H * (x - c)) / 4); };
  MatrixXd X(2, 100);
  VectorXd y(100);
  for (int k = 0; k < 100; ++k) {
    X.col(k) << (k % 10) / 9.0, (k / 10) / 9.0;
    y[k] = f(X.col(k));
  }
  GaussianProcess process(kernels::SquaredExponential{VectorXd::Constant(2, 0.3)},
                          GaussianProcessSettings<double>{.noise = 1e-8});
  process.fit(X, y);
  const Well well = well_of(process, c, 2, 1);
  CHECK((well.curvature - H).cwiseAbs().maxCoeff() < 0.2);
  for (int k = 0; k < 100; ++k) CHECK(std::abs(f(X.col(k)) + fill({well}, X.col(k))) < 0.02);
  CHECK(fill({well, well}, c) == Approx(4));
  CHECK(fill({}, c) == 0);
}

TEST_CASE("a well is no wider than it may be, also where the mean is flat or bent down", "[bayes][filled_wells]") {
  GaussianProcess process(kernels::SquaredExponential{VectorXd::Constant(2, 0.5)},
                          GaussianProcessSettings<double>{.noise = 1e-6});
  process.fit(MatrixXd{{0.5}, {0.5}}, VectorXd{{1}});  // a hill
  const Well well = well_of(process, VectorXd{{0.5, 0.5}}, 3, 1, 2);
  CHECK(well.curvature(0, 0) == Approx(3.0 / 4));
  CHECK(well(VectorXd{{0.5, 0.5}}) == 3);
}
