// Every sampler can be driven from outside, whoever evaluates its points, in whatever order, late, or not at all.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/fields.hpp>
#include <mesaopt/core/optimizer.hpp>
#include <mesaopt/core/random.hpp>
#include <mesaopt/direct/direct_l.hpp>
#include <mesaopt/direct/grid_search.hpp>
#include <mesaopt/direct/quasi_random_search.hpp>
#include <mesaopt/direct/random_search.hpp>
#include <mesaopt/evolution/cma_es.hpp>
#include <mesaopt/evolution/differential_evolution.hpp>
#include <mesaopt/evolution/limited_memory_cma_es.hpp>
#include <mesaopt/evolution/natural_evolution.hpp>
#include <mesaopt/evolution/openai_es.hpp>
#include <mesaopt/evolution/particle_swarm.hpp>
#include <mesaopt/evolution/separable_cma_es.hpp>

#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::VectorXd;

namespace {

double bowl(const VectorXd& x) { return (x.array() - 0.25).square().sum(); }
const VectorXd start = VectorXd::Constant(3, 1.0);

/// Tells the points of some batches in an order drawn at random, one by one. Of each generation it drops `lost`.
template <class O>
typename O::template State<VectorXd, Nothing> drive(const O& optimizer, std::uint64_t order, std::size_t lost,
                                                    int batches = 40) {
  typename O::template State<VectorXd, Nothing> state;
  optimizer.init(start, state);
  Random random{.seed = order};
  for (int b = 0; b < batches && state.status == Status::running; ++b) {
    const auto batch = optimizer.ask(state);
    const Eigen::MatrixXd points = batch.points;
    const std::vector<std::uint64_t> ids = batch.ids;
    std::vector<std::size_t> turn(ids.size());
    for (std::size_t k = 0; k < turn.size(); ++k) turn[k] = k;
    if (order > 0)
      for (std::size_t k = turn.size(); k > 1; --k) std::swap(turn[k - 1], turn[std::size_t(random.below(k))]);
    for (std::size_t i = 0; i < turn.size(); ++i) {
      const std::uint64_t id = ids[turn[i]];
      const Evaluation<double> value = bowl(points.col(Eigen::Index(turn[i])));
      if constexpr (requires { optimizer.drop(state, std::span<const std::uint64_t>{}); })
        if (i < lost) {
          optimizer.drop(state, {&id, 1});
          continue;
        }
      optimizer.tell(state, {&id, 1}, {&value, 1});
    }
  }
  return state;
}

}  // namespace

TEMPLATE_TEST_CASE("answers in any order, one by one, lead to the same bits", "[properties]", CmaEs, SeparableCmaEs,
                   LimitedMemoryCmaEs, Xnes, Snes, OpenAiEs, DifferentialEvolution, ParticleSwarm, RandomSearch,
                   QuasiRandomSearch, HaltonSearch, GridSearch, DirectL) {
  static_assert(SamplerFor<TestType, VectorXd>);
  const auto in_order = drive(TestType{}, 0, 0);
  for (const std::uint64_t order : {std::uint64_t(1), std::uint64_t(2)}) {
    const auto shuffled = drive(TestType{}, order, 0);
    CHECK(identical(in_order.x, shuffled.x));
    CHECK(identical(in_order.value, shuffled.value));
  }
  CHECK(in_order.value < bowl(start) / 2);
}

TEMPLATE_TEST_CASE("points that never come are given up, and the search goes on without them", "[properties]", CmaEs,
                   SeparableCmaEs, LimitedMemoryCmaEs, Xnes, Snes, OpenAiEs, DifferentialEvolution, ParticleSwarm) {
  const auto some = drive(TestType{}, 3, 2);
  CHECK(some.value < bowl(start) / 2);
  CHECK(identical(some.x, drive(TestType{}, 3, 2).x));

  typename TestType::template State<VectorXd, Nothing> state;
  const TestType optimizer{};
  optimizer.init(start, state);
  const std::vector<std::uint64_t> ids = optimizer.ask(state).ids;
  CHECK_THROWS_AS(optimizer.drop(state, ids), std::invalid_argument);  // more than half
  const std::vector<std::uint64_t> twice{ids[0], ids[0]}, unknown{ids.back() + 1};
  CHECK_THROWS_AS(optimizer.drop(state, twice), std::invalid_argument);
  CHECK_THROWS_AS(optimizer.drop(state, unknown), std::invalid_argument);
  CHECK(optimizer.ask(state).ids == ids);
  optimizer.drop(state, {ids.data(), 1});
  const Evaluation<double> value = 1.0;
  CHECK_THROWS_AS(optimizer.tell(state, {ids.data(), 1}, {&value, 1}), std::invalid_argument);
  CHECK(optimizer.ask(state).ids.size() == ids.size() - 1);
}

TEMPLATE_TEST_CASE("a search begins where another one ended, with what that learnt", "[properties]", CmaEs,
                   SeparableCmaEs, LimitedMemoryCmaEs, Xnes, Snes, OpenAiEs, DifferentialEvolution, ParticleSwarm,
                   RandomSearch, HaltonSearch, GridSearch) {
  const auto before = drive(CmaEs{}, 0, 0, 15);
  typename TestType::template State<VectorXd, Nothing> state, again;
  TestType{}.init(before, state);
  CHECK(identical(state.x, before.x));
  if constexpr (std::is_same_v<TestType, CmaEs>) {
    CHECK(identical(state.mean, before.mean));
    CHECK(identical(state.covariance, before.covariance));
    CHECK(state.step_size >= before.step_size);
  }
  // Of its own kind it knows more.
  const auto same = drive(TestType{}, 0, 0, 15);
  TestType{}.init(same, again);
  CHECK(identical(again.x, same.x));
  if constexpr (requires { again.population; }) CHECK(identical(again.population, same.population));
}
