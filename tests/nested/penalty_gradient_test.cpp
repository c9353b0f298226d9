#include <mesaopt/nested/penalty_gradient.hpp>

#include <cmath>

#include <Eigen/Core>

#include <mesaopt/core/calls.hpp>
#include <mesaopt/gradient/lbfgs.hpp>
#include <mesaopt/nested/nested.hpp>
#include <mesaopt/nested/response.hpp>

#include "nested/ridge_solution.hpp"
#include "support/allocations.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::VectorXd;

namespace {

/// Ridge training with gradients in both arguments and no second derivatives.
struct Training {
  models::RidgeTraining<double> whole;
  double operator()(const VectorXd& x, const VectorXd& w, VectorXd& gw) const { return whole(x, w, gw); }
  double operator()(const VectorXd& x, const VectorXd& w, VectorXd& gx, VectorXd& gw) const {
    gx.array() = x.array().exp() * w.array().square() / 2;
    return whole(x, w, gw);
  }
};
/// ... or in the second alone.
struct Bare {
  models::RidgeTraining<double> whole;
  double operator()(const VectorXd& x, const VectorXd& w, VectorXd& gw) const { return whole(x, w, gw); }
};

template <class G>
auto problem(double penalty) {
  return nested(of_solution(ridge_validation()),
                response(family(G{ridge_training()}), Search{Lbfgs{}, GradientBelow{1e-14} || MaxIterations{300}},
                         VectorXd(VectorXd::Zero(5))),
                PenaltyGradient{.penalty = penalty});
}

}  // namespace

TEST_CASE("without second derivatives the hypergradient errs as the inverse of the penalty", "[nested]") {
  VectorXd x(5), gradient(5);
  x << -1, -0.7, -1, -1.5, -1;
  const RidgeSolution known(x);
  double before = 0;
  for (const double penalty : {1e2, 1e3, 1e4, 1e5}) {
    const auto F = problem<Training>(penalty);
    Calls<VectorXd, MemoryOf<decltype(F), VectorXd>> calls;
    const auto found = calls.gradient(F, x, gradient);
    const double error = (gradient - known.gradient).norm() / known.gradient.norm();
    CAPTURE(penalty, error);
    if (before > 0) CHECK(std::log10(before / error) == Approx(1).epsilon(0.02));
    before = error;
    CHECK(error < 10 / penalty);
    CHECK(found.value == Approx(known.value).epsilon(1e-12));
    CHECK(found.verdict == Verdict::inexact);
    CHECK(found.reason == Reason::first_order_gradient);
    CHECK(calls.counts[1].hessian_products == 0);
    const auto allocated = allocations();
    calls.gradient(F, x, gradient);
    CHECK(allocations() == allocated);
  }
}

TEST_CASE("the inner slope that a family does not give is made by differences", "[nested]") {
  VectorXd x = VectorXd::Constant(5, -1), own(5), made(5);
  Calls<VectorXd, MemoryOf<decltype(problem<Training>(1)), VectorXd>> calls;
  calls.gradient(problem<Training>(1e3), x, own);
  Calls<VectorXd, MemoryOf<decltype(problem<Bare>(1)), VectorXd>> others;
  others.gradient(problem<Bare>(1e3), x, made);
  CHECK((own - made).norm() < 1e-6 * own.norm());
  CHECK_THROWS_WITH(calls.gradient(problem<Training>(0), x, own), Catch::Contains("PenaltyGradient::penalty"));
}
