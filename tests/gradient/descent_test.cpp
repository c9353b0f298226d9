#include <mesaopt/gradient/descent.hpp>

#include <cmath>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <tuple>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/bytes.hpp>
#include <mesaopt/core/fields.hpp>
#include <mesaopt/core/minimize.hpp>
#include <mesaopt/gradient/lbfgs.hpp>
#include <mesaopt/gradient/more_thuente.hpp>
#include <mesaopt/problems/rosenbrock.hpp>

#include "support/allocations.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::VectorXd;
using problems::Rosenbrock;

namespace {

constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

/// A direction of a user's own: downhill in the variable that falls most steeply, which is forgotten once.
struct Coordinate {
  template <Point X>
  struct Memory {
    std::uint64_t learnt = 0;
    static constexpr auto fields() { return std::tuple{&Memory::learnt}; }
  };
  void check() const {}
  template <Start P, Point X>
  void init(const P&, const X&, Memory<X>& m) const {
    m.learnt = 0;
  }
  template <class F, class C, Point X>
  void query(const F&, C&, const X&, const X& gradient, Memory<X>&, X& d) const {
    Eigen::Index largest;
    gradient.cwiseAbs().maxCoeff(&largest);
    d.setZero();
    d[largest] = -gradient[largest];
  }
  template <Point X>
  void learn(const X&, const X&, const X&, const X&, Memory<X>& m) const {
    ++m.learnt;
  }
  template <Point X>
  bool forget(Memory<X>&) const {
    return false;
  }
  template <Point X>
  bool scaled(const Memory<X>&) const {
    return false;
  }
};
static_assert(Direction<Coordinate, VectorXd>);
static_assert(Direction<LbfgsDirection, VectorXd>);

/// Rosenbrock whose call number `at` (from 0) goes wrong, as `wrong` says.
template <class Wrong>
auto failing(const std::uint64_t& calls, std::uint64_t at, const Wrong& wrong) {
  return [&calls, at, wrong](const VectorXd& x, VectorXd& g) -> Evaluation<double> {
    std::uint64_t& count = const_cast<std::uint64_t&>(calls);
    const double value = Rosenbrock{}(x, g);
    return count++ == at ? wrong(value, g) : Evaluation<double>(value);
  };
}

}  // namespace

TEST_CASE("Descent takes a direction of one's own", "[descent]") {
  const auto ellipsoid = [](const VectorXd& x, VectorXd& g) {
    g = x.array() * VectorXd::LinSpaced(x.size(), 1, 5).array();
    return x.dot(g) / 2;
  };
  const Descent optimizer{Coordinate{}, MoreThuente{.curvature = 0.1}};
  const auto solution =
      minimize(ellipsoid, VectorXd(VectorXd::Ones(6)), optimizer, GradientBelow{1e-8} || MaxIterations{500});
  CHECK(solution.status == Status::gradient_below);
  CHECK(solution.x.norm() < 1e-7);
  CHECK(solution.state.memory.learnt == solution.counts[0].iterations);
}

TEST_CASE("The value never rises from step to step", "[descent]") {
  double last = std::numeric_limits<double>::infinity();
  minimize(Rosenbrock{}, Rosenbrock::start(20), Lbfgs{}, GradientBelow{1e-10}, [&](const auto& state, const Progress&) {
    CHECK(state.value <= last);
    last = state.value;
  });
}

TEST_CASE("A NaN on the way is stepped around, at whatever evaluation", "[descent]") {
  const auto nan_value = [](double, VectorXd&) { return Evaluation<double>(not_a_number); };
  const auto infinite_value = [](double, VectorXd&) {
    return Evaluation<double>(std::numeric_limits<double>::infinity());
  };
  const auto nan_gradient = [](double value, VectorXd& g) {
    g[1] = not_a_number;
    return Evaluation<double>(value);
  };
  const auto no_gradient = [](double value, VectorXd& g) {
    g.setConstant(not_a_number);
    return Evaluation<double>(value, Verdict::not_differentiable, Reason::none);
  };
  const auto check = [](const auto& wrong, Status at_start) {
    for (std::uint64_t at = 0; at <= 50; ++at) {
      CAPTURE(at);
      std::uint64_t calls = 0;
      const auto solution = minimize(failing(calls, at, wrong), Rosenbrock::start(4), Lbfgs{}, GradientBelow{1e-8});
      CHECK(solution.counts[0].evaluations() == calls);
      if (at == 0) {
        CHECK(solution.status == at_start);
        CHECK(calls == 1);
      } else {
        CHECK(solution.status == Status::gradient_below);
        CHECK((solution.x - Rosenbrock::solution(4)).norm() < 1e-7);
        CHECK(calls < 90);
      }
    }
  };
  check(nan_value, Status::bad_start);
  check(infinite_value, Status::bad_start);
  check(nan_gradient, Status::bad_start);
  check(no_gradient, Status::not_differentiable);
}

TEST_CASE("Where every further evaluation fails, the run ends at its best point and says why", "[descent]") {
  for (const bool differentiable : {true, false}) {
    std::uint64_t calls = 0;
    const auto f = [&](const VectorXd& x, VectorXd& g) -> Evaluation<double> {
      const double value = Rosenbrock{}(x, g);
      if (++calls <= 10) return value;
      g.setConstant(not_a_number);
      return differentiable ? Evaluation<double>(not_a_number)
                            : Evaluation<double>(value, Verdict::not_differentiable, Reason::none);
    };
    const auto solution = minimize(f, Rosenbrock::start(4), Lbfgs{}, GradientBelow{1e-8});
    CHECK(solution.status == (differentiable ? Status::non_finite : Status::not_differentiable));
    CHECK(solution.x.allFinite());
    CHECK(solution.value < 30);
    CHECK(calls <= 60);
  }
}

TEST_CASE("An exception leaves a run that can be taken on, to the same end", "[descent]") {
  const auto stopping = GradientBelow{1e-8} || MaxEvaluations{200};
  for (std::uint64_t at = 0; at < 45; ++at) {
    CAPTURE(at);
    std::uint64_t calls = 0;
    const auto f = failing(calls, at, [](double value, VectorXd&) -> Evaluation<double> {
      throw std::runtime_error("lost");
      return value;
    });
    RunOf<Lbfgs, std::remove_const_t<decltype(stopping)>, decltype(f), VectorXd> run;
    const VectorXd start = Rosenbrock::start(4);
    if (at == 0) {
      CHECK_THROWS_AS(begin(f, start, Lbfgs{}, stopping, run), std::runtime_error);
      begin(f, start, Lbfgs{}, stopping, run);
    } else {
      begin(f, start, Lbfgs{}, stopping, run);
      CHECK_THROWS_AS(resume(f, Lbfgs{}, stopping, run), std::runtime_error);
      CHECK(run.status == Status::running);
      VectorXd gradient(4);
      CHECK(Rosenbrock{}(run.state.x, gradient) == run.state.value);
      CHECK(gradient == run.state.gradient);
    }
    resume(f, Lbfgs{}, stopping, run);
    CHECK(run.status == Status::gradient_below);
    CHECK((run.state.x - Rosenbrock::solution(4)).norm() < 1e-7);
  }
}

TEST_CASE("The limit on evaluations is kept exactly, in the middle of line searches too", "[descent]") {
  double last = std::numeric_limits<double>::infinity();
  for (std::int64_t limit = 1; limit <= 44; ++limit) {
    CAPTURE(limit);
    std::uint64_t calls = 0;
    double best = std::numeric_limits<double>::infinity();
    const auto f = [&](const VectorXd& x, VectorXd& g) {
      ++calls;
      const double value = Rosenbrock{}(x, g);
      best = std::min(best, value);
      return value;
    };
    const auto solution = minimize(f, Rosenbrock::start(4), Lbfgs{}, GradientBelow{1e-8} || MaxEvaluations{limit});
    CHECK(solution.status == Status::max_evaluations);
    CHECK(calls == std::uint64_t(limit));
    CHECK(solution.counts[0].evaluations() == calls);
    CHECK(solution.value <= last);
    CHECK(solution.value == Rosenbrock{}(solution.x));
    last = solution.value;
  }
}

TEST_CASE("An inexact objective ends when its errors do not let it go on", "[descent]") {
  for (const double error : {1e-2, 1e-4, 1e-8}) {
    CAPTURE(error);
    std::uint64_t calls = 0;
    const auto f = [&](const VectorXd& x, VectorXd& g) {
      // Errors of a fixed pattern, as large as is said.
      Evaluation<double> evaluation = Rosenbrock{}(x, g);
      const double wave = std::sin(1e3 * double(++calls));
      evaluation.value += error * wave;
      g.array() += error * wave / 2;
      evaluation.verdict = Verdict::inexact;
      evaluation.value_error = error;
      evaluation.gradient_error = error;
      return evaluation;
    };
    const auto solution = minimize(f, Rosenbrock::start(4), Lbfgs{}, GradientBelow{1e-12} || MaxEvaluations{1000});
    CHECK(solution.status == Status::stalled);
    CHECK(calls < 120);
    CHECK(Rosenbrock{}(solution.x) < 50 * error);
  }
}

TEST_CASE("A domain with a border is kept to", "[descent]") {
  // The minimum is `barrier` away from it in each variable.
  for (const double outside :
       {not_a_number, std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity()})
    for (const double barrier : {1.0, 1e-1, 1e-2}) {
      CAPTURE(outside, barrier);
      const auto f = [&](const VectorXd& x, VectorXd& g) {
        if (x.minCoeff() <= 0) {
          g.setConstant(not_a_number);
          return outside;
        }
        g = VectorXd::Ones(x.size()).array() - barrier / x.array();
        return x.sum() - barrier * x.array().log().sum();
      };
      const auto solution =
          minimize(f, VectorXd(VectorXd::LinSpaced(5, 1, 9)), Lbfgs{}, GradientBelow{1e-8} || MaxEvaluations{500});
      CHECK(solution.status == Status::gradient_below);
      CHECK((solution.x.array() / barrier - 1).abs().maxCoeff() < 1e-6);
    }
}

TEST_CASE("Values that fall to a border end there, not in the middle of nowhere", "[descent]") {
  const auto f = [](const VectorXd& x, VectorXd& g) {
    g.setConstant(1);
    return x.minCoeff() < 1 ? not_a_number : x.sum();
  };
  const auto solution =
      minimize(f, VectorXd(VectorXd::Constant(3, 7.0)), Lbfgs{}, GradientBelow{1e-8} || MaxEvaluations{2000});
  CHECK(failed(solution.status));
  CHECK(solution.value < 3 + 1e-6);
  CHECK(solution.counts[0].evaluations() < 300);
}

TEST_CASE("A start that is a minimum already ends at once, as does one that cannot be left", "[descent]") {
  const auto there = minimize(Rosenbrock{}, Rosenbrock::solution(4), Lbfgs{}, GradientBelow{0});
  CHECK(there.status == Status::gradient_below);
  CHECK(there.counts[0].evaluations() == 1);
  const auto constant = [](const VectorXd&, VectorXd& g) {
    g.setZero();
    return 1.0;
  };
  const auto stuck = minimize(constant, VectorXd(VectorXd::Ones(2)), Lbfgs{}, MaxIterations{10});
  CHECK(stuck.status == Status::stalled);
  CHECK(stuck.counts[0].evaluations() == 1);
}

TEST_CASE("Gradients whose squares overflow or vanish are followed all the same", "[descent]") {
  for (const double scale : {1e-200, 1e200}) {
    CAPTURE(scale);
    const auto f = [&](const VectorXd& x, VectorXd& g) {
      g = scale * x;
      return scale * x.squaredNorm() / 2;
    };
    const auto solution =
        minimize(f, VectorXd(VectorXd::Constant(3, 2.0)), Lbfgs{}, GradientBelow{1e-8 * scale} || MaxEvaluations{200});
    CHECK(solution.status == Status::gradient_below);
  }
}

TEST_CASE("A gradient of the wrong sign ends a run soon, where it began", "[descent]") {
  std::uint64_t calls = 0;
  const auto f = [&](const VectorXd& x, VectorXd& g) {
    ++calls;
    const double value = Rosenbrock{}(x, g);
    g = -g;
    return value;
  };
  const auto solution = minimize(f, Rosenbrock::start(2), Lbfgs{}, GradientBelow{1e-8});
  CHECK((solution.status == Status::stalled || solution.value <= Rosenbrock{}(Rosenbrock::start(2))));
  CHECK(calls < 200);
}

TEST_CASE("The state of any descent is saved and loaded whole", "[descent]") {
  const Descent optimizer{Coordinate{}, MoreThuente{}};
  const auto stopping = MaxIterations{30};
  using R = RunOf<std::remove_const_t<decltype(optimizer)>, MaxIterations, Rosenbrock, VectorXd>;
  R run;
  begin(Rosenbrock{}, Rosenbrock::start(4), optimizer, stopping, run);
  for (int k = 0; k < 9; ++k) advance(Rosenbrock{}, optimizer, stopping, run);
  const auto bytes = save(run);
  R loaded;
  load(bytes, loaded);
  CHECK(identical(run, loaded));
  resume(Rosenbrock{}, optimizer, stopping, run);
  resume(Rosenbrock{}, optimizer, stopping, loaded);
  CHECK(identical(run, loaded));
}
