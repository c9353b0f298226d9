#include <mesaopt/core/stopping.hpp>

#include <cmath>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <utility>

#include <Eigen/Core>

#include <mesaopt/core/clock.hpp>
#include <mesaopt/core/fields.hpp>
#include <mesaopt/core/minimize.hpp>
#include <mesaopt/gradient/lbfgs.hpp>
#include <mesaopt/problems/rosenbrock.hpp>

#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::VectorXd;

namespace {

/// What rules look at.
struct Seen {
  VectorXd x = VectorXd::Zero(2);
  double value = 0;
  VectorXd gradient = VectorXd::Ones(2);
};

/// Asks one rule again and again.
template <class R>
struct Asking {
  R rule;
  StoppingStateOf<R, VectorXd> mine{};
  Counts counts{};
  explicit Asking(R r) : rule(std::move(r)) {}
  Status operator()(const Seen& seen) {
    const Progress progress{counts, detail::clock_seconds()};
    const Status answer = detail::ask(rule, seen, progress, mine);
    ++counts.iterations;
    return answer;
  }
};

const double nan_value = std::numeric_limits<double>::quiet_NaN();

}  // namespace

TEST_CASE("the gradient rule looks at the largest entry", "[core]") {
  Asking ask(GradientBelow{0.5});
  Seen seen;
  CHECK(ask(seen) == Status::running);
  seen.gradient << 0.5, -0.5;
  CHECK(ask(seen) == Status::gradient_below);
  seen.gradient << 0, nan_value;
  CHECK(ask(seen) == Status::running);
}

TEST_CASE("the step rule is relative beyond 1, and never met at the start", "[core]") {
  Asking ask(StepBelow{0.01});
  Seen seen;
  seen.x << 100, 0;
  CHECK(ask(seen) == Status::running);
  seen.x << 102, 0;
  CHECK(ask(seen) == Status::running);
  seen.x << 102.9, 0.02;
  CHECK(ask(seen) == Status::running);
  seen.x << 103.5, 0.029;
  CHECK(ask(seen) == Status::step_below);
}

TEST_CASE("the value rule waits for steps in a row", "[core]") {
  Asking ask(ValueChangeBelow{1e-3, 2});
  Seen seen;
  for (const double value : {5.0, 4.0, 3.9999}) {
    seen.value = value;
    CHECK(ask(seen) == Status::running);
  }
  seen.value = 3.0;
  CHECK(ask(seen) == Status::running);
  seen.value = 2.9999;
  CHECK(ask(seen) == Status::running);
  CHECK(ask(seen) == Status::value_change_below);
}

TEST_CASE("a run without progress is stalled", "[core]") {
  Asking ask(Stalled{2});
  Seen seen;
  seen.value = 1;
  CHECK(ask(seen) == Status::running);
  seen.value = 2;
  CHECK(ask(seen) == Status::running);
  CHECK(ask(seen) == Status::running);
  CHECK(ask(seen) == Status::stalled);
}

TEST_CASE("targets, iterations, evaluations and time are counted", "[core]") {
  Seen seen;
  seen.value = 2;
  Asking target(TargetReached{2});
  CHECK(target(seen) == Status::target_reached);
  seen.value = nan_value;
  CHECK(target(seen) == Status::running);

  Asking iterations(MaxIterations{2});
  CHECK(iterations(seen) == Status::running);
  CHECK(iterations(seen) == Status::running);
  CHECK(iterations(seen) == Status::max_iterations);

  Asking evaluations(MaxEvaluations{3});
  evaluations.counts.values = 1;
  evaluations.counts.gradients = 1;
  CHECK(evaluations(seen) == Status::running);
  evaluations.counts.gradients = 2;
  CHECK(evaluations(seen) == Status::max_evaluations);

  const Counts counts;
  const double began = detail::clock_seconds();
  CHECK(MaxTime{3600}(seen, Progress{counts, began}) == Status::running);
  CHECK(MaxTime{3600}(seen, Progress{counts, began, 3600}) == Status::max_time);
}

TEST_CASE("rules compose by or and by and, in reading order", "[core]") {
  Seen seen;
  seen.gradient.setZero();
  seen.value = -1;
  CHECK(Asking(GradientBelow{} || TargetReached{})(seen) == Status::gradient_below);
  CHECK(Asking(TargetReached{} || GradientBelow{})(seen) == Status::target_reached);
  CHECK(Asking(TargetReached{-2} || GradientBelow{})(seen) == Status::gradient_below);
  CHECK(Asking(GradientBelow{} && TargetReached{})(seen) == Status::gradient_below);
  CHECK(Asking(GradientBelow{} && TargetReached{-2})(seen) == Status::running);
  const auto nested = (MaxIterations{1} && TargetReached{0}) || MaxEvaluations{7};
  CHECK(nested.evaluation_limit() == 7);
  CHECK((MaxEvaluations{9} || (MaxEvaluations{7} || GradientBelow{})).evaluation_limit() == 7);
}

TEST_CASE("every part of a composed rule is asked, also when another has stopped", "[core]") {
  Asking ask(TargetReached{0} || Stalled{1});
  Seen seen;
  for (const double value : {-1.0, -1.0}) {
    seen.value = value;
    CHECK(ask(seen) == Status::target_reached);
  }
  seen.value = 5;
  CHECK(ask(seen) == Status::stalled);
}

TEST_CASE("a budget is kept inside line searches", "[core]") {
  const VectorXd x0 = problems::Rosenbrock::start<VectorXd>(10);
  for (const std::int64_t limit : {1, 2, 3, 4, 5, 6, 7, 8, 9, 20}) {
    int seen = 0;
    const auto counting = [&seen](const VectorXd& x, VectorXd& gradient) -> double {
      ++seen;
      return problems::Rosenbrock{}(x, gradient);
    };
    const auto s = minimize(counting, x0, Lbfgs{}, MaxEvaluations{limit});
    CAPTURE(limit, s.status);
    CHECK(seen == limit);
    CHECK(s.counts[0].evaluations() == std::uint64_t(limit));
    CHECK(s.status == Status::max_evaluations);
    CHECK(s.value <= problems::Rosenbrock{}(x0));
  }
}

TEST_CASE("rules out of their range are refused by name and value", "[core]") {
  const VectorXd x0 = VectorXd::Zero(2);
  const auto refused = [&](const auto& rule, const char* name, const char* value) {
    CHECK_THROWS_AS(minimize(problems::Rosenbrock{}, x0, Lbfgs{}, rule), std::invalid_argument);
    CHECK_THROWS_WITH(minimize(problems::Rosenbrock{}, x0, Lbfgs{}, rule || MaxIterations{3}),
                      Catch::Contains(name) && Catch::Contains(value));
  };
  refused(GradientBelow{-1}, "GradientBelow::tolerance", "-1");
  refused(GradientBelow{nan_value}, "GradientBelow::tolerance", "nan");
  refused(GradientBelow{-1e-9}, "GradientBelow::tolerance", "is -1e-09;");
  refused(StepBelow{-1}, "StepBelow::tolerance", "-1");
  refused(ValueChangeBelow{-2}, "ValueChangeBelow::tolerance", "-2");
  refused(ValueChangeBelow{1, 0}, "ValueChangeBelow::steps", "0");
  refused(TargetReached{nan_value}, "TargetReached::value", "nan");
  refused(MaxIterations{0}, "MaxIterations::limit", "0");
  refused(MaxIterations{-5}, "MaxIterations::limit", "-5");
  refused(MaxEvaluations{0}, "MaxEvaluations::limit", "0");
  refused(MaxEvaluations{-7}, "MaxEvaluations::limit", "-7");
  refused(MaxTime{0}, "MaxTime::seconds", "0");
  refused(MaxTime{-3}, "MaxTime::seconds", "-3");
  refused(Stalled{0}, "Stalled::steps", "0");
}
