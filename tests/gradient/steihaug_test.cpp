#include <mesaopt/gradient/steihaug.hpp>

#include <cmath>
#include <limits>
#include <stdexcept>

#include <Eigen/Core>

#include <mesaopt/core/minimize.hpp>
#include <mesaopt/gradient/more_sorensen.hpp>
#include <mesaopt/problems/rosenbrock.hpp>

#include "gradient/trust_region_subproblems.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using namespace trust_region;
using problems::Rosenbrock;

TEST_CASE("Steihaug's solution is Newton's step in a wide region, after as many products as variables",
          "[trust_region]") {
  const Eigen::Index n = 6;
  const MatrixXd H = turned(VectorXd::LinSpaced(n, 0.5, 30), gradient(n, 3));
  const VectorXd g = gradient(n);
  const auto exact = solve(Steihaug{.forcing = 1e-12}, H, g, 100);
  VectorXd residual = g;
  for (Eigen::Index j = 0; j < n; ++j) residual += exact.d[j] * H.col(j);
  CHECK(residual.norm() < 1e-10);
  CHECK(exact.counts.linear_iterations <= std::uint64_t(n) + 1);
  const auto truncated = solve(Steihaug{}, H, g, 100);
  CHECK(truncated.counts.linear_iterations < exact.counts.linear_iterations);
  CHECK(truncated.predicted > 0.5 * exact.predicted);
  CHECK(solve(Steihaug{}, H, g, 100, 1e-30).counts.linear_iterations >= exact.counts.linear_iterations);
}

TEST_CASE("Steihaug's prediction is the model's, at least the Cauchy decrease and at most the exact one",
          "[trust_region]") {
  for (const Eigen::Index n : {1, 2, 6, 20})
    for (const double least : {0.5, 0.0, -0.5, -20.0})
      for (const double radius : {1e-3, 0.1, 0.5, 2.0, 100.0}) {
        const VectorXd eigenvalues =
            n == 1 ? VectorXd(VectorXd::Constant(1, least)) : VectorXd::LinSpaced(n, least, 30);
        const MatrixXd H = turned(eigenvalues, gradient(n, 3));
        const VectorXd g = gradient(n);
        const auto s = solve(Steihaug{}, H, g, radius);
        CAPTURE(n, least, radius);
        CHECK(s.predicted == Approx(decrease(H, g, s.d)).epsilon(1e-9));
        CHECK(s.d.norm() <= radius * (1 + 1e-9));
        CHECK(s.predicted >= cauchy(H, g, radius) * (1 - 1e-12));
        CHECK(s.predicted <= solve(MoreSorensen{.tolerance = 1e-9}, H, g, radius).predicted * (1 + 1e-6));
      }
}

TEST_CASE("Negative curvature is followed to the border", "[trust_region]") {
  const MatrixXd H = VectorXd(Eigen::Vector2d(-1, 2)).asDiagonal();
  const VectorXd g = Eigen::Vector2d(1, 0.1);
  const auto s = solve(Steihaug{}, H, g, 3);
  CHECK(s.d.norm() == Approx(3));
  CHECK(s.d[0] < -2.9);
}

TEST_CASE("A trust region with Steihaug's method solves Rosenbrock at any size", "[trust_region]") {
  for (const Eigen::Index n : {2, 10, 100, 10000}) {
    const VectorXd start = Rosenbrock::start(n);
    const auto s = minimize(Rosenbrock{}, start, TrustRegionSteihaug{}, GradientBelow{1e-8} || MaxIterations{100});
    CHECK(s.status == Status::gradient_below);
    CHECK((s.x.array() - 1).abs().maxCoeff() < 1e-7);
    CHECK(s.counts[0].evaluations() <= 30);
    CHECK(s.counts[0].hessian_products >= s.counts[0].linear_iterations);
    CHECK(s.counts[0].linear_iterations < 80);
    CHECK(s.counts[0].hessians == 0);
  }
}

TEST_CASE("Without second derivatives products are differences of gradients, within the limit on evaluations",
          "[trust_region]") {
  struct Plain {
    double operator()(const VectorXd& x, VectorXd& g) const { return Rosenbrock{}(x, g); }
  };
  const VectorXd start = Rosenbrock::start(10);
  const auto s = minimize(Plain{}, start, TrustRegionSteihaug{}, GradientBelow{1e-8} || MaxEvaluations{1000});
  CHECK(s.status == Status::gradient_below);
  CHECK((s.x.array() - 1).abs().maxCoeff() < 1e-7);
  for (std::int64_t limit = 1; limit < 60; limit += 3) {
    const auto some = minimize(Plain{}, start, TrustRegionSteihaug{}, GradientBelow{1e-8} || MaxEvaluations{limit});
    CHECK(some.counts[0].evaluations() <= std::uint64_t(limit));
    CHECK(some.value <= Rosenbrock{}(start));
  }
}

TEST_CASE("Steihaug's method refuses settings out of their range", "[trust_region]") {
  CHECK_THROWS_WITH(Steihaug{.forcing = 1}.check(), Catch::Contains("Steihaug::forcing"));
  CHECK_THROWS_AS(Steihaug{.linear_iterations = -1}.check(), std::invalid_argument);
}
