#include <mesaopt/gradient/more_sorensen.hpp>

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include <Eigen/Core>

#include <mesaopt/core/minimize.hpp>

#include "gradient/trust_region_subproblems.hpp"
#include "gradient/unconstrained_problems.hpp"
#include "support/allocations.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using namespace trust_region;

namespace {

/// |(H + λI) d + g| for the λ that fits best, which must not be negative, nor make H + λI indefinite.
void check_optimal(const MatrixXd& H, const VectorXd& g, double radius, const VectorXd& d, double least,
                   double tolerance) {
  VectorXd residual = g;
  for (Eigen::Index j = 0; j < g.size(); ++j) residual += d[j] * H.col(j);
  const double lambda = -residual.dot(d) / d.squaredNorm();
  CAPTURE(radius, d.norm(), lambda, least);
  CHECK(d.norm() <= radius * (1 + tolerance));
  CHECK(lambda >= -tolerance * std::max(1.0, g.norm()));
  CHECK(lambda + least >= -tolerance);
  CHECK((residual + lambda * d).norm() <= 10 * tolerance * std::max(1.0, g.norm()));
  CHECK(std::abs(lambda * (radius - d.norm())) <= tolerance * std::max(1.0, std::abs(lambda)) * radius);
}

}  // namespace

TEST_CASE("The solution satisfies the conditions that make it the global minimum in the region", "[trust_region]") {
  constexpr double tolerance = 1e-9;
  const MoreSorensen exact{.tolerance = tolerance};
  for (const Eigen::Index n : {1, 2, 5, 12})
    for (const double least : {1.0, 1e-3, 0.0, -0.5, -20.0})
      for (const double radius : {1e-3, 0.3, 1.0, 50.0}) {
        const VectorXd eigenvalues =
            n == 1 ? VectorXd(VectorXd::Constant(1, least)) : VectorXd::LinSpaced(n, least, 30);
        const MatrixXd H = turned(eigenvalues, gradient(n, 3));
        const VectorXd g = gradient(n);
        const auto s = solve(exact, H, g, radius);
        check_optimal(H, g, radius, s.d, least, 1e-6);
        CHECK(s.predicted == Approx(decrease(H, g, s.d)).epsilon(1e-9));
        CHECK(s.counts.factorizations <= 20);
      }
}

TEST_CASE("In the hard case the solution takes the part along the least eigenvector that fills the region",
          "[trust_region]") {
  const Eigen::Index n = 4;
  const VectorXd v = gradient(n, 2), eigenvalues = (VectorXd(n) << -2, 1, 3, 10).finished();
  const MatrixXd H = turned(eigenvalues, v);
  // The first eigenvector is the first column of the reflection; a gradient without a part along it.
  const VectorXd first = VectorXd::Unit(n, 0) - 2 * v[0] / v.squaredNorm() * v;
  VectorXd g = gradient(n);
  g -= g.dot(first) * first;
  const double tolerance = 1e-6;
  for (const double radius : {1.0, 5.0, 100.0}) {
    const auto s = solve(MoreSorensen{.tolerance = tolerance}, H, g, radius);
    CAPTURE(radius, s.counts.factorizations);
    CHECK(s.d.norm() == Approx(radius).epsilon(1e-5));
    // The least value: λ = 2, d the solution of least norm of the singular system, and the rest along `first`.
    double expected = 0;
    VectorXd part = VectorXd::Zero(n);
    for (Eigen::Index k = 1; k < n; ++k) {
      const VectorXd q = VectorXd::Unit(n, k) - 2 * v[k] / v.squaredNorm() * v;
      part -= g.dot(q) / (eigenvalues[k] + 2) * q;
    }
    expected = decrease(H, g, part) + (radius * radius - part.squaredNorm());
    CHECK(s.predicted >= expected * (1 - 1e-5));
    CHECK(s.counts.factorizations <= 40);
  }
  // Without any gradient it is the least eigenvector alone.
  const auto saddle = solve(MoreSorensen{.tolerance = tolerance}, H, VectorXd(VectorXd::Zero(n)), 3);
  CHECK(saddle.predicted == Approx(9).epsilon(1e-4));
  CHECK(std::abs(saddle.d.dot(first)) == Approx(3).epsilon(1e-4));
}

TEST_CASE("A loose tolerance costs few factorizations and little of the decrease", "[trust_region]") {
  std::uint64_t factorizations = 0;
  int cases = 0;
  for (const Eigen::Index n : {2, 5, 12})
    for (const double least : {1.0, -0.5, -20.0})
      for (const double radius : {0.03, 0.3, 3.0}) {
        const MatrixXd H = turned(VectorXd::LinSpaced(n, least, 30), gradient(n, 3));
        const auto loose = solve(MoreSorensen{}, H, gradient(n), radius);
        const auto tight = solve(MoreSorensen{.tolerance = 1e-9}, H, gradient(n), radius);
        CHECK(loose.predicted >= 0.8 * tight.predicted);
        CHECK(loose.d.norm() <= 1.1001 * radius);
        factorizations += loose.counts.factorizations;
        ++cases;
      }
  CHECK(factorizations <= std::uint64_t(5 * cases));
}

TEST_CASE("The exact trust region finds the published minima of Moré, Garbow and Hillstrom", "[trust_region]") {
  std::uint64_t evaluations = 0;
  for (const auto& problem : tests::published()) {
    CAPTURE(problem.name);
    const auto s = minimize(problem.f, problem.start, TrustRegionExact{}, GradientBelow{1e-8} || MaxIterations{300});
    CHECK((s.status == Status::gradient_below || s.status == Status::stalled));
    CHECK(tests::is_minimum(problem, s.value));
    evaluations += s.counts[0].evaluations();
  }
  CHECK(evaluations < 550);
}

TEST_CASE("An exact trust region allocates nothing in a step", "[trust_region]") {
  const tests::Quadratic f{tests::spread(40, 100)};
  TrustRegionExact::State<VectorXd> state;
  TrustRegionExact{.first_radius = 1e-2}.init(f, VectorXd(gradient(40)), state);
  const long before = allocations();
  for (int k = 0; k < 10; ++k) TrustRegionExact{}.step(f, state);
  if (counting_allocations) CHECK(allocations() == before);
}

TEST_CASE("The exact subproblem refuses a tolerance out of its range", "[trust_region]") {
  CHECK_THROWS_WITH(MoreSorensen{.tolerance = 0}.check(), Catch::Contains("MoreSorensen::tolerance"));
  CHECK_THROWS_AS(MoreSorensen{.tolerance = 1}.check(), std::invalid_argument);
}
