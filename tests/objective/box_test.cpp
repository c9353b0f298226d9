#include <mesaopt/objective/box.hpp>

#include <limits>
#include <stdexcept>
#include <type_traits>

#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::Vector2d, Eigen::Vector2f, Eigen::VectorXd;

namespace {
constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();
}  // namespace

TEST_CASE("a box takes its point type from its corners, expressions included", "[objective][bounds]") {
  const VectorXd lower = VectorXd::Zero(3);
  static_assert(std::is_same_v<decltype(Box{lower, lower}), Box<VectorXd>>);
  static_assert(std::is_same_v<decltype(Box{VectorXd::Constant(3, -1), VectorXd::Constant(3, 1)}), Box<VectorXd>>);
  static_assert(std::is_same_v<decltype(Box{lower, VectorXd::Constant(3, 1)}), Box<VectorXd>>);
  static_assert(std::is_same_v<decltype(Box{Vector2f{0, 0}, Vector2f{1, 1}}), Box<Vector2f>>);
  CHECK(Box{lower, VectorXd::Constant(3, 1)}.upper == VectorXd::Constant(3, 1));
}

TEST_CASE("a box contains its boundary, and nothing that is NaN or of another size", "[objective][bounds]") {
  const Box<VectorXd> box{Vector2d{0, -infinity}, Vector2d{1, 5}};
  CHECK(box.contains(Vector2d{0, 5}));
  CHECK(box.contains(Vector2d{1, -1e300}));
  CHECK_FALSE(box.contains(Vector2d{1 + 1e-15, 0}));
  CHECK_FALSE(box.contains(Vector2d{0.5, not_a_number}));
  CHECK_FALSE(box.contains(VectorXd::Zero(3)));
}

TEST_CASE("a box that is none is refused with its coordinate and values", "[objective][bounds]") {
  CHECK_THROWS_WITH((Box<VectorXd>{Vector2d{0, 2}, Vector2d{1, 1}}),
                    "box: coordinate 1 has lower = 2 and upper = 1; needs lower <= upper");
  CHECK_THROWS_WITH((Box<VectorXd>{VectorXd::Zero(2), VectorXd::Zero(3)}),
                    "box: lower has size 2, upper 3; they must be equal");
  CHECK_THROWS_AS((Box{Vector2d{0, not_a_number}, Vector2d{1, 1}}), std::invalid_argument);
  CHECK_THROWS_AS((Box{Vector2d{0, 0}, Vector2d{not_a_number, 1}}), std::invalid_argument);
  CHECK_NOTHROW(Box{Vector2d{3, -infinity}, Vector2d{3, infinity}});
}

TEST_CASE("a point outside of a box is refused with its coordinate and value", "[objective][bounds]") {
  const Box<VectorXd> box{Vector2d{0, 0}, Vector2d{1, 1}};
  CHECK_NOTHROW(box.check_inside(Vector2d{0, 1}, "start"));
  CHECK_THROWS_WITH(box.check_inside(Vector2d{0, 1.5}, "start"),
                    "start: coordinate 1 is 1.5; it must lie in the box, in [0, 1]");
  CHECK_THROWS_WITH(box.check_inside(Vector2d{0, 1 + 1e-12}, "start"),
                    Catch::Contains("coordinate 1 is 1.000000000001;"));
  CHECK_THROWS_WITH(box.check_inside(Vector2d{0, -1e-9}, "start"), Catch::Contains("coordinate 1 is -1e-09;"));
  CHECK_THROWS_WITH(box.check_inside(VectorXd::Zero(3), "start"), "start: has size 3, but the box 2");
}
