#include <mesaopt/nested/unrolled.hpp>

#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include <Eigen/Core>
#include <Eigen/Eigenvalues>

#include <mesaopt/core/minimize.hpp>
#include <mesaopt/gradient/gradient_descent.hpp>
#include <mesaopt/gradient/momentum.hpp>
#include <mesaopt/gradient/reverse_adam.hpp>
#include <mesaopt/gradient/reverse_descent.hpp>
#include <mesaopt/nested/nested.hpp>
#include <mesaopt/nested/response.hpp>
#include <mesaopt/nested/unrolled_forward.hpp>

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

TEST_CASE("full, checkpointed and forward unrolling of a run that converged give the closed form's hypergradient",
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
    const auto forward = at(nested(of_solution(ridge_validation()), ridge(400).response, UnrolledForward{}), x);
    CHECK((forward.gradient - known.gradient).norm() <= 1e-12 * known.gradient.norm());
    CHECK(forward.evaluation.value == full.evaluation.value);
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

using D = Dual<double, 8>;
using DualVector = Eigen::VectorX<D>;

/// A chain of quartic springs whose stiffness x gives, for numbers of any kind: x[0] on neighbours, x[1] to zero.
struct Chain {
  template <Point X, Point Y>
  ScalarOf<Y> operator()(const X& x, const Y& y, Y& gy) const {
    using S = ScalarOf<Y>;
    S value(0);
    for (Eigen::Index i = 0; i < y.size(); ++i) {
      const S off = y[i] - S(0.3 * double(i + 1));
      value += S(x[1]) * off * off / S(2);
      gy[i] = S(x[1]) * off;
    }
    for (Eigen::Index i = 0; i + 1 < y.size(); ++i) {
      const S by = y[i + 1] - y[i] * y[i];
      value += S(x[0]) * by * by / S(2);
      gy[i + 1] += S(x[0]) * by;
      gy[i] -= S(2) * S(x[0]) * by * y[i];
    }
    return value;
  }
  void hessian_product(const VectorXd& x, const VectorXd& y, const VectorXd& v, VectorXd& out) const {
    out = x[1] * v;
    for (Eigen::Index i = 0; i + 1 < y.size(); ++i) {
      const double by = y[i + 1] - y[i] * y[i], along = v[i + 1] - 2 * y[i] * v[i];
      out[i + 1] += x[0] * along;
      out[i] -= 2 * x[0] * (along * y[i] + by * v[i]);
    }
  }
  void mixed_product(const VectorXd& x, const VectorXd& y, const VectorXd& v, VectorXd& out) const {
    out.setZero();
    for (Eigen::Index i = 0; i < y.size(); ++i) out[1] += (y[i] - 0.3 * double(i + 1)) * v[i];
    for (Eigen::Index i = 0; i + 1 < y.size(); ++i) {
      const double by = y[i + 1] - y[i] * y[i];
      out[0] += by * (v[i + 1] - 2 * y[i] * v[i]);
    }
    static_cast<void>(x);
  }
  void mixed_direction(const VectorXd&, const VectorXd& y, const VectorXd& u, VectorXd& out) const {
    for (Eigen::Index i = 0; i < y.size(); ++i) out[i] = u[1] * (y[i] - 0.3 * double(i + 1));
    for (Eigen::Index i = 0; i + 1 < y.size(); ++i) {
      const double by = y[i + 1] - y[i] * y[i];
      out[i + 1] += u[0] * by;
      out[i] -= 2 * u[0] * by * y[i];
    }
  }
};
/// Σ sin of the inner solution: an outer objective that has all inner coordinates count.
struct Sines {
  double operator()(const VectorXd& y, VectorXd& gy) const {
    gy = y.array().cos();
    return y.array().sin().sum();
  }
};

const VectorXd settings_at = (VectorXd(7) << 1.3, 0.4, 0.03, 0.85, 0.97, 0.2, 0.01).finished();

// Optimizers all of whose settings the outer point gives: x[2] and on.
struct MakeDescent {
  template <Point X>
  auto operator()(const X& x) const {
    using T = ScalarOf<X>;
    return Search{BasicGradientDescent<T>{x[2], x[6], {.kind = Schedule::inverse, .steps = 5}}, MaxIterations{17}};
  }
};
struct MakeMomentum {
  template <Point X>
  auto operator()(const X& x) const {
    using T = ScalarOf<X>;
    return Search{BasicMomentum<T>{x[2], x[3], x[6], {.kind = Schedule::inverse, .steps = 5}}, MaxIterations{17}};
  }
};
struct MakeNesterov {
  template <Point X>
  auto operator()(const X& x) const {
    using T = ScalarOf<X>;
    return Search{BasicNesterov<T>{x[2], x[3], x[6], false, {.kind = Schedule::inverse, .steps = 5}},
                  MaxIterations{17}};
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
struct MakeStart {
  template <Point X>
  auto operator()(const X& x) const {
    Eigen::VectorX<ScalarOf<X>> y(4);
    for (Eigen::Index i = 0; i < 4; ++i) y[i] = x[i] * x[(i + 2) % 7] - 0.1 * double(i);
    return y;
  }
};

/// dF/dx by running everything in dual numbers, and F.
template <class Make>
VectorXd by_duals(const Make& make, double& value) {
  DualVector x(7);
  for (Eigen::Index j = 0; j < 7; ++j) {
    x[j] = D(settings_at[j]);
    x[j].tangent[std::size_t(j)] = 1;
  }
  const auto search = make(x);
  const auto f = [&](const DualVector& y, DualVector& gy) { return Chain{}(x, y, gy); };
  StateOf<decltype(search.optimizer), decltype(f), DualVector> state;
  const DualVector start = MakeStart{}(x);
  search.optimizer.init(f, start, state);
  for (int k = 0; k < 17; ++k) search.optimizer.step(f, state);
  D total(0.0);
  for (const D& y : state.x) total += sin(y);
  value = total.value;
  VectorXd gradient(7);
  for (Eigen::Index j = 0; j < 7; ++j) gradient[j] = total.tangent[std::size_t(j)];
  return gradient;
}

template <class Make>
void compare(const Make& make) {
  double value = 0;
  const VectorXd known = by_duals(make, value);
  const auto exact = response(family(Chain{}), by_outer_in_duals(make), by_outer_in_duals(MakeStart{}));
  const auto full = at(nested(of_solution(Sines{}), exact, Unrolled{}), settings_at);
  CHECK(full.evaluation.value == Approx(value).epsilon(1e-13));
  CHECK(full.evaluation.verdict == Verdict::fine);
  CHECK(full.evaluation.certificate.reason == Reason::derivative_of_run);
  for (Eigen::Index j = 0; j < 7; ++j) {
    CAPTURE(j);
    CHECK(full.gradient[j] == Approx(known[j]).epsilon(1e-12));
  }
  CHECK(at(nested(of_solution(Sines{}), exact, Unrolled{.checkpoints = 3}), settings_at).gradient == full.gradient);
  const auto forward = at(nested(of_solution(Sines{}), exact, UnrolledForward{}), settings_at);
  CHECK((forward.gradient - known).norm() < 1e-12 * known.norm());
}

}  // namespace

TEST_CASE("derivatives by all settings, the objective and the start are those of a run in dual numbers", "[nested]") {
  SECTION("gradient descent") { compare(MakeDescent{}); }
  SECTION("momentum") { compare(MakeMomentum{}); }
  SECTION("Nesterov") { compare(MakeNesterov{}); }
  SECTION("Adam") { compare(MakeAdam{}); }
}
