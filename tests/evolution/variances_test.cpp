#include <mesaopt/evolution/variances.hpp>

#include <cmath>
#include <limits>

#include <Eigen/Core>

#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {
detail::Variances<VectorXd> distribution() {
  detail::Variances<VectorXd> d;
  d.mean = VectorXd::Zero(3);
  d.variances = Eigen::Vector3d(1, 4, 16);
  d.step_size = 0.5;
  return d;
}
}  // namespace

TEST_CASE("widths of independent coordinates are those of their variances", "[variances]") {
  auto d = distribution();
  CHECK(d.deviation(1) == 1);
  CHECK(d.width() == 2);
  CHECK(d.condition() == 16);
  MatrixXd steps(3, 1);
  d.shape(MatrixXd::Constant(3, 1, 2.0), steps);
  CHECK(steps == Eigen::Vector3d(2, 4, 8));
  d.isolate(0);
  CHECK(d.variances == Eigen::Vector3d(10, 4, 16));
}

TEST_CASE("variances come from a prior's variances, or from the diagonal of its covariance", "[variances]") {
  struct Known {
    MatrixXd covariance = (MatrixXd(2, 2) << 4, 1, 1, 9).finished();
    double step_size = 1;
  };
  detail::Variances<VectorXd> d;
  CHECK(d.fits(Known{}, 2));
  CHECK_FALSE(d.fits(Known{}, 3));
  d.take(Known{});
  CHECK(d.variances == Eigen::Vector2d(4, 9));
  d.take(distribution());
  CHECK(d.variances.size() == 3);
}

TEST_CASE("a variance that is not positive and finite is noticed", "[variances]") {
  auto d = distribution();
  CHECK(d.decompose_when_due());
  for (const double bad : {0.0, -1.0, std::numeric_limits<double>::infinity(), std::nan("")}) {
    d.variances[1] = bad;
    CHECK_FALSE(d.decompose_when_due());
  }
}
