#include <mesaopt/direct/geometry_step.hpp>

#include <algorithm>
#include <cmath>
#include <utility>

#include <Eigen/Core>

#include "support/catch.hpp"

using Eigen::VectorXd;
using mesaopt::detail::GeometryStep;
using mesaopt::detail::QuadraticInterpolation;

TEST_CASE("geometry steps stay inside, and go to where the Lagrange function is large", "[direct][geometry_step]") {
  QuadraticInterpolation<double> model;
  model.resize(3, 7);
  for (Eigen::Index i = 0; i < 3; ++i) {
    model.points(i, 1 + i) = i == 1 ? 20 : 1;  // one is far away
    model.points(i, 4 + i) = i == 2 ? 2 : -1;
  }
  model.begin([](Eigen::Index) { return std::pair<Eigen::Index, Eigen::Index>{0, 1}; });
  const VectorXd lower{{-1, -1, 0}}, upper{{1, 25, 30}};
  GeometryStep<double> geometry;
  for (const double radius : {0.5, 1.0, 2.0})
    for (Eigen::Index t = 1; t < 7; ++t) {
      CAPTURE(t, radius);
      geometry.solve(model, t, lower, upper, radius);
      for (const VectorXd& step : {geometry.line, geometry.cauchy}) {
        CHECK(step.norm() <= radius * (1 + 1e-12));
        CHECK(((step - lower).array() >= 0).all());
        CHECK(((upper - step).array() >= 0).all());
      }
      model.prepare(geometry.cauchy);
      CHECK(model.lagrange[t] * model.lagrange[t] == Approx(geometry.cauchy_square));
      double found = std::max(model.denominator(t), geometry.cauchy_square);
      model.prepare(geometry.line);
      found = std::max(found, model.denominator(t));
      double most = 0;
      for (int k = 0; k < 300; ++k) {
        VectorXd step(3);
        for (int i = 0; i < 3; ++i) step[i] = std::sin(12.9898 * (k + 1) + 78.233 * i);
        step *= radius / step.norm();
        step = step.cwiseMax(lower).cwiseMin(upper);
        model.prepare(step);
        most = std::max(most, model.lagrange[t] * model.lagrange[t]);
      }
      CHECK(found > most / 2);
    }
}
