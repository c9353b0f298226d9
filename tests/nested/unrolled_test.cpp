#include <mesaopt/nested/unrolled.hpp>

#include <array>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>

#include <Eigen/Core>
#include <Eigen/Eigenvalues>

#include <mesaopt/gradient/gradient_descent.hpp>
#include <mesaopt/gradient/momentum.hpp>
#include <mesaopt/gradient/reverse_adam.hpp>
#include <mesaopt/gradient/reverse_descent.hpp>
#include <mesaopt/nested/nested.hpp>
#include <mesaopt/nested/response.hpp>

#include "nested/chain.hpp"
#include "nested/ridge_solution.hpp"
#include "support/allocations.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {

const VectorXd zeros = VectorXd::Zero(5);
const VectorXd theta = VectorXd::Constant(1, -1.0);

/// Value, gradient and evaluation of an objective at one point, from a fresh memory.
template <class F, class X>
auto at(const F& f, const X& x) {
  struct Answer {
    Evaluation<ScalarOf<X>> evaluation;
    X gradient;
    std::array<Counts, Calls<X, MemoryOf<F, X>>::levels> counts;
  } answer;
  Calls<X, MemoryOf<F, X>> calls;
  answer.gradient = X::Zero(x.size());
  answer.evaluation = calls.gradient(f, x, answer.gradient);
  answer.counts = calls.counts;
  return answer;
}

MatrixXd hessian() {
  MatrixXd H(5, 5);
  ridge_training().hessian(theta, zeros, H);
  return H.selfadjointView<Eigen::Lower>();
}
double rate() { return 1 / hessian().selfadjointView<Eigen::Lower>().eigenvalues().maxCoeff(); }

/// The ridge regression by gradient descent of so many steps.
auto ridge(std::int64_t steps, Unrolled unrolled = {}, const VectorXd& start = zeros) {
  return nested(
      of_solution(ridge_validation()),
      response(family(ridge_training()), Search{GradientDescent{.learning_rate = rate()}, MaxIterations{steps}}, start),
      unrolled);
}

}  // namespace

TEST_CASE("after few steps the unrolled hypergradient errs as known, and is that of the recursion", "[nested]") {
  const RidgeSolution known(theta);
  struct Row {
    int steps;
    double error;
  };
  for (const Row row : {Row{5, 4.488e-2}, Row{10, 3.466e-3}, Row{20, 1.541e-4}, Row{50, 1.119e-8}}) {
    CAPTURE(row.steps);
    const auto found = at(ridge(row.steps), theta);
    CHECK(std::abs(found.gradient[0] - known.gradient[0]) == Approx(row.error).epsilon(5e-4));
    // Z_{k+1} = (I - aH) Z_k - a e^theta w_k.
    const MatrixXd H = hessian();
    VectorXd w = zeros, z = zeros, slope(5);
    for (int k = 0; k < row.steps; ++k) {
      z = (z - rate() * (H * z) - rate() * std::exp(theta[0]) * w).eval();
      ridge_training()(theta, w, slope);
      w -= rate() * slope;
    }
    ridge_validation()(w, slope);
    CHECK(found.gradient[0] == Approx(slope.dot(z)).epsilon(1e-13));
    CHECK(found.evaluation.verdict == Verdict::fine);
    CHECK(found.evaluation.certificate.stationarity > 0);
    CHECK(found.evaluation.certificate.distance > 0);
    CHECK((found.evaluation.certificate.reason == Reason::derivative_of_run) == (row.steps < 50));
    // One pass forward, one back.
    CHECK(found.counts[1].gradients == std::uint64_t(row.steps) + 1);
    CHECK(found.counts[1].hessian_products == 2 * std::uint64_t(row.steps));
  }
  CHECK(std::abs(at(ridge(100), theta).gradient[0] - known.gradient[0]) <= 2e-15);
}

TEST_CASE("unrolling a run that converged gives the closed form's hypergradient, with the same bits by checkpoints",
          "[nested]") {
  VectorXd each(5);
  each << -1, -0.7, -1, -2, -1.5;
  for (const VectorXd& x : {theta, each}) {
    const RidgeSolution known(x);
    const auto full = at(ridge(400), x), some = at(ridge(400, {.checkpoints = 7}), x);
    CHECK((full.gradient - known.gradient).norm() <= 1e-12 * known.gradient.norm());
    CHECK(full.evaluation.certificate.reason == Reason::none);
    CHECK(full.evaluation.certificate.distance < 1e-12);
    CHECK(full.evaluation.certificate.adjoint_residual < 1e-12);
    CHECK(some.gradient == full.gradient);  // the same bits
  }
}

TEST_CASE("with checkpoints as many steps are made as revolve makes", "[nested]") {
  for (const std::int64_t slots : {1, 2, 5, 30}) {
    const auto full = at(ridge(60), theta), some = at(ridge(60, {.checkpoints = slots}), theta);
    CHECK(some.gradient == full.gradient);
    // The first gradient and the last step beside the advances.
    CHECK(some.counts[1].gradients == 2 + detail::optimal_advances(60, std::uint64_t(slots)));
    CHECK(some.counts[1].hessian_products == full.counts[1].hessian_products);
  }
  using T = Unrolled::Record<decltype(ridge(1).response), VectorXd>;
  const auto budget = at(ridge(60, {.memory = std::int64_t(8 * T::bytes(5))}), theta);
  CHECK(budget.counts[1].gradients == 2 + detail::optimal_advances(60, 6));
}

TEST_CASE("from the minimum, truncated unrolling is the Neumann series of as many terms", "[nested]") {
  const RidgeSolution known(theta);
  for (const std::int64_t terms : {1, 5, 20, 50}) {
    VectorXd slope(5), sum = zeros;
    ridge_validation()(known.weights, slope);
    for (std::int64_t i = 0; i < terms; ++i) {
      sum += rate() * slope;
      slope -= (rate() * (hessian() * slope)).eval();
    }
    const double neumann = -std::exp(theta[0]) * sum.dot(known.weights);
    const auto found = at(ridge(terms + 3, {.truncate = terms}, known.weights), theta);
    CHECK(found.gradient[0] == Approx(neumann).epsilon(1e-12));
    CHECK((found.evaluation.verdict == Verdict::inexact) == (terms < 50));
    if (terms < 50) {
      CHECK(found.evaluation.reason == Reason::derivative_truncated);
      CHECK(found.evaluation.gradient_error > 0);
    }
  }
}

// --- settings and start --------------------------------------------------------------------------------------------

namespace {

/// Momentum with all settings from the outer point: x[2] and on.
struct MakeMomentum {
  template <Point X>
  auto operator()(const X& x) const {
    using T = ScalarOf<X>;
    return Search{BasicMomentum<T>{x[2], x[3], x[6], {.kind = Schedule::inverse, .steps = 5}}, MaxIterations{17}};
  }
};
struct MakeAdam {
  template <Point X>
  auto operator()(const X& x) const {
    using T = ScalarOf<X>;
    return Search{BasicAdam<T>{x[2], x[3], x[4], x[5], x[6], {.kind = Schedule::inverse, .steps = 5}},
                  MaxIterations{17}};
  }
};

}  // namespace

TEST_CASE("derivatives by learning rate, momentum, objective and start are those of a run in dual numbers",
          "[nested]") {
  double value = 0;
  const VectorXd known = chain::by_duals(MakeMomentum{}, value);
  const auto whole =
      response(family(chain::Chain{}), by_outer_in_duals(MakeMomentum{}), by_outer_in_duals(chain::MakeStart{}));
  const auto full = at(nested(of_solution(chain::Sines{}), whole, Unrolled{}), chain::settings_at);
  CHECK(full.evaluation.value == Approx(value).epsilon(1e-13));
  CHECK(full.evaluation.verdict == Verdict::fine);
  CHECK(full.evaluation.certificate.reason == Reason::derivative_of_run);
  for (Eigen::Index j = 0; j < 7; ++j) {
    CAPTURE(j);
    CHECK(full.gradient[j] == Approx(known[j]).epsilon(1e-12).margin(1e-14));
  }
  const auto some = at(nested(of_solution(chain::Sines{}), whole, Unrolled{.checkpoints = 3}), chain::settings_at);
  CHECK(some.gradient == full.gradient);
}

TEST_CASE("Adam's settings and a start that are not templates are differentiated by differences", "[nested]") {
  double value = 0;
  const VectorXd known = chain::by_duals(MakeAdam{}, value);
  const auto F = nested(of_solution(chain::Sines{}),
                        response(family(chain::Chain{}), by_outer(MakeAdam{}), by_outer(chain::MakeStart{})),
                        Unrolled{.checkpoints = 4});
  const auto found = at(F, chain::settings_at);
  CHECK(found.evaluation.value == Approx(value).epsilon(1e-13));
  CHECK((found.gradient - known).norm() < 1e-8 * known.norm());
}

namespace {

/// An inner objective written down in a test.
struct Any {
  std::function<double(const VectorXd& y, VectorXd& gy)> f;
  std::function<void(const VectorXd& v, VectorXd& out)> H;
  double operator()(const VectorXd& y, VectorXd& gy) const { return f(y, gy); }
  void hessian_product(const VectorXd&, const VectorXd& v, VectorXd& out) const { H(v, out); }
};
auto adapted(const Any& inner, double learning_rate, std::int64_t steps) {
  const Any outer{[](const VectorXd& w, VectorXd& gw) {
                    gw = 2 * w;
                    return w.squaredNorm();
                  },
                  {}};
  return nested(
      of_solution(outer),
      response(inner, Search{GradientDescent{.learning_rate = learning_rate}, MaxIterations{steps}}, from_outer()),
      Unrolled{});
}

}  // namespace

TEST_CASE("the derivative by the start is that of a linear run", "[nested]") {
  const Any inner{[](const VectorXd& w, VectorXd& gw) { return ridge_validation()(w, gw); },
                  [](const VectorXd& v, VectorXd& out) { ridge_validation().hessian_product(v, v, out); }};
  const auto found = at(adapted(inner, 0.2, 3), VectorXd(VectorXd::LinSpaced(5, -1, 2)));
  VectorXd w = VectorXd::LinSpaced(5, -1, 2), slope(5), product(5);
  for (int k = 0; k < 3; ++k) {
    ridge_validation()(w, slope);
    w -= 0.2 * slope;
  }
  VectorXd pulled = 2 * w;
  for (int k = 0; k < 3; ++k) {
    ridge_validation().hessian_product(w, pulled, product);
    pulled -= 0.2 * product;
  }
  CHECK((found.gradient - pulled).norm() < 1e-14 * pulled.norm());
}

// --- what is refused -----------------------------------------------------------------------------------------------

TEST_CASE("a run through points where the inner objective is not finite is refused", "[nested]") {
  const Any walled{[](const VectorXd& y, VectorXd& gy) {
                     gy = y;
                     return y[0] < -0.5 ? std::numeric_limits<double>::quiet_NaN() : y.squaredNorm() / 2;
                   },
                   [](const VectorXd& v, VectorXd& out) { out = v; }};
  const auto halved = at(adapted(walled, 1.5, 2), VectorXd(VectorXd::Constant(1, 1.6)));
  CHECK(halved.evaluation.verdict == Verdict::not_differentiable);
  CHECK(halved.evaluation.reason == Reason::inner_failed);
  CHECK(std::isnan(halved.gradient[0]));
  CHECK(std::isfinite(halved.evaluation.value));
  const auto free = at(adapted(walled, 1.5, 2), VectorXd(VectorXd::Constant(1, 0.8)));
  CHECK(free.evaluation.verdict == Verdict::fine);
  CHECK(free.gradient[0] == Approx(0.25 * 2 * 0.2));
}

TEST_CASE("settings of unrolling that are out of range are refused", "[nested]") {
  CHECK_THROWS_WITH(at(ridge(3, {.truncate = -1}), theta), Catch::Contains("Unrolled::truncate"));
  CHECK_THROWS_WITH(at(ridge(3, {.checkpoints = -2}), theta), Catch::Contains("Unrolled::checkpoints"));
  CHECK_THROWS_WITH(at(ridge(3, {.memory = -3}), theta), Catch::Contains("Unrolled::memory"));
}

TEST_CASE("a second hypergradient allocates nothing", "[nested]") {
  const auto F = ridge(40, {.checkpoints = 5});
  Calls<VectorXd, MemoryOf<decltype(F), VectorXd>> calls;
  VectorXd gradient(1);
  calls.gradient(F, theta, gradient);
  const double first = gradient[0];
  const long before = allocations();
  calls.gradient(F, theta, gradient);
  CHECK(allocations() == before);
  CHECK(gradient[0] == first);
}
