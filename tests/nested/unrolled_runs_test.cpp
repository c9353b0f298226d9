#include <mesaopt/nested/unrolled.hpp>

#include <array>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <stdexcept>

#include <Eigen/Core>

#include <mesaopt/core/minimize.hpp>
#include <mesaopt/gradient/lbfgs.hpp>
#include <mesaopt/gradient/reverse_descent.hpp>
#include <mesaopt/nested/nested.hpp>
#include <mesaopt/nested/unrolled_forward.hpp>

#include "support/allocations.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::VectorXd;

// --- the outer problem is the optimizer's own settings
// -----------------------------------------------------------------

namespace {

/// ½ (y₀² + 4 y₁²).
struct Valley {
  static double curvature(Eigen::Index i) { return i == 0 ? 1 : 4; }
  double operator()(const VectorXd& y, VectorXd& gy) const {
    for (Eigen::Index i = 0; i < 2; ++i) gy[i] = curvature(i) * y[i];
    return y.dot(gy) / 2;
  }
  void hessian_product(const VectorXd&, const VectorXd& v, VectorXd& out) const {
    for (Eigen::Index i = 0; i < 2; ++i) out[i] = curvature(i) * v[i];
  }
};
struct HeavyBall {
  std::int64_t steps;
  template <Point X>
  auto operator()(const X& x) const {
    using std::exp;
    using T = ScalarOf<X>;
    return Search{BasicMomentum<T>{exp(x[0]), T(1) / (T(1) + exp(-x[1]))}, MaxIterations{steps}};
  }
};
const VectorXd from = Eigen::Vector2d(3, 1), settings = Eigen::Vector2d(-3, -1);
auto tuned(std::int64_t steps) {
  const auto F =
      nested(of_solution(Valley{}), response(Valley{}, by_outer_in_duals(HeavyBall{steps}), from), Unrolled{});
  return minimize(F, settings, Lbfgs{}, GradientBelow{1e-13} || MaxEvaluations{100});
}

}  // namespace

TEST_CASE("an outer search by unrolled derivatives finds the best learning rate and momentum of a run", "[nested]") {
  // After one step |g|² / g'Hg; here (9 + 16) / (9 + 64).
  CHECK(std::exp(tuned(1).x[0]) == Approx(25.0 / 73).epsilon(1e-12));
  // Two steps of the heavy ball multiply by 1 − α (2 + β) c + α² c², which is 0 at both curvatures 1 and 4 for α = ½,
  // β = ½: the run ends at the minimum.
  const auto two = tuned(2);
  CHECK(std::exp(two.x[0]) == Approx(0.5).epsilon(1e-10));
  CHECK(1 / (1 + std::exp(-two.x[1])) == Approx(0.5).epsilon(1e-10));
  CHECK(two.value < 1e-20);
}

// --- runs that are cut off, thrown out of, or lead through what is not finite
// ------------------------------------------

namespace {

/// e^{x₀} (cosh y − y), whose calls are counted, and may be made to fail.
struct Watched {
  std::function<void(double y, double& value)> look;
  double operator()(const VectorXd& x, const VectorXd& y, VectorXd& gy) const {
    double value = std::exp(x[0]) * (std::cosh(y[0]) - y[0]);
    gy[0] = std::exp(x[0]) * (std::sinh(y[0]) - 1);
    look(y[0], value);
    return value;
  }
  void hessian_product(const VectorXd& x, const VectorXd& y, const VectorXd& v, VectorXd& out) const {
    double curvature = std::exp(x[0]) * std::cosh(y[0]);
    if (y[0] == flaw) curvature = std::numeric_limits<double>::quiet_NaN();
    out[0] = curvature * v[0];
  }
  void mixed_product(const VectorXd& x, const VectorXd& y, const VectorXd& v, VectorXd& out) const {
    out[0] = std::exp(x[0]) * (std::sinh(y[0]) - 1) * v[0];
  }
  double flaw = std::numeric_limits<double>::quiet_NaN();
};
struct Square {
  double operator()(const VectorXd& y, VectorXd& gy) const { return gy = y, y[0] * y[0] / 2; }
};
struct Limits {
  std::int64_t iterations = 9, evaluations = 1000;
};
const VectorXd y0 = VectorXd::Constant(1, -1.5);
auto watched(const Watched& inner, Unrolled unrolled = {}, Limits limits = {}) {
  return nested(of_solution(Square{}),
                response(family(inner),
                         Search{GradientDescent{.learning_rate = 0.3},
                                MaxIterations{limits.iterations} || MaxEvaluations{limits.evaluations}},
                         y0),
                unrolled);
}
using F = decltype(watched({}));
struct Pulled {
  Calls<VectorXd, MemoryOf<F, VectorXd>> calls{};
  VectorXd gradient = VectorXd::Zero(1);
  Evaluation<double> at(const F& f) { return calls.gradient(f, VectorXd(VectorXd::Constant(1, -0.2)), gradient); }
};
const Watched calm{[](double, double&) {}};

}  // namespace

TEST_CASE("a run that its budget ends in the middle is differentiated as far as it went", "[nested]") {
  for (const std::int64_t checkpoints : {0, 2}) {
    Pulled cut, whole;
    CHECK(cut.at(watched(calm, {.checkpoints = checkpoints}, {.iterations = 9, .evaluations = 6})).verdict ==
          Verdict::fine);
    whole.at(watched(calm, {}, {.iterations = 5}));
    CHECK(cut.gradient == whole.gradient);
    CHECK(cut.gradient[0] != 0);
  }
}

TEST_CASE("an exception on the way there or back passes through, and the next hypergradient has the same bits",
          "[nested]") {
  Pulled undisturbed, run;
  const Unrolled few{.checkpoints = 2};
  undisturbed.at(watched(calm, few));
  const auto evaluations = undisturbed.calls.counts[1].gradients;
  CHECK(evaluations > 12);  // 10 on the way there
  for (std::uint64_t at = 0; at < evaluations; at += 3) {
    CAPTURE(at);
    std::uint64_t calls = 0;
    const Watched moody{[&](double, double&) {
      if (calls++ == at) throw std::runtime_error("lost");
    }};
    CHECK_THROWS_AS(run.at(watched(moody, few)), std::runtime_error);
    CHECK(run.at(watched(calm, few)).value == undisturbed.at(watched(calm, few)).value);
    CHECK(run.gradient == undisturbed.gradient);
  }
}

TEST_CASE("what is not finite in an inner run is refused by its name, unless it is not gone back through", "[nested]") {
  std::uint64_t calls = 0;
  const Watched bent{[&](double, double& value) {
    if (++calls == 3) value = std::numeric_limits<double>::infinity();
  }};
  Pulled run;
  CHECK(run.at(watched(bent)).reason == Reason::inner_failed);  // a step was halved
  CHECK(std::isnan(run.gradient[0]));
  calls = 0;
  const auto late = run.at(watched(bent, {.truncate = 3}));
  CHECK(late.differentiable());
  CHECK(std::isfinite(run.gradient[0]));

  const Watched nowhere{[](double, double& value) { value = std::numeric_limits<double>::quiet_NaN(); }};
  CHECK(run.at(watched(nowhere)).reason == Reason::inner_failed);
  CHECK(std::isnan(run.gradient[0]));

  double third = 0;
  calls = 0;
  run.at(watched({[&](double y, double&) {
    if (++calls == 3) third = y;
  }}));
  Watched flawed = calm;
  flawed.flaw = third;
  const auto refused = run.at(watched(flawed));
  CHECK(refused.verdict == Verdict::not_differentiable);
  CHECK(refused.reason == Reason::non_finite_gradient);
  CHECK(std::isfinite(refused.value));
  CHECK(std::isnan(run.gradient[0]));
}

// --- single precision, fixed sizes
// ------------------------------------------------------------------------------------

namespace {

/// ½ e^{x₀} |y − x₁ 1|².
struct Pull {
  using X = Eigen::Vector2f;
  using Y = Eigen::Vector3f;
  float operator()(const X& x, const Y& y, Y& gy) const {
    gy = std::exp(x[0]) * (y.array() - x[1]);
    return std::exp(x[0]) * (y.array() - x[1]).square().sum() / 2;
  }
  void hessian_product(const X& x, const Y&, const Y& v, Y& out) const { out = std::exp(x[0]) * v; }
  void mixed_product(const X& x, const Y& y, const Y& v, X& out) const {
    out[0] = std::exp(x[0]) * (y.array() - x[1]).matrix().dot(v);
    out[1] = -std::exp(x[0]) * v.sum();
  }
  void mixed_direction(const X& x, const Y& y, const X& u, Y& out) const {
    out = std::exp(x[0]) * (u[0] * (y.array() - x[1]) - u[1]);
  }
};
struct HalfSquare {
  float operator()(const Pull::Y& y, Pull::Y& gy) const { return gy = y, y.squaredNorm() / 2; }
};
template <class H>
void differentiates_in_float(const H& hypergradient) {
  const auto pulled = nested(
      of_solution(HalfSquare{}),
      response(family(Pull{}), Search{GradientDescent{.learning_rate = 0.25}, MaxIterations{6}}, Pull::Y(0, 0, 0)),
      hypergradient);
  Calls<Pull::X, MemoryOf<decltype(pulled), Pull::X>> calls;
  const Pull::X x(0.3F, -1.4F);
  Pull::X gradient;
  calls.gradient(pulled, x, gradient);
  const long before = allocations();
  const auto again = calls.gradient(pulled, x, gradient);
  CHECK(allocations() == before);
  // y = x₁ (1 − q⁶), q = 1 − ¼ e^{x₀}.
  const double q = 1 - 0.25 * std::exp(0.3), left = std::pow(q, 6), y = -1.4 * (1 - left);
  CHECK(again.value == Approx(1.5 * y * y).epsilon(1e-6));
  CHECK(gradient[0] == Approx(3 * y * -1.4 * 6 * std::pow(q, 5) * 0.25 * std::exp(0.3)).epsilon(1e-5));
  CHECK(gradient[1] == Approx(3 * y * (1 - left)).epsilon(1e-5));
}

}  // namespace

TEST_CASE("unrolling backwards and forwards works in float on points of fixed size, without allocating anew",
          "[nested]") {
  differentiates_in_float(Unrolled{.checkpoints = 2});
  differentiates_in_float(UnrolledForward{});
}
