#include <mesaopt/gradient/dual_active_set.hpp>

#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <stdexcept>

#include <Eigen/Core>

#include <mesaopt/core/bytes.hpp>
#include <mesaopt/core/fields.hpp>
#include <mesaopt/core/minimize.hpp>
#include <mesaopt/problems/random_quadratic_program.hpp>

#include "gradient/kkt_residual.hpp"
#include "support/allocations.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;
using problems::RandomQuadraticProgram;
using Program = QuadraticProgram<double>;

namespace {

/// A program that an optimizer knows by its calls alone, without a Hessian, and 3 higher. `intrude` may spoil value and
/// gradient.
struct Any {
  Program program{};
  std::function<void(const VectorXd&, double&, VectorXd&)> intrude{};
  static constexpr bool quadratic = true;
  double operator()(const VectorXd& x, VectorXd& g) const {
    double value = program(x, g) + 3;
    if (intrude) intrude(x, value, g);
    return value;
  }
  [[nodiscard]] Index equalities() const { return program.equalities(); }
  [[nodiscard]] Index inequalities() const { return program.inequalities(); }
  void constraints(const VectorXd& x, VectorXd& c) const { program.constraints(x, c); }
  void constraints(const VectorXd& x, VectorXd& c, MatrixXd& J) const { program.constraints(x, c, J); }
  [[nodiscard]] Box<VectorXd> box() const { return program.box(); }
};

double distance(const VectorXd& a, const VectorXd& b) {
  return a.size() == b.size() ? (a - b).cwiseAbs().maxCoeff() : std::numeric_limits<double>::infinity();
}
template <class S>
double residual(const Program& p, const S& state) {
  return kkt_residual(p, state.x, state.multipliers, state.bound_multipliers);
}

/// A prior that knows multipliers, and no active set.
struct KnowsMultipliers {
  VectorXd x, multipliers, bound_multipliers;
};

}  // namespace

static_assert(OptimizerFor<DualActiveSet, Program, VectorXd>);
static_assert(OptimizerFor<DualActiveSet, Any, VectorXd>);
static_assert(Constrained<Program, VectorXd> && Bounded<Program, VectorXd> && TwiceDifferentiable<Program, VectorXd>);
static_assert(HasMultipliers<DualActiveSet::State<VectorXd>> && HasActiveSet<DualActiveSet::State<VectorXd>>);

TEST_CASE("DualActiveSet minimizes programs by the one call that all optimizers have", "[dual_active_set]") {
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    CAPTURE(seed);
    const auto made = RandomQuadraticProgram{.variables = 10 + Index(seed)}(seed);
    const VectorXd x0 = VectorXd::Zero(made.x.size());
    const auto s = minimize(made.program, x0, DualActiveSet{});
    CHECK(s.status == Status::converged);
    CHECK(distance(s.x, made.x) < 1e-11);
    CHECK(residual(made.program, s.state) < 1e-11);
    CHECK(s.value == Approx(made.program(made.x)));
    CHECK(s.counts[0].gradients == 1);
    CHECK(s.counts[0].iterations > 1);
    CHECK(s.state.regularity.regular());
    CHECK(s.state.active.size() ==
          (s.state.multipliers.array() != 0).count() + (s.state.bound_multipliers.array() != 0).count());
  }
}

TEST_CASE("DualActiveSet reads the program from any quadratic objective, differences of gradients included",
          "[dual_active_set]") {
  for (std::uint64_t seed = 0; seed < 5; ++seed) {
    CAPTURE(seed);
    const auto made = RandomQuadraticProgram{.variables = 12}(seed);
    const VectorXd x0 = VectorXd::Constant(12, 0.3);
    const auto s = minimize(Any{made.program}, x0, DualActiveSet{});
    CHECK(s.status == Status::converged);
    CHECK(distance(s.x, made.x) < 1e-10);
    CHECK(residual(made.program, s.state) < 1e-10);
    CHECK(s.value == Approx(made.program(made.x) + 3));
    CHECK(s.counts[0].constraints == 1);
  }
}

TEST_CASE("A run of DualActiveSet from its own solution has at most one iteration", "[dual_active_set]") {
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    CAPTURE(seed);
    const auto made = RandomQuadraticProgram{.variables = 20, .nullity = Index(seed) % 3}(seed);
    const auto s = minimize(made.program, VectorXd(VectorXd::Zero(20)), DualActiveSet{});
    const auto by_state = minimize(made.program, s.state, DualActiveSet{});
    CHECK(by_state.counts[0].iterations <= 1);
    CHECK(identical(by_state.x, s.x));
    CHECK(identical(by_state.state.multipliers, s.state.multipliers));
    const KnowsMultipliers known{VectorXd::Zero(20), s.state.multipliers, s.state.bound_multipliers};
    const auto by_multipliers = minimize(made.program, known, DualActiveSet{});
    CHECK(by_multipliers.counts[0].iterations <= 1);
    CHECK(by_multipliers.state.active == s.state.active);
    // A point says which bounds and constraints hold it.
    const auto by_point = minimize(made.program, s.x, DualActiveSet{});
    CHECK(by_point.counts[0].iterations <= 1);
    CHECK(by_point.state.active == s.state.active);
    CHECK(distance(by_point.x, s.x) < 1e-6);
  }
}

TEST_CASE("A neighbour of a program takes DualActiveSet a few iterations from the state of the other",
          "[dual_active_set]") {
  auto made = RandomQuadraticProgram{.variables = 40, .inequalities = 60}(3);
  const auto cold = minimize(made.program, VectorXd(VectorXd::Zero(40)), DualActiveSet{});
  made.program.b.array() += 1e-3;
  made.program.Q *= 1.001;
  const auto warm = minimize(made.program, cold.state, DualActiveSet{});
  CHECK(warm.status == Status::converged);
  CHECK(residual(made.program, warm.state) < 1e-11);
  CHECK(cold.counts[0].iterations > 30);
  CHECK(warm.counts[0].iterations <= 4);
}

TEST_CASE("DualActiveSet says what is wrong with a program, and proves it", "[dual_active_set]") {
  Program p = RandomQuadraticProgram{.variables = 8, .nullity = 2}(1).program;
  const VectorXd x0 = VectorXd::Zero(8);
  SECTION("infeasible") {
    p.A.row(1) = -p.A.row(0);
    p.b[1] = -p.b[0] - 1;
    const auto s = minimize(p, x0, DualActiveSet{});
    CHECK(s.status == Status::infeasible);
    CHECK(proves_infeasible(p, s.state.infeasibility));
  }
  SECTION("unbounded") {
    p = Program{.Q = p.Q, .c = VectorXd::Ones(8)};
    const auto s = minimize(p, x0, DualActiveSet{});
    CHECK(s.status == Status::unbounded);
    CHECK(proves_unbounded(p, s.state.ray));
  }
  SECTION("not convex") {
    p.Q(0, 0) -= 3;
    CHECK(minimize(p, x0, DualActiveSet{}).status == Status::not_convex);
  }
  SECTION("not finite") {
    p.c[3] = std::numeric_limits<double>::quiet_NaN();
    CHECK(minimize(p, x0, DualActiveSet{}).status == Status::bad_start);
  }
  SECTION("weakly active") {
    const auto s = minimize(p, x0, DualActiveSet{});
    Index free = 0;
    while (s.state.active.bounds[std::size_t(free)] != 0) ++free;
    p.lower[free] = s.x[free];
    const auto weak = minimize(p, x0, DualActiveSet{});
    CHECK(weak.status == Status::converged);
    CHECK_FALSE(weak.state.regularity.regular());
  }
}

TEST_CASE("An objective that is not the quadratic that it says is not called solved", "[dual_active_set]") {
  const auto made = RandomQuadraticProgram{.variables = 6}(2);
  const Any f{made.program, [](const VectorXd& x, double& value, VectorXd& g) {
                value += 10 * std::cos(9 * x.sum());
                g.array() -= 90 * std::sin(9 * x.sum());
              }};
  const auto s = minimize(f, VectorXd(VectorXd::Zero(6)), DualActiveSet{});
  CHECK_FALSE(succeeded(s.status));
  CHECK(s.counts[0].iterations < 1000);
}

TEST_CASE("A NaN of the objective ends DualActiveSet, at the start or at the solution", "[dual_active_set]") {
  const auto made = RandomQuadraticProgram{.variables = 6}(2);
  const int at = GENERATE(0, 13);  // 1 at the start, 12 of differences, then the solution
  int calls = 0;
  const Any f{made.program, [&](const VectorXd&, double& value, VectorXd&) {
                if (calls++ == at) value = std::numeric_limits<double>::quiet_NaN();
              }};
  const auto s = minimize(f, VectorXd(VectorXd::Zero(6)), DualActiveSet{});
  CHECK(s.status == (at == 0 ? Status::bad_start : Status::non_finite));
}

TEST_CASE("An exception passes through DualActiveSet and the run goes on", "[dual_active_set]") {
  const auto made = RandomQuadraticProgram{.variables = 6}(2);
  int calls = 0;
  const Any f{made.program, [&](const VectorXd&, double&, VectorXd&) {
                if (calls++ == 13) throw std::runtime_error("now");
              }};
  RunOf<DualActiveSet, MaxIterations, Any, VectorXd> run;
  const MaxIterations stopping{1000};
  begin(f, VectorXd(VectorXd::Zero(6)), DualActiveSet{}, stopping, run);
  CHECK_THROWS_WITH(resume(f, DualActiveSet{}, stopping, run), "now");
  CHECK(run.state.value == Approx(made.program(run.state.x) + 3));
  resume(f, DualActiveSet{}, stopping, run);
  CHECK(run.status == Status::converged);
  CHECK(distance(run.state.x, made.x) < 1e-10);
}

TEST_CASE("DualActiveSet keeps to limits of iterations and evaluations", "[dual_active_set]") {
  const auto made = RandomQuadraticProgram{.variables = 20}(4);
  const VectorXd x0 = VectorXd::Zero(20);
  const auto cut = minimize(made.program, x0, DualActiveSet{}, MaxIterations{3});
  CHECK(cut.status == Status::max_iterations);
  CHECK(cut.value == Approx(made.program(cut.x)));
  const auto once = minimize(made.program, x0, DualActiveSet{}, MaxEvaluations{2});
  CHECK(once.status == Status::converged);
  const auto few = minimize(Any{made.program}, x0, DualActiveSet{}, MaxEvaluations{40});
  CHECK(few.status == Status::max_evaluations);  // 1 and 40 are what it takes to read the program
  CHECK(few.counts[0].evaluations() == 1);
  const auto enough = minimize(Any{made.program}, x0, DualActiveSet{}, MaxEvaluations{50});
  CHECK(enough.status == Status::converged);
  CHECK(enough.counts[0].evaluations() > 41);
}

TEST_CASE("Until DualActiveSet ends its point is the start, with the value of the start", "[dual_active_set]") {
  const auto made = RandomQuadraticProgram{.variables = 20}(4);
  const VectorXd x0 = VectorXd::Constant(20, 0.1);
  const auto s =
      minimize(made.program, x0, DualActiveSet{}, MaxIterations{1000}, [&](const auto& state, const Progress&) {
        if (state.status == Status::running) CHECK(identical(state.x, x0));
        CHECK(state.value == Approx(made.program(state.x)));
      });
  CHECK(s.counts[0].iterations > 5);
  CHECK(distance(s.x, made.x) < 1e-11);
}

TEST_CASE("Steps of DualActiveSet allocate nothing, and nor does beginning again", "[dual_active_set]") {
  const RandomQuadraticProgram random{.variables = 50, .nullity = 2};
  const auto first = random(1).program, second = random(2).program;
  const VectorXd x0 = VectorXd::Zero(50);
  DualActiveSet::State<VectorXd> state;
  DualActiveSet{}.init(first, x0, state);
  const long before = allocations();
  while (state.status == Status::running) DualActiveSet{}.step(first, state);
  DualActiveSet{}.init(second, x0, state);
  while (state.status == Status::running) DualActiveSet{}.step(second, state);
  CHECK(allocations() == before);
  CHECK(state.status == Status::converged);
}

TEST_CASE("A used state begins as a new one does, and a loaded one goes on with the same bits", "[dual_active_set]") {
  const RandomQuadraticProgram random{.variables = 15};
  const auto first = random(1).program, second = random(2).program;
  const VectorXd x0 = VectorXd::Zero(15);
  const auto solve = [&](DualActiveSet::State<VectorXd>& state, const Program& p) {
    DualActiveSet{}.init(p, x0, state);
    while (state.status == Status::running) DualActiveSet{}.step(p, state);
  };
  DualActiveSet::State<VectorXd> used, fresh, half, loaded;
  solve(used, first);
  solve(used, second);
  solve(fresh, second);
  CHECK(identical(used.x, fresh.x));
  CHECK(identical(used.multipliers, fresh.multipliers));
  CHECK(used.method.iterations == fresh.method.iterations);
  DualActiveSet{}.init(second, x0, half);
  for (int i = 0; i < 5; ++i) DualActiveSet{}.step(second, half);
  load(save(half), loaded);
  for (auto* state : {&half, &loaded})
    while (state->status == Status::running) DualActiveSet{}.step(second, *state);
  CHECK(identical(half, loaded));
  CHECK(identical(half.x, fresh.x));
}

TEST_CASE("DualActiveSet works in float, with points of fixed size", "[dual_active_set]") {
  // Problem 35 of Hock & Schittkowski (1981), whose minimum is at (4/3, 7/9, 4/9).
  QuadraticProgram<float> p;
  p.Q.resize(3, 3);
  p.Q << 4, 2, 2, 2, 4, 0, 2, 0, 2;
  p.c = Eigen::Vector3f(-8, -6, -4);
  p.A = Eigen::RowVector3f(1, 1, 2);
  p.b = Eigen::VectorXf::Constant(1, 3);
  p.lower = Eigen::VectorXf::Zero(3);
  const auto s = minimize(p, Eigen::Vector3f(0.5f, 0.5f, 0.5f), DualActiveSet{});
  CHECK(s.status == Status::converged);
  CHECK((s.x - Eigen::Vector3f(4.0f / 3, 7.0f / 9, 4.0f / 9)).cwiseAbs().maxCoeff() < 1e-5f);
  CHECK(s.state.multipliers[0] == Approx(2.0 / 9).epsilon(1e-4));
}

TEST_CASE("DualActiveSet refuses settings out of their range", "[dual_active_set]") {
  const Program p{.Q = MatrixXd::Identity(2, 2), .c = VectorXd::Ones(2)};
  const VectorXd x0 = VectorXd::Zero(2);
  CHECK_THROWS_WITH(minimize(p, x0, DualActiveSet{.tolerance = -1}), Catch::Contains("DualActiveSet::tolerance"));
  CHECK_THROWS_AS(minimize(p, x0, DualActiveSet{.margin = 1}), std::invalid_argument);
}
