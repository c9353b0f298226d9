#include <mesaopt/gradient/quadratic_program.hpp>

#include <cmath>
#include <cstdint>
#include <limits>
#include <stdexcept>

#include <Eigen/Core>

#include <mesaopt/core/bytes.hpp>
#include <mesaopt/core/fields.hpp>
#include <mesaopt/core/random.hpp>
#include <mesaopt/problems/random_quadratic_program.hpp>

#include "gradient/kkt_residual.hpp"
#include "support/allocations.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;
using problems::RandomQuadraticProgram;
using Program = QuadraticProgram<double>;
using State = QuadraticState<double>;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

VectorXd vector(std::initializer_list<double> values) {
  VectorXd v(Index(values.size()));
  Index i = 0;
  for (const double value : values) v[i++] = value;
  return v;
}
MatrixXd matrix(Index columns, std::initializer_list<double> rows) {
  MatrixXd M(Index(rows.size()) / columns, columns);
  Index k = 0;
  for (const double value : rows) {
    M(k / columns, k % columns) = value;
    ++k;
  }
  return M;
}

double distance(const VectorXd& a, const VectorXd& b) {
  return a.size() == b.size() ? (a - b).cwiseAbs().maxCoeff() : infinity;
}
double residual(const Program& p, const State& s) { return kkt_residual(p, s.x, s.multipliers, s.bound_multipliers); }

/// Long-only weights that sum to 1, of assets whose returns are three factors and noise of `periods` periods.
Program portfolio(Index assets, Index periods, std::uint64_t seed) {
  Random random{.seed = seed};
  MatrixXd loadings(assets, 3), factors(3, periods), noise(assets, periods);
  random.fill_normal(loadings);
  loadings.array() += 1;
  random.fill_normal(factors);
  random.fill_normal(noise);
  MatrixXd returns = 0.02 * (loadings * factors + noise);
  returns.colwise() -= returns.rowwise().mean().eval();
  Program p;
  p.Q = returns * returns.transpose() / double(periods - 1);
  p.c = VectorXd::Zero(assets);
  p.A_eq = MatrixXd::Ones(1, assets);
  p.b_eq = VectorXd::Ones(1);
  p.lower = VectorXd::Zero(assets);
  return p;
}

}  // namespace

TEST_CASE("Published quadratic programs have their published solutions", "[quadratic_program]") {
  State s;
  SECTION("the example of the R package quadprog, with its multipliers") {
    Program p{.Q = MatrixXd::Identity(3, 3), .c = vector({0, -5, 0})};
    p.A = matrix(3, {4, 3, 0, -2, -1, 0, 0, 2, -1});
    p.b = vector({8, -2, 0});
    solve(p, s);
    CHECK(distance(s.x, vector({0.4761905, 1.0476190, 2.0952381})) < 1e-7);
    CHECK(s.value == Approx(-2.380952).epsilon(1e-6));
    CHECK(distance(s.multipliers, vector({0, 0.2380952, 2.0952381})) < 1e-7);
    CHECK(s.active.constraints == std::vector<std::uint8_t>{0, 1, 1});
    CHECK(s.iterations == 2);
  }
  SECTION("the demonstration of QuadProg++, where an equation makes an inequality idle") {
    Program p{.Q = matrix(2, {4, -2, -2, 4}), .c = vector({6, 0})};
    p.A_eq = matrix(2, {1, 1});
    p.b_eq = vector({3});
    p.A = matrix(2, {-1, -1});
    p.b = vector({-2});
    p.lower = vector({0, 0});
    solve(p, s);
    CHECK(distance(s.x, vector({1, 2})) < 1e-14);
    CHECK(s.value == Approx(12));
  }
  SECTION("Nocedal & Wright (2006), example 16.4") {
    Program p{.Q = 2 * MatrixXd::Identity(2, 2), .c = vector({-2, -5})};
    p.A = matrix(2, {-1, 2, 1, 2, 1, -2});
    p.b = vector({2, 6, 2});
    p.lower = vector({0, 0});
    solve(p, s);
    CHECK(distance(s.x, vector({1.4, 1.7})) < 1e-14);
    CHECK(s.multipliers[0] == Approx(0.8));
    CHECK(s.multipliers.tail(2).isZero(0));
  }
  SECTION("problem 35 of Hock & Schittkowski (1981)") {
    Program p{.Q = matrix(3, {4, 2, 2, 2, 4, 0, 2, 0, 2}), .c = vector({-8, -6, -4})};
    p.A = matrix(3, {1, 1, 2});
    p.b = vector({3});
    p.lower = VectorXd::Zero(3);
    solve(p, s);
    CHECK(9 + s.value == Approx(1.0 / 9));
    CHECK(distance(s.x, vector({4.0 / 3, 7.0 / 9, 4.0 / 9})) < 1e-14);
  }
  SECTION("problem 76 of Hock & Schittkowski (1981)") {
    Program p{.Q = matrix(4, {2, 0, -1, 0, 0, 1, 0, 0, -1, 0, 2, 1, 0, 0, 1, 1}), .c = vector({-1, -3, 1, -1})};
    p.A = matrix(4, {1, 2, 1, 1, 3, 1, 2, -1, 0, -1, -4, 0});
    p.b = vector({5, 4, -1.5});
    p.lower = VectorXd::Zero(4);
    solve(p, s);
    CHECK(s.value == Approx(-4.681818181).epsilon(1e-9));
    CHECK(distance(s.x, vector({0.2727273, 2.090909, 0, 0.5454545})) < 1e-6);
  }
  CHECK(s.status == Status::converged);
}

TEST_CASE("Random strictly convex programs are solved to the last digits, and at once again", "[quadratic_program]") {
  State s;
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    CAPTURE(seed);
    const Index n = 5 + Index(seed);
    const auto made = RandomQuadraticProgram{
        .variables = n, .equalities = n / 6, .inequalities = 3 * n / 2, .condition = seed % 2 == 0 ? 1e6 : 1e3}(seed);
    s.forget();
    solve(made.program, s);
    REQUIRE(s.status == Status::converged);
    CHECK(residual(made.program, s) < 1e-11);
    CHECK(distance(s.x, made.x) < 1e-8);
    CHECK(distance(s.multipliers, made.multipliers) < 1e-8);
    CHECK(distance(s.bound_multipliers, made.bound_multipliers) < 1e-8);
    CHECK(s.regularity.regular());
    const VectorXd x = s.x;
    solve(made.program, s);
    CHECK(s.iterations == 0);
    CHECK(identical(s.x, x));
  }
}

TEST_CASE("Scaling objective, variables or constraints changes nothing else", "[quadratic_program]") {
  const auto made = RandomQuadraticProgram{.variables = 15}(3);
  State plain, scaled;
  solve(made.program, plain);
  const double by = GENERATE(1e-9, 1e-3, 1e6);
  CAPTURE(by);
  Program p = made.program;
  SECTION("objective") {
    p.Q *= by;
    p.c *= by;
    solve(p, scaled);
    CHECK(distance(scaled.multipliers / by, plain.multipliers) < 1e-10);
  }
  SECTION("variables") {
    for (auto* side : {&p.b_eq, &p.b, &p.lower, &p.upper}) *side *= by;
    p.c *= by;
    solve(p, scaled);
    scaled.x /= by;
  }
  SECTION("constraints") {
    for (Index k = 0; k < p.b.size(); k += 2) {
      p.A.row(k) *= by;
      p.b[k] *= by;
    }
    p.A_eq *= by;
    p.b_eq *= by;
    solve(p, scaled);
  }
  CHECK(scaled.status == Status::converged);
  CHECK(scaled.active == plain.active);
  CHECK(distance(scaled.x, plain.x) < 1e-10);
  CHECK(scaled.regularity.regular());
}

TEST_CASE("Infeasible programs are proved to be so", "[quadratic_program]") {
  enum { combination, equations, budget };
  const int why = GENERATE(int(combination), int(equations), int(budget));
  State s;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    CAPTURE(why, seed);
    Program p = RandomQuadraticProgram{.variables = 5 + Index(seed), .nullity = Index(seed) % 4}(seed).program;
    const Index n = p.size(), m = p.b.size();
    if (why == combination) {
      Random random{.seed = seed};
      p.A.conservativeResize(m + 1, n);
      p.A.row(m).setZero();
      p.b.conservativeResize(m + 1);
      p.b[m] = -0.01;
      for (Index k = 0; k < m; ++k) {
        const double y = random.uniform();
        p.A.row(m) -= y * p.A.row(k);
        p.b[m] -= y * p.b[k];
      }
    } else if (why == equations) {
      p.A_eq.row(1) = 2 * p.A_eq.row(0);
      p.b_eq[1] = 2 * p.b_eq[0] + 0.01;
    } else {  // the bounds leave too little
      p.A_eq = MatrixXd::Ones(1, n);
      p.b_eq = VectorXd::Ones(1);
      p.lower = VectorXd::Zero(n);
      p.upper = VectorXd::Constant(n, 0.99 / double(n));
    }
    solve(p, s);
    CHECK(s.status == Status::infeasible);
    CHECK(proves_infeasible(p, s.infeasibility));
  }
}

TEST_CASE("Programs that have one feasible point are solved, not called infeasible", "[quadratic_program]") {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    CAPTURE(seed);
    const Index n = 5 + Index(seed);
    Program p = RandomQuadraticProgram{.variables = n, .equalities = 1, .inequalities = 0}(seed).program;
    p.A_eq = MatrixXd::Ones(1, n);
    p.b_eq = VectorXd::Ones(1);
    p.lower = VectorXd::Zero(n);
    p.upper = VectorXd::Constant(n, 1.0 / double(n));
    State s;
    solve(p, s);
    CHECK(s.status == Status::converged);
    CHECK(distance(s.x, p.upper) < 2e-12);  // the tolerance
    CHECK_FALSE(s.regularity.regular());
  }
}

TEST_CASE("Contradicting bounds and empty constraints are infeasible", "[quadratic_program]") {
  Program p{.Q = MatrixXd::Identity(2, 2), .c = vector({1, 1})};
  State s;
  SECTION("bounds") {
    p.lower = vector({0, 2});
    p.upper = vector({1, 1});
    solve(p, s);
    CHECK(s.infeasibility == vector({0, 1}));
  }
  SECTION("an inequality without variables") {
    p.A = matrix(2, {0, 0, 1, 1});
    p.b = vector({-1, 1});
    solve(p, s);
    CHECK(proves_infeasible(p, s.infeasibility));
  }
  SECTION("an equation without variables") {
    p.A_eq = matrix(2, {0, 0});
    p.b_eq = vector({1});
    solve(p, s);
    CHECK(proves_infeasible(p, s.infeasibility));
  }
  CHECK(s.status == Status::infeasible);
}

TEST_CASE("Programs without a lower bound are proved to have none", "[quadratic_program]") {
  const bool linear = GENERATE(false, true);
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    CAPTURE(linear, seed);
    Random random{.seed = seed};
    const Index n = 6 + Index(seed);
    Program p = RandomQuadraticProgram{.variables = n, .equalities = 0, .nullity = n / 2}(seed).program;
    p.lower.setConstant(-infinity);
    p.upper.setConstant(infinity);
    VectorXd d(n);
    random.fill_normal(d);
    if (linear) {  // all constraints leave the direction d
      p.Q.resize(0, 0);
      for (Index k = 0; k < p.b.size(); ++k)
        if (p.A.row(k).dot(d) > 0) p.A.row(k) *= -1;
      p.b.setOnes();
      p.c = -d;
    } else {
      p.A.resize(0, n);
      p.b.resize(0);
      p.c += d;
    }
    State s;
    solve(p, s);
    CHECK(s.status == Status::unbounded);
    CHECK(proves_unbounded(p, s.ray));
  }
}

TEST_CASE("Singular programs are solved exactly", "[quadratic_program]") {
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    CAPTURE(seed);
    const Index n = 6 + Index(seed);
    const auto made = RandomQuadraticProgram{.variables = n, .nullity = 1 + Index(seed) % (n - 2)}(seed);
    State s;
    solve(made.program, s);
    REQUIRE(s.status == Status::converged);
    CHECK(residual(made.program, s) < 1e-10);
    CHECK(s.value == Approx(made.program(made.x)).epsilon(1e-11));
    const VectorXd x = s.x;
    solve(made.program, s);
    CHECK(s.iterations == 0);
    CHECK(distance(s.x, x) == 0);
  }
}

TEST_CASE("A portfolio of more assets than observations has its optimum", "[quadratic_program]") {
  const Program p = portfolio(40, 12, 5);
  State s;
  solve(p, s);
  CHECK(s.status == Status::converged);
  CHECK(residual(p, s) < 1e-14);
  CHECK(s.x.sum() == Approx(1).epsilon(1e-14));
}

TEST_CASE("With the identity for covariance every asset has the same weight", "[quadratic_program]") {
  Program p = portfolio(30, 100, 1);
  p.Q = 0.017 * MatrixXd::Identity(30, 30);
  State s;
  solve(p, s);
  CHECK((s.x.array() - 1.0 / 30).abs().maxCoeff() < 1e-15);
}

TEST_CASE("Linear programs are solved, degenerate vertices included", "[quadratic_program]") {
  State s;
  SECTION("that of Beale (1955), on which the simplex method can cycle") {
    Program p{.c = vector({-0.75, 150, -0.02, 6})};
    p.A = matrix(4, {0.25, -60, -1.0 / 25, 9, 0.5, -90, -1.0 / 50, 3, 0, 0, 1, 0});
    p.b = vector({0, 0, 1});
    p.lower = VectorXd::Zero(4);
    solve(p, s);
    CHECK(s.status == Status::converged);
    CHECK(s.value == Approx(-0.05));
    CHECK(distance(s.x, vector({0.04, 0, 1, 0})) < 1e-12);
  }
  SECTION("that of Klee & Minty (1972) in five variables") {
    Program p{.c = -vector({16, 8, 4, 2, 1})};
    p.A = matrix(5, {1, 0, 0, 0, 0, 4, 1, 0, 0, 0, 8, 4, 1, 0, 0, 16, 8, 4, 1, 0, 32, 16, 8, 4, 1});
    p.b = vector({5, 25, 125, 625, 3125});
    p.lower = VectorXd::Zero(5);
    solve(p, s);
    CHECK(s.status == Status::converged);
    CHECK(distance(s.x, vector({0, 0, 0, 0, 3125})) < 1e-9);
  }
  SECTION("with all constraints through the solution, 0") {
    Random random{.seed = 2};
    Program p{.c = VectorXd::Ones(20)};
    p.A.resize(40, 20);
    random.fill_normal(p.A);
    p.b = VectorXd::Zero(40);
    p.lower = VectorXd::Zero(20);
    solve(p, s);
    CHECK(s.status == Status::converged);
    CHECK(s.x.cwiseAbs().maxCoeff() < 1e-12);
    CHECK_FALSE(s.regularity.regular());
  }
}

TEST_CASE("A Q that is not positive semidefinite is refused, also where bounds hide it", "[quadratic_program]") {
  auto made = RandomQuadraticProgram{.variables = 20, .equalities = 0}(4);
  Program& p = made.program;
  State s;
  SECTION("from nothing") {
    p.Q -= 2e-3 * MatrixXd::Identity(20, 20);  // eigenvalues go down to 1e-3
    solve(p, s);
  }
  SECTION("in the direction of variables that stay at their bounds") {
    solve(p, s);
    REQUIRE(s.status == Status::converged);
    Index held = 0;
    while (s.active.bounds[std::size_t(held)] == 0) ++held;
    p.Q(held, held) -= 2;
    solve(p, s);
  }
  SECTION("with a diagonal that gives nothing away") {
    p.Q = MatrixXd::Ones(20, 20);
    p.Q(3, 4) = p.Q(4, 3) = 1.001;
    solve(p, s);
  }
  CHECK(s.status == Status::not_convex);
}

TEST_CASE("Degenerate solutions are right, and are called degenerate", "[quadratic_program]") {
  enum { zero_multiplier, zero_slack, met_bound, twice, equation_twice, flat };
  const int why =
      GENERATE(int(zero_multiplier), int(zero_slack), int(met_bound), int(twice), int(equation_twice), int(flat));
  for (std::uint64_t seed = 0; seed < 15; ++seed) {
    CAPTURE(why, seed);
    const Index n = 10 + Index(seed);
    auto made = RandomQuadraticProgram{.variables = n, .inequalities = n}(seed);
    Program& p = made.program;
    Index active = 0, idle = 0, free = 0;
    while (made.multipliers[2 + active] == 0) ++active;
    while (made.multipliers[2 + idle] != 0) ++idle;
    while (made.bound_multipliers[free] != 0) ++free;
    if (why == zero_multiplier) {
      p.c += made.multipliers[2 + active] * p.A.row(active).transpose();
    } else if (why == zero_slack) {
      p.b[idle] = p.A.row(idle).dot(made.x);
    } else if (why == met_bound) {
      p.lower[free] = made.x[free];
    } else if (why == twice) {
      p.A.row(idle) = 3 * p.A.row(active);
      p.b[idle] = 3 * p.b[active];
    } else if (why == equation_twice) {
      p.c += made.multipliers[1] * p.A_eq.row(1).transpose();
      p.A_eq.row(1) = -2 * p.A_eq.row(0);
      p.b_eq[1] = -2 * p.b_eq[0];
    } else {
      p.Q.setZero();
      p.Q(free, free) = 1;
      p.c.setZero();
      p.A.resize(0, n);
      p.b.resize(0);
    }
    State s;
    solve(p, s);
    REQUIRE(s.status == Status::converged);
    CHECK(residual(p, s) < 1e-11);
    CHECK_FALSE(s.regularity.regular());
    CHECK(s.regularity.reason() != Reason::none);
    CHECK(s.regularity.unique == (why != flat));
    // Where x is a vertex, whatever else holds there depends on what holds it.
    if (why <= met_bound) CHECK(s.regularity.weakly_active + s.regularity.dependent > 0);
    if (why == twice || why == equation_twice) CHECK(s.regularity.dependent > 0);
  }
}

TEST_CASE("A neighbour is a few changes of the active set away", "[quadratic_program]") {
  Program p = portfolio(60, 400, 7);
  Random random{.seed = 3};
  State s;
  solve(p, s);
  const auto cold = s.iterations;
  std::uint64_t steps = 0;
  for (int k = 0; k < 50; ++k) {
    for (auto& entry : p.c) entry += 2e-5 * random.normal();
    solve(p, s);
    REQUIRE(s.status == Status::converged);
    steps += s.iterations;
  }
  CHECK(residual(p, s) < 1e-14);
  CHECK(cold > 20);
  CHECK(steps > 5);
  CHECK(steps <= 50 * 3);
}

TEST_CASE("An active set and multipliers of one's own serve as start", "[quadratic_program]") {
  const auto made = RandomQuadraticProgram{.variables = 25}(6);
  State cold, s;
  solve(made.program, cold);
  s.x = VectorXd::Zero(25);
  s.multipliers = VectorXd::Zero(22);
  s.bound_multipliers = VectorXd::Zero(25);
  s.active = cold.active;
  s.status = Status::converged;
  solve(made.program, s);
  CHECK(s.iterations == 0);
  CHECK(distance(s.x, cold.x) < 1e-12);
  SECTION("even one with too much in it") {
    s.active.constraints.assign(22, 1);
    s.active.bounds.assign(25, -1);
    s.multipliers.setZero();
    s.bound_multipliers.setZero();
    solve(made.program, s);
    CHECK(s.status == Status::converged);
    CHECK(distance(s.x, cold.x) < 1e-12);
  }
  SECTION("nothing after forgetting") {
    s.forget();
    solve(made.program, s);
    CHECK(s.iterations == cold.iterations);
    CHECK(identical(s.x, cold.x));
  }
}

TEST_CASE("Fixed variables have multipliers of either sign", "[quadratic_program]") {
  Program p{.Q = MatrixXd::Identity(3, 3), .c = vector({-1, -1, -1})};
  p.lower = p.upper = vector({0, 2, 1});
  p.upper[2] = infinity;
  p.lower[2] = -infinity;
  State s;
  solve(p, s);
  CHECK(s.x == vector({0, 2, 1}));
  CHECK(s.bound_multipliers == vector({-1, 1, 0}));
  CHECK(s.regularity.regular());
}

TEST_CASE("Numbers that are not finite are a bad start, from which the next solve recovers", "[quadratic_program]") {
  const auto made = RandomQuadraticProgram{.variables = 8}(1);
  State s;
  const double wrong = GENERATE(std::numeric_limits<double>::quiet_NaN(), infinity);
  const int where = GENERATE(0, 1, 2, 3, 4);
  Program p = made.program;
  solve(p, s);
  (where == 0 ? p.Q(2, 2) : where == 1 ? p.c[1] : where == 2 ? p.A(0, 3) : where == 3 ? p.b[2] : p.lower[0]) = wrong;
  solve(p, s);
  CHECK(s.status == Status::bad_start);
  solve(made.program, s);
  CHECK(s.status == Status::converged);
  CHECK(distance(s.x, made.x) < 1e-11);
}

TEST_CASE("Sizes that do not fit, and a Q that is not symmetric, are refused by name", "[quadratic_program]") {
  Program p = RandomQuadraticProgram{.variables = 8}(1).program;
  State s;
  SECTION("Q") {
    p.Q = MatrixXd::Identity(7, 7);
    CHECK_THROWS_WITH(solve(p, s), Catch::Contains("QuadraticProgram::Q") && Catch::Contains("7 x 7"));
  }
  SECTION("A") {
    p.A.resize(3, 8);
    CHECK_THROWS_WITH(solve(p, s), Catch::Contains("QuadraticProgram::A:"));
  }
  SECTION("upper") {
    p.upper.resize(9);
    CHECK_THROWS_WITH(solve(p, s), Catch::Contains("QuadraticProgram::upper"));
  }
  SECTION("asymmetry") {
    p.Q(1, 2) += 0.1;
    CHECK_THROWS_WITH(solve(p, s), Catch::Contains("symmetric"));
  }
  SECTION("settings") {
    CHECK_THROWS_WITH(solve(p, s, {.tolerance = -1}), Catch::Contains("DualActiveSet::tolerance"));
    CHECK_THROWS_AS(solve(p, s, {.margin = 2}), std::invalid_argument);
  }
}

TEST_CASE("Solving programs of the same sizes again allocates nothing", "[quadratic_program]") {
  const RandomQuadraticProgram random{.variables = 60, .nullity = 3};
  State s;
  solve(random(0).program, s);
  const auto first = random(1).program, second = random(2).program;
  Program moved = second;
  moved.b.array() += 0.01;
  long before = allocations();
  solve(first, s);
  solve(second, s);
  solve(moved, s);
  CHECK(allocations() - before == 0);
  CHECK(s.status == Status::converged);
}

TEST_CASE("A state that was saved and loaded goes on as the original", "[quadratic_program]") {
  const auto made = RandomQuadraticProgram{.variables = 20}(8);
  State s, copy;
  solve(made.program, s);
  load(save(s), copy);
  CHECK(identical(s, copy));
  Program p = made.program;
  p.b.array() -= 0.02;
  solve(p, s);
  solve(p, copy);
  CHECK(s.iterations > 0);
  CHECK(identical(s, copy));
}
