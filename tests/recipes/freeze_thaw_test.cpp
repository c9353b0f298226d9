#include <mesaopt/recipes/freeze_thaw.hpp>

#include <cmath>
#include <functional>
#include <limits>
#include <numeric>
#include <stdexcept>
#include <tuple>

#include <Eigen/Core>

#include <mesaopt/core/bytes.hpp>
#include <mesaopt/core/fields.hpp>
#include <mesaopt/core/run.hpp>
#include <mesaopt/objective/bounds.hpp>

#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::VectorXd;

namespace {

struct Curve {
  std::uint64_t made = 0;
  static constexpr auto fields() { return std::tuple{&Curve::made}; }
  [[nodiscard]] std::uint64_t iterations() const { return made; }
  [[nodiscard]] bool complete() const { return made == 100; }
};
/// Learning curves of 100 iterations, value(x, iterations), as a function.
struct Curves {
  std::function<double(const VectorXd&, double)> value;
  template <class X>
  using Memory = PausableMemory<Curve>;
  double operator()(const VectorXd& x, const Call<Memory<VectorXd>>&) const { return value(x, 100); }
  double advance(const VectorXd& x, Curve& run, std::uint64_t iterations, const Call<Memory<VectorXd>>&) const {
    run.made += std::min<std::uint64_t>(iterations, 100 - run.made);
    return value(x, double(run.made));
  }
};
/// Decays to its level, which is least, 0, at (0.3, 0.6), from a height that is least elsewhere, at a rate of its own.
double decaying(const VectorXd& x, double t) {
  const double level = std::pow(x[0] - 0.3, 2) + 2 * std::pow(x[1] - 0.6, 2);
  return level + (3 - x[0] - x[1]) * std::exp(-(0.1 + 0.1 * x[1]) * t);
}

const VectorXd start = VectorXd::Constant(2, 0.9);
const Box<VectorXd> cube(VectorXd::Zero(2), VectorXd::Ones(2));
Within<Curves, VectorXd> of(std::function<double(const VectorXd&, double)> value) {
  return within(Curves{std::move(value)}, cube);
}
using State = FreezeThaw::State<VectorXd, PausableMemory<Curve>>;
State run(const FreezeThaw& search, const Within<Curves, VectorXd>& f) {
  State state;
  search.init(f, start, state);
  while (state.status == Status::running) search.step(f, state);
  return state;
}

}  // namespace

static_assert(OptimizerFor<FreezeThaw, Within<Curves, VectorXd>, VectorXd>);

TEST_CASE("runs that level off soon are begun often and completed rarely, and their least level is found",
          "[recipes][freeze_thaw]") {
  const auto f = of(decaying);
  const FreezeThaw search{.length = 100, .portion = 20, .budget = 600, .seed = 2};
  const State state = run(search, f);
  CHECK(state.status == Status::max_iterations);
  CHECK(state.value < 0.005);  // levels are up to 1.2; a point at random is as good with probability 0.012
  CHECK(state.evaluation.verdict == Verdict::fine);
  CHECK(state.value == f.value(state.x, 100));
  CHECK(state.best_run().complete());
  CHECK(state.runs.size() > 9);  // for the cost of 6 full lengths
  CHECK(state.completed() < 6);
  std::uint64_t sum = 0, frozen_early = 0;
  for (const auto& each : state.runs) {
    sum += each.iterations;
    if (each.iterations <= 40) ++frozen_early;
  }
  CHECK(state.spent == 600);
  CHECK(sum == 600);
  CHECK(2 * frozen_early > state.runs.size());
}

TEST_CASE("copied, or saved and loaded in the middle, a freeze-thaw search goes on with the same bits",
          "[recipes][freeze_thaw]") {
  const auto f = of(decaying);
  const FreezeThaw search{.length = 100, .portion = 10, .budget = 230};
  State whole;
  search.init(f, start, whole);
  for (int k = 0; k < 12; ++k) search.step(f, whole);
  State loaded;
  load(save(whole), loaded);
  for (int k = 0; k < 5; ++k) {
    search.step(f, whole);
    search.step(f, loaded);
  }
  CHECK(identical(whole, loaded));
  CHECK(whole.runs.size() > 6);  // beyond the first ones
}

TEST_CASE("runs that diverge or are no number are stopped, and where they were is avoided", "[recipes][freeze_thaw]") {
  const auto f = of([](const VectorXd& x, double t) {
    if (x[0] > 0.5) return t > 5 ? std::nan("") : 1e300;
    if (x[1] > 0.9) return std::numeric_limits<double>::infinity();
    return decaying(x, t);
  });
  const State state = run({.length = 100, .portion = 5, .budget = 500}, f);
  CHECK(state.value < 0.05);
  std::size_t failed = 0;
  for (const auto& each : state.runs) {
    if (each.failed) CHECK(each.iterations <= 10);
    failed += each.failed ? 1 : 0;
  }
  CHECK(failed > 0);
  CHECK(3 * failed < state.runs.size());

  const State nothing =
      run({.length = 100, .portion = 5, .budget = 100}, of([](const VectorXd&, double) { return std::nan(""); }));
  CHECK(nothing.spent == 100);
  CHECK_FALSE(nothing.evaluation.usable());
  CHECK(nothing.x == start);
}

TEST_CASE("as long as no run is complete the answer is inexact", "[recipes][freeze_thaw]") {
  const State state = run({.length = 100, .portion = 10, .budget = 37}, of(decaying));
  CHECK(state.spent == 37);
  CHECK(state.completed() == 0);
  CHECK(state.evaluation.verdict == Verdict::inexact);
  CHECK(std::isfinite(state.value));
}

TEST_CASE("an exception passes through, and what the run has made is counted", "[recipes][freeze_thaw]") {
  int calls = 0;
  const auto f = of([&](const VectorXd& x, double t) {
    if (++calls == 3) throw std::runtime_error("the cluster is down");
    return decaying(x, t);
  });
  const FreezeThaw search{.length = 100, .portion = 10, .budget = 95};
  State state;
  search.init(f, start, state);
  search.step(f, state);
  search.step(f, state);
  CHECK_THROWS_AS(search.step(f, state), std::runtime_error);
  while (state.status == Status::running) search.step(f, state);
  CHECK(state.spent == 95);
}
