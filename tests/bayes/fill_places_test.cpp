#include <mesaopt/bayes/fill_places.hpp>

#include <Eigen/Core>

#include <mesaopt/bayes/bayesian_state.hpp>
#include <mesaopt/bayes/kernels.hpp>
#include <mesaopt/core/optimizer.hpp>
#include <mesaopt/core/status.hpp>

#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::VectorXd;

namespace {

using State = BayesianState<VectorXd, Nothing, kernels::Matern52>;

/// A batch of two in a box that is twice as wide as the cube, and starts in its lower corner.
State begun() {
  State state;
  state.box = {VectorXd::Zero(2), VectorXd::Constant(2, 2)};
  state.x = state.start = VectorXd::Zero(2);
  state.free = {0, 1};
  state.design = Sobol{.dimension = 2, .seed = 3};
  state.random = Random{3};
  state.observations = Observations(2);
  state.points.setZero(2, 2);
  state.waiting.setZero(2, 2);
  state.told.assign(2, true);
  state.ids.assign(2, 0);
  state.status = Status::running;
  return state;
}

const auto as_it_is = [](VectorXd&) {};

}  // namespace

TEST_CASE("the start comes first, then what is proposed, in the coordinates of the box", "[bayes][fill_places]") {
  State state = begun();
  const VectorXd u{{0.25, 0.75}};
  const auto batch = detail::fill_places(state, as_it_is, [&](const auto&) { return u; });
  REQUIRE(batch.points.cols() == 2);
  CHECK(batch.points.col(0) == state.start);
  CHECK(batch.points.col(1) == 2 * u);
  CHECK(state.waiting.col(1) == u);
}

TEST_CASE("what stands for a point is what is evaluated and learnt", "[bayes][fill_places]") {
  State state = begun();
  const auto rounded = [](VectorXd& x) { x = x.array().round(); };
  const auto batch = detail::fill_places(state, rounded, [&](const auto& land) {
    CHECK(land(VectorXd{{0.3, 0.9}}) == VectorXd{{0.5, 1.0}});
    return VectorXd{{0.3, 0.9}};
  });
  CHECK(batch.points.col(1) == VectorXd{{1, 2}});
  CHECK(state.waiting.col(1) == VectorXd{{0.5, 1.0}});
}

TEST_CASE("a point that waits is not proposed again, unless values are noisy", "[bayes][fill_places]") {
  for (const bool noisy : {false, true}) {
    State state = begun();
    state.noisy = noisy;
    const auto batch = detail::fill_places(state, as_it_is, [](const auto&) { return VectorXd(VectorXd::Zero(2)); });
    REQUIRE(batch.points.cols() == 2);
    CHECK((batch.points.col(1) == batch.points.col(0)) == noisy);
  }
}

TEST_CASE("where but one point can be evaluated, the search has stalled after it", "[bayes][fill_places]") {
  State state = begun();
  const auto to_the_corner = [](VectorXd& x) { x.setZero(); };
  const auto anywhere = [](const auto&) { return VectorXd(VectorXd::Ones(2)); };
  CHECK(detail::fill_places(state, to_the_corner, anywhere).points.cols() == 1);
  CHECK(state.status == Status::running);
  const std::uint64_t id = 0;
  const Evaluation<double> one(1.0);
  state.tell({&id, 1}, {&one, 1});
  CHECK(detail::fill_places(state, to_the_corner, anywhere).points.cols() == 0);
  CHECK(state.status == Status::stalled);
}
