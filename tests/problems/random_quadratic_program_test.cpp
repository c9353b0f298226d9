#include <mesaopt/problems/random_quadratic_program.hpp>

#include <cmath>
#include <cstdint>
#include <stdexcept>

#include <mesaopt/core/fields.hpp>

#include "gradient/kkt_residual.hpp"
#include "support/catch.hpp"

using mesaopt::identical;
using mesaopt::problems::RandomQuadraticProgram;

TEST_CASE("The stated solution of a random program keeps the conditions of Karush, Kuhn and Tucker", "[problems]") {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    CAPTURE(seed);
    const Eigen::Index n = 3 + Eigen::Index(seed);
    const auto made = RandomQuadraticProgram{
        .variables = n, .equalities = n / 4, .inequalities = 2 * n, .nullity = seed % 3 == 0 ? n / 3 : 0}(seed);
    CHECK_NOTHROW(made.program.check());
    CHECK(kkt_residual(made.program, made.x, made.multipliers, made.bound_multipliers) < 1e-13);
  }
}

TEST_CASE("What is active in a random program has a multiplier, and what is not a slack, of the margin", "[problems]") {
  const double margin = GENERATE(1e-3, 0.4);
  int active = 0, idle = 0;
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    const auto made = RandomQuadraticProgram{.variables = 20, .equalities = 3, .margin = margin}(seed);
    const auto& p = made.program;
    int held = 3;
    for (Eigen::Index k = 0; k < 20; ++k) {
      const double slack = p.b[k] - p.A.row(k).dot(made.x), multiplier = made.multipliers[3 + k];
      CHECK((multiplier == 0 ? slack : multiplier) >= margin - 1e-12);
      CHECK((multiplier == 0 || std::abs(slack) < 1e-12));
      ++(multiplier == 0 ? idle : active);
      held += multiplier != 0;
    }
    for (Eigen::Index i = 0; i < 20; ++i) {
      const double multiplier = made.bound_multipliers[i];
      const double below = made.x[i] - p.lower[i], above = p.upper[i] - made.x[i];
      CHECK((multiplier == 0 || std::abs(multiplier) >= margin));
      CHECK((multiplier > 0 ? below == 0 : below >= margin - 1e-12));
      CHECK((multiplier < 0 ? above == 0 : above >= margin - 1e-12));
      held += multiplier != 0;
    }
    CHECK(held <= 20);
  }
  CHECK(active > 20);
  CHECK(idle > 20);
}

TEST_CASE("The curvature of a random program has the eigenvalues that are asked for", "[problems]") {
  // Their sum, and the sum of their squares, are those of Q whatever its directions.
  const auto made = RandomQuadraticProgram{.variables = 5, .condition = 1e4, .nullity = 2}(4);
  CHECK(made.program.Q.trace() == Approx(1 + 1e-2 + 1e-4).epsilon(1e-12));
  CHECK(made.program.Q.squaredNorm() == Approx(1 + 1e-4 + 1e-8).epsilon(1e-12));
  CHECK(made.program.Q.diagonal().maxCoeff() < 1);
}

TEST_CASE("A seed gives one program, and another seed another", "[problems]") {
  const RandomQuadraticProgram random{.variables = 6};
  CHECK(identical(random(3).program, random(3).program));
  CHECK_FALSE(identical(random(3).program.c, random(4).program.c));
}

TEST_CASE("Random programs that cannot be are refused", "[problems]") {
  CHECK_THROWS_AS(RandomQuadraticProgram{.variables = 0}(1), std::invalid_argument);
  CHECK_THROWS_AS((RandomQuadraticProgram{.variables = 4, .equalities = 4}(1)), std::invalid_argument);
  CHECK_THROWS_AS((RandomQuadraticProgram{.variables = 4, .nullity = 4}(1)), std::invalid_argument);
  CHECK_THROWS_AS(RandomQuadraticProgram{.inequalities = -1}(1), std::invalid_argument);
  CHECK_THROWS_AS(RandomQuadraticProgram{.condition = 0.5}(1), std::invalid_argument);
  CHECK_THROWS_AS(RandomQuadraticProgram{.active = 1.5}(1), std::invalid_argument);
  CHECK_THROWS_WITH(RandomQuadraticProgram{.margin = std::nan("")}(1), Catch::Contains("margin >= 0"));
}
