#include <mesaopt/evolution/adaptive_penalties.hpp>

#include <vector>

#include <Eigen/Core>

#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::VectorXd;

namespace {
AdaptivePenalties<VectorXd> with(Eigen::Index equalities, const VectorXd& multipliers, const VectorXd& weights) {
  AdaptivePenalties<VectorXd> p;
  p.begin(equalities, multipliers.size());
  p.multipliers = multipliers;
  p.weights = weights;
  return p;
}
VectorXd pair(double a, double b) { return (VectorXd(2) << a, b).finished(); }
}  // namespace

TEST_CASE("an inequality far below zero adds the least that it can, an equality counts on both sides",
          "[evolution][constraints]") {
  const auto p = with(1, pair(3, 2), pair(4, 5));
  CHECK(p.penalty(pair(1, 1)) == Approx(3 + 2 + 2 + 2.5));
  CHECK(p.penalty(pair(-1, -0.1)) == Approx(-3 + 2 - 0.2 + 0.025));
  CHECK(p.penalty(pair(0, -100)) == Approx(-2. * 2 / 5 / 2));
  CHECK(p.violation(pair(-2, 1)) == 2);
  CHECK(p.violation(pair(0, -1)) == 0);
}

TEST_CASE("multipliers follow the constraint at the mean, and those of inequalities stay at 0 or more",
          "[evolution][constraints]") {
  auto p = with(1, pair(0, 0.1), pair(10, 10));
  p.update(0, pair(-0.5, 0.2), 4, 2);  // nothing to compare with yet
  CHECK(p.multipliers == pair(0, 0.1));
  p.update(0, pair(-0.5, 0.2), 4, 2);
  CHECK(p.multipliers[0] == Approx(-1));
  CHECK(p.multipliers[1] == Approx(0.5));
  // The constraints have not changed, so both penalties are too weak.
  CHECK(p.weights[0] == Approx(10 * std::pow(2.0, 0.25)));
  CHECK(p.weights[1] == Approx(10 * std::pow(2.0, 0.25)));

  auto q = with(0, pair(0.01, 1), pair(10, 10));
  q.update(5, pair(0.2, 2), 4, 2);
  q.update(5, pair(-0.0009, -2), 4, 2);
  CHECK(q.weights[1] == 10);  // not felt
  CHECK(q.multipliers[1] == 1);
  CHECK(q.multipliers[0] == Approx(0.01 - 0.0018));
}

TEST_CASE("a constraint that changes by much at a value that hardly does has a penalty that is too strong",
          "[evolution][constraints]") {
  auto p = with(1, VectorXd::Zero(1), VectorXd::Constant(1, 10));
  p.update(0, VectorXd::Constant(1, 1.0), 4, 2);
  p.update(0, VectorXd::Constant(1, -1.0), 4, 2);
  CHECK(p.weights[0] == Approx(5));
}

TEST_CASE("the first coefficients come from a generation that violates, and scale with value and constraint",
          "[evolution][constraints]") {
  std::vector<double> values{1, 2, 3, 4, 5}, scaled{7, 14, 21, 28, 35};
  Eigen::MatrixXd c(2, 5), large(2, 5);
  c << -1, -0.5, 0.5, 1, 2, /**/ -3, -4, -5, -6, -7;
  large = 100 * c;
  AdaptivePenalties<VectorXd> p, q;
  p.begin(0, 2);
  q.begin(0, 2);
  p.set_first(values, c, 5, 10);
  q.set_first(scaled, large, 5, 10);
  CHECK(p.multipliers[0] == Approx(2 / (10 * 1.5)));
  CHECK(p.weights[0] == Approx(10 * 2 / (10 * 1.5 * 1.5)));
  CHECK(p.weights[1] == 0);
  CHECK(p.settled[0]);
  CHECK_FALSE(p.settled[1]);
  CHECK(q.multipliers[0] == Approx(p.multipliers[0] * 7 / 100));
  CHECK(q.weights[0] == Approx(p.weights[0] * 7 / 10000));
  CHECK(q.penalty(100 * pair(1, -3)) == Approx(7 * p.penalty(pair(1, -3))));
}
