#include <mesaopt/problems/smd.hpp>

#include <cmath>

#include <mesaopt/core/random.hpp>
#include <mesaopt/objective/forward_mode_family.hpp>

#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::VectorXd;
using problems::Smd;

namespace {

constexpr double pi = 3.14159265358979323846;

struct Row {
  int number;
  int n, m;
  double outer, inner;
  double outer_constraints, inner_constraints;  // sum over i of (i + 1) c_i
};

// From a program in Python of its own, written from the definitions.
const Row rows[] = {
    {1, 2, 3, 3.63934555576888, 3.41195722343651, 0, 0},
    {2, 2, 3, -2.87699614620351, 4.2417672067134, 0, 0},
    {3, 2, 3, 4.82958301430863, 6.48577292381836, 0, 0},
    {4, 2, 3, -1.23338949808061, 4.31958431867232, 0, 0},
    {5, 2, 3, -1.99068686210251, 2.7780297181108, 0, 0},
    {6, 2, 3, 1.1304580998345, 3.29466001602191, 0, 0},
    {7, 2, 3, -3.60265300686842, 3.98745999004043, 0, 0},
    {8, 2, 3, 1.13938013957184, 4.31084126226534, 0, 0},
    {9, 2, 3, -0.56059598657675, 2.05445970211646, 0.239628955155258, -0.228298870571622},
    {10, 2, 3, 13.4987706939437, 16.1766778987316, -0.766367859293577, 0.482697275884016},
    {11, 2, 3, -3.40121282493885, 5.02362256465162, 0.255711901644616, 0.446035226646527},
    {12, 2, 3, 14.1822797833439, 23.4214807856551, -0.0611877311502103, -2.95922347551754},
    {1, 5, 5, 6.13947041087187, 5.43191598382991, 0, 0},
    {2, 5, 5, -6.52461189594012, 9.58127787352914, 0, 0},
    {3, 5, 5, 6.62248828351576, 8.52968482123044, 0, 0},
    {4, 5, 5, -1.74340021660459, 6.81592512315681, 0, 0},
    {5, 5, 5, -1.68088958809933, 4.30628619786164, 0, 0},
    {6, 5, 5, 4.49422758630589, 2.54276907639737, 0, 0},
    {7, 5, 5, -4.14078928888066, 5.27498148510961, 0, 0},
    {8, 5, 5, -0.727009947295561, 7.99046573369677, 0, 0},
    {9, 5, 5, -3.0451727756671, 6.96239248185528, -0.34920672314399, 0.125453782643226},
    {10, 5, 5, 26.9452169243142, 32.8750851561047, -4.16301087127451, -12.4081445342386},
    {11, 5, 5, -2.39279731980761, 6.03718770753564, 2.43350184540572, 0.962447255752774},
    {12, 5, 5, 26.5574495557674, 30.8436875560812, 12.6969288826478, -32.4629456704106},
    {1, 10, 10, 14.2203330011005, 11.9052305338443, 0, 0},
    {2, 10, 10, -5.67504603749784, 11.816940914116, 0, 0},
    {3, 10, 10, 13.2160267249, 17.1495010615937, 0, 0},
    {4, 10, 10, -2.93443293324348, 13.2661886195626, 0, 0},
    {5, 10, 10, -4.51655509745509, 9.95263753573186, 0, 0},
    {6, 10, 10, -0.205771782236569, 10.4300845955831, 0, 0},
    {7, 10, 10, -10.2470750267362, 11.772792124833, 0, 0},
    {8, 10, 10, -27.7391996261881, 36.6780483777456, 0, 0},
    {9, 10, 10, -3.0816325261377, 9.68205357253184, -0.251214323250143, -0.00290148569505},
    {10, 10, 10, 47.6355315294691, 40.999526601474, -9.14034839593655, -64.2929166188464},
    {11, 10, 10, -7.62786913432439, 14.2402582864229, -5.44501323007819, -4.07306535854256},
    {12, 10, 10, 50.7604615746625, 32.0219579388844, 23.4358649316765, -36.9288697430125},
};

VectorXd some_x(int k, int n) {
  VectorXd x(n);
  for (int i = 0; i < n; ++i) x[i] = 0.9 * std::sin(1.7 * (i + 1) + 0.3 * k);
  return x;
}
VectorXd some_y(int k, int n, int m) {
  VectorXd y(m);
  for (int i = 0; i < m; ++i) y[i] = 1.6 * std::cos(0.9 * (i + 1) + 0.7 * k);
  for (int i = 0; i < n / 2; ++i) y[m - n / 2 + i] = 0.55 + 0.2 * std::sin(2.3 * (i + 1) + k);
  return y;
}
double weighted(const VectorXd& c) {
  double sum = 0;
  for (Eigen::Index i = 0; i < c.size(); ++i) sum += double(i + 1) * c[i];
  return sum;
}
VectorXd outer_constraints(const Smd& problem, const VectorXd& x, const VectorXd& y) {
  VectorXd c(problem.outer_inequalities());
  problem.outer_constraints(x, y, c);
  return c;
}
VectorXd inner_constraints(const Smd& problem, const VectorXd& x, const VectorXd& y) {
  VectorXd c(problem.inner_inequalities());
  problem.inner_constraints(x, y, c);
  return c;
}
bool holds(const VectorXd& c, double slack = 1e-12) { return c.size() == 0 || c.maxCoeff() <= slack; }

/// The inner solution by algebra, where what ties l2 to u2 comes out as `link`: 0, but a vector of length 1 in SMD11
/// and SMD12. Not finite where there is none.
VectorXd response(const Smd& problem, const VectorXd& x, const VectorXd& link) {
  VectorXd y = problem.inner_solution();
  const auto r = problem.outer_size() / 2;
  for (Eigen::Index i = 0; i < r; ++i) {
    const double u = x[x.size() - r + i];
    double& l = y[y.size() - r + i];
    switch (problem.number()) {
      case 1:
      case 10: l = std::atan(u); break;
      case 2:
      case 7: l = std::exp(u); break;
      case 3: l = std::atan(u * u); break;
      case 4: l = std::exp(std::abs(u)) - 1; break;
      case 5: l = std::sqrt(std::abs(u)); break;
      case 6: l = u; break;
      case 8: l = std::cbrt(u); break;
      case 9: l = std::exp(u) - 1; break;
      case 11: l = std::exp(u - link[i]); break;
      default: l = std::atan(u - link[i]);
    }
  }
  return y;
}

const int sizes[][2] = {{2, 3}, {5, 5}, {10, 10}};

}  // namespace

TEST_CASE("both levels of SMD and their constraints have independently computed values", "[problems]") {
  for (const Row& row : rows) {
    CAPTURE(row.number, row.n, row.m);
    const Smd problem(row.number, row.n, row.m);
    const VectorXd x = some_x(row.number, row.n), y = some_y(row.number, row.n, row.m);
    CHECK(problem.outer()(x, y) == Approx(row.outer).epsilon(1e-13));
    CHECK(problem.inner()(x, y) == Approx(row.inner).epsilon(1e-13));
    CHECK(weighted(outer_constraints(problem, x, y)) == Approx(row.outer_constraints).epsilon(1e-12).margin(1e-13));
    CHECK(weighted(inner_constraints(problem, x, y)) == Approx(row.inner_constraints).epsilon(1e-12).margin(1e-13));
  }
}

TEST_CASE("SMD has its published optimal values, and the corrected one of SMD12", "[problems]") {
  const double tenth[][2] = {{4, 3}, {12.75, 5.76472}, {29.02778, 11.80556}};
  const double twelfth[][3] = {{3, 4, 3}, {12.116025, 6.764719, 12.164214}, {28.439800, 12.805556, 28.597179}};
  for (const int number : Smd::numbers)
    for (int k = 0; k < 3; ++k) {
      const Smd problem(number, sizes[k][0], sizes[k][1]);
      CAPTURE(problem.name(), k);
      const double F = problem.outer_minimum(), f = problem.inner_minimum();
      CHECK(F == Approx(number < 10    ? 0
                        : number == 10 ? tenth[k][0]
                        : number == 11 ? -1
                                       : twelfth[k][0])
                     .epsilon(1e-5)
                     .margin(1e-14));
      CHECK(f == Approx(number < 10    ? 0
                        : number == 10 ? tenth[k][1]
                        : number == 11 ? 1
                                       : twelfth[k][1])
                     .epsilon(1e-5)
                     .margin(1e-14));
      CHECK(problem.published_minimum() == Approx(number == 12 ? twelfth[k][2] : F).epsilon(1e-6).margin(1e-14));
      CHECK(holds(outer_constraints(problem, problem.outer_solution(), problem.inner_solution())));
      CHECK(holds(inner_constraints(problem, problem.outer_solution(), problem.inner_solution())));
      CHECK(problem.outer_box().contains(problem.outer_solution()));
      CHECK(problem.inner_box().contains(problem.inner_solution()));
    }
}

TEST_CASE("no feasible inner point near or far is better than the inner solution of SMD", "[problems]") {
  Random random{5};
  for (const int number : Smd::numbers)
    for (const auto& [n, m] : sizes) {
      const Smd problem(number, n, m);
      const VectorXd x = problem.outer_solution(), best = problem.inner_solution();
      const auto box = problem.inner_box();
      int better = 0;
      VectorXd y(m);
      for (int k = 0; k < 300; ++k) {
        random.fill_normal(y);
        y = (best + std::pow(10, -(k % 4)) * y).cwiseMax(box.lower).cwiseMin(box.upper);
        better += holds(inner_constraints(problem, x, y)) && problem.inner()(x, y) < problem.inner_minimum() - 1e-12;
      }
      CAPTURE(problem.name(), n);
      CHECK(better == 0);
    }
}

TEST_CASE("no feasible outer point near or far is better than the optimum of SMD", "[problems]") {
  Random random{6};
  for (const int number : Smd::numbers)
    for (const auto& [n, m] : sizes) {
      const Smd problem(number, n, m);
      const auto r = n / 2;
      int better = 0, feasible = 0;
      VectorXd x(n), link(r);
      for (int k = 0; k < 600; ++k) {
        const double scale = std::pow(10, -(k % 5));
        random.fill_normal(x);
        x = problem.outer_solution() + scale * x;
        link.setZero();
        if (number == 11) link.setConstant(1 / std::sqrt(double(r)));  // all that the outer constraints allow
        if (number == 12) {
          VectorXd spread(r);
          random.fill_normal(spread);
          for (int i = 0; i < r; ++i) link[i] = std::abs(x[n - r + i] - std::tan(problem.inner_solution()[m - r + i]));
          link = (link + scale * spread).cwiseAbs().normalized();
        }
        const VectorXd y = response(problem, x, link);
        if (!y.allFinite() || !problem.outer_box().contains(x) || !problem.inner_box().contains(y)) continue;
        if (number != 9 && !holds(outer_constraints(problem, x, y), 1e-9)) continue;
        ++feasible;
        better += problem.outer()(x, y) < problem.outer_minimum() - 1e-8;
      }
      CAPTURE(problem.name(), n);
      CHECK(better == 0);
      CHECK(feasible > 0);
    }
}

TEST_CASE("SMD7 and SMD10 have the local optima that searches are caught by", "[problems]") {
  const VectorXd none = VectorXd::Zero(1);
  const Smd seventh(7), tenth(10);
  const auto value = [&](double u) {
    const VectorXd x = Eigen::Vector2d(u, 0);
    return seventh.outer()(x, response(seventh, x, none));
  };
  CHECK(value(2 * pi) == Approx(pi * pi / 100));
  CHECK(value(2 * pi) < value(2 * pi + 0.3));
  CHECK(value(2 * pi) < value(2 * pi - 0.3));
  const VectorXd x = Eigen::Vector2d(-1, -1), y = response(tenth, x, none);
  CHECK(tenth.outer()(x, y) == Approx(20));
  CHECK(holds(outer_constraints(tenth, x, y)));
}

TEST_CASE("derivatives of SMD by dual numbers are those of differences", "[problems]") {
  for (const int number : {1, 8, 12}) {
    const Smd problem(number, 5, 5);
    const VectorXd x = some_x(number, 5), y = some_y(number, 5, 5);
    const auto F = forward_mode_family(problem.outer());
    typename decltype(F)::template Memory<VectorXd>::Record record;
    VectorXd gx(5), gy(5);
    CHECK(F(x, y, gx, gy, {{}, record}).value == Approx(problem.outer()(x, y)));
    VectorXd c(problem.outer_inequalities());
    Eigen::MatrixXd Jx(c.size(), 5), Jy(c.size(), 5);
    problem.constrained_outer().constraints(x, y, c, Jx, Jy);
    for (int j = 0; j < 5; ++j) {
      const VectorXd d = 1e-5 * VectorXd::Unit(5, j);
      const auto value = [&](double a, double b) { return problem.outer()(VectorXd(x + a * d), VectorXd(y + b * d)); };
      CHECK(gx[j] == Approx((value(1, 0) - value(-1, 0)) / 2e-5).epsilon(1e-6).margin(1e-8));
      CHECK(gy[j] == Approx((value(0, 1) - value(0, -1)) / 2e-5).epsilon(1e-6).margin(1e-8));
      const VectorXd by_x = (outer_constraints(problem, x + d, y) - outer_constraints(problem, x - d, y)) / 2e-5;
      const VectorXd by_y = (outer_constraints(problem, x, y + d) - outer_constraints(problem, x, y - d)) / 2e-5;
      CHECK((Jx.col(j) - by_x).norm() < 1e-7);
      CHECK((Jy.col(j) - by_y).norm() < 1e-7);
    }
  }
}

TEST_CASE("numbers and sizes for which there is no SMD are refused", "[problems]") {
  CHECK_THROWS_AS(Smd(0), std::invalid_argument);
  CHECK_THROWS_AS(Smd(13), std::invalid_argument);
  CHECK_THROWS_AS(Smd(1, 1, 3), std::invalid_argument);
  CHECK_THROWS_AS(Smd(1, 4, 2), std::invalid_argument);
  CHECK_THROWS_AS(Smd(10, 2, 2), std::invalid_argument);
}
