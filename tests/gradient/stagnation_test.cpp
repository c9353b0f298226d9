#include <mesaopt/gradient/stagnation.hpp>

#include <Eigen/Core>

#include "support/catch.hpp"

using mesaopt::Evaluation;
using mesaopt::detail::noise_of;
using mesaopt::detail::Stagnation;
using X = Eigen::Vector2d;

TEST_CASE("A run that goes on down does not stagnate, whatever its gradient", "[stopping]") {
  Stagnation<double> s;
  s.begin(10);
  for (int k = 1; k < 50; ++k) CHECK_FALSE(s.tell(Evaluation<double>(10 - 0.01 * k), X(k, 1), 3, 5));
}

TEST_CASE("Where values stay, the gradient has to fall by a tenth within the patience", "[stopping]") {
  Stagnation<double> s;
  s.begin(1);
  double size = 1;
  for (int k = 0; k < 50; ++k, size *= 0.85) CHECK_FALSE(s.tell(Evaluation<double>(1.0), X(size, 0), 1, 5));
  int steps = 0;
  while (!s.tell(Evaluation<double>(1.0), X(size, 0), 1, 5)) ++steps;
  CHECK(steps <= 5);
  // A value below by less than its noise is no progress.
  s.begin(1);
  steps = 0;
  while (!s.tell(Evaluation<double>(1 - 1e-17 * steps), X(1, 0), 1, 5)) ++steps;
  CHECK(steps == 5);
}

TEST_CASE("A gradient within its own error ends a run that no longer goes down", "[stopping]") {
  Stagnation<double> s;
  s.begin(1);
  Evaluation<double> e(1.0);
  e.gradient_error = 1e-3;
  CHECK_FALSE(s.tell(e, X(1e-2, 0), 1, 100));
  CHECK(s.tell(e, X(5e-4, 0), 1, 100));
  e.value_error = 0.25;
  CHECK(noise_of(0.0, e) == 0.5);
}
