#include <mesaopt/core/optimizer.hpp>

#include <tuple>

#include <Eigen/Core>

#include <mesaopt/core/calls.hpp>
#include <mesaopt/evolution/cma_es.hpp>
#include <mesaopt/gradient/lbfgs.hpp>
#include <mesaopt/gradient/newton.hpp>
#include <mesaopt/objective/bounds.hpp>

#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::VectorXd;

namespace {
struct Value {
  double operator()(const VectorXd& x) const { return x.squaredNorm(); }
};
struct Gradient {
  double operator()(const VectorXd& x, VectorXd& gradient) const {
    gradient = 2 * x;
    return x.squaredNorm();
  }
};
struct Settings {};
/// All of a State but the list of its fields.
struct Unlisted {
  VectorXd x;
  double value = 0;
  Evaluation<double> evaluation{};
  Status status = Status::running;
  Calls<VectorXd> calls{};
};
struct Listed : Unlisted {
  static auto fields() { return std::tuple{&Listed::x}; }
};
}  // namespace

TEST_CASE("an optimizer is one for the objectives that give what it needs", "[core]") {
  STATIC_REQUIRE(OptimizerFor<Lbfgs, Gradient, VectorXd>);
  STATIC_REQUIRE(OptimizerFor<Newton, Gradient, VectorXd>);
  STATIC_REQUIRE(OptimizerFor<CmaEs, Value, VectorXd>);
  STATIC_REQUIRE(OptimizerFor<CmaEs, Gradient, VectorXd>);
  STATIC_REQUIRE_FALSE(OptimizerFor<Lbfgs, Value, VectorXd>);
  STATIC_REQUIRE_FALSE(OptimizerFor<Lbfgs, Gradient, Eigen::VectorXf>);
  STATIC_REQUIRE_FALSE(OptimizerFor<Settings, Gradient, VectorXd>);
  STATIC_REQUIRE_FALSE(OptimizerFor<double, Gradient, VectorXd>);
}

TEST_CASE("an objective with bounds is for optimizers that keep them", "[core]") {
  using Bound = Within<Gradient, VectorXd>;
  STATIC_REQUIRE(Bounded<Bound, VectorXd>);
  STATIC_REQUIRE(OptimizerFor<CmaEs, Bound, VectorXd>);
  STATIC_REQUIRE_FALSE(OptimizerFor<Lbfgs, Bound, VectorXd>);
}

TEST_CASE("states are values that list what they are made of", "[core]") {
  STATIC_REQUIRE(SearchState<StateOf<Lbfgs, Gradient, VectorXd>>);
  STATIC_REQUIRE(SearchState<StateOf<CmaEs, Value, Eigen::Vector2f>>);
  STATIC_REQUIRE(SearchState<Listed>);
  STATIC_REQUIRE_FALSE(SearchState<Unlisted>);
  STATIC_REQUIRE(SamplerFor<CmaEs, VectorXd>);
  STATIC_REQUIRE_FALSE(SamplerFor<Lbfgs, VectorXd>);
}
