#include <mesaopt/bayes/freeze_thaw_state.hpp>

#include <stdexcept>
#include <tuple>

#include <Eigen/Core>

#include <mesaopt/bayes/kernels.hpp>
#include <mesaopt/core/optimizer.hpp>

#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::VectorXd;

namespace {
struct Pages {
  std::uint64_t read = 0;
  static constexpr auto fields() { return std::tuple{&Pages::read}; }
  [[nodiscard]] std::uint64_t iterations() const { return read; }
  [[nodiscard]] bool complete() const { return read == 9; }
};
using State = FreezeThawState<VectorXd, PausableMemory<Pages>, kernels::Matern52>;
}  // namespace

static_assert(SearchState<State>);

TEST_CASE("complete runs alone are what a freeze-thaw state has observed", "[bayes]") {
  State state;
  CHECK_THROWS_AS(state.best_run(), std::out_of_range);
  state.x = VectorXd::Zero(1);
  for (int i = 0; i < 4; ++i) {
    FrozenRun<VectorXd, Pages> run;
    run.x = VectorXd::Constant(1, i);
    run.evaluation = 10.0 * i;
    run.complete = i % 2 == 1;
    run.failed = i == 2;
    CHECK(run.paused() == (i == 0));
    state.runs.push_back(run);
  }
  CHECK(state.completed() == 2);
  CHECK(state.observed_points() == (Eigen::MatrixXd(1, 2) << 1, 3).finished());
  CHECK(state.observed_values() == Eigen::Vector2d(10, 30));
}

TEST_CASE("the cube of a freeze-thaw state holds the free variables alone, also of the widest box", "[bayes]") {
  State state;
  state.box = {VectorXd{{-1e308, 5, -2}}, VectorXd{{1e308, 5, 6}}};
  state.free = {0, 2};
  const VectorXd u = state.to_cube(VectorXd{{0, 5, 4}});
  CHECK(u == VectorXd{{0.5, 0.75}});
  VectorXd back{{9, 5, 9}};
  state.to_box(u, back);
  CHECK(back == VectorXd{{0, 5, 4}});
}
