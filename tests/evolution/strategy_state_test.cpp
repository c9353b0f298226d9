#include <mesaopt/evolution/strategy_state.hpp>

#include <cmath>
#include <cstdint>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/bytes.hpp>
#include <mesaopt/core/fields.hpp>
#include <mesaopt/evolution/cma_es.hpp>

#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::VectorXd;

namespace {
using State = CmaEs::State<VectorXd>;
const VectorXd start = VectorXd::Constant(3, 1.0);

/// One whose generation of 6 was drawn and told.
State told(const std::vector<double>& values) {
  State state;
  CmaEs{.population = 6}.init(start, state);
  state.draw_generation(false);
  const std::vector<Evaluation<double>> evaluations(values.begin(), values.end());
  REQUIRE(state.Generation<VectorXd>::take(state.ids, evaluations));
  return state;
}
}  // namespace

TEST_CASE("points are mean plus step size times the shaped draws, and the next generation goes on in the stream",
          "[evolution][strategy_state]") {
  State state;
  CmaEs{.population = 6}.init(start, state);
  state.draw_generation(false);
  CHECK(state.ids.front() == 0);
  CHECK(state.steps == state.draws);  // the first shape is round
  for (Eigen::Index k = 0; k < 6; ++k)
    CHECK((state.points.col(k) - (state.mean + 0.5 * state.steps.col(k))).norm() < 1e-15);
  const Eigen::MatrixXd before = state.draws;
  state.draw_generation(true);
  CHECK(state.ids.front() == 6);
  CHECK(state.draws.rightCols(3) == -state.draws.leftCols(3));
  CHECK(state.draws.col(0) != before.col(0));
}

TEST_CASE("a generation without a value moves nothing, and the next is drawn nearer", "[evolution][strategy_state]") {
  const double nan = std::nan("");
  State state = told({nan, nan, HUGE_VAL, nan, nan, -HUGE_VAL});
  const double width = state.step_size;
  for (int k = 1; k < 20; ++k) {
    state.learn_generation(false, 0, 0);
    CHECK(state.mean == start);
    CHECK(state.status == Status::running);
  }
  CHECK(state.step_size == width / (1 << 19));
  state.learn_generation(false, 0, 0);
  CHECK(state.status == Status::non_finite);
}

TEST_CASE("learning a generation moves the mean among the better half, and a larger tolerance ends the run",
          "[evolution][strategy_state]") {
  State state = told({5, 4, 3, 2, 1, 0}), loaded = load<State>(save(state));
  state.learn_generation(false, 0, 0);
  CHECK((state.mean - start).dot(state.points.col(5) - start) > 0);
  CHECK(state.status == Status::running);
  loaded.learn_generation(false, 0, 0);  // a loaded state comes without scratch
  CHECK(identical(loaded, state));
  State narrow = told({5, 4, 3, 2, 1, 0});
  narrow.learn_generation(false, 1e3, 0);
  CHECK(narrow.status == Status::converged);
}
