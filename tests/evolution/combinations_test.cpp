// What an evolution strategy can do besides, several at a time.

#include <cmath>
#include <cstdint>
#include <functional>
#include <stdexcept>
#include <vector>

#include <Eigen/Core>

#include <mesaopt/core/bytes.hpp>
#include <mesaopt/core/fields.hpp>
#include <mesaopt/core/minimize.hpp>
#include <mesaopt/core/random.hpp>
#include <mesaopt/evolution/cma_es.hpp>
#include <mesaopt/evolution/constraint_handling.hpp>
#include <mesaopt/evolution/restarts.hpp>
#include <mesaopt/evolution/uncertainty_handling.hpp>
#include <mesaopt/objective/bounds.hpp>
#include <mesaopt/objective/in_space.hpp>

#include "support/catch.hpp"

using namespace mesaopt;
using Eigen::VectorXd;

namespace {

struct Any {
  std::function<double(const VectorXd&)> f;
  double operator()(const VectorXd& x) const { return f(x); }
};
VectorXd all(Eigen::Index n, double value) { return VectorXd::Constant(n, value); }

const Any ellipsoid{[](const VectorXd& x) {
  double sum = 0;
  for (Eigen::Index i = 0; i < x.size(); ++i) sum += std::pow(1e4, double(i) / double(x.size() - 1)) * x[i] * x[i];
  return sum;
}};
double rastrigin(const VectorXd& x) {
  double sum = 0;
  for (const double v : x) sum += v * v - 10 * std::cos(6.283185307179586 * v) + 10;
  return sum;
}

/// Two real numbers and two integers, all from -10 to 10, of which one each would be 12, were it allowed to.
struct Mixed {
  double operator()(const Configuration& c) const {
    return std::pow(c.real("a") - 12, 2) + std::pow(c.real("b") - 1, 2) +
           100 * std::pow(double(c.integer("k")) - 12, 2) + 100 * std::pow(double(c.integer("l")) + 3, 2);
  }
};
const auto mixed =
    in_space(Mixed{}, Space{real("a", -10, 10), real("b", -10, 10), integer("k", -10, 10), integer("l", -10, 10)});

/// |x - 1|² where the sum is 1 or less.
struct Corner {
  double operator()(const VectorXd& x) const { return (x.array() - 1).square().sum(); }
  [[nodiscard]] static Eigen::Index equalities() { return 0; }
  [[nodiscard]] static Eigen::Index inequalities() { return 1; }
  void constraints(const VectorXd& x, VectorXd& c) const { c[0] = x.sum() - 1; }
};

}  // namespace

TEST_CASE("with margin and penalty integers and real numbers find their places on the bounds", "[combinations]") {
  int arrived = 0;
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    const CmaEs es{.step_size = 0.2, .seed = seed, .value_tolerance = 0, .penalty = true};
    const auto s = minimize(mixed, all(4, 0.4), es, TargetReached{404 + 1e-8} || MaxEvaluations{10'000});
    arrived += s.status == Status::target_reached;
    CHECK(s.x.minCoeff() >= 0);
    CHECK(s.x.maxCoeff() <= 1);
  }
  CHECK(arrived == 5);
}

TEST_CASE("with a penalty, too, every neighbouring level keeps its least probability", "[combinations]") {
  const CmaEs es{.step_size = 0.2, .value_tolerance = 0, .penalty = true};
  CmaEs::State<VectorXd> state;
  es.init(mixed, all(4, 0.4), state);
  const double alpha = 1.0 / (4 * 8);
  for (int g = 0; g < 100; ++g) {
    es.step(mixed, state);
    REQUIRE(state.points.minCoeff() >= 0);
    REQUIRE(state.points.maxCoeff() <= 1);
    for (Eigen::Index i = 2; i < 4; ++i) {
      const Parameter& p = mixed.space.parameter(i);
      const double deviation = state.deviation(i) * state.integers.scale[i];
      const auto level = p.level(state.mean[i]);
      const auto probability = [&](std::int64_t edge, double sign) {
        return std::erfc(sign * (p.edge(edge) - state.mean[i]) / deviation / std::sqrt(2)) / 2;
      };
      if (level > 0) REQUIRE(probability(level, -1) >= 0.98 * alpha / 2);
      if (level < 20) REQUIRE(probability(level + 1, 1) >= 0.98 * alpha / 2);
    }
  }
}

TEST_CASE("a generation has mirrored draws, two points and a point from outside, each at its place", "[combinations]") {
  const CmaEs es{.population = 12, .mirrored = true, .two_point = true};
  CmaEs::State<VectorXd> state;
  es.init(ellipsoid, all(5, 1), state);
  for (int g = 0; g < 10; ++g) es.step(ellipsoid, state);
  const VectorXd guess = all(5, 0.125), mean = state.mean;
  es.inject(state, guess);
  const auto batch = es.ask(state);
  CHECK(batch.points.col(0) == guess);
  const auto from_mean = [&](Eigen::Index k) -> VectorXd { return batch.points.col(k) - mean; };
  for (Eigen::Index k = 1; k < 4; ++k) CHECK((from_mean(k) + from_mean(k + 6)).norm() < 1e-13);
  CHECK((from_mean(10) + from_mean(11)).norm() < 1e-13);  // the two points
  CHECK((from_mean(4) + from_mean(10)).norm() > 1e-3);    // have taken the places of mirror images

  CmaEs::State<VectorXd> loaded = load<CmaEs::State<VectorXd>>(save(state));
  for (int g = 0; g < 20; ++g) {
    es.step(ellipsoid, state);
    es.step(ellipsoid, loaded);
    if (g % 3 > 0) continue;
    es.inject(state, VectorXd(guess / (g + 1)));
    es.inject(loaded, VectorXd(guess / (g + 1)));
  }
  CHECK(identical(loaded, state));
}

TEST_CASE("points from outside help a strategy with mirrored draws and two points, and bad ones do no harm",
          "[combinations]") {
  const auto evaluations = [](double scale) {
    double total = 0;
    for (std::uint64_t seed = 1; seed <= 5; ++seed) {
      const CmaEs es{.seed = seed, .mirrored = true, .two_point = true};
      CmaEs::State<VectorXd> state;
      es.init(ellipsoid, all(6, 1), state);
      while (!(state.value < 1e-8) && state.status == Status::running) {
        if (scale > 0 && state.generation % 4 == 1) es.inject(state, VectorXd(scale * state.x));
        es.step(ellipsoid, state);
      }
      CHECK(state.value < 1e-8);
      total += double(state.calls.counts[0].evaluations());
    }
    return total;
  };
  const double plain = evaluations(0);
  CHECK(evaluations(0.5) < 0.7 * plain);
  CHECK(evaluations(30) < 1.5 * plain);
}

TEST_CASE("without noise restarts that handle it go the way of restarts that do not", "[combinations]") {
  using Plain = Restarts<CmaEs, Ipop>;
  using Handled = UncertaintyHandling<Plain>;
  const Any f{rastrigin};
  const Plain plain{CmaEs{.step_size = 1}, {}, 3.0};
  const Handled handled{.optimizer = plain, .repetitions = 10};
  Plain::State<VectorXd> a;
  Handled::State<VectorXd> b;
  plain.init(f, all(2, 2.2), a);
  handled.init(f, all(2, 2.2), b);
  for (int g = 0; g < 250; ++g) {
    plain.step(f, a);
    handled.step(f, b);
    REQUIRE(identical(a.mean, b.mean));
    REQUIRE(a.restarts == b.restarts);
  }
  CHECK(a.restarts >= 2);
  CHECK(identical(a.x, b.x));
  CHECK(b.calls.counts[0].evaluations() > a.calls.counts[0].evaluations());
}

TEST_CASE("with noise restarts that handle it find the valley of the minimum among others", "[combinations]") {
  Random noise{.seed = 5};
  const Any f{[&](const VectorXd& x) { return rastrigin(x) + 0.01 * noise.normal(); }};
  const UncertaintyHandling<Restarts<CmaEs, Ipop>> handled{.optimizer = {CmaEs{.step_size = 0.5}, {}, 3.0},
                                                           .repetitions = 4};
  const auto s = minimize(f, all(2, 2.9), handled, MaxEvaluations{20'000});
  CHECK(s.state.restarts >= 1);
  CHECK(rastrigin(s.x) < 0.1);
}

TEST_CASE("an optimum on a constraint and on a bound has the multiplier of the constraint alone", "[combinations]") {
  // At (0.3, 0.7) the second coordinate's gradient 2 (0.7 - 1) is met by 0.6 times that of the constraint.
  VectorXd upper(2), optimum(2);
  upper << 0.3, 1;
  optimum << 0.3, 0.7;
  const auto f = within(Corner{}, Box<VectorXd>{all(2, 0), upper});
  for (const bool penalty : {false, true}) {
    CAPTURE(penalty);
    const ConstraintHandling<> handling{.optimizer = {.step_size = 0.2, .penalty = penalty}};
    const auto s = minimize(f, all(2, 0.1), handling, MaxEvaluations{10'000}, [&](const auto& state, const Progress&) {
      CHECK((state.x.array() >= 0).all());
      CHECK((state.x.array() <= upper.array()).all());
      return Status::running;
    });
    CHECK((s.x - optimum).norm() < 1e-4);
    CHECK(s.value == Approx(0.58).epsilon(1e-4));
    CHECK(s.state.multipliers[0] == Approx(0.6).epsilon(0.01));
    CHECK(s.x.sum() <= 1 + 1e-8);
  }
}
