#include <mesaopt/objective/group_l1.hpp>

#include <stdexcept>

#include "objective/regularizer_laws.hpp"

using namespace mesaopt;
using Eigen::VectorXd;

TEST_CASE("Group L1 satisfies the laws of regularizers", "[group_l1]") {
  regularizer_laws::check(GroupL1{0.7, {{0, 3, std::sqrt(3.0)}, {4, 5}, {9, 1}}}, 12, true);
  regularizer_laws::check(GroupL1{0, {{0, 2}}}, 3, true);
  regularizer_laws::check(GroupL1{0.5, {{0, 2, 0}}}, 3, true);
}

TEST_CASE("The proximal step of Group L1 shortens groups, and leaves what is in none", "[group_l1]") {
  Eigen::Vector<double, 5> v, x;
  v << 3, 4, 7, 0.3, 0.4;
  const GroupL1 h{1, {{0, 2, 2}, {3, 2}}};
  h.proximal(v, 0.75, x);
  CHECK((x - Eigen::Vector<double, 5>(2.1, 2.8, 7, 0, 0)).norm() < 1e-14);
  CHECK(h.value(v) == Approx(2 * 5 + 0.5));
  CHECK(h.margin(v, 0.75) == Approx(0.25));
  CHECK(h.margin(v, 0.5) == Approx(0).margin(1e-15));
  v.setZero();
  h.proximal(v, 0, x);
  CHECK(x == v);
}

TEST_CASE("Groups of one are L1", "[group_l1]") {
  const GroupL1 h{0.4, {{0, 1}, {1, 1}, {2, 1}}};
  Eigen::Vector3d x;
  h.proximal(Eigen::Vector3d(1, -0.3, -2), 1.0, x);
  CHECK((x - Eigen::Vector3d(0.6, 0, -1.6)).norm() < 1e-15);
}

TEST_CASE("Group L1 refuses groups that overlap, lie outside of the point, or are empty", "[group_l1]") {
  CHECK_THROWS_AS((GroupL1{-1, {}}.check()), std::invalid_argument);
  CHECK_THROWS_AS((GroupL1{1, {{0, 3}, {2, 2}}}.check()), std::invalid_argument);
  CHECK_THROWS_AS((GroupL1{1, {{0, 0}}}.check()), std::invalid_argument);
  CHECK_THROWS_AS((GroupL1{1, {{0, 2, -1}}}.check()), std::invalid_argument);
  CHECK_THROWS_AS((GroupL1{1, {{-1, 2}}}.check()), std::invalid_argument);
  VectorXd x(3);
  CHECK_THROWS_WITH((GroupL1{1, {{1, 3}}}.proximal(VectorXd(VectorXd::Ones(3)), 1.0, x)),
                    "GroupL1::groups: they end at coordinate 3, but the point has 3");
}
