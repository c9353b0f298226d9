#include <mesaopt/nested/transferred.hpp>

#include <cstdint>
#include <initializer_list>
#include <type_traits>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/gradient/active_set.hpp>
#include <mesaopt/gradient/curvature_pairs.hpp>

#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {
VectorXd vector(std::initializer_list<double> list) {
  return Eigen::Map<const VectorXd>(list.begin(), Eigen::Index(list.size()));
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

struct Spread {
  VectorXd variances;
  double step_size;
};
struct Paired {
  VectorXd x;
  CurvaturePairs<VectorXd> pairs;
  const auto& curvature_pairs() const { return pairs; }
};
struct Restrained {
  VectorXd multipliers, bound_multipliers;
  ActiveSet active;
  double penalty;
};
struct Seen {
  VectorXd x;
  MatrixXd points;
  VectorXd values;
  MatrixXd observed_points() const { return points; }
  VectorXd observed_values() const { return values; }
};
}  // namespace

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

TEST_CASE("variances go where their variables go", "[nested]") {
  Spread state;
  state.variances = vector({4, 6, 8});
  state.step_size = 0.5;
  VectorXd got;
  const auto take = [&](const auto& prior) {
    if constexpr (HasVariances<std::remove_cvref_t<decltype(prior)>>) got = prior.variances * prior.step_size;
  };
  detail::transfer(Coordinates{{2, -1, 0, 0}}, state, vector({1, 2, 3, 4}), take);
  CHECK(got == vector({4, 8.0 / 3, 2, 2}));
  detail::transfer(project(MatrixXd(vector({1, 0, 2}).transpose())), state, vector({1}), take);
  CHECK(got == vector({18}));
}

TEST_CASE("curvature pairs go with their variables, and one of no curvature is left out", "[nested]") {
  Paired state;
  state.x = vector({1, 2, 3});
  state.pairs.clear(3, 4);
  const VectorXd zero = VectorXd::Zero(3);
  state.pairs.add(zero, zero, vector({1, 0, 2}), vector({2, 1, 3}));
  state.pairs.add(zero, zero, vector({1, 3, -1}), vector({-1, 4, 1}));  // without its second variable of none
  state.pairs.add(zero, zero, vector({0, 1, 1}), vector({0, 1, 5}));
  CurvaturePairs<VectorXd> got;
  const auto take = [&](const auto& prior) {
    static_assert(HasCurvaturePairs<std::remove_cvref_t<decltype(prior)>>);
    got = prior.curvature_pairs();
  };
  detail::transfer(Coordinates{{2, -1, 0}}, state, vector({3, 9, 1}), take);
  CHECK(got.count == 2);
  CHECK(got.s.cols() == 4);
  CHECK(VectorXd(got.s.col(0).head(3)) == vector({2, 0, 1}));
  CHECK(VectorXd(got.y.col(1).head(3)) == vector({5, 0, 0}));
  CHECK(got.reciprocal[0] == Approx(1.0 / 8));
  CHECK(got.scale == Approx(0.2));
  CurvaturePairs<Eigen::Vector2d> small;
  detail::transfer(truncate(), state, Eigen::Vector2d(1, 2),
                   [&](const auto& prior) { small = prior.curvature_pairs(); });
  CHECK(small.count == 3);
  CHECK(small.s(1, 1) == 3);
}

TEST_CASE("multipliers and active constraints go by the names of constraints, those of bounds by variables",
          "[nested]") {
  Restrained state;
  state.multipliers = vector({0.5, 0, 2});
  state.bound_multipliers = vector({-1, 0, 3, 0});
  state.active = {{1, 0, 1}, {1, 0, -1, 0}};
  state.penalty = 7;
  detail::MovedMultipliers<VectorXd, ActiveSet> got;
  double penalty = 0;
  const auto take = [&](const auto& prior) {
    got = prior;
    penalty = prior.penalty;
  };
  const auto names = by_name({"sum", "risk", "costs"}, {"costs", "turnover", "sum", "limit"});
  detail::transfer(with_constraints(Coordinates{{2, -1, 0}}, names), state, vector({1, 2, 3}), take);
  CHECK(got.multipliers == vector({2, 0, 0.5, 0}));
  CHECK(got.active.constraints == std::vector<std::uint8_t>{1, 0, 1, 0});
  CHECK(got.bound_multipliers == vector({3, 0, -1}));
  CHECK(got.active.bounds == std::vector<std::int8_t>{-1, 0, 1});
  CHECK(penalty == 7);
  // Without names of constraints they are the same.
  detail::transfer(project(MatrixXd::Ones(1, 4)), state, vector({1}), take);
  CHECK(got.multipliers == state.multipliers);
  CHECK(got.bound_multipliers.size() == 0);
}

TEST_CASE("observations are mapped point by point", "[nested]") {
  Seen state;
  state.x = vector({1, 2});
  state.points = (MatrixXd(2, 3) << 1, 2, 3, 4, 5, 6).finished();
  state.values = vector({7, 8, 9});
  MatrixXd points;
  VectorXd values;
  const auto take = [&](const auto& prior) {
    points = prior.observed_points();
    values = prior.observed_values();
  };
  detail::transfer(pad(), state, vector({1, 2, -5}), take);
  CHECK(points == (MatrixXd(3, 3) << 1, 2, 3, 4, 5, 6, -5, -5, -5).finished());
  CHECK(values == state.values);
  detail::transfer(project(MatrixXd::Ones(1, 2)), state, vector({3}), take);
  CHECK(points == (MatrixXd(1, 3) << 5, 7, 9).finished());
}

namespace {
struct Own {
  void operator()(const VectorXd& x, VectorXd& y) const { y = 2 * x; }
  Curved prior(const Curved& state, const VectorXd&) const { return {MatrixXd(4 * state.inverse_hessian)}; }
};
}  // namespace

TEST_CASE("the user's own map may make its own prior", "[nested]") {
  Curved state;
  state.inverse_hessian = M;
  MatrixXd got;
  detail::transfer(Own{}, state, vector({1, 2, 3}), [&](const auto& prior) { got = prior.inverse_hessian; });
  CHECK(got == 4 * M);
}
