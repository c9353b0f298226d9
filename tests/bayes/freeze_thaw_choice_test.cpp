#include <mesaopt/bayes/freeze_thaw_choice.hpp>

#include <algorithm>
#include <tuple>

#include <Eigen/Core>

#include <mesaopt/bayes/freeze_thaw_search.hpp>
#include <mesaopt/bayes/kernels.hpp>
#include <mesaopt/core/calls.hpp>
#include <mesaopt/core/optimizer.hpp>
#include <mesaopt/core/search.hpp>
#include <mesaopt/core/stopping.hpp>

#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::VectorXd;

namespace {
struct Model {
  kernels::Matern52 operator()(Eigen::Index n) const {
    VectorXd scales = VectorXd::Constant(n + 1, 0.3);
    scales[n] = 50;
    return {scales};
  }
};
/// Stays where it begins, which compiles in no time.
struct Stay {
  static constexpr bool handles_bounds = true;
  template <Point X, class M = Nothing>
  struct State {
    X x{};
    ScalarOf<X> value = 0;
    Evaluation<ScalarOf<X>> evaluation{};
    Status status = Status::running;
    Calls<X, M> calls{};
    static constexpr auto fields() { return std::tuple{&State::x}; }
  };
  template <class F, Point X>
  void init(const F& f, const X& start, StateOf<Stay, F, X>& state) const {
    state.x = start;
    state.evaluation = state.calls.value(f, start);
    state.value = state.evaluation.value;
    state.status = Status::stalled;
  }
  template <class F, Point X, class M>
  void step(const F&, State<X, M>&) const {}
};
using Staying = Search<Stay, MaxIterations>;
using Settings = FreezeThawSearch<Model, Staying, Staying>;
struct Made {
  std::uint64_t made = 0;
  static constexpr auto fields() { return std::tuple{&Made::made}; }
  [[nodiscard]] std::uint64_t iterations() const { return made; }
  [[nodiscard]] bool complete() const { return made == 100; }
};
using State = Settings::State<VectorXd, PausableMemory<Made>>;

const Settings settings = [] {
  Settings s{{}, {{}, MaxIterations{1}}, {{}, MaxIterations{1}}};
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
std::size_t choice(State& state, std::uint64_t left) {
  return detail::FreezeThawChoice<State, Settings>(state, settings, left)();
}
}  // namespace

TEST_CASE("the first runs are begun, one cut off before its first value comes first, then the lowest is taken on",
          "[bayes]") {
  State state = empty();
  add(state, 0.1, 10, 5);
  CHECK(choice(state, 900) == 1);
  add(state, 0.5, 0, 0);
  CHECK(choice(state, 900) == 1);
  state.runs.pop_back();
  add(state, 0.5, 10, 1);
  add(state, 0.9, 10, 4);
  CHECK(choice(state, 900) == 1);
  state.runs[1].failed = true;
  state.observations = Observations(2);
  for (const auto& run : state.runs)
    state.observations.add(VectorXd{{run.u[0], 1}}, run.failed ? std::nan("") : run.evaluation.value);
  state.surrogate = {};
  CHECK(choice(state, 900) != 1);
}

TEST_CASE("in the end the run that is to be an improvement is completed rather than a new one begun", "[bayes]") {
  State state = empty();
  add(state, 0.1, 100, 3);
  add(state, 0.5, 40, 1);
  add(state, 0.9, 10, 6);
  CHECK(choice(state, 70) == 1);
}

TEST_CASE("without a free variable the start is run to its end, and then there is nothing left", "[bayes]") {
  State state = empty();
  state.free.clear();
  add(state, 0, 10, 5);
  CHECK(choice(state, 900) == 0);
  state.runs[0].complete = true;
  CHECK(choice(state, 900) > 1);
}
