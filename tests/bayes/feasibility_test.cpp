#include <mesaopt/bayes/feasibility.hpp>

#include <cmath>

#include <Eigen/Core>

#include <mesaopt/bayes/acquisition.hpp>
#include <mesaopt/bayes/kernels.hpp>
#include <mesaopt/core/fields.hpp>
#include <mesaopt/core/sobol.hpp>

#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::MatrixXd, Eigen::VectorXd;
using K = kernels::SquaredExponential;

TEST_CASE("failures on one side teach where evaluations succeed and which coordinate matters", "[bayes][feasibility]") {
  Observations all(2);
  MatrixXd X(2, 30);
  Sobol{.dimension = 2, .seed = 3}.fill(X);
  for (Eigen::Index i = 0; i < X.cols(); ++i) all.add(X.col(i), X(0, i) > 0.6 ? std::nan("") : 1.0);
  Feasibility<K> feasibility;
  const K kernel{VectorXd{{0.5, 0.5}}};
  feasibility.follow(all, kernel);
  const auto chance = acquisition(feasibility.process, LogProbabilityOfFeasibility{}, 0.0);
  Acquisition<GaussianProcess<Scaled<K>>, LogProbabilityOfFeasibility>::Scratch scratch;
  VectorXd logs;
  chance.values(MatrixXd{{0.2, 0.45, 0.75, 0.95}, {0.5, 0.1, 0.9, 0.2}}, scratch.prediction, logs);
  CHECK(std::exp(-logs[0]) > 0.9);
  CHECK(std::exp(-logs[1]) > 0.8);
  CHECK(std::exp(-logs[2]) < 0.2);
  CHECK(std::exp(-logs[3]) < 0.1);
  // Parameters are the variance and the two length scales.
  CHECK(feasibility.parameters[2] > feasibility.parameters[1]);

  const Feasibility<K> before = feasibility;
  feasibility.follow(all, kernel);
  CHECK(identical(before, feasibility));
}
