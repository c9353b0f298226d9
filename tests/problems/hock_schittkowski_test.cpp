#include <mesaopt/problems/hock_schittkowski.hpp>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include <mesaopt/core/minimize.hpp>
#include <mesaopt/gradient/sqp.hpp>

#include "support/catch.hpp"

using namespace mesaopt;
using namespace mesaopt::problems;
using Eigen::MatrixXd;
using Eigen::VectorXd;

static_assert(Constrained<HockSchittkowski, VectorXd>);
static_assert(Bounded<HockSchittkowski, VectorXd>);

TEST_CASE("the derivatives of the problems of Hock and Schittkowski agree with differences", "[problems]") {
  for (const int number : HockSchittkowski::numbers) {
    CAPTURE(number);
    const HockSchittkowski problem(number);
    const auto n = problem.size(), m = problem.equalities() + problem.inequalities();
    VectorXd x = problem.start().cwiseMax(problem.box().lower).cwiseMin(problem.box().upper);
    VectorXd gradient(n), c(m), above(m), below(m);
    MatrixXd J(m, n);
    problem(x, gradient);
    problem.constraints(x, c, J);
    for (Eigen::Index j = 0; j < n; ++j) {
      const double h = 1e-6 * std::max(1.0, std::abs(x[j])), at = x[j];
      x[j] = at + h;
      const double up = problem(x);
      problem.constraints(x, above);
      x[j] = at - h;
      const double down = problem(x);
      problem.constraints(x, below);
      x[j] = at;
      if (std::isfinite(up - down)) {  // a start on the edge of where a logarithm is
        const double size = 1e-4 + 1e-9 * (std::abs(up) + std::abs(down)) / h;
        CHECK(std::abs((up - down) / (2 * h) - gradient[j]) <= size * std::max(1.0, std::abs(gradient[j])));
      }
      for (Eigen::Index i = 0; i < m; ++i) {
        if (!std::isfinite(above[i] - below[i])) continue;
        CHECK(std::abs((above[i] - below[i]) / (2 * h) - J(i, j)) <=
              (1e-4 + 1e-9 * std::abs(c[i]) / h) * std::max(1.0, std::abs(J(i, j))));
      }
    }
  }
}

// 13 has no multipliers at its solution; 16, 20, 33 and 55 have other local minima. 61 starts where the gradients of
// its constraints are dependent, and multipliers grow without bound.
TEST_CASE("sequential quadratic programming solves the problems of Hock and Schittkowski from the standard starts",
          "[problems]") {
  const std::vector<int> others{13, 16, 20, 33, 55};
  std::uint64_t evaluations = 0;
  for (const int number : HockSchittkowski::numbers) {
    const HockSchittkowski problem(number);
    const auto solution = minimize(problem, problem.start(), Sqp{});
    CAPTURE(number, solution);
    CHECK(solution.x.allFinite());
    evaluations += solution.counts[0].evaluations();
    if (std::find(others.begin(), others.end(), number) != others.end()) continue;
    CHECK(std::abs(solution.value - problem.minimum()) <= 1e-6 * std::max(1.0, std::abs(problem.minimum())));
    CHECK(solution.state.violation <= 1e-8);
  }
  CHECK(evaluations < 2000);
}

TEST_CASE("a number that is not there is refused", "[problems]") {
  CHECK_THROWS_WITH(HockSchittkowski(54), Catch::Contains("number: is 54"));
}
