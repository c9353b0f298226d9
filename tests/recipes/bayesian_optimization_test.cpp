#include <mesaopt/recipes/bayesian_optimization.hpp>

#include <cmath>
#include <cstddef>
#include <functional>
#include <numbers>

#include <Eigen/Core>

#include <mesaopt/core/fields.hpp>
#include <mesaopt/core/minimize.hpp>
#include <mesaopt/core/space.hpp>
#include <mesaopt/gradient/adam.hpp>
#include <mesaopt/gradient/lbfgs.hpp>
#include <mesaopt/nested/nested.hpp>
#include <mesaopt/nested/response.hpp>
#include <mesaopt/objective/bounds.hpp>
#include <mesaopt/objective/in_space.hpp>

#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::VectorXd;

namespace {

struct Any {
  std::function<double(const VectorXd&)> f;
  double operator()(const VectorXd& x) const { return f(x); }
};

struct Ravine {
  double operator()(const VectorXd& y, VectorXd& gradient) const {
    const double a = y[0] - 1, b = y[1] - y[0] * y[0];
    gradient << 2 * a - 40 * b * y[0], 20 * b;
    return a * a + 10 * b * b;
  }
};

/// (y − x)² and a spoiler, for Adam.
struct Inner {
  std::function<double(double)> spoil = [](double) { return 0; };
  double operator()(const VectorXd& x, const VectorXd& y, VectorXd& gy) const {
    gy = 2 * (y - x);
    return (y - x).squaredNorm() + spoil(x[0]);
  }
};
auto over_adam(const std::function<double(double)>& spoil) {
  return within(nested([](const VectorXd& x, const VectorXd& y) { return std::pow(y[0] - 1, 2) + 0.1 * x[0]; },
                       response(family(Inner{spoil}), Search{Adam{.learning_rate = 0.1}, MaxIterations{400}},
                                VectorXd(VectorXd::Zero(1)))),
                Box<VectorXd>{VectorXd{{-1}}, VectorXd{{3}}});
}

}  // namespace

TEST_CASE("Bayesian optimization finds the least value of Branin's function to 1e-3 in 40 evaluations",
          "[recipes][bayesian_optimization]") {
  // Dixon and Szegö (1978), "The global optimization problem: an introduction": 0.397887 at three points.
  using std::numbers::pi;
  const Any branin{[](const VectorXd& x) {
    return std::pow(x[1] - 5.1 / (4 * pi * pi) * x[0] * x[0] + 5 / pi * x[0] - 6, 2) +
           10 * (1 - 1 / (8 * pi)) * std::cos(x[0]) + 10;
  }};
  const auto f = within(branin, Box<VectorXd>{VectorXd{{-5, 0}}, VectorXd{{10, 15}}});
  const auto solution = minimize(f, VectorXd{{0, 0}}, BayesianOptimization{.seed = 1}, MaxEvaluations{40});
  CHECK(solution.value - 0.39788735772973816 < 1e-3);
  const auto again = minimize(f, VectorXd{{0, 0}}, BayesianOptimization{.seed = 1}, MaxEvaluations{40});
  CHECK(identical(solution.state, again.state));
}

TEST_CASE("Bayesian optimization tries each point of a small space once and then has stalled",
          "[recipes][bayesian_optimization]") {
  const auto count = integer("count", 1, 4);
  const auto kind = categorical("kind", {"a", "b"});
  const auto f =
      in_space([&](const Configuration& c) { return std::pow(double(c[count]) - 3, 2) + (c[kind] == "b" ? 0 : 1); },
               Space{count, kind});
  const auto solution = minimize(f, f.space.point(), BayesianOptimization{}, MaxEvaluations{30});
  CHECK(solution.value == 0);
  CHECK(solution.status == Status::stalled);
  CHECK(solution.counts[0].values == 8);
}

TEST_CASE("Bayesian optimization is an outer search without gradients over L-BFGS",
          "[recipes][bayesian_optimization]") {
  // x is how many steps the inner search may take, up to 20: the more the better.
  const auto tuned = response(Ravine{}, by_outer([](const VectorXd& x) {
                                return Search{Lbfgs{}, MaxIterations{1 + int(19 * x[0])}};
                              }),
                              VectorXd(VectorXd::Zero(2)));
  const auto loss = [](const VectorXd& x, const VectorXd& y) { return (y - VectorXd::Ones(2)).norm() + 0.01 * x[0]; };
  const auto f = within(nested(loss, tuned), Box<VectorXd>{VectorXd{{0}}, VectorXd{{1}}});
  const auto solution = minimize(f, VectorXd{{0}}, BayesianOptimization{}, MaxEvaluations{12});
  CHECK(solution.value < 0.0101);
  CHECK(solution.counts[1].gradients > 12);
}

TEST_CASE("Bayesian optimization over Adam finds the minimum, also where Adam has no answer in part of the box",
          "[recipes][bayesian_optimization]") {
  const auto whole =
      minimize(over_adam([](double) { return 0; }), VectorXd{{2.5}}, BayesianOptimization{}, MaxEvaluations{20});
  CHECK(whole.x[0] == Approx(0.95).margin(2e-2));
  CHECK(whole.counts[1].gradients == 20 * 401);
  CHECK(whole.events[std::size_t(Reason::inner_failed)].count == 0);

  const auto part = minimize(over_adam([](double x) { return x > 0.5 ? std::nan("") : 0; }), VectorXd{{-0.9}},
                             BayesianOptimization{}, MaxEvaluations{25});
  CHECK(part.evaluation.usable());
  CHECK(part.x[0] <= 0.5);
  CHECK(part.x[0] > 0.3);
  const Event& event = part.events[std::size_t(Reason::inner_failed)];
  CHECK(event.count > 0);
  CHECK(event.count < 25);
  CHECK(int(event.level) == 1);
  CHECK(event.inner_status == Status::bad_start);

  const auto none = minimize(over_adam([](double) { return std::nan(""); }), VectorXd{{0}}, BayesianOptimization{},
                             MaxEvaluations{8});
  CHECK_FALSE(none.evaluation.usable());
  CHECK_FALSE(succeeded(none.status));
  CHECK(none.events[std::size_t(Reason::inner_failed)].count == 8);
}
