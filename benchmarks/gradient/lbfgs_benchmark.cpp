#include <mesaopt/gradient/lbfgs.hpp>

#include <benchmark/benchmark.h>

#include <Eigen/Core>

#include <mesaopt/core/minimize.hpp>
#include <mesaopt/problems/rosenbrock.hpp>

// Extended Rosenbrock from its standard start until no entry of the gradient is above 1e-8. The targets in µs at
// n = 2, 10, 100, 1000, 10 000 are the best of the other libraries: 7.8, 12.8, 29.5, 219, 4370.

namespace {

using namespace mesaopt;
using problems::Rosenbrock;

constexpr GradientBelow stopping{1e-8};

template <class X>
void report(benchmark::State& bench, const Counts& counts, const X& x) {
  if ((x.array() - 1).abs().maxCoeff() > 1e-6) bench.SkipWithError("not solved");
  bench.counters["evaluations"] = double(counts.evaluations());
  bench.counters["iterations"] = double(counts.iterations);
}

template <class X>
void in_place(benchmark::State& bench) {
  const X start = Rosenbrock::start<X>(bench.range(0));
  RunOf<Lbfgs, GradientBelow, Rosenbrock, X> run;
  for (auto _ : bench) {
    begin(Rosenbrock{}, start, Lbfgs{}, stopping, run);
    resume(Rosenbrock{}, Lbfgs{}, stopping, run);
    benchmark::DoNotOptimize(run.state.value);
  }
  report(bench, run.state.calls.counts[0], run.state.x);
}

void minimized(benchmark::State& bench) {
  const Eigen::VectorXd start = Rosenbrock::start(bench.range(0));
  Counts counts;
  Eigen::VectorXd x;
  for (auto _ : bench) {
    const auto solution = minimize(Rosenbrock{}, start, Lbfgs{}, stopping);
    counts = solution.counts[0];
    x = solution.x;
  }
  report(bench, counts, x);
}

void direction(benchmark::State& bench) {
  const Eigen::Index n = bench.range(0);
  const LbfgsDirection lbfgs{};
  LbfgsDirection::Memory<Eigen::VectorXd> memory;
  Eigen::VectorXd x = Eigen::VectorXd::Zero(n), g = x, d = x;
  lbfgs.init(x, x, memory);
  for (int k = 0; k < 20; ++k) {
    const Eigen::VectorXd next = x + Eigen::VectorXd::Random(n), next_g = (1 + next.array().square()) * next.array();
    lbfgs.learn(x, g, next, next_g, memory);
    x = next;
    g = next_g;
  }
  int none = 0;
  for (auto _ : bench) {
    lbfgs.query(none, none, x, g, memory, d);
    benchmark::DoNotOptimize(d.data());
  }
}

BENCHMARK(in_place<Eigen::VectorXd>)->Arg(2)->Arg(10)->Arg(100)->Arg(1000)->Arg(10000)->Unit(benchmark::kMicrosecond);
BENCHMARK(minimized)->Arg(2)->Arg(10)->Arg(100)->Arg(1000)->Arg(10000)->Unit(benchmark::kMicrosecond);
BENCHMARK(in_place<Eigen::Vector2d>)->Arg(2)->Unit(benchmark::kMicrosecond);
BENCHMARK(in_place<Eigen::Vector<double, 10>>)->Arg(10)->Unit(benchmark::kMicrosecond);
BENCHMARK(direction)->Arg(2)->Arg(10)->Arg(100)->Arg(1000)->Arg(10000);

}  // namespace
