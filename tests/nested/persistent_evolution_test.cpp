#include <mesaopt/nested/persistent_evolution.hpp>

#include <cmath>
#include <type_traits>

#include <Eigen/Core>

#include <mesaopt/core/bytes.hpp>
#include <mesaopt/core/calls.hpp>
#include <mesaopt/core/minimize.hpp>
#include <mesaopt/gradient/adam.hpp>
#include <mesaopt/gradient/gradient_descent.hpp>
#include <mesaopt/gradient/momentum.hpp>
#include <mesaopt/nested/nested.hpp>
#include <mesaopt/nested/response.hpp>

#include "support/allocations.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using Vector1d = Eigen::Vector<double, 1>;

namespace {

/// ½ (y − x)²: with learning rate 0.1 a step is y ← 0.9 y + 0.1 x.
struct Follow {
  double operator()(const Vector1d& x, const Vector1d& y, Vector1d& gy) const {
    gy = y - x;
    return gy.squaredNorm() / 2;
  }
};
struct Square {
  double operator()(const Vector1d&, const Vector1d& y) const { return std::pow(y[0] - 3, 2); }
};
constexpr int pieces = 4, steps = 2;

auto problem(const PersistentEvolution& by) {
  return nested(Square{},
                response(family(Follow{}), Search{GradientDescent{.learning_rate = 0.1}, MaxIterations{steps}},
                         Vector1d(Vector1d::Zero())),
                by);
}
using Memory = MemoryOf<decltype(problem({})), Vector1d>;

/// d/dx of the sum over the pieces of (y − 3)², y being x (1 − 0.9^k) after k steps; or, where each piece is looked at
/// alone, as if what came before did not depend on x.
double slope(double x, bool alone) {
  double sum = 0;
  for (int piece = 1; piece <= pieces; ++piece) {
    const double y = x * (1 - std::pow(0.9, steps * piece));
    sum += 2 * (y - 3) * (1 - std::pow(0.9, alone ? steps : steps * piece));
  }
  return sum;
}

}  // namespace

TEST_CASE("persistent evolution strategies add up to the gradient of the whole run", "[nested]") {
  const Vector1d x(1.5);
  for (const std::uint64_t seed : {1u, 2u, 3u}) {
    const auto F = problem({.pairs = 3000, .deviation = 0.3, .pieces = pieces, .seed = seed});
    Calls<Vector1d, Memory> calls;
    double sum = 0, variance = 0;
    for (int piece = 0; piece < pieces; ++piece) {
      Vector1d gradient;
      const auto found = calls.gradient(F, x, gradient);
      calls.accept();
      CHECK(found.reason == Reason::sampled_gradient);
      sum += gradient[0];
      variance += found.gradient_error * found.gradient_error;
      // The objective is quadratic and the run linear, so that smoothing adds a constant and no slope.
      const double y = x[0] * (1 - std::pow(0.9, steps * (piece + 1)));
      CHECK(found.value == Approx(std::pow(y - 3, 2)).epsilon(0.01));
    }
    CAPTURE(seed, sum, slope(1.5, false), slope(1.5, true), std::sqrt(variance));
    // Estimates of one episode share their particles; the bound allows for estimates that move together.
    CHECK(std::abs(sum - slope(1.5, false)) < 4 * std::sqrt(variance));
    CHECK(std::abs(sum - slope(1.5, true)) > 8 * std::sqrt(variance));
    CHECK(calls.counts[1].iterations == 2 * 3000 * steps * pieces);
    // After the last piece all begins anew.
    Vector1d gradient;
    CHECK(calls.gradient(F, x, gradient).value == Approx(std::pow(1.5 * 0.19 - 3, 2)).epsilon(0.01));
  }
}

TEST_CASE("particles move on with accepted evaluations only, and are part of what is saved", "[nested]") {
  const auto F = problem({.pieces = pieces});
  Calls<Vector1d, Memory> calls;
  const Vector1d x(1.5);
  Vector1d gradient;
  calls.gradient(F, x, gradient);
  CHECK(calls.memory.hypergradient.piece == 0);
  calls.value(F, x);
  calls.accept();
  CHECK(calls.memory.hypergradient.piece == 0);
  calls.gradient(F, x, gradient);
  calls.accept();
  CHECK(calls.memory.hypergradient.piece == 1);
  auto copy = calls;
  Vector1d other;
  calls.gradient(F, x, gradient);
  copy.gradient(F, x, other);
  CHECK(gradient == other);
  const auto before = allocations();
  calls.gradient(F, x, gradient);
  calls.accept();
  CHECK(allocations() == before);
}

TEST_CASE("a particle's pieces are those of one run, with momentum and schedule", "[nested]") {
  // Of perturbations that vanish particles are all the one run at x.
  const auto in_pieces = [](auto optimizer, auto one) {
    const auto F = nested(Square{}, response(family(Follow{}), Search{optimizer, MaxIterations{steps}}, one),
                          PersistentEvolution{.pairs = 2, .deviation = 1e-9, .pieces = pieces});
    Calls<Vector1d, MemoryOf<decltype(F), Vector1d>> calls;
    const Vector1d x(1.5);
    Vector1d gradient;
    for (int piece = 0; piece < pieces; ++piece) {
      calls.gradient(F, x, gradient);
      calls.accept();
    }
    const auto whole = minimize(At<Follow, Vector1d>{Follow{}, x}, one, optimizer, MaxIterations{steps * pieces});
    CHECK(calls.memory.hypergradient.particles[0].x[0] == Approx(whole.state.x[0]).epsilon(1e-7));
    CHECK(std::abs(whole.state.x[0]) > 0.1);
  };
  const Vector1d zero = Vector1d::Zero();
  in_pieces(Momentum{.learning_rate = 0.1, .momentum = 0.9}, zero);
  in_pieces(Adam{.learning_rate = 0.1}, zero);
}

TEST_CASE("settings of persistent evolution strategies that are out of range are refused", "[nested]") {
  CHECK_THROWS_WITH(PersistentEvolution{.pairs = 1}.check(), Catch::Contains("PersistentEvolution::pairs"));
  CHECK_THROWS_WITH(PersistentEvolution{.deviation = 0}.check(), Catch::Contains("PersistentEvolution::deviation"));
  CHECK_THROWS_WITH(PersistentEvolution{.pieces = 0}.check(), Catch::Contains("PersistentEvolution::pieces"));
}
