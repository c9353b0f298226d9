#include <mesaopt/bayes/known_constraint.hpp>

#include <mesaopt/core/objective.hpp>

#include "support/catch.hpp"

using namespace mesaopt;
using Vector = Eigen::Vector2d;

TEST_CASE("a known constraint is 0 where it allows and failed elsewhere", "[bayes]") {
  const auto f = known_constraint([](const Vector& x) { return x[0] >= x[1]; });
  static_assert(Differentiable<decltype(f), Vector>);
  Vector gradient(7, 7);
  CHECK(f(Vector(2, 1), gradient).value == 0);
  CHECK(f(Vector(2, 1), gradient).usable());
  CHECK(gradient == Vector(0, 0));
  CHECK_FALSE(f(Vector(1, 2), gradient).usable());
  CHECK_FALSE(f(Vector(1, 2)).usable());
}
