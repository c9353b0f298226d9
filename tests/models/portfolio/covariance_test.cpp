#include <mesaopt/models/portfolio/covariance.hpp>

#include <limits>

#include <Eigen/Dense>

#include <mesaopt/core/random.hpp>

#include "support/allocations.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using namespace mesaopt::models;

namespace {
constexpr double forever = std::numeric_limits<double>::infinity();
Eigen::MatrixXd sample_returns() {
  Eigen::MatrixXd returns(40, 4);
  Random{7}.fill_normal(returns);
  returns.col(1) += 0.5 * returns.col(0);
  returns.col(3) -= 0.3 * returns.col(2);
  return 0.02 * returns;
}
}  // namespace

TEST_CASE("without decay and shrinkage the covariance is that of the sample", "[models]") {
  Eigen::MatrixXd returns(4, 2);
  returns << 1, 2, 3, 2, 5, 8, 7, 4;  // means 4 and 4; sums of squares 20 and 24, of products 12
  Covariance::Scratch scratch;
  Covariance::Estimate e;
  Covariance{}(returns, 0, forever, e, scratch);
  CHECK(e.mean == Eigen::Vector2d(4, 4));
  CHECK(e.sigma(0, 0) == Approx(20.0 / 3));
  CHECK(e.sigma(1, 1) == Approx(24.0 / 3));
  CHECK(e.sigma(0, 1) == Approx(12.0 / 3));
}

TEST_CASE("full shrinkage gives the targets", "[models]") {
  const auto returns = sample_returns();
  Covariance::Scratch scratch;
  Covariance::Estimate e, sample;
  Covariance{}(returns, 0, forever, sample, scratch);
  Covariance{}(returns, 1, forever, e, scratch);
  CHECK((e.sigma - Eigen::Matrix4d::Identity() * sample.sigma.trace() / 4).norm() < 1e-18);

  Covariance{ShrinkTo::constant_correlation}(returns, 1, forever, e, scratch);
  CHECK((e.sigma.diagonal() - sample.sigma.diagonal()).norm() < 1e-18);
  const Eigen::VectorXd deviation = sample.sigma.diagonal().cwiseSqrt();
  const Eigen::MatrixXd correlation =
      deviation.cwiseInverse().asDiagonal() * sample.sigma * deviation.cwiseInverse().asDiagonal();
  const double mean = (correlation.sum() - 4) / 12;
  CHECK(e.sigma(0, 2) == Approx(mean * deviation[0] * deviation[2]).epsilon(1e-12));
  CHECK(e.sigma(1, 3) == Approx(mean * deviation[1] * deviation[3]).epsilon(1e-12));
}

TEST_CASE("a half-life weighs a row half as much as one that is so much later", "[models]") {
  const auto returns = sample_returns();
  Covariance::Scratch scratch;
  Covariance::Estimate e;
  Covariance{}(returns, 0, 5, e, scratch);
  CHECK(scratch.weights.sum() == Approx(1).epsilon(1e-14));
  CHECK(scratch.weights[30] == Approx(scratch.weights[35] / 2).epsilon(1e-14));
  Covariance::Estimate slow, flat;
  Covariance{}(returns, 0.3, 1e9, slow, scratch);
  Covariance{}(returns, 0.3, forever, flat, scratch);
  CHECK((slow.sigma - flat.sigma).norm() < 1e-6 * flat.sigma.norm());
}

TEST_CASE("derivatives of mean and covariance agree with differences", "[models]") {
  const auto returns = sample_returns();
  for (const auto target : {ShrinkTo::identity, ShrinkTo::constant_correlation}) {
    const Covariance covariance{target};
    Covariance::Scratch scratch;
    Covariance::Estimate e, above, below;
    covariance(returns, 0.3, 12, e, scratch);
    const double h = 1e-5;
    covariance(returns, 0.3 + h, 12, above, scratch);
    covariance(returns, 0.3 - h, 12, below, scratch);
    CHECK(((above.sigma - below.sigma) / (2 * h) - e.by_shrinkage).norm() < 1e-9 * e.by_shrinkage.norm());
    covariance(returns, 0.3, 12 + h, above, scratch);
    covariance(returns, 0.3, 12 - h, below, scratch);
    CHECK(((above.sigma - below.sigma) / (2 * h) - e.by_half_life).norm() < 1e-7 * e.by_half_life.norm());
    CHECK(((above.mean - below.mean) / (2 * h) - e.mean_by_half_life).norm() < 1e-7 * e.mean_by_half_life.norm());
  }
}

TEST_CASE("an estimate made again does not allocate", "[models]") {
  const auto returns = sample_returns();
  Covariance::Scratch scratch;
  Covariance::Estimate e;
  const Covariance covariance{ShrinkTo::constant_correlation};
  covariance(returns, 0.3, 12, e, scratch);
  const auto before = allocations();
  covariance(returns, 0.4, 13, e, scratch);
  CHECK(allocations() == before);
}

TEST_CASE("parameters out of range are refused by name", "[models]") {
  const auto returns = sample_returns();
  Covariance::Scratch scratch;
  Covariance::Estimate e;
  CHECK_THROWS_WITH(Covariance{}(returns, 1.5, forever, e, scratch), Catch::Contains("shrinkage: is 1.5"));
  CHECK_THROWS_WITH(Covariance{}(returns, 0, 0, e, scratch), Catch::Contains("half_life"));
  CHECK_THROWS_WITH(Covariance{}(returns.topRows(1), 0, forever, e, scratch), Catch::Contains("rows"));
}
