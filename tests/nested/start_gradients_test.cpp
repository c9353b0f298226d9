#include <mesaopt/nested/start_gradients.hpp>

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

constexpr double rate = 0.1;
constexpr int steps = 3;

/// A task: (y₀ − 1)² + 2 (y₁ + 1)⁴.
struct Task {
  double operator()(const Vector2d& y, Vector2d& gy) const {
    gy << 2 * (y[0] - 1), 8 * std::pow(y[1] + 1, 3);
    return std::pow(y[0] - 1, 2) + 2 * std::pow(y[1] + 1, 4);
  }
};
/// x₀ y₁ + y₀².
struct Test {
  double operator()(const Vector2d& x, const Vector2d& y) const { return x[0] * y[1] + y[0] * y[0]; }
  double operator()(const Vector2d& x, const Vector2d& y, Vector2d& gx, Vector2d& gy) const {
    gx << y[1], 0;
    gy << 2 * y[0], x[0];
    return (*this)(x, y);
  }
};
struct ValueOnly {
  double operator()(const Vector2d& x, const Vector2d& y) const { return Test{}(x, y); }
};

const auto itself = by_outer([](const auto& x) { return x; });
const Search adaptation{GradientDescent{.learning_rate = rate}, MaxIterations{steps}};

Vector2d adapted(Vector2d y) {
  Vector2d g;
  for (int k = 0; k < steps; ++k) {
    Task{}(y, g);
    y -= rate * g;
  }
  return y;
}

}  // namespace

TEST_CASE("first-order MAML is the outer gradient at the adapted point", "[nested]") {
  const auto F = nested(Test{}, response(Task{}, adaptation, itself), FirstOrderMaml{});
  const Vector2d x(0.3, -0.4), y = adapted(x);
  Calls<Vector2d, MemoryOf<decltype(F), Vector2d>> calls;
  Vector2d gradient;
  auto found = calls.gradient(F, x, gradient);
  CHECK((gradient - Vector2d(y[1] + 2 * y[0], x[0])).norm() < 1e-14);
  CHECK(found.value == Approx(Test{}(x, y)));
  CHECK(found.verdict == Verdict::inexact);
  CHECK(found.reason == Reason::first_order_gradient);
  const auto before = allocations();
  found = calls.gradient(F, x, gradient);
  CHECK(allocations() == before);
  CHECK(calls.counts[1].iterations == 2 * steps);
}

TEST_CASE("Reptile is the way that the inner run went, over its learning rate", "[nested]") {
  const auto F = nested(ValueOnly{}, response(Task{}, adaptation, itself), Reptile{.learning_rate = rate});
  static_assert(Differentiable<std::remove_const_t<decltype(F)>, Vector2d>);
  const Vector2d x(0.3, -0.4);
  Calls<Vector2d, MemoryOf<decltype(F), Vector2d>> calls;
  Vector2d gradient;
  const auto found = calls.gradient(F, x, gradient);
  CHECK((gradient - (x - adapted(x)) / rate).norm() < 1e-14);
  CHECK(found.value == Approx(Test{}(x, adapted(x))));
  CHECK(found.reason == Reason::first_order_gradient);
  CHECK_THROWS_WITH(Reptile{.learning_rate = 0}.check(), Catch::Contains("Reptile::learning_rate"));
}

TEST_CASE("an inner run that fails has no gradient in its start", "[nested]") {
  const auto F = nested(Test{}, response(Task{}, adaptation, itself), FirstOrderMaml{});
  Calls<Vector2d, MemoryOf<decltype(F), Vector2d>> calls;
  Vector2d gradient;
  CHECK(calls.gradient(F, Vector2d(std::nan(""), 0), gradient).verdict == Verdict::failed);
  CHECK(std::isnan(gradient[0]));
}
