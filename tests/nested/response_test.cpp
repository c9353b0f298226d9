#include <mesaopt/nested/response.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <stdexcept>
#include <utility>

#include <Eigen/Core>

#include <mesaopt/core/fields.hpp>
#include <mesaopt/core/minimize.hpp>
#include <mesaopt/evolution/cma_es.hpp>
#include <mesaopt/gradient/lbfgs.hpp>
#include <mesaopt/nested/implicit.hpp>
#include <mesaopt/nested/nested.hpp>

#include "nested/ridge_solution.hpp"
#include "nested/walk.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {

const VectorXd zeros = VectorXd::Zero(5);
const Search inner{Lbfgs{}, GradientBelow{1e-11} || MaxIterations{300}};
VectorXd point(double a) { return VectorXd::Constant(1, a); }

/// |y − (1, 2, 3, 4, 5)|²
struct Bowl {
  double operator()(const VectorXd& y, VectorXd& gradient) const {
    gradient = 2 * (y - VectorXd::LinSpaced(5, 1, 5));
    return gradient.squaredNorm() / 4;
  }
};

struct Square {
  double operator()(const VectorXd& y) const { return y.squaredNorm(); }
  double operator()(const VectorXd& y, VectorXd& gradient) const {
    gradient = 2 * y;
    return y.squaredNorm();
  }
};

}  // namespace

TEST_CASE("a response is the inner solution at an outer point", "[nested]") {
  const auto training = response(family(ridge_training()), inner, zeros);
  for (const double x : {-3.0, 0.0, 1.0}) {
    const auto y = training(point(x));
    CHECK(y.status == Status::gradient_below);
    CHECK((y.x - RidgeSolution(point(x)).weights).norm() < 1e-9);
    CHECK(y.counts[0].gradients > 2);
  }
}

TEST_CASE("each of the three places may depend on the outer point, or none", "[nested]") {
  const auto constant = response(Bowl{}, Lbfgs{}, zeros)(point(3));
  CHECK(constant.x.isApprox(VectorXd::LinSpaced(5, 1, 5), 1e-8));

  const auto objective = response(by_outer([](const VectorXd& x) {
                                    return [a = x[0]](const VectorXd& y, VectorXd& gradient) {
                                      gradient = 2 * (y.array() - a);
                                      return gradient.squaredNorm() / 4;
                                    };
                                  }),
                                  Lbfgs{}, zeros);
  CHECK(objective(point(3)).x.isApprox(VectorXd::Constant(5, 3), 1e-8));

  const auto budget = response(Bowl{}, by_outer([](const VectorXd& x) {
                                 return Search{Lbfgs{}, MaxEvaluations{std::int64_t(x[0])}};
                               }),
                               zeros);
  CHECK(budget(point(1)).counts[0].gradients == 1);
  CHECK(budget(point(2)).counts[0].gradients == 2);

  const auto optimizer = response(family(ridge_training()),
                                  by_outer([](const VectorXd& x) { return Lbfgs{.memory = x[0] > 0 ? 7 : 3}; }), zeros);
  CHECK(optimizer(point(1)).state.memory.pairs.s.cols() == 7);
  CHECK(optimizer(point(-1)).state.memory.pairs.s.cols() == 3);

  const auto start = response(Bowl{}, Search{Lbfgs{}, MaxEvaluations{1}},
                              by_outer([](const VectorXd& x) -> VectorXd { return VectorXd::Constant(5, x[0]); }));
  CHECK(start(point(7)).x == VectorXd::Constant(5, 7));
}

TEST_CASE("an inner search without gradients answers as well", "[nested]") {
  const auto training = response(family(ridge_training()), Search{CmaEs{.seed = 3}, MaxEvaluations{4000}}, zeros);
  const auto y = training(point(-1));
  CHECK((y.x - RidgeSolution(point(-1)).weights).norm() < 1e-4);
  // The hypergradient does not mind who found the solution.
  Walk walk(nested(of_solution(ridge_validation()), training, Implicit{}));
  walk.go(point(-1));
  CHECK(walk.gradient[0] == Approx(RidgeSolution(point(-1)).gradient[0]).epsilon(1e-3));
}

TEST_CASE("a prior is a start, and is used until something was accepted", "[nested]") {
  const auto first = minimize(Bowl{}, zeros, Lbfgs{}, MaxIterations{1});
  const auto again = response(family(ridge_training()), inner, warm(first.state));
  CHECK((again(point(-1)).x - RidgeSolution(point(-1)).weights).norm() < 1e-9);
  Walk walk(nested(of_solution(ridge_validation()), again, Implicit{}));
  walk.go(point(-1));
  walk.go(point(-0.9));
  CHECK(walk.gradient[0] == Approx(RidgeSolution(point(-0.9)).gradient[0]).epsilon(1e-8));
}

TEST_CASE("the counts of an inner run are its own and those of the levels below", "[nested]") {
  Walk walk(nested(of_solution(ridge_validation()), response(family(ridge_training()), inner, zeros), Implicit{}));
  const auto alone = response(family(ridge_training()), inner, zeros)(point(-1)).counts[0];
  walk.go(point(-1));
  CHECK(walk.calls.counts[0].gradients == 1);
  CHECK(walk.calls.counts[1].gradients == alone.gradients);
  CHECK(walk.calls.counts[1].hessians == 1);
  CHECK(walk.calls.counts[1].factorizations == 1);
  walk.go(point(-1));
  CHECK(walk.calls.counts[1].gradients == 2 * alone.gradients);
}

TEST_CASE("an inner run that fails is a failed evaluation, which the outer search backs off from", "[nested]") {
  struct Cliff {
    double operator()(const VectorXd& x, const VectorXd& y, VectorXd& gy) const {
      gy = 2 * (y - x);
      return x[0] > 0.5 ? std::nan("") : (y - x).squaredNorm();
    }
  };
  struct Target {
    double operator()(const VectorXd& y, VectorXd& gradient) const {
      gradient = 2 * (y.array() - 0.4);
      return gradient.squaredNorm() / 4;
    }
  };
  const auto F = nested(of_solution(Target{}), response(family(Cliff{}), inner, point(0)), Implicit{});
  Walk walk(F);
  const auto failed_one = walk.go(point(0.6));
  CHECK(failed_one.verdict == Verdict::failed);
  CHECK(failed_one.reason == Reason::inner_failed);
  CHECK_FALSE(walk.calls.memory.response.known);

  // The first step from here leads to x = 1.4, beyond the cliff.
  const auto s = minimize(F, point(-0.6), Lbfgs{});
  CHECK(s.status == Status::gradient_below);
  CHECK(s.x[0] == Approx(0.4).epsilon(1e-6));
  const auto bad = minimize(F, point(0.7), Lbfgs{});
  CHECK(bad.status == Status::bad_start);
}

TEST_CASE("an inner start that is given is refused if it is empty or not finite", "[nested]") {
  VectorXd hole = zeros;
  hole[2] = std::nan("");
  const auto solve = [](auto start) { return response(family(ridge_training()), inner, start)(point(1)); };
  CHECK_THROWS_WITH(solve(hole), Catch::Contains("inner start: coordinate 2 is nan"));
  CHECK_THROWS_WITH(solve(warm(hole)), Catch::Contains("inner start: coordinate 2 is nan"));
  CHECK_THROWS_WITH(solve(newton_corrected(hole)), Catch::Contains("inner start: coordinate 2 is nan"));
  CHECK_THROWS_WITH(solve(newton_corrected(VectorXd())), Catch::Contains("inner start: is empty"));
  CHECK_THROWS_WITH(solve(by_outer([](const VectorXd&) { return VectorXd(); })),
                    Catch::Contains("inner start: is empty"));
}

TEST_CASE("an inner start made of the outer point that is not finite is a failed evaluation", "[nested]") {
  const auto start = by_outer([](const VectorXd& x) -> VectorXd { return VectorXd::Constant(5, std::sqrt(x[0])); });
  Walk walk(nested(of_solution(Square{}), response(Bowl{}, inner, start), Implicit{}));
  CHECK(walk.go(point(2)).usable());
  CHECK(walk.go(point(-2)).reason == Reason::inner_failed);
}
