#include <mesaopt/gradient/program_reading.hpp>

#include <cmath>
#include <limits>
#include <stdexcept>

#include <mesaopt/core/calls.hpp>

#include "gradient/program_pieces.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::Index;
using Eigen::MatrixXd;
using Eigen::VectorXd;
using Program = QuadraticProgram<double>;

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

/// min x₁² + x₁ x₂ + 2 x₂² + 3 x₁ − x₂  subject to  x₁ + x₂ = 4,  x₁ − x₂ <= 1,  x₂ >= −5.
Program small() {
  Program p;
  p.Q.resize(2, 2);
  p.Q << 2, 1, 1, 4;
  p.c.resize(2);
  p.c << 3, -1;
  p.A_eq.resize(1, 2);
  p.A_eq << 1, 1;
  p.b_eq.setConstant(1, 4);
  p.A.resize(1, 2);
  p.A << 1, -1;
  p.b.setConstant(1, 1);
  p.lower.resize(2);
  p.lower << -infinity, -5;
  return p;
}

/// The same as an objective that is 7 higher, and says nothing but its values, derivatives and constraints.
struct Veiled {
  Program p = small();
  double operator()(const VectorXd& x, VectorXd& g) const { return p(x, g) + 7; }
  void hessian(const VectorXd& x, MatrixXd& H) const { p.hessian(x, H); }
  [[nodiscard]] Index equalities() const { return 1; }
  [[nodiscard]] Index inequalities() const { return 1; }
  void constraints(const VectorXd& x, VectorXd& c) const { p.constraints(x, c); }
  void constraints(const VectorXd& x, VectorXd& c, MatrixXd& J) const { p.constraints(x, c, J); }
  [[nodiscard]] Box<VectorXd> box() const { return p.box(); }
};

/// What reading needs of an optimizer's state.
struct State {
  VectorXd x, gradient{};
  double value = 0, constant = 0;
  MatrixXd hessian{}, jacobian{};
  VectorXd constraints{};
  Calls<VectorXd, Nothing> calls{};
};

void check_is_small(const ProgramData& data) {
  CHECK(holds(data.c, {3, -1}));
  CHECK(data.Q(0, 0) == 2);
  CHECK(data.Q(1, 0) == 1);
  CHECK(data.Q(1, 1) == 4);
  CHECK(data.equalities == 1);
  CHECK(data.count() == 2);
  CHECK(data.normals(1, 0) == 1);
  CHECK(data.normals(1, 1) == -1);
  CHECK(holds(data.sides, {4, 1}));
  CHECK(holds(data.lower, {-infinity, -5}));
  CHECK(holds(data.upper, {infinity, infinity}));
}

}  // namespace

static_assert(detail::is_program<const Program&, double>);
static_assert(!detail::is_program<Veiled, double>);

TEST_CASE("A program is read number by number", "[program_reading]") {
  ProgramData data;
  detail::load_program(small(), data, false);
  check_is_small(data);
  CHECK_FALSE(data.same_curvature);
  CHECK_FALSE(data.same_normals);
}

TEST_CASE("Reading a program again tells which of its matrices are new", "[program_reading]") {
  ProgramData data;
  Program p = small();
  detail::load_program(p, data, false);
  p.b[0] = 2;
  p.c[0] = 5;
  detail::load_program(p, data, true);
  CHECK(data.same_curvature);
  CHECK(data.same_normals);
  CHECK(data.sides[1] == 2);
  CHECK(data.c[0] == 5);
  p.Q(0, 0) = 3;
  detail::load_program(p, data, true);
  CHECK_FALSE(data.same_curvature);
  CHECK(data.same_normals);
  p.A(0, 1) = 9;
  detail::load_program(p, data, true);
  CHECK(data.same_curvature);
  CHECK_FALSE(data.same_normals);
  detail::load_program(p, data, false);  // what was not studied is new
  CHECK_FALSE(data.same_curvature);
  p.Q.resize(0, 0);
  detail::load_program(p, data, true);
  CHECK_FALSE(data.same_curvature);
  CHECK(data.Q(1, 1) == 0);
  detail::load_program(p, data, true);
  CHECK(data.same_curvature);
}

TEST_CASE("A program whose sizes do not fit is refused before anything is read", "[program_reading]") {
  ProgramData data;
  detail::load_program(small(), data, false);
  Program p = small();
  p.c[0] = 99;
  p.lower.resize(3);
  CHECK_THROWS_WITH(detail::load_program(p, data, true), Catch::Contains("QuadraticProgram::lower: is 3 x 1"));
  check_is_small(data);
}

TEST_CASE("An objective that is a program is read from its derivatives and constraints anywhere", "[program_reading]") {
  const Veiled f;
  State state{.x = VectorXd::Constant(2, 1.5)};
  state.value = state.calls.gradient(f, state.x, state.gradient).value;
  ProgramData data;
  CHECK(detail::read_program(f, state, data, false));
  check_is_small(data);
  CHECK(state.constant == Approx(7).epsilon(1e-14));
  state.x << -8, 0.25;
  state.value = state.calls.gradient(f, state.x, state.gradient).value;
  CHECK(detail::read_program(f, state, data, true));
  check_is_small(data);
  CHECK(data.same_curvature);
  CHECK(data.same_normals);
}

TEST_CASE("An objective whose constraints or second derivatives are not finite is not read", "[program_reading]") {
  Veiled f;
  State state{.x = VectorXd::Constant(2, 1.5)};
  const bool constraint = GENERATE(true, false);
  (constraint ? f.p.b[0] : f.p.Q(0, 1)) = std::nan("");
  state.value = 1;
  state.gradient = VectorXd::Ones(2);
  ProgramData data;
  CHECK_FALSE(detail::read_program(f, state, data, false));
}
