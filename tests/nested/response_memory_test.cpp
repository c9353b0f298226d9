#include <mesaopt/nested/response_memory.hpp>

#include <Eigen/Core>

#include <mesaopt/core/fields.hpp>
#include <mesaopt/direct/compass_search.hpp>
#include <mesaopt/nested/places.hpp>
#include <mesaopt/nested/start.hpp>

#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::Vector2d;
using Eigen::VectorXd;

namespace {
struct G {
  double operator()(const VectorXd& x, const Vector2d& y) const { return (y.array() - x[0]).square().sum(); }
};
using Types = detail::ResponseTypes<Family<G>, CompassSearch, Nearest<Vector2d>, VectorXd>;
using Record = detail::ResponseRecord<Types>;

/// As if the inner search had found y at x.
Record found(double x, const Vector2d& y) {
  Record record;
  record.x = VectorXd::Constant(1, x);
  record.run.state.x = y;
  record.remember = 2;
  record.solved = true;
  return record;
}
}  // namespace

TEST_CASE("a memory learns from solved records alone: how far solutions move, and the last ones in a ring",
          "[nested]") {
  detail::ResponseMemory<Types> memory;
  auto failed = found(1, Vector2d(9, 9));
  failed.solved = false;
  memory.absorb(failed);
  CHECK_FALSE(memory.known);
  memory.absorb(found(1, Vector2d(0, 0)));
  CHECK(memory.sensitivity == 0);
  memory.absorb(found(3, Vector2d(0, 6)));
  CHECK(memory.sensitivity == 3);
  memory.absorb(found(4, Vector2d(0, 7)));  // by less than lately: it is forgotten by half
  CHECK(memory.sensitivity == 1.5);
  CHECK(memory.y == Vector2d(0, 7));
  CHECK(memory.held == 2);
  CHECK(memory.xs(0, 0) == 4);
  CHECK(memory.ys.col(1) == Vector2d(0, 6));
  auto jumped = found(4.5, Vector2d(50, 50));
  jumped.other_basin = true;
  memory.absorb(jumped);
  CHECK(memory.sensitivity == 1.5);
  memory.clear();
  CHECK_FALSE(memory.known);
  CHECK(memory.held == 0);
}
