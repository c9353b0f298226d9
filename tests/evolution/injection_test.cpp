#include <mesaopt/evolution/injection.hpp>

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/bytes.hpp>
#include <mesaopt/core/fields.hpp>
#include <mesaopt/core/minimize.hpp>
#include <mesaopt/evolution/cma_es.hpp>
#include <mesaopt/evolution/natural_evolution.hpp>
#include <mesaopt/evolution/separable_cma_es.hpp>
#include <mesaopt/objective/bounds.hpp>
#include <mesaopt/problems/ellipsoid.hpp>

#include "support/allocations.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::VectorXd;
using problems::Ellipsoid;

static_assert(detail::Invertible<CmaEs::State<VectorXd>>);
static_assert(detail::Invertible<SeparableCmaEs::State<VectorXd>>);
static_assert(!detail::Invertible<Xnes::State<VectorXd>>);

TEMPLATE_TEST_CASE("an injected point is evaluated as it is, and learnt from as if it lay no farther than draws do",
                   "[injection]", CmaEs, SeparableCmaEs) {
  const TestType es{.step_size = 0.3};
  typename TestType::template State<VectorXd> state;
  const Ellipsoid f;
  es.init(f, VectorXd(VectorXd::Constant(5, 2.0)), state);
  for (int i = 0; i < 40; ++i) es.step(f, state);
  const VectorXd far = VectorXd::Constant(5, 1000.0), near = state.mean;
  es.inject(state, far);
  es.inject(state, near);
  const auto batch = es.ask(state);
  CHECK(batch.points.col(0) == far);
  CHECK(batch.points.col(1) == near);
  CHECK(state.draws.col(0).norm() == Approx(std::sqrt(5.0) + 10.0 / 7).epsilon(1e-12));
  CHECK(state.draws.col(1).norm() == 0);
  // Draw and step belong together, and point where the injected point lies.
  const VectorXd step = state.steps.col(0), way = far - state.mean;
  CHECK(step.normalized().dot(way.normalized()) == Approx(1).epsilon(1e-12));
  PointsOf<VectorXd> shaped;
  auto copy = state;
  shaped.resize(5, state.draws.cols());
  copy.shape(state.draws, shaped);
  CHECK((shaped - state.steps).cwiseAbs().maxCoeff() <= 1e-9 * state.steps.cwiseAbs().maxCoeff());
  for (int i = 0; i < 2; ++i) es.step(f, state);
  CHECK(state.outside.count == 0);
}

TEST_CASE("the optimum injected is the best point after one generation", "[injection]") {
  const CmaEs es{};
  CmaEs::State<VectorXd> state;
  const Ellipsoid f;
  es.init(f, VectorXd(VectorXd::Constant(6, 2.0)), state);
  es.step(f, state);
  es.inject(state, VectorXd(VectorXd::Zero(6)));
  es.step(f, state);
  CHECK(state.value == 0);
  CHECK(state.x == VectorXd::Zero(6));
}

TEST_CASE("injected points help if they are good and do no harm if they are bad", "[injection]") {
  // Hansen (2011): good solutions, shortened where they are far away, save evaluations; bad ones are
  // outranked.
  const auto evaluations = [](double distance) {
    const CmaEs es{.seed = 3};
    CmaEs::State<VectorXd> state;
    const Ellipsoid f;
    es.init(f, VectorXd(VectorXd::Constant(10, 2.0)), state);
    Random random{5, 1};
    while (!(state.value < 1e-8) && state.calls.counts[0].evaluations() < 20'000) {
      if (distance > 0) {
        VectorXd point(10);
        for (double& entry : point) entry = random.uniform(-1.0, 1.0) * distance;
        es.inject(state, point);
      }
      es.step(f, state);
    }
    return state.calls.counts[0].evaluations();
  };
  const auto usual = evaluations(0);
  CHECK(evaluations(1e-3) < usual);
  CHECK(evaluations(1e6) < usual * 3 / 2);
}

TEST_CASE("a state saved with injected points that wait goes on with the same bits", "[injection]") {
  const CmaEs es{};
  CmaEs::State<VectorXd> straight, loaded;
  const Ellipsoid f;
  es.init(f, VectorXd(VectorXd::Constant(4, 2.0)), straight);
  es.step(f, straight);
  es.inject(straight, VectorXd(VectorXd::Constant(4, 0.5)));
  load(save(straight), loaded);
  auto copied = straight;
  for (auto* state : {&straight, &loaded, &copied})
    for (int i = 0; i < 20; ++i) es.step(f, *state);
  CHECK(identical(straight, loaded));
  CHECK(identical(straight, copied));
  const long before = allocations();
  es.inject(straight, straight.x);
  es.step(f, straight);
  CHECK(allocations() == before);
  es.init(f, VectorXd(VectorXd::Constant(4, 2.0)), straight);
  CmaEs::State<VectorXd> fresh;
  es.init(f, VectorXd(VectorXd::Constant(4, 2.0)), fresh);
  CHECK(identical(straight, fresh));
}

TEST_CASE("a point that cannot be one of the generation is refused, and nothing changes", "[injection]") {
  const CmaEs es{};
  CmaEs::State<VectorXd> state;
  const auto f = within(Ellipsoid{}, Box<VectorXd>{VectorXd::Constant(3, -1.0), VectorXd::Constant(3, 2.0)});
  es.init(f, VectorXd(VectorXd::Zero(3)), state);
  const auto before = state;
  CHECK_THROWS_WITH(es.inject(state, VectorXd(VectorXd::Zero(2))), Catch::Contains("point") && Catch::Contains("2"));
  CHECK_THROWS_WITH(es.inject(state, VectorXd(VectorXd::Constant(3, NAN))), Catch::Contains("point"));
  CHECK_THROWS_WITH(es.inject(state, VectorXd(VectorXd::Constant(3, 3.0))), Catch::Contains("3"));
  CHECK(identical(state, before));
  es.inject(state, VectorXd(VectorXd::Constant(3, 2.0)));
  CHECK(es.ask(state).points.col(0) == VectorXd::Constant(3, 2.0));
}

TEMPLATE_TEST_CASE("a strategy of which two evaluations in five never come arrives all the same", "[injection]", CmaEs,
                   SeparableCmaEs) {
  const TestType es{.population = 10};
  typename TestType::template State<VectorXd> state;
  const Ellipsoid f;
  es.init(VectorXd(VectorXd::Constant(6, 2.0)), state);
  Random random{7, 1};
  int told = 0;
  while (!(state.value < 1e-8) && told < 20'000) {
    const auto batch = es.ask(state);
    const auto ids = batch.ids;
    const PointsOf<VectorXd> points = batch.points;
    const auto first = std::size_t(random.below(7));
    es.drop(state, {ids.data() + first, 4});
    for (std::size_t k = 0; k < 10; ++k) {
      if (k >= first && k < first + 4) continue;
      const Evaluation<double> evaluation = f(VectorXd(points.col(Eigen::Index(k))));
      es.tell(state, {&ids[k], 1}, {&evaluation, 1});
      ++told;
    }
  }
  CHECK(state.value < 1e-8);
  CHECK(told < 6000);
  INFO(told);
}
