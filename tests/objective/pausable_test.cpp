#include <mesaopt/objective/pausable.hpp>

#include <tuple>

#include <Eigen/Core>

#include <mesaopt/core/calls.hpp>

#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::VectorXd;

namespace {
struct Counter {
  std::uint64_t made = 0;
  static constexpr auto fields() { return std::tuple{&Counter::made}; }
  [[nodiscard]] std::uint64_t iterations() const { return made; }
  [[nodiscard]] bool complete() const { return made == 10; }
};
/// Halves what is left with each of 10 iterations.
struct Halving {
  template <class X>
  using Memory = PausableMemory<Counter>;
  double operator()(const VectorXd& x, const Call<Memory<VectorXd>>&) const { return x[0] / 1024; }
  double advance(const VectorXd& x, Counter& run, std::uint64_t iterations, const Call<Memory<VectorXd>>&) const {
    run.made = std::min<std::uint64_t>(10, run.made + iterations);
    return std::ldexp(x[0], -int(run.made));
  }
};
struct Plain {
  double operator()(const VectorXd& x) const { return x[0]; }
};
}  // namespace

static_assert(PausedRun<Counter>);
static_assert(!PausedRun<int>);
static_assert(Pausable<Halving, VectorXd>);
static_assert(!Pausable<Plain, VectorXd>);

TEST_CASE("portions of a run are counted as evaluations, and end at the value of the whole", "[objective]") {
  Calls<VectorXd, PausableMemory<Counter>> calls;
  calls.limit = 3;
  const VectorXd x = VectorXd::Constant(1, 1024);
  Counter run;
  const NextPortion<Halving, Counter> next{{}, run, 6};
  CHECK(calls.value(next, x).value == 16);
  CHECK(calls.value(next, x).value == calls.value(Halving{}, x).value);
  CHECK(run.complete());
  CHECK(calls.counts[0].values == 3);
  CHECK(calls.value(next, x).reason == Reason::budget_spent);
}
