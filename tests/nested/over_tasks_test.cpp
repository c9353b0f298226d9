#include <mesaopt/nested/over_tasks.hpp>

#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/calls.hpp>
#include <mesaopt/core/minimize.hpp>
#include <mesaopt/gradient/adam.hpp>
#include <mesaopt/gradient/gradient_descent.hpp>
#include <mesaopt/gradient/reverse_descent.hpp>
#include <mesaopt/nested/nested.hpp>
#include <mesaopt/nested/response.hpp>
#include <mesaopt/nested/unrolled.hpp>
#include <mesaopt/objective/mini_batches.hpp>

#include "support/allocations.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::Index;
using Eigen::Vector2d;

namespace {

/// |y - c|²/2 with a center on the unit circle, weighed by w.
struct Bowl {
  double w;
  Vector2d c;
  double operator()(const Vector2d& y, Vector2d& gy) const {
    gy = w * (y - c);
    return w * (y - c).squaredNorm() / 2;
  }
  void hessian_product(const Vector2d&, const Vector2d& v, Vector2d& out) const { out = w * v; }
};
constexpr double rate = 0.25;
struct Make {
  auto operator()(std::uint64_t i) const {
    const Bowl task{1 + double(i), Vector2d(std::cos(double(i)), i == 9 ? std::nan("") : std::sin(double(i)))};
    return nested(of_solution(Bowl{1, task.c}),
                  response(task, Search{GradientDescent{.learning_rate = rate}, MaxIterations{1}}, from_outer()),
                  Unrolled{});
  }
};
/// The gradient of one task: y - c = (1 - rate w)(x - c).
Vector2d expected(int i, const Vector2d& x) {
  return std::pow(1 - rate * (1 + i), 2) * (x - Vector2d(std::cos(i), std::sin(i)));
}
const auto mean = over_tasks(Make{}, 6);
using Mean = std::remove_const_t<decltype(mean)>;
static_assert(FiniteSum<Mean, Vector2d>);
static_assert(Differentiable<Mean, Vector2d>);

}  // namespace

TEST_CASE("the mean over tasks is that of their values and gradients, over all or a batch", "[nested]") {
  const Vector2d x(0.4, -2);
  Calls<Vector2d, MemoryOf<Mean, Vector2d>> calls;
  Vector2d gradient, all = Vector2d::Zero();
  double value = 0;
  for (int i = 0; i < 6; ++i) {
    all += expected(i, x) / 6;
    value += std::pow(1 - rate * (1 + i), 2) * (x - Vector2d(std::cos(i), std::sin(i))).squaredNorm() / 12;
  }
  CHECK(calls.gradient(mean, x, gradient).value == Approx(value));
  CHECK((gradient - all).norm() < 1e-14);
  CHECK(calls.counts[1].iterations == 6);
  CHECK(calls.counts[1].gradients == 12);
  const std::vector<Index> some{4, 1};
  calls.make([&](const auto& call) { mean(x, std::span<const Index>(some), gradient, call); });
  CHECK((gradient - (expected(4, x) + expected(1, x)) / 2).norm() < 1e-14);
  CHECK(calls.counts[1].iterations == 8);
  calls.accept();  // nothing learnt in one task is handed to another
  const auto before = allocations();
  calls.gradient(mean, x, gradient);
  CHECK(allocations() == before);
  CHECK((gradient - all).norm() < 1e-14);
}

TEST_CASE("a start that is learnt over batches of tasks is the one that suits all of them", "[nested]") {
  Vector2d right = Vector2d::Zero();
  double weights = 0;
  for (int i = 0; i < 6; ++i) {
    right += std::pow(1 - rate * (1 + i), 2) * Vector2d(std::cos(i), std::sin(i));
    weights += std::pow(1 - rate * (1 + i), 2);
  }
  const auto found =
      minimize(mini_batches(mean, 2, 3), Vector2d(3, 3),
               Adam{.learning_rate = 0.1, .schedule = {.kind = Schedule::cosine, .steps = 3000}}, MaxIterations{3000});
  CHECK((found.x - right / weights).norm() < 0.01);
}

TEST_CASE("a task that fails fails the mean, and there is at least one", "[nested]") {
  Calls<Vector2d, MemoryOf<Mean, Vector2d>> calls;
  Vector2d gradient;
  CHECK_FALSE(calls.gradient(over_tasks(Make{}, 10), Vector2d(1, 1), gradient).differentiable());
  CHECK_THROWS_WITH(over_tasks(Make{}, 0), Catch::Contains("over_tasks: count"));
}
