#include <mesaopt/objective/in_space.hpp>

#include <cmath>
#include <functional>
#include <limits>
#include <stdexcept>

#include <Eigen/Core>

#include <mesaopt/core/evaluator.hpp>

#include "support/allocations.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::Vector2d, Eigen::VectorXd;

namespace {

const auto rate = real("rate", 1e-4, 1).log();
const auto layers = integer("layers", 1, 5);
const Space space{rate, layers};

struct Loss {
  Evaluation<double> operator()(const Configuration& v) const {
    if (v[layers] == 5) return Evaluation<double>::failure(Reason::threw);
    return std::abs(std::log10(v[rate]) + 2) + double((v[layers] - 3) * (v[layers] - 3));
  }
};
struct Noisy : Loss {
  static constexpr bool stochastic = true;
};
using F = InSpace<Loss>;

}  // namespace

static_assert(Objective<F, VectorXd> && Objective<F, Vector2d> && Bounded<F, VectorXd> && Bounded<F, Vector2d>);
static_assert(!Objective<F, Eigen::VectorXf> && !Differentiable<F, VectorXd>);
static_assert(HasSpace<F> && HasSpace<On<Serial, F>> && !HasSpace<Loss>);
static_assert(is_stochastic<InSpace<Noisy>> && !is_stochastic<F>);
static_assert(!ObjectiveOfConfigurations<std::function<double(int)>>);

TEST_CASE("a function of configurations is an objective of the points that stand for them", "[objective][space]") {
  const auto f = in_space(Loss{}, space);
  const VectorXd best = f.space.point({{"rate", 0.01}, {"layers", 3}});
  CHECK(f(best).value == Approx(0).margin(1e-12));
  CHECK(f(Vector2d(0.25, 0.1)).value == Approx(1 + 4));
  CHECK(f(f.space.point({{"layers", 5}})).reason == Reason::threw);
  CHECK(f.box().lower == VectorXd::Zero(2));
  CHECK(f.box().upper == VectorXd::Ones(2));
  CHECK_THROWS_AS(f(VectorXd(3)), std::invalid_argument);
  const long before = allocations();
  CHECK(f(best).usable());
  CHECK(allocations() == before);
}

TEST_CASE("a lambda with two keys is an objective, alone and on an evaluator", "[objective][space]") {
  const auto f = in_space([](const Configuration& v) { return v.real("rate") * double(v.integer("layers")); }, space);
  const VectorXd x = space.point({{"rate", 0.5}, {"layers", 4}});
  CHECK(f(x).value == Approx(2));
  CHECK(on(Serial{}, f)(x).value == Approx(2));
}
