#include <mesaopt/bayes/gaussian_process_settings.hpp>

#include <cmath>
#include <limits>

#include "support/catch.hpp"

using Settings = mesaopt::GaussianProcessSettings<double>;
using Vector = Eigen::VectorXd;

TEST_CASE("the mean is constant, or linear with slopes", "[bayes]") {
  const Vector x = Vector::LinSpaced(3, 1, 3);
  CHECK(Settings{.mean = 0.5}.mean_at(x) == 0.5);
  const Settings linear{.mean = 0.5, .slopes = (Vector(3) << 1, -2, 4).finished()};
  CHECK(linear.mean_at(x) == 9.5);
  CHECK(linear.learnt_slopes() == 3);
  CHECK(Settings{.slopes = Vector::Ones(3), .learn_slopes = false}.learnt_slopes() == 0);
}

TEST_CASE("settings of a Gaussian process out of range are refused by name and value", "[bayes]") {
  using Catch::Matchers::Contains;
  const double infinity = std::numeric_limits<double>::infinity();
  CHECK_NOTHROW(Settings{}.check());
  CHECK_THROWS_WITH(Settings{.noise = 0}.check(), Contains("noise must be positive, got 0"));
  CHECK_THROWS_WITH(Settings{.noise = infinity}.check(), Contains("noise must be positive, got inf"));
  CHECK_THROWS_WITH(Settings{.noise_floor = -1}.check(), Contains("noise_floor must be at least 0, got -1"));
  CHECK_THROWS_WITH(Settings{.mean = std::nan("")}.check(), Contains("mean must be finite"));
  CHECK_THROWS_WITH(Settings{.slopes = Vector::Constant(2, infinity)}.check(), Contains("a slope must be finite"));
  const Settings linear{.slopes = Vector::Ones(2)};
  CHECK_NOTHROW(linear.check_dimension(2));
  CHECK_THROWS_WITH(linear.check_dimension(3), Contains("needs 0 or 3 slopes, got 2"));
}
