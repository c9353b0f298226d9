#include <mesaopt/evolution/particle_swarm.hpp>

#include <cmath>
#include <cstdint>
#include <limits>
#include <numbers>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/bytes.hpp>
#include <mesaopt/core/fields.hpp>
#include <mesaopt/core/minimize.hpp>
#include <mesaopt/core/random.hpp>
#include <mesaopt/objective/bounds.hpp>

#include "support/allocations.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::VectorXd;

namespace {
enum class Kind { sphere, rastrigin, rosenbrock, tripod, partly_nan };
struct Any {
  Kind kind = Kind::sphere;
  double operator()(const VectorXd& x) const {
    double sum = 0;
    switch (kind) {
      case Kind::rastrigin:
        for (double v : x) sum += v * v - 10 * std::cos(2 * std::numbers::pi * v) + 10;
        return sum;
      case Kind::rosenbrock:
        for (Eigen::Index i = 0; i + 1 < x.size(); ++i)
          sum += 100 * std::pow(x[i + 1] - x[i] * x[i], 2) + std::pow(1 - x[i], 2);
        return sum;
      case Kind::tripod: {
        const double right = x[0] >= 0, up = x[1] >= 0;
        return up * (1 + right) + std::abs(x[0] + 50 * up * (1 - 2 * right)) + std::abs(x[1] + 50 * (1 - 2 * up));
      }
      case Kind::partly_nan: return x[0] < 0 ? std::numeric_limits<double>::quiet_NaN() : x.squaredNorm();
      default: return x.squaredNorm();
    }
  }
};
auto boxed(Kind kind, Eigen::Index n, double width = 5) {
  return within(Any{kind}, Box<VectorXd>{VectorXd::Constant(n, -width), VectorXd::Constant(n, width)});
}
}  // namespace

TEST_CASE("a swarm finds the minimum of Rosenbrock's, Rastrigin's and a sphere function", "[particle_swarm]") {
  for (std::uint64_t seed = 1; seed <= 3; ++seed)
    for (const Kind kind : {Kind::sphere, Kind::rastrigin, Kind::rosenbrock}) {
      const Eigen::Index n = kind == Kind::sphere ? 10 : 2;
      const auto s = minimize(boxed(kind, n), VectorXd(VectorXd::Constant(n, 3.0)), ParticleSwarm{.seed = seed},
                              TargetReached{1e-8} || MaxEvaluations{60'000});
      CHECK(s.status == Status::target_reached);
    }
}

TEST_CASE("a swarm finds the minimum of the tripod as often as SPSO 2011", "[particle_swarm]") {
  // The loop of M. Clerc's program SPSO 2011 finds it to 1e-4 within 10 000 evaluations in 81 % of 400 runs.
  int found = 0;
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    Random random{seed, 1};
    VectorXd x0(2);
    for (double& entry : x0) entry = random.uniform(-100.0, 100.0);
    const auto s = minimize(boxed(Kind::tripod, 2, 100), x0, ParticleSwarm{.seed = seed},
                            TargetReached{1e-4} || MaxEvaluations{10'000});
    found += s.status == Status::target_reached;
  }
  CHECK(found >= 40);
  CHECK(found <= 57);
}

TEST_CASE("each particle remembers the best place it has been, inside the box", "[particle_swarm]") {
  const ParticleSwarm swarm{.population = 10};
  ParticleSwarm::State<VectorXd> state;
  const auto f = boxed(Kind::rastrigin, 3, 1.5);
  swarm.init(f, VectorXd(VectorXd::Constant(3, 1.0)), state);
  swarm.step(f, state);
  for (int i = 0; i < 100; ++i) {
    const auto before = state.members;
    swarm.step(f, state);
    for (std::size_t k = 0; k < before.size(); ++k) {
      REQUIRE(state.members[k].value <= before[k].value);
      REQUIRE(Any{Kind::rastrigin}(VectorXd(state.population.col(Eigen::Index(k)))) == state.members[k].value);
    }
    REQUIRE(state.points.cwiseAbs().maxCoeff() <= 1.5);
  }
}

TEST_CASE("particles without a value are led by those that have one", "[particle_swarm]") {
  const auto s = minimize(boxed(Kind::partly_nan, 3), VectorXd(VectorXd::Constant(3, 3.0)), ParticleSwarm{},
                          MaxEvaluations{20'000});
  CHECK(s.value < 1e-6);
  CHECK(s.x[0] >= 0);
}

TEST_CASE("a swarm asked and told in any order goes the way it goes by steps", "[particle_swarm]") {
  const ParticleSwarm swarm{.population = 8};
  ParticleSwarm::State<VectorXd> stepped, told;
  const VectorXd x0 = VectorXd::Constant(2, 1.0);
  const Any f{Kind::rosenbrock};
  swarm.init(f, x0, stepped);
  swarm.init(x0, told);
  for (int i = 0; i < 30; ++i) {
    swarm.step(f, stepped);
    const auto batch = swarm.ask(told);
    const auto ids = batch.ids;
    const auto points = batch.points;
    for (std::size_t k = ids.size(); k-- > 0;) {
      const Evaluation<double> evaluation = f(VectorXd(points.col(Eigen::Index(k))));
      swarm.tell(told, {&ids[k], 1}, {&evaluation, 1});
    }
  }
  CHECK(stepped.population == told.population);
  CHECK(stepped.x == told.x);
}

TEST_CASE("a step of a swarm allocates nothing, and a saved run goes on with the same bits", "[particle_swarm]") {
  const ParticleSwarm swarm{};
  ParticleSwarm::State<VectorXd> state, loaded;
  const Any f{Kind::rastrigin};
  swarm.init(f, VectorXd(VectorXd::Constant(4, 3.0)), state);
  swarm.step(f, state);
  const long before = allocations();
  for (int i = 0; i < 50; ++i) swarm.step(f, state);
  CHECK(allocations() == before);
  load(save(state), loaded);
  for (int i = 0; i < 50; ++i) {
    swarm.step(f, state);
    swarm.step(f, loaded);
  }
  CHECK(identical(state, loaded));
}

TEST_CASE("a swarm refuses settings out of their range", "[particle_swarm]") {
  const VectorXd x0 = VectorXd::Zero(2);
  CHECK_THROWS_WITH(minimize(Any{}, x0, ParticleSwarm{.population = 1}), Catch::Contains("ParticleSwarm::population"));
  CHECK_THROWS_WITH(minimize(Any{}, x0, ParticleSwarm{.inertia = 1}), Catch::Contains("ParticleSwarm::inertia"));
  CHECK_THROWS_WITH(minimize(Any{}, x0, ParticleSwarm{.informed = 0}), Catch::Contains("ParticleSwarm::informed"));
}
