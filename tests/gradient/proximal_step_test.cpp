#include <mesaopt/gradient/proximal_step.hpp>

#include <Eigen/Core>

#include <mesaopt/objective/bounds.hpp>
#include <mesaopt/objective/l1.hpp>

#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::Vector3d;

namespace {
struct Sum {
  double operator()(const Vector3d& x) const { return x.sum(); }
};
}  // namespace

TEST_CASE("A proximal step heeds a regularizer, bounds, both, or neither", "[proximal_step]") {
  const Box<Vector3d> bounds{Vector3d(-1, -1, -1), Vector3d(1, 1, 1)};
  const Vector3d x(0, 0, 0), g(3, -0.25, -1);
  const auto step = [&](const auto& f) {
    KeptBox<Vector3d> box;
    box.enter(f, x);
    Vector3d ahead, residual;
    detail::propose(f, box, x, g, 2.0, ahead, residual);
    CHECK(residual == Vector3d((x - ahead) / 2));
    return ahead;
  };
  CHECK(step(Sum{}) == Vector3d(-6, 0.5, 2));
  CHECK(step(within(Sum{}, bounds)) == Vector3d(-1, 0.5, 1));
  CHECK(step(regularized(Sum{}, L1{0.5})) == Vector3d(-5, 0, 1));
  CHECK(step(regularized(within(Sum{}, bounds), L1{0.25})) == Vector3d(-1, 0, 1));
  CHECK(detail::penalty(regularized(Sum{}, L1{0.5}), g) == 0.5 * 4.25);
  CHECK(detail::penalty(Sum{}, g) == 0);
}

TEST_CASE("A run that gains neither in value nor in residual is lost after a while", "[proximal_step]") {
  detail::Headway<double> headway;
  CHECK_FALSE(headway.lost(1, 1e-12, 1, 1));
  for (int i = 0; i < 199; ++i) CHECK_FALSE(headway.lost(1, 1e-12, 0.9, 1));
  CHECK(headway.lost(1, 1e-12, 0.9, 1));
  CHECK_FALSE(headway.lost(1, 1e-12, 0.7, 1));  // a smaller residual counts
  for (int i = 0; i < 199; ++i) CHECK_FALSE(headway.lost(2, 1e-12, 0.7, 1));
  CHECK_FALSE(headway.lost(0.5, 1e-12, 3, 1));  // and so does a lower value
}

TEST_CASE("The step of a prior is taken over from runs of this kind alone", "[proximal_step]") {
  struct Kin {
    Vector3d x;
    double step;
    Vector3d ahead;
  };
  struct Other {
    Vector3d x;
    double step;
  };
  struct Solved {
    Vector3d x;
    Kin state;
  };
  CHECK(detail::proximal_step_of(Kin{{}, 0.5, {}}) == 0.5);
  CHECK(detail::proximal_step_of(Solved{{}, {{}, 0.25, {}}}) == 0.25);
  CHECK(detail::proximal_step_of(Other{{}, 0.5}) == 0);
  CHECK(detail::proximal_step_of(Vector3d(1, 2, 3)) == 0);
}
