#include <mesaopt/gradient/linearized_residuals.hpp>

#include <cmath>
#include <utility>

#include <Eigen/Core>

#include "gradient/residual_problems.hpp"
#include "support/allocations.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {
constexpr LeastSquaresSolver solvers[] = {LeastSquaresSolver::cholesky, LeastSquaresSolver::qr};

/// The solution of Ax = b by elimination.
template <class S>
VectorXd solved(Eigen::MatrixX<S> A, Eigen::VectorX<S> b) {
  const Eigen::Index n = b.size();
  for (Eigen::Index k = 0; k < n; ++k) {
    Eigen::Index pivot = k;
    for (Eigen::Index i = k; i < n; ++i)
      if (std::abs(A(i, k)) > std::abs(A(pivot, k))) pivot = i;
    for (Eigen::Index j = 0; j < n; ++j) std::swap(A(k, j), A(pivot, j));
    std::swap(b[k], b[pivot]);
    for (Eigen::Index i = 0; i < n; ++i) {
      if (i == k) continue;
      const S weight = A(i, k) / A(k, k);
      for (Eigen::Index j = k; j < n; ++j) A(i, j) -= weight * A(k, j);
      b[i] -= weight * b[k];
    }
  }
  VectorXd x(n);
  for (Eigen::Index k = 0; k < n; ++k) x[k] = double(b[k] / A(k, k));
  return x;
}

/// The least of the model in the box, by going through all 3^n ways to hold entries at bounds.
double least_in_box(const test::LinearResiduals& problem, double damping, const VectorXd& scale, const VectorXd& low,
                    const VectorXd& high) {
  const Eigen::Index n = low.size();
  MatrixXd H = problem.J.transpose() * problem.J;
  H.diagonal().array() += damping * scale.array().square();
  int ways = 1;
  for (Eigen::Index j = 0; j < n; ++j) ways *= 3;
  double least = 0;
  for (int way = 0; way < ways; ++way) {
    MatrixXd A = H;
    VectorXd b = -problem.gradient;
    int rest = way;
    for (Eigen::Index j = 0; j < n; ++j, rest /= 3) {
      if (rest % 3 == 0) continue;
      A.row(j).setZero();
      A(j, j) = 1;
      b[j] = rest % 3 == 1 ? low[j] : high[j];
    }
    const VectorXd p = solved<double>(A, b);
    if ((p - low).minCoeff() >= -1e-12 && (high - p).minCoeff() >= -1e-12)
      least = std::min(least, problem.model(p, damping, scale));
  }
  return least;
}
}  // namespace

TEST_CASE("damped steps solve the normal equations, whichever way they are computed", "[gradient]") {
  for (const auto solver : solvers)
    for (const Eigen::Index n : {1, 2, 5, 40})
      for (const double damping : {0.0, 0.3, 1e4}) {
        const test::LinearResiduals problem(3 * n + 2, n, std::uint64_t(n));
        const VectorXd scale = VectorXd::LinSpaced(n, 0.5, 2);
        auto model = problem.linearized(solver);
        int count = 0;
        VectorXd p(n), v = VectorXd::LinSpaced(n, -1, 1);
        CAPTURE(n, damping, int(solver));
        REQUIRE(model.minimize(damping, scale, problem.gradient, count, p));
        CHECK(count == 1);
        MatrixXd H = problem.J.transpose() * problem.J;
        H.diagonal().array() += damping * scale.array().square();
        CHECK((H * p + problem.gradient).norm() <= 1e-11 * problem.gradient.norm());
        CHECK(model.curvature(v) == Approx((problem.J * v).squaredNorm()).epsilon(1e-12));
        CHECK(model.square(n - 1) == Approx(problem.J.col(n - 1).squaredNorm()).epsilon(1e-12));
        VectorXd solved = v, spent = v;
        model.solve(solved);
        CHECK((H * solved - v).norm() <= 1e-10 * (1 + v.norm()));
        CHECK(model.inverse_square(spent) == Approx(v.dot(solved)).epsilon(1e-10).margin(1e-300));
      }
}

TEST_CASE("by QR steps keep the digits that the normal equations lose", "[gradient]") {
  test::LinearResiduals problem(20, 3, 7);
  problem.J.col(2) = problem.J.col(1) + 1e-4 * problem.J.col(2);
  problem.gradient = problem.J.transpose() * problem.r;
  using Long = Eigen::MatrixX<long double>;
  const Long J = problem.J.cast<long double>();
  const VectorXd exact = solved<long double>(J.transpose() * J, -(J.transpose() * problem.r.cast<long double>()));
  const VectorXd scale = VectorXd::Ones(3);
  const auto error = [&](LeastSquaresSolver solver) {
    int count = 0;
    VectorXd p(3);
    REQUIRE(problem.linearized(solver).minimize(0.0, scale, problem.gradient, count, p));
    return (p - exact).norm() / exact.norm();
  };
  CHECK(error(LeastSquaresSolver::qr) <= 1e-10);
  CHECK(50 * error(LeastSquaresSolver::qr) < error(LeastSquaresSolver::cholesky));
}

TEST_CASE("columns that are dependent to rounding are told, and made up for by the least damping", "[gradient]") {
  for (const auto solver : solvers)
    for (const Eigen::Index n : {2, 40}) {
      test::LinearResiduals problem(60, n, 3);
      problem.J.col(n - 1) = 2 * problem.J.col(0);
      problem.gradient = problem.J.transpose() * problem.r;
      const VectorXd scale = VectorXd::Ones(n);
      auto model = problem.linearized(solver);
      CHECK_FALSE(model.factorize(0.0, scale));
      CHECK(model.factorize(100 * model.least_damping(scale), scale));
    }
}

TEST_CASE("steps between bounds are the best of all in the box", "[gradient]") {
  for (const auto solver : solvers)
    for (std::uint64_t seed = 0; seed < 40; ++seed) {
      const Eigen::Index n = 4;
      const test::LinearResiduals problem(6, n, seed);
      Random random{seed, 1};
      VectorXd low(n), high(n), p(n);
      for (Eigen::Index j = 0; j < n; ++j) {
        low[j] = random.uniform(-1.0, 1.0) < -0.3 ? 0 : -random.uniform(0.0, 0.7);
        high[j] = random.uniform(-1.0, 1.0) < -0.3 ? 0 : random.uniform(0.0, 0.7);
      }
      const double damping = seed % 2 == 0 ? 0 : 0.2;
      const VectorXd scale = VectorXd::LinSpaced(n, 0.5, 2);
      auto model = problem.linearized(solver);
      model.keep_between(low, high, problem.gradient);
      int count = 0;
      REQUIRE(model.minimize(damping, scale, problem.gradient, count, p));
      CAPTURE(seed, int(solver), p.transpose());
      CHECK((p - low).minCoeff() >= 0);
      CHECK((high - p).minCoeff() >= 0);
      CHECK(problem.model(p, damping, scale) <= least_in_box(problem, damping, scale, low, high) + 1e-12);
      CHECK(count <= 10);
      model.keep_nothing();
      REQUIRE(model.minimize(damping, scale, problem.gradient, count, p));
      MatrixXd H = problem.J.transpose() * problem.J;
      H.diagonal().array() += damping * scale.array().square();
      CHECK((H * p + problem.gradient).norm() <= 1e-10 * problem.gradient.norm());
    }
}

TEST_CASE("steps in large boxes end after a few factorizations, and allocate nothing", "[gradient]") {
  const Eigen::Index n = 60;
  for (const auto solver : solvers) {
    const test::LinearResiduals problem(90, n, 5);
    const VectorXd low = VectorXd::Constant(n, -0.05), high = VectorXd::Constant(n, 0.03), scale = VectorXd::Ones(n);
    auto model = problem.linearized(solver);
    model.keep_between(low, high, problem.gradient);
    int count = 0;
    VectorXd p(n);
    model.minimize(0.0, scale, problem.gradient, count, p);
    const auto before = allocations();
    model.form(problem.J, problem.r, solver);
    model.keep_between(low, high, problem.gradient);
    count = 0;
    REQUIRE(model.minimize(0.0, scale, problem.gradient, count, p));
    CHECK(allocations() == before);
    CHECK(count <= 30);
    const VectorXd slope = problem.gradient + problem.J.transpose() * (problem.J * p);
    for (Eigen::Index j = 0; j < n; ++j) {
      if (p[j] > low[j]) CHECK(slope[j] <= 1e-10);
      if (p[j] < high[j]) CHECK(slope[j] >= -1e-10);
    }
  }
}
