#include <mesaopt/objective/bounds.hpp>

#include <mesaopt/core/evaluator.hpp>
#include <mesaopt/core/objective.hpp>
#include <mesaopt/problems/rosenbrock.hpp>

#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::Vector2d, Eigen::VectorXd;

namespace {
struct Remembering {
  template <class X>
  using Memory = Workspace<X>;
  static constexpr bool stochastic = true;
  double operator()(const VectorXd& x, const Call<Memory<VectorXd>>&) const { return x.sum(); }
};
using BoundedRosenbrock = Within<problems::Rosenbrock, VectorXd>;
}  // namespace

static_assert(Bounded<BoundedRosenbrock, VectorXd>);
static_assert(TwiceDifferentiable<BoundedRosenbrock, VectorXd>);
static_assert(Bounded<On<Serial, BoundedRosenbrock>, VectorXd>);
static_assert(Bounded<Within<Remembering, VectorXd>, VectorXd>);
static_assert(Remembers<Within<Remembering, VectorXd>, VectorXd>);
static_assert(is_stochastic<Within<Remembering, VectorXd>>);
static_assert(!Bounded<problems::Rosenbrock, VectorXd>);

TEST_CASE("an objective within a box is the objective, and knows the box", "[objective][bounds]") {
  const auto f = within(problems::Rosenbrock{}, Box<VectorXd>{Vector2d{-1, -1}, Vector2d{2, 3}});
  const VectorXd x = Vector2d{-1.2, 1};
  VectorXd gradient(2), expected(2);
  CHECK(f(x) == problems::Rosenbrock{}(x));
  CHECK(f(x, gradient) == problems::Rosenbrock{}(x, expected));
  CHECK(gradient == expected);
  CHECK(f.box().upper == VectorXd{Vector2d{2, 3}});
  CHECK(on(Serial{}, f).box().lower == VectorXd{Vector2d{-1, -1}});
}

TEST_CASE("a lambda can be given bounds, and bounds can be given anew", "[objective][bounds]") {
  const auto sum = [](const VectorXd& x) { return x.sum(); };
  const auto wide = within(sum, Box<VectorXd>{Vector2d{-1, -1}, Vector2d{2, 3}});
  const auto narrow = within(wide, Box<VectorXd>{Vector2d{0, 0}, Vector2d{1, 1}});
  CHECK(narrow(Vector2d{1, 2}) == 3);
  CHECK(narrow.box().upper == VectorXd{Vector2d{1, 1}});
}

TEST_CASE("a box that was spoilt after it was made is refused", "[objective][bounds]") {
  Box<VectorXd> box{Vector2d{0, 0}, Vector2d{1, 1}};
  box.lower[1] = 2;
  CHECK_THROWS_WITH(within(problems::Rosenbrock{}, box),
                    "box: coordinate 1 has lower = 2 and upper = 1; needs lower <= upper");
}
