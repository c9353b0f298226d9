#include <mesaopt/bayes/freeze_thaw_choice.hpp>

#include <optional>
#include <tuple>

#include <Eigen/Core>

#include <mesaopt/bayes/freeze_thaw_search.hpp>
#include <mesaopt/bayes/kernels.hpp>

#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::VectorXd;

namespace {
struct Model {
  kernels::Matern52 operator()(Eigen::Index) const { return {}; }
};
struct NoSearch {};
using Settings = FreezeThawSearch<Model, NoSearch, NoSearch>;
struct Made {
  std::uint64_t made = 0;
  static constexpr auto fields() { return std::tuple{&Made::made}; }
  [[nodiscard]] std::uint64_t iterations() const { return made; }
  [[nodiscard]] bool complete() const { return made == 100; }
};
using State = Settings::State<VectorXd, PausableMemory<Made>>;

const Settings settings = [] {
  Settings s;
  s.length = 100;
  s.portion = 10;
  s.initial = 3;
  s.budget = 1000;
  return s;
}();
void add(State& state, double u, std::uint64_t iterations, double value) {
  FrozenRun<VectorXd, Made> run;
  run.x = run.u = VectorXd::Constant(1, u);
  run.iterations = run.inner.made = iterations;
  run.portions = iterations > 0 ? 1 : 0;
  run.evaluation = value;
  run.complete = iterations == 100;
  state.runs.push_back(run);
  if (iterations > 0) state.observations.add(VectorXd{{u, double(iterations) / 10}}, value);
}
State empty() {
  State state;
  state.box = {VectorXd::Zero(1), VectorXd::Ones(1)};
  state.x = VectorXd::Zero(1);
  state.free = {0};
  state.observations = Observations(2);
  state.design = state.candidates = Sobol{.dimension = 1};
  return state;
}
const auto none = std::optional<std::size_t>();
std::optional<std::size_t> choice(State& state) {
  return detail::FreezeThawChoice<State, Settings>(state, settings, 900).without_model();
}
}  // namespace

TEST_CASE("as many runs as are designed are begun, at different settings, before the model is asked", "[bayes]") {
  State state = empty();
  add(state, 0.1, 10, 5);
  add(state, 0.5, 20, 1);
  detail::FreezeThawChoice<State, Settings> first(state, settings, 900), second(state, settings, 900);
  CHECK(first.without_model() == 2u);
  CHECK(second.without_model() == 2u);
  CHECK(first.settings() != second.settings());
  add(state, 0.9, 10, 4);
  CHECK(choice(state) == none);
  state.observations = Observations(2);  // all have failed
  CHECK(choice(state) == 3u);
}

TEST_CASE("a run that was cut off before its first value comes before all others", "[bayes]") {
  State state = empty();
  add(state, 0.1, 10, 5);
  add(state, 0.5, 0, 0);
  CHECK(choice(state) == 1u);
}

TEST_CASE("without a free variable the start is run to its end, and then there is nothing left", "[bayes]") {
  State state = empty();
  state.free.clear();
  add(state, 0, 10, 5);
  CHECK(choice(state) == 0u);
  state.runs[0].complete = true;
  CHECK(choice(state) == 2u);
}
