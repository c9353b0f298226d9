#include <mesaopt/nested/start.hpp>

#include <cmath>
#include <cstdint>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/fields.hpp>
#include <mesaopt/core/minimize.hpp>
#include <mesaopt/gradient/lbfgs.hpp>
#include <mesaopt/nested/implicit.hpp>
#include <mesaopt/nested/nested.hpp>
#include <mesaopt/nested/response.hpp>

#include "nested/ridge_solution.hpp"
#include "nested/walk.hpp"
#include "support/allocations.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {

const VectorXd zeros = VectorXd::Zero(5);
const Search inner{Lbfgs{}, GradientBelow{1e-11} || MaxIterations{300}};
const Search outer{Lbfgs{}, GradientBelow{1e-8} || MaxIterations{100}};

VectorXd point(double a) { return VectorXd::Constant(1, a); }

template <class StartPolicy>
auto ridge(StartPolicy start) {
  return nested(of_solution(ridge_validation()), response(family(ridge_training()), inner, std::move(start)),
                Implicit{});
}

/// (y² − 1)² / 4 + x y: two wells.
struct Wells {
  double operator()(const VectorXd& x, const VectorXd& y, VectorXd& gy) const {
    const double a = y[0] * y[0] - 1;
    gy[0] = y[0] * a + x[0];
    return a * a / 4 + x[0] * y[0];
  }
  void hessian(const VectorXd&, const VectorXd& y, MatrixXd& H) const { H(0, 0) = 3 * y[0] * y[0] - 1; }
};

struct FirstOf {
  double operator()(const VectorXd&, const VectorXd& y, VectorXd& gx, VectorXd& gy) const {
    gx.setZero();
    gy = y;
    return y.squaredNorm() / 2;
  }
  double operator()(const VectorXd&, const VectorXd& y) const { return y.squaredNorm() / 2; }
};

}  // namespace

TEST_CASE("every start leads to the same outer solution", "[nested]") {
  const auto check = [](const auto& f) {
    const auto s = minimize(f, point(0), outer);
    CHECK(s.status == Status::gradient_below);
    CHECK(s.x[0] == Approx(problems::RidgeInstance::solution).epsilon(1e-6));
    return s.counts[1];
  };
  const auto cold_counts = check(ridge(cold(zeros)));
  const auto warm_counts = check(ridge(warm(zeros)));
  const auto nearest_counts = check(ridge(nearest(zeros, 4)));
  const auto tangent_counts = check(ridge(tangent(zeros)));
  const auto newton_counts = check(ridge(newton_corrected(zeros)));
  // Each spares more of the inner search than the one before.
  CHECK(warm_counts.gradients < cold_counts.gradients);
  CHECK(nearest_counts.gradients <= warm_counts.gradients);
  CHECK(tangent_counts.gradients < warm_counts.gradients);
  CHECK(newton_counts.gradients < tangent_counts.gradients);
  CHECK(warm_counts.iterations < cold_counts.iterations);
  CHECK(tangent_counts.iterations < warm_counts.iterations);
  CHECK(newton_counts.iterations < tangent_counts.iterations);
}

TEST_CASE("a bare start is a cold one, and a cold one forgets", "[nested]") {
  Walk walk(ridge(zeros));
  walk.go(-1);
  const VectorXd first = walk.gradient;
  walk.go(0.5);
  walk.go(-1);
  CHECK(identical(first, walk.gradient));
  CHECK(walk.record().start == zeros);
}

TEST_CASE("a warm start is the inner solution at the last accepted outer point", "[nested]") {
  Walk walk(ridge(warm(zeros)));
  walk.look(-3);
  CHECK(walk.record().start == zeros);
  walk.look(-2);
  CHECK(walk.record().start == zeros);
  walk.go(-1);
  const VectorXd y = best_point(walk.record().run);
  walk.look(0);
  CHECK(identical(walk.record().start, y));
  walk.look(1);
  CHECK(identical(walk.record().start, y));
}

TEST_CASE("the nearest of the accepted outer points lends its inner solution, the oldest being forgotten", "[nested]") {
  Walk walk(ridge(nearest(zeros, 3)));
  std::vector<VectorXd> ys;
  for (const double x : {-3.0, -1.0, 1.0}) {
    walk.go(x);
    ys.push_back(best_point(walk.record().run));
  }
  walk.look(-2.6);
  CHECK(identical(walk.record().start, ys[0]));
  walk.look(-0.4);
  CHECK(identical(walk.record().start, ys[1]));
  walk.look(30);
  CHECK(identical(walk.record().start, ys[2]));
  walk.go(2);
  walk.look(-3);
  CHECK(identical(walk.record().start, ys[1]));

  Walk refused(ridge(nearest(zeros, 0)));
  CHECK_THROWS_WITH(refused.look(0), Catch::Contains("remember") && Catch::Contains("0"));
}

TEMPLATE_TEST_CASE_SIG("what is not accepted teaches nothing", "[nested]", ((int policy), policy), 0, 1, 2, 3) {
  const auto start = [] {
    if constexpr (policy == 0)
      return warm(zeros);
    else if constexpr (policy == 1)
      return nearest(zeros, 4);
    else if constexpr (policy == 2)
      return tangent(zeros);
    else
      return newton_corrected(zeros);
  }();
  Walk straight(ridge(start)), detours(ridge(start));
  for (const double x : {-1.0, -1.4, -0.2, 0.4}) {
    detours.look(x + 1.7);
    detours.look(x - 0.3);
    detours.calls.value(detours.f, point(x + 4));
    VectorXd v = point(1), out(1);
    detours.calls.hessian_product(detours.f, point(x), v, out);
    const auto a = straight.go(x), b = detours.go(x);
    CHECK(identical(a, b));
    CHECK(identical(straight.gradient, detours.gradient));
    CHECK(identical(straight.calls.memory, detours.calls.memory));
  }
}

TEST_CASE("a start that is rejected for long, and a jump, find their room when they come", "[nested][allocations]") {
  if (!counting_allocations) return;
  const auto none_in = [](auto& walk, const VectorXd& x) {
    const long before = allocations();
    const auto evaluation = walk.calls.gradient(walk.f, x, walk.gradient);
    walk.calls.accept();
    const long taken = allocations() - before;
    CHECK(taken == 0);
    return evaluation.reason;
  };
  // From 0 the inner run stays at 0, where its Hessian is indefinite, as long as x is 0.
  Walk newton(nested(FirstOf{}, response(family(Wells{}), inner, newton_corrected(point(0))), Implicit{}));
  for (int i = 0; i < 3; ++i) newton.go(0);
  CHECK(none_in(newton, point(0)) == Reason::inner_indefinite);
  CHECK(newton.record().start_rejected);
  CHECK(none_in(newton, point(0.05)) == Reason::start_rejected);
  CHECK(none_in(newton, point(0.06)) == Reason::none);

  Walk jumping(nested(FirstOf{}, response(family(Wells{}), inner, warm(point(1))), Implicit{}));
  for (const double x : {0.1, 0.2, 0.3}) jumping.go(x);
  CHECK(none_in(jumping, point(0.36)) == Reason::none);
  CHECK(none_in(jumping, point(0.45)) == Reason::another_basin);
}

TEMPLATE_TEST_CASE_SIG("a warm outer step allocates nothing", "[nested][allocations]", ((int policy), policy), 0, 1, 2,
                       3, 4) {
  const auto start = [] {
    if constexpr (policy == 0)
      return cold(zeros);
    else if constexpr (policy == 1)
      return warm(zeros);
    else if constexpr (policy == 2)
      return nearest(zeros, 4);
    else if constexpr (policy == 3)
      return tangent(zeros);
    else
      return newton_corrected(zeros);
  }();
  if (!counting_allocations) return;
  for (const Eigen::Index dense_limit : {256, 0}) {
    CAPTURE(policy, dense_limit);
    auto f = ridge(start);
    f.hypergradient.dense_limit = dense_limit;
    Walk walk(f);
    VectorXd x = point(-1);
    std::vector<long> in_gradient, in_value;
    for (int i = 0; i < 8; ++i) {
      x[0] += 0.1;
      long before = allocations();
      walk.calls.gradient(walk.f, x, walk.gradient);
      walk.calls.accept();
      in_gradient.push_back(allocations() - before);
      before = allocations();
      walk.calls.value(walk.f, x);
      in_value.push_back(allocations() - before);
    }
    for (std::size_t i = 2; i < in_gradient.size(); ++i) {
      CHECK(in_gradient[i] == 0);
      CHECK(in_value[i] == 0);
    }
  }

  // And a whole outer run: its steps beyond the third.
  using F = decltype(ridge(start));
  const F f = ridge(start);
  RunOf<Lbfgs, MaxIterations, F, VectorXd> run;
  begin(f, point(0), Lbfgs{}, MaxIterations{100}, run);
  for (int i = 0; i < 3; ++i) advance(f, Lbfgs{}, MaxIterations{100}, run);
  const long before = allocations();
  for (int i = 0; i < 4; ++i) advance(f, Lbfgs{}, MaxIterations{100}, run);
  CHECK(allocations() == before);
}
