#include <mesaopt/core/solution.hpp>

#include <sstream>
#include <string>

#include <Eigen/Core>

#include <mesaopt/core/minimize.hpp>
#include <mesaopt/gradient/lbfgs.hpp>
#include <mesaopt/problems/rosenbrock.hpp>

#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::VectorXd;

TEST_CASE("a solution prints value, point, status, work and notes", "[core]") {
  const Eigen::Vector2d x0(-1.2, 1);
  auto s = minimize(problems::Rosenbrock{}, x0, Lbfgs{});
  s.events[std::size_t(Reason::another_basin)] = {2, 17};
  s.events[std::size_t(Reason::start_rejected)] = {1, 3};
  std::ostringstream out;
  out.precision(3);
  out << s;
  const std::string text = out.str();
  CHECK_THAT(text, Catch::StartsWith("value   "));
  CHECK_THAT(text, Catch::Contains("at      [1, 1]"));
  CHECK_THAT(text, Catch::Contains(sentence(Status::gradient_below)));
  CHECK_THAT(text, Catch::Contains(std::to_string(s.counts[0].iterations) + " iterations"));
  CHECK_THAT(text, Catch::Contains("another basin. (2 times, first at evaluation 17)"));
  CHECK_THAT(text, Catch::Contains("(1 time, first at evaluation 3)"));
  CHECK(out.precision() == 3);
}

TEST_CASE("what arose at a level below is told with the level, and a failure by its deepest reason", "[core]") {
  const Eigen::Vector2d x0(-1.2, 1);
  auto s = minimize(problems::Rosenbrock{}, x0, Lbfgs{});
  CHECK(message(s) == sentence(Status::gradient_below));
  s.status = Status::not_differentiable;
  CHECK(message(s) == sentence(Status::not_differentiable));
  s.events[std::size_t(Reason::non_finite_value)] = {9, 1};
  s.events[std::size_t(Reason::inner_infeasible)] = {2, 17, 2, Status::infeasible};
  const std::string where = std::string("at level 2: ") + sentence(Status::infeasible);
  CHECK(message(s) == std::string(sentence(Status::not_differentiable)) + " " + sentence(Reason::inner_infeasible) +
                          " (" + where + ")");
  std::ostringstream out;
  out << s;
  CHECK_THAT(out.str(), Catch::Contains("(2 times, first at evaluation 17, " + where + ")"));
  CHECK_THAT(out.str(), Catch::Contains("(9 times, first at evaluation 1)"));
  s.evaluation.reason = Reason::another_basin;
  s.evaluation.level = 1;
  CHECK_THAT(message(s), Catch::Contains("another basin. (at level 1)"));
}

TEST_CASE("a long point prints its first entries and its size", "[core]") {
  const VectorXd x0 = VectorXd::Zero(50);
  std::ostringstream out;
  out << minimize(problems::Rosenbrock{}, x0, Lbfgs{});
  CHECK_THAT(out.str(), Catch::Contains("... 50 in all]"));
}

TEST_CASE("a solution holds the best point and what the run has done", "[core]") {
  const VectorXd x0 = problems::Rosenbrock::start<VectorXd>(2);
  const auto s = minimize(problems::Rosenbrock{}, x0, Lbfgs{}, MaxIterations{5});
  CHECK(s.value == problems::Rosenbrock{}(s.x));
  CHECK(s.evaluation.value == s.value);
  CHECK(s.counts[0].iterations == 5);
  CHECK(s.state.x == s.x);
  CHECK(s.seconds >= 0);
}

TEST_CASE("a message says where no evaluation was usable, and why", "[core]") {
  auto s = minimize(problems::Rosenbrock{}, Eigen::Vector2d(-1.2, 1), Lbfgs{});
  s.status = Status::max_evaluations;
  CHECK(message(s) == sentence(Status::max_evaluations));
  s.evaluation = {};
  s.events[std::size_t(Reason::non_finite_value)] = {3, 0};
  CHECK_THAT(message(s), Catch::StartsWith(sentence(Status::max_evaluations)));
  CHECK_THAT(message(s), Catch::Contains("No evaluation was usable."));
  CHECK_THAT(message(s), Catch::Contains(sentence(Reason::non_finite_value)));
}
