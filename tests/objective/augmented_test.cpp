#include <mesaopt/objective/augmented.hpp>

#include <mesaopt/core/calls.hpp>

#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {
/// x₀² + x₁ with x₀ + x₁ = 1 and x₀ <= 2.
struct Small {
  double operator()(const VectorXd& x, VectorXd& gradient) const {
    gradient << 2 * x[0], 1;
    return x[0] * x[0] + x[1];
  }
  static Eigen::Index equalities() { return 1; }
  static Eigen::Index inequalities() { return 1; }
  void constraints(const VectorXd& x, VectorXd& c) const { c << x[0] + x[1] - 1, x[0] - 2; }
  void constraints(const VectorXd& x, VectorXd& c, MatrixXd& J) const {
    constraints(x, c);
    J << 1, 1, 1, 0;
  }
};
}  // namespace

TEST_CASE("the augmented Lagrangian is its formula, and its gradient that of the Lagrangian ahead", "[objective]") {
  const Small f;
  const VectorXd multipliers = Eigen::Vector2d(0.5, 0.3);
  const Augmented<Small, VectorXd> augmented{f, multipliers, 10};
  Calls<VectorXd, MemoryOf<Augmented<Small, VectorXd>, VectorXd>> calls;
  VectorXd x = Eigen::Vector2d(3, 1), gradient(2);  // c = (3, 1)
  const double violated = 9 + 1 + 0.5 * 3 + 5 * 9 + ((0.3 + 10) * (0.3 + 10) - 0.09) / 20;
  CHECK(calls.gradient(augmented, x, gradient).value == Approx(violated).epsilon(1e-14));
  CHECK(gradient[0] == Approx(6 + (0.5 + 30) + (0.3 + 10)).epsilon(1e-14));
  CHECK(gradient[1] == Approx(1 + (0.5 + 30)).epsilon(1e-14));
  x << 1, 0;  // c = (0, −1): the inequality is slack, and its multiplier lets go
  CHECK(calls.gradient(augmented, x, gradient).value == Approx(1 - 0.09 / 20).epsilon(1e-14));
  CHECK(gradient[0] == Approx(2 + 0.5).epsilon(1e-14));
  CHECK(calls.counts[0].constraints == 2);
  CHECK(calls.counts[0].evaluations() == 2);
}
