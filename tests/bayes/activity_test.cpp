#include <mesaopt/bayes/activity.hpp>

#include <mesaopt/core/bytes.hpp>
#include <mesaopt/core/fields.hpp>
#include <mesaopt/core/random.hpp>

#include "support/catch.hpp"

using namespace mesaopt;
using Vector = Eigen::VectorXd;

TEST_CASE("what is active at random points is what the space says", "[bayes]") {
  // Categories, integers, logarithmic ones, real numbers, several values, several conditions, conditions of conditions.
  const Space space{real("rate", 1e-5, 1e-1).log(),
                    categorical("optimizer", {"adam", "sgd", "none"}),
                    real("momentum", 0, 1).when("optimizer", "sgd"),
                    integer("layers", 1, 9),
                    integer("units", 1, 100).log().when_at_least("layers", 4),
                    boolean("nesterov").when("optimizer", {"sgd", "adam"}).when("layers", {1, 4, 5}),
                    real("dropout", 0, 1).when("nesterov", true).when_at_least("rate", 1e-3),
                    real("never", 0, 1).when_at_least("units", 1000),
                    real("always", 0, 1).when_at_least("layers", -3),
                    real("deep", 0, 1).when_at_least("units", 7)};
  const kernels::Activity activity(space);
  Random random{5};
  Vector x(space.dimension()), rounded;
  Eigen::Index differing = 0, active = 0;
  for (int k = 0; k < 2000; ++k) {
    for (double& u : x) u = random.uniform(-0.1, 1.1);
    space.representative(x, rounded);
    for (const Vector& at : {x, rounded})
      for (Eigen::Index c = 0; c < space.dimension(); ++c) {
        const bool here = activity.active(c, [&](Eigen::Index i) { return at[i]; });
        active += here;
        differing += here != space.active(c, at.data());
      }
  }
  CHECK(differing == 0);
  CHECK(active > 10000);
  CHECK(active < 30000);
  CHECK_FALSE(activity.conditional(0));
  CHECK(activity.conditional(6));
  kernels::Activity loaded;
  load(save(activity), loaded);
  CHECK(identical(activity, loaded));
}
