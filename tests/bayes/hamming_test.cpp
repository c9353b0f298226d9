#include <mesaopt/bayes/hamming.hpp>

#include "support/catch.hpp"
#include "support/kernel_checks.hpp"

using namespace mesaopt::kernels;
using Vector = Eigen::VectorXd;

namespace {
const Vector scales = (Vector(3) << 0.6, 1.4, 2.5).finished();
}

TEST_CASE("names count by whether they differ", "[bayes]") {
  const Vector x = (Vector(3) << 1, 0, 2).finished(), y = (Vector(3) << 0, 0, 7).finished();
  // numpy: exp(-1 / .6 - 1 / 2.5)
  CHECK(Hamming{scales}(x, y) == Approx(0.12660710278908355).epsilon(1e-14));
  CHECK(Hamming{scales}(x, x) == 1);
  // All pairs of different names are alike.
  CHECK(Hamming{}(Vector(Vector::Constant(1, 3)), Vector(Vector::Constant(1, 4))) ==
        Hamming{}(Vector(Vector::Constant(1, 3)), Vector(Vector::Constant(1, -100))));
}

TEST_CASE("with levels, all of a cell is one name", "[bayes]") {
  const Hamming k{scales, (Vector(3) << 4, 3, 2).finished()};
  const Vector x = (Vector(3) << 0.26, 0.1, 0.2).finished(), y = (Vector(3) << 0.49, 0.3, 0.3).finished();
  CHECK(k(x, y) == 1);
  CHECK(k(Vector(x + 0.3 * Vector::Unit(3, 1)), y) == Approx(std::exp(-1 / 1.4)).epsilon(1e-14));
  // Beyond the ends are the first name and the last.
  CHECK(k(Vector(Vector::Constant(3, 1)), Vector(Vector::Constant(3, 1.5))) == 1);
  CHECK(k(Vector(Vector::Constant(3, 0)), Vector(Vector::Constant(3, -0.5))) == 1);
}

TEST_CASE("the gradient by names is zero, and that by length scales agrees with central differences", "[bayes]") {
  const Hamming k{scales, (Vector(3) << 4, 3, 2).finished()};
  const Eigen::MatrixXd X = points_in_cube(3, 40);
  for (Eigen::Index i = 1; i < 40; ++i) CHECK(gradient_error(k, X.col(0), X.col(i)) < 1e-9);
  CHECK(gradient_error(Hamming{Vector::Constant(1, 0.8), k.levels}, X.col(0), X.col(1)) < 1e-9);
  CHECK(disagreement(k, X) < 1e-12);
  CHECK_THROWS_AS((Hamming{-scales}(scales, scales)), std::invalid_argument);
  CHECK_THROWS_AS((Hamming{scales, Vector::Constant(3, -1)}(scales, scales)), std::invalid_argument);
}
