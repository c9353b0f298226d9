#include <mesaopt/nested/basin_jump.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>

#include <Eigen/Core>

#include <mesaopt/gradient/lbfgs.hpp>
#include <mesaopt/nested/implicit.hpp>
#include <mesaopt/nested/nested.hpp>

#include "nested/walk.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {

const Search inner{Lbfgs{}, GradientBelow{1e-11} || MaxIterations{300}};
VectorXd point(double a) { return VectorXd::Constant(1, a); }

/// (y² − 1)² / 4 + x y: two wells, of which the right one disappears where x > 2/√27 = 0.3849.
struct Wells {
  double operator()(const VectorXd& x, const VectorXd& y, VectorXd& gy) const {
    const double a = y[0] * y[0] - 1;
    gy[0] = y[0] * a + x[0];
    return a * a / 4 + x[0] * y[0];
  }
  void hessian(const VectorXd&, const VectorXd& y, MatrixXd& H) const { H(0, 0) = 3 * y[0] * y[0] - 1; }
};
struct Square {
  double operator()(const VectorXd& y) const { return y.squaredNorm(); }
  double operator()(const VectorXd& y, VectorXd& gradient) const {
    gradient = 2 * y;
    return y.squaredNorm();
  }
};

}  // namespace

TEST_CASE("a jump to another basin is reported", "[nested]") {
  Walk walk(nested(of_solution(Square{}), response(family(Wells{}), inner, warm(point(1))), Implicit{}));
  for (const double x : {0.1, 0.2, 0.3, 0.36}) {
    const auto evaluation = walk.go(point(x));
    CHECK(evaluation.reason == Reason::none);
    CHECK(walk.calls.memory.response.y[0] > 0);
  }
  const auto jumped = walk.go(point(0.45));
  CHECK(jumped.reason == Reason::another_basin);
  CHECK(jumped.verdict == Verdict::fine);
  CHECK(walk.calls.memory.response.y[0] < 0);
  CHECK(walk.go(point(0.5)).reason == Reason::none);
  CHECK(walk.calls.events[std::size_t(Reason::another_basin)].count == 1);
  CHECK(walk.calls.events[std::size_t(Reason::another_basin)].first == 4);
}

TEST_CASE("a jump between the first two outer points is reported as well", "[nested]") {
  Walk walk(nested(of_solution(Square{}), response(family(Wells{}), inner, warm(point(1))), Implicit{}));
  CHECK(walk.go(point(0.3)).reason == Reason::none);
  CHECK(walk.go(point(0.45)).reason == Reason::another_basin);
  CHECK(walk.go(point(0.5)).reason == Reason::none);

  Walk stays(nested(of_solution(Square{}), response(family(Wells{}), inner, warm(point(1))), Implicit{}));
  CHECK(stays.go(point(-0.5)).reason == Reason::none);
  CHECK(stays.go(point(0.2)).reason == Reason::none);
  CHECK(stays.calls.memory.response.y[0] > 0);
}

namespace {
/// Convex and curved: Σ log cosh(y_j − c_j x) + ½|y|² e^x / 10.
struct Convex {
  double operator()(const VectorXd& x, const VectorXd& y, VectorXd& gy) const {
    double value = 0;
    for (Eigen::Index j = 0; j < y.size(); ++j) {
      const double d = 4 * (y[j] - double(j + 1) * x[0]), a = std::exp(std::min(x[0], 5.0)) / 10;
      value += std::abs(d) + std::log1p(std::exp(-2 * std::abs(d))) + a * y[j] * y[j] / 2;
      gy[j] = 4 * std::tanh(d) + a * y[j];
    }
    return value;
  }
};
}  // namespace

TEST_CASE("no jump is seen in a convex inner problem, however far the step", "[nested]") {
  for (const bool warmly : {true, false}) {
    const VectorXd start = VectorXd::Zero(3);
    const auto check = [](auto walk) {
      double x = 0;
      for (int i = 0; i < 60; ++i) {
        x += (i % 7 == 0 ? 3.0 : 1e-3) * std::sin(double(3 * i + 1));
        walk.go(point(x));
      }
      CHECK(walk.calls.events[std::size_t(Reason::another_basin)].count == 0);
    };
    if (warmly)
      check(Walk(nested(of_solution(Square{}), response(family(Convex{}), inner, warm(start)), Implicit{})));
    else
      check(Walk(nested(of_solution(Square{}), response(family(Convex{}), inner, start), Implicit{})));
  }
}
