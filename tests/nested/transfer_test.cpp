#include <mesaopt/nested/transfer.hpp>

#include <stdexcept>
#include <vector>

#include <Eigen/Core>

#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {
VectorXd vector(std::initializer_list<double> list) {
  return Eigen::Map<const VectorXd>(list.begin(), Eigen::Index(list.size()));
}
template <class Map>
VectorXd mapped(const Map& map, const VectorXd& x, VectorXd y) {
  map(x, y);
  return y;
}
}  // namespace

TEST_CASE("points are padded from the next start, truncated, and moved by name", "[nested]") {
  CHECK(mapped(pad(), vector({1, 2}), vector({7, 8, 9})) == vector({1, 2, 9}));
  CHECK(mapped(truncate(), vector({1, 2, 3}), vector({7, 8})) == vector({1, 2}));
  CHECK(mapped(Keep{}, vector({1, 2}), vector({7, 8})) == vector({1, 2}));
  const auto map = by_name({"bonds", "gold", "shares"}, {"shares", "oil", "bonds", "rice"});
  CHECK(mapped(map, vector({1, 2, 3}), vector({10, 20, 30, 40})) == vector({3, 20, 1, 40}));
  CHECK(mapped(map, vector({1, 2, 3}), vector({10, 20})).size() == 4);  // not the size that was asked for
  CHECK_THROWS_AS(by_name({"gold", "gold"}, {"gold"}), std::invalid_argument);
  CHECK_THROWS_AS(by_name({"gold"}, {}), std::invalid_argument);
}

TEST_CASE("a projection is a matrix and an offset", "[nested]") {
  MatrixXd P(2, 3);
  P << 1, 2, 0, 0, 1, -1;
  CHECK(mapped(project(P), vector({1, 2, 3}), vector({0, 0})) == vector({5, -1}));
  CHECK(mapped(project(P, vector({10, 20})), vector({1, 2, 3}), vector({0, 0})) == vector({15, 19}));
  CHECK_THROWS_AS(mapped(project(P), vector({1, 2}), vector({0, 0})), std::invalid_argument);
  CHECK_THROWS_AS(mapped(project(P, vector({1})), vector({1, 2, 3}), vector({0, 0})), std::invalid_argument);
}

TEST_CASE("constraints have names of their own", "[nested]") {
  const auto map = with_constraints(truncate(), by_name({"sum", "risk"}, {"risk", "turnover"}));
  CHECK(mapped(map, vector({1, 2, 3}), vector({7, 8})) == vector({1, 2}));
  CHECK(map.constraints.source == std::vector<Eigen::Index>{1, -1});
  CHECK_THROWS_AS(with_constraints(Keep{}, Coordinates{}), std::invalid_argument);
}
