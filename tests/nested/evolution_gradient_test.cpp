#include <mesaopt/nested/evolution_gradient.hpp>

#include <cmath>

#include <Eigen/Core>

#include <mesaopt/core/calls.hpp>
#include <mesaopt/gradient/gradient_descent.hpp>
#include <mesaopt/nested/nested.hpp>
#include <mesaopt/nested/response.hpp>

#include "support/allocations.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::Vector2d;

namespace {

/// ½ |y − x|².
struct Follow {
  double operator()(const Vector2d& x, const Vector2d& y, Vector2d& gy) const {
    gy = y - x;
    return gy.squaredNorm() / 2;
  }
};
/// sin(2 y₀) + y₀ y₁², of values alone.
struct Wave {
  double operator()(const Vector2d&, const Vector2d& y) const {
    return y[0] > 100 ? std::nan("") : std::sin(2 * y[0]) + y[0] * y[1] * y[1];
  }
};
auto problem(const EvolutionGradient& by) {
  return nested(Wave{},
                response(family(Follow{}), Search{GradientDescent{.learning_rate = 1}, GradientBelow{1e-12}},
                         Vector2d(Vector2d::Zero())),
                by);
}
using Memory = MemoryOf<decltype(problem({})), Vector2d>;

}  // namespace

TEST_CASE("evolution strategies estimate the gradient of the smoothed objective, and how well", "[nested]") {
  const Vector2d x(0.4, -0.8);
  for (const double s : {0.05, 0.5}) {
    // E sin(2(y + su)) = exp(−2s²) sin 2y, E (y₁ + su)² = y₁² + s².
    const Vector2d exact(2 * std::exp(-2 * s * s) * std::cos(2 * x[0]) + x[1] * x[1] + s * s, 2 * x[0] * x[1]);
    for (const std::uint64_t seed : {1u, 2u, 3u}) {
      Calls<Vector2d, Memory> calls;
      Vector2d gradient;
      const auto found = calls.gradient(problem({.pairs = 4000, .deviation = s, .seed = seed}), x, gradient);
      CAPTURE(s, seed);
      CHECK((gradient - exact).norm() < 4 * found.gradient_error);
      // Of u (u·g) with u of two entries the variances add up to 3 |g|².
      if (s < 0.1) CHECK(found.gradient_error == Approx(exact.norm() * std::sqrt(3.0 / 4000)).epsilon(0.1));
      CHECK(found.value == Approx(Wave{}(x, x)));
      CHECK(found.verdict == Verdict::inexact);
      CHECK(found.reason == Reason::sampled_gradient);
      CHECK(calls.counts[1].iterations == 8001);
    }
  }
}

TEST_CASE("the draws of evolution strategies follow from seed and evaluation, and allocate nothing", "[nested]") {
  const Vector2d x(0.4, -0.8);
  Vector2d a, b, c;
  Calls<Vector2d, Memory> one, two, three;
  one.gradient(problem({.seed = 5}), x, a);
  two.gradient(problem({.seed = 5}), x, b);
  three.gradient(problem({.seed = 6}), x, c);
  CHECK(a == b);
  CHECK(a != c);
  const auto before = allocations();
  one.gradient(problem({.seed = 5}), x, b);
  CHECK(allocations() == before);
  CHECK(a != b);
}

TEST_CASE("evolution strategies refuse a gradient of which a value is missing", "[nested]") {
  Calls<Vector2d, Memory> calls;
  Vector2d gradient;
  const auto found = calls.gradient(problem({.deviation = 5}), Vector2d(99.9, 0), gradient);
  CHECK(found.verdict == Verdict::not_differentiable);
  CHECK(std::isnan(gradient[0]));
  CHECK_THROWS_WITH(calls.gradient(problem({.pairs = 1}), Vector2d(1, 1), gradient),
                    Catch::Contains("EvolutionGradient::pairs"));
  CHECK_THROWS_WITH(calls.gradient(problem({.deviation = 0}), Vector2d(1, 1), gradient),
                    Catch::Contains("EvolutionGradient::deviation"));
}
