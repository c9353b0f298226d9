#include <mesaopt/nested/uniqueness.hpp>

#include <cmath>
#include <functional>
#include <string>
#include <type_traits>

#include <Eigen/Core>

#include <mesaopt/core/calls.hpp>
#include <mesaopt/gradient/dual_active_set.hpp>
#include <mesaopt/gradient/lbfgs.hpp>
#include <mesaopt/nested/implicit.hpp>
#include <mesaopt/nested/nested.hpp>
#include <mesaopt/nested/response.hpp>
#include <mesaopt/objective/box.hpp>

#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::VectorXd;

namespace {

using G = std::function<double(const VectorXd&, const VectorXd&, VectorXd&)>;

/// Any inner objective, second derivatives by differences.
struct Any {
  G g;
  double operator()(const VectorXd& x, const VectorXd& y, VectorXd& gy) const { return g(x, y, gy); }
};
/// a'y + |x|²: with an adjoint system that no valley leaves a solution, unless a is across it.
struct Linear {
  VectorXd a;
  double operator()(const VectorXd& x, const VectorXd& y) const { return a.dot(y) + x.squaredNorm(); }
  double operator()(const VectorXd& x, const VectorXd& y, VectorXd& gx, VectorXd& gy) const {
    gx = 2 * x;
    gy = a;
    return (*this)(x, y);
  }
};

VectorXd vector(double a, double b) { return (VectorXd(2) << a, b).finished(); }

Evaluation<double> at(const G& g, const VectorXd& start, const VectorXd& a, Eigen::Index dense_limit) {
  const auto F =
      nested(Linear{a}, response(family(Any{g}), Search{Lbfgs{}, GradientBelow{1e-11} || MaxIterations{500}}, start),
             Implicit{.dense_limit = dense_limit});
  Calls<VectorXd, MemoryOf<std::remove_const_t<decltype(F)>, VectorXd>> calls;
  VectorXd gradient;
  return calls.gradient(F, VectorXd::Constant(1, 0.7), gradient);
}

/// (y₀ + 2 y₁ − x)², a straight valley.
double straight(const VectorXd& x, const VectorXd& y, VectorXd& gy) {
  const double r = y[0] + 2 * y[1] - x[0];
  gy << 2 * r, 4 * r;
  return r * r;
}
/// (|y|² − 1)², a round one.
double ring(const VectorXd&, const VectorXd& y, VectorXd& gy) {
  const double r = y.squaredNorm() - 1;
  gy = 4 * r * y;
  return r * r;
}
/// y₀² + y₁⁴: one minimum, without curvature along y₁.
double quartic(const VectorXd&, const VectorXd& y, VectorXd& gy) {
  gy << 2 * y[0], 4 * std::pow(y[1], 3);
  return y[0] * y[0] + std::pow(y[1], 4);
}
/// y₀² − y₁² + y₁⁴, whose saddle at 0 no slope leads away from where y₁ = 0.
double saddle(const VectorXd&, const VectorXd& y, VectorXd& gy) {
  gy << 2 * y[0], -2 * y[1] + 4 * std::pow(y[1], 3);
  return y[0] * y[0] - y[1] * y[1] + std::pow(y[1], 4);
}

/// ½ curvature (y₀ + y₁ − 1)² + slope · y in [0, 1]² under y₀ + y₁ >= x.
struct Program {
  double curvature;
  VectorXd slope;
  Box<VectorXd> bounds{vector(0, 0), vector(1, 1)};
  static constexpr bool quadratic = true, linear_constraints = true;
  [[nodiscard]] const Box<VectorXd>& box() const { return bounds; }
  [[nodiscard]] Eigen::Index equalities() const { return 0; }
  [[nodiscard]] Eigen::Index inequalities() const { return 1; }
  double operator()(const VectorXd&, const VectorXd& y, VectorXd& gy) const {
    const double r = y.sum() - 1;
    gy = slope.array() + curvature * r;
    return curvature * r * r / 2 + slope.dot(y);
  }
  void hessian(const VectorXd&, const VectorXd&, Eigen::MatrixXd& H) const { H.setConstant(curvature); }
  void constraints(const VectorXd& x, const VectorXd& y, VectorXd& c) const { c[0] = x[0] - y.sum(); }
  void constraints(const VectorXd& x, const VectorXd& y, VectorXd& c, Eigen::MatrixXd& J) const {
    constraints(x, y, c);
    J.setConstant(-1);
  }
};

}  // namespace

TEST_CASE("an inner solution in a flat valley is said to be one of many", "[nested]") {
  for (const Eigen::Index dense_limit : {256, 0}) {
    CAPTURE(dense_limit);
    for (const auto& [g, start] : {std::pair{G(straight), vector(1, 1)}, std::pair{G(ring), vector(0.6, 0.9)}}) {
      const auto apart = at(g, start, vector(1, 0.3), dense_limit);
      CHECK(apart.verdict == Verdict::not_differentiable);
      CHECK(apart.reason == Reason::inner_not_unique);
      CHECK(apart.level == 1);
      CHECK(std::isfinite(apart.value));
    }
  }
  // Where all solutions are the same to the outer objective it has a gradient, and the solution is one of many still.
  const auto same = at(straight, vector(1, 1), vector(1, 2), 256);
  CHECK(same.verdict == Verdict::fine);
  CHECK(same.reason == Reason::inner_not_unique);
  CHECK(std::isinf(same.certificate.condition));
}

TEST_CASE("a minimum without curvature is not said to be one of many", "[nested]") {
  for (const Eigen::Index dense_limit : {256, 0}) {
    const auto found = at(quartic, vector(1, 0), vector(0.3, 1), dense_limit);
    CAPTURE(dense_limit);
    CHECK(found.reason == Reason::adjoint_inconsistent);
  }
}

TEST_CASE("an inner saddle that a symmetric start leads to is named", "[nested]") {
  for (const Eigen::Index dense_limit : {256, 0}) {
    const auto found = at(saddle, vector(1, 0), vector(0.3, 1), dense_limit);
    CAPTURE(dense_limit);
    CHECK(found.verdict == Verdict::not_differentiable);
    CHECK(found.reason == Reason::inner_indefinite);
    CHECK(found.certificate.reason == Reason::inner_indefinite);
    CHECK(found.level == 1);
  }
}

TEST_CASE("a face of solutions of a linear or quadratic program is told from a corner", "[nested]") {
  const auto reason = [](const Program& g, const VectorXd& a, double x) {
    const auto F = nested(Linear{a}, response(family(g), DualActiveSet{}, vector(0.5, 0.5)), Implicit{});
    Calls<VectorXd, MemoryOf<std::remove_const_t<decltype(F)>, VectorXd>> calls;
    VectorXd gradient;
    return calls.gradient(F, VectorXd::Constant(1, x), gradient).reason;
  };
  CHECK(reason({0, vector(1, 1)}, vector(1, 0.3), 0.7) == Reason::inner_not_unique);  // the edge y₀ + y₁ = x
  CHECK(reason({2, vector(0, 0)}, vector(1, 0.3), 0.3) == Reason::inner_not_unique);  // the line y₀ + y₁ = 1
  CHECK(reason({0, vector(1, 2)}, vector(1, 0.3), 0.7) == Reason::none);              // the corner (x, 0)
}
