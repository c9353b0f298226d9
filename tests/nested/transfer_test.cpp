#include <mesaopt/nested/transfer.hpp>

#include <stdexcept>

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
/// A state that knows a covariance, and one that knows an inverse Hessian.
struct Wide {
  MatrixXd covariance;
  double step_size;
};
struct Curved {
  MatrixXd inverse_hessian;
};
MatrixXd matrix() {
  MatrixXd M(3, 3);
  M << 4, 1, 2, 1, 6, 3, 2, 3, 8;
  return M;
}
const MatrixXd M = matrix();
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

TEST_CASE("a covariance goes where its variables go, and new ones are independent", "[nested]") {
  Wide state;
  state.covariance = M;
  state.step_size = 0.25;
  MatrixXd got;
  double width = 0;
  const auto take = [&](const auto& prior) {
    if constexpr (HasCovariance<std::remove_cvref_t<decltype(prior)>>) {
      got = prior.covariance;
      width = prior.step_size;
    }
  };
  detail::transfer(by_name({"a", "b", "c"}, {"c", "new", "a"}), state, vector({3, 0, 1}), take);
  CHECK(got == (MatrixXd(3, 3) << 8, 0, 2, 0, 6, 0, 2, 0, 4).finished());
  CHECK(width == 0.25);
  detail::transfer(truncate(), state, vector({1, 2}), take);
  CHECK(got == M.topLeftCorner(2, 2));
  const MatrixXd P = (MatrixXd(1, 3) << 1, 0, -1).finished();
  detail::transfer(project(P), state, vector({1}), take);
  CHECK(got == MatrixXd::Constant(1, 1, 4 - 2 - 2 + 8));
}

TEST_CASE("an inverse Hessian is padded, and what no map can move stays behind", "[nested]") {
  Curved state;
  state.inverse_hessian = M;
  MatrixXd got;
  int points = 0;
  const auto take = [&](const auto& prior) {
    if constexpr (HasInverseHessian<std::remove_cvref_t<decltype(prior)>>)
      got = prior.inverse_hessian;
    else
      ++points;
  };
  detail::transfer(pad(), state, vector({1, 2, 3, 4}), take);
  CHECK(got.topLeftCorner(3, 3) == M);
  CHECK(got.col(3) == vector({0, 0, 0, 6}));
  detail::transfer([](const VectorXd&, VectorXd&) {}, state, vector({1, 2, 3}), take);
  detail::transfer(project(MatrixXd::Ones(4, 3)), state, vector({1, 2, 3, 4}), take);  // would be singular
  CHECK(points == 2);
}
