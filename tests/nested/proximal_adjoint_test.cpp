#include <mesaopt/nested/proximal_adjoint.hpp>

#include <algorithm>
#include <cmath>

#include <Eigen/Dense>

#include <mesaopt/nested/implicit.hpp>
#include <mesaopt/nested/nested.hpp>

#include "nested/restricted_problems.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using namespace restricted;

namespace {

/// weight |x|₁.
struct Lasso {
  double weight;
  [[nodiscard]] double value(const VectorXd& x) const { return weight * x.lpNorm<1>(); }
  void proximal(const VectorXd& v, double t, VectorXd& x) const {
    for (Eigen::Index i = 0; i < v.size(); ++i) x[i] = std::copysign(std::max(0.0, std::abs(v[i]) - t * weight), v[i]);
  }
  void derivative(const VectorXd& v, double t, const VectorXd& d, VectorXd& out) const {
    for (Eigen::Index i = 0; i < v.size(); ++i) out[i] = std::abs(v[i]) > t * weight ? d[i] : 0;
  }
  [[nodiscard]] double margin(const VectorXd& v, double t) const {
    return (v.cwiseAbs().array() - t * weight).abs().minCoeff();
  }
};

/// ½ Σ aᵢ (yᵢ − bᵢ(x))² + e^{x₀} |y|₁, b(x) = b + Bx, whose solution is soft-thresholding.
struct Shrinkage {
  VectorXd a, b;
  MatrixXd B;

  [[nodiscard]] VectorXd centre(const VectorXd& x) const { return b + B * x; }
  [[nodiscard]] VectorXd solution(const VectorXd& x) const {
    VectorXd y = centre(x);
    for (Eigen::Index i = 0; i < y.size(); ++i)
      y[i] = std::copysign(std::max(0.0, std::abs(y[i]) - std::exp(x[0]) / a[i]), y[i]);
    return y;
  }
  double operator()(const VectorXd& x, const VectorXd& y) const {
    return (a.array() * (y - centre(x)).array().square()).sum() / 2;
  }
  double operator()(const VectorXd& x, const VectorXd& y, VectorXd& gradient) const {
    gradient = a.cwiseProduct(y - centre(x));
    return (*this)(x, y);
  }
  void hessian(const VectorXd&, const VectorXd&, MatrixXd& H) const { H = a.asDiagonal(); }
  void hessian_product(const VectorXd&, const VectorXd&, const VectorXd& v, VectorXd& out) const {
    out = a.cwiseProduct(v);
  }
  [[nodiscard]] Lasso regularizer(const VectorXd& x) const { return {std::exp(x[0])}; }
};

Shrinkage problem() {
  Shrinkage g{VectorXd(4), VectorXd(4), MatrixXd(4, 2)};
  g.a << 1, 2, 0.5, 4;
  g.b << 3, 0.1, -6, 0.9;
  g.B << 0, 1, 0, 0.2, 0.5, -1, 1, 0;
  return g;
}

}  // namespace

TEST_CASE("through a lasso the hypergradient is that of soft-thresholding", "[nested]") {
  const Shrinkage g = problem();
  VectorXd x(2);
  x << -0.3, 0.4;
  const VectorXd start = VectorXd::Zero(4), y = g.solution(x);
  CHECK((y.array() == 0).count() == 1);
  // dy/dx where y is not 0: B, less e^{x₀} sign(y) / a along x₀.
  VectorXd exact(2);
  exact << 2 * x[0], 0;
  for (Eigen::Index i = 0; i < 4; ++i) {
    if (y[i] == 0) continue;
    const double slope = y[i] - Target::wanted(y)[i];
    exact += slope * g.B.row(i).transpose();
    exact[0] -= slope * std::exp(x[0]) / g.a[i] * (y[i] > 0 ? 1 : -1);
  }
  for (const Eigen::Index dense_limit : {256, 1}) {
    CAPTURE(dense_limit);
    const auto F = nested(Target{}, response(family(g), Oracle{}, start), Implicit{.dense_limit = dense_limit});
    Calls<VectorXd, MemoryOf<decltype(F), VectorXd>> calls;
    VectorXd gradient(2);
    const auto evaluation = calls.gradient(F, x, gradient);
    if (dense_limit == 1) {
      // With the step 1 the fixed-point iteration diverges on a curvature of 4: refused, not wrong.
      CHECK(evaluation.verdict == Verdict::not_differentiable);
      CHECK(evaluation.reason == Reason::adjoint_not_converged);
      continue;
    }
    CHECK(evaluation.verdict <= Verdict::inexact);
    CHECK(evaluation.certificate.stationarity < 1e-12);
    CHECK((gradient - exact).norm() < 1e-8);
  }
}

TEST_CASE("a coefficient at the very threshold of the lasso is refused and named", "[nested]") {
  Shrinkage g = problem();
  const VectorXd x = VectorXd::Zero(2), start = VectorXd::Zero(4);
  g.b[1] = 1 / g.a[1];
  const auto F = nested(Target{}, response(family(g), Oracle{}, start), Implicit{});
  Calls<VectorXd, MemoryOf<decltype(F), VectorXd>> calls;
  VectorXd gradient(2);
  const auto evaluation = calls.gradient(F, x, gradient);
  CHECK(evaluation.verdict == Verdict::not_differentiable);
  CHECK(evaluation.reason == Reason::constraint_weakly_active);
  CHECK(gradient.array().isNaN().all());
}
