#include <mesaopt/direct/bracket.hpp>

#include <cmath>
#include <limits>
#include <stdexcept>

#include <Eigen/Core>

#include <mesaopt/objective/box.hpp>

#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::VectorXd;

namespace {
struct Boxed {
  Box<VectorXd> bounds{};
  double operator()(const VectorXd& x) const { return x[0]; }
  const Box<VectorXd>& box() const { return bounds; }
};
VectorXd one(double x) { return VectorXd::Constant(1, x); }
}  // namespace

TEST_CASE("a bracket is the box, around a start of one coordinate", "[direct]") {
  const auto bracket = detail::bracket_of(Boxed{{one(-1), one(2)}}, one(0.5));
  CHECK(bracket.lower == -1);
  CHECK(bracket.upper == 2);
}

TEST_CASE("starts of several coordinates or outside of the box, and endless boxes, are refused", "[direct]") {
  const Boxed f{{one(-1), one(2)}};
  CHECK_THROWS_WITH(detail::bracket_of(f, VectorXd(VectorXd::Zero(2))), Catch::Contains("2 coordinates"));
  CHECK_THROWS_WITH(detail::bracket_of(f, one(3)), Catch::Contains("must lie in the box"));
  CHECK_THROWS_WITH(detail::bracket_of(Boxed{{one(-1), one(std::numeric_limits<double>::infinity())}}, one(0)),
                    Catch::Contains("finite bounds"));
  CHECK_THROWS_AS(detail::bracket_of(Boxed{}, one(0)), std::invalid_argument);
}

TEST_CASE("the resolution is relative and absolute, and by default the square root of rounding", "[direct]") {
  CHECK(detail::resolution(0.1, 0.01, -3.0) == Approx(0.31));
  CHECK(detail::resolution(0, 0, 1.0) == Approx(2 * std::sqrt(std::numeric_limits<double>::epsilon())));
  CHECK(detail::resolution(0, 0, 1.0f) == Approx(2 * std::sqrt(std::numeric_limits<float>::epsilon())));
}

TEST_CASE("the golden section of the rest is the rest of the golden section", "[direct]") {
  const double g = detail::golden<double>;
  CHECK((1 - g) * (1 - g) == Approx(g).epsilon(1e-15));
}
