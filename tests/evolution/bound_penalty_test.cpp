#include <mesaopt/evolution/bound_penalty.hpp>

#include <cmath>
#include <cstdint>

#include <Eigen/Core>

#include <mesaopt/core/bytes.hpp>
#include <mesaopt/core/fields.hpp>
#include <mesaopt/core/minimize.hpp>
#include <mesaopt/evolution/cma_es.hpp>
#include <mesaopt/objective/bounds.hpp>

#include "support/allocations.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::VectorXd;

namespace {
/// An ellipsoid around (c, ..., c), which must not be asked outside of [-1, 2]^n.
struct Inside {
  double c = 0, condition = 1;
  double operator()(const VectorXd& x) const {
    if (x.maxCoeff() > 2 || x.minCoeff() < -1) FAIL("asked outside of the box");
    double sum = 0;
    for (Eigen::Index i = 0; i < x.size(); ++i)
      sum += std::pow(condition, double(i) / double(x.size() - 1)) * (x[i] - c) * (x[i] - c);
    return sum;
  }
};
auto bounded(Inside f, Eigen::Index n) {
  return within(f, Box<VectorXd>{VectorXd::Constant(n, -1.0), VectorXd::Constant(n, 2.0)});
}
const CmaEs penalized{.penalty = true};
}  // namespace

TEST_CASE("with the penalty minima are found inside of the box, on its edge, and where all bounds hold",
          "[bound_penalty]") {
  for (const double condition : {1.0, 1e4}) {
    for (const double c : {0.5, 2.0, 3.0}) {
      const Inside f{c, condition};
      const auto s = minimize(bounded(f, 5), VectorXd(VectorXd::Zero(5)), penalized, MaxEvaluations{20'000});
      const double least = f(VectorXd::Constant(5, std::min(c, 2.0)));
      CHECK(s.value == Approx(least).epsilon(1e-8).margin(1e-8));
      CHECK(s.x.maxCoeff() <= 2);
    }
  }
}

TEST_CASE("weights begin when the mean leaves the box, and grow while it stays far away", "[bound_penalty]") {
  const auto f = bounded(Inside{3, 1}, 4);
  CmaEs::State<VectorXd> state;
  penalized.init(f, VectorXd(VectorXd::Zero(4)), state);
  bool left = false;
  while (!left && state.generation < 200) {
    penalized.step(f, state);
    CHECK((!state.penalties.weighted || left));
    left = state.mean.maxCoeff() > 2;
  }
  REQUIRE(left);
  penalized.step(f, state);
  CHECK(state.penalties.weighted);
  CHECK(state.penalties.weights.minCoeff() > 0);
  // Far beyond a bound its weight grows by a tenth in a generation, and no other.
  state.mean << 0, 0, 0, 2 + 100 * state.step_size;
  const VectorXd before = state.penalties.weights;
  penalized.step(f, state);
  CHECK(state.penalties.weights.head(3) == before.head(3));
  CHECK(state.penalties.weights[3] == Approx(1.1 * before[3]));
}

TEST_CASE("a penalized run saved and loaded goes on with the same bits, and allocates nothing", "[bound_penalty]") {
  const auto f = bounded(Inside{3, 100}, 4);
  CmaEs::State<VectorXd> straight, loaded;
  penalized.init(f, VectorXd(VectorXd::Zero(4)), straight);
  for (int i = 0; i < 15; ++i) penalized.step(f, straight);
  load(save(straight), loaded);
  const long before = allocations();
  for (int i = 0; i < 15; ++i) penalized.step(f, straight);
  CHECK(allocations() == before);
  for (int i = 0; i < 15; ++i) penalized.step(f, loaded);
  CHECK(identical(straight, loaded));
  // The value is the objective's own, without a penalty.
  CHECK(f(straight.x) == straight.value);
  CmaEs{}.init(f, VectorXd(VectorXd::Zero(4)), straight);
  CHECK_FALSE(straight.penalties.active());
}
