#include <mesaopt/direct/displacements.hpp>

#include <limits>
#include <stdexcept>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/objective/bounds.hpp>

#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::VectorXd;

namespace {
struct Sum {
  double operator()(const VectorXd& x) const { return x.sum(); }
};
}  // namespace

TEST_CASE("displacements leave fixed variables out and measure narrow ones in smaller units",
          "[direct][displacements]") {
  const double infinity = std::numeric_limits<double>::infinity();
  const VectorXd x{{0.1, 5, 2, 0.3}};
  const auto f = within(Sum{}, Box<VectorXd>{VectorXd{{-infinity, 5, -10, 0.1}}, VectorXd{{0.7, 5, 10, 0.5}}});
  detail::Displacements<VectorXd> from;
  CHECK(from.begin(f, x, 1) == 3);
  CHECK(from.free == std::vector<Eigen::Index>{0, 2, 3});
  CHECK(from.scales[0] == 1);
  CHECK(from.scales[2] == Approx(0.2));
  VectorXd lower(3), upper(3), out(4);
  from.bound(f, lower, upper);
  CHECK(lower[0] == -infinity);
  CHECK(upper[1] == 8);
  CHECK(upper[2] == Approx(1));
  from.point(f, VectorXd{{upper[0], -1, lower[2]}}, lower, upper, out);
  CHECK(out == VectorXd{{0.7, 5, 1, 0.1}});  // to the last digit
  from.point(f, VectorXd{{100, 0, 0.5}}, lower, upper, out);
  CHECK(out[0] == 0.7);
  CHECK(out[3] == Approx(0.4));

  CHECK(from.begin(Sum{}, x, 1) == 4);
  from.point(Sum{}, VectorXd::Ones(4), lower, upper, out);
  CHECK((out - x - VectorXd::Ones(4)).norm() < 1e-15);
  CHECK_THROWS_AS(from.begin(f, VectorXd::Zero(4), 1), std::invalid_argument);
}
