#include <mesaopt/bayes/on_coordinates.hpp>

#include <mesaopt/bayes/kernel_algebra.hpp>
#include <mesaopt/bayes/kernels.hpp>
#include <mesaopt/core/bytes.hpp>
#include <mesaopt/core/fields.hpp>

#include "support/allocations.hpp"
#include "support/catch.hpp"
#include "support/kernel_checks.hpp"

using namespace mesaopt::kernels;
using Vector = Eigen::VectorXd;

namespace {
const Vector scales = (Vector(2) << 0.6, 1.4).finished();
const Vector x = (Vector(3) << 0.1, 0.3, 0.9).finished(), y = (Vector(3) << 0.75, 0.2, 0.6).finished();
}  // namespace

TEST_CASE("a kernel of some coordinates is it of points of these alone, in their order", "[bayes]") {
  const Vector u = (Vector(2) << 0.9, 0.1).finished(), v = (Vector(2) << 0.6, 0.75).finished();
  CHECK(on_coordinates({2, 0}, Matern52{scales})(x, y) == Approx(Matern52{scales}(u, v)).epsilon(1e-15));
}

TEST_CASE("kernels of parts of the coordinates multiply, with gradients and what they keep", "[bayes]") {
  const auto k = on_coordinates({2, 0}, Matern52{scales}) * on_coordinates({1}, Linear{}) +
                 on_coordinates({1, 2}, SquaredExponential{scales});
  CHECK(gradient_error(k, x, y) < 1e-9);
  CHECK(disagreement(k, points_in_cube(3, 40)) < 1e-12);
  const auto copy = k;
  CHECK(mesaopt::identical(k, copy));
  const Eigen::MatrixXd X = points_in_cube(3, 40);
  Vector out(40), by_y = Vector::Zero(3), by_parameters = Vector::Zero(parameter_count(k));
  const long before = allocations();
  k.values({X.data(), 3, 40}, y.data(), out.data());
  k.pull({X.data(), 3, 40}, y.data(), out.data(), by_y.data(), by_parameters.data());
  CHECK(allocations() == before);
}

TEST_CASE("coordinates that points do not have are refused", "[bayes]") {
  CHECK_THROWS_WITH(on_coordinates({0, 3}, Matern52{})(x, y), Catch::Matchers::Contains("no coordinate 3 of 3"));
  CHECK_THROWS_WITH(on_coordinates({}, Matern52{})(x, y), Catch::Matchers::Contains("at least one coordinate"));
  CHECK_THROWS_AS(on_coordinates({0}, Matern52{scales})(x, y), std::invalid_argument);
}
