#include <mesaopt/gradient/known_scale.hpp>

#include <Eigen/Core>

#include "support/catch.hpp"

using Eigen::MatrixXd;
using Eigen::VectorXd;
using mesaopt::detail::known_scale;

TEST_CASE("The scale of a step is taken from whatever a prior knows of curvatures", "[prior]") {
  struct Pairs {
    double scale = 0.25;
    int count = 1;
  };
  struct WithPairs {
    VectorXd x;
    Pairs pairs;
    const Pairs& curvature_pairs() const { return pairs; }
  };
  struct WithInverse {
    VectorXd x;
    MatrixXd inverse_hessian;
  };
  struct WithScale {
    VectorXd x;
    double scale;
  };
  struct Solution {
    VectorXd x;
    WithScale state;
  };
  const VectorXd x = VectorXd::Zero(2);
  CHECK(known_scale<VectorXd>(x) == 0);
  CHECK(known_scale<VectorXd>(WithPairs{x, {}}) == 0.25);
  CHECK(known_scale<VectorXd>(WithPairs{x, {0.25, 0}}) == 0);
  CHECK(known_scale<VectorXd>(WithInverse{x, MatrixXd(VectorXd(Eigen::Vector2d(1, 3)).asDiagonal())}) == 2);
  CHECK(known_scale<VectorXd>(WithInverse{x, -MatrixXd::Identity(2, 2)}) == 0);
  CHECK(known_scale<VectorXd>(WithScale{x, 7}) == 7);
  CHECK(known_scale<VectorXd>(Solution{x, {x, 7}}) == 7);
}
