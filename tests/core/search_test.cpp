#include <mesaopt/core/search.hpp>

#include <type_traits>

#include <Eigen/Core>

#include <mesaopt/core/fields.hpp>
#include <mesaopt/core/minimize.hpp>
#include <mesaopt/gradient/lbfgs.hpp>
#include <mesaopt/problems/rosenbrock.hpp>

#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::VectorXd;
using problems::Rosenbrock;

TEST_CASE("a search finds a minimum from a start", "[core]") {
  const Search search{Lbfgs{.memory = 5}, GradientBelow{1e-10} || MaxEvaluations{500}};
  const VectorXd x0 = Rosenbrock::start<VectorXd>(4);
  const auto s = search(Rosenbrock{}, x0);
  CHECK(s.status == Status::gradient_below);
  CHECK(s.x.isApprox(VectorXd::Ones(4), 1e-8));
  CHECK(identical(s.x, minimize(Rosenbrock{}, x0, search).x));
  CHECK(identical(s.x, minimize(Rosenbrock{}, x0, search.optimizer, search.stopping).x));
}

TEST_CASE("a search goes on from a prior", "[core]") {
  const VectorXd x0 = Rosenbrock::start<VectorXd>(4);
  const auto first = minimize(Rosenbrock{}, x0, Lbfgs{}, MaxIterations{15});
  const auto second = minimize(Rosenbrock{}, first.state, Lbfgs{});
  const auto third = minimize(Rosenbrock{}, first, Lbfgs{});
  CHECK(second.status == Status::gradient_below);
  CHECK(third.status == Status::gradient_below);
  // The curvature that the first one learnt spares the second one steps.
  CHECK(second.counts[0].iterations < minimize(Rosenbrock{}, first.x, Lbfgs{}).counts[0].iterations);
}

TEST_CASE("a bare optimizer brings its default stopping rule", "[core]") {
  const auto search = as_search(Lbfgs{.memory = 3});
  CHECK(search.optimizer.memory == 3);
  STATIC_REQUIRE(std::is_same_v<std::remove_const_t<decltype(search.stopping)>, decltype(Lbfgs{}.default_stopping())>);
  const Search own{Lbfgs{}, MaxIterations{3}};
  STATIC_REQUIRE(std::is_same_v<decltype(as_search(own)), Search<Lbfgs, MaxIterations>>);
  CHECK(as_search(own).stopping.limit == 3);
}
