#include <mesaopt/gradient/trust_region_least_squares.hpp>

#include <cmath>
#include <limits>

#include <mesaopt/core/minimize.hpp>
#include <mesaopt/gradient/damped_step.hpp>
#include <mesaopt/problems/more_garbow_hillstrom.hpp>

#include "support/allocations.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::Vector2f;
using Eigen::VectorXd;
using problems::MoreGarbowHillstrom;

namespace {
using Method = TrustRegionLeastSquares<DampedStep>;

/// Rosenbrock's function in float, of fixed size. The units of its variables may differ.
struct Valley {
  float unit = 1;
  template <class X>
  [[nodiscard]] X units(const X& x) const {
    return X(x[0], x[1] * unit);
  }
  static Eigen::Index residual_count() { return 2; }
  void residuals(const Vector2f& u, Eigen::VectorXf& r) const {
    const Vector2f x = units(u);
    r << 10 * (x[1] - x[0] * x[0]), 1 - x[0];
  }
  void residuals(const Vector2f& u, Eigen::VectorXf& r, JacobianOf<Vector2f>& J) const {
    residuals(u, r);
    J << -20 * u[0], 10 * unit, -1, 0;
  }
  float operator()(const Vector2f&) const { return 0; }
};
}  // namespace

TEST_CASE("a trust region for least squares works on fixed-size points in float, off the heap after the start",
          "[gradient]") {
  const Valley f;
  Method::State<Vector2f> state;
  const Method method{};
  method.init(f, Vector2f(-1.2F, 1), state);
  const auto before = allocations();
  method.init(f, Vector2f(-1.2F, 1), state);
  int steps = 0;
  for (; state.status == Status::running && steps < 100; ++steps) method.step(f, state);
  CHECK(allocations() == before);
  CHECK(state.status == Status::converged);
  CHECK((state.x - Vector2f(1, 1)).norm() <= 1e-6F);
  CHECK(steps <= 30);
}

TEST_CASE("a trust region measured by Marquardt's scaling does not depend on units", "[gradient]") {
  // A unit that is a power of two, for the same rounding.
  const Method method{{}, LeastSquaresSolver::cholesky, LeastSquaresScaling::marquardt};
  Method::State<Vector2f> one, other;
  method.init(Valley{}, Vector2f(-1.2F, 1), one);
  method.init(Valley{1024}, Vector2f(-1.2F, 1 / 1024.0F), other);
  for (int i = 0; i < 10; ++i) {
    method.step(Valley{}, one);
    method.step(Valley{1024}, other);
    CHECK(one.x == Valley{1024}.units(other.x));
    CHECK(one.value == other.value);
  }
}

TEST_CASE("a trust region shrinks where the linearization fails, and grows where it serves", "[gradient]") {
  const MoreGarbowHillstrom wood(14);
  Method::State<VectorXd> state;
  const Method wide{.first_radius = 1e6};
  wide.init(wood, wood.start(), state);
  wide.step(wood, state);
  CHECK(state.trust_radius < 100);
  const Method narrow{.first_radius = 1e-6};
  const MoreGarbowHillstrom linear(32);
  narrow.init(linear, linear.start(), state);
  for (int i = 0; i < 8; ++i) {
    const double before = state.trust_radius;
    narrow.step(linear, state);
    CHECK(state.trust_radius > before);
  }
  // Every step of a run falls, whatever the radius.
  wide.init(wood, wood.start(), state);
  for (int i = 0; i < 30 && state.status == Status::running; ++i) {
    const double before = state.value;
    wide.step(wood, state);
    CHECK(state.value <= before);
    CHECK(state.value == Approx(wood(state.x)).epsilon(1e-13).margin(1e-25));
    VectorXd g(4);
    wood(state.x, g);
    CHECK((state.gradient - g).norm() <= 1e-12 * (1 + g.norm()));
  }
}

TEST_CASE("a trust region ends by the tolerance that it is given", "[gradient]") {
  const MoreGarbowHillstrom dennis(16);
  const auto values = minimize(dennis, dennis.start(), Method{.value_tolerance = 1e-3}, MaxIterations{1000});
  const auto steps = minimize(dennis, dennis.start(), Method{.step_tolerance = 1e-3}, MaxIterations{1000});
  const auto cosines = minimize(dennis, dennis.start(), Method{.cosine_tolerance = 1e-3}, MaxIterations{1000});
  const auto all = minimize(dennis, dennis.start(), Method{}, MaxIterations{1000});
  for (const auto* s : {&values, &steps, &cosines}) {
    CHECK(s->status == Status::converged);
    CHECK(s->counts[0].iterations < all.counts[0].iterations);
  }
  CHECK(all.value == Approx(dennis.minimum()).epsilon(1e-12));
}

TEST_CASE("a trust region with steps bent along the residuals finds the same minima", "[gradient]") {
  for (const int number : {1, 8, 10, 15, 16, 19}) {
    const MoreGarbowHillstrom f(number);
    const auto s = minimize(f, f.start(), Method{.acceleration = 0.75}, MaxIterations{1000});
    CAPTURE(number, s);
    CHECK(std::abs(s.value - f.minimum()) <= 1e-9 * (f.minimum() == 0 ? 1.0 : f.minimum()));
    CHECK(s.counts[0].values >= s.counts[0].iterations);
  }
}

TEST_CASE("a trust region hands its radius on to the next search", "[gradient]") {
  const MoreGarbowHillstrom f(14);
  Method::State<VectorXd> first, second;
  const Method method{};
  method.init(f, f.start(), first);
  for (int i = 0; i < 5; ++i) method.step(f, first);
  method.init(f, first, second);
  CHECK(second.trust_radius == first.trust_radius);
  CHECK(second.memory_of_steps.damping == first.memory_of_steps.damping);
  method.step(f, first);
  method.step(f, second);
  CHECK(first.x == second.x);
}

TEST_CASE("a trust region ends where every trial point is none, and says why", "[gradient]") {
  struct Island {
    MoreGarbowHillstrom f{14};
    VectorXd home = f.start();
    [[nodiscard]] Eigen::Index residual_count() const { return f.residual_count(); }
    void residuals(const VectorXd& x, VectorXd& r) const {
      f.residuals(x, r);
      if (x != home) r.setConstant(std::nan(""));
    }
    void residuals(const VectorXd& x, VectorXd& r, Eigen::MatrixXd& J) const {
      f.residuals(x, r, J);
      if (x != home) r.setConstant(std::nan(""));
    }
    double operator()(const VectorXd&) const { return 0; }
  };
  const Island f;
  const auto s = minimize(f, f.home, Method{}, MaxIterations{1000});
  CHECK(s.status == Status::non_finite);
  CHECK(s.x == f.home);
  CHECK(s.counts[0].evaluations() <= 40);
}
