#include <mesaopt/bayes/learning_curve_kernel.hpp>

#include <cmath>

#include "support/catch.hpp"
#include "support/kernel_checks.hpp"

using namespace mesaopt::kernels;
using Vector = Eigen::VectorXd;

TEST_CASE("curves are alike by settings and time, and a run is most like itself", "[bayes]") {
  const LearningCurve k = learning_curve_kernel(2);
  const Vector x{{0.2, 0.6, 3}}, near{{0.3, 0.6, 5}}, itself{{0.2, 0.6, 5}};
  // Python: s = exp(-0.5 * (0.1 / 0.5)**2), d = 1 / (3 + 5 + 1); s * (1 + d) + d, and with 0.005 * (1 + 5 * d) for s
  // = 1.
  CHECK(k(x, near) == Approx(1.2002207481186171).epsilon(1e-12));
  CHECK(k(x, itself) == Approx(1 + 2.0 / 9 + 0.005 * (1 + 5.0 / 9)).epsilon(1e-12));
  CHECK(gradient_error(k, x, near) < 1e-9);
  CHECK(parameter_count(k) == 2 + 4 + 3 + 4);
}
