#include <mesaopt/nested/proximal_product.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>

#include <Eigen/Core>
#include <Eigen/LU>

#include <mesaopt/gradient/proximal_descent.hpp>
#include <mesaopt/gradient/reverse_proximal.hpp>
#include <mesaopt/nested/nested.hpp>
#include <mesaopt/nested/unrolled.hpp>
#include <mesaopt/nested/unrolled_forward.hpp>
#include <mesaopt/objective/dual.hpp>
#include <mesaopt/objective/l1.hpp>

#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {

constexpr Eigen::Index n = 6;
using D = Dual<double, 4>;

/// ½y'Hy − r'y + e^{x₀} |y|₁ on x₁ <= y <= e^{x₂}, whose coordinates end at 0, at either bound, or in between. x₃ is
/// the log of the learning rate.
struct BoxedLasso {
  MatrixXd H{MatrixXd::NullaryExpr(n, n, [](Eigen::Index i, Eigen::Index j) {
    return (i == j ? 1.0 : 0.0) + 0.3 * std::cos(double(i + j)) / double(1 + std::abs(i - j));
  })};
  VectorXd r = (VectorXd(n) << 1.5, 0.1, -1.2, 3.0, -3.0, 0.8).finished();

  double operator()(const VectorXd&, const VectorXd& y, VectorXd& gradient) const {
    gradient = H * y;
    const double value = y.dot(gradient) / 2 - r.dot(y);
    gradient -= r;
    return value;
  }
  void hessian_product(const VectorXd&, const VectorXd&, const VectorXd& v, VectorXd& out) const { out = H * v; }
  void mixed_product(const VectorXd&, const VectorXd&, const VectorXd&, VectorXd& out) const { out.setZero(); }
  void mixed_direction(const VectorXd&, const VectorXd&, const VectorXd&, VectorXd& out) const { out.setZero(); }

  [[nodiscard]] L1 regularizer(const VectorXd& x) const { return {std::exp(x[0])}; }
  void proximal_mixed_product(const VectorXd& x, const VectorXd& v, double t, const VectorXd& p, VectorXd& out) const {
    const double off = t * std::exp(x[0]);
    for (Eigen::Index i = 0; i < n; ++i) out[0] -= std::abs(v[i]) > off ? std::copysign(off, v[i]) * p[i] : 0;
  }
  void proximal_mixed_direction(const VectorXd& x, const VectorXd& v, double t, const VectorXd& u,
                                VectorXd& out) const {
    const double off = t * std::exp(x[0]);
    for (Eigen::Index i = 0; i < n; ++i) out[i] = std::abs(v[i]) > off ? -std::copysign(off, v[i]) * u[0] : 0;
  }
  [[nodiscard]] Box<VectorXd> box(const VectorXd& x) const {
    return {VectorXd::Constant(n, x[1]), VectorXd::Constant(n, std::exp(x[2]))};
  }
};
struct Steps {
  std::int64_t count;
  template <Point X>
  auto operator()(const X& x) const {
    using std::exp;
    return Search{BasicProximalDescent<ScalarOf<X>>{exp(x[3]), {.kind = Schedule::exponential, .steps = 100'000}},
                  MaxIterations{count}};
  }
};
struct From {
  template <Point X>
  auto operator()(const X& x) const {
    return Eigen::VectorX<ScalarOf<X>>(
        Eigen::VectorX<ScalarOf<X>>::NullaryExpr(n, [&](Eigen::Index i) { return x[i % 4] * (0.37 * double(i) - 1); }));
  }
};
struct Outer {
  double operator()(const VectorXd& y, VectorXd& gy) const {
    gy = (y.array() - 0.3).cos();
    return (y.array() - 0.3).sin().sum();
  }
};

const VectorXd x0 = (VectorXd(4) << -1.2, -0.9, 0.2, -0.5).finished();

template <class Hypergradient>
auto lasso(std::int64_t steps, Hypergradient hypergradient) {
  return nested(of_solution(Outer{}),
                response(family(BoxedLasso{}), by_outer_in_duals(Steps{steps}), by_outer_in_duals(From{})),
                hypergradient);
}

struct Answer {
  Evaluation<double> evaluation;
  VectorXd gradient = VectorXd::Zero(4);
};
template <class F>
Answer at(const F& f, const VectorXd& x) {
  Calls<VectorXd, MemoryOf<F, VectorXd>> calls;
  Answer answer;
  answer.evaluation = calls.gradient(f, x, answer.gradient);
  return answer;
}

/// The same run in dual numbers, without a line of the library's steps.
VectorXd by_duals(std::int64_t steps) {
  const BoxedLasso g;
  std::array<D, 4> x;
  for (std::size_t j = 0; j < 4; ++j) {
    x[j] = D(x0[Eigen::Index(j)]);
    x[j].tangent[j] = 1;
  }
  std::array<D, std::size_t(n)> y, slope;
  const D low = x[1], high = exp(x[2]), zero(0.0);
  const auto boxed = [&](const D& c) { return c < low ? low : high < c ? high : c; };
  for (std::size_t i = 0; i < y.size(); ++i) y[i] = boxed(x[i % 4] * D(0.37 * double(i) - 1));
  for (std::int64_t k = 0; k < steps; ++k) {
    const D rate = exp(x[3]) * D(std::pow(0.1, double(k) / 100'000)), off = rate * exp(x[0]);
    for (std::size_t i = 0; i < y.size(); ++i) {
      slope[i] = D(-g.r[Eigen::Index(i)]);
      for (std::size_t j = 0; j < y.size(); ++j) slope[i] += D(g.H(Eigen::Index(i), Eigen::Index(j))) * y[j];
    }
    for (std::size_t i = 0; i < y.size(); ++i) {
      const D v = y[i] - rate * slope[i];
      y[i] = boxed(off < v ? v - off : v < -off ? v + off : zero);
    }
  }
  D total(0.0);
  for (const D& c : y) total += sin(c - D(0.3));
  return VectorXd::NullaryExpr(4, [&](Eigen::Index j) { return total.tangent[std::size_t(j)]; });
}

}  // namespace

TEST_CASE("Through projections and thresholds an unrolled run has the derivatives of a run in dual numbers",
          "[nested]") {
  for (const std::int64_t steps : {1, 4, 9}) {
    CAPTURE(steps);
    const VectorXd known = by_duals(steps);
    CHECK(known.cwiseAbs().minCoeff() > 1e-3);
    const auto back = at(lasso(steps, Unrolled{}), x0), along = at(lasso(steps, UnrolledForward{}), x0);
    CHECK(back.evaluation.verdict == Verdict::fine);
    CHECK(back.evaluation.certificate.reason == Reason::derivative_of_run);
    // The weight is differentiated by formula, a bound by differences.
    for (const Eigen::Index j : {0, 1, 3}) {
      CAPTURE(j);
      CHECK(back.gradient[j] == Approx(known[j]).epsilon(j == 1 ? 1e-10 : 1e-12));
      CHECK(along.gradient[j] == Approx(known[j]).epsilon(j == 1 ? 1e-10 : 1e-12));
    }
    CHECK(back.gradient[2] == Approx(known[2]).epsilon(1e-9));
    CHECK(along.gradient[2] == Approx(back.gradient[2]).epsilon(1e-10));
    CHECK(at(lasso(steps, Unrolled{.checkpoints = 2}), x0).gradient == back.gradient);  // the same bits
  }
}

TEST_CASE("Run to the end, its derivatives are those of the solution with its zeros and bounds held", "[nested]") {
  const BoxedLasso g;
  const auto F = lasso(3000, Unrolled{});
  const VectorXd y = F.response(x0).x;
  // On the others H dy = −d(e^{x₀} sign y), given the movement of what is at a bound.
  MatrixXd K = MatrixXd::Identity(n, n), rows = MatrixXd::Zero(n, 4);
  int zeros = 0, lower = 0, upper = 0;
  for (Eigen::Index i = 0; i < n; ++i) {
    if (y[i] == 0) {
      ++zeros;
    } else if (y[i] == x0[1]) {
      ++lower;
      rows(i, 1) = 1;
    } else if (y[i] == std::exp(x0[2])) {
      ++upper;
      rows(i, 2) = y[i];
    } else {
      K.row(i) = g.H.row(i);
      rows(i, 0) = -std::copysign(std::exp(x0[0]), y[i]);
    }
  }
  CHECK((zeros == 1 && lower == 2 && upper == 1));
  const VectorXd exact = K.partialPivLu().solve(rows).transpose() * VectorXd((y.array() - 0.3).cos());
  for (const auto& found : {at(F, x0), at(lasso(3000, UnrolledForward{}), x0)}) {
    CHECK(found.evaluation.verdict == Verdict::fine);
    CHECK(found.evaluation.certificate.stationarity < 1e-14);
    CHECK(std::abs(found.gradient[0] - exact[0]) < 1e-12 * std::abs(exact[0]));
    CHECK((found.gradient - exact).norm() < 1e-10 * exact.norm());
    CHECK(std::abs(found.gradient[3]) < 1e-12);
  }
}

TEST_CASE("A run with a step that ends on a kink is refused and named", "[nested]") {
  VectorXd x = x0;
  x[1] = 0;  // the lower bound, and the start of every fourth coordinate
  for (const auto& found : {at(lasso(3, Unrolled{}), x), at(lasso(3, UnrolledForward{}), x)}) {
    CHECK(found.evaluation.verdict == Verdict::not_differentiable);
    CHECK(found.evaluation.reason == Reason::constraint_weakly_active);
    CHECK(found.gradient.array().isNaN().all());
  }
}

TEST_CASE("What a proximal step takes from the outer point is differentiated by formula or by differences",
          "[nested]") {
  struct Plain {  // without formulas
    [[nodiscard]] L1 regularizer(const VectorXd& x) const { return {std::exp(x[0]) + x[2] * x[2]}; }
  };
  const VectorXd v = VectorXd::LinSpaced(n, -2, 3.1), p = VectorXd::LinSpaced(n, 1, 0.2);
  VectorXd by_formula = VectorXd::Ones(4), by_differences = by_formula, above(4), below(4), scratch;
  detail::proximal_product(family(BoxedLasso{}), x0, v, 0.8, p, by_formula, above, below, scratch);
  detail::proximal_product(family(Plain{}), x0, v, 0.8, p, by_differences, above, below, scratch);
  const double weight = by_formula[0] - 1;
  CHECK(weight == Approx(-0.8 * std::exp(x0[0]) * (-p[0] - p[1] + p[3] + p[4] + p[5])).epsilon(1e-12));
  CHECK(by_differences[0] == Approx(1 + weight).epsilon(1e-9));
  CHECK(by_differences[2] == Approx(1 + weight / std::exp(x0[0]) * 2 * x0[2]).epsilon(1e-9));
  CHECK((by_differences[1] == 1 && by_formula[1] == 1));
}
