#include <mesaopt/problems/tp.hpp>

#include <cmath>

#include <mesaopt/core/random.hpp>

#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::VectorXd;
using problems::Tp;

namespace {

struct Row {
  int number;
  double outer, inner;
  double outer_constraints, inner_constraints;  // sum over i of (i + 1) c_i
};

// From a program in Python of its own, written from the definitions.
const Row rows[] = {
    {1, 1242.15558438728, 0.597171749433351, -19.1816323158569, 0},
    {2, -61.5939114666211, 803.476831230502, -38.3152350545163, 31.5657713361826},
    {3, -8.44373965733384, 1.02178690538306, -2.13565056572763, -0.267454981514648},
    {4, -9.26325542470552, 4.6470978568593, 0, 3.82695307304787},
    {5, -3.89692544940492, 2.82292716646019, 0, -4.93977260293557},
    {6, 1.04637874398987, 12.273099166037, 0, 37.0744019284015},
    {7, -1.10962793014872, 1.10962793014872, -99.4621810262608, 0.745968308633782},
    {8, 63.5678263947757, 832.859363107502, -38.0757941134994, 33.1381984316161},
    {9, 6.03389658540083, 4.76346319972161, 0, 0},
    {10, 10.9832736862055, 1.42101039154112, 0, 0},
};

double weighted(const VectorXd& c) {
  double sum = 0;
  for (Eigen::Index i = 0; i < c.size(); ++i) sum += double(i + 1) * c[i];
  return sum;
}
VectorXd outer_constraints(const Tp& problem, const VectorXd& x, const VectorXd& y) {
  VectorXd c(problem.outer_inequalities());
  problem.outer_constraints(x, y, c);
  return c;
}
VectorXd inner_constraints(const Tp& problem, const VectorXd& x, const VectorXd& y) {
  VectorXd c(problem.inner_inequalities());
  problem.inner_constraints(x, y, c);
  return c;
}
bool holds(const VectorXd& c) { return c.size() == 0 || c.maxCoeff() <= 1e-12; }

}  // namespace

TEST_CASE("both levels of TP and their constraints have independently computed values", "[problems]") {
  for (const Row& row : rows) {
    CAPTURE(row.number);
    const Tp problem(row.number);
    VectorXd x(problem.outer_size()), y(problem.inner_size());
    const auto n = x.size(), m = y.size();
    for (Eigen::Index i = 0; i < n; ++i) x[i] = std::abs(0.9 * std::sin(1.7 * double(i + 1) + 0.3 * row.number));
    for (Eigen::Index i = 0; i < m; ++i) y[i] = std::abs(1.6 * std::cos(0.9 * double(i + 1) + 0.7 * row.number));
    for (Eigen::Index i = 0; i < n / 2; ++i)
      y[m - n / 2 + i] = std::abs(0.55 + 0.2 * std::sin(2.3 * double(i + 1) + row.number));
    CHECK(problem.outer()(x, y) == Approx(row.outer).epsilon(1e-13));
    CHECK(problem.inner()(x, y) == Approx(row.inner).epsilon(1e-13));
    CHECK(weighted(outer_constraints(problem, x, y)) == Approx(row.outer_constraints).epsilon(1e-12).margin(1e-13));
    CHECK(weighted(inner_constraints(problem, x, y)) == Approx(row.inner_constraints).epsilon(1e-12).margin(1e-13));
  }
}

TEST_CASE("TP has the known optimal values at feasible points", "[problems]") {
  const double known[][2] = {{225, 100},
                             {0, 100},
                             {-18.678711, -1.015625},
                             {-29.2, 3.2},
                             {-3.6, -2},
                             {-1.209877, 7.617284},
                             {-1.960784, 1.960784},
                             {0, 100},
                             {0, 1},
                             {0, 1}};
  for (const int number : Tp::numbers) {
    const Tp problem(number);
    CAPTURE(problem.name());
    const auto& x = problem.outer_solution();
    const auto& y = problem.inner_solution();
    CHECK(problem.outer_minimum() == Approx(known[number - 1][0]).epsilon(1e-6).margin(1e-12));
    CHECK(problem.inner_minimum() == Approx(known[number - 1][1]).epsilon(1e-6).margin(1e-12));
    CHECK(problem.outer_box().contains(x));
    CHECK(problem.inner_box().contains(y));
    CHECK(holds(outer_constraints(problem, x, y)));
    CHECK(holds(inner_constraints(problem, x, y)));
  }
}

TEST_CASE("no feasible inner point near or far is better than the inner solution of TP", "[problems]") {
  Random random{5};
  for (const int number : Tp::numbers) {
    const Tp problem(number);
    const VectorXd& x = problem.outer_solution();
    const auto& box = problem.inner_box();
    int better = 0, feasible = 0;
    VectorXd y(problem.inner_size());
    for (int k = 0; k < 2000; ++k) {
      random.fill_normal(y);
      const double scale = (box.upper - box.lower).maxCoeff() * std::pow(10, -(k % 5));
      y = (problem.inner_solution() + scale * y).cwiseMax(box.lower).cwiseMin(box.upper);
      if (!holds(inner_constraints(problem, x, y))) continue;
      ++feasible;
      better += problem.inner()(x, y) < problem.inner_minimum() - 1e-10;
    }
    CAPTURE(problem.name());
    CHECK(better == 0);
    CHECK((feasible > 0 || number == 4 || number == 6));  // where the solution is a corner
  }
}

TEST_CASE("the point named in the source of TP4 is no optimum", "[problems]") {
  const Tp problem(4);
  CHECK(problem.outer()(VectorXd(Eigen::Vector2d(0.5, 0.8)), VectorXd(Eigen::Vector3d(0, 0.2, 0.8))) >
        problem.outer_minimum() + 10);
}

TEST_CASE("TP2 and TP8 have a second optimum with another inner value", "[problems]") {
  const VectorXd x = VectorXd::Zero(2), y = VectorXd::Constant(2, -10);
  for (const int number : {2, 8}) {
    const Tp problem(number);
    CHECK(problem.outer()(x, y) == Approx(problem.outer_minimum()).margin(1e-12));
    CHECK(problem.inner()(x, y) == 200);
    CHECK(holds(outer_constraints(problem, x, y)));
    CHECK(holds(inner_constraints(problem, x, y)));
  }
}

TEST_CASE("a number for which there is no TP is refused", "[problems]") {
  CHECK_THROWS_AS(Tp(0), std::invalid_argument);
  CHECK_THROWS_AS(Tp(11), std::invalid_argument);
}
