#include <mesaopt/bayes/kernels.hpp>

#include <cmath>
#include <stdexcept>

#include "support/catch.hpp"

using namespace mesaopt::kernels;
using Vector = Eigen::VectorXd;

namespace {

const Vector a = (Vector(2) << 0.1, 0.9).finished(), b = (Vector(2) << 0.75, 0.6).finished();
const Vector scales = (Vector(2) << 0.6, 1.4).finished();

/// The largest relative error of the kernel's two gradients against central differences of its values.
template <class K>
double gradient_error(const K& k, const Vector& x, const Vector& y) {
  Vector by_x, by_parameters;
  CHECK(gradients(k, x, y, by_x, by_parameters) == k(x, y));
  double worst = 0;
  const double h = 1e-5;
  const auto compare = [&](double slope, double up, double down) {
    worst = std::max(worst, std::abs(slope - (up - down) / (2 * h)) / (1 + std::abs(slope)));
  };
  for (Eigen::Index c = 0; c < x.size(); ++c) {
    const Vector step = h * Vector::Unit(x.size(), c);
    compare(by_x[c], k(Vector(x + step), y), k(Vector(x - step), y));
  }
  const Vector logs = log_parameters(k);
  REQUIRE(by_parameters.size() == logs.size());
  for (Eigen::Index c = 0; c < logs.size(); ++c) {
    K up = k, down = k;
    set_log_parameters(up, Vector(logs + h * Vector::Unit(logs.size(), c)));
    set_log_parameters(down, Vector(logs - h * Vector::Unit(logs.size(), c)));
    compare(by_parameters[c], up(x, y), down(x, y));
  }
  return worst;
}

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
