#include <mesaopt/nested/unrolled_forward.hpp>

#include <array>
#include <cstdint>

#include <Eigen/Core>

#include <mesaopt/core/calls.hpp>
#include <mesaopt/gradient/gradient_descent.hpp>
#include <mesaopt/gradient/reverse_adam.hpp>
#include <mesaopt/nested/nested.hpp>

#include "nested/chain.hpp"
#include "nested/ridge_solution.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::VectorXd;

namespace {

template <class F>
Evaluation<double> at(const F& f, const VectorXd& x, VectorXd& gradient, Counts& inner) {
  Calls<VectorXd, MemoryOf<F, VectorXd>> calls;
  const auto evaluation = calls.gradient(f, x, gradient);
  inner = calls.counts[1];
  return evaluation;
}

struct MakeAdam {
  template <Point X>
  auto operator()(const X& x) const {
    using T = ScalarOf<X>;
    return Search{BasicAdam<T>{x[2], x[3], x[4], x[5], x[6], {.kind = Schedule::inverse, .steps = 5}},
                  MaxIterations{17}};
  }
};

}  // namespace

TEST_CASE("derivatives along the run are those of a run in dual numbers", "[nested]") {
  double value = 0;
  const VectorXd known = chain::by_duals(MakeAdam{}, value);
  const auto F =
      nested(of_solution(chain::Sines{}),
             response(family(chain::Chain{}), by_outer_in_duals(MakeAdam{}), by_outer_in_duals(chain::MakeStart{})),
             UnrolledForward{});
  VectorXd gradient;
  Counts inner;
  const auto evaluation = at(F, chain::settings_at, gradient, inner);
  CHECK(evaluation.value == Approx(value).epsilon(1e-13));
  CHECK((gradient - known).norm() < 1e-12 * known.norm());
  CHECK(evaluation.certificate.reason == Reason::derivative_of_run);
  CHECK(inner.gradients == 18);
  CHECK(inner.hessian_products == 2 * 7 * 17);
}

TEST_CASE("derivatives along a run that converged are the closed form's", "[nested]") {
  const VectorXd theta = VectorXd::Constant(5, -1), start = VectorXd::Zero(5);
  const auto F = nested(
      of_solution(ridge_validation()),
      response(family(ridge_training()), Search{GradientDescent{.learning_rate = 0.75}, MaxIterations{200}}, start),
      UnrolledForward{});
  VectorXd gradient;
  Counts inner;
  const auto evaluation = at(F, theta, gradient, inner);
  const VectorXd known = RidgeSolution(theta).gradient;
  CHECK((gradient - known).norm() < 1e-12 * known.norm());
  CHECK(evaluation.certificate.reason == Reason::none);
  CHECK(evaluation.certificate.stationarity < 1e-14);
}
