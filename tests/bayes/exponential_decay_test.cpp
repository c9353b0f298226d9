#include <mesaopt/bayes/exponential_decay.hpp>

#include "support/catch.hpp"
#include "support/kernel_checks.hpp"

using namespace mesaopt::kernels;
using Vector = Eigen::VectorXd;

TEST_CASE("the kernel of learning curves is the mixture of decaying exponentials", "[bayes]") {
  const Vector s = Vector::Constant(1, 1.2), t = Vector::Constant(1, 3.4);
  const ExponentialDecay k{1.3, 2.5};
  // Python: 2.5**1.3 / (1.2 + 3.4 + 2.5)**1.3
  CHECK(k(s, t) == Approx(0.2574460056079754).epsilon(1e-14));
  CHECK(k(s, t) == k(t, s));
  CHECK(gradient_error(k, s, t) < 1e-9);
  CHECK(disagreement(k, points_in_cube(1, 30)) < 1e-12);
  CHECK_THROWS_WITH(k(Vector(Vector::Zero(2)), Vector(Vector::Zero(2))),
                    Catch::Matchers::Contains("of 1 coordinate, got 2"));
  CHECK_THROWS_AS((ExponentialDecay{0, 1}(s, t)), std::invalid_argument);
}
