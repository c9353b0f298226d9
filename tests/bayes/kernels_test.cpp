#include <mesaopt/bayes/kernels.hpp>

#include <cmath>
#include <stdexcept>

#include "support/catch.hpp"
#include "support/kernel_checks.hpp"

using namespace mesaopt::kernels;
using Vector = Eigen::VectorXd;

namespace {

const Vector a = (Vector(2) << 0.1, 0.9).finished(), b = (Vector(2) << 0.75, 0.6).finished();
const Vector scales = (Vector(2) << 0.6, 1.4).finished();

}  // namespace

TEST_CASE("kernels have the values of scikit-learn", "[bayes]") {
  // k([[0.1, 0.9]], [[0.75, 0.6]]) of scikit-learn 1.9.1's RBF([0.6, 1.4]), Matern([0.6, 1.4], nu),
  // RationalQuadratic(0.7, 1.3) and DotProduct(0); ExpSineSquared(0.8, 1.7)([[0.1]], [[0.75]]).
  CHECK(SquaredExponential{scales}(a, b) == Approx(0.54347871325663899).epsilon(1e-13));
  CHECK(Matern12{scales}(a, b) == Approx(0.33143515939690693).epsilon(1e-13));
  CHECK(Matern32{scales}(a, b) == Approx(0.43013842382025941).epsilon(1e-13));
  CHECK(Matern52{scales}(a, b) == Approx(0.46568319864622021).epsilon(1e-13));
  CHECK(RationalQuadratic{Vector::Constant(1, 0.7), 1.3}(a, b) == Approx(0.64434183518164256).epsilon(1e-13));
  CHECK(Linear{}(a, b) == Approx(0.615).epsilon(1e-13));
  const Periodic periodic{Vector::Constant(1, 0.8), Vector::Constant(1, 1.7)};
  CHECK(periodic(Vector(a.head(1)), Vector(b.head(1))) == Approx(0.066059367535485539).epsilon(1e-13));
}

TEST_CASE("gradients of kernels agree with central differences", "[bayes]") {
  CHECK(gradient_error(SquaredExponential{scales}, a, b) < 1e-9);
  CHECK(gradient_error(Matern12{scales}, a, b) < 1e-9);
  CHECK(gradient_error(Matern32{scales}, a, b) < 1e-9);
  CHECK(gradient_error(Matern52{scales}, a, b) < 1e-9);
  CHECK(gradient_error(Matern52{}, a, b) < 1e-9);
  CHECK(gradient_error(RationalQuadratic{scales, 1.3}, a, b) < 1e-9);
  CHECK(gradient_error(Periodic{scales, Vector::Constant(1, 1.7)}, a, b) < 1e-9);
  CHECK(gradient_error(Periodic{Vector::Ones(1), 2 * scales}, a, b) < 1e-9);
  CHECK(gradient_error(Linear{scales}, a, b) < 1e-9);
  CHECK(gradient_error(Linear{}, a, b) < 1e-9);
}

TEST_CASE("gradients of smooth kernels vanish where the points coincide", "[bayes]") {
  CHECK(gradient_error(Matern32{scales}, a, a) < 1e-9);
  CHECK(gradient_error(Matern52{scales}, a, a) < 1e-9);
  CHECK(gradient_error(RationalQuadratic{scales, 1.3}, a, a) < 1e-9);
  Vector by_x, by_parameters;
  gradients(Matern12{scales}, a, a, by_x, by_parameters);
  CHECK(by_x.isZero(0));
  CHECK(by_parameters.isZero(0));
}

TEST_CASE("kernels say the same of many points, of one, of rows and of columns, and from what they keep", "[bayes]") {
  const Eigen::MatrixXd X = points_in_cube(2, 45);
  CHECK(disagreement(SquaredExponential{scales}, X) < 1e-12);
  CHECK(disagreement(Matern12{scales}, X) < 1e-12);
  CHECK(disagreement(Matern32{}, X) < 1e-12);
  CHECK(disagreement(Matern52{scales}, X) < 1e-12);
  CHECK(disagreement(RationalQuadratic{scales, 1.3}, X) < 1e-12);
  CHECK(disagreement(Periodic{scales, 2 * scales}, X) < 1e-12);
  CHECK(disagreement(Linear{scales}, X) < 1e-12);
}

TEST_CASE("points immensely far apart have no covariance, and no NaN", "[bayes]") {
  const Vector tiny = Vector::Constant(1, 1e-154);
  CHECK(std::abs(Matern12{tiny}(a, b)) < 1e-300);
  CHECK(std::abs(Matern32{tiny}(a, b)) < 1e-300);
  CHECK(std::abs(Matern52{tiny}(a, b)) < 1e-300);
  CHECK(std::abs(SquaredExponential{tiny}(a, b)) < 1e-300);
  CHECK(RationalQuadratic{tiny, 1.3}(a, b) < 1e-300);
}

TEST_CASE("parameters are read and written in order as logarithms", "[bayes]") {
  RationalQuadratic k{scales, 1.3};
  const Vector expected = (Vector(3) << std::log(0.6), std::log(1.4), std::log(1.3)).finished();
  CHECK(log_parameters(k) == expected);
  set_log_parameters(k, Vector(Vector::Zero(3)));
  CHECK(k.length_scales == Vector::Ones(2));
  CHECK(k.shape == 1);
  CHECK_THROWS_AS(set_log_parameters(k, Vector(Vector::Zero(2))), std::invalid_argument);
}

TEST_CASE("kernels refuse parameters out of range and points of another size", "[bayes]") {
  CHECK_THROWS_WITH(Matern52{scales}(a, Vector(Vector::Ones(3))),
                    Catch::Matchers::Contains("1 or 3 of length_scales, got 2"));
  CHECK_THROWS_WITH(Matern52{-scales}(a, b), Catch::Matchers::Contains("positive, got -0.6"));
  CHECK_THROWS_AS((RationalQuadratic{scales, 0}(a, b)), std::invalid_argument);
  CHECK_THROWS_AS((Periodic{scales, Vector::Zero(1)}(a, b)), std::invalid_argument);
}

TEST_CASE("kernels of floats agree with those of doubles to a float", "[bayes]") {
  const BasicMatern52<float> k{scales.cast<float>()};
  CHECK(double(k(Eigen::VectorXf(a.cast<float>()), Eigen::VectorXf(b.cast<float>()))) ==
        Approx(Matern52{scales}(a, b)).epsilon(1e-6));
}
