#include <mesaopt/nested/implicit.hpp>

#include <array>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <sstream>
#include <string>
#include <vector>

#include <Eigen/Core>
#include <Eigen/Eigenvalues>

#include <mesaopt/core/minimize.hpp>
#include <mesaopt/gradient/gradient_descent.hpp>
#include <mesaopt/gradient/lbfgs.hpp>
#include <mesaopt/gradient/newton.hpp>
#include <mesaopt/models/softmax_regression.hpp>
#include <mesaopt/nested/nested.hpp>
#include <mesaopt/nested/response.hpp>

#include "nested/ridge_solution.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {

const VectorXd zeros = VectorXd::Zero(5);
const Search by_newton{Newton{}, GradientBelow{1e-15} || MaxIterations{50}};

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

}  // namespace

namespace {

/// The gradient of an inner problem written down in a test.
struct Gradient {
  std::function<double(const VectorXd& x, const VectorXd& y, VectorXd& gy)> g;
  double operator()(const VectorXd& x, const VectorXd& y, VectorXd& gy) const { return g(x, y, gy); }
};
/// The same with second derivatives in y.
struct Inner {
  std::function<double(const VectorXd& x, const VectorXd& y, VectorXd& gy)> g;
  std::function<void(const VectorXd& x, const VectorXd& y, MatrixXd& H)> H;
  std::function<void(const VectorXd& x, const VectorXd& y, const VectorXd& v, VectorXd& out)> mixed{};
  double operator()(const VectorXd& x, const VectorXd& y, VectorXd& gy) const { return g(x, y, gy); }
  void hessian(const VectorXd& x, const VectorXd& y, MatrixXd& out) const { H(x, y, out); }
  void hessian_product(const VectorXd& x, const VectorXd& y, const VectorXd& v, VectorXd& out) const {
    MatrixXd full(y.size(), y.size());
    H(x, y, full);
    out = full * v;
  }
  void mixed_product(const VectorXd& x, const VectorXd& y, const VectorXd& v, VectorXd& out) const {
    if (mixed) return mixed(x, y, v, out);
    VectorXd moved, scratch;
    Calls<VectorXd> calls;
    detail::mixed_product(family(Gradient{g}), x, y, v, out, moved, scratch, calls);
  }
};
/// An outer objective written down in a test: a function of the inner solution.
struct Outer {
  std::function<double(const VectorXd& y, VectorXd& gy)> f;
  double operator()(const VectorXd& y, VectorXd& gy) const { return f(y, gy); }
};

/// (a + b - x)² + gap (a - b) / 2: two redundant weights.
Inner redundant() {
  return {[](const VectorXd& x, const VectorXd& y, VectorXd& gy) {
            const double r = y[0] + y[1] - x[0];
            gy.setConstant(2 * r);
            return r * r;
          },
          [](const VectorXd&, const VectorXd&, MatrixXd& H) { H.setConstant(2); }};
}
/// (a - x)² - b² + b⁴/4, with a saddle at (x, 0), where a search started on b = 0 stays.
Inner saddle() {
  return {[](const VectorXd& x, const VectorXd& y, VectorXd& gy) {
            const double a = y[0] - x[0], b = y[1];
            gy << 2 * a, -2 * b + b * b * b;
            return a * a - b * b + b * b * b * b / 4;
          },
          [](const VectorXd&, const VectorXd& y, MatrixXd& H) { H << 2, 0, 0, -2 + 3 * y[1] * y[1]; }};
}
Inner ridge() {
  return {[g = ridge_training()](const VectorXd& x, const VectorXd& y, VectorXd& gy) { return g(x, y, gy); },
          [g = ridge_training()](const VectorXd& x, const VectorXd& y, MatrixXd& H) { g.hessian(x, y, H); },
          [g = ridge_training()](const VectorXd& x, const VectorXd& y, const VectorXd& v, VectorXd& out) {
            g.mixed_product(x, y, v, out);
          }};
}
Outer validation() {
  return {[f = ridge_validation()](const VectorXd& y, VectorXd& gy) { return f(y, gy); }};
}
/// (y₀ + ... - 3)², which redundant weights determine, and (y₀ - 3)², which they do not.
Outer sum() {
  return {[](const VectorXd& y, VectorXd& gy) {
    const double s = y.sum() - 3;
    gy.setConstant(2 * s);
    return s * s;
  }};
}
Outer first() {
  return {[](const VectorXd& y, VectorXd& gy) {
    gy << 2 * (y[0] - 3), 0;
    return (y[0] - 3) * (y[0] - 3);
  }};
}

const VectorXd two = VectorXd::Zero(2);

/// One type of nested objective for most of what follows: each costs seconds of compiling. The inner search may depend
/// on x, and starts from the last accepted solution.
using Budget = std::function<std::int64_t(const VectorXd& x)>;
struct MakeSearch {
  Budget iterations;
  double gradient;
  auto operator()(const VectorXd& x) const {
    return Search{Lbfgs{}, GradientBelow{gradient} || MaxIterations{iterations(x)}};
  }
};
auto handmade(Outer outer, Inner inner, const VectorXd& start, const Implicit& implicit, const Budget& iterations,
              double gradient) {
  return nested(of_solution(std::move(outer)),
                response(family(std::move(inner)), by_outer(MakeSearch{iterations, gradient}), warm(start)), implicit);
}
auto handmade(Outer outer, Inner inner, const VectorXd& start, Eigen::Index dense_limit,
              std::int64_t iterations = 1000) {
  return handmade(
      std::move(outer), std::move(inner), start, Implicit{.dense_limit = dense_limit},
      [=](const VectorXd&) { return iterations; }, 1e-9);
}
/// To the end.
auto polished(Outer outer, Inner inner, const VectorXd& start, const Implicit& implicit) {
  return handmade(
      std::move(outer), std::move(inner), start, implicit, [](const VectorXd&) { return 300; }, 1e-15);
}

}  // namespace

TEST_CASE("the hypergradient of ridge regression is the closed form's, by Cholesky and by conjugate gradients",
          "[nested]") {
  const Eigen::Index dense_limit = GENERATE(256, 0);
  const auto F = polished(validation(), ridge(), zeros, {.tolerance = 1e-15, .dense_limit = dense_limit});
  for (const auto& row : problems::RidgeInstance::table) {
    CAPTURE(dense_limit, row.theta);
    const VectorXd theta = VectorXd::Constant(1, row.theta);
    const RidgeSolution known(theta);
    // The table agrees with the closed form to the digits it gives.
    CHECK(std::abs(known.value / row.value - 1) < 1e-14);
    CHECK(std::abs(known.gradient[0] / row.derivative - 1) < 1e-13);
    CHECK(std::abs(known.second_derivative / row.second_derivative - 1) < 1e-11);

    const auto found = at(F, theta);
    CHECK(std::abs(found.evaluation.value / known.value - 1) < 1e-13);
    CHECK(std::abs(found.gradient[0] / known.gradient[0] - 1) < 1e-12);
    CHECK(found.evaluation.verdict == Verdict::fine);
    CHECK(found.evaluation.certificate.adjoint_residual < 1e-14);
    CHECK(found.evaluation.certificate.distance < 1e-13);

    // One penalty a weight: the entries sum up to the derivative by a common one.
    VectorXd each = VectorXd::Constant(5, row.theta);
    each[1] += 0.3;
    each[4] -= 0.5;
    const auto parts = at(F, each);
    const RidgeSolution known_parts(each);
    CHECK((parts.gradient - known_parts.gradient).norm() < 1e-12 * known_parts.gradient.norm());
    CHECK(std::abs(at(F, VectorXd::Constant(5, row.theta).eval()).gradient.sum() - known.gradient[0]) <
          1e-12 * std::abs(known.gradient[0]) + 1e-15);
  }
}

TEST_CASE("the condition number of the certificate is that of the inner Hessian", "[nested]") {
  const auto F = polished(validation(), ridge(), zeros, {});
  const auto c = at(F, VectorXd::Constant(1, -1.0).eval()).evaluation.certificate;
  CHECK(c.condition > 0.9 * 1.327040 / 0.388442);
  CHECK(c.condition < 3 * 1.327040 / 0.388442);
}

TEST_CASE("after few inner steps the hypergradient errs as known", "[nested]") {
  const VectorXd theta = VectorXd::Constant(1, -1.0);
  const RidgeSolution known(theta);
  MatrixXd H(5, 5);
  ridge_training().hessian(theta, zeros, H);
  const double step = 1 / H.selfadjointView<Eigen::Lower>().eigenvalues().maxCoeff();
  struct Row {
    int steps;
    double error;
  };
  for (const Row row : {Row{5, 2.797e-3}, Row{10, 4.469e-4}, Row{20, 1.389e-5}, Row{50, 4.272e-10}}) {
    CAPTURE(row.steps);
    const auto F = nested(of_solution(ridge_validation()),
                          response(family(ridge_training()),
                                   Search{GradientDescent{.learning_rate = step}, MaxIterations{row.steps}}, zeros),
                          Implicit{.accept_distance = 100});
    const auto found = at(F, theta);
    CHECK(std::abs(found.gradient[0] - known.gradient[0]) == Approx(row.error).epsilon(2e-4));
    CHECK(found.counts[1].iterations == std::uint64_t(row.steps));
    // The certificate's error estimate is of the right size, and covers the error.
    CHECK(found.evaluation.gradient_error > std::abs(found.gradient[0] - known.gradient[0]));
    CHECK(found.evaluation.value_error > 0);
    CHECK((found.evaluation.verdict == Verdict::inexact) == (row.steps < 50));
  }
  const auto F = nested(
      of_solution(ridge_validation()),
      response(family(ridge_training()), Search{GradientDescent{.learning_rate = step}, MaxIterations{100}}, zeros),
      Implicit{});
  CHECK(std::abs(at(F, theta).gradient[0] - known.gradient[0]) <= 2e-15);
}

TEST_CASE("what the inner objective does not give is made by differences", "[nested]") {
  const auto F =
      nested(of_solution(validation()),
             response(family(Gradient{ridge().g}), Search{Lbfgs{}, GradientBelow{1e-13} || MaxIterations{500}}, zeros),
             Implicit{.dense_limit = GENERATE(Eigen::Index(256), Eigen::Index(0))});
  VectorXd x(5);
  x << -1, -2, 0, 1, -3;
  const RidgeSolution known(x);
  CHECK((at(F, x).gradient - known.gradient).norm() < 1e-7 * known.gradient.norm());
}

TEST_CASE("the hypergradient of softmax regression is that of central differences", "[nested]") {
  MatrixXd inputs(3, 18), held(3, 12);
  std::vector<int> labels, held_labels;
  const auto fill = [](MatrixXd& m, std::vector<int>& l, double phase) {
    for (Eigen::Index i = 0; i < m.cols(); ++i) {
      for (Eigen::Index k = 0; k < 3; ++k)
        m(k, i) = std::sin(phase + 1.7 * double(i) + 2.3 * double(k) * double(i + 1));
      l.push_back(int(std::abs(3 * m(0, i) + m(1, i) + std::cos(double(i)))) % 3);
    }
  };
  fill(inputs, labels, 0.1);
  fill(held, held_labels, 0.7);
  const models::SoftmaxRegression<double> training(inputs, labels, 3);
  const models::SoftmaxLoss<double> held_out(held, held_labels, 3);
  const VectorXd w0 = VectorXd::Zero(12);
  const Eigen::Index dense_limit = GENERATE(256, 0);
  const auto F = nested(of_solution(held_out), response(family(training), by_newton, w0),
                        Implicit{.dense_limit = dense_limit, .gauss_newton = GaussNewton::never});
  for (const double level : {-4.0, -1.0, 0.5}) {
    VectorXd x(2);
    x << level, level - 0.5;
    const auto found = at(F, x);
    CAPTURE(dense_limit, level);
    REQUIRE(found.evaluation.verdict == Verdict::fine);
    for (Eigen::Index j = 0; j < 2; ++j) {
      VectorXd above = x, below = x;
      const double h = 1e-5;
      above[j] += h;
      below[j] -= h;
      const double difference = (at(F, above).evaluation.value - at(F, below).evaluation.value) / (2 * h);
      CHECK(std::abs(found.gradient[j] - difference) < 1e-6 * std::abs(difference) + 1e-10);
    }
  }
}

// --- what is refused, and what is not ------------------------------------------------------------------------------

TEST_CASE("a singular adjoint system that has a solution is solved", "[nested]") {
  const Eigen::Index dense_limit = GENERATE(256, 0);
  CAPTURE(dense_limit);
  const VectorXd x = VectorXd::Constant(1, 1.25);
  const auto F = handmade(sum(), redundant(), two, dense_limit);
  const auto found = at(F, x);
  CHECK(found.evaluation.verdict == Verdict::fine);
  CHECK(found.gradient[0] == Approx(2 * (1.25 - 3)).epsilon(1e-9));
  const auto s = minimize(F, x, Lbfgs{});
  CHECK(s.status == Status::gradient_below);
  CHECK(s.x[0] == Approx(3).epsilon(1e-9));
}

TEST_CASE("a singular adjoint system without solution is refused", "[nested]") {
  const Eigen::Index dense_limit = GENERATE(256, 0);
  CAPTURE(dense_limit);
  const VectorXd x = VectorXd::Constant(1, 1.25);
  const auto F = handmade(first(), redundant(), two, dense_limit);
  const auto found = at(F, x);
  CHECK(found.evaluation.verdict == Verdict::not_differentiable);
  CHECK(found.evaluation.reason == Reason::inner_not_unique);
  CHECK(found.evaluation.certificate.reason == Reason::inner_not_unique);
  CHECK(std::isfinite(found.evaluation.value));
  CHECK(std::isnan(found.gradient[0]));
}

TEST_CASE("singular systems are known for such also where second derivatives are made by differences", "[nested]") {
  // cosh(a + 2b - sin x), without second derivatives.
  const Gradient ravine{[](const VectorXd& x, const VectorXd& y, VectorXd& gy) {
    const double r = y[0] + 2 * y[1] - std::sin(x[0]);
    gy << std::sinh(r), 2 * std::sinh(r);
    return std::cosh(r);
  }};
  const Eigen::Index dense_limit = GENERATE(256, 0);
  for (const double a : {0.3, 1.25, -0.7, 0.0}) {
    CAPTURE(dense_limit, a);
    const VectorXd x = VectorXd::Constant(1, a);
    const auto of = [&](Outer outer) {
      return nested(of_solution(std::move(outer)),
                    response(family(ravine), Search{Lbfgs{}, GradientBelow{} || MaxIterations{1000}}, two),
                    Implicit{.dense_limit = dense_limit});
    };
    const auto consistent = at(of({[](const VectorXd& y, VectorXd& gy) {
                                 const double s = y[0] + 2 * y[1] - 3;
                                 gy << 2 * s, 4 * s;
                                 return s * s;
                               }}),
                               x);
    CHECK(consistent.evaluation.differentiable());
    CHECK(consistent.gradient[0] == Approx(2 * (std::sin(a) - 3) * std::cos(a)).epsilon(1e-6));
    const auto inconsistent = at(of(first()), x);
    CHECK(inconsistent.evaluation.verdict == Verdict::not_differentiable);
    CHECK(inconsistent.evaluation.reason == Reason::inner_not_unique);
  }
}

TEST_CASE("an inner saddle is no minimum, and is refused", "[nested]") {
  const Eigen::Index dense_limit = GENERATE(256, 0);
  CAPTURE(dense_limit);
  const VectorXd x = VectorXd::Constant(1, 1.25);
  const auto F = handmade({[](const VectorXd& y, VectorXd& gy) {
                            gy = 2 * y - VectorXd::Ones(2);
                            return y.squaredNorm() - y.sum();
                          }},
                          saddle(), two, dense_limit);
  const auto found = at(F, x);
  CHECK(found.evaluation.verdict == Verdict::not_differentiable);
  CHECK(found.evaluation.reason == Reason::inner_indefinite);
  CHECK(std::isnan(found.gradient[0]));
}

TEST_CASE("an inner run that stopped far from its end is refused, and the outer search says so", "[nested]") {
  const Eigen::Index dense_limit = GENERATE(256, 0);
  CAPTURE(dense_limit);
  const auto F = handmade(validation(), ridge(), zeros, dense_limit, 2);
  const VectorXd x = VectorXd::Constant(1, -1);
  const auto found = at(F, x);
  CHECK(found.evaluation.verdict == Verdict::not_differentiable);
  CHECK(found.evaluation.reason == Reason::inner_not_converged);
  CHECK(std::isnan(found.gradient[0]));
  CHECK(std::isfinite(found.evaluation.value));
  CHECK(found.evaluation.certificate.distance > 1e-2);

  const auto s = minimize(F, x, Lbfgs{});
  CHECK_FALSE(succeeded(s.status));
  CHECK(s.status == Status::not_differentiable);
  CHECK(s.x.allFinite());
  CHECK(std::isfinite(s.value));
  std::ostringstream text;
  text << s;
  CHECK(text.str().find(sentence(Reason::inner_not_converged)) != std::string::npos);
}

TEST_CASE("a previous adjoint that still serves does not vouch for an inner run that stopped early", "[nested]") {
  // The inner Hessian and the outer gradient are constant, so the adjoint is one and the same everywhere.
  const Inner pull{[](const VectorXd& x, const VectorXd& y, VectorXd& gy) {
                     gy << y[0] - x[0], 9 * (y[1] - x[0]);
                     return (gy[0] * gy[0] + gy[1] * gy[1] / 9) / 2;
                   },
                   [](const VectorXd&, const VectorXd&, MatrixXd& H) { H << 1, 0, 0, 9; }};
  const Outer linear{[](const VectorXd& y, VectorXd& gy) {
    gy << 1, 2;
    return y[0] + 2 * y[1];
  }};
  for (const Eigen::Index dense_limit : {256, 0}) {
    CAPTURE(dense_limit);
    const auto F = handmade(
        linear, pull, two, {.dense_limit = dense_limit}, [](const VectorXd& x) { return x[0] < 1 ? 100 : 1; }, 1e-12);
    Calls<VectorXd, MemoryOf<decltype(F), VectorXd>> calls;
    VectorXd gradient(1);
    for (const double a : {0.5, 0.6}) {
      const auto there = calls.gradient(F, VectorXd::Constant(1, a), gradient);
      calls.accept();
      CHECK(there.verdict == Verdict::fine);
      CHECK(gradient[0] == Approx(3));
      CHECK(there.certificate.condition >= 1);
    }
    const auto hasty = calls.gradient(F, VectorXd::Constant(1, 5), gradient);
    CHECK(hasty.verdict == Verdict::not_differentiable);
    CHECK(hasty.reason == Reason::inner_not_converged);
    CHECK(std::isnan(gradient[0]));
  }
}

TEST_CASE("an inner gradient that is not finite is refused, whatever the previous adjoint", "[nested]") {
  Inner inner = ridge();
  inner.g = [whole = inner.g](const VectorXd& x, const VectorXd& y, VectorXd& gy) {
    const double value = whole(x, y, gy);
    if (x[0] > 0) gy[0] = std::nan("");
    return value;
  };
  for (const Eigen::Index dense_limit : {256, 0}) {
    auto F = handmade(validation(), inner, zeros, dense_limit);
    Calls<VectorXd, MemoryOf<decltype(F), VectorXd>> calls;
    VectorXd gradient(1);
    CHECK(calls.gradient(F, VectorXd::Constant(1, -1), gradient).verdict == Verdict::fine);
    calls.accept();
    const auto evaluation = calls.gradient(F, VectorXd::Constant(1, 0.1), gradient);
    CHECK(evaluation.verdict == Verdict::failed);
    CHECK(evaluation.reason == Reason::inner_failed);
    CHECK(std::isnan(gradient[0]));
    CHECK(calls.value(F, VectorXd::Constant(1, 0.1)).verdict == Verdict::failed);
  }
}

TEST_CASE("a model stopped early gets a Gauss-Newton adjoint, which says that it is one", "[nested]") {
  const auto F = nested(
      of_solution(ridge_validation()),
      response(family(ridge_training()), Search{Lbfgs{}, GradientBelow{1e-15} || MaxIterations{2}}, zeros), Implicit{});
  const VectorXd x = VectorXd::Constant(1, -1);
  const auto found = at(F, x);
  CHECK(found.evaluation.verdict == Verdict::inexact);
  CHECK(found.evaluation.reason == Reason::gauss_newton_adjoint);
  CHECK(found.gradient.allFinite());
  CHECK(found.gradient[0] * RidgeSolution(x).gradient[0] > 0);
  CHECK(found.evaluation.gradient_error > 0);

  const auto never = nested(F.outer, F.response, Implicit{.gauss_newton = GaussNewton::never});
  CHECK(at(never, x).evaluation.reason == Reason::inner_not_converged);

  // Of a model that is linear and solved, it is the exact one but for the damping.
  const auto always = nested(
      F.outer, response(family(ridge_training()), Search{Lbfgs{}, GradientBelow{1e-15} || MaxIterations{300}}, zeros),
      Implicit{.gauss_newton = GaussNewton::always, .damping = 1e-8});
  const auto exact = at(always, x);
  CHECK(exact.evaluation.reason == Reason::gauss_newton_adjoint);
  CHECK(exact.gradient[0] == Approx(RidgeSolution(x).gradient[0]).epsilon(1e-5));
}

TEST_CASE("an inner Hessian of NaN is refused", "[nested]") {
  const Eigen::Index dense_limit = GENERATE(256, 0);
  CAPTURE(dense_limit);
  Inner inner = ridge();
  inner.H = [](const VectorXd&, const VectorXd&, MatrixXd& H) {
    H.setConstant(std::numeric_limits<double>::quiet_NaN());
  };
  const auto F = handmade(validation(), inner, zeros, dense_limit);
  const auto found = at(F, VectorXd::Constant(1, -1.0).eval());
  CHECK(found.evaluation.verdict == Verdict::not_differentiable);
  CHECK(std::isnan(found.gradient[0]));
}

TEST_CASE("settings of the hypergradient that are out of range are refused", "[nested]") {
  const auto with = [](const Implicit& implicit) {
    at(polished(validation(), ridge(), zeros, implicit), VectorXd::Constant(1, -1.0).eval());
  };
  const double nan = std::numeric_limits<double>::quiet_NaN();
  CHECK_THROWS_WITH(with({.tolerance = -1}), Catch::Contains("Implicit::tolerance"));
  CHECK_THROWS_WITH(with({.accept_residual = nan}), Catch::Contains("Implicit::accept_residual"));
  CHECK_THROWS_WITH(with({.accept_distance = 0}), Catch::Contains("Implicit::accept_distance"));
  CHECK_THROWS_WITH(with({.dense_limit = -2}), Catch::Contains("Implicit::dense_limit") && Catch::Contains("-2"));
  CHECK_THROWS_WITH(with({.max_iterations = -4}), Catch::Contains("Implicit::max_iterations"));
  CHECK_THROWS_WITH(with({.damping = -1}), Catch::Contains("Implicit::damping"));
}

TEST_CASE("a non-finite outer value or gradient is passed on as such", "[nested]") {
  const double infinity = std::numeric_limits<double>::infinity();
  const VectorXd x = VectorXd::Constant(1, -1);
  const auto of = [&](double value) {
    const auto f = [=](const VectorXd& y, VectorXd& gy) {
      gy = y;
      gy[0] = infinity;
      return value;
    };
    return at(handmade({f}, ridge(), zeros, 256), x).evaluation;
  };
  CHECK(of(1).verdict == Verdict::not_differentiable);
  CHECK(of(1).reason == Reason::non_finite_gradient);
  CHECK(of(infinity).verdict == Verdict::failed);
  CHECK(of(infinity).reason == Reason::non_finite_value);
}

// --- other scalars and sizes ---------------------------------------------------------------------------------------

TEST_CASE("float and fixed sizes nest as well", "[nested]") {
  using X = Eigen::Vector<double, 1>;
  using Y = Eigen::Vector<double, 5>;
  for (const Eigen::Index dense_limit : {256, 0}) {
    const Y w0 = Y::Zero();
    const auto F = nested(of_solution(ridge_validation()), response(family(ridge_training()), by_newton, w0),
                          Implicit{.tolerance = 1e-15, .dense_limit = dense_limit});
    static_assert(Differentiable<std::remove_const_t<decltype(F)>, X>);
    const RidgeSolution known(VectorXd::Constant(1, -1.0));
    CHECK(at(F, X(-1.0)).gradient[0] == Approx(known.gradient[0]).epsilon(1e-12));
    const auto s = minimize(F, X(-3.0), Lbfgs{});
    CHECK(s.status == Status::gradient_below);
    CHECK(s.x[0] == Approx(problems::RidgeInstance::solution).epsilon(1e-6));
    const Eigen::Vector<double, 5> each = Eigen::Vector<double, 5>::Constant(-1);
    CHECK(at(F, each).gradient.sum() == Approx(known.gradient[0]).epsilon(1e-12));
    const auto better = minimize(F, each, Lbfgs{}, MaxIterations{5});
    CHECK(better.value < 0.2 * known.value);
  }

  using R = problems::RidgeInstance;
  const models::RidgeTraining training(R::inputs().cast<float>(), R::targets().cast<float>());
  const models::RidgeValidation validation(R::validation_inputs().cast<float>(), R::validation_targets().cast<float>());
  const Eigen::VectorXf w0 = Eigen::VectorXf::Zero(5);
  for (const Eigen::Index dense_limit : {256, 0}) {
    const auto F = nested(of_solution(validation),
                          response(family(training), Search{Lbfgs{}, GradientBelow{1e-6} || MaxIterations{100}}, w0),
                          Implicit{.tolerance = 1e-6, .dense_limit = dense_limit});
    const RidgeSolution known(VectorXd::Constant(1, -1.0));
    const auto found = at(F, Eigen::VectorXf::Constant(1, -1.0f).eval());
    CHECK(found.evaluation.differentiable());
    CHECK(found.gradient[0] == Approx(known.gradient[0]).epsilon(1e-4));
  }
}
