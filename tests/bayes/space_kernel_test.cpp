#include <mesaopt/bayes/space_kernel.hpp>

#include <Eigen/Eigenvalues>

#include <mesaopt/bayes/covariance.hpp>
#include <mesaopt/core/bytes.hpp>
#include <mesaopt/core/fields.hpp>

#include "support/catch.hpp"
#include "support/kernel_checks.hpp"

using namespace mesaopt;
using namespace mesaopt::kernels;
using Vector = Eigen::VectorXd;
using Matrix = Eigen::MatrixXd;

namespace {
Space space() {
  return Space{real("rate", 1e-5, 1e-1).log(),
               categorical("optimizer", {"adam", "sgd", "rms"}),
               real("momentum", 0, 1).when("optimizer", "sgd"),
               integer("layers", 1, 4),
               real("width", 0, 1).when_at_least("layers", 3),
               categorical("schedule", {"step", "cosine"}).when("optimizer", {"sgd", "rms"})};
}
SpaceKernel kernel() {
  SpaceKernel k = space_kernel(space());
  k.length_scales << 0.6, 0.9, 0.5, 0.8, 0.7, 1.2;
  k.arcs << 0.5, 0.8;
  return k;
}
Matrix points() {
  Matrix X(6, 4);
  X.transpose() << 0.1, 0.5, 0.3, 0.875, 0.2, 0.25,  //
      0.7, 0.5, 0.9, 0.625, 0.6, 0.75,               //
      0.4, 1.0 / 6, 0.5, 0.125, 0.5, 0.5,            //
      0.2, 5.0 / 6, 0.5, 0.875, 0.9, 0.75;
  return X;
}
}  // namespace

TEST_CASE("the kernel of a space has the values of an embedding on arcs in numpy", "[bayes]") {
  // Features in numpy: u / l of a number; [sin(pi arc u), cos(pi arc u)] / l of one with conditions, [0, 0] where it is
  // inactive. Matern52(|f - g|) * exp(-sum of [category differs] / l), where -1 is the category of what is inactive.
  Matrix expected(4, 4), K;
  expected << 1, 0.02724795702437923, 0.006800883836580369, 0.004110327046586017,  //
      0.02724795702437923, 1, 0.00791759670242382, 0.023448248985269364,           //
      0.006800883836580369, 0.00791759670242382, 1, 0.029004972740071855,          //
      0.004110327046586017, 0.023448248985269364, 0.029004972740071855, 1;
  covariance(kernel(), points(), K);
  CHECK((K - expected).cwiseAbs().maxCoeff() < 1e-15);
}

TEST_CASE("what is inactive is of no influence, and points of the same configuration are one", "[bayes]") {
  const SpaceKernel k = kernel();
  Matrix X = points();
  Vector other = X.col(2);  // adam with one layer: no momentum, width or schedule
  other[2] = 0.9;
  other[4] = 0.1;
  other[5] = 0.9;
  other[1] = 0.01;
  CHECK(k(other, X.col(2)) == 1);
  for (Eigen::Index i = 0; i < 4; ++i) CHECK(k(other, X.col(i)) == k(X.col(2), X.col(i)));
  Vector by_x, by_parameters;
  gradients(k, other, Vector(X.col(0)), by_x, by_parameters);
  CHECK(by_x[0] != 0);
  CHECK(by_x[3] != 0);
  for (const Eigen::Index c : {1, 2, 4, 5}) CHECK(by_x[c] == 0);
}

TEST_CASE("gradients of the kernel of a space agree with central differences", "[bayes]") {
  const Matrix X = points(), random = points_in_cube(6, 40);
  for (Eigen::Index i = 0; i < 4; ++i)
    for (Eigen::Index j = 0; j < 4; ++j) CHECK(gradient_error(kernel(), X.col(i), X.col(j)) < 1e-9);
  CHECK(disagreement(kernel(), random) < 1e-12);
}

TEST_CASE("covariance matrices of the kernel of a space are positive semidefinite", "[bayes]") {
  Matrix K;
  covariance(kernel(), points_in_cube(6, 200), K);
  const Vector eigenvalues = Eigen::SelfAdjointEigenSolver<Matrix>(K).eigenvalues();
  CHECK(eigenvalues[0] > -1e-12);
  CHECK(K.minCoeff() < 0.01);
}

TEST_CASE("the kernel of a space is saved whole, and refuses points of another", "[bayes]") {
  const SpaceKernel k = kernel();
  SpaceKernel loaded;
  load(save(k), loaded);
  CHECK(identical(k, loaded));
  CHECK_THROWS_WITH(k(Vector(Vector::Zero(3)), Vector(Vector::Zero(3))),
                    Catch::Matchers::Contains("a space of 6 parameters, got 3 coordinates"));
}
