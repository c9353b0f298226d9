// What must make no difference to an evolution strategy: where the origin is, how the axes lie, how a generation is
// numbered, and who evaluates.

#include <cmath>
#include <cstddef>
#include <functional>
#include <type_traits>
#include <vector>

#include <Eigen/Core>
#include <Eigen/QR>

#include <mesaopt/core/fields.hpp>
#include <mesaopt/core/minimize.hpp>
#include <mesaopt/core/random.hpp>
#include <mesaopt/core/threads.hpp>
#include <mesaopt/evolution/cma_es.hpp>
#include <mesaopt/evolution/limited_memory_cma_es.hpp>
#include <mesaopt/evolution/natural_evolution.hpp>
#include <mesaopt/evolution/separable_cma_es.hpp>

#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::MatrixXd;
using Eigen::VectorXd;

namespace {

/// Any function, evaluated by so many threads.
struct Any {
  std::function<double(const VectorXd&)> f;
  Threads evaluator{1};
  double operator()(const VectorXd& x) const { return f(x); }
};

double ellipsoid(const VectorXd& x) {
  double sum = 0;
  for (Eigen::Index i = 0; i < x.size(); ++i) sum += std::pow(100, double(i) / double(x.size() - 1)) * x[i] * x[i];
  return sum;
}

template <class O>
constexpr bool separable = std::is_same_v<O, SeparableCmaEs> || std::is_same_v<O, Snes>;

/// Turns the space in whatever way does not change the distribution: by a rotation; of independent coordinates, by
/// another order and other signs.
template <class O>
MatrixXd turn(Eigen::Index n) {
  MatrixXd matrix = MatrixXd::Zero(n, n);
  if constexpr (separable<O>) {
    for (Eigen::Index i = 0; i < n; ++i) matrix(i, (i + 2) % n) = i % 2 == 0 ? 1 : -1;
  } else {
    Random{.seed = 8}.fill_normal(matrix);
    matrix = Eigen::HouseholderQR<MatrixXd>(matrix).householderQ() * MatrixXd::Identity(n, n);
  }
  return matrix;
}

template <class O>
using State = typename O::template State<VectorXd>;

/// The order of a generation by the ellipsoid around 0, the best first.
template <class S>
std::vector<Eigen::Index> order_of(const S& state, const MatrixXd& steps) {
  std::vector<Evaluation<double>> values;
  for (Eigen::Index k = 0; k < steps.cols(); ++k)
    values.push_back(ellipsoid(state.mean + state.step_size * steps.col(k)));
  std::vector<Eigen::Index> order;
  detail::rank(values, order);
  return order;
}

}  // namespace

#define STRATEGIES CmaEs, SeparableCmaEs, LimitedMemoryCmaEs, Xnes, Snes

TEMPLATE_TEST_CASE("a turned generation teaches a strategy what the generation taught, turned", "[invariances]",
                   STRATEGIES) {
  const Eigen::Index n = 5;
  const MatrixXd R = turn<TestType>(n);
  const VectorXd x0 = VectorXd::LinSpaced(n, 1, 2);
  State<TestType> here, there;
  TestType{}.init(x0, here);
  TestType{}.init(VectorXd(R * x0), there);
  Random random{.seed = 3};
  MatrixXd draws(n, 8), steps(n, 8), turned(n, 8);
  for (int g = 0; g < 25; ++g) {
    random.fill_normal(draws);
    here.shape(draws, steps);
    const auto order = order_of(here, steps);
    MatrixXd other = R * draws;
    there.shape(other, turned);  // for what a strategy notes when it draws
    turned = R * steps;
    if constexpr (requires { there.draw_of(turned.data(), other.data()); })
      for (Eigen::Index k = 0; k < 8; ++k) there.draw_of(turned.data() + n * k, other.data() + n * k);
    here.learn(order, draws, steps);
    there.learn(order, other, turned);
    REQUIRE(here.decompose_when_due());
    REQUIRE(there.decompose_when_due());
    REQUIRE((there.mean - R * here.mean).norm() < 1e-9);
    REQUIRE(there.step_size == Approx(here.step_size).epsilon(1e-9));
  }
  CHECK((here.mean - x0).norm() > 0.5);
}

TEMPLATE_TEST_CASE("a generation numbered in another order teaches a strategy the same bits", "[invariances]",
                   STRATEGIES) {
  const Eigen::Index n = 4;
  const std::vector<Eigen::Index> at{3, 7, 0, 5, 1, 6, 2, 4};  // where each column goes
  State<TestType> here, there;
  TestType{}.init(VectorXd(VectorXd::Ones(n)), here);
  TestType{}.init(VectorXd(VectorXd::Ones(n)), there);
  Random random{.seed = 4};
  MatrixXd draws(n, 8), steps(n, 8), other_draws(n, 8), other_steps(n, 8);
  for (int g = 0; g < 10; ++g) {
    random.fill_normal(draws);
    here.shape(draws, steps);
    auto order = order_of(here, steps);
    here.learn(order, draws, steps);
    for (Eigen::Index k = 0; k < 8; ++k) {
      other_draws.col(at[std::size_t(k)]) = draws.col(k);
      other_steps.col(at[std::size_t(k)]) = steps.col(k);
    }
    for (Eigen::Index& k : order) k = at[std::size_t(k)];
    there.learn(order, other_draws, other_steps);
    REQUIRE(here.decompose_when_due());
    REQUIRE(there.decompose_when_due());
    REQUIRE(identical(here.mean, there.mean));
    REQUIRE(identical(here.step_size, there.step_size));
  }
  CHECK((here.mean - VectorXd::Ones(n)).norm() > 0.1);
}

TEMPLATE_TEST_CASE("moving the function and the start moves a strategy, and threads change nothing at all",
                   "[invariances]", STRATEGIES) {
  const Eigen::Index n = 4;
  VectorXd shift(n);
  shift << 8, -4, 2, 0.5;
  const VectorXd x0 = VectorXd::LinSpaced(n, 1, 2);
  const MaxIterations rule{40};
  const auto here = minimize(Any{ellipsoid}, x0, TestType{.seed = 5}, rule);
  const Any moved{[&](const VectorXd& x) { return ellipsoid(x - shift); }};
  const auto there = minimize(moved, VectorXd(x0 + shift), TestType{.seed = 5}, rule);
  CHECK((there.state.mean - shift - here.state.mean).norm() < 1e-9);
  CHECK(there.state.step_size == Approx(here.state.step_size).epsilon(1e-9));
  const auto threads = minimize(Any{ellipsoid, Threads{2}}, x0, TestType{.seed = 5}, rule);
  CHECK(identical(threads.state, here.state));
}
