#include <mesaopt/gradient/proximal_descent.hpp>

#include <cmath>
#include <cstdint>
#include <limits>
#include <stdexcept>

#include <Eigen/Core>

#include <mesaopt/core/minimize.hpp>
#include <mesaopt/objective/bounds.hpp>
#include <mesaopt/objective/l1.hpp>

#include "gradient/composite_problems.hpp"
#include "gradient/run_laws.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using namespace composite_problems;

static_assert(OptimizerFor<ProximalDescent, WithRegularizer<Any, L1>, VectorXd>);
static_assert(OptimizerFor<ProximalDescent, Within<Any, VectorXd>, VectorXd>);

namespace {

const Any bowl{[](const VectorXd& x, VectorXd& g) {
  g = x.array() - 1;
  g[1] *= 3;
  return (g[0] * g[0] + g[1] * g[1] / 3) / 2;
}};
const VectorXd origin = VectorXd::Zero(2);
auto until(double gradient, std::int64_t evaluations) { return GradientBelow{gradient} || MaxEvaluations{evaluations}; }

}  // namespace

TEST_CASE("Proximal descent takes the steps of its formula, by its schedule", "[proximal_descent]") {
  const ProximalDescent ista{.learning_rate = 0.2, .schedule = {.kind = Schedule::inverse, .steps = 1}};
  const auto s = minimize(regularized(bowl, L1{0.5}), origin, ista, until(0, 3));
  // From 0 by 0.2: (0.2, 0.6), shortened by 0.1. Then by 0.1: (0.1 + 0.09, 0.5 + 0.15), shortened by 0.05.
  CHECK(s.x[0] == Approx(0.14).epsilon(1e-15));
  CHECK(s.x[1] == Approx(0.60).epsilon(1e-15));
  CHECK(s.value == Approx((0.86 * 0.86 + 3 * 0.16) / 2 + 0.5 * 0.74).epsilon(1e-15));
  CHECK(s.counts[0].gradients == 3);
  CHECK(s.counts[0].values == 0);
  CHECK(ista.default_stopping().b.limit == 10000);
}

TEST_CASE("Proximal descent solves nonnegative least squares, and all its points are in the box",
          "[proximal_descent]") {
  const NonnegativeProblem p(1, 6);
  const auto f = least_squares(p.A, p.b);
  bool inside = true;
  const auto bounded = within(Any{[&](const VectorXd& x, VectorXd& g) {
                                inside = inside && x.minCoeff() >= 0;
                                return f(x, g);
                              }},
                              Box<VectorXd>{VectorXd::Zero(6), VectorXd::Constant(6, 4)});
  const double rate = 1 / (p.A.transpose() * p.A).trace();
  const auto s =
      minimize(bounded, VectorXd(VectorXd::Ones(6)), ProximalDescent{.learning_rate = rate}, until(1e-11, 5000));
  CHECK(s.status == Status::gradient_below);
  CHECK((s.x - p.solution).norm() < 1e-10);
  CHECK(inside);
  CHECK_THROWS_AS(minimize(bounded, VectorXd(VectorXd::Constant(6, -1)), ProximalDescent{}, until(0, 9)),
                  std::invalid_argument);
}

TEST_CASE("A proximal descent, copied or saved anywhere, goes on to the same bits", "[proximal_descent]") {
  run_laws::goes_on_to_the_same_bits(regularized(bowl, L1{0.5}), origin, ProximalDescent{.learning_rate = 0.2},
                                     until(1e-9, 1000), 7);
}

TEST_CASE("Proximal descent thresholds without touching the heap, in float as in double", "[proximal_descent]") {
  const ProximalDescent ista{.learning_rate = 0.2};
  soft_thresholds_without_heap<VectorXd>(ista);
  soft_thresholds_without_heap<Eigen::Vector<float, 5>>(ista);
}

TEST_CASE("Budget, NaN and exceptions leave a proximal descent whole", "[proximal_descent]") {
  std::uint64_t calls = 0;
  const auto faulty = regularized(Any{[&](const VectorXd& x, VectorXd& g) -> Evaluation<double> {
                                    if (++calls == 6) throw std::runtime_error("lost");
                                    auto value = bowl(x, g);
                                    if (calls == 3) value.value = std::numeric_limits<double>::quiet_NaN();
                                    return value;
                                  }},
                                  L1{0.5});
  const ProximalDescent ista{.learning_rate = 0.2};
  const auto brief = until(1e-9, 4), to_the_end = until(1e-9, 1000);
  RunOf<ProximalDescent, std::remove_const_t<decltype(brief)>, std::remove_const_t<decltype(faulty)>, VectorXd> run,
      whole;
  begin(faulty, origin, ista, brief, run);
  resume(faulty, ista, brief, run);
  CHECK(run.status == Status::max_evaluations);
  CHECK(calls == 4);
  // The second step was halved: from (0.1, 0.5) half of the way to (0.18, 0.7).
  CHECK(run.state.age == 2);
  CHECK(run.state.x[0] == Approx(0.14).epsilon(1e-14));
  begin(faulty, origin, ista, to_the_end, whole);
  CHECK_THROWS_AS(resume(faulty, ista, to_the_end, whole), std::runtime_error);
  VectorXd g(2);
  CHECK(bowl(whole.state.x, g).value + L1{0.5}.value(whole.state.x) == whole.state.value);
  CHECK(g == whole.state.gradient);
  resume(faulty, ista, to_the_end, whole);
  CHECK(whole.status == Status::gradient_below);
  CHECK(whole.state.x[0] == Approx(0.5));
}

TEST_CASE("Proximal descent refuses bad starts and settings", "[proximal_descent]") {
  const Any nowhere{[](const VectorXd&, VectorXd& g) { return g.setZero(), std::nan(""); }};
  CHECK(minimize(regularized(nowhere, L1{1}), origin, ProximalDescent{}, until(0, 9)).status == Status::bad_start);
  CHECK_THROWS_WITH(minimize(regularized(bowl, L1{1}), origin, ProximalDescent{.learning_rate = 0}, until(0, 9)),
                    Catch::Contains("ProximalDescent::learning_rate"));
}
