#include <mesaopt/bayes/kernel_algebra.hpp>

#include <cmath>

#include <mesaopt/bayes/kernels.hpp>

#include "support/catch.hpp"
#include "support/kernel_checks.hpp"

using namespace mesaopt::kernels;
using Vector = Eigen::VectorXd;

namespace {
const Vector x = (Vector(2) << 0.1, 0.9).finished(), y = (Vector(2) << 0.75, 0.6).finished();
const Vector scales = (Vector(2) << 0.6, 1.4).finished();
}  // namespace

TEST_CASE("sums and products have the values of their parts", "[bayes]") {
  const Matern52 a{scales};
  const Linear b{scales};
  CHECK((a + b)(x, y) == a(x, y) + b(x, y));
  CHECK((a * b)(x, y) == a(x, y) * b(x, y));
  CHECK((1.7 * a)(x, y) == 1.7 * a(x, y));
  CHECK((a + Constant{0.3} * b)(x, y) == Approx(a(x, y) + 0.3 * b(x, y)).epsilon(1e-15));
}

TEST_CASE("gradients of composed kernels agree with central differences", "[bayes]") {
  const auto k = 1.7 * Matern52{scales} * Linear{} + Constant{0.3};
  Vector by_x, by_parameters;
  CHECK(gradients(k, x, y, by_x, by_parameters) == k(x, y));
  const double h = 1e-5;
  for (Eigen::Index c = 0; c < 2; ++c) {
    const Vector step = h * Vector::Unit(2, c);
    CHECK(by_x[c] == Approx((k(Vector(x + step), y) - k(Vector(x - step), y)) / (2 * h)).epsilon(1e-8));
  }
  const Vector logs = log_parameters(k);
  REQUIRE(logs.size() == 5);
  CHECK(std::exp(logs[0]) == Approx(1.7));
  CHECK(std::exp(logs[2]) == Approx(1.4));
  CHECK(std::exp(logs[4]) == Approx(0.3));
  for (Eigen::Index c = 0; c < 5; ++c) {
    auto up = k, down = k;
    set_log_parameters(up, Vector(logs + h * Vector::Unit(5, c)));
    set_log_parameters(down, Vector(logs - h * Vector::Unit(5, c)));
    CHECK(by_parameters[c] == Approx((up(x, y) - down(x, y)) / (2 * h)).epsilon(1e-8));
  }
}

TEST_CASE("composed kernels say the same from what they keep", "[bayes]") {
  const auto k = 1.7 * Matern52{scales} * Linear{} + Constant{0.3} * SquaredExponential{scales};
  CHECK(disagreement(k, points_in_cube(2, 45)) < 1e-12);
}

TEST_CASE("a composed kernel checks each of its parts", "[bayes]") {
  CHECK_THROWS_AS((Matern52{} + Linear{Vector::Ones(3)})(x, y), std::invalid_argument);
  CHECK_THROWS_WITH((-1.0 * Matern52{})(x, y), Catch::Matchers::Contains("variance must be positive, got -1"));
}
