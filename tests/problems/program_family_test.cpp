#include <mesaopt/problems/program_family.hpp>

#include <Eigen/Dense>

#include <mesaopt/nested/places.hpp>
#include <mesaopt/objective/check_derivatives.hpp>

#include "support/catch.hpp"

using namespace mesaopt;
using namespace mesaopt::problems;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {
using Curved = ProgramFamily<true, true, true>;
using OfY = At<Curved, VectorXd>;
static_assert(Bounded<OfY, VectorXd> && DifferentiableConstraints<OfY, VectorXd>);
static_assert(!Constrained<At<ProgramFamily<true, true, false>, VectorXd>, VectorXd>);
static_assert(!Bounded<At<ProgramFamily<true, false, true>, VectorXd>, VectorXd>);
static_assert(is_quadratic<At<ProgramFamily<false, true, true>, VectorXd>> && !is_quadratic<OfY>);

Curved example() {
  Curved f;
  f.Q = MatrixXd::Identity(3, 3) * 2;
  f.B = MatrixXd::Constant(3, 2, 0.5);
  f.d = Eigen::Vector3d(1, -1, 0);
  f.G = MatrixXd::Random(4, 3);
  f.A = MatrixXd::Ones(2, 3);
  f.K = MatrixXd::Zero(2, 3);
  f.K.row(1) << 1, 2, 3;
  f.D = MatrixXd::Identity(2, 2);
  f.b = Eigen::Vector2d(1, 5);
  f.equal = 1;
  f.lower = VectorXd::Constant(3, -2);
  f.upper = VectorXd::Constant(3, 2);
  f.E = MatrixXd::Ones(3, 2);
  return f;
}
}  // namespace

TEST_CASE("derivatives of a program family agree with differences", "[problems]") {
  const Curved f = example();
  const VectorXd x = Eigen::Vector2d(0.3, -0.2), y = Eigen::Vector3d(0.5, -1, 0.7);
  const auto report = check_derivatives(OfY{f, x}, y);
  CAPTURE(report);
  CHECK(report.right());
}

TEST_CASE("a program family moves its slope, its constraints and its box with x", "[problems]") {
  const Curved f = example();
  const VectorXd zero = VectorXd::Zero(2), x = Eigen::Vector2d(0.3, -0.2), y = Eigen::Vector3d(0.5, -1, 0.7);
  VectorXd still(3), moved(3), c(2), c0(2);
  f(zero, y, still);
  f(x, y, moved);
  CHECK((moved - still - f.B * x).norm() < 1e-14);
  f.constraints(zero, y, c0);
  f.constraints(x, y, c);
  CHECK(c0[0] == Approx(0.2 - 1));
  CHECK(c0[1] == Approx(0.2 + (0.25 + 2 + 3 * 0.49) / 2 - 5));
  CHECK((c - c0 + x).norm() < 1e-14);
  CHECK(f.box(x).lower[1] == Approx(-1.9));
}
