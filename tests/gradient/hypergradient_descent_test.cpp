#include <mesaopt/gradient/hypergradient_descent.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <stdexcept>

#include <Eigen/Core>

#include <mesaopt/core/minimize.hpp>

#include "gradient/first_order_problems.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::VectorXd;
using first_order::Bowl;
using first_order::Valley;

namespace {

const VectorXd start = Eigen::Vector4d(-1.2, 1, 0.5, -0.7);

/// The formulas of the paper, written down as they are, with their own gradient, moments and step.
struct Transcript {
  VectorXd theta = start, u = VectorXd::Zero(4), m = u, v = u;
  double alpha, rate;
  bool relative, adam;
  int t = 0;

  void step() {
    VectorXd g(4);
    Valley{}(theta, g);
    const double h = g.dot(u);
    if (relative && t > 0)
      alpha *= 1 - rate * h / (g.norm() * u.norm());
    else
      alpha -= rate * h;
    ++t;
    m = 0.9 * m + 0.1 * g;
    v = 0.999 * v + 0.001 * g.cwiseAbs2();
    u = -g;
    if (adam) u = -(m / (1 - std::pow(0.9, t))).array() / ((v / (1 - std::pow(0.999, t))).array().sqrt() + 1e-8);
    theta += alpha * u;
  }
};

template <class O>
StateOf<O, Valley, VectorXd> after(const O& optimizer, int steps) {
  StateOf<O, Valley, VectorXd> state;
  optimizer.init(Valley{}, start, state);
  for (int k = 0; k < steps; ++k) optimizer.step(Valley{}, state);
  return state;
}
template <class O>
double gap(const O& optimizer, bool adam) {
  Transcript known{
      .alpha = optimizer.method.learning_rate, .rate = optimizer.rate, .relative = optimizer.relative, .adam = adam};
  for (int k = 0; k < 30; ++k) known.step();
  const auto state = after(optimizer, 30);
  CHECK(std::abs(known.alpha / optimizer.method.learning_rate - 1) > 0.05);
  return std::max((state.x - known.theta).cwiseAbs().maxCoeff(), std::abs(state.learning_rate - known.alpha));
}

}  // namespace

TEST_CASE("Hypergradient descent goes by the formulas of its paper, for gradient descent and for Adam",
          "[hypergradient_descent]") {
  CHECK(gap(HypergradientDescent{GradientDescent{.learning_rate = 1e-3}, 1e-6, false}, false) < 1e-13);
  CHECK(gap(HypergradientDescent{GradientDescent{.learning_rate = 1e-3}, 0.02}, false) < 1e-13);
  CHECK(gap(HypergradientDescent{Adam{.learning_rate = 1e-2}, 1e-5, false}, true) < 1e-13);
  CHECK(gap(HypergradientDescent{Adam{.learning_rate = 1e-2}}, true) < 1e-13);
}

TEST_CASE("On a round bowl the learning rate finds the inverse of the curvature", "[hypergradient_descent]") {
  struct Round {
    double operator()(const VectorXd& x, VectorXd& g) const { return g = 50 * x, 25 * x.squaredNorm(); }
  };
  // From 200 times too small; where a step has ended at the minimum there is nothing left to learn.
  const auto s = minimize(Round{}, VectorXd(VectorXd::Ones(3)),
                          HypergradientDescent{GradientDescent{.learning_rate = 1e-4}, 0.2}, MaxIterations{200});
  CHECK(s.state.learning_rate == Approx(1.0 / 50).epsilon(0.2));
  CHECK(s.value < 1e-12);
}

TEST_CASE("A run that begins with a learning rate far too small ends far lower than one that keeps it",
          "[hypergradient_descent]") {
  const VectorXd x0 = VectorXd::Ones(10);
  const GradientDescent slow{.learning_rate = 1e-5};
  const auto kept = minimize(Bowl{10}, x0, slow, MaxIterations{500});
  const auto adapted = minimize(Bowl{10}, x0, HypergradientDescent{slow}, MaxIterations{500});
  CHECK(kept.value > 10);
  CHECK(adapted.value < 1e-6);
}

TEST_CASE("Hypergradient descent survives a budget, NaN and an exception, is copied and saved, and allocates nothing",
          "[hypergradient_descent]") {
  const HypergradientDescent descent{GradientDescent{.learning_rate = 1e-3}};
  CHECK(first_order::allocations_in_steps(descent, start) == 0);
  CHECK(first_order::survives_saving(descent));
  CHECK(first_order::repeats(descent));
  CHECK(first_order::allocations_in_steps(descent, Eigen::Vector3f(1, 2, 3)) == 0);

  struct Moody {
    std::int64_t& calls;
    double operator()(const VectorXd& x, VectorXd& g) const {
      if (++calls == 5) throw std::runtime_error("not now");
      return calls == 3 ? std::numeric_limits<double>::quiet_NaN() : Valley{}(x, g);
    }
  };
  std::int64_t calls = 0;
  RunOf<decltype(descent), MaxEvaluations, Moody, VectorXd> run;
  begin(Moody{calls}, start, descent, MaxEvaluations{6}, run);
  CHECK_THROWS_AS(resume(Moody{calls}, descent, MaxEvaluations{6}, run), std::runtime_error);
  VectorXd g(4);
  CHECK(Valley{}(run.state.x, g) == run.state.value);
  resume(Moody{calls}, descent, MaxEvaluations{6}, run);
  CHECK(run.status == Status::max_evaluations);
  CHECK(run.state.age == 3);
  CHECK(std::isfinite(run.state.learning_rate));
}

TEST_CASE("Settings of hypergradient descent out of range are refused", "[hypergradient_descent]") {
  CHECK_THROWS_WITH(minimize(Valley{}, start, HypergradientDescent{GradientDescent{}, 1.5}),
                    Catch::Contains("HypergradientDescent::rate"));
  CHECK_THROWS_WITH(minimize(Valley{}, start, HypergradientDescent{GradientDescent{}, -1.0, false}),
                    Catch::Contains("HypergradientDescent::rate"));
  CHECK_THROWS_WITH(minimize(Valley{}, start, HypergradientDescent{GradientDescent{.learning_rate = -1}}),
                    Catch::Contains("learning_rate"));
}
