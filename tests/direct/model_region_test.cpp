#include <mesaopt/direct/model_region.hpp>

#include <limits>
#include <vector>

#include <Eigen/Core>

#include "support/catch.hpp"

using Eigen::VectorXd;
using mesaopt::detail::ModelRegion;

TEST_CASE("the resolution falls by Powell's schedule", "[direct][model_region]") {
  ModelRegion<double> region;
  region.rho = 1;
  const double expected[] = {0.1, 0.01, 0.001, 1e-4, 1e-5, 1e-6};
  for (const double rho : expected) {
    const double before = region.rho;
    CHECK(region.refine(1e-6));
    CHECK(region.rho == Approx(rho));
    CHECK(region.delta == Approx(before / 2));
  }
  CHECK(!region.refine(1e-6));
  CHECK(region.rho == Approx(1e-6));
}

TEST_CASE("a step to nowhere makes the region smaller until it is as small as the resolution",
          "[direct][model_region]") {
  ModelRegion<double> region;
  region.rho = 1;
  region.delta = 8;
  CHECK(region.retreat(8));
  CHECK(region.delta == 4);
  CHECK(region.retreat(2));  // to the resolution, which is less than the step was
  CHECK(region.delta == 1);
  CHECK(!region.retreat(1));
  CHECK(region.delta == 1);
}

TEST_CASE("the farthest point is found, and replaced before others", "[direct][model_region]") {
  const double infinity = std::numeric_limits<double>::infinity();
  ModelRegion<double> region;
  region.resize(2, 5);
  region.lower.setConstant(-infinity);
  region.upper.setConstant(infinity);
  region.rho = region.delta = 1;
  auto& model = region.model;
  model.points << 0, 1, 0, -1, 0, 0, 0, 30, 0, -1;
  model.values << 0, -1, 0, 1, 0;
  model.begin([](Eigen::Index) { return std::pair<Eigen::Index, Eigen::Index>{0, 1}; });
  CHECK(!region.seek_far(31, false));
  CHECK(region.seek_far(10, true));
  CHECK(region.far == 2);
  CHECK(region.delta == 1);
  CHECK(region.propose_place());
  CHECK(region.step.norm() <= 1 + 1e-12);
  region.take_place(5);
  CHECK(region.far == -1);
  CHECK(model.values[2] == 5);
  CHECK(model.points.col(2).norm() <= 1 + 1e-12);

  // f falls to the right, and the model knows.
  const double length = region.propose();
  CHECK(length == Approx(1));
  CHECK(region.predicted < -0.5);
  const auto t = region.replaced(false);
  CHECK(t > 0);
  const double predicted = region.predicted;
  CHECK(region.take_move(t, length, predicted) == Approx(1));
  CHECK(region.delta == Approx(2));
  CHECK(model.values[model.best] == predicted);
}
