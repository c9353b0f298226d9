#include <mesaopt/problems/random_program_family.hpp>

#include <algorithm>
#include <cmath>

#include <Eigen/Dense>

#include "support/catch.hpp"

using namespace mesaopt::problems;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {
/// What y and the multipliers leave of the optimality conditions at x = 0.
template <class Made>
double residual(const Made& made) {
  const auto& f = made.family;
  const VectorXd x = VectorXd::Zero(f.B.cols());
  VectorXd gradient(made.y.size()), c;
  MatrixXd J;
  f(x, made.y, gradient);
  f.constraints(x, made.y, c, J);
  double worst = (gradient + J.transpose() * made.multipliers - made.bound_multipliers).cwiseAbs().maxCoeff();
  for (Eigen::Index i = 0; i < c.size(); ++i) {
    worst = std::max(worst, i < f.equal ? std::abs(c[i]) : c[i]);
    if (i >= f.equal) worst = std::max({worst, -made.multipliers[i], std::abs(made.multipliers[i] * c[i])});
  }
  worst = std::max({worst, (f.lower - made.y).maxCoeff(), (made.y - f.upper).maxCoeff()});
  return worst;
}
}  // namespace

TEST_CASE("random families are made around a solution, and around its derivative", "[problems]") {
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    CAPTURE(seed);
    const auto made = RandomProgramFamily{.variables = 12, .inequalities = 10}.make<true, true, true>(seed);
    CHECK(residual(made) < 1e-12);
    for (Eigen::Index j = 0; j < 3; ++j) {
      const double h = 1e-2 * std::min(1.0, made.reach[j]);
      const VectorXd x = h * VectorXd::Unit(3, j);
      const VectorXd slope = (made.solution(x) - made.solution(-x)) / (2 * h);
      CHECK((slope - made.response.col(j)).norm() < 1e-4 * std::max(1.0, slope.norm()));
    }
  }
  const auto a = RandomProgramFamily{}.make<false, true, true>(7), b = RandomProgramFamily{}.make<false, true, true>(7);
  CHECK(a.family.Q == b.family.Q);
  CHECK(a.y == b.y);
}

TEST_CASE("each defect of a random family is there, at a solution", "[problems]") {
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    CAPTURE(seed);
    RandomProgramFamily of{.variables = 6, .inequalities = 6};
    of.defect = Defect::weak_constraint;
    const auto weak = of.make<true, true, true>(seed);
    CHECK(residual(weak) < 1e-12);
    CHECK(std::count_if(weak.active.begin(), weak.active.end(), [&](auto i) { return weak.multipliers[i] == 0; }) == 1);
    of.defect = Defect::weak_bound;
    const auto bound = of.make<true, true, true>(seed);
    CHECK(residual(bound) < 1e-12);
    CHECK((bound.side.array() != 0 && bound.bound_multipliers.array() == 0).count() == 1);
    of.defect = Defect::dependent;
    const auto dependent = of.make<true, true, true>(seed);
    CHECK(residual(dependent) < 1e-12);
    const auto held = Eigen::Index(dependent.active.size());
    VectorXd c;
    MatrixXd J, gradients(held, 6);
    dependent.family.constraints(VectorXd::Zero(3), dependent.y, c, J);
    for (Eigen::Index k = 0; k < held; ++k) gradients.row(k) = J.row(dependent.active[std::size_t(k)]);
    Eigen::FullPivLU<MatrixXd> lu(gradients);
    CHECK(lu.setThreshold(1e-10).rank() == held - 1);
    of.defect = Defect::flat;
    const auto flat = of.make<false, true, true>(seed);
    CHECK(residual(flat) < 1e-12);
    CHECK(std::abs(flat.family.Q.selfadjointView<Eigen::Lower>().eigenvalues().minCoeff()) < 1e-12);
  }
}

TEST_CASE("settings of random families out of their range are refused", "[problems]") {
  CHECK_THROWS_AS((RandomProgramFamily{.variables = 3}.make<false, true, true>(0)), std::invalid_argument);
  CHECK_THROWS_AS((RandomProgramFamily{.condition = 0.5}.make<false, true, true>(0)), std::invalid_argument);
}
