#include <mesaopt/nested/chain.hpp>

#include <cmath>
#include <functional>
#include <limits>
#include <stdexcept>

#include <Eigen/Core>

#include <mesaopt/core/minimize.hpp>
#include <mesaopt/gradient/bfgs.hpp>
#include <mesaopt/gradient/lbfgs.hpp>

#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::VectorXd;

namespace {

/// Σ aᵢ (xᵢ − cᵢ)² + ¼ |x − c|⁴, aᵢ from 1 to 1000 by the coordinate's name, not its number, coupled to its neighbours.
struct Bowl {
  VectorXd scales, center;
  std::function<void()> at_each_call = [] {};

  double operator()(const VectorXd& x, VectorXd& gradient) const {
    at_each_call();
    const VectorXd d = x - center;
    double f = 0;
    gradient = d.squaredNorm() * d;
    for (Eigen::Index i = 0; i < x.size(); ++i) {
      const double next = i + 1 < x.size() ? 0.3 * d[i + 1] : 0, r = d[i] + next;
      f += scales[i] * r * r;
      gradient[i] += 2 * scales[i] * r;
      if (i + 1 < x.size()) gradient[i + 1] += 0.6 * scales[i] * r;
    }
    return f + d.squaredNorm() * d.squaredNorm() / 4;
  }
};
/// n variables; `moved` away from where that of the first stage is.
Bowl bowl(Eigen::Index n, double moved = 0) {
  Bowl f{VectorXd(n), VectorXd(n)};
  for (Eigen::Index i = 0; i < n; ++i) {
    f.scales[i] = std::pow(1000.0, double((5 * i) % 7) / 6);
    f.center[i] = 1 + moved + 0.1 * double(i);
  }
  return f;
}
const VectorXd zero6 = VectorXd::Zero(6), zero8 = VectorXd::Zero(8);
const Search search{Bfgs{}, GradientBelow{1e-7} || MaxEvaluations{500}};

template <class Report>
auto evaluations(const Report& stage) {
  return stage.solution.counts[0].evaluations();
}

}  // namespace

TEST_CASE("in a chain of growing dimension each stage spends less than from a cold start", "[nested]") {
  const auto report = chain(stage("six", bowl(6), search, zero6), stage("the same", bowl(6, 0.01), search, zero6),
                            stage("eight", bowl(8, 0.01), search, zero8, pad()))();
  const auto& [first, second, third] = report.stages;
  CHECK(report.complete());
  CHECK(report.message() == "All stages are complete.");
  CHECK((first.solution.x - bowl(6).center).norm() < 1e-6);
  CHECK((second.solution.x - bowl(6, 0.01).center).norm() < 1e-6);
  CHECK((third.solution.x - bowl(8, 0.01).center).norm() < 1e-6);
  CHECK(2 * evaluations(second) <= search(bowl(6, 0.01), zero6).counts[0].evaluations());
  CHECK(3 * evaluations(third) <= 2 * search(bowl(8, 0.01), zero8).counts[0].evaluations());
  CHECK(first.transfer == Transfer::none);
  CHECK(third.transfer == Transfer::trusted);

  // The inverse Hessian is worth something beside the point.
  VectorXd start = zero8;
  start.head(6) = second.solution.x;
  CHECK(evaluations(third) < search(bowl(8, 0.01), start).counts[0].evaluations());
}

TEST_CASE("curvature pairs go through a map, and are worth something beside the point", "[nested]") {
  const Search pairs{Lbfgs{.memory = 8}, GradientBelow{1e-7} || MaxEvaluations{500}};
  const auto report = chain(stage("six", bowl(6), pairs, zero6), stage("eight", bowl(8, 0.01), pairs, zero8, pad()))();
  VectorXd start = zero8;
  start.head(6) = std::get<0>(report.stages).solution.x;
  const auto& second = std::get<1>(report.stages);
  CHECK((second.solution.x - bowl(8, 0.01).center).norm() < 1e-6);
  CHECK(evaluations(second) < pairs(bowl(8, 0.01), start).counts[0].evaluations());
}

TEST_CASE("a transfer that harms loses the race against a cold start, and is reported", "[nested]") {
  // Far away, and with the curvatures of other variables.
  const auto far = [](const VectorXd& x, VectorXd& y) { y = 1e4 * x; };
  const auto bad =
      chain(stage("near", bowl(6), search, zero6), stage("misled", bowl(6), search, zero6, far, Race{.share = 0.02}))();
  const auto& misled = std::get<1>(bad.stages);
  CHECK(bad.complete());
  CHECK(misled.transfer == Transfer::refused);
  CHECK(misled.cold_value < misled.warm_value);
  CHECK(misled.lost_evaluations < 20);
  const auto cold = search(bowl(6), zero6);
  CHECK(misled.solution.x == cold.x);
  CHECK(evaluations(misled) == cold.counts[0].evaluations());

  const auto good = chain(stage("near", bowl(6), search, zero6),
                          stage("led", bowl(6, 0.01), search, zero6, Keep{}, Race{.evaluations = 10}))();
  CHECK(std::get<1>(good.stages).transfer == Transfer::kept);
  CHECK(std::get<1>(good.stages).warm_value <= std::get<1>(good.stages).cold_value);
}

TEST_CASE("a race that both runs have won by its end goes to the one that was there first", "[nested]") {
  // Both ends are the minimum to rounding, which must not decide.
  constexpr double to_its_end = std::numeric_limits<double>::infinity();
  const auto f = bowl(6), moved = bowl(6, 0.3);
  const auto far = [](const VectorXd& x, VectorXd& y) { y = 30 * x; };
  const auto to_the_end = [&](auto map, double tolerance) {
    const auto report = chain(stage("first", f, search, zero6),
                              stage("second", moved, search, zero6, map,
                                    Race{.share = 0.5, .tolerance = tolerance, .decisive = to_its_end}))();
    return std::get<1>(report.stages);
  };
  const auto near = to_the_end(Coordinates{}, 1e-6), misled = to_the_end(far, 1e-6);
  CHECK(near.transfer == Transfer::kept);
  CHECK(near.lost_evaluations > evaluations(near));
  CHECK(misled.transfer == Transfer::refused);
  CHECK(misled.lost_evaluations > evaluations(misled));
  CHECK(misled.warm_value < 1e-9);
  CHECK(to_the_end(far, -1).end == StageEnd::threw);
}

TEST_CASE("a stage that throws ends the chain by name, and the solutions before it stand", "[nested]") {
  auto broken = bowl(6, 1);
  int calls = 0;
  broken.at_each_call = [&calls] {
    if (++calls > 5) throw std::runtime_error("the sensor is off");
  };
  const auto report = chain(stage("whole", bowl(6), search, zero6), stage("broken", broken, search, zero6),
                            stage("never", bowl(8), search, zero8, pad()))();
  CHECK_FALSE(report.complete());
  CHECK(report.completed == 1);
  CHECK(report.status == Status::threw);
  CHECK(report.message() == "Stage broken: It threw an exception. the sensor is off");
  const auto& half = std::get<1>(report.stages);
  CHECK(half.level == 0);
  CHECK(half.solution.evaluation.usable());  // what it had found until then
  CHECK(half.solution.value < broken.scales.sum());
  CHECK((std::get<0>(report.stages).solution.x - bowl(6).center).norm() < 1e-6);
  CHECK(std::get<1>(report.stages).end == StageEnd::threw);
  CHECK(std::get<2>(report.stages).end == StageEnd::not_run);
  CHECK_THROWS_AS(std::rethrow_exception(report.error), std::runtime_error);
}

TEST_CASE("a map of wrong dimension, or to nowhere, ends the chain by name", "[nested]") {
  const auto first = stage("whole", bowl(6), search, zero6);
  const auto wrong = chain(first, stage("wide", bowl(8), search, zero8))();  // Keep: 6 variables where 8 are wanted
  CHECK(wrong.completed == 1);
  CHECK(std::get<1>(wrong.stages).end == StageEnd::wrong_dimension);
  CHECK(wrong.status == Status::bad_handover);
  CHECK(wrong.message() == "Stage wide: Its map made a point of another size than its start.");
  const auto nowhere = [](const VectorXd&, VectorXd& y) { y.setConstant(std::nan("")); };
  CHECK(std::get<1>(chain(first, stage("wide", bowl(8), search, zero8, nowhere))().stages).end == StageEnd::not_finite);
  const auto sized = chain(first, stage("wide", bowl(8), search, zero8, project(Eigen::MatrixXd::Ones(8, 5))))();
  CHECK(std::get<1>(sized.stages).end == StageEnd::threw);
}

TEST_CASE("a stage whose search fails is no complete one", "[nested]") {
  auto nan = bowl(6);
  nan.scales.setConstant(std::nan(""));
  const auto report = chain(stage("whole", bowl(6), search, zero6), stage("undefined", nan, search, zero6))();
  CHECK(report.completed == 1);
  CHECK(report.status == Status::bad_start);
  CHECK(std::get<1>(report.stages).end == StageEnd::failed);
  CHECK(report.message().find("undefined") != std::string::npos);
}

TEST_CASE("a race without an end is refused", "[nested]") {
  const Search endless{Bfgs{}, GradientBelow{1e-7}};
  const auto report =
      chain(stage("one", bowl(6), search, zero6), stage("two", bowl(6), endless, zero6, Keep{}, Race{}))();
  CHECK(std::get<1>(report.stages).end == StageEnd::threw);
  CHECK(report.message().find("MaxEvaluations") != std::string::npos);
}
