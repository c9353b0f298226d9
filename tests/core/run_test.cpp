#include <mesaopt/core/run.hpp>

#include <cmath>
#include <stdexcept>
#include <tuple>
#include <type_traits>

#include <Eigen/Core>

#include <mesaopt/core/bytes.hpp>
#include <mesaopt/core/fields.hpp>
#include <mesaopt/evolution/cma_es.hpp>
#include <mesaopt/gradient/lbfgs.hpp>
#include <mesaopt/gradient/newton.hpp>
#include <mesaopt/problems/rosenbrock.hpp>

#include "support/allocations.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::VectorXd;
using problems::Rosenbrock;

namespace {
const VectorXd x0 = Rosenbrock::start<VectorXd>(6);
const auto stopping = GradientBelow{1e-9} || Stalled{50} || MaxIterations{2000};
template <class O>
using RunWith = RunOf<O, std::remove_const_t<decltype(stopping)>, Rosenbrock, VectorXd>;
}  // namespace

TEMPLATE_TEST_CASE("a run is a value: copied, saved and restarted in place it goes on alike", "[core]", Lbfgs, Newton) {
  const TestType optimizer{};
  RunWith<TestType> straight;
  begin(Rosenbrock{}, x0, optimizer, stopping, straight);
  auto restarted = straight;
  for (int i = 0; i < 4; ++i) advance(Rosenbrock{}, optimizer, stopping, straight);
  auto copy = straight;
  RunWith<TestType> loaded;
  load(save(straight), loaded);
  CHECK(identical(straight, loaded));
  for (auto* run : {&straight, &copy, &loaded}) resume(Rosenbrock{}, optimizer, stopping, *run);
  CHECK(straight.status == Status::gradient_below);
  CHECK(identical(straight, copy));
  CHECK(identical(straight, loaded));
  CHECK(solution(straight).x.isApprox(VectorXd::Ones(6), 1e-7));

  for (int i = 0; i < 7; ++i) advance(Rosenbrock{}, optimizer, stopping, restarted);
  begin(Rosenbrock{}, x0, optimizer, stopping, restarted);
  resume(Rosenbrock{}, optimizer, stopping, restarted);
  CHECK(identical(straight, restarted));
}

TEMPLATE_TEST_CASE("steps and restarts allocate nothing", "[core][allocations]", Lbfgs, Newton) {
  const TestType optimizer{};
  RunWith<TestType> run;
  begin(Rosenbrock{}, x0, optimizer, stopping, run);
  advance(Rosenbrock{}, optimizer, stopping, run);
  const long before = allocations();
  for (int i = 0; i < 15; ++i) advance(Rosenbrock{}, optimizer, stopping, run);
  begin(Rosenbrock{}, x0, optimizer, stopping, run);
  resume(Rosenbrock{}, optimizer, stopping, run);
  CHECK(allocations() == before);
}

TEST_CASE("points of fixed size allocate nothing at all", "[core][allocations]") {
  const Eigen::Vector2d start(-1.2, 1);
  const long before = allocations();
  RunOf<Lbfgs, MaxIterations, Rosenbrock, Eigen::Vector2d> run;
  begin(Rosenbrock{}, start, Lbfgs{}, MaxIterations{60}, run);
  resume(Rosenbrock{}, Lbfgs{}, MaxIterations{60}, run);
  CHECK(allocations() == before);
  CHECK(run.state.x.isApprox(Eigen::Vector2d::Ones(), 1e-6));
}

TEST_CASE("a run that has ended stays ended, and can go on under another rule", "[core]") {
  RunOf<Lbfgs, MaxIterations, Rosenbrock, VectorXd> run;
  begin(Rosenbrock{}, x0, Lbfgs{}, MaxIterations{3}, run);
  resume(Rosenbrock{}, Lbfgs{}, MaxIterations{3}, run);
  CHECK(run.status == Status::max_iterations);
  CHECK(run.state.calls.counts[0].iterations == 3);
  resume(Rosenbrock{}, Lbfgs{}, MaxIterations{9}, run);
  CHECK(run.state.calls.counts[0].iterations == 3);
  run.status = Status::running;
  resume(Rosenbrock{}, Lbfgs{}, MaxIterations{9}, run);
  CHECK(run.state.calls.counts[0].iterations == 9);
}

TEST_CASE("a start that solves the problem ends the run before its first step", "[core]") {
  RunOf<Lbfgs, GradientBelow, Rosenbrock, VectorXd> run;
  const VectorXd ones = VectorXd::Ones(4);
  begin(Rosenbrock{}, ones, Lbfgs{}, GradientBelow{}, run);
  CHECK(run.status == Status::gradient_below);
  CHECK(run.state.calls.counts[0].evaluations() == 1);
}

TEST_CASE("a run whose start throws is no success and has nothing to resume", "[core]") {
  bool broken = false;
  const auto f = [&broken](const VectorXd& x, VectorXd& gradient) -> double {
    if (broken) throw std::runtime_error("broken");
    return Rosenbrock{}(x, gradient);
  };
  RunOf<Lbfgs, MaxIterations, decltype(f), VectorXd> run;
  begin(f, x0, Lbfgs{}, MaxIterations{50}, run);
  resume(f, Lbfgs{}, MaxIterations{50}, run);
  broken = true;
  CHECK_THROWS_WITH(begin(f, VectorXd::Zero(2).eval(), Lbfgs{}, MaxIterations{50}, run), "broken");
  CHECK(failed(run.status));
  CHECK_NOTHROW(resume(f, Lbfgs{}, MaxIterations{50}, run));
  CHECK(std::isnan(solution(run).value));
}

namespace {

struct Flat {
  double operator()(const VectorXd& x, VectorXd& gradient) const {
    gradient = 1e-6 * x;
    return 1 + 1e-6 * x.squaredNorm() / 2;
  }
};
struct Falling {
  template <Point X, class M = Nothing>
  struct State {
    X x{}, gradient{};
    double value = 0;
    Evaluation<double> evaluation{};
    Status status = Status::running;
    Calls<X, M> calls{};
    static constexpr auto fields() { return std::tuple{&State::x, &State::value, &State::evaluation, &State::calls}; }
  };
  void init(const Flat& f, const VectorXd& start, State<VectorXd>& state) const {
    state.x = start;
    state.evaluation = state.calls.gradient(f, state.x, state.gradient);
    state.value = state.evaluation.value;
  }
  void step(const Flat& f, State<VectorXd>& state) const {
    state.x /= 2;
    state.evaluation = state.calls.gradient(f, state.x, state.gradient);
    state.value = state.evaluation.value;
  }
};

}  // namespace

TEST_CASE("where values are flat to rounding the last point is the best one of a descent", "[core]") {
  RunOf<Falling, MaxIterations, Flat, VectorXd> run;
  const VectorXd start = VectorXd::Ones(1);
  begin(Flat{}, start, Falling{}, MaxIterations{40}, run);
  resume(Flat{}, Falling{}, MaxIterations{40}, run);
  CHECK(best_point(run) == run.state.x);
  CHECK(best_point(run)[0] < 1e-11);
}
