#include <mesaopt/models/portfolio/rebalance.hpp>

#include <cmath>

#include <Eigen/Dense>

#include <mesaopt/core/constraints.hpp>
#include <mesaopt/core/random.hpp>
#include <mesaopt/nested/places.hpp>

#include "support/catch.hpp"

using namespace mesaopt;
using namespace mesaopt::models;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {
using Program = At<Rebalance, VectorXd>;
static_assert(TwiceDifferentiable<Program, VectorXd>);
static_assert(Constrained<Program, VectorXd>);
static_assert(Bounded<Program, VectorXd>);

struct Case {
  MatrixXd returns = MatrixXd(30, 4);
  Covariance::Estimate estimate;
  PortfolioRules rules;
  VectorXd u = VectorXd(8), y, v;

  explicit Case(bool split) {
    Random random{3};
    random.fill_normal(returns);
    returns *= 0.05;
    u << 8, 0.3, 0.25, 12, 0.1, 0.2, 0.3, 0.4;
    rules.groups = MatrixXd::Zero(2, 4);
    rules.groups(0, 0) = rules.groups(0, 2) = rules.groups(1, 3) = 1;
    rules.group_most = Eigen::Vector2d(0.6, 0.5);
    if (split) rules.turnover_most = 0.5;
    y.resize(split ? 8 : 4);
    v.resize(y.size());
    random.fill_normal(y);
    random.fill_normal(v);
    estimate_at(u);
  }
  void estimate_at(const VectorXd& at) {
    Covariance::Scratch scratch;
    Covariance{}(returns, at[2], at[3], estimate, scratch);
  }
  [[nodiscard]] Rebalance problem() const { return {estimate, rules}; }
  /// ∂g/∂y · v at u, everything estimated anew.
  double slope(const VectorXd& at) {
    estimate_at(at);
    VectorXd gradient(y.size());
    problem()(at, y, gradient);
    return gradient.dot(v);
  }
};
}  // namespace

TEST_CASE("the value of a rebalancing is what its formula says", "[models]") {
  for (const bool split : {false, true}) {
    Case c(split);
    VectorXd w(4);
    c.problem().weights(c.u, c.y, w);
    double expected = w.dot(c.estimate.sigma * w) / 2 - c.estimate.mean.dot(w) / 8;
    expected += 0.3 / 2 * (split ? c.y.squaredNorm() : (w - c.u.tail(4)).squaredNorm());
    VectorXd gradient(c.y.size());
    CHECK(c.problem()(c.u, c.y) == Approx(expected).epsilon(1e-14));
    CHECK(c.problem()(c.u, c.y, gradient) == Approx(expected).epsilon(1e-14));
    VectorXd back;
    c.problem().from_weights(c.u, w, back);
    VectorXd again;
    c.problem().weights(c.u, back, again);
    CHECK((again - w).norm() < 1e-15);
  }
}

TEST_CASE("the derivatives of a rebalancing agree with differences", "[models]") {
  for (const bool split : {false, true}) {
    CAPTURE(split);
    Case c(split);
    const auto problem = c.problem();
    const auto n = c.y.size();
    VectorXd gradient(n), product(n), above(n), below(n), constraint(3 + split), moved(3 + split);
    MatrixXd H(n, n), J(3 + split, n);
    problem(c.u, c.y, gradient);
    problem.hessian(c.u, c.y, H);
    problem.hessian_product(c.u, c.y, c.v, product);
    CHECK((H * c.v - product).norm() < 1e-15);
    const double h = 1e-4;
    CHECK((problem(c.u, c.y + h * c.v) - problem(c.u, c.y - h * c.v)) / (2 * h) ==
          Approx(gradient.dot(c.v)).epsilon(1e-9));
    problem(c.u, c.y + h * c.v, above);
    problem(c.u, c.y - h * c.v, below);
    CHECK(((above - below) / (2 * h) - product).norm() < 1e-9);
    problem.constraints(c.u, c.y, constraint, J);
    problem.constraints(c.u, c.y + c.v, moved);
    CHECK((moved - constraint - J * c.v).norm() < 1e-14);

    VectorXd mixed(8), of_constraints(8);
    problem.mixed_product(c.u, c.y, c.v, mixed);
    const VectorXd q = VectorXd::LinSpaced(3 + split, 0.5, 2);
    problem.constraints_mixed_product(c.u, c.y, q, c.v, q, of_constraints);
    for (Eigen::Index j = 0; j < 8; ++j) {
      CAPTURE(j);
      const double step = 1e-5;
      VectorXd there = c.u;
      there[j] += step;
      const double up = c.slope(there);
      c.problem().constraints(there, c.y, moved);
      const double up_q = q.dot(moved);
      there[j] -= 2 * step;
      CHECK(mixed[j] == Approx((up - c.slope(there)) / (2 * step)).epsilon(1e-6).margin(1e-10));
      c.problem().constraints(there, c.y, moved);
      CHECK(of_constraints[j] == Approx((up_q - q.dot(moved)) / (2 * step)).margin(1e-9));
      c.estimate_at(c.u);
    }
  }
}

TEST_CASE("bounds keep weights long and below the most, whatever is held", "[models]") {
  Case c(true);
  c.rules.most = 0.35;
  const auto box = c.problem().box(c.u);
  CHECK(box.upper[0] == Approx(0.25));  // held 0.1
  CHECK(box.upper[4] == Approx(0.1));
  CHECK(box.upper[3] == 0);  // held 0.4, which is too much already
  CHECK(box.lower[7] == Approx(0.05));
  CHECK(box.upper[7] == Approx(0.4));
}

TEST_CASE("rules that contradict themselves are refused by name", "[models]") {
  PortfolioRules rules;
  rules.most = 0.1;
  CHECK_THROWS_WITH(rules.check(5), Catch::Contains("PortfolioRules::most: is 0.1"));
  rules = {};
  rules.group_most = Eigen::Vector2d(1, 1);
  CHECK_THROWS_WITH(rules.check(5), Catch::Contains("PortfolioRules::groups"));
  rules = {};
  rules.turnover_most = 0;
  CHECK_THROWS_WITH(rules.check(5), Catch::Contains("turnover_most"));
}
