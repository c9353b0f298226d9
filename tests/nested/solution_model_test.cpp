#include <mesaopt/nested/solution_model.hpp>

#include <cmath>

#include <Eigen/Core>

#include <mesaopt/core/bytes.hpp>
#include <mesaopt/core/fields.hpp>
#include <mesaopt/core/minimize.hpp>
#include <mesaopt/evolution/cma_es.hpp>
#include <mesaopt/nested/nested.hpp>
#include <mesaopt/objective/bounds.hpp>

#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::Vector2d;
using Eigen::Vector3d;
using Eigen::VectorXd;
using Model = detail::SolutionModel<VectorXd, VectorXd>;

namespace {

VectorXd line(const VectorXd& x) { return Vector3d(1 + 2 * x[0], x[1] - x[0], 5); }
double doubt(const Model& model, const VectorXd& x, VectorXd& y) {
  detail::PredictionScratch<VectorXd, VectorXd> scratch;
  return detail::predict(model, x, scratch, y);
}

/// f(x, y) = |y − r(x)|² with weights 1 and 100, r = (sin x0, x1²); F = |x − 1|² + |y|² − 3 y0.
struct Lower {
  double operator()(const VectorXd& x, const VectorXd& y) const {
    const double a = y[0] - std::sin(x[0]), b = y[1] - x[1] * x[1];
    return a * a + 100 * b * b;
  }
};
struct Upper {
  double operator()(const VectorXd& x, const VectorXd& y) const {
    return (x.array() - 1).square().sum() + y.squaredNorm() - 3 * y[0];
  }
};
const VectorXd x0 = Vector2d(2, -1), origin = Vector2d(0, 0);
const Search inner{CmaEs{.step_size = 1, .seed = 9}, TargetReached{1e-9} || MaxEvaluations{2000}};
const Search outer{CmaEs{.step_size = 0.5, .seed = 4}, MaxEvaluations{240}};
const Box box{VectorXd(Vector2d(-3, -3)), VectorXd(Vector2d(3, 5))};
template <class Policy>
auto problem(Policy start) {
  return nested(Upper{}, response(family(within(Lower{}, box)), inner, start));
}

}  // namespace

TEST_CASE("a model of too few solutions answers the best of them, and one without says nothing", "[nested]") {
  Model model;
  VectorXd y = VectorXd::Zero(3);
  CHECK(doubt(model, Vector2d(1, 1), y) == 0);
  model.absorb(Vector2d(1, 0), Vector3d(1, 2, 3), 7, y, 0, 8);
  model.absorb(Vector2d(0, 1), Vector3d(4, 5, 6), 5, y, 0, 8);
  CHECK(doubt(model, Vector2d(1, 1), y) == 0);
  CHECK(y == Vector3d(4, 5, 6));
  CHECK(model.miss == -1);
}

TEST_CASE("a model finds a line, and doubts it far from what it was fitted to", "[nested]") {
  Model model;
  VectorXd y(3);
  for (int k = 0; k < 20; ++k) {
    const VectorXd x = Vector2d(std::cos(2.0 * k), std::sin(3.0 * k));
    // The worse half lies elsewhere, and is not looked at.
    model.absorb(x, k % 2 == 0 ? line(x) : VectorXd(10 * line(x)), k % 2, y, 0, 20);
  }
  const VectorXd near = Vector2d(0.3, -0.2), outside = Vector2d(4, 0), far = Vector2d(40, 0);
  CHECK(doubt(model, near, y) == 1);
  CHECK((y - line(near)).norm() < 1e-4);
  const double some = doubt(model, outside, y);
  CHECK((some > 4 && some < 25));
  CHECK((y - line(outside)).norm() < 1e-3);
  CHECK(doubt(model, far, y) == 0);
}

TEST_CASE("a ring forgets its oldest solution, and the error of predictions is that of late ones", "[nested]") {
  Model model;
  const VectorXd zero = VectorXd::Zero(3), one = VectorXd::Constant(3, 0.5);
  for (int k = 0; k < 6; ++k) model.absorb(Vector2d(k, 0), zero, k, one, 1, 4);
  CHECK(model.held == 4);
  CHECK(model.xs(0, 0) == 4);
  CHECK(model.xs(0, 2) == 2);
  CHECK(model.miss == Approx(0.5));
  model.absorb(Vector2d(6, 0), zero, 0, one, 5, 4);  // wrong by less than so much doubt expects
  CHECK(model.miss == Approx(std::sqrt((4 * 0.25 + 0.01) / 5)));
  model.clear();
  CHECK(model.held == 0);
  CHECK(model.miss == -1);
}

TEST_CASE("a predicted start spares an evolutionary inner search most of its evaluations", "[nested]") {
  const auto cold = minimize(problem(origin), x0, outer);
  const auto seen = minimize(problem(predicted(origin)), x0, outer);
  CHECK(seen.value == Approx(-1.5981673).epsilon(1e-4));  // from the closed form, on a grid
  CHECK(cold.value == Approx(seen.value).epsilon(1e-4));
  CHECK(3 * seen.counts[1].evaluations() < 2 * cold.counts[1].evaluations());
}

TEST_CASE("a run over predicted starts can be saved and copied in the middle", "[nested]") {
  const auto f = problem(predicted(origin, 12));
  RunOf<CmaEs, MaxEvaluations, decltype(f), VectorXd> run, copied, loaded;
  begin(f, x0, outer.optimizer, outer.stopping, run);
  for (int k = 0; k < 12; ++k) advance(f, outer.optimizer, outer.stopping, run);
  copied = run;
  load(save(run), loaded);
  for (auto* each : {&run, &copied, &loaded}) resume(f, outer.optimizer, outer.stopping, *each);
  CHECK(identical(run, copied));
  CHECK(identical(run, loaded));
  begin(f, x0, outer.optimizer, outer.stopping, copied);
  resume(f, outer.optimizer, outer.stopping, copied);
  CHECK(identical(run, copied));
}

TEST_CASE("a memory of nothing to predict from is refused", "[nested]") {
  CHECK_THROWS_AS(minimize(problem(predicted(origin, 0)), x0, outer), std::invalid_argument);
}
