#include <mesaopt/objective/clipped.hpp>

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/calls.hpp>
#include <mesaopt/core/minimize.hpp>
#include <mesaopt/gradient/gradient_descent.hpp>

#include "support/allocations.hpp"
#include "support/catch.hpp"

using namespace mesaopt;

namespace {

/// A plane of a given slope, which remembers how often it was accepted.
struct Plane {
  Eigen::VectorXd slope;

  template <class X>
  struct Memory {
    struct Record {};
    std::uint64_t accepted = 0;
    void absorb(const Record&) { ++accepted; }
    static constexpr auto fields() { return std::tuple{&Memory::accepted}; }
  };
  double operator()(const Eigen::VectorXd& x, const Call<Memory<Eigen::VectorXd>>&) const { return slope.dot(x); }
  double operator()(const Eigen::VectorXd& x, Eigen::VectorXd& g, const Call<Memory<Eigen::VectorXd>>&) const {
    g = slope;
    return slope.dot(x);
  }
};

Eigen::VectorXd gradient(const Eigen::VectorXd& slope, Clipping settings) {
  Calls<Eigen::VectorXd, Plane::Memory<Eigen::VectorXd>> calls;
  Eigen::VectorXd g(slope.size());
  calls.gradient(clipped(Plane{slope}, settings), Eigen::VectorXd(Eigen::VectorXd::Ones(slope.size())), g);
  return g;
}

constexpr double infinity = std::numeric_limits<double>::infinity();

}  // namespace

static_assert(Differentiable<Clipped<Plane>, Eigen::VectorXd>);
static_assert(!TwiceDifferentiable<Clipped<Plane>, Eigen::VectorXd>);

TEST_CASE("a gradient longer than its limit keeps its direction, a shorter one all of itself", "[objective]") {
  const Eigen::VectorXd slope = Eigen::Vector3d(2, -3, 6);  // of length 7
  CHECK((gradient(slope, {.norm = 3.5}) - slope / 2).norm() < 1e-15);
  CHECK(gradient(slope, {.norm = 7.0001}) == slope);
  CHECK(gradient(slope, {}) == slope);
}

TEST_CASE("entries larger than their limit are cut to it, whichever their sign", "[objective]") {
  CHECK(gradient(Eigen::Vector3d(2, -3, 6), {.value = 2.5}) == Eigen::Vector3d(2, -2.5, 2.5));
  CHECK(
      (gradient(Eigen::Vector3d(0, -30, 40), {.norm = 1, .value = 1}) - Eigen::Vector3d(0, -1, 1).normalized()).norm() <
      1e-15);
}

TEST_CASE("a gradient whose squares overflow is clipped, one that is not finite is left as it is", "[objective]") {
  CHECK((gradient(Eigen::Vector2d(3e200, -4e200), {.norm = 5}) - Eigen::Vector2d(3, -4)).norm() < 1e-14);
  for (const double bad : {infinity, -infinity, std::nan("")})
    for (const Clipping settings : {Clipping{.norm = 1}, Clipping{.value = 1}, Clipping{.norm = 1, .value = 1}}) {
      const auto g = gradient(Eigen::Vector3d(bad, 100, 1), settings);
      CHECK_FALSE(g.allFinite());
    }
}

TEST_CASE("clipping keeps values and what the objective remembers, and costs no allocation", "[objective]") {
  const auto f = clipped(Plane{Eigen::Vector2d(3, 4)}, {.norm = 1});
  StateOf<GradientDescent, Clipped<Plane>, Eigen::VectorXd> state;
  const GradientDescent descent{.learning_rate = 0.5};
  descent.init(f, Eigen::VectorXd(Eigen::VectorXd::Ones(2)), state);
  CHECK(state.value == 7);
  const long before = allocations();
  for (int k = 0; k < 10; ++k) descent.step(f, state);
  CHECK(allocations() == before);
  CHECK((state.x - Eigen::Vector2d(1 - 5 * 0.6, 1 - 5 * 0.8)).norm() < 1e-14);
  CHECK(state.calls.memory.accepted == 11);
  CHECK(state.calls.value(f, state.x).value == state.value);
}

TEST_CASE("gradient descent survives a cliff that throws it off without clipping", "[objective]") {
  // Steep below −1, gentle above: a step taken on the cliff is 5000 long.
  const auto cliff = [](const Eigen::VectorXd& x, Eigen::VectorXd& g) {
    const double steep = x[0] < -1 ? 1e4 * (x[0] + 1) : 0;
    g[0] = 2 * (x[0] + 0.95) + steep;
    return (x[0] + 0.95) * (x[0] + 0.95) + steep * steep / 2e4;
  };
  const Eigen::VectorXd x0 = Eigen::VectorXd::Constant(1, -2);
  const GradientDescent descent{.learning_rate = 0.5};
  CHECK(minimize(cliff, x0, descent, MaxIterations{1}).state.x[0] > 1000);
  CHECK(minimize(clipped(cliff, {.norm = 0.1}), x0, descent, MaxIterations{100}).state.x[0] ==
        Approx(-0.95).epsilon(1e-9));
}

TEST_CASE("clipping refuses limits that are not more than 0", "[objective]") {
  CHECK_THROWS_WITH(clipped(Plane{}, {.norm = 0}), Catch::Contains("Clipping::norm"));
  CHECK_THROWS_WITH(clipped(Plane{}, {.value = -1}), Catch::Contains("Clipping::value"));
  CHECK_THROWS_WITH(clipped(Plane{}, {.norm = std::nan("")}), Catch::Contains("Clipping::norm"));
}
