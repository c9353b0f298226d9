#include <mesaopt/core/constraints.hpp>

#include <limits>

#include <mesaopt/core/calls.hpp>
#include <mesaopt/core/optimizer.hpp>

#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::VectorXd;

namespace {
/// x₀ + x₁, on the unit circle, with x₀ <= 0.
struct OnCircle {
  double operator()(const VectorXd& x) const { return x.sum(); }
  static Eigen::Index equalities() { return 1; }
  static Eigen::Index inequalities() { return 1; }
  void constraints(const VectorXd& x, VectorXd& c) const { c << x.squaredNorm() - 1, x[0]; }
  void constraints(const VectorXd& x, VectorXd& c, Eigen::MatrixXd& J) const {
    constraints(x, c);
    J << 2 * x[0], 2 * x[1], 1, 0;
  }
};
/// An optimizer that knows no constraints.
struct Still {
  template <Point X, class M = Nothing>
  struct State {
    X x{};
    ScalarOf<X> value = 0;
    Evaluation<ScalarOf<X>> evaluation{};
    Status status = Status::running;
    Calls<X, M> calls{};
    static constexpr auto fields() { return std::tuple{&State::x, &State::value}; }
  };
  template <class F, class P, class S>
  void init(const F&, const P&, S&) const {}
  template <class F, class S>
  void step(const F&, S&) const {}
};
struct Heeding : Still {
  static constexpr bool handles_constraints = true;
};
struct HeedingByGradients : Heeding {
  static constexpr bool needs_gradient = true;
};
/// The same circle without the Jacobian.
struct OnCircleByValues {
  double operator()(const VectorXd& x) const { return x.sum(); }
  static Eigen::Index equalities() { return 1; }
  static Eigen::Index inequalities() { return 0; }
  void constraints(const VectorXd& x, VectorXd& c) const { c << x.squaredNorm() - 1; }
};
}  // namespace

TEST_CASE("an objective is constrained if it counts its constraints and gives them, with or without Jacobian",
          "[core]") {
  CHECK(Constrained<OnCircle, VectorXd>);
  CHECK(DifferentiableConstraints<OnCircle, VectorXd>);
  CHECK(Constrained<OnCircleByValues, VectorXd>);
  CHECK_FALSE(DifferentiableConstraints<OnCircleByValues, VectorXd>);
  const auto free = [](const VectorXd& x) { return x.sum(); };
  CHECK_FALSE(Constrained<decltype(free), VectorXd>);
}

TEST_CASE("an optimizer is one for a constrained objective only if it says that it heeds constraints", "[core]") {
  CHECK_FALSE(OptimizerFor<Still, OnCircle, VectorXd>);
  CHECK(OptimizerFor<Heeding, OnCircle, VectorXd>);
}

TEST_CASE("constraints without a Jacobian are refused by optimizers that need gradients, and by them alone", "[core]") {
  CHECK(OptimizerFor<Heeding, OnCircleByValues, VectorXd>);
  CHECK(OptimizerFor<HeedingByGradients, OnCircle, VectorXd>);
  CHECK_FALSE(OptimizerFor<HeedingByGradients, OnCircleByValues, VectorXd>);
  CHECK_FALSE(OptimizerFor<Still, OnCircleByValues, VectorXd>);
}

TEST_CASE("calls of constraints are sized and counted, and what is not finite is noted", "[core]") {
  Calls<VectorXd> calls;
  VectorXd x(2), c;
  Eigen::MatrixXd J;
  x << 3, 4;
  CHECK(calls.constraints(OnCircle{}, x, c));
  CHECK(c[0] == 24);
  CHECK(calls.constraints(OnCircle{}, x, c, J));
  CHECK(J(0, 1) == 8);
  CHECK(calls.counts[0].constraints == 2);
  CHECK(calls.counts[0].evaluations() == 0);
  x[0] = std::numeric_limits<double>::infinity();
  CHECK_FALSE(calls.constraints(OnCircle{}, x, c));
  CHECK(calls.events[std::size_t(Reason::non_finite_constraint)].count == 1);
}
