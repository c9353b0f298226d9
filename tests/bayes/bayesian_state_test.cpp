#include <mesaopt/bayes/bayesian_state.hpp>

#include <cstdint>
#include <limits>
#include <stdexcept>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/bayes/kernels.hpp>

#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::VectorXd;
using State = BayesianState<VectorXd, Nothing, kernels::SquaredExponential>;

namespace {
State begun() {
  State state;
  state.x = state.start = VectorXd{{1, 2, 3}};
  state.box = {VectorXd{{0, 2, -1e308}}, VectorXd{{4, 2, 1e308}}};
  state.free = {0, 2};
  state.observations = Observations(2);
  state.points.setZero(3, 2);
  state.waiting.setZero(2, 2);
  state.ids.assign(2, 0);
  state.told.assign(2, true);
  return state;
}
}  // namespace

TEST_CASE("points go to the cube of the free variables and back", "[bayes][bayesian_state]") {
  const State state = begun();
  CHECK(state.to_cube(VectorXd{{1, 2, 0}}) == VectorXd{{0.25, 0.5}});
  VectorXd x = state.start;
  state.to_box(VectorXd{{0.75, 1}}, x);
  CHECK(x == VectorXd{{3, 2, 1e308}});
}

TEST_CASE("an evaluation is taken once, by the name of its point", "[bayes][bayesian_state]") {
  State state = begun();
  const auto draw = [&](Eigen::Index k) {
    state.points.col(k) << double(state.next), 2, 0;
    return true;
  };
  CHECK(state.ask(draw).ids == std::vector<std::uint64_t>{0, 1});
  const std::vector<Evaluation<double>> values{4.0, -1.0};
  const std::vector<std::uint64_t> second{1}, twice{0, 0}, unknown{0, 7}, first{0};
  CHECK_THROWS_AS(state.tell(twice, values), std::invalid_argument);
  CHECK_THROWS_AS(state.tell(unknown, values), std::invalid_argument);
  CHECK_THROWS_AS(state.tell(first, values), std::invalid_argument);
  CHECK(state.observations.size() == 0);
  state.tell(second, {values.data(), 1});
  CHECK(state.value == 4);
  CHECK(state.x[0] == 1);
  CHECK_THROWS_AS(state.tell(second, {values.data(), 1}), std::invalid_argument);
  CHECK(state.ask(draw).ids == std::vector<std::uint64_t>{0, 2});
  state.tell(first, {values.data() + 1, 1});
  CHECK(state.value == -1);
  CHECK(state.observed_values() == VectorXd{{4, -1}});
}
