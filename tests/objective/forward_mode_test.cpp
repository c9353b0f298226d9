#include <mesaopt/objective/forward_mode.hpp>

#include <cmath>

#include <Eigen/Core>

#include <mesaopt/core/minimize.hpp>
#include <mesaopt/gradient/newton.hpp>
#include <mesaopt/problems/quadratic.hpp>
#include <mesaopt/problems/rosenbrock.hpp>

#include "support/allocations.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using problems::Rosenbrock;

namespace {

/// Only the value of Rosenbrock's function, as a template.
struct Value {
  template <Point X>
  ScalarOf<X> operator()(const X& x) const {
    return Rosenbrock{}(x);
  }
};

/// Value and gradient, but no second derivatives.
struct Gradient {
  template <Point X>
  ScalarOf<X> operator()(const X& x, X& gradient) const {
    return Rosenbrock{}(x, gradient);
  }
};

template <class F, class X>
struct Probe {
  F f;
  MemoryOf<F, X> memory{};
  typename MemoryOf<F, X>::Record record{};
  Call<MemoryOf<F, X>> call() { return {memory, record}; }
};

Eigen::VectorXd somewhere(Eigen::Index n) {
  Eigen::VectorXd x(n);
  for (Eigen::Index i = 0; i < n; ++i) x[i] = std::sin(double(3 * i + 1));
  return x;
}

}  // namespace

static_assert(!Differentiable<Value, Eigen::VectorXd>);
static_assert(TwiceDifferentiable<ForwardMode<Value>, Eigen::VectorXd>);
static_assert(TwiceDifferentiable<ForwardMode<Gradient>, Eigen::Vector2f>);

TEMPLATE_TEST_CASE("forward mode gives the analytic derivatives to rounding", "[objective]", Value, Gradient) {
  const auto n = Eigen::Index(GENERATE(2, 8, 20));
  const Eigen::VectorXd x = somewhere(n), v = somewhere(n).reverse();
  Probe<ForwardMode<TestType>, Eigen::VectorXd> probe{{TestType{}}};
  Eigen::VectorXd g(n), expected(n);
  const double value = Rosenbrock{}(x, expected);
  const auto evaluation = probe.f(x, g, probe.call());
  CHECK(evaluation.value == Approx(value).epsilon(1e-15));
  CHECK(evaluation.verdict == Verdict::fine);
  CHECK((g - expected).norm() <= 1e-15 * expected.norm());

  probe.f.hessian_product(x, v, g, probe.call());
  Rosenbrock{}.hessian_product(x, v, expected);
  CHECK((g - expected).norm() <= 1e-15 * expected.norm());

  Eigen::MatrixXd H(n, n), expected_H(n, n);
  probe.f.hessian(x, H, probe.call());
  Rosenbrock{}.hessian(x, expected_H);
  CHECK((H - expected_H).norm() <= 1e-15 * expected_H.norm());
}

TEST_CASE("forward mode differentiates a lambda, and products with plain matrices", "[objective]") {
  const Eigen::MatrixXd A{{2, 1, 0}, {1, 3, 1}, {0, 1, 4}};
  const auto f = [&](const auto& x) {
    using std::log1p;
    return log1p(x.dot(A * x) / 2);
  };
  const Eigen::Vector3d x(1, -2, 0.5), v(0.3, 0.1, -1);
  const double q = 1 + x.dot(A * x) / 2;
  const Eigen::Vector3d Ax = A * x;
  Probe<ForwardMode<decltype(f)>, Eigen::Vector3d> probe{{f}};
  Eigen::Vector3d g;
  CHECK(probe.f(x, g, probe.call()).value == Approx(std::log(q)));
  CHECK((g - Ax / q).norm() < 1e-15);
  probe.f.hessian_product(x, v, g, probe.call());
  CHECK((g - (A * v / q - Ax * Ax.dot(v) / (q * q))).norm() < 1e-15);
}

TEST_CASE("forward mode keeps what an objective gives itself", "[objective]") {
  const problems::Quadratic<double, 2> f(Eigen::Matrix2d{{2, 1}, {1, 3}}, Eigen::Vector2d(4, 7));
  Probe<ForwardMode<problems::Quadratic<double, 2>>, Eigen::Vector2d> probe{{f}};
  static_assert(is_quadratic<decltype(probe.f)>);
  Eigen::Vector2d out;
  probe.f.hessian_product(Eigen::Vector2d(1, 1), Eigen::Vector2d(1, -1), out, probe.call());
  CHECK(out == Eigen::Vector2d(1, -2));
}

TEMPLATE_TEST_CASE("a search goes on exact derivatives of a value alone", "[objective]", Eigen::Vector2f,
                   Eigen::VectorXf, Eigen::Vector2d, Eigen::VectorXd) {
  const double tolerance = double(100 * std::numeric_limits<ScalarOf<TestType>>::epsilon());
  const auto s = minimize(forward_mode(Value{}), Rosenbrock::start<TestType>(), Newton{},
                          GradientBelow{10 * tolerance} || MaxIterations{50});
  CHECK(s.status == Status::gradient_below);
  CHECK(double((s.x.array() - 1).abs().maxCoeff()) < 10 * tolerance);
}

TEST_CASE("derivatives by forward mode allocate nothing after the first call", "[objective]") {
  const auto count = [](const auto& x) {
    using X = std::remove_cvref_t<decltype(x)>;
    Probe<ForwardMode<Value>, X> value{{Value{}}};
    Probe<ForwardMode<Gradient>, X> gradient{{Gradient{}}};
    X g = x;
    MatrixOf<X> H(x.size(), x.size());
    const auto all = [&](auto& probe) {
      probe.f(x, g, probe.call());
      probe.f.hessian_product(x, x, g, probe.call());
      probe.f.hessian(x, H, probe.call());
    };
    all(value), all(gradient);
    const long before = allocations();
    all(value), all(gradient);
    return allocations() - before;
  };
  CHECK(count(somewhere(20)) == 0);
  CHECK(count(Eigen::Vector4d(somewhere(4))) == 0);
}
