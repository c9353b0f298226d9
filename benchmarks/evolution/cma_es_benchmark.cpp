// Time of CMA-ES itself, without the objective: asking for and telling one generation, by number of variables.

#include <cstdint>
#include <span>
#include <vector>

#include <benchmark/benchmark.h>
#include <Eigen/Core>

#include <mesaopt/core/evaluation.hpp>
#include <mesaopt/core/random.hpp>
#include <mesaopt/evolution/cma_es.hpp>
#include <mesaopt/evolution/principal_axes.hpp>

namespace {

using mesaopt::CmaEs, mesaopt::Evaluation;

/// Generations in the middle of a search on an ellipsoid; when the run converges it begins anew, which takes part.
template <class X>
void generation(benchmark::State& benchmark, bool active) {
  using S = mesaopt::ScalarOf<X>;
  const auto n = Eigen::Index(benchmark.range(0));
  const CmaEs cma_es{.active = active};
  CmaEs::State<X> state;
  const X start = X::Ones(n);
  cma_es.init(start, state);
  std::vector<Evaluation<S>> values;
  std::int64_t evaluations = 0;
  for (auto _ : benchmark) {
    if (state.status != mesaopt::Status::running) cma_es.init(start, state);
    const auto batch = cma_es.ask(state);
    values.clear();
    // The cheapest objective whose level sets are not round.
    for (Eigen::Index k = 0; k < batch.points.cols(); ++k)
      values.emplace_back(batch.points.col(k).squaredNorm() + S(1000) * batch.points(0, k) * batch.points(0, k));
    cma_es.tell(state, batch.ids, std::span<const Evaluation<S>>(values));
    evaluations += std::int64_t(values.size());
  }
  benchmark.counters["per_evaluation"] = benchmark::Counter(
      double(evaluations), benchmark::Counter::Flags(benchmark::Counter::kIsRate | benchmark::Counter::kInvert));
}

/// One decomposition of a covariance.
void decomposition(benchmark::State& benchmark) {
  const auto n = Eigen::Index(benchmark.range(0));
  Eigen::MatrixXd A(n, n);
  mesaopt::Random random{1};
  random.fill_normal(A);
  A = (A * A.transpose()).eval();
  Eigen::MatrixXd axes(n, n);
  Eigen::VectorXd values(n);
  mesaopt::detail::PrincipalAxes<Eigen::VectorXd> principal_axes;
  for (auto _ : benchmark) {
    benchmark::DoNotOptimize(principal_axes(A, axes, values));
  }
}

void active(benchmark::State& benchmark) { generation<Eigen::VectorXd>(benchmark, true); }
void plain(benchmark::State& benchmark) { generation<Eigen::VectorXd>(benchmark, false); }
void single_precision(benchmark::State& benchmark) { generation<Eigen::VectorXf>(benchmark, true); }
void fixed_size(benchmark::State& benchmark) { generation<Eigen::Vector<double, 10>>(benchmark, true); }

}  // namespace

BENCHMARK(active)->Arg(5)->Arg(10)->Arg(20)->Arg(40)->Arg(100)->Arg(200);
BENCHMARK(plain)->Arg(5)->Arg(10)->Arg(20)->Arg(40)->Arg(100);
BENCHMARK(single_precision)->Arg(10)->Arg(40)->Arg(100);
BENCHMARK(fixed_size)->Arg(10);
BENCHMARK(decomposition)->Arg(5)->Arg(10)->Arg(20)->Arg(40)->Arg(100)->Arg(200);
