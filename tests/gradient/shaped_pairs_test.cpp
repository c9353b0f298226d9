#include <mesaopt/gradient/shaped_pairs.hpp>

#include <cmath>

#include <Eigen/Core>

#include <mesaopt/core/bytes.hpp>
#include <mesaopt/core/fields.hpp>
#include <mesaopt/core/run.hpp>
#include <mesaopt/gradient/lbfgs.hpp>

#include "support/allocations.hpp"
#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {

/// With these eigenvalues, in directions that are no axes.
MatrixXd turned(const VectorXd& eigenvalues) {
  const VectorXd v = VectorXd::LinSpaced(eigenvalues.size(), 1, 2).normalized();
  const MatrixXd Q = MatrixXd::Identity(v.size(), v.size()) - 2 * v * v.transpose();
  return Q * eigenvalues.asDiagonal() * Q;
}
VectorXd product(const CurvaturePairs<VectorXd>& pairs, const VectorXd& g) {
  CurvaturePairs<VectorXd>::Column q = VectorXd::Zero(pairs.s.rows());
  CurvaturePairs<VectorXd>::Row weights = VectorXd::Zero(pairs.s.cols());
  VectorXd d(g.size());
  pairs.direction(g, q, weights, d);
  return -d;
}

/// ½ x'Ax + 1e-5 |x|⁴.
struct Bowl {
  MatrixXd A;
  double operator()(const VectorXd& x, VectorXd& gradient) const {
    gradient.noalias() = A * x;
    const double value = x.dot(gradient) / 2, squares = x.squaredNorm();
    gradient += 4e-5 * squares * x;
    return value + 1e-5 * squares * squares;
  }
};

struct Known {
  VectorXd x;
  MatrixXd inverse_hessian;
};

}  // namespace

TEST_CASE("as many pairs as variables are the matrix itself", "[lbfgs][prior]") {
  const MatrixXd H = turned((VectorXd(6) << 1e-3, 0.02, 0.5, 3, 40, 900).finished());
  const VectorXd g = VectorXd::LinSpaced(6, -1, 2);
  for (const Eigen::Index memory : {6, 9}) {
    CurvaturePairs<VectorXd> pairs;
    pairs.clear(6, memory);
    REQUIRE(detail::shape_pairs(H, 6, pairs));
    CHECK(pairs.count == 6);
    CHECK((product(pairs, g) - H * g).norm() < 1e-10 * (H * g).norm());
    pairs.rescale(0.25);
    CHECK((product(pairs, g) - H * g / 4).norm() < 1e-10 * (H * g).norm());
  }
}

TEST_CASE("fewer pairs are the ends of the spectrum, and the rest is one number", "[lbfgs][prior]") {
  const MatrixXd H = turned((VectorXd(20) << 1e-4, 1e-3, VectorXd::LinSpaced(16, 0.9, 1.1), 50, 1e4).finished());
  const VectorXd g = VectorXd::LinSpaced(20, -1, 2);
  CurvaturePairs<VectorXd> pairs;
  pairs.clear(20, 4);
  REQUIRE(detail::shape_pairs(H, 20, pairs));
  CHECK(pairs.count == 4);
  CHECK((product(pairs, g) - H * g).norm() < 0.11 * g.norm());
  CHECK(pairs.scale == Approx(1).epsilon(0.01));
  pairs.clear(20, 3);
  REQUIRE(detail::shape_pairs(H, 20, pairs));
  CHECK((product(pairs, g) - H * g).norm() > g.norm());  // one of the ends is missing: 50
}

TEST_CASE("what is no inverse Hessian makes no pairs", "[lbfgs][prior]") {
  CurvaturePairs<VectorXd> pairs;
  pairs.clear(3, 4);
  CHECK_FALSE(detail::shape_pairs(MatrixXd(VectorXd::LinSpaced(3, -1, 1).asDiagonal()), 3, pairs));
  CHECK_FALSE(detail::shape_pairs(MatrixXd(MatrixXd::Identity(4, 4)), 3, pairs));
  CHECK_FALSE(detail::shape_pairs(MatrixXd(MatrixXd::Constant(3, 3, std::nan(""))), 3, pairs));
  CHECK(pairs.count == 0);
}

TEST_CASE("L-BFGS begins with the inverse Hessian of a prior, and is a value as ever", "[lbfgs][prior][allocations]") {
  const VectorXd eigenvalues = (VectorXd(6) << 1e-3, 0.02, 0.5, 3, 40, 900).finished();
  const Bowl f{turned(eigenvalues)};
  Known prior;
  prior.x = VectorXd::Constant(6, 0.1);
  prior.inverse_hessian = turned(eigenvalues.cwiseInverse());
  const Lbfgs optimizer{};
  const GradientBelow stopping{1e-9};
  using Running = RunOf<Lbfgs, GradientBelow, Bowl, VectorXd>;
  Running run, cold;
  begin(f, prior, optimizer, stopping, run);
  begin(f, prior.x, optimizer, stopping, cold);
  for (int i = 0; i < 3; ++i) {
    const long before = allocations();
    advance(f, optimizer, stopping, run);
    CHECK(allocations() == before);
  }
  Running loaded;
  load(save(run), loaded);
  resume(f, optimizer, stopping, run);
  resume(f, optimizer, stopping, loaded);
  resume(f, optimizer, stopping, cold);
  CHECK(identical(run, loaded));
  CHECK(run.state.x.norm() < 1e-6);
  CHECK(2 * run.state.calls.counts[0].gradients < cold.state.calls.counts[0].gradients);
}
