#include <mesaopt/nested/spot_checked.hpp>

#include <cmath>

#include <Eigen/Core>

#include <mesaopt/core/calls.hpp>
#include <mesaopt/gradient/gradient_descent.hpp>
#include <mesaopt/nested/response.hpp>
#include <mesaopt/nested/start_gradients.hpp>

#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::Vector2d;

namespace {
struct Bowl {
  double operator()(const Vector2d& y, Vector2d& gy) const {
    gy = y;
    return y.squaredNorm() / 2;
  }
};
const auto itself = by_outer([](const auto& x) { return x; });

/// First-order MAML is right where the inner run does next to nothing, and wrong by its learning rate.
Evaluation<double> check(double rate, int evaluation, Vector2d& gradient) {
  const auto F = nested(of_solution(Bowl{}),
                        response(Bowl{}, Search{GradientDescent{.learning_rate = rate}, MaxIterations{1}}, itself),
                        spot_checked(FirstOrderMaml{}, 3));
  Calls<Vector2d, MemoryOf<decltype(F), Vector2d>> calls;
  Evaluation<double> found;
  for (int i = 0; i <= evaluation; ++i) found = calls.gradient(F, Vector2d(1, 2), gradient);
  CHECK(calls.counts[1].iterations == std::uint64_t(evaluation + 1 + 2 * (evaluation / 3 + 1)));
  return found;
}
}  // namespace

TEST_CASE("a wrong hypergradient is found by the evaluations that are checked", "[nested]") {
  Vector2d gradient;
  CHECK(check(1e-5, 0, gradient).reason == Reason::first_order_gradient);
  CHECK(gradient.allFinite());
  const auto found = check(0.1, 0, gradient);
  CHECK(found.verdict == Verdict::not_differentiable);
  CHECK(found.reason == Reason::spot_check_failed);
  CHECK(std::isnan(gradient[0]));
  CHECK(check(0.1, 1, gradient).reason == Reason::first_order_gradient);
  CHECK(check(0.1, 3, gradient).reason == Reason::spot_check_failed);
}

TEST_CASE("settings of a spot check that are out of range are refused", "[nested]") {
  CHECK_THROWS_WITH(spot_checked(FirstOrderMaml{}, 0).check(), Catch::Contains("SpotChecked::every"));
  CHECK_THROWS_WITH((SpotChecked<Reptile>{.accept = 0}.check()), Catch::Contains("SpotChecked::accept"));
  CHECK_THROWS_WITH((SpotChecked<Reptile>{.step = 0}.check()), Catch::Contains("SpotChecked::step"));
}
