#include <mesaopt/nested/selected.hpp>

#include <cmath>

#include <Eigen/Core>

#include <mesaopt/core/calls.hpp>
#include <mesaopt/gradient/lbfgs.hpp>
#include <mesaopt/nested/implicit.hpp>
#include <mesaopt/nested/nested.hpp>
#include <mesaopt/nested/response.hpp>

#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::Vector2d;
using Vector1d = Eigen::Vector<double, 1>;

namespace {

/// (y₀ − x)² with y₁ left open.
struct Open {
  double operator()(const Vector1d& x, const Vector2d& y, Vector2d& gy) const {
    gy << 2 * (y[0] - x[0]), 0;
    return std::pow(y[0] - x[0], 2);
  }
};
/// sign · (y₁ − 2x)² + 3y₁ + y₀².
struct Decides {
  double sign = 1;
  double operator()(const Vector1d& x, const Vector2d& y, Vector1d& gx, Vector2d& gy) const {
    const double r = y[1] - 2 * x[0];
    gx << -4 * sign * r;
    gy << 2 * y[0], 2 * sign * r + 3;
    return sign * r * r + 3 * y[1] + y[0] * y[0];
  }
};

template <class G>
Evaluation<double> at(const Decides& outer, const G& g, double x, double& slope, Vector2d& y) {
  const auto F = nested(
      outer,
      response(family(g), Search{Lbfgs{}, GradientBelow{1e-11} || MaxIterations{500}}, Vector2d(Vector2d::Zero())),
      Implicit{});
  Calls<Vector1d, MemoryOf<std::remove_const_t<decltype(F)>, Vector1d>> calls;
  Vector1d gradient;
  const auto found = calls.gradient(F, Vector1d(x), gradient);
  slope = gradient[0];
  y = best_point(calls.slot.record.response.run);
  return found;
}

}  // namespace

TEST_CASE("of many inner solutions the optimistic or the pessimistic one is taken", "[nested]") {
  // Along y₁ the outer objective is sign · (y₁ − 2x)² + 3y₁, which has a minimum for sign 1 and a maximum for −1, both
  // at y₁ = 2x − 1.5 sign, so that F(x) = x² + 6x − 2.25 sign.
  for (const auto selection : {Selection::optimistic, Selection::pessimistic}) {
    const Decides outer{selection == Selection::optimistic ? 1.0 : -1.0};
    double slope = 0;
    Vector2d y;
    CHECK(at(outer, Open{}, 0.5, slope, y).reason == Reason::inner_not_unique);
    const auto found = at(outer, selected(Open{}, outer, selection), 0.5, slope, y);
    CHECK(found.differentiable());
    CHECK(y[0] == Approx(0.5).epsilon(2e-4));
    CHECK(y[1] == Approx(1 - 1.5 * outer.sign).epsilon(1e-5));
    CHECK(found.value == Approx(0.25 + 3 - 2.25 * outer.sign).epsilon(2e-4));
    CHECK(slope == Approx(2 * 0.5 + 6).epsilon(1e-3));
  }
}

TEST_CASE("a selection without weight is refused", "[nested]") {
  CHECK_THROWS_WITH(selected(Open{}, Decides{}, Selection::optimistic, 0), Catch::Contains("selected: weight"));
}
