#include <mesaopt/nested/inexact.hpp>

#include <cmath>
#include <cstdint>
#include <limits>

#include <Eigen/Core>

#include <mesaopt/core/bytes.hpp>
#include <mesaopt/core/fields.hpp>
#include <mesaopt/core/minimize.hpp>
#include <mesaopt/gradient/gradient_descent.hpp>
#include <mesaopt/gradient/lbfgs.hpp>
#include <mesaopt/nested/implicit.hpp>
#include <mesaopt/nested/nested.hpp>
#include <mesaopt/nested/response.hpp>

#include "nested/ridge_solution.hpp"
#include "support/allocations.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::VectorXd;

namespace {

/// Five penalties by validation error; the inner level by gradient descent, to a gradient of 1e-11.
const auto F =
    nested(of_solution(ridge_validation()),
           response(family(ridge_training()),
                    Search{GradientDescent{.learning_rate = 0.7}, GradientBelow{1e-11} || MaxIterations{100000}},
                    warm(VectorXd(VectorXd::Zero(5)))),
           Implicit{.dense_limit = 0});
using Problem = std::remove_const_t<decltype(F)>;
using Method = Inexact<Lbfgs>;
using State = Method::State<VectorXd, MemoryOf<Problem, VectorXd>>;
const VectorXd x0 = VectorXd::Constant(5, -1);
const auto stopping = GradientBelow{1e-9} || MaxIterations{200};

}  // namespace

TEST_CASE("inner runs no more exact than needed lead to the same minimum by fewer gradients", "[nested]") {
  const auto exact = minimize(F, x0, Lbfgs{}, stopping);
  const auto cheap = minimize(F, x0, Inexact{Lbfgs{}}, stopping);
  CAPTURE(exact.counts[0].gradients, cheap.counts[0].gradients, exact.counts[1].gradients, cheap.counts[1].gradients);
  CHECK(succeeded(cheap.status) == succeeded(exact.status));
  CHECK(cheap.value == Approx(exact.value).epsilon(1e-9));
  CHECK(double(cheap.counts[1].gradients) < 0.5 * double(exact.counts[1].gradients));
  CHECK(10 * cheap.counts[1].linear_iterations < 11 * exact.counts[1].linear_iterations);  // of a few steps more
}

TEST_CASE("with inexact inner runs the objective itself falls at every step", "[nested]") {
  const Method method{};
  State state;
  method.init(F, x0, state);
  double before = RidgeSolution(x0).value, tolerance = state.calls.tolerance;
  CHECK(tolerance == 0.1);
  int loose = 0;
  for (int k = 0; k < 25 && state.gradient.norm() > 1e-6; ++k) {
    method.step(F, state);
    const double now = RidgeSolution(state.x).value;
    CHECK(now < before);
    CHECK(std::abs(now - state.value) < 1.5 * state.evaluation.value_error + 1e-12);
    loose += std::abs(now - state.value) > 1e-10;
    CHECK(state.calls.tolerance <= 0.9 * tolerance);
    before = now;
    tolerance = state.calls.tolerance;
  }
  CHECK(loose > 3);
}

TEST_CASE("a search with inexact inner runs is a value, and allocates nothing in a step", "[nested]") {
  const Method method{};
  State state;
  method.init(F, x0, state);
  for (int k = 0; k < 4; ++k) method.step(F, state);
  State copy = state;
  const auto before = allocations();
  method.step(F, state);
  CHECK(allocations() == before);
  method.step(F, copy);
  CHECK(identical(copy, state));
}

TEST_CASE("the evaluation limit holds for inexact inner runs, and leaves a point no worse", "[nested]") {
  for (std::int64_t limit = 1; limit < 12; ++limit) {
    const auto s = minimize(F, x0, Inexact{Lbfgs{}}, MaxEvaluations{limit});
    CHECK(s.counts[0].evaluations() <= std::uint64_t(limit));
    CHECK(RidgeSolution(s.x).value <= RidgeSolution(x0).value);
    CHECK(s.status == Status::max_evaluations);
  }
}

TEST_CASE("settings of inexact inner runs that are out of range are refused", "[nested]") {
  const auto with = [](double first, double decay, double forcing, double least) {
    Inexact<Lbfgs>{{}, first, decay, forcing, least}.check();
  };
  CHECK_THROWS_WITH((Inexact<Lbfgs>{.patience = 0}.check()), Catch::Contains("Inexact::patience"));
  CHECK_THROWS_WITH(with(0, 0.9, 0.1, 0), Catch::Contains("Inexact::first"));
  CHECK_THROWS_WITH(with(0.1, 1, 0.1, 0), Catch::Contains("Inexact::decay"));
  CHECK_THROWS_WITH(with(0.1, 0.9, 0, 0), Catch::Contains("Inexact::forcing"));
  CHECK_THROWS_WITH(with(0.1, 0.9, 0.1, -1), Catch::Contains("Inexact::least"));
}
