#include <mesaopt/evolution/known_distribution.hpp>

#include <cmath>
#include <stdexcept>

#include <Eigen/Core>

#include <mesaopt/evolution/cma_distribution.hpp>
#include <mesaopt/evolution/folded_box.hpp>

#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::Matrix2d;
using Eigen::Vector2d;

namespace {
using Distribution = CmaDistribution<Vector2d>;

struct Known {
  Vector2d x{1, 2}, mean{3, 4};
  Matrix2d covariance = Vector2d(4, 9).asDiagonal();
  double step_size = 0.25;
};
struct Found {
  Vector2d x{5, 6};
  Known state{};
};
struct InBox : Known {
  FoldedBox<Vector2d> bounds{};
};
}  // namespace

TEST_CASE("of a prior a distribution takes mean, covariance and step size, and of a point the place alone",
          "[evolution][prior]") {
  Distribution distribution;
  detail::take_known(Known{}, 7, distribution);
  CHECK(distribution.mean == Vector2d(3, 4));
  CHECK(distribution.covariance == Known{}.covariance);
  CHECK(distribution.step_size == 0.25);

  detail::take_known(Vector2d(1, 2), 7, distribution);
  CHECK(distribution.mean == Vector2d(1, 2));
  CHECK(distribution.covariance == Matrix2d::Identity());
  CHECK(distribution.step_size == 7);

  detail::take_known(Found{}, 7, distribution);  // a solution, whose state knows
  CHECK(distribution.mean == Vector2d(3, 4));
  CHECK(distribution.step_size == 0.25);
}

TEST_CASE("a mean that a folded box has left is taken at the point that it stands for", "[evolution][prior]") {
  InBox known;
  const Box<Vector2d> box{Vector2d(0, 0), Vector2d(3.5, 10)};
  known.bounds.set(&box, 2, 0.5);
  known.mean[0] = 4.5;
  Distribution distribution;
  detail::take_known(known, 7, distribution);
  CHECK(distribution.mean[0] == known.bounds.to_box(0, 4.5));
  CHECK(distribution.mean[0] <= 3.5);
  CHECK(distribution.mean[1] == Approx(4));
}

TEST_CASE("what is no distribution is refused, and nothing is taken of it", "[evolution][prior]") {
  Distribution distribution;
  detail::take_known(Vector2d(1, 2), 7, distribution);
  for (const double bad : {0.0, -1.0, std::nan(""), HUGE_VAL}) {
    Known known;
    known.step_size = bad;
    CHECK_THROWS_AS(detail::take_known(known, 7, distribution), std::invalid_argument);
  }
  Known lost;
  lost.mean[1] = std::nan("");
  CHECK_THROWS_AS(detail::take_known(lost, 7, distribution), std::invalid_argument);
  CHECK(distribution.mean == Vector2d(1, 2));
  CHECK(distribution.step_size == 7);
}
