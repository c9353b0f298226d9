#include <mesaopt/evolution/population.hpp>

#include <cmath>
#include <limits>

#include <Eigen/Core>

#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::MatrixXd;
using Eigen::VectorXd;

TEST_CASE("a scattered population holds the start, and fills a finite box", "[population]") {
  const Box<VectorXd> box{VectorXd::Constant(2, -1.0), VectorXd::Constant(2, 3.0)};
  Random random{.seed = 1};
  MatrixXd population(2, 400);
  const VectorXd x0 = VectorXd::Constant(2, 2.5);
  detail::scatter(x0, box, 0.1, random, population);
  CHECK(population.col(0) == x0);
  CHECK(population.minCoeff() >= -1);
  CHECK(population.minCoeff() < -0.95);
  CHECK(population.maxCoeff() < 3);
  CHECK(population.maxCoeff() > 2.95);
  CHECK(population.rowwise().mean().norm() == Approx(std::sqrt(2.0)).margin(0.25));
}

TEST_CASE("without a finite box a population is scattered around the start, but not over a bound", "[population]") {
  const double infinity = std::numeric_limits<double>::infinity();
  const Box<VectorXd> box{(VectorXd(2) << 0, -infinity).finished(), VectorXd::Constant(2, infinity)};
  Random random{.seed = 1};
  MatrixXd population(2, 400);
  detail::scatter(VectorXd(VectorXd::Constant(2, 0.25)), box, 0.5, random, population);
  CHECK(population.row(0).minCoeff() >= 0);
  CHECK(population.row(0).maxCoeff() <= 0.75);
  CHECK(population.row(1).minCoeff() < -0.2);
  CHECK(population.row(1).minCoeff() >= -0.25);
}

TEST_CASE("a population of a prior is taken over into the box", "[population]") {
  struct Known {
    VectorXd x = VectorXd::Zero(2);
    MatrixXd population = (MatrixXd(2, 2) << 0.5, 9, -0.5, 0).finished();
  };
  const Box<VectorXd> box{VectorXd::Constant(2, -1.0), VectorXd::Constant(2, 1.0)};
  Random random{.seed = 1};
  MatrixXd population(2, 5);
  detail::scatter(Known{}, box, 0.1, random, population);
  CHECK(population.col(0) == Eigen::Vector2d(0.5, -0.5));
  CHECK(population.col(1) == Eigen::Vector2d(1, 0));
}
